//! Files in archives that nothing opens by accident, as malware is exchanged: with the password that everybody uses.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zip::unstable::write::FileOptionsExt;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::folder::FILE_MODE;

/// No secret: it keeps scanners and double clicks away.
const PASSWORD: &[u8] = b"infected";
/// From which on the archive needs the large form.
const LARGE_BYTES: u64 = u32::MAX as u64;

/// Puts a file into an archive of its own; every unzip takes its encryption.
pub(super) fn write(from: &Path, to: &Path, name: &str) -> io::Result<()> {
    let mut input = File::open(from)?;
    let is_large = input.metadata()?.len() >= LARGE_BYTES;
    let output = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(to)?;
    let mut archive = ZipWriter::new(BufWriter::with_capacity(1 << 16, output));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .large_file(is_large)
        .unix_permissions(FILE_MODE)
        .with_deprecated_encryption(PASSWORD)?;
    archive.start_file(name, options)?;
    io::copy(&mut input, &mut archive)?;
    archive.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()
}
