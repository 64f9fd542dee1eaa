//! One file on its way, as one conversation tells of it.

use super::found::Wire;
use super::hashes::Hasher;
use super::store::ContentId;
use crate::{At, FileId, FileStart};

/// A file between its start and its end.
pub(super) struct Transfer {
    pub(super) file: FileId,
    pub(super) at: At,
    pub(super) start: FileStart,
    pub(super) content: ContentId,
    /// Only a range of the file is on its way.
    pub(super) is_piece: bool,
    /// Where its next plain byte stands in the file.
    pub(super) position: u64,
    /// Where its last plain byte stood.
    pub(super) end: u64,
    /// How many plain bytes were told.
    pub(super) bytes: u64,
    /// Plain bytes are missing.
    pub(super) has_gaps: bool,
    pub(super) wire: Option<WireBytes>,
    /// It begins at a joined file's start, and is put to it only if it turns out not to be whole by itself.
    pub(super) is_aside: bool,
}

/// The other form of the body.
#[derive(Default)]
pub(super) struct WireBytes {
    hasher: Hasher,
    there: u64,
    has_gaps: bool,
}

impl Transfer {
    pub(super) fn new(file: FileId, at: At, start: FileStart, content: ContentId, is_aside: bool) -> Self {
        let position = start.offset;
        let wire = (start.is_encoded || start.is_piece).then(WireBytes::default);
        let is_piece = start.is_piece;
        Self { file, at, start, content, is_piece, position, end: position, bytes: 0, has_gaps: false, wire, is_aside }
    }

    /// The plain bytes at `position` were told.
    pub(super) fn passed(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.position = self.position.saturating_add(bytes);
        self.end = self.end.max(self.position);
    }
}

impl WireBytes {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.there += bytes.len() as u64;
        if !self.has_gaps {
            self.hasher.update(bytes);
        }
    }

    pub(super) fn gap(&mut self) {
        self.has_gaps = true;
    }

    /// What was transferred, all of it if `is_whole` and nothing was missing.
    pub(super) fn finish(self, is_whole: bool, size: Option<u64>) -> Wire {
        let is_complete = is_whole && !self.has_gaps && size.is_none_or(|size| size <= self.there);
        Wire { there: self.there, size, hashes: is_complete.then(|| self.hasher.finish()) }
    }
}
