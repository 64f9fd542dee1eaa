//! Which frames a flow file names: those that rows refer to one by one, those that hold packets without a row as ranges.

use std::collections::HashMap;

use flow::{Location, ROWLESS};

use crate::Lane;
use crate::checkpoint::FramePosition;
use crate::format::state::Position;
use crate::rows::{FramePlace, Rowless};

/// The frames of a period, as its flow file names them.
pub(crate) struct Listed {
    /// Those that rows refer to.
    pub(crate) frames: Vec<FramePlace>,
    /// Pairs of a row's part and an index into them.
    pub(crate) locations: Vec<(u32, u32)>,
    /// Those with packets that have no row, for [`ranges`].
    pub(crate) stretches: Vec<Stretch>,
}

/// Frames without rows that follow each other, and how many there are with rows only between them and the next ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    range: Rowless,
    /// `None` where the next ones are in another lane.
    until_next: Option<u32>,
}

/// What is known of a frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    lane: usize,
    position: Position,
    is_rowless: bool,
}

impl Listed {
    /// Sorts out the `locations` of a period whose frames were written at these positions; of `uncounted` ones no row
    /// tells.
    pub(crate) fn new(
        locations: Vec<Location>,
        written: &HashMap<u32, FramePosition>,
        uncounted: &[FramePosition],
    ) -> Self {
        let mut places: HashMap<u32, FramePlace> = HashMap::new();
        let mut rowless: HashMap<u32, bool> = written.keys().map(|frame| (*frame, false)).collect();
        // Packets that come one after the other are mostly in the same frame.
        let mut last = None;
        for location in locations.iter().filter(|location| location.part == ROWLESS) {
            if last != Some(location.frame)
                && let Some(is_rowless) = rowless.get_mut(&location.frame)
            {
                *is_rowless = true;
            }
            last = Some(location.frame);
        }
        for location in locations.iter().filter(|location| location.part != ROWLESS) {
            // A frame that was lost has no place.
            if let Some(FramePosition { lane, position: Position { segment, uoffset } }) = written.get(&location.frame)
            {
                let place = FramePlace { lane: Some(*lane), segment: *segment, uoffset: *uoffset };
                places.insert(location.frame, place);
            }
        }
        let mut frames: Vec<(FramePlace, u32)> = places.into_iter().map(|(frame, place)| (place, frame)).collect();
        frames.sort_unstable();
        let indices: HashMap<u32, u32> = frames.iter().zip(0..).map(|((_, frame), index)| (*frame, index)).collect();
        let of_rows = locations.into_iter().filter(|location| location.part != ROWLESS);
        let locations = of_rows.filter_map(|location| Some((location.part, *indices.get(&location.frame)?))).collect();
        let known = rowless.into_iter().filter_map(|(frame, is_rowless)| Some((*written.get(&frame)?, is_rowless)));
        let uncounted = uncounted.iter().map(|frame| (*frame, true));
        let known = known.chain(uncounted).map(|(frame, is_rowless)| Known {
            lane: frame.lane.number(),
            position: frame.position,
            is_rowless,
        });
        Self {
            frames: frames.into_iter().map(|(place, _)| place).collect(),
            locations,
            stretches: stretches(known.collect()),
        }
    }
}

/// Runs of frames without rows, lane by lane.
fn stretches(mut known: Vec<Known>) -> Vec<Stretch> {
    known.sort_unstable();
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut between = 0;
    for frame in known {
        let Some(lane) = Lane::ALL.get(frame.lane).copied() else { continue };
        let before = stretches.last_mut().filter(|stretch| stretch.range.lane == lane);
        match before {
            _ if !frame.is_rowless => between += 1,
            Some(stretch) if between == 0 => stretch.range.last = frame.position,
            before => {
                if let Some(stretch) = before {
                    stretch.until_next = Some(between);
                }
                let range = Rowless { lane, first: frame.position, last: frame.position };
                stretches.push(Stretch { range, until_next: None });
                between = 0;
            }
        }
    }
    stretches
}

/// At most about `ranges_max` ranges that hold all of the stretches: where they are more, those next to each other are
/// joined.
pub(crate) fn ranges(stretches: Vec<Stretch>, ranges_max: usize) -> Vec<Rowless> {
    let mut gaps: Vec<u32> = stretches.iter().filter_map(|stretch| stretch.until_next).collect();
    gaps.sort_unstable();
    let joined = stretches.len().saturating_sub(ranges_max);
    let joins_up_to = joined.checked_sub(1).and_then(|last| gaps.get(last.min(gaps.len().saturating_sub(1))));
    let mut ranges: Vec<Rowless> = Vec::new();
    let mut is_joined = false;
    for Stretch { range, until_next } in stretches {
        match ranges.last_mut() {
            Some(before) if is_joined => before.last = range.last,
            _ => ranges.push(range),
        }
        is_joined = until_next.is_some_and(|gap| joins_up_to.is_some_and(|most| gap <= *most));
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of the junk lane for each letter: `r` with a row, `x` with packets that have none, `b` both.
    #[track_caller]
    fn check(frames: &str, ranges_max: usize, expected: &[(u64, u64)]) {
        let position = |number: u32| Position { segment: u64::from(number / 3), uoffset: u64::from(number) };
        let written: HashMap<u32, FramePosition> = (0..frames.len() as u32)
            .map(|number| (number, FramePosition { lane: Lane::Junk, position: position(number) }))
            .collect();
        let mut locations = Vec::new();
        for (letter, frame) in frames.chars().zip(0..) {
            if letter != 'x' {
                locations.push(Location { part: 7, frame });
            }
            if letter != 'r' {
                locations.push(Location { part: ROWLESS, frame });
            }
        }
        let listed = Listed::new(locations, &written, &[]);
        let with_rows: Vec<u64> =
            frames.chars().zip(0..).filter(|(letter, _)| *letter != 'x').map(|(_, number)| number).collect();
        assert_eq!(listed.frames.iter().map(|frame| frame.uoffset).collect::<Vec<_>>(), with_rows, "{frames}");
        assert_eq!(listed.locations.len(), with_rows.len(), "{frames}");
        let ranges: Vec<(u64, u64)> = ranges(listed.stretches, ranges_max)
            .iter()
            .map(|range| (range.first.uoffset, range.last.uoffset))
            .collect();
        assert_eq!(ranges, expected, "{frames}");
    }

    #[test]
    fn frames_without_rows_are_ranges() {
        check("", 9, &[]);
        check("rrr", 9, &[]);
        check("xxxxxxx", 9, &[(0, 6)]);
        check("rxxbrrxr", 9, &[(1, 3), (6, 6)]);
        check("xrxrrxrrrx", 9, &[(0, 0), (2, 2), (5, 5), (9, 9)]);
        check("xrxrrxrrrx", 3, &[(0, 2), (5, 5), (9, 9)]);
        check("xrxrrxrrrx", 2, &[(0, 5), (9, 9)]);
        check("xrxrrxrrrx", 1, &[(0, 9)]);
        check("xrxrrxrrrx", 0, &[(0, 9)]);
    }

    #[test]
    fn lanes_are_not_joined() {
        let written: HashMap<u32, FramePosition> = [(1, Lane::Client), (2, Lane::Junk), (3, Lane::Junk)]
            .map(|(number, lane)| {
                (number, FramePosition { lane, position: Position { segment: 1, uoffset: number.into() } })
            })
            .into();
        let locations = [1, 2, 3].map(|frame| Location { part: ROWLESS, frame }).to_vec();
        let listed = Listed::new(locations, &written, &[]);
        let ranges = ranges(listed.stretches, 1);
        let lanes: Vec<Lane> = ranges.iter().map(|range| range.lane).collect();
        assert_eq!(lanes, [Lane::Client, Lane::Junk]);
        assert_eq!((ranges[1].first.uoffset, ranges[1].last.uoffset), (2, 3));
    }
}
