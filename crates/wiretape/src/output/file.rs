//! A capture as a file: written under a temporary name, and there under its own when it is whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use flate2::write::GzEncoder;

/// What a capture is wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Nothing.
    Plain,
    /// gzip, which Wireshark reads.
    Gzip,
    /// Zstandard, which Wireshark reads.
    Zstd,
}

/// A capture that is being written.
pub(crate) struct CaptureFile {
    out: Out,
    /// Where it is, and where it is to be; not for what is no regular file.
    move_to: Option<(PathBuf, PathBuf)>,
}

enum Out {
    Plain(File),
    Gzip(GzEncoder<File>),
    Zstd(zstd::stream::write::Encoder<'static, File>),
}

/// The temporary file or folder of this process, for those who end it early.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

impl CaptureFile {
    /// Begins a file that is to be at `path`. A pipe or a device there is written into as it is.
    pub(crate) fn create(path: &Path, packing: Packing) -> io::Result<Self> {
        if is_stream(path) {
            let file = File::options().write(true).open(path)?;
            return Ok(Self { out: Out::new(file, packing)?, move_to: None });
        }
        // The place that a link leads to, so that the link stays one.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let temporary = path.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
        let file = begin_unfinished(&temporary, || File::options().write(true).create_new(true).open(&temporary))?;
        if let Ok(existing) = fs::metadata(&path) {
            let _ = file.set_permissions(existing.permissions());
        }
        Ok(Self { out: Out::new(file, packing)?, move_to: Some((temporary, path)) })
    }

    /// Brings it to the disk and to its place.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let Some((temporary, path)) = self.move_to.clone() else { return self.out.end().map(drop) };
        self.out.end()?.sync_all()?;
        fs::rename(&temporary, &path)?;
        self.move_to = None;
        unfinished().take();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // The file is whole either way; only its name could be lost with the power.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Drop for CaptureFile {
    fn drop(&mut self) {
        if self.move_to.is_some() {
            discard_unfinished();
        }
    }
}

impl Write for CaptureFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Out::Plain(file) => file.write(bytes),
            Out::Gzip(encoder) => encoder.write(bytes),
            Out::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Plain(file) => file.flush(),
            Out::Gzip(encoder) => encoder.flush(),
            Out::Zstd(encoder) => encoder.flush(),
        }
    }
}

impl Out {
    fn new(file: File, packing: Packing) -> io::Result<Self> {
        Ok(match packing {
            Packing::Plain => Self::Plain(file),
            Packing::Gzip => Self::Gzip(GzEncoder::new(file, flate2::Compression::fast())),
            Packing::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(file, 3)?),
        })
    }

    /// Writes what compression holds back; gives the file.
    fn end(&mut self) -> io::Result<&File> {
        match self {
            Self::Plain(file) => Ok(file),
            Self::Gzip(encoder) => {
                encoder.try_finish()?;
                Ok(encoder.get_ref())
            }
            Self::Zstd(encoder) => {
                encoder.do_finish()?;
                Ok(encoder.get_ref())
            }
        }
    }
}

/// Whether there is something at `path` that takes bytes and is no file: a pipe, a device.
pub(crate) fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Makes a file or folder of a temporary name, which goes if the process ends early.
pub(crate) fn begin_unfinished<T>(path: &Path, make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let mut unfinished = unfinished();
    let made = make()?;
    *unfinished = Some(path.to_path_buf());
    Ok(made)
}

/// Removes what is being written: whoever looks for it must not find half of it.
pub(crate) fn discard_unfinished() {
    discard(&mut unfinished());
}

/// The same when the process ends next: nothing can be begun any more.
pub(crate) fn discard_for_good() {
    let mut unfinished = unfinished();
    discard(&mut unfinished);
    std::mem::forget(unfinished);
}

fn discard(unfinished: &mut Option<PathBuf>) {
    if let Some(path) = unfinished.take()
        && fs::remove_file(&path).is_err()
    {
        let _ = fs::remove_dir_all(&path);
    }
}

fn unfinished() -> std::sync::MutexGuard<'static, Option<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}
