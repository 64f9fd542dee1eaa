//! What happened from one checkpoint to the next.

use crate::entry::NONE;
use crate::lane::Lane;
use crate::part::{EndReason, FlowPart};
use crate::sums::{Share, Shared, Sums};

/// Number of a frame, as whoever writes frames counts them; different in every lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameRef(pub u32);

/// A flow has packets in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// Index into [`Period::parts`], or [`ROWLESS`].
    pub part: u32,
    /// Number of the frame.
    pub frame: u32,
}

/// In place of a part: the frame holds packets whose flows are not listed, so that it has to be read to know.
pub const ROWLESS: u32 = u32::MAX;

/// Everything that happened since the last checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// A part for every flow that had packets, those that have ended included; in no particular order.
    pub parts: Vec<FlowPart>,
    /// Where the packets are; a pair may stand in it more than once.
    pub locations: Vec<Location>,
    /// The table's clock at its end ([`FlowTable::clock`](crate::FlowTable::clock)): flows end by it.
    pub clock_ns: u64,
}

/// A period that is not over.
///
/// Parts are numbered on over periods, so that a number from an earlier one is known for what it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenPeriod {
    /// Arrival number of the first packet.
    pub(crate) first_arrival: Option<u64>,
    /// Number of the first part.
    base: u32,
    /// For each part its index in `ended`, or [`LIVE`].
    places: Vec<u32>,
    ended: Vec<FlowPart>,
    /// Live flows that will have a row of their own.
    live_rows: usize,
    locations: Vec<Location>,
    rowless_frame: Option<FrameRef>,
    sums: Sums,
}

const LIVE: u32 = u32::MAX;

impl OpenPeriod {
    /// Parts of flows that have ended: those of live flows take no room before the period ends.
    #[inline]
    pub(crate) fn ended_count(&self) -> usize {
        self.ended.len()
    }

    #[inline]
    pub(crate) fn location_count(&self) -> usize {
        self.locations.len()
    }

    /// Rows that there would be if it ended now.
    #[inline]
    pub(crate) fn row_count(&self) -> usize {
        self.ended.len() + self.live_rows
    }

    /// A live flow will have a row of its own.
    #[inline]
    pub(crate) fn begin_row(&mut self) {
        self.live_rows += 1;
    }

    /// It has ended, or has its part behind it.
    #[inline]
    pub(crate) fn end_row(&mut self) {
        self.live_rows = self.live_rows.saturating_sub(1);
    }

    /// Number of a new part.
    #[inline]
    pub(crate) fn begin_part(&mut self) -> u32 {
        self.places.push(LIVE);
        self.base + (self.places.len() - 1) as u32
    }

    /// Notes that a part has ended.
    pub(crate) fn end_part(&mut self, number: u32, part: FlowPart) {
        self.places[(number - self.base) as usize] = self.ended.len() as u32;
        self.ended.push(part);
    }

    /// Notes that a part has ended, or goes on, that shares a row; true if it is the row's first.
    pub(crate) fn sum_part(&mut self, number: u32, part: FlowPart, of: (&[u8; 16], u64), share: Share) -> bool {
        match self.sums.add(part, &mut self.ended, of, share) {
            Shared::Added(place) => {
                self.places[(number - self.base) as usize] = place;
                false
            }
            Shared::Begins(part) => {
                self.end_part(number, *part);
                true
            }
        }
    }

    /// Parts that were begun.
    pub(crate) fn part_count(&self) -> usize {
        self.places.len()
    }

    /// Adds what was kept of a flow that has ended; false if the part is of an earlier period.
    pub(crate) fn add_to_ended(&mut self, number: u32, lane: Lane, kept_bytes: u32) -> bool {
        let place = number.checked_sub(self.base).and_then(|n| self.places.get(n as usize));
        let Some(place) = place else { return false };
        if let Some(part) = self.ended.get_mut(*place as usize) {
            part.lanes.insert(lane);
            part.captured_bytes += u64::from(kept_bytes);
        }
        true
    }

    /// Notes that a part has packets in a frame.
    #[inline]
    pub(crate) fn locate(&mut self, number: u32, frame: FrameRef) {
        self.locations.push(Location { part: number - self.base, frame: frame.0 });
    }

    /// Notes that a frame holds packets that no part counts.
    pub(crate) fn locate_rowless(&mut self, frame: FrameRef) {
        if self.rowless_frame != Some(frame) {
            self.rowless_frame = Some(frame);
            self.locations.push(Location { part: ROWLESS, frame: frame.0 });
        }
    }

    /// Ends the period; `live` gives the numbers and parts of live flows that have one.
    pub(crate) fn close(&mut self, live: impl Iterator<Item = (u32, FlowPart)>, clock_ns: u64) -> Period {
        let mut parts = std::mem::take(&mut self.ended);
        let mut places = std::mem::take(&mut self.places);
        let mut locations = std::mem::take(&mut self.locations);
        parts.reserve_exact(places.iter().filter(|place| **place == LIVE).count());
        let shared = |part: &FlowPart| part.end_reason == Some(EndReason::Summed);
        let shared: Vec<bool> = parts.iter().map(shared).collect();
        for (number, part) in live {
            places[(number - self.base) as usize] = parts.len() as u32;
            parts.push(part);
        }
        for location in &mut locations {
            let part = places.get(location.part as usize).copied().unwrap_or(ROWLESS);
            // Whose packets they are, the row does not tell: they have to be read.
            location.part = if shared.get(part as usize) == Some(&true) { ROWLESS } else { part };
        }
        // Far from `NONE`, whatever the size of a period.
        let base = self.base + places.len() as u32;
        *self = Self { base: if base >= NONE / 2 { 0 } else { base }, ..Self::default() };
        Period { parts, locations, clock_ns }
    }
}
