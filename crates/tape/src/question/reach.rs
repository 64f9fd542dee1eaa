//! How far back the lanes of a tape go.

use flow::{Lane, LaneSet};

use crate::read::Frame;

/// How far back each lane goes, by arrival number.
pub(super) struct Reach {
    oldest: [u64; Lane::ALL.len()],
}

impl Reach {
    /// Of all frames of a tape.
    pub(super) fn of(frames: &[Frame]) -> Self {
        let mut oldest = [u64::MAX; Lane::ALL.len()];
        for frame in frames.iter().filter(|frame| frame.packets > 0) {
            let of_lane = &mut oldest[frame.lane.number()];
            // The first segment of all: nothing of this lane has ever gone.
            *of_lane = if frame.segment.number <= 1 { 0 } else { (*of_lane).min(frame.arrivals.0) };
        }
        Self { oldest }
    }

    /// The lanes that still have everything from an arrival number on.
    pub(super) fn lanes_since(&self, arrival: u64) -> LaneSet {
        Lane::ALL.into_iter().filter(|lane| self.oldest[lane.number()] <= arrival).collect()
    }
}
