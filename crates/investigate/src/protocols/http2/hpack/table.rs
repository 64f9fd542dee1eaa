//! The dynamic table (RFC 7541, section 4), behind the static one.

use std::collections::VecDeque;

use super::static_table::FIELDS;

/// The size of a table until something else is said.
const TABLE_BYTES: usize = 4096;
/// The largest table that is kept, whatever is said.
const TABLE_BYTES_MAX: usize = 64 << 10;
/// What each entry counts beyond its own bytes.
const ENTRY_BYTES: usize = 32;

#[derive(Debug)]
pub(super) struct Table {
    /// The newest first.
    entries: VecDeque<(Vec<u8>, Vec<u8>)>,
    bytes: usize,
    bytes_max: usize,
    allowed_bytes: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self { entries: VecDeque::new(), bytes: 0, bytes_max: TABLE_BYTES, allowed_bytes: TABLE_BYTES }
    }
}

impl Table {
    pub(super) fn allow(&mut self, bytes: usize) {
        self.allowed_bytes = bytes.min(TABLE_BYTES_MAX);
        self.resize(self.bytes_max);
    }

    pub(super) fn resize(&mut self, bytes: usize) {
        self.bytes_max = bytes.min(self.allowed_bytes);
        self.evict(0);
    }

    /// By its index, which begins at 1.
    pub(super) fn entry(&self, index: usize) -> Option<(Vec<u8>, Vec<u8>)> {
        let index = index.checked_sub(1)?;
        if let Some((name, value)) = FIELDS.get(index) {
            return Some((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        }
        self.entries.get(index - FIELDS.len()).cloned()
    }

    pub(super) fn add(&mut self, name: &[u8], value: &[u8]) {
        let bytes = name.len() + value.len() + ENTRY_BYTES;
        self.evict(bytes);
        if bytes <= self.bytes_max {
            self.bytes += bytes;
            self.entries.push_front((name.to_vec(), value.to_vec()));
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.bytes
    }

    fn evict(&mut self, needed: usize) {
        while self.bytes + needed > self.bytes_max {
            let Some((name, value)) = self.entries.pop_back() else { return };
            self.bytes -= name.len() + value.len() + ENTRY_BYTES;
        }
    }
}
