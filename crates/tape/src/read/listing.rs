//! Which frames a tape holds.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use packet::Timestamp;

use super::{Frame, Tape};
use crate::format::journal;
use crate::format::names::{self, FlowFileName, SegmentName};
use crate::format::segments::{self, SegmentRecord};
use crate::format::state::Position;
use crate::{Error, Lane};

/// What a tape holds: the names of its segments; their frames are listed when they are asked for.
pub(crate) struct Listing {
    lanes: [LaneListing; Lane::ALL.len()],
}

#[derive(Default)]
struct LaneListing {
    segments: Vec<SegmentName>,
    /// Read before the names: what has left it since is in segments that are there.
    journal: Vec<journal::JournalFrame>,
    frames: HashMap<u64, Arc<[Frame]>>,
    /// What the catalog says of closed segments, once somebody has asked.
    records: Option<Vec<SegmentRecord>>,
}

impl Listing {
    /// The segments of a lane, oldest first.
    pub(crate) fn segments(&self, lane: Lane) -> &[SegmentName] {
        &self.lanes[lane.number()].segments
    }

    /// The frames of a segment, those of the open journal last; none if it is not there.
    pub(crate) fn frames(&mut self, tape: &mut Tape, lane: Lane, number: u64) -> Result<Arc<[Frame]>, Error> {
        let of_lane = &mut self.lanes[lane.number()];
        if let Some(frames) = of_lane.frames.get(&number) {
            return Ok(frames.clone());
        }
        let place = of_lane.segments.binary_search_by_key(&number, |name| name.number);
        let frames: Arc<[Frame]> = match place.ok().and_then(|place| Some((place, of_lane.segments.get(place)?))) {
            Some((place, name)) => {
                let is_open = place + 1 == of_lane.segments.len();
                let journal = if is_open { of_lane.journal.as_slice() } else { &[] };
                tape.frames_of(lane, name, is_open, journal)?.into()
            }
            None => Arc::new([]),
        };
        of_lane.frames.insert(number, frames.clone());
        Ok(frames)
    }

    /// The frame that has what is at an offset of a segment's content: it may begin before, where a reader had to cut
    /// the content by itself.
    pub(crate) fn find(
        &mut self,
        tape: &mut Tape,
        lane: Lane,
        number: u64,
        uoffset: u64,
    ) -> Result<Option<Frame>, Error> {
        let frames = self.frames(tape, lane, number)?;
        let next = frames.partition_point(|frame| frame.uoffset <= uoffset);
        let frame = next.checked_sub(1).and_then(|place| frames.get(place));
        Ok(frame.filter(|frame| uoffset < frame.uend()).cloned())
    }

    /// The frames of a lane with something from a position on and before another one, if there is one. The first and the
    /// last can have more, where a reader had to cut the content by itself.
    pub(crate) fn between(
        &mut self,
        tape: &mut Tape,
        lane: Lane,
        from: Position,
        to: Option<Position>,
    ) -> Result<Vec<Frame>, Error> {
        self.between_in_time(tape, lane, (from, to), (None, None))
    }

    /// As `between`, without segments that have no packets of some times.
    pub(crate) fn between_in_time(
        &mut self,
        tape: &mut Tape,
        lane: Lane,
        (from, to): (Position, Option<Position>),
        times: (Option<Timestamp>, Option<Timestamp>),
    ) -> Result<Vec<Frame>, Error> {
        let last = to.map_or(u64::MAX, |to| to.segment);
        let in_range = |name: &&SegmentName| (from.segment..=last).contains(&name.number);
        let names: Vec<SegmentName> = self.segments(lane).iter().filter(in_range).copied().collect();
        let mut between = Vec::new();
        for name in names {
            let is_in_time = times == (None, None)
                || self.record(tape, lane, &name).is_none_or(|record| record.overlaps(times.0, times.1));
            if is_in_time {
                let frames = self.frames(tape, lane, name.number)?;
                let is_between = |frame: &&Frame| frame.end() > from && to.is_none_or(|to| frame.position() < to);
                between.extend(frames.iter().filter(is_between).cloned());
            }
        }
        Ok(between)
    }

    /// What the catalog says of a closed segment; `None` if it says nothing, or it is not closed.
    pub(crate) fn record(&mut self, tape: &Tape, lane: Lane, name: &SegmentName) -> Option<SegmentRecord> {
        let of_lane = &mut self.lanes[lane.number()];
        let records = of_lane.records.get_or_insert_with(|| tape.segment_records(lane));
        let place = records.binary_search_by_key(&name.number, |record| record.number).ok()?;
        records.get(place).filter(|record| record.name_time == name.time).copied()
    }

    /// How many frames have been listed.
    pub(crate) fn listed(&self) -> u64 {
        self.lanes.iter().flat_map(|lane| lane.frames.values()).map(|frames| frames.len() as u64).sum()
    }

    /// The frames of a lane's oldest segment that has packets.
    pub(crate) fn oldest(&mut self, tape: &mut Tape, lane: Lane) -> Result<Arc<[Frame]>, Error> {
        self.first_with_packets(tape, lane, |segments| segments.iter().map(|name| name.number).collect())
    }

    /// The frames of a lane's newest segment that has packets.
    pub(crate) fn newest(&mut self, tape: &mut Tape, lane: Lane) -> Result<Arc<[Frame]>, Error> {
        self.first_with_packets(tape, lane, |segments| segments.iter().rev().map(|name| name.number).collect())
    }

    fn first_with_packets(
        &mut self,
        tape: &mut Tape,
        lane: Lane,
        order: impl Fn(&[SegmentName]) -> Vec<u64>,
    ) -> Result<Arc<[Frame]>, Error> {
        for number in order(self.segments(lane)) {
            let frames = self.frames(tape, lane, number)?;
            if frames.iter().any(|frame| frame.packets > 0) {
                return Ok(frames);
            }
        }
        Ok(Arc::new([]))
    }
}

impl Tape {
    /// The names of all segments, and what the open journals hold.
    pub(crate) fn list(&mut self) -> Result<Listing, Error> {
        let mut listing = Listing { lanes: Default::default() };
        for lane in Lane::ALL {
            listing.lanes[lane.number()] = self.list_lane(lane)?;
        }
        Ok(listing)
    }

    fn list_lane(&mut self, lane: Lane) -> Result<LaneListing, Error> {
        let journal = self.journal(lane);
        Ok(LaneListing { segments: self.segment_names(lane)?, journal, frames: HashMap::new(), records: None })
    }

    /// All frames of all lanes, in the order of each lane; those of the open journals come last in it.
    pub(crate) fn frames(&mut self) -> Result<Vec<Frame>, Error> {
        let mut frames = Vec::new();
        for lane in Lane::ALL {
            frames.extend(self.lane_frames(lane, 0)?);
        }
        for (number, frame) in (0..).zip(&mut frames) {
            frame.number = number;
        }
        Ok(frames)
    }

    /// The frames of a lane from segment `first` on.
    pub(crate) fn lane_frames(&mut self, lane: Lane, first: u64) -> Result<Vec<Frame>, Error> {
        let LaneListing { segments, journal, .. } = self.list_lane(lane)?;
        let mut frames = Vec::new();
        for (index, name) in segments.iter().enumerate().filter(|(_, name)| name.number >= first) {
            let is_open = index + 1 == segments.len();
            frames.extend(self.frames_of(lane, name, is_open, if is_open { &journal } else { &[] })?);
        }
        Ok(frames)
    }

    /// The segments of a lane, oldest first.
    pub(crate) fn segment_names(&mut self, lane: Lane) -> Result<Vec<SegmentName>, Error> {
        let directory = self.directory.join(lane.name());
        let mut segments: Vec<SegmentName> =
            file_names(&directory)?.iter().filter_map(|name| SegmentName::parse(name)).collect();
        segments.sort_by_key(|name| name.number);
        segments.dedup_by_key(|name| name.number);
        Ok(segments)
    }

    /// What the catalog says of a lane's closed segments: nothing where it is missing.
    fn segment_records(&self, lane: Lane) -> Vec<SegmentRecord> {
        segments::decode(&fs::read(self.directory.join(names::segments_path(lane))).unwrap_or_default())
    }

    /// The flow files, oldest first.
    pub(crate) fn flow_files(&self) -> Result<Vec<FlowFileName>, Error> {
        let names = file_names(&self.directory.join(names::FLOWS))?;
        let mut files: Vec<FlowFileName> = names.iter().filter_map(|name| FlowFileName::parse(name)).collect();
        files.sort_by_key(|name| name.number);
        Ok(files)
    }

    fn journal(&mut self, lane: Lane) -> Vec<journal::JournalFrame> {
        let path = self.directory.join(names::journal_path(lane));
        match fs::read(&path) {
            Ok(bytes) => journal::decode(&bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                self.notes.damaged(&path, error.to_string());
                Vec::new()
            }
        }
    }
}

/// The names in a directory; none if it does not exist.
pub(super) fn file_names(directory: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("listing", directory)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::io("listing", directory))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}
