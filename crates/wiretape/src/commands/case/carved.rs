//! The files of a case: carved beside the zip, and brought into it by their hashes.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use tape::question::{Query, Source};

use super::archive::Archive;
use crate::commands::files;
use crate::errors::Failure;

/// Adds the list of the files that were transferred, and what there is of them if that is wanted: each under its SHA-256, what is
/// not whole under `incomplete-…`. Nothing is executable, and no name is from the network.
pub(super) fn files(source: &Source, query: &Query, with_content: bool, archive: &mut Archive) -> Result<(), Failure> {
    let (list, folder) = (archive.aside("files.jsonl"), archive.aside("files"));
    let failed = |error: io::Error| Failure::system(format!("cannot put files aside in {}", folder.display()), &error);
    let out = File::create_new(&list).map_err(failed)?;
    files::carve(source, query, out, with_content.then_some(folder.as_path()))?;
    let mut told = File::open(&list).map_err(failed)?;
    archive.entry("files.jsonl", |out| io::copy(&mut told, out).map(drop))?;
    if !with_content {
        return Ok(());
    }
    for path in carved(&folder).map_err(failed)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let mut content = File::open(&path).map_err(failed)?;
        archive.entry(&format!("files/{name}"), |out| io::copy(&mut content, out).map(drop))?;
        // The zip has it: what is put aside never takes more than it has to.
        fs::remove_file(&path).map_err(failed)?;
    }
    Ok(())
}

/// What was carved, without what is said of it, which the list has.
fn carved(folder: &std::path::Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_none_or(|ending| ending != "json"));
    paths.sort();
    Ok(paths)
}
