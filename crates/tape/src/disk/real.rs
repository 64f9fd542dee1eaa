//! The file system of this host.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::OFlags;

use super::{Disk, DiskFile, Entry, Space, Status};

/// A directory of this host.
#[derive(Clone, Debug)]
pub(crate) struct RealDisk {
    root: PathBuf,
    /// The root, since the file system has been asked for the first time to sync everything.
    watched: Arc<Mutex<Option<File>>>,
}

impl RealDisk {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), watched: Arc::default() }
    }

    fn open_with(&self, options: &mut OpenOptions, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        // Evidence is for its owner and group; never follow a link that somebody put there.
        let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits();
        let flags = i32::try_from(flags).unwrap_or_default();
        let file = options.mode(0o640).custom_flags(flags).open(self.root.join(path))?;
        Ok(Arc::new(RealFile(file)))
    }
}

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.open_with(OpenOptions::new().read(true).write(true).create_new(true), path)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.open_with(OpenOptions::new().read(true).write(true), path)
    }

    fn open_direct(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let flags = OFlags::DIRECT | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let file = OpenOptions::new().write(true).custom_flags(flags).open(self.root.join(path))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.root.join(path))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            match entry.metadata() {
                Ok(metadata) => entries.push(Entry { name, status: status_of(&metadata) }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    fn status(&self, path: &Path) -> io::Result<Status> {
        fs::symlink_metadata(self.root.join(path)).map(|metadata| status_of(&metadata))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        // Where the tape itself is gone, nothing is begun: something else may be mounted there soon.
        match fs::DirBuilder::new().mode(0o750).create(self.root.join(path)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(self.root.join(path))?.sync_all()
    }

    fn sync_everything(&self) -> io::Result<()> {
        // An error is told to those who had the directory open when it happened.
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let now = fs::metadata(&self.root)?;
        let known = watched.as_ref().and_then(|file| file.metadata().ok());
        if known.is_none_or(|known| (known.dev(), known.ino()) != (now.dev(), now.ino())) {
            *watched = File::open(&self.root).ok();
            return Err(io::ErrorKind::Other.into());
        }
        watched.as_ref().map_or(Ok(()), |file| Ok(rustix::fs::syncfs(file)?))
    }

    fn space(&self) -> io::Result<Space> {
        let space = rustix::fs::statvfs(&self.root)?;
        let block = space.f_frsize;
        Ok(Space { total: space.f_blocks.saturating_mul(block), available: space.f_bavail.saturating_mul(block) })
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn write_run_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::pwritev(&self.0, pieces, offset)?)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn status(&self) -> io::Result<Status> {
        self.0.metadata().map(|metadata| status_of(&metadata))
    }
}

fn status_of(metadata: &fs::Metadata) -> Status {
    Status { length: metadata.len(), allocated: metadata.blocks() * 512, directory: metadata.is_dir() }
}
