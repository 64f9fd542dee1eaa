//! Which frames a tape holds.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::scan::{contents, read_up_to};
use super::{Frame, Stored, Tape};
use crate::format::catalog::{self, FrameRecord, HOLDS_INTERFACES};
use crate::format::journal;
use crate::format::names::{self, Encoding, FlowFileName, SegmentName};
use crate::format::state::Position;
use crate::format::zstd_frame::{self, FRAME_BYTES_MAX, Measure};
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

    /// The frames of a lane from a position on and before another one, if there is one.
    pub(crate) fn between(
        &mut self,
        tape: &mut Tape,
        lane: Lane,
        from: Position,
        to: Option<Position>,
    ) -> Result<Vec<Frame>, Error> {
        let to = to.unwrap_or(Position { segment: u64::MAX, uoffset: u64::MAX });
        let numbers: Vec<u64> = self.segments(lane).iter().map(|name| name.number).collect();
        let mut between = Vec::new();
        for number in numbers.into_iter().filter(|number| (from.segment..=to.segment).contains(number)) {
            let frames = self.frames(tape, lane, number)?;
            between.extend(frames.iter().filter(|frame| (from..to).contains(&frame.position())).cloned());
        }
        Ok(between)
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
        Ok(LaneListing { segments: self.segment_names(lane)?, journal, frames: HashMap::new() })
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

    /// The frames of a segment, with what the journal adds to it.
    fn frames_of(
        &mut self,
        lane: Lane,
        name: &SegmentName,
        is_open: bool,
        journal: &[journal::JournalFrame],
    ) -> Result<Vec<Frame>, Error> {
        let mut frames = self.segment_frames(lane, name, is_open)?;
        let mut end = frames.last().map_or(0, Frame::uend);
        for frame in journal.iter().filter(|frame| frame.segment == name.number) {
            if frame.uoffset >= end && !frame.bytes.is_empty() {
                let record = FrameRecord { uoffset: frame.uoffset, ..contents(&frame.bytes, 0) };
                end = record.uend();
                frames.push(place(lane, *name, &record, Stored::Journal(frame.bytes.as_slice().into())));
            }
        }
        for frame in frames.iter().filter(|frame| frame.describes) {
            let known = self.descriptions.entry((lane, frame.segment.number)).or_default();
            if known.last().is_none_or(|last| last.uoffset < frame.uoffset) {
                known.push(frame.clone());
            }
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

    /// The frames of a segment: those of its index, and what is found by walking behind them.
    fn segment_frames(&mut self, lane: Lane, name: &SegmentName, is_open: bool) -> Result<Vec<Frame>, Error> {
        let index = fs::read(self.directory.join(names::catalog_path(lane, name.number))).unwrap_or_default();
        let mut records = catalog::decode(&index, name.number);
        let path = self.path(lane, name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.notes.evicted(lane);
                return Ok(Vec::new());
            }
            Err(error) => return Err(Error::io("opening", &path)(error)),
        };
        let length = file.metadata().map_err(Error::io("looking at", &path))?.len();
        let beyond = records.iter().position(|record| record.cend() > length);
        if let Some(beyond) = beyond {
            records.truncate(beyond);
            self.notes.damaged(&path, format!("it is cut off at {length} bytes"));
        }
        let end = records.last().map_or(0, FrameRecord::cend);
        if end < length && beyond.is_none() {
            let walked = match name.encoding {
                Encoding::Zstd => walk_zstd(&file, length, &mut records),
                Encoding::Plain => walk_plain(&file, length, &mut records),
            };
            let walked = walked.map_err(Error::io("reading", &path))?;
            // Behind the last whole frame of the newest segment is what is being written.
            if walked < length && !is_open {
                self.notes.damaged(&path, format!("from byte {walked} on there is no frame"));
            }
        }
        Ok(records.iter().map(|record| frame_of(lane, *name, record)).collect())
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

fn frame_of(lane: Lane, segment: SegmentName, record: &FrameRecord) -> Frame {
    place(lane, segment, record, Stored::File { coffset: record.coffset, cbytes: record.cbytes })
}

fn place(lane: Lane, segment: SegmentName, record: &FrameRecord, stored: Stored) -> Frame {
    Frame {
        number: 0,
        skip: 0,
        lane,
        segment,
        uoffset: record.uoffset,
        ubytes: record.ubytes,
        packets: record.packets,
        arrivals: (record.first_arrival, record.last_arrival),
        times: (record.first_time, record.last_time),
        describes: record.flags & HOLDS_INTERFACES != 0,
        interfaces: record.interfaces,
        stored,
    }
}

/// Adds the frames behind `records` as far as they are whole; returns where they end in the file.
fn walk_zstd(file: &File, length: u64, records: &mut Vec<FrameRecord>) -> std::io::Result<u64> {
    let mut end = records.last().map_or(0, FrameRecord::cend);
    let mut decompressor = zstd::bulk::Decompressor::new()?;
    let mut bytes = Vec::new();
    while end < length {
        let Some((frame, ubytes)) = whole_zstd_frame(file, end)? else { break };
        bytes.clear();
        bytes.reserve(ubytes);
        if decompressor.decompress_to_buffer(&frame, &mut bytes).is_err() || bytes.len() != ubytes {
            break;
        }
        let before = records.last().copied().unwrap_or_default();
        let found = contents(&bytes, before.interfaces);
        let (ubytes, cbytes) = (ubytes as u32, frame.len() as u32);
        records.push(FrameRecord { uoffset: before.uend(), coffset: before.cend(), ubytes, cbytes, ..found });
        end += u64::from(cbytes);
    }
    Ok(end)
}

/// The zstd frame at `offset` and how long its content is; `None` if there is no whole one with content.
fn whole_zstd_frame(file: &File, offset: u64) -> std::io::Result<Option<(Vec<u8>, usize)>> {
    let mut wanted = FRAME_BYTES_MAX + zstd_frame::ALIGNMENT;
    loop {
        let mut bytes = read_up_to(file, offset, wanted)?;
        match zstd_frame::measure(&bytes) {
            Measure::Whole { cbytes, ubytes, .. } if ubytes > 0 => {
                bytes.truncate(cbytes);
                return Ok(Some((bytes, ubytes)));
            }
            Measure::More(needed) if bytes.len() == wanted && needed > wanted => wanted = needed,
            _ => return Ok(None),
        }
    }
}

/// As [`walk_zstd`], of a segment that is not compressed: whole blocks become frames of about 1 MiB.
fn walk_plain(file: &File, length: u64, records: &mut Vec<FrameRecord>) -> std::io::Result<u64> {
    let mut end = records.last().map_or(0, FrameRecord::cend);
    let mut window_bytes = FRAME_BYTES_MAX;
    while end < length {
        let window = read_up_to(file, end, window_bytes)?;
        let before = records.last().copied().unwrap_or_default();
        let found = contents(&window, before.interfaces);
        if found.ubytes == 0 {
            if window.len() == window_bytes && window_bytes <= 16 * FRAME_BYTES_MAX {
                window_bytes *= 4;
                continue;
            }
            break;
        }
        records.push(FrameRecord { uoffset: before.uend(), coffset: before.cend(), cbytes: found.ubytes, ..found });
        end += u64::from(found.ubytes);
    }
    Ok(end)
}
