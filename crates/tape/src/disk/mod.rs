//! What the tape needs of a file system: the one door to it for everything that writes, so that tests can put faults behind it.

mod aligned;
mod real;

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

pub(crate) use aligned::AlignedBuffer;
pub(crate) use real::RealDisk;

/// A directory tree; paths are relative to the tape.
pub(crate) trait Disk: Send + Sync {
    /// Makes a file that must not be there yet.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a file that is there, for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a file that is there for writes that bypass the page cache, in multiples of [`ALIGNMENT`](crate::format::zstd_frame::ALIGNMENT) of bytes, offset and memory.
    fn open_direct(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// The names in a directory and what they are.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;
    /// Size and allocation of a file or directory.
    fn status(&self, path: &Path) -> io::Result<Status>;
    /// Makes a directory; it may be there already.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Renames a file, over another one if that is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Brings a directory's names to stable storage.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// Brings everything on the file system to stable storage at once; after an error nothing is known of any file.
    fn sync_everything(&self) -> io::Result<()>;
    /// Room on the file system.
    fn space(&self) -> io::Result<Space>;
}

/// An open file.
pub(crate) trait DiskFile: Send + Sync {
    /// Writes some of the bytes at an offset and says how many.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Writes some of the bytes of several pieces, one behind the other, at an offset and says how many.
    fn write_run_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        pieces.iter().find(|piece| !piece.is_empty()).map_or(Ok(0), |piece| self.write_at(piece, offset))
    }
    /// Reads some bytes at an offset and says how many; 0 at the end.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Cuts or extends it.
    fn set_length(&self, length: u64) -> io::Result<()>;
    /// Brings its bytes, and the length that is needed to read them, to stable storage.
    fn sync_data(&self) -> io::Result<()>;
    /// Size and allocation.
    fn status(&self) -> io::Result<Status>;
}

/// Size and allocation of a file or directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// Its length.
    pub(crate) length: u64,
    /// What it takes on the disk.
    pub(crate) allocated: u64,
    /// It is a directory.
    pub(crate) directory: bool,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Without the directory.
    pub(crate) name: String,
    /// What it is.
    pub(crate) status: Status,
}

/// Room on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    /// Its size in bytes.
    pub(crate) total: u64,
    /// What an ordinary process can still take.
    pub(crate) available: u64,
}

/// Bytes that a file of `length` takes at least.
pub(crate) fn whole_blocks(length: u64) -> u64 {
    length.next_multiple_of(4096)
}

/// Writes all bytes at an offset. After an error nothing is known of that part of the file.
pub(crate) fn write_all_at(file: &dyn DiskFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = bytes.get(written..).unwrap_or_default();
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads until `bytes` is full or the file ends, and says how many it read.
pub(crate) fn read_full_at(file: &dyn DiskFile, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The whole of a file, if it has at most `bytes_max`.
pub(crate) fn read_file(disk: &dyn Disk, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let length = file.status()?.length;
    if length > bytes_max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    let read = read_full_at(file.as_ref(), &mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Replaces a small file as a whole: write beside it, sync, rename, sync the directory.
pub(crate) fn replace_file(disk: &dyn Disk, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    match disk.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = write_new(disk, &temporary, parts).and_then(|()| disk.rename(&temporary, path));
    if written.is_err() {
        let _ = disk.remove(&temporary);
    }
    written?;
    disk.sync_directory(path.parent().unwrap_or(Path::new("")))
}

/// Writes a new file and syncs it.
pub(crate) fn write_new(disk: &dyn Disk, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let file = disk.create(path)?;
    let mut offset = 0;
    for part in parts {
        write_all_at(file.as_ref(), part, offset)?;
        offset += part.len() as u64;
    }
    file.sync_data()
}
