//! The captures that were imported onto a tape, by its log.

use std::path::Path;

use packet::Timestamp;

use crate::Error;
use crate::format::chain::Event;
pub use crate::format::chain::Import;
use crate::read::Tape;

/// A capture on a tape, and when it was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// When its import ended, or began if it did not end.
    pub time: Timestamp,
    /// The capture.
    pub import: Import,
}

/// The captures on the tape in `directory`, in order; none if there is no tape.
///
/// # Errors
/// When what is there cannot be read.
pub fn imports(directory: &Path) -> Result<Vec<Imported>, Error> {
    let mut tape = match Tape::open(directory) {
        Err(Error::Missing { .. }) => return Ok(Vec::new()),
        other => other?,
    };
    let mut imports: Vec<Imported> = Vec::new();
    tape.chain(|line| {
        let Event::Import(import) = line.event else { return };
        // The line of its end stands for that of its beginning.
        let ends = |known: &&mut Imported| known.import.packets.is_none() && known.import.file == import.file;
        match imports.last_mut().filter(ends) {
            Some(begun) if import.packets.is_some() => *begun = Imported { time: line.time, import },
            _ => imports.push(Imported { time: line.time, import }),
        }
    })?;
    Ok(imports)
}
