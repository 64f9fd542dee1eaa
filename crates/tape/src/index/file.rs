//! A file of the catalog that is open for looking up, which may be damaged.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{Key, RowSet};
use crate::format::checksum;
use crate::format::index::{FileSummary, Head, OPAQUE, Table};
use crate::format::key_table::{Directory, scan_block};

/// Why an index is of no use.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is not an index, of another version, of another file, or damaged.
    #[error("not the index that it should be")]
    Damaged,
}

/// The index of one flow file: from keys to rows.
pub struct FlowIndex {
    keys: KeyFile,
    summary: FileSummary,
}

impl FlowIndex {
    /// Opens an index; only its beginning is read.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        Self::of(KeyFile::open(path)?)
    }

    /// From the bytes of an index.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, IndexError> {
        Self::of(KeyFile::from_bytes(bytes)?)
    }

    fn of(keys: KeyFile) -> Result<Self, IndexError> {
        match keys.head.files.first() {
            Some(summary) if !keys.head.is_rollup => Ok(Self { summary: summary.clone(), keys }),
            _ => Err(IndexError::Damaged),
        }
    }

    /// What the flow file holds.
    pub fn summary(&self) -> &FileSummary {
        &self.summary
    }

    /// The rows that can have a key.
    pub fn rows_of(&self, key: &Key) -> Result<RowSet, IndexError> {
        self.keys.numbers_of(key)
    }

    /// The rows of which addresses and ports on the outside of packets are not known.
    pub fn opaque(&self) -> Result<RowSet, IndexError> {
        self.keys.opaque()
    }
}

/// How much of a file is read when it is opened: all of a small one.
const FRONT_BYTES: u64 = 16 << 10;

/// The tables of an index or a roll-up.
pub(super) struct KeyFile {
    pub(super) head: Head,
    /// The beginning of the file, or all of it.
    front: Vec<u8>,
    file: Option<File>,
}

impl KeyFile {
    pub(super) fn open(path: &Path) -> Result<Self, IndexError> {
        let file = File::open(path)?;
        let mut front = read(&file, 0, FRONT_BYTES as usize)?;
        let head_bytes = Head::bytes_of(&front).ok_or(IndexError::Damaged)?;
        if head_bytes > front.len() {
            front = read(&file, 0, head_bytes)?;
        }
        let head = Head::decode(&front).ok_or(IndexError::Damaged)?;
        Ok(Self { head, front, file: Some(file) })
    }

    pub(super) fn from_bytes(bytes: Vec<u8>) -> Result<Self, IndexError> {
        let head = Head::decode(&bytes).ok_or(IndexError::Damaged)?;
        Ok(Self { head, front: bytes, file: None })
    }

    /// The numbers that a key leads to.
    pub(super) fn numbers_of(&self, key: &Key) -> Result<RowSet, IndexError> {
        let (table, low, high) = key.range();
        self.numbers(table, low, high)
    }

    pub(super) fn opaque(&self) -> Result<RowSet, IndexError> {
        self.numbers(Table::Traits, OPAQUE, OPAQUE)
    }

    fn numbers(&self, table: Table, low: u128, high: u128) -> Result<RowSet, IndexError> {
        let mut found = RowSet::default();
        self.scan(table, (low, high), &mut |_, first, end| found.insert_run(first, end))?;
        Ok(found)
    }

    /// Hands out the keys of a table from the first to the last, with the runs of their numbers.
    pub(super) fn scan(
        &self,
        table: Table,
        (low, high): (u128, u128),
        take: &mut dyn FnMut(u128, u32, u32),
    ) -> Result<(), IndexError> {
        let place = self.head.table(table);
        let directory = self.bytes(place.offset, place.directory_bytes)?;
        if checksum::<8>(&[&directory]) != place.sum {
            return Err(IndexError::Damaged);
        }
        let directory = Directory::decode(&directory, place.blocks_bytes).ok_or(IndexError::Damaged)?;
        let blocks_offset = place.offset.saturating_add(place.directory_bytes.into());
        let end = self.head.numbers_end();
        for block in directory.blocks(low, high) {
            let bytes = self.bytes(blocks_offset.saturating_add(block.offset.into()), block.bytes)?;
            let mut whole = true;
            let scanned = scan_block(&block, &bytes, (low, high), &mut |key, numbers| {
                whole &= numbers.each_run(end, |first, end| take(key, first, end)).is_some();
            });
            if scanned.is_none() || !whole {
                return Err(IndexError::Damaged);
            }
        }
        Ok(())
    }

    fn bytes(&self, offset: u64, length: u32) -> Result<Cow<'_, [u8]>, IndexError> {
        let length = length as usize;
        let start = usize::try_from(offset).map_err(|_| IndexError::Damaged)?;
        let end = start.checked_add(length).ok_or(IndexError::Damaged)?;
        if let Some(bytes) = self.front.get(start..end) {
            return Ok(Cow::Borrowed(bytes));
        }
        let file = self.file.as_ref().ok_or(IndexError::Damaged)?;
        let bytes = read(file, offset, length)?;
        if bytes.len() == length { Ok(Cow::Owned(bytes)) } else { Err(IndexError::Damaged) }
    }
}

/// As many bytes as there are up to `length`, which a damaged file may claim to be more than it has.
fn read(file: &File, offset: u64, length: usize) -> Result<Vec<u8>, IndexError> {
    let rest = file.metadata()?.len().saturating_sub(offset);
    let mut bytes = vec![0; length.min(usize::try_from(rest).unwrap_or(usize::MAX))];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
