//! Captures that a tape has already: a second import would double their packets.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tape::imports::{Import, Imported};

use crate::errors::Failure;
use crate::output::coverage::thousands;
use crate::terminal::{self, escaped};
use crate::units::second_text;

/// Refuses captures that the tape has, or that are named twice.
pub(super) fn refuse(files: &[PathBuf], before: &[Imported]) -> Result<(), Failure> {
    let mut hashed: Vec<(&Path, Import)> = Vec::new();
    let begun: Vec<(&PathBuf, Import)> = files.iter().filter_map(|path| Some((path, of_file(path)?))).collect();
    for (path, import) in &begun {
        // Only what is as long can be the same: nothing else is read twice.
        let as_long = |other: &Import| other.bytes == import.bytes;
        let twins = begun.iter().filter(|(_, other)| as_long(other)).count();
        if twins < 2 && !before.iter().any(|known| as_long(&known.import)) {
            continue;
        }
        let import = Import { blake3: Some(hash(path)?), ..import.clone() };
        if let Some(known) = before.iter().find(|known| is_same(&known.import, &import)) {
            return Err(refused(path, &state_of(known)));
        }
        if let Some((twin, _)) = hashed.iter().find(|(_, other)| other.blake3 == import.blake3) {
            return Err(refused(path, &format!("it is the same as {}", escaped(&twin.to_string_lossy()))));
        }
        hashed.push((path, import));
    }
    Ok(())
}

/// Says that what was read from a pipe had been there.
pub(super) fn warn_of(import: &Import, before: &[Imported]) {
    if let Some(known) = before.iter().find(|known| is_same(&known.import, import)) {
        let state = state_of(known);
        terminal::warning(format_args!(
            "what came from {} was on the tape already ({state}): its packets are there twice now",
            escaped(&import.file)
        ));
    }
}

/// The beginning of the import of a file; `None` for what can be read only once.
pub(super) fn of_file(path: &Path) -> Option<Import> {
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let file = path.to_string_lossy().into_owned();
    Some(Import { file, bytes: metadata.len(), blake3: None, packets: None })
}

/// Whether they have the same content; of one that was only begun the name and the length have to do.
fn is_same(known: &Import, import: &Import) -> bool {
    match &known.blake3 {
        Some(hash) => Some(hash) == import.blake3.as_ref(),
        None => (known.bytes, &known.file) == (import.bytes, &import.file),
    }
}

fn state_of(known: &Imported) -> String {
    let (file, time) = (escaped(&known.import.file), second_text(known.time));
    match known.import.packets {
        Some(packets) => format!("{} packets were imported from {file} at {time} UTC", thousands(packets)),
        None => format!("an import of it was begun at {time} UTC and did not end"),
    }
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::call(format!("{} is on the tape already", escaped(&path.to_string_lossy())))
        .because(why)
        .attempt("nothing was imported; leave it out, or say --again to have its packets there twice")
}

fn hash(path: &Path) -> Result<String, Failure> {
    let read = File::open(path).and_then(|file| {
        let mut hasher = blake3::Hasher::new();
        io::copy(&mut io::BufReader::with_capacity(1 << 20, file), &mut hasher)?;
        Ok(hasher.finalize().to_hex().to_string())
    });
    read.map_err(|error| Failure::system(format!("cannot read {}", path.display()), &error))
}
