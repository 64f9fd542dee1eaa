//! Keeping the summaries of closed segments in step with them, beside the recording.

use std::path::Path;

use crate::Lane;
use crate::budget::Account;
use crate::disk::{read_file, replace_file, whole_blocks, write_all_at};
use crate::format::catalog;
use crate::format::names::{self, SegmentName};
use crate::format::segments::{MAGIC, RECORD_BYTES, SegmentRecord, decode};
use crate::shared::Shared;

/// Longest file that is read: millions of segments.
const FILE_BYTES_MAX: u64 = 1 << 28;

/// Longest index of a segment that is read.
const INDEX_BYTES_MAX: u64 = 1 << 30;

/// Segments that are summed up in one step.
const STEP_SEGMENTS: usize = 64;

/// Records of segments that are gone, beyond as many as there are segments, before they are left out.
const STALE_MAX: usize = 1024;

/// What is in `catalog/<lane>.segments`, as far as the recorder has to know.
#[derive(Debug, Default)]
pub(crate) struct SegmentKeeper {
    lanes: [Summed; Lane::ALL.len()],
}

#[derive(Debug, Default)]
struct Summed {
    /// Segments up to this number have been looked at.
    up_to: u64,
    records: usize,
    /// It cannot be written; questions look at the segments' indexes.
    is_broken: bool,
}

impl SegmentKeeper {
    /// Looks at what is there.
    pub(crate) fn open(shared: &Shared) -> Self {
        let mut keeper = Self::default();
        for lane in Lane::ALL {
            let path = names::segments_path(lane);
            let bytes = read_file(shared.disk.as_ref(), &path, FILE_BYTES_MAX).unwrap_or_default();
            let mut records = decode(&bytes);
            let closed = shared.room.closed_behind(lane as usize, 0, usize::MAX);
            let is_missing = |number: &u64| records.binary_search_by_key(number, |record| record.number).is_err();
            let first_missing = closed.iter().map(|(number, _)| *number).find(is_missing);
            records.retain(|record| first_missing.is_none_or(|missing| record.number < missing));
            let summed = &mut keeper.lanes[lane as usize];
            summed.up_to = records.last().map_or(0, |record| record.number);
            summed.records = records.len();
            if bytes.len() != MAGIC.len() + records.len() * RECORD_BYTES && !bytes.is_empty() {
                keeper.rewrite(shared, lane, &records);
            }
        }
        keeper.account(shared);
        keeper
    }

    /// Sums up some segments that were closed since; false when there is none.
    pub(crate) fn step(&mut self, shared: &Shared) -> bool {
        Lane::ALL.into_iter().any(|lane| !self.lanes[lane as usize].is_broken && self.sum_up(shared, lane))
    }

    fn sum_up(&mut self, shared: &Shared, lane: Lane) -> bool {
        let summed = &self.lanes[lane as usize];
        let closed = shared.room.closed_behind(lane as usize, summed.up_to, STEP_SEGMENTS);
        let Some((last, _)) = closed.last() else { return false };
        let up_to = *last;
        let mut bytes = if summed.records == 0 { MAGIC.to_vec() } else { Vec::new() };
        let before = bytes.len();
        closed
            .iter()
            .filter_map(|(_, path)| record_of(shared, lane, path))
            .for_each(|record| record.encode(&mut bytes));
        let added = (bytes.len() - before) / RECORD_BYTES;
        let result = if added > 0 { self.append(shared, lane, &bytes) } else { Ok(()) };
        let summed = &mut self.lanes[lane as usize];
        summed.up_to = up_to;
        match result {
            Ok(()) => summed.records += added,
            Err(error) => {
                summed.is_broken = true;
                shared.problem(&names::segments_path(lane).display().to_string(), error.to_string());
            }
        }
        self.leave_out_stale(shared, lane);
        self.account(shared);
        true
    }

    fn append(&self, shared: &Shared, lane: Lane, bytes: &[u8]) -> std::io::Result<()> {
        let disk = shared.disk.as_ref();
        let path = names::segments_path(lane);
        self.make_room(shared, bytes.len())?;
        disk.create_directory(Path::new(names::CATALOG))?;
        let records = self.lanes[lane as usize].records;
        let (file, end) = match records {
            0 => {
                let _ = disk.remove(&path);
                (disk.create(&path)?, 0)
            }
            _ => (disk.open(&path)?, MAGIC.len() + records * RECORD_BYTES),
        };
        write_all_at(file.as_ref(), bytes, end as u64)
    }

    fn make_room(&self, shared: &Shared, bytes: usize) -> std::io::Result<()> {
        let needed = self.bytes() + whole_blocks(bytes as u64);
        let no_room = |_| std::io::Error::other("no room for it within the budget");
        shared.room.set(Account::Segments, needed).map_err(no_room)
    }

    /// Leaves out what ageing has removed, once that is most of it.
    fn leave_out_stale(&mut self, shared: &Shared, lane: Lane) {
        let summed = &self.lanes[lane as usize];
        let oldest = shared.room.oldest(lane as usize).unwrap_or(u64::MAX);
        let live = summed.up_to.saturating_sub(oldest) as usize;
        if summed.is_broken || summed.records < 2 * live + STALE_MAX {
            return;
        }
        let bytes = read_file(shared.disk.as_ref(), &names::segments_path(lane), FILE_BYTES_MAX).unwrap_or_default();
        let mut records = decode(&bytes);
        records.retain(|record| record.number >= oldest);
        self.rewrite(shared, lane, &records);
    }

    fn rewrite(&mut self, shared: &Shared, lane: Lane, records: &[SegmentRecord]) {
        let mut bytes = MAGIC.to_vec();
        records.iter().for_each(|record| record.encode(&mut bytes));
        let path = names::segments_path(lane);
        let written = self
            .make_room(shared, bytes.len())
            .and_then(|()| replace_file(shared.disk.as_ref(), &path, &[&bytes]))
            // What is there would not be what it is taken for.
            .inspect_err(|_| drop(shared.disk.remove(&path)));
        let summed = &mut self.lanes[lane as usize];
        summed.records = records.len();
        summed.is_broken = written.is_err();
    }

    fn bytes(&self) -> u64 {
        let of = |summed: &Summed| match summed.records {
            0 => 0,
            records => whole_blocks((MAGIC.len() + records * RECORD_BYTES) as u64),
        };
        self.lanes.iter().map(of).sum()
    }

    fn account(&self, shared: &Shared) {
        shared.room.note(Account::Segments, self.bytes());
    }
}

/// What a closed segment's index says, if it describes all of it.
fn record_of(shared: &Shared, lane: Lane, path: &Path) -> Option<SegmentRecord> {
    let name = SegmentName::parse(path.file_name()?.to_str()?)?;
    let disk = shared.disk.as_ref();
    let index = read_file(disk, &names::catalog_path(lane, name.number), INDEX_BYTES_MAX).ok()?;
    let record = SegmentRecord::of(&name, &catalog::decode(&index, name.number))?;
    (disk.status(path).ok()?.length == record.cbytes).then_some(record)
}
