//! Which file goes when room is needed: the oldest of the lane that is furthest over its share.

use std::collections::BTreeMap;

use packet::Timestamp;

use crate::Lane;

/// Lanes, and the flow files beside them.
pub(crate) const SHELVES: usize = Lane::ALL.len() + 1;
/// The flow files' place among the shelves.
pub(crate) const FLOWS_SHELF: usize = Lane::ALL.len();

/// Hundredths of the budget, in the order of the shelves; normalised over those that count.
const SHARES: [u64; SHELVES] = [30, 20, 20, 10, 30, 10];

/// A closed file that ageing may remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptFile {
    /// Relative to the tape.
    pub(crate) path: std::path::PathBuf,
    /// Its index, if it has one.
    pub(crate) catalog: Option<std::path::PathBuf>,
    /// What both take on the disk.
    pub(crate) bytes: u64,
    /// Time of its earliest packet.
    pub(crate) first_time: Timestamp,
    /// Time of its latest packet.
    pub(crate) last_time: Timestamp,
}

/// The files of one lane, or the flow files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    /// Closed files by number.
    pub(crate) closed: BTreeMap<u64, KeptFile>,
    /// What they take.
    pub(crate) closed_bytes: u64,
    /// What the open segment and its index take.
    pub(crate) open_bytes: u64,
}

impl Shelf {
    pub(crate) fn bytes(&self) -> u64 {
        self.closed_bytes + self.open_bytes
    }
}

/// The share of each shelf in a budget; transit has one where there is any.
pub(crate) fn shares(budget_bytes: u64, has_transit: bool) -> [u64; SHELVES] {
    let mut shares = SHARES;
    if !has_transit {
        shares[Lane::Transit as usize] = 0;
    }
    let sum: u64 = shares.iter().sum();
    shares
        .map(|share| u64::try_from(u128::from(budget_bytes) * u128::from(share) / u128::from(sum)).unwrap_or(u64::MAX))
}

/// The shelf whose oldest file goes next, if any that is free to lose it has one.
pub(crate) fn furthest_over(shelves: &[Shelf; SHELVES], budget_bytes: u64, is_free: [bool; SHELVES]) -> Option<usize> {
    let shares = shares(budget_bytes, shelves[Lane::Transit as usize].bytes() > 0);
    let over = |index: &usize| {
        // A ratio in parts per million; a share of nothing is as far over as can be.
        let (bytes, share) = (u128::from(shelves[*index].bytes()), u128::from(shares[*index]));
        (bytes * 1_000_000).checked_div(share).unwrap_or(u128::MAX)
    };
    (0..SHELVES).filter(|index| is_free[*index] && !shelves[*index].closed.is_empty()).max_by_key(over)
}

/// When a lane's segment is full: 1/256 of its share within 4 MiB to 4 GiB, and at most 1/16 of the share.
pub(crate) fn segment_bytes_max(budget_bytes: u64, lane: Lane) -> u64 {
    let share = shares(budget_bytes, true)[lane as usize];
    (share / 256).clamp(4 << 20, 4 << 30).min(share / 16)
}

/// How long a frame may become, given the segments of its lane.
pub(crate) fn frame_bytes_max(segment_bytes_max: u64) -> usize {
    usize::try_from(segment_bytes_max / 4).unwrap_or(usize::MAX).clamp(8 << 10, 1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(files: u64, bytes: u64, open_bytes: u64) -> Shelf {
        let file = |number: u64| KeptFile {
            path: format!("{number}").into(),
            catalog: None,
            bytes,
            first_time: Timestamp(0),
            last_time: Timestamp(0),
        };
        let closed: BTreeMap<_, _> = (1..=files).map(|number| (number, file(number))).collect();
        Shelf { closed, closed_bytes: files * bytes, open_bytes }
    }

    #[track_caller]
    fn check(bytes: [(u64, u64); SHELVES], expected: Option<usize>) {
        let shelves = bytes.map(|(files, open_bytes)| shelf(files, 10, open_bytes));
        assert_eq!(furthest_over(&shelves, 1000, [true; SHELVES]), expected);
    }

    #[test]
    fn the_lane_furthest_over_its_share_goes_first() {
        check([(0, 0); SHELVES], None);
        check([(50, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)], Some(0));
        // Equal bytes: the smallest share is furthest over.
        check([(20, 0), (20, 0), (0, 0), (20, 0), (20, 0), (0, 0)], Some(3));
        // Only an open segment there: nothing of it can go.
        check([(20, 0), (20, 0), (0, 0), (0, 900), (20, 0), (0, 0)], Some(1));
        check([(60, 0), (20, 0), (0, 0), (1, 0), (55, 0), (1, 0)], Some(0));
    }

    #[test]
    fn segments_are_some_thousands_whatever_the_budget() {
        for (budget_bytes, lane, expected) in [
            (10_000_000, Lane::Client, 156_250),
            (10_000_000, Lane::Junk, 52_083),
            (10_000_000_000, Lane::Client, 9_765_625),
            (4_000_000_000, Lane::Client, 4 << 20),
            (1 << 50, Lane::Bulk, 4 << 30),
        ] {
            assert_eq!(segment_bytes_max(budget_bytes, lane), expected, "{budget_bytes} {lane:?}");
        }
    }
}
