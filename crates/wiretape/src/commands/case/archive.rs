//! The zip of a case: there when it is whole, with the sums of what is in it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::errors::Failure;
use crate::output::file;

/// Only who writes it reads it: it holds what others said.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// A zip that is being written.
pub(super) struct Archive {
    zip: ZipWriter<BufWriter<File>>,
    sums: String,
    path: PathBuf,
    workshop: Workshop,
}

/// A folder beside the zip in which it is made; it goes in any case, by a signal too.
struct Workshop(PathBuf);

impl Drop for Workshop {
    fn drop(&mut self) {
        file::discard_unfinished();
    }
}

impl Workshop {
    fn zip(&self) -> PathBuf {
        self.0.join("zip")
    }
}

impl Archive {
    /// Begins; a file that is there already is not written over.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        if path.exists() {
            return Err(
                Failure::call(format!("{} is there already", path.display())).attempt("choose another name: -o FILE")
            );
        }
        let name = path.file_name().ok_or_else(|| Failure::call(format!("{} names no file", path.display())))?;
        let folder = path.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
        let make = || DirBuilder::new().mode(FOLDER_MODE).create(&folder);
        file::begin_unfinished(&folder, make).map_err(|error| unwritten(path, &error))?;
        let workshop = Workshop(folder);
        let file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(workshop.zip());
        let file = file.map_err(|error| unwritten(path, &error))?;
        let zip = ZipWriter::new(BufWriter::with_capacity(1 << 16, file));
        Ok(Self { zip, sums: String::new(), path: path.to_path_buf(), workshop })
    }

    /// A place for what is yet to be written into it, which goes with the process.
    pub(super) fn aside(&self, name: &str) -> PathBuf {
        self.workshop.0.join(name)
    }

    /// Writes one file of it.
    pub(super) fn entry(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut Summing<'_>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .large_file(true)
            .unix_permissions(FILE_MODE);
        let begun = self.zip.start_file(name, options).map_err(io::Error::other);
        let mut out = Summing { out: &mut self.zip, sum: Sha256::new() };
        begun.and_then(|()| write(&mut out)).map_err(|error| unwritten(&self.path, &error))?;
        let hex: String = out.sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.sums.push_str(&format!("{hex}  {name}\n"));
        Ok(())
    }

    /// Writes the sums, and brings the file to its place.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        let sums = std::mem::take(&mut self.sums);
        self.entry("SHA256SUMS", |out| out.write_all(sums.as_bytes()))?;
        let Self { zip, path, workshop, .. } = self;
        let file = zip
            .finish()
            .map_err(io::Error::other)
            .and_then(|out| out.into_inner().map_err(io::IntoInnerError::into_error));
        let moved = file.and_then(|file| file.sync_all()).and_then(|()| fs::rename(workshop.zip(), &path));
        moved.map_err(|error| unwritten(&path, &error))
    }
}

/// A file of the zip, summed as it is written.
pub(super) struct Summing<'a> {
    out: &'a mut ZipWriter<BufWriter<File>>,
    sum: Sha256,
}

impl Write for Summing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sum.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::system(format!("cannot write {}", path.display()), error)
}
