//! The flow table at the last checkpoint, of which most questions need the head alone.

use std::fs::File;
use std::io::{ErrorKind, Read};

use super::Tape;
use super::scan::read_up_to;
use crate::format::names;
use crate::format::state::{HEADER_BYTES, SnapshotPlace, StateHead, decode_head, head_bytes, unpack};

/// Longest head that is read; a damaged one must not take all memory.
const HEAD_BYTES_MAX: u64 = 64 << 20;

/// Longest snapshot: the flow table is bounded.
const SNAPSHOT_BYTES_MAX: u64 = 4 << 30;

/// The flow table at the last checkpoint. The file stays open: another one may have its name when the snapshot is read.
pub(crate) struct State {
    pub(crate) head: StateHead,
    file: File,
    place: SnapshotPlace,
}

impl State {
    /// The flow table's snapshot; `None` if it cannot be read.
    pub(crate) fn snapshot(&self) -> Option<Vec<u8>> {
        let bytes = self.place.bytes.min(SNAPSHOT_BYTES_MAX);
        let read = read_up_to(&self.file, self.place.offset, usize::try_from(bytes).ok()?).ok()?;
        Some(unpack(self.place.snapshot(&read)?)?.into_owned())
    }
}

impl Tape {
    /// The flow table at the last checkpoint, if there has been one; what cannot be read is noted.
    pub(crate) fn state(&mut self) -> Option<State> {
        let path = self.directory.join(names::state_path());
        let read = match File::open(&path) {
            Ok(file) => read_head(file),
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => Err(error),
        };
        match read {
            Ok(Some(state)) => return Some(state),
            Ok(None) => self.notes.damaged(&path, "its checksum is wrong"),
            Err(error) => self.notes.damaged(&path, error.to_string()),
        }
        None
    }
}

fn read_head(file: File) -> std::io::Result<Option<State>> {
    let mut head = Vec::new();
    (&file).take(HEADER_BYTES as u64).read_to_end(&mut head)?;
    let Some(rest_bytes) = head_bytes(&head).and_then(|bytes| bytes.checked_sub(HEADER_BYTES as u64)) else {
        return Ok(None);
    };
    (&file).take(rest_bytes.min(HEAD_BYTES_MAX)).read_to_end(&mut head)?;
    Ok(decode_head(&head).map(|(head, place)| State { head, file, place }))
}
