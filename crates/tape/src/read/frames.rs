//! The frames of a segment: as its index has them, as they are found by walking, and as the journal goes on with them.

use std::fs::{self, File};
use std::io::ErrorKind;

use super::scan::{contents, read_up_to};
use super::{Frame, Stored, Tape};
use crate::format::catalog::{self, FrameRecord, HOLDS_INTERFACES};
use crate::format::journal;
use crate::format::names::{self, Encoding, SegmentName};
use crate::format::zstd_frame::{self, FRAME_BYTES_MAX, Measure};
use crate::{Error, Lane};

impl Tape {
    /// The frames of a segment, with what the journal adds to it.
    pub(super) fn frames_of(
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
        } else if length == 0 && !is_open {
            self.notes.damaged(&path, "it is empty");
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

fn frame_of(lane: Lane, segment: SegmentName, record: &FrameRecord) -> Frame {
    place(lane, segment, record, Stored::File { coffset: record.coffset, cbytes: record.cbytes })
}

fn place(lane: Lane, segment: SegmentName, record: &FrameRecord, stored: Stored) -> Frame {
    Frame {
        number: 0,
        part: 0..record.ubytes,
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
