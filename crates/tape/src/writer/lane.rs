//! The writer of one lane: its open segment and its journal.

use std::time::Duration;

use packet::Timestamp;

use super::Tools;
use super::segment::{Piece, Segment, WriteError, measured};
use crate::Lane;
use crate::ageing::{KeptFile, segment_bytes_max};
use crate::append::Way;
use crate::budget::Account;
use crate::catalog;
use crate::checkpoint::FramePosition;
use crate::damaged;
use crate::disk::whole_blocks;
use crate::format::catalog::FrameRecord;
use crate::format::names;
use crate::format::state::Position;
use crate::frame::Summary;
use crate::job::JournalBatch;
use crate::journal::JournalFile;
use crate::shared::count;
use crate::sync::Synced;

/// From so many bytes a second on writes go around the page cache.
const DIRECT_BYTES_A_SECOND: u64 = 32 << 20;

/// The writer of one lane.
pub(crate) struct LaneWriter {
    pub(crate) lane: Lane,
    next_number: u64,
    segment_bytes_max: u64,
    open: Option<Segment>,
    journal: JournalFile,
    /// Segments with smaller numbers are on stable storage.
    synced_before: u64,
    bytes_since_tick: u64,
    is_busy: bool,
}

impl LaneWriter {
    pub(crate) fn new(lane: Lane, next_number: u64, journal_serial: u64, budget_bytes: u64) -> Self {
        Self {
            lane,
            next_number,
            segment_bytes_max: segment_bytes_max(budget_bytes, lane),
            open: None,
            journal: JournalFile::new(lane, journal_serial),
            synced_before: next_number,
            bytes_since_tick: 0,
            is_busy: false,
        }
    }

    /// Where the next frame will be.
    pub(crate) fn end(&self) -> Position {
        let unopened = Position { segment: self.next_number, uoffset: 0 };
        self.open.as_ref().map_or(unopened, Segment::end)
    }

    /// Segments with smaller numbers are on stable storage.
    pub(crate) fn synced_before(&self) -> (Lane, u64) {
        (self.lane, self.synced_before)
    }

    /// Whether frames as they are go around the page cache.
    pub(crate) fn way(&self, is_aside: bool) -> Way {
        let busy = is_aside || self.is_busy || self.bytes_since_tick > 2 * DIRECT_BYTES_A_SECOND;
        if busy { Way::Direct } else { Way::Buffered }
    }

    /// How far behind an aligned place the open segment ends.
    pub(crate) fn misalignment(&self) -> usize {
        self.open.as_ref().map_or(0, |segment| segment.appender.misalignment())
    }

    /// How many of the frames, by their lengths, belong into the open segment, if its end lies so that they can be
    /// written as they are.
    pub(crate) fn run_length(&self, lengths: impl Iterator<Item = usize>) -> usize {
        let aligned = self.open.as_ref().filter(|segment| segment.appender.is_aligned());
        let mut end = aligned.map_or(u64::MAX, |segment| segment.appender.length());
        // As with single frames, the one that fills the segment is its last.
        let fits = lengths.take_while(|length| {
            let before = end;
            end = end.saturating_add(*length as u64);
            before < self.segment_bytes_max
        });
        fits.count()
    }

    /// Makes sure that there is an open segment that knows all interfaces.
    pub(crate) fn prepare(&mut self, tools: &mut Tools, first_time: Timestamp, way: Way) -> Result<(), WriteError> {
        if let Some(segment) = &mut self.open {
            return segment.catch_up(tools, way);
        }
        // A number is used up even if the file could not be made as a whole.
        let number = self.next_number;
        let path =
            crate::format::names::SegmentName { number, time: first_time, encoding: tools.encoding() }.path(self.lane);
        match Segment::create(tools, self.lane, number, first_time, way) {
            Ok(segment) => {
                self.next_number += 1;
                self.open = Some(segment);
                Ok(())
            }
            Err(error) => {
                let _ = tools.shared.disk.remove(&path);
                tools.shared.room.note(Account::Open(self.lane), 0);
                tools.shared.room.note(Account::Catalog(self.lane), 0);
                Err(error)
            }
        }
    }

    /// Appends a frame and rolls if the segment is full.
    pub(crate) fn append(
        &mut self,
        tools: &mut Tools,
        bytes: &[u8],
        way: Way,
        record: FrameRecord,
    ) -> Result<FramePosition, WriteError> {
        self.prepare(tools, record.first_time, way)?;
        let Some(segment) = &mut self.open else { return Err(WriteError::NoRoom) };
        let position = segment.append(tools, bytes, way, record)?;
        self.appended(tools, bytes.len());
        Ok(FramePosition { lane: self.lane, position })
    }

    /// Appends as many frames as [`LaneWriter::run_length`] said in one direct write; returns where the first one is.
    pub(crate) fn append_run(&mut self, tools: &mut Tools, pieces: &[Piece<'_>]) -> Result<FramePosition, WriteError> {
        let Some(segment) = &mut self.open else { return Err(WriteError::NoRoom) };
        let position = segment.append_run(tools, pieces)?;
        self.appended(tools, pieces.iter().map(|piece| piece.bytes.len()).sum());
        Ok(FramePosition { lane: self.lane, position })
    }

    /// Rolls if the segment is full.
    fn appended(&mut self, tools: &mut Tools, bytes: usize) {
        let Some(segment) = &self.open else { return };
        self.bytes_since_tick += bytes as u64;
        let (end, length) = (segment.end(), segment.appender.length());
        self.journal.frame_written(end);
        if length >= self.segment_bytes_max {
            self.roll(tools);
        }
    }

    /// Brings the beginning of the open frame to the journal.
    pub(crate) fn journal(&mut self, tools: &mut Tools, batch: &JournalBatch) -> Result<(), WriteError> {
        self.prepare(tools, batch.first_time, Way::Buffered)?;
        let position = self.end();
        let (disk, room) = (tools.shared.disk.as_ref(), &tools.shared.room);
        self.journal.append(disk, room, position, batch.offset, batch.packets, &batch.bytes).map_err(|error| {
            self.journal.forget_file();
            error.into()
        })
    }

    /// Bytes in the journal.
    pub(crate) fn journal_bytes(&self) -> u64 {
        self.journal.length()
    }

    /// Brings everything to the kernel, and closes the segment if it is old.
    pub(crate) fn tick(&mut self, tools: &mut Tools, segment_age_max: Duration) {
        self.is_busy = self.bytes_since_tick > DIRECT_BYTES_A_SECOND;
        self.bytes_since_tick = 0;
        let Some(segment) = &mut self.open else { return };
        let flushed = segment.flush(tools);
        let age = tools.now.saturating_duration_since(segment.opened);
        let gone = tools.shared.disk.status(&segment.path).is_err();
        if let Err(WriteError::Broken(error)) = flushed {
            self.set_aside(tools, &format!("write failed: {error}"));
        } else if gone {
            self.give_up(tools, "the file has gone");
        } else if age >= segment_age_max && !self.journal.has_open_frame() {
            self.roll(tools);
        }
        if let Some(file) = self.journal.take_unsynced() {
            tools.shared.sync.file(file);
            tools.shared.sync.directory(names::LIVE);
        }
    }

    /// Closes the open segment.
    pub(crate) fn roll(&mut self, tools: &mut Tools) {
        let Some(mut segment) = self.open.take() else { return };
        let ended = segment.append_statistics(tools).and_then(|()| segment.flush(tools));
        if let Err(WriteError::Broken(error)) = ended {
            self.open = Some(segment);
            return self.set_aside(tools, &format!("write failed: {error}"));
        }
        self.shelve(tools, segment);
    }

    /// Gives the open segment up: what is good of it is kept, and nothing is written to it any more.
    pub(crate) fn set_aside(&mut self, tools: &mut Tools, reason: &str) {
        let Some(mut segment) = self.open.take() else { return };
        let place = segment.path.display().to_string();
        tools.shared.problem(&place, format!("{reason}; set aside, the next segment opens"));
        let (lost, bytes) = segment.cut_back(tools);
        self.lose(tools, reason, &lost, bytes);
        let _ = self.journal.clear(&tools.shared.room);
        self.shelve(tools, segment);
    }

    /// Gives the open segment up with everything that was in it.
    fn give_up(&mut self, tools: &mut Tools, reason: &str) {
        let Some(segment) = self.open.take() else { return };
        let place = segment.path.display().to_string();
        tools.shared.problem(&place, format!("{reason}; the next segment opens"));
        let (lost, bytes) = segment.all();
        self.lose(tools, reason, &lost, bytes);
        let _ = self.journal.clear(&tools.shared.room);
        self.remove(tools, &segment);
    }

    fn lose(&self, tools: &Tools, reason: &str, lost: &Summary, bytes: u64) {
        if lost.packets > 0 {
            tools.shared.lose(&format!("lane {}", self.lane.name()), reason, lost, bytes);
        }
    }

    /// Segments up to here are on stable storage.
    pub(crate) fn synced(&mut self, tools: &mut Tools, synced: &Synced) {
        let end = synced.end;
        if let Some(segment) = self.open.as_mut().filter(|segment| segment.name.number == end.segment) {
            segment.synced_length = synced.length;
        }
        self.synced_before = self.synced_before.max(end.segment + u64::from(synced.closed));
        if let Err(error) = self.journal.reset(&tools.shared.room, end) {
            tools.shared.problem(&names::journal_path(self.lane).display().to_string(), error.to_string());
            self.journal.forget_file();
        }
    }

    /// A segment could not be brought to stable storage: what came after the last time that it could is not believed.
    pub(crate) fn distrust(&mut self, tools: &mut Tools, failed: &Synced) {
        let number = failed.end.segment;
        let reason = failed.error.as_ref().map_or_else(String::new, |error| format!("sync failed: {error}"));
        if self.open.as_ref().is_some_and(|segment| segment.name.number == number) {
            self.set_aside(tools, &reason);
            tools.shared.sync.forget(self.lane, number);
        }
        let Some(kept) = tools.shared.room.forget(self.lane as usize, number) else { return };
        let records = catalog::walk(tools.shared.disk.as_ref(), self.lane, number, &kept.path);
        let (good, bad): (Vec<_>, Vec<_>) = records.iter().partition(|record| record.cend() <= failed.length_before);
        let (mut lost, mut bytes) = (Summary::default(), 0);
        for record in bad {
            lost.merge(record);
            bytes += u64::from(record.ubytes);
        }
        self.lose(tools, &reason, &lost, bytes);
        let kept = damaged::cut(&tools.shared, self.lane, number, kept, &good.into_iter().copied().collect::<Vec<_>>());
        if let Some(kept) = kept {
            tools.shared.room.close(self.lane as usize, number, kept, &[]);
        }
    }

    /// Empties and removes the journal at a clean stop.
    pub(crate) fn end_journal(&mut self, tools: &Tools) {
        if self.journal.clear(&tools.shared.room).is_ok() {
            let _ = tools.shared.disk.remove(&names::journal_path(self.lane));
        }
    }

    /// Puts a segment that is not written any more where ageing finds it; one without packets goes.
    fn shelve(&mut self, tools: &mut Tools, mut segment: Segment) {
        let (lane, number) = (self.lane, segment.name.number);
        let accounts = [Account::Open(lane), Account::Catalog(lane)];
        let disk = tools.shared.disk.clone();
        segment.flush_catalog(tools);
        count(&tools.shared.tallies.segments_closed, 1);
        let catalog = names::catalog_path(lane, number);
        if segment.packets == 0 {
            return self.remove(tools, &segment);
        }
        segment.register(tools, true);
        tools.shared.sync.directory(names::CATALOG);
        let bytes = measured(disk.as_ref(), &segment.path).max(whole_blocks(segment.appender.length()));
        let bytes = bytes + measured(disk.as_ref(), &catalog);
        let (first_time, last_time) = (segment.first_time, segment.last_time);
        let kept = KeptFile { path: segment.path, catalog: Some(catalog), bytes, first_time, last_time };
        tools.shared.room.close(lane as usize, number, kept, &accounts);
        if let Some(oldest) = tools.shared.room.oldest(lane as usize) {
            tools.shared.sync.forget_before(lane, oldest);
        }
    }

    /// Removes what there is of a segment without packets.
    fn remove(&self, tools: &Tools, segment: &Segment) {
        let (lane, number) = (self.lane, segment.name.number);
        tools.shared.sync.forget(lane, number);
        let _ = tools.shared.disk.remove(&segment.path);
        let _ = tools.shared.disk.remove(&names::catalog_path(lane, number));
        tools.shared.room.note(Account::Open(lane), 0);
        tools.shared.room.note(Account::Catalog(lane), 0);
    }
}
