//! Keeping the catalog in step with the flow files: missing indexes, and those of earlier versions, are made again, runs of
//! them rolled up, and what belongs to files that are gone is removed. A recorder does so beside its work, a step at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::file::KeyFile;
use super::rollup::{ROLLUP_FILES, roll_up};
use super::{Building, IndexError, SegmentKeeper};
use crate::ageing::FLOWS_SHELF;
use crate::budget::Account;
use crate::disk::{read_file, whole_blocks, write_new};
use crate::format::names::{self, FlowFileName};
use crate::rows::{FlowFile, RowsError};
use crate::shared::Shared;
use crate::writer::measured;

/// A flow file that is read whole to make its index again.
const FLOW_FILE_BYTES_MAX: u64 = 1 << 30;

/// What is in the catalog of flow files, as far as the recorder has to know.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    /// Flow files that no roll-up has, by number, and whether their index is known to be good.
    alone: BTreeMap<u64, (FlowFileName, Indexed)>,
    /// Flow files of roll-ups whose own index is missing.
    unindexed: BTreeMap<u64, FlowFileName>,
    /// Roll-ups by their first and last number, and what they take.
    rollups: BTreeMap<(u64, u64), u64>,
    segments: SegmentKeeper,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Indexed {
    Good,
    Unknown,
    /// The flow file cannot be read.
    Never,
}

impl Keeper {
    /// Looks at what is there, and removes what belongs to nothing.
    pub(crate) fn open(shared: &Shared) -> Self {
        let list = |directory| shared.disk.list(Path::new(directory)).unwrap_or_default();
        let files = list(names::FLOWS).into_iter().filter_map(|entry| FlowFileName::parse(&entry.name));
        let files: BTreeMap<u64, FlowFileName> = files.map(|name| (name.number, name)).collect();
        let alone = files.values().map(|name| (name.number, (*name, Indexed::Unknown))).collect();
        let mut keeper = Self { alone, segments: SegmentKeeper::open(shared), ..Self::default() };
        let mut indexes = BTreeSet::new();
        for entry in list(names::CATALOG) {
            if let Some((first, last)) = names::parse_rollup(&entry.name) {
                keeper.take_rollup(shared, first, last);
            } else if let Some(number) = names::parse_flow_index(&entry.name) {
                if !files.contains_key(&number) {
                    let _ = shared.disk.remove(&names::flow_index_path(number));
                }
                indexes.insert(number);
            }
        }
        let is_missing = |number: &u64| !indexes.contains(number) && !keeper.alone.contains_key(number);
        keeper.unindexed = files.into_iter().filter(|(number, _)| is_missing(number)).collect();
        keeper.account(shared);
        keeper
    }

    /// A flow file and its index have been written.
    pub(crate) fn add(&mut self, name: FlowFileName, has_index: bool) {
        let indexed = if has_index { Indexed::Good } else { Indexed::Unknown };
        self.alone.insert(name.number, (name, indexed));
    }

    /// Does the next thing that is to be done; false when there is none.
    pub(crate) fn step(&mut self, shared: &Shared) -> bool {
        let oldest = shared.room.oldest(FLOWS_SHELF).unwrap_or(u64::MAX);
        self.forget_before(shared, oldest);
        if let Some((_, name)) = self.unindexed.pop_first() {
            // What cannot be read is said by whoever asks.
            let _ = make_good(shared, name);
            return true;
        }
        // The newest are asked for most.
        let unknown = self.alone.values().rev().find(|(_, indexed)| *indexed == Indexed::Unknown);
        if let Some((name, _)) = unknown.copied() {
            let indexed = if make_good(shared, name).is_ok() { Indexed::Good } else { Indexed::Never };
            self.alone.insert(name.number, (name, indexed));
            return true;
        }
        let good = self.alone.values().filter(|(_, indexed)| *indexed == Indexed::Good);
        let run: Vec<FlowFileName> = good.map(|(name, _)| *name).take(ROLLUP_FILES).collect();
        if run.len() < ROLLUP_FILES {
            return self.segments.step(shared);
        }
        self.roll_up(shared, &run);
        true
    }

    /// Sums up the segments that have been closed at the end, and does for so long what else is to be done.
    pub(crate) fn finish(&mut self, shared: &Shared, time_max: Duration) {
        while self.segments.step(shared) {}
        let begun = Instant::now();
        while begun.elapsed() < time_max && self.step(shared) {}
    }

    fn roll_up(&mut self, shared: &Shared, run: &[FlowFileName]) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
        let mut indexes = Vec::with_capacity(run.len());
        for name in run {
            match open_index(shared, *name) {
                Ok(index) => indexes.push(index),
                // Gone, or damaged since: looked at again.
                Err(_) => return self.add(*name, false),
            }
        }
        let path = names::rollup_path(first.number, last.number);
        let written = roll_up(&indexes).map_err(|error| error.to_string()).and_then(|bytes| {
            let needed = self.rollups.values().sum::<u64>() + whole_blocks(bytes.len() as u64);
            shared.room.set(Account::Rollups, needed).map_err(|_| "no room for it within the budget".to_owned())?;
            write(shared, &path, &bytes).map_err(|error| error.to_string())
        });
        match written {
            Ok(()) => {
                self.rollups.insert((first.number, last.number), measured(shared.disk.as_ref(), &path));
                self.alone.retain(|number, _| run.iter().all(|name| name.number != *number));
            }
            Err(error) => {
                shared.problem(&path.display().to_string(), error);
                // Not again in this run: questions ask the indexes one by one.
                self.alone.extend(run.iter().map(|name| (name.number, (*name, Indexed::Never))));
            }
        }
        self.account(shared);
    }

    /// Takes a roll-up into account if it is one and any of its files is there; else it goes.
    fn take_rollup(&mut self, shared: &Shared, first: u64, last: u64) {
        let path = names::rollup_path(first, last);
        let opened = shared.disk.open(&path).map_err(IndexError::from).and_then(|file| KeyFile::read(Box::new(file)));
        let mut is_needed = false;
        if let Ok(rollup) = &opened {
            for file in rollup.head.files.iter().filter(|_| rollup.head.is_rollup) {
                is_needed |= self.alone.get(&file.name.number).is_some_and(|(name, _)| *name == file.name)
                    && self.alone.remove(&file.name.number).is_some();
            }
        }
        if is_needed {
            self.rollups.insert((first, last), measured(shared.disk.as_ref(), &path));
        } else {
            let _ = shared.disk.remove(&path);
        }
    }

    /// Forgets flow files that ageing has removed, and removes roll-ups of nothing else.
    fn forget_before(&mut self, shared: &Shared, oldest: u64) {
        self.alone = self.alone.split_off(&oldest);
        self.unindexed = self.unindexed.split_off(&oldest);
        let gone: Vec<(u64, u64)> = self.rollups.keys().copied().filter(|(_, last)| *last < oldest).collect();
        for (first, last) in &gone {
            let _ = shared.disk.remove(&names::rollup_path(*first, *last));
            self.rollups.remove(&(*first, *last));
        }
        if !gone.is_empty() {
            self.account(shared);
        }
    }

    fn account(&self, shared: &Shared) {
        shared.room.note(Account::Rollups, self.rollups.values().sum());
    }
}

/// Writes an index, which readers make themselves where it is missing: nothing depends on it.
pub(crate) fn write_index(shared: &Shared, name: FlowFileName, bytes: &[u8]) -> Option<PathBuf> {
    let path = names::flow_index_path(name.number);
    match write(shared, &path, bytes) {
        Ok(()) => Some(path),
        Err(error) => {
            shared.problem(&path.display().to_string(), error.to_string());
            None
        }
    }
}

/// Writes a file of the catalog over what a crash may have left of it.
fn write(shared: &Shared, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let disk = shared.disk.as_ref();
    disk.create_directory(Path::new(names::CATALOG))?;
    let _ = disk.remove(path);
    write_new(disk, path, &[bytes]).inspect_err(|_| drop(disk.remove(path)))
}

fn open_index(shared: &Shared, name: FlowFileName) -> Result<KeyFile, IndexError> {
    let index = KeyFile::read(Box::new(shared.disk.open(&names::flow_index_path(name.number))?))?;
    let fits = !index.head.is_rollup && index.head.files.iter().all(|file| file.name == name);
    if fits { Ok(index) } else { Err(IndexError::Damaged) }
}

/// Makes the index of a flow file again unless there is a good one.
fn make_good(shared: &Shared, name: FlowFileName) -> Result<(), RowsError> {
    if open_index(shared, name).is_ok_and(|index| index.is_whole()) {
        return Ok(());
    }
    let missing = |_| RowsError::Missing("readable bytes");
    let bytes = read_file(shared.disk.as_ref(), &name.path(), FLOW_FILE_BYTES_MAX).map_err(missing)?;
    let file_bytes = bytes.len() as u64;
    let file = FlowFile::open(bytes::Bytes::from(bytes))?;
    let mut building = Building::new(name, file_bytes, file.metadata());
    for group in 0..file.row_groups() {
        file.read(group)?.iter().for_each(|row| building.add(&row.part));
    }
    let index = building.finish();
    let path = names::flow_index_path(name.number);
    let before = measured(shared.disk.as_ref(), &path);
    let grows = whole_blocks(index.len() as u64).saturating_sub(before);
    shared.room.set(Account::Rows, grows).map_err(|_| RowsError::Missing("room for its index"))?;
    let written = write_index(shared, name, &index);
    shared.room.grow(FLOWS_SHELF, name.number, grows, written.clone(), Account::Rows);
    written.map(drop).ok_or(RowsError::Missing("index that could be written"))
}
