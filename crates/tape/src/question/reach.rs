//! How far back the lanes of a tape go.

use flow::{Lane, LaneSet};

use super::view::View;
use crate::Error;

/// How far back each lane goes, by arrival number.
pub(super) struct Reach {
    oldest: [u64; Lane::ALL.len()],
}

impl Reach {
    /// Of a tape's lanes.
    pub(super) fn of(view: &mut View) -> Result<Self, Error> {
        let mut oldest = [u64::MAX; Lane::ALL.len()];
        for lane in Lane::ALL {
            let first = view.listing.segments(lane).first().copied();
            if let Some(name) = first
                && let Some(record) = view.listing.record(&view.tape, lane, &name)
            {
                oldest[lane.number()] = if name.number <= 1 { 0 } else { record.arrivals.0 };
                continue;
            }
            let frames = view.listing.oldest(&mut view.tape, lane)?;
            for frame in frames.iter().filter(|frame| frame.packets > 0) {
                let of_lane = &mut oldest[lane.number()];
                // The first segment of all: nothing of this lane has ever gone.
                *of_lane = if frame.segment.number <= 1 { 0 } else { (*of_lane).min(frame.arrivals.0) };
            }
        }
        Ok(Self { oldest })
    }

    /// The lanes that still have everything from an arrival number on.
    pub(super) fn lanes_since(&self, arrival: u64) -> LaneSet {
        Lane::ALL.into_iter().filter(|lane| self.oldest[lane.number()] <= arrival).collect()
    }
}
