//! A file of the catalog that is open for looking up, which may be damaged.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use packet::Address;

use super::key_set::is_in;
use super::{Key, KeySet, RowSet};
use crate::disk::DiskFile;
use crate::format::checksum;
use crate::format::index::{FileSummary, Head, Table};
use crate::format::key_table::{BlockPlace, Directory, Numbers, scan_block};

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

    /// The rows that can have any of some keys.
    pub fn rows_of_any(&self, keys: &KeySet) -> Result<RowSet, IndexError> {
        self.keys.numbers_of_any(keys)
    }
}

/// Any bytes as an index, or as a block of one: the target of the fuzzer. What is found is within the rows.
pub fn fuzz_flow_index(data: &[u8]) {
    let take = &mut |_: u128, numbers: Numbers| {
        let mut next = 0;
        let _ = numbers.each_run(1 << 20, |first, end| {
            assert!(next <= first && first < end && end <= 1 << 20);
            next = end;
        });
    };
    let _ = scan_block(&BlockPlace::whole(data), data, (0, u128::MAX), take);
    if let Ok(index) = FlowIndex::from_bytes(data.to_vec()) {
        for key in [Key::Port(53), Key::Net(Address::default(), 0), Key::Text("tls_sni", "x")] {
            let rows = index.rows_of(&key).unwrap_or_default();
            assert!(rows.iter().all(|row| row < index.summary.rows));
        }
    }
}

/// How much of a file is read when it is opened: all of a small one.
const FRONT_BYTES: usize = 16 << 10;

/// Blocks that are read in one piece.
const TOGETHER_BLOCKS: usize = 256;

/// The tables of an index or a roll-up.
pub(super) struct KeyFile {
    pub(super) head: Head,
    /// The beginning of the file, or all of it.
    front: Vec<u8>,
    rest: Option<Box<dyn Bytes>>,
}

/// Bytes that are read at any place.
pub(super) trait Bytes: Send + Sync {
    /// As many as there are up to `length`, which a damaged file may claim to be more than it has.
    fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>>;
}

impl KeyFile {
    pub(super) fn open(path: &Path) -> Result<Self, IndexError> {
        Self::read(Box::new(path.to_path_buf()))
    }

    pub(super) fn read(input: Box<dyn Bytes>) -> Result<Self, IndexError> {
        let mut front = input.read(0, FRONT_BYTES)?;
        let head_bytes = Head::bytes_of(&front).ok_or(IndexError::Damaged)?;
        if head_bytes > front.len() {
            front = input.read(0, head_bytes)?;
        }
        let head = Head::decode(&front).ok_or(IndexError::Damaged)?;
        Ok(Self { head, front, rest: Some(input) })
    }

    pub(super) fn from_bytes(bytes: Vec<u8>) -> Result<Self, IndexError> {
        let head = Head::decode(&bytes).ok_or(IndexError::Damaged)?;
        Ok(Self { head, front: bytes, rest: None })
    }

    /// The numbers that a key leads to.
    pub(super) fn numbers_of(&self, key: &Key) -> Result<RowSet, IndexError> {
        let (table, low, high) = key.range();
        let mut found = RowSet::default();
        self.scan(table, (low, high), &mut |_, first, end| found.insert_run(first, end))?;
        Ok(found)
    }

    /// The numbers that any of some keys leads to.
    pub(super) fn numbers_of_any(&self, keys: &KeySet) -> Result<RowSet, IndexError> {
        let mut found = RowSet::default();
        for (table, ranges) in keys.tables().filter(|(_, ranges)| !ranges.is_empty()) {
            let directory = self.directory(table)?;
            let mut blocks: Vec<usize> = Vec::new();
            for (low, high) in ranges {
                let next = blocks.last().map_or(0, |last| last + 1);
                blocks.extend(directory.numbers(*low, *high).filter(|number| *number >= next));
            }
            for run in blocks.chunk_by(|one, next| one + 1 == *next) {
                run.chunks(TOGETHER_BLOCKS).try_for_each(|some| {
                    let places: Vec<BlockPlace> = some.iter().filter_map(|number| directory.block(*number)).collect();
                    self.find_in(table, &places, ranges, &mut found)
                })?;
            }
        }
        Ok(found)
    }

    /// Looks into blocks that stand one behind the other.
    fn find_in(
        &self,
        table: Table,
        blocks: &[BlockPlace],
        ranges: &[(u128, u128)],
        found: &mut RowSet,
    ) -> Result<(), IndexError> {
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else { return Ok(()) };
        let bytes = self.blocks(table, first.offset, last.offset + last.bytes - first.offset)?;
        let end = self.head.numbers_end();
        for block in blocks {
            let begin = (block.offset - first.offset) as usize;
            let bytes = bytes.get(begin..begin + block.bytes as usize).ok_or(IndexError::Damaged)?;
            let mut whole = true;
            let scanned = scan_block(block, bytes, (0, u128::MAX), &mut |key, numbers| {
                if is_in(ranges, key) {
                    whole &= numbers.each_run(end, |first, end| found.insert_run(first, end)).is_some();
                }
            });
            if scanned.is_none() || !whole {
                return Err(IndexError::Damaged);
            }
        }
        Ok(())
    }

    /// Hands out the keys of a table from the first to the last, with the runs of their numbers.
    pub(super) fn scan(
        &self,
        table: Table,
        (low, high): (u128, u128),
        take: &mut dyn FnMut(u128, u32, u32),
    ) -> Result<(), IndexError> {
        let directory = self.directory(table)?;
        let end = self.head.numbers_end();
        for block in directory.blocks(low, high) {
            let bytes = self.block(table, &block)?;
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

    /// Whether all of it can be read.
    pub(super) fn is_whole(&self) -> bool {
        Table::ALL.into_iter().all(|table| self.scan(table, (0, u128::MAX), &mut |_, _, _| {}).is_ok())
    }

    pub(super) fn directory(&self, table: Table) -> Result<Directory, IndexError> {
        let place = self.head.table(table);
        let bytes = self.bytes(place.offset, place.directory_bytes)?;
        if checksum::<8>(&[&bytes]) != place.sum {
            return Err(IndexError::Damaged);
        }
        Directory::decode(&bytes, place.blocks_bytes).ok_or(IndexError::Damaged)
    }

    pub(super) fn block(&self, table: Table, block: &BlockPlace) -> Result<Cow<'_, [u8]>, IndexError> {
        self.blocks(table, block.offset, block.bytes)
    }

    fn blocks(&self, table: Table, offset: u32, bytes: u32) -> Result<Cow<'_, [u8]>, IndexError> {
        let place = self.head.table(table);
        let begin = place.offset.saturating_add(place.directory_bytes.into());
        self.bytes(begin.saturating_add(offset.into()), bytes)
    }

    fn bytes(&self, offset: u64, length: u32) -> Result<Cow<'_, [u8]>, IndexError> {
        let length = length as usize;
        let start = usize::try_from(offset).map_err(|_| IndexError::Damaged)?;
        let end = start.checked_add(length).ok_or(IndexError::Damaged)?;
        if let Some(bytes) = self.front.get(start..end) {
            return Ok(Cow::Borrowed(bytes));
        }
        let rest = self.rest.as_ref().ok_or(IndexError::Damaged)?;
        let bytes = rest.read(offset, length)?;
        if bytes.len() == length { Ok(Cow::Owned(bytes)) } else { Err(IndexError::Damaged) }
    }
}

/// Opened for each read: a catalog may have more files than a process may have open.
impl Bytes for PathBuf {
    fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let file = File::open(self)?;
        read_all(file.metadata()?.len(), offset, length, |bytes, offset| file.read_at(bytes, offset))
    }
}

impl Bytes for Arc<dyn DiskFile> {
    fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        read_all(self.status()?.length, offset, length, |bytes, offset| self.read_at(bytes, offset))
    }
}

fn read_all(
    end: u64,
    offset: u64,
    length: usize,
    read_at: impl Fn(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<Vec<u8>> {
    let rest = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length.min(rest)];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
