//! The segments of one lane.

use std::collections::BTreeMap;
use std::path::Path;

use packet::Timestamp;
use packet::capture::block::{Block, Blocks};

use super::replay::TailFrame;
use super::{Work, numbered};
use crate::ageing::KeptFile;
use crate::budget::Account;
use crate::catalog::{FrameWalk, rewrite};
use crate::damaged;
use crate::disk::{DiskFile, Entry, read_file, whole_blocks};
use crate::format::catalog::{FrameRecord, HOLDS_INTERFACES, decode};
use crate::format::chain::Event;
use crate::format::journal::JournalFrame;
use crate::format::names::{self, SegmentName};
use crate::frame::Summary;
use crate::writer::measured;
use crate::{Error, Lane};

/// What of a lane may not be whole.
pub(super) struct Suspects {
    pub(super) lane: Lane,
    segments: BTreeMap<u64, (SegmentName, Entry)>,
    journal: Vec<JournalFrame>,
    next_number: u64,
}

impl Suspects {
    fn bytes(&self) -> u64 {
        self.segments.values().map(|(_, entry)| entry.status.allocated).sum()
    }
}

impl Work<'_> {
    /// Shelves the segments of a lane that are known to be whole, and returns the others.
    pub(super) fn survey(&mut self, lane: Lane, safe_before: Option<u64>) -> Result<Suspects, Error> {
        let directory = Path::new(lane.name());
        let entries = self.shared.disk.list(directory).map_err(Error::io("reading", directory))?;
        let mut segments = numbered(entries.into_iter().filter_map(|entry| {
            let name = SegmentName::parse(&entry.name)?;
            Some((name.number, (name, entry)))
        }));
        self.drop_orphans(lane, &segments);
        let last = segments.keys().next_back().copied().unwrap_or(0);
        // Without a sign of life all of them are looked at.
        let mut suspects = segments.split_off(&safe_before.unwrap_or(0));
        // The last one is looked at if its index does not fit, whatever the log says.
        if let Some((number, (name, entry))) = segments.pop_last() {
            let end = self.catalog_of(lane, number).last().map(FrameRecord::cend);
            let fits = end == Some(entry.status.length);
            if fits { &mut segments } else { &mut suspects }.insert(number, (name, entry));
        }
        let mut next_time = suspects.values().next().map(|(name, _)| name.time);
        for (name, entry) in segments.into_values().rev() {
            self.shelve(lane, name, &entry, next_time);
            next_time = Some(name.time);
        }
        let suspects = Suspects { lane, segments: suspects, journal: self.journal(lane), next_number: last + 1 };
        self.shared.room.note(Account::Open(lane), suspects.bytes());
        Ok(suspects)
    }

    /// Mends what may not be whole, and returns the lane's next number.
    pub(super) fn mend_lane(&mut self, mut suspects: Suspects) -> Result<u64, Error> {
        let (lane, mut journal) = (suspects.lane, std::mem::take(&mut suspects.journal));
        while let Some((_, (name, _))) = suspects.segments.pop_first() {
            self.mend(lane, name, &mut journal);
            self.shared.room.note(Account::Open(lane), suspects.bytes());
        }
        while let Some(number) = journal.iter().map(|frame| frame.segment).filter(|n| *n >= suspects.next_number).min()
        {
            self.rebuild_from_journal(lane, number, &mut journal);
            suspects.next_number = number + 1;
        }
        self.shared.room.note(Account::Open(lane), 0);
        self.end_journal(lane)?;
        Ok(suspects.next_number)
    }

    /// A segment that is whole.
    fn shelve(&mut self, lane: Lane, name: SegmentName, entry: &Entry, next_time: Option<Timestamp>) {
        let number = name.number;
        let catalog = names::catalog_path(lane, number);
        let disk = self.shared.disk.as_ref();
        // Only the last segment, and those without rows, have to be known frame by frame.
        let position = self.covers.lane(lane);
        let is_tail = number >= position.segment;
        let mut last_time = next_time.unwrap_or(name.time);
        if is_tail || next_time.is_none() {
            let records = self.index(lane, name);
            last_time = records.iter().map(|record| record.last_time).max().unwrap_or(last_time);
            let last_arrival = records.iter().map(|record| record.last_arrival).max().unwrap_or(0);
            self.next_arrival = self.next_arrival.max(last_arrival + 1);
            self.learn(lane, name, &records);
            self.add_tail(lane, name, &records);
        }
        let bytes = entry.status.allocated + measured(disk, &catalog);
        let path = name.path(lane);
        let kept = KeptFile { path, catalog: Some(catalog), bytes, first_time: name.time, last_time };
        self.shared.room.close(lane as usize, number, kept, &[]);
    }

    /// A segment that may be torn, or damaged: keeps what is good of it.
    fn mend(&mut self, lane: Lane, name: SegmentName, journal: &mut Vec<JournalFrame>) {
        let path = name.path(lane);
        let indexed = self.catalog_of(lane, name.number);
        let indexed_packets: u64 = indexed.iter().map(|record| u64::from(record.packets)).sum();
        let walked = self.walk(lane, name, &indexed);
        let (mut records, readable) = match walked {
            Ok(records) => (records, true),
            Err(_) => (Vec::new(), false),
        };
        let found: u64 = records.iter().map(|record| u64::from(record.packets)).sum();
        self.report.packets_found += found.saturating_sub(indexed_packets);
        let good_end = records.last().map_or(0, FrameRecord::cend);
        let length = self.shared.disk.status(&path).map_or(0, |status| status.length);
        let mut damaged_bytes = length.saturating_sub(good_end);
        let in_journal = journal.iter().any(|frame| frame.segment == name.number);
        if found == 0 && !in_journal && (length == good_end || length == 0) {
            // Nothing but a header: nobody loses anything.
            let _ = self.shared.disk.remove(&path);
            let _ = self.shared.disk.remove(&names::catalog_path(lane, name.number));
            return;
        }
        if !readable || (found == 0 && !in_journal) {
            if let Err(error) = damaged::set_aside_whole(self.shared, lane, &path) {
                self.shared.problem(&path.display().to_string(), format!("cannot be set aside: {error}"));
            }
            let _ = self.shared.disk.remove(&names::catalog_path(lane, name.number));
            damaged_bytes = length;
        } else if damaged_bytes > 0
            && let Err(error) = damaged::cut_file(self.shared, lane, name.number, &path, good_end)
        {
            self.shared.problem(&path.display().to_string(), format!("cannot be cut back: {error}"));
        }
        let set_aside = !readable || (found == 0 && !in_journal);
        if !set_aside {
            self.append_journal(lane, name, &mut records, journal);
            self.close(lane, name, &records);
        }
        self.report.bytes_damaged += damaged_bytes;
        self.lose_indexed(lane, &indexed, &records);
        let packets =
            records.iter().map(|record| u64::from(record.packets)).sum::<u64>().saturating_sub(indexed_packets);
        self.shared.note(Event::Salvage {
            lane: lane.name().to_owned(),
            segment: name.number,
            packets,
            bytes: records.last().map_or(0, FrameRecord::cend),
            damaged_bytes,
        });
    }

    /// Counts what the index had and the segment has not.
    fn lose_indexed(&self, lane: Lane, indexed: &[FrameRecord], found: &[FrameRecord]) {
        let end = found.last().map_or(0, FrameRecord::uend);
        let mut lost = Summary::default();
        let mut bytes = 0;
        for record in indexed.iter().filter(|record| record.uoffset >= end) {
            lost.merge(record);
            bytes += u64::from(record.ubytes);
        }
        if lost.packets > 0 {
            self.shared.lose(&format!("lane {}", lane.name()), "damaged", &lost, bytes);
        }
    }

    /// Writes the index of a mended segment, brings it to stable storage and shelves it.
    pub(super) fn close(&mut self, lane: Lane, name: SegmentName, records: &[FrameRecord]) {
        let (disk, path) = (self.shared.disk.as_ref(), name.path(lane));
        let catalog = names::catalog_path(lane, name.number);
        // Without room for the index there is none: it can be made again.
        let _ = self.shared.room.add(Account::Open(lane), whole_blocks((records.len() as u64 + 1) * 80));
        if let Err(error) = rewrite(disk, lane, name.number, records) {
            self.shared.problem(&catalog.display().to_string(), error.to_string());
        }
        let synced = disk.open(&path).and_then(|file| file.sync_data());
        if let Err(error) = synced.and_then(|()| disk.sync_directory(Path::new(lane.name()))) {
            self.shared.problem(&path.display().to_string(), error.to_string());
        }
        let with_packets = || records.iter().filter(|record| record.packets > 0);
        let first_time = with_packets().map(|record| record.first_time).min().unwrap_or(name.time);
        let last_time = with_packets().map(|record| record.last_time).max().unwrap_or(name.time);
        let last_arrival = records.iter().map(|record| record.last_arrival).max().unwrap_or(0);
        self.next_arrival = self.next_arrival.max(last_arrival + 1);
        let bytes = measured(disk, &path) + measured(disk, &catalog);
        let kept = KeptFile { path, catalog: Some(catalog), bytes, first_time, last_time };
        self.shared.room.close(lane as usize, name.number, kept, &[]);
        self.add_tail(lane, name, records);
    }

    /// The frames of a segment that can be read, as far as they follow each other.
    fn walk(&mut self, lane: Lane, name: SegmentName, indexed: &[FrameRecord]) -> std::io::Result<Vec<FrameRecord>> {
        let file = self.shared.disk.open(&name.path(lane))?;
        self.walk_file(file.as_ref(), name, indexed)
    }

    fn walk_file(
        &mut self,
        file: &dyn DiskFile,
        name: SegmentName,
        indexed: &[FrameRecord],
    ) -> std::io::Result<Vec<FrameRecord>> {
        let mut walk = FrameWalk::new(file, name.encoding);
        let mut hints = indexed.iter().peekable();
        let mut records = Vec::new();
        loop {
            let coffset = walk.coffset();
            let hint = hints.next_if(|record| record.coffset == coffset).map(|record| record.ubytes);
            let Some((record, content)) = walk.next(hint)? else { break };
            if record.flags & HOLDS_INTERFACES != 0 {
                let before = records.last().map_or(0, |record: &FrameRecord| record.interfaces);
                learn_interfaces(&mut self.interfaces, content, before);
            }
            records.push(record);
        }
        Ok(records)
    }

    /// Reads the interfaces that a whole segment describes.
    fn learn(&mut self, lane: Lane, name: SegmentName, records: &[FrameRecord]) {
        let known = self.interfaces.len();
        if records.last().is_none_or(|record| record.interfaces as usize <= known) {
            return;
        }
        let Ok(file) = self.shared.disk.open(&name.path(lane)) else { return };
        let mut before = 0;
        for record in records {
            if record.flags & HOLDS_INTERFACES != 0 {
                let mut walk = FrameWalk::new(file.as_ref(), name.encoding);
                walk.begin_at(record);
                if let Ok(Some((_, content))) = walk.next(Some(record.ubytes)) {
                    learn_interfaces(&mut self.interfaces, content, before);
                }
            }
            before = record.interfaces;
        }
    }

    /// The index of a whole segment; made again if it is missing.
    fn index(&mut self, lane: Lane, name: SegmentName) -> Vec<FrameRecord> {
        let records = self.catalog_of(lane, name.number);
        let length = self.shared.disk.status(&name.path(lane)).map_or(0, |status| status.length);
        if records.last().is_some_and(|record| record.cend() == length) {
            return records;
        }
        let records = self.walk(lane, name, &records).unwrap_or_default();
        if let Err(error) = rewrite(self.shared.disk.as_ref(), lane, name.number, &records) {
            self.shared.problem("catalog", error.to_string());
        }
        records
    }

    fn catalog_of(&self, lane: Lane, number: u64) -> Vec<FrameRecord> {
        let path = names::catalog_path(lane, number);
        decode(&read_file(self.shared.disk.as_ref(), &path, 1 << 30).unwrap_or_default(), number)
    }

    /// Remembers the frames that no flow file counts.
    fn add_tail(&mut self, lane: Lane, name: SegmentName, records: &[FrameRecord]) {
        let covered = self.covers.lane(lane);
        for record in records {
            let beyond = (name.number, record.uoffset) >= (covered.segment, covered.uoffset);
            if beyond && record.packets > 0 {
                let serial = u32::try_from(self.tail.len()).unwrap_or(u32::MAX);
                self.tail.push(TailFrame { lane, name, record: *record, serial });
            }
        }
    }

    /// Removes indexes of segments that are not there.
    fn drop_orphans(&self, lane: Lane, segments: &BTreeMap<u64, (SegmentName, Entry)>) {
        let entries = self.shared.disk.list(Path::new(names::CATALOG)).unwrap_or_default();
        for (of, number) in entries.iter().filter_map(|entry| names::parse_catalog(&entry.name)) {
            if of == lane && !segments.contains_key(&number) {
                let _ = self.shared.disk.remove(&names::catalog_path(lane, number));
            }
        }
    }

    /// Removes the journal, whose frames are on stable storage in segments now.
    fn end_journal(&self, lane: Lane) -> Result<(), Error> {
        let path = names::journal_path(lane);
        match self.shared.disk.remove(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("removing", &path)(error));
            }
            _ => {}
        }
        self.shared.room.note(Account::Journal(lane), 0);
        Ok(())
    }
}

/// Adds the interfaces of a frame that are not known yet; the stream had described `before` of them.
fn learn_interfaces(known: &mut Vec<packet::Interface>, content: &[u8], before: u32) {
    let mut index = before as usize;
    for (_, block) in Blocks::new(content) {
        if let Block::Interface(interface) = block {
            if index == known.len() {
                known.push(interface);
            }
            index += 1;
        }
    }
}
