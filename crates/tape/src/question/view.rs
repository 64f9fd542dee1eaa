//! A tape as a question finds it.

use std::collections::HashMap;
use std::path::Path;

use packet::Timestamp;

use super::explain::Stages;
use crate::format::state::{Covers, Position};
use crate::index::Catalog;
use crate::read::{Frame, Listing, State, Tape};
use crate::rows::FramePlace;
use crate::{Error, Lane};

/// A tape as a question finds it: what there is, of which only what is needed is read.
pub(super) struct View {
    pub(super) tape: Tape,
    pub(super) state: Option<State>,
    pub(super) catalog: Catalog,
    pub(super) listing: Listing,
    pub(super) places: Places,
    pub(super) stages: Stages,
    /// Rows that tell not all that was said, where that matters.
    pub(super) beyond_heads: u64,
}

impl View {
    /// Opens the tape in `directory`.
    ///
    /// The state comes first, segments last: what is written meanwhile makes the state older than the flow files, and
    /// the flow files older than the segments, never newer, and what is between them is replayed.
    pub(super) fn open(directory: &Path) -> Result<Self, Error> {
        let mut stages = Stages::default();
        let mut tape = Tape::open(directory)?;
        let state = tape.state();
        let catalog = Catalog::open(directory)?;
        let listing = tape.list()?;
        let segments: usize = Lane::ALL.into_iter().map(|lane| listing.segments(lane).len()).sum();
        stages.end("segments", segments as u64, segments as u64, 0);
        Ok(Self { tape, state, catalog, listing, places: Places::default(), stages, beyond_heads: 0 })
    }

    /// The frames of places by their numbers, each once, in the order of lanes; `None` for those that are gone.
    pub(super) fn resolve(&mut self, numbers: impl Iterator<Item = u32>) -> Result<Resolved, Error> {
        let mut numbers: Vec<u32> = numbers.collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut resolved = Resolved::default();
        for number in numbers {
            let Some(FramePlace { lane: Some(lane), segment, uoffset }) = self.places.place(number) else { continue };
            match self.listing.find(&mut self.tape, lane, segment, uoffset)? {
                Some(frame) => resolved.frames.push(frame),
                None => resolved.missing.push(number),
            }
        }
        sort_and_dedup(&mut resolved.frames);
        Ok(resolved)
    }

    /// Whether a place that no frame has is of a segment that is there: its bytes have not reached the file yet.
    pub(super) fn is_still_to_come(&self, number: u32) -> bool {
        let Some(FramePlace { lane: Some(lane), segment, .. }) = self.places.place(number) else { return false };
        self.listing.segments(lane).first().is_some_and(|oldest| oldest.number <= segment)
    }

    /// Notes that frames that were wanted have gone.
    pub(super) fn note_missing(&mut self, numbers: &[u32]) {
        let lanes = numbers.iter().filter_map(|number| self.places.place(*number)?.lane);
        lanes.for_each(|lane| self.tape.notes.evicted(lane));
    }

    /// The latest time of a packet in the newest segments.
    pub(super) fn latest(&mut self) -> Result<Timestamp, Error> {
        let mut latest = None;
        for lane in Lane::ALL {
            let frames = self.listing.newest(&mut self.tape, lane)?;
            latest = latest.max(frames.iter().filter(|frame| frame.packets > 0).map(|frame| frame.times.1).max());
        }
        Ok(latest.unwrap_or_default())
    }

    /// Where each lane ends.
    pub(super) fn end(&mut self) -> Result<Covers, Error> {
        let mut end = Covers::default();
        for lane in Lane::ALL {
            let Some(newest) = self.listing.segments(lane).last().copied() else { continue };
            let frames = self.listing.frames(&mut self.tape, lane, newest.number)?;
            let uoffset = frames.last().map_or(0, Frame::uend);
            end.set(lane, Position { segment: newest.number, uoffset });
        }
        Ok(end)
    }
}

/// Puts frames in the order of lanes, each once.
pub(crate) fn sort_and_dedup(frames: &mut Vec<Frame>) {
    let place = |frame: &Frame| (frame.lane.number(), frame.position());
    frames.sort_unstable_by_key(place);
    frames.dedup_by_key(|frame| place(frame));
}

/// Frames by their places.
#[derive(Default)]
pub(super) struct Resolved {
    pub(super) frames: Vec<Frame>,
    /// Numbers of places that no frame has any more, ascending.
    pub(super) missing: Vec<u32>,
}

impl Resolved {
    /// Whether a place has gone.
    pub(super) fn is_missing(&self, number: u32) -> bool {
        self.missing.binary_search(&number).is_ok()
    }
}

/// Places of frames, numbered as they turn up.
#[derive(Default)]
pub(super) struct Places {
    numbers: HashMap<FramePlace, u32>,
    places: Vec<FramePlace>,
}

impl Places {
    /// The number of a place.
    pub(super) fn number(&mut self, place: FramePlace) -> u32 {
        *self.numbers.entry(place).or_insert_with(|| {
            self.places.push(place);
            self.places.len() as u32 - 1
        })
    }

    /// The number of a frame's place.
    pub(super) fn number_of(&mut self, frame: &Frame) -> u32 {
        self.number(FramePlace { lane: Some(frame.lane), segment: frame.segment.number, uoffset: frame.uoffset })
    }

    fn place(&self, number: u32) -> Option<FramePlace> {
        self.places.get(number as usize).copied()
    }
}
