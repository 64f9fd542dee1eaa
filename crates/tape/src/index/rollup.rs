//! Rolling indexes up: which of a run of flow files have a key.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::IndexError;
use super::file::KeyFile;
use crate::format::index::{Table, encode};
use crate::format::key_table::{Directory, KeyTable, scan_block};

/// How many flow files are rolled up together: a question then opens a hundredth of the files, and what is not rolled up
/// yet is few. By count and not by day, so that both stay so however busy a day is.
pub(crate) const ROLLUP_FILES: usize = 64;

/// The bytes of the roll-up of some indexes, oldest first.
pub(super) fn roll_up(indexes: &[KeyFile]) -> Result<Vec<u8>, IndexError> {
    let files: Vec<_> = indexes.iter().flat_map(|index| index.head.files.iter().cloned()).collect();
    let mut tables: [KeyTable; Table::ALL.len()] = Default::default();
    for (table, merged) in Table::ALL.into_iter().zip(&mut tables) {
        *merged = merge(indexes, table)?;
    }
    Ok(encode(true, &files, &tables))
}

/// The keys of a table in all indexes, with the places of the indexes that have them.
///
/// Blocks are read one at a time: together the indexes may be larger than what a recorder may take of memory.
fn merge(indexes: &[KeyFile], table: Table) -> Result<KeyTable, IndexError> {
    let mut streams = Vec::with_capacity(indexes.len());
    let mut next = BinaryHeap::with_capacity(indexes.len());
    for (place, index) in (0_u32..).zip(indexes) {
        let mut stream = Keys::new(index, table)?;
        next.extend(stream.next()?.map(|key| Reverse((key, place))));
        streams.push(stream);
    }
    let mut merged = KeyTable::default();
    let mut places = Vec::new();
    while let Some(Reverse((key, place))) = next.pop() {
        places.push(place);
        if let Some(stream) = streams.get_mut(place as usize) {
            next.extend(stream.next()?.map(|key| Reverse((key, place))));
        }
        if next.peek().is_none_or(|Reverse((following, _))| *following != key) {
            merged.push(key, &places);
            places.clear();
        }
    }
    Ok(merged.finish())
}

/// The keys of a table, ascending.
struct Keys<'i> {
    index: &'i KeyFile,
    table: Table,
    directory: Directory,
    blocks_read: usize,
    /// Of the block, the greatest first.
    rest: Vec<u128>,
}

impl<'i> Keys<'i> {
    fn new(index: &'i KeyFile, table: Table) -> Result<Self, IndexError> {
        Ok(Self { index, table, directory: index.directory(table)?, blocks_read: 0, rest: Vec::new() })
    }

    fn next(&mut self) -> Result<Option<u128>, IndexError> {
        if self.rest.is_empty()
            && let Some(block) = self.directory.block(self.blocks_read)
        {
            self.blocks_read += 1;
            let bytes = self.index.block(self.table, &block)?;
            let rest = &mut self.rest;
            scan_block(&block, &bytes, (0, u128::MAX), &mut |key, _| rest.push(key)).ok_or(IndexError::Damaged)?;
            rest.reverse();
        }
        Ok(self.rest.pop())
    }
}
