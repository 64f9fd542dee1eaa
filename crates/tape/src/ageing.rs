//! Which file goes when room is needed: the oldest of the lane that is furthest over its share.

use std::collections::BTreeMap;

use packet::Timestamp;

use crate::Lane;

/// Lanes, and the flow files beside them.
pub(crate) const SHELVES: usize = Lane::ALL.len() + 1;
/// The flow files' place among the shelves.
pub(crate) const FLOWS_SHELF: usize = Lane::ALL.len();

/// The lanes of heads among the shelves.
const HEADS: [usize; 3] = [Lane::Client as usize, Lane::Server as usize, Lane::Transit as usize];

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

    /// The time between its oldest and newest closed packet.
    pub(crate) fn reach_ns(&self) -> u64 {
        let (oldest, newest) = (self.closed.first_key_value(), self.closed.last_key_value());
        let (Some((_, oldest)), Some((_, newest))) = (oldest, newest) else { return 0 };
        u64::try_from(newest.last_time.since(oldest.first_time)).unwrap_or(0)
    }

    /// Bytes a nanosecond of its files that end so long before its newest.
    pub(crate) fn pace_before(&self, newest_ns: u64) -> f64 {
        let (Some((_, oldest)), Some((_, newest))) = (self.closed.first_key_value(), self.closed.last_key_value())
        else {
            return 0.0;
        };
        let before = newest.last_time.nanoseconds().saturating_sub_unsigned(newest_ns);
        let count = self.closed.values().take_while(|file| file.last_time.nanoseconds() < before).count();
        let bytes: u64 = self.closed.values().take(count).map(|file| file.bytes).sum();
        // Until the next one begins: files can be few.
        let Some(next) = self.closed.values().nth(count) else { return 0.0 };
        let span_ns = next.first_time.since(oldest.first_time);
        if span_ns > 0 { bytes as f64 / span_ns as f64 } else { 0.0 }
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

/// How much of its share each shelf has use for; the others borrow the rest.
///
/// A lender gets it back slowly, a quarter of its share in the time that the tape reaches back: a flood of junk or bulk on
/// a tape that had little of it would otherwise take what others have borrowed, however old that is.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    /// Parts of the shares, from [`CLAIM_MIN`] to 1.
    parts: [f64; SHELVES],
}

/// The part of its share that a shelf always has, and that it may have more than it holds.
const CLAIM_MIN: f64 = 0.25;
const CLAIM_MARGIN: f64 = 0.125;
/// Rows come a file at a time, each up to 1/6 of their share, and get what they lent back as they come.
const ROWS_MARGIN: f64 = 0.5;
/// The part of its share that a shelf gets back in the time that the tape reaches back.
const CLAIM_A_REACH: f64 = 0.25;

impl Default for Claims {
    fn default() -> Self {
        Self { parts: [1.0; SHELVES] }
    }
}

impl Claims {
    /// What each shelf may hold of a full tape, given the shares: their sum is the sum of the shares. Heads lend to heads
    /// first, and junk to rows: those are what a tape is long for. Where nobody wants more than it has, all have as much more.
    pub(crate) fn apply(&self, shares: [u64; SHELVES]) -> [u64; SHELVES] {
        let wanted: [f64; SHELVES] =
            std::array::from_fn(|shelf| if self.parts[shelf] >= 1.0 { shares[shelf] as f64 } else { 0.0 });
        let held: [f64; SHELVES] = std::array::from_fn(|shelf| shares[shelf] as f64 * self.parts[shelf]);
        let lent: [f64; SHELVES] = std::array::from_fn(|shelf| shares[shelf] as f64 - held[shelf]);
        let heads_want: f64 = HEADS.into_iter().map(|shelf| wanted[shelf]).sum();
        let for_heads: f64 = if heads_want > 0.0 { HEADS.into_iter().map(|shelf| lent[shelf]).sum() } else { 0.0 };
        let for_rows = if wanted[FLOWS_SHELF] > 0.0 { lent[Lane::Junk as usize] } else { 0.0 };
        let rest = lent.iter().sum::<f64>() - for_heads - for_rows;
        let wants_rest = if wanted.iter().sum::<f64>() > 0.0 { wanted } else { held };
        let sum = wants_rest.iter().sum::<f64>().max(1.0);
        std::array::from_fn(|shelf| {
            let of_heads = if HEADS.contains(&shelf) { for_heads * wanted[shelf] / heads_want.max(1.0) } else { 0.0 };
            let of_rows = if shelf == FLOWS_SHELF { for_rows } else { 0.0 };
            (held[shelf] + of_heads + of_rows + rest * wants_rest[shelf] / sum) as u64
        })
    }

    /// Lets time pass, as a part of what the tape reaches back; only on a full tape anybody borrows.
    pub(crate) fn pass(&mut self, shares: &[u64; SHELVES], held: &[u64; SHELVES], part: f64) {
        for (shelf, ((claim, share), held)) in self.parts.iter_mut().zip(shares).zip(held).enumerate() {
            let margin = if shelf == FLOWS_SHELF { ROWS_MARGIN } else { CLAIM_MARGIN };
            let wanted = (*held as f64 / (*share).max(1) as f64 + margin).clamp(CLAIM_MIN, 1.0);
            // Rows come for a long time before they have their share, and have a pace of their own.
            let is_at_once = wanted < *claim || shelf == FLOWS_SHELF;
            *claim = if is_at_once { wanted } else { wanted.min(*claim + CLAIM_A_REACH * part) };
        }
    }
}

/// The shelf whose oldest file goes next, if any that is free to lose it has one.
pub(crate) fn furthest_over(
    shelves: &[Shelf; SHELVES],
    shares: &[u64; SHELVES],
    is_free: [bool; SHELVES],
) -> Option<usize> {
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

/// About what a row takes, with its place in the index.
const ROW_BYTES: u64 = 88;
/// About what a flow file takes besides its rows.
const FLOW_FILE_BYTES: u64 = 12 << 10;

/// Rows of a flow file: at most 1/6 of their share. Smaller ones would let evicting take less at once, but a flow has a row in
/// each file that it lives to see.
pub(crate) fn rows_max(budget_bytes: u64) -> u32 {
    // With what junk lends, as nearly always.
    let share = shares(budget_bytes, false)[FLOWS_SHELF] * 5 / 4;
    let rows = (share / 6).saturating_sub(FLOW_FILE_BYTES) / ROW_BYTES;
    u32::try_from(rows).unwrap_or(u32::MAX).clamp(256, 1 << 17)
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
        let shares = shares(1000, shelves[Lane::Transit as usize].bytes() > 0);
        assert_eq!(furthest_over(&shelves, &shares, [true; SHELVES]), expected);
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

    /// Dice.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state >> 33
    }

    #[test]
    fn random_traffic_ages_by_shares_and_adds_up() {
        for seed in 1..200 {
            let mut dice = seed;
            let budget = 10_000;
            let mut shelves: [Shelf; SHELVES] = Default::default();
            let mut claims = Claims::default();
            let (mut arrived, mut evicted, mut number) = ([0; SHELVES], [0; SHELVES], 0);
            let weights: [u64; SHELVES] = std::array::from_fn(|_| 1 + next(&mut dice) % 50);
            for turn in 0..3000 {
                let mut at = next(&mut dice) % weights.iter().sum::<u64>();
                let which = weights.iter().position(|weight| at.checked_sub(*weight).map(|rest| at = rest).is_none());
                let shelf = which.unwrap_or(0);
                let bytes = 1 + next(&mut dice) % 60;
                let has_transit = shelves[Lane::Transit as usize].bytes() > 0;
                let whole = shares(budget, has_transit);
                // Room is made before it is needed.
                while shelves.iter().map(Shelf::bytes).sum::<u64>() + bytes > budget {
                    let shares = claims.apply(whole);
                    let over = |shelf: usize| shelves[shelf].bytes() as f64 / shares[shelf].max(1) as f64;
                    // What a hold still has to look at waits.
                    let free: [bool; SHELVES] = std::array::from_fn(|_| !next(&mut dice).is_multiple_of(4));
                    let can_go = |shelf: &usize| !shelves[*shelf].closed.is_empty();
                    let free =
                        if (0..SHELVES).any(|shelf| free[shelf] && can_go(&shelf)) { free } else { [true; SHELVES] };
                    let victim = furthest_over(&shelves, &shares, free).expect("something can go");
                    assert!(free[victim], "seed {seed}: {victim} is held");
                    let most = (0..SHELVES).filter(|shelf| free[*shelf] && can_go(shelf)).map(over).fold(0.0, f64::max);
                    assert!(over(victim) >= most - 1e-5, "seed {seed}: {victim}");
                    let (_, file) = shelves[victim].closed.pop_first().expect("one that can go");
                    shelves[victim].closed_bytes -= file.bytes;
                    evicted[victim] += file.bytes;
                }
                number += 1;
                let mut file = shelf_file(number);
                file.bytes = bytes;
                shelves[shelf].closed.insert(number, file);
                shelves[shelf].closed_bytes += bytes;
                arrived[shelf] += bytes;
                if turn % 10 == 0 {
                    let held = std::array::from_fn(|shelf| shelves[shelf].bytes());
                    claims.pass(&whole, &held, 0.01);
                }
                assert!(shelves.iter().map(Shelf::bytes).sum::<u64>() <= budget);
            }
            let held: [u64; SHELVES] = std::array::from_fn(|shelf| shelves[shelf].bytes());
            assert_eq!(arrived, std::array::from_fn(|shelf| held[shelf] + evicted[shelf]), "seed {seed}");
        }
    }

    fn shelf_file(number: u64) -> KeptFile {
        KeptFile {
            path: format!("{number}").into(),
            catalog: None,
            bytes: 10,
            first_time: Timestamp(0),
            last_time: Timestamp(0),
        }
    }

    /// However few files there are, and however long nothing came.
    #[test]
    fn the_pace_of_rows_is_measured_between_files() {
        let times = |times: &[(i64, i64)]| {
            let file = |number: usize| {
                let (first_time, last_time) = (Timestamp(times[number].0), Timestamp(times[number].1));
                (number as u64, KeptFile { first_time, last_time, ..shelf_file(number as u64) })
            };
            Shelf { closed: (0..times.len()).map(file).collect(), ..Shelf::default() }
        };
        let check = |shelf: Shelf, expected: f64| assert_eq!(shelf.pace_before(shelf.reach_ns() / 4), expected);
        check(times(&[(0, 10), (10, 20), (20, 30)]), 1.0);
        check(times(&[(0, 10), (10, 20), (80, 90), (90, 100)]), 0.25);
        check(times(&[(0, 1000)]), 0.0);
        check(times(&[]), 0.0);
    }

    /// On a tape that is full before there are any: each file is a sixth of their share.
    #[test]
    fn rows_that_come_a_file_at_a_time_get_their_share() {
        let whole = shares(6000, false);
        let (mut claims, mut held, file) = (Claims::default(), 0, whole[FLOWS_SHELF] / 6);
        for _ in 0..12 {
            claims.pass(&whole, &[1800, 1200, 0, 0, 1800, held], 0.01);
            held += file;
            while held > claims.apply(whole)[FLOWS_SHELF] {
                held -= file;
            }
        }
        assert!(held >= 5 * file, "{held}");
    }

    #[test]
    fn borrowed_room_comes_back_slowly() {
        let whole = shares(1000, false);
        let mut claims = Claims::default();
        assert_eq!(claims.apply(whole), whole);
        // Server heads have borrowed nearly everything.
        let held = [100, 800, 0, 10, 20, 20];
        claims.pass(&whole, &held, 0.1);
        let lent = claims.apply(whole);
        assert!(lent.iter().sum::<u64>().abs_diff(whole.iter().sum()) <= 6, "{lent:?}");
        assert!(lent[1] > 600 && lent[3] < 30, "{lent:?}");
        // Junk that fills what it may have gets a quarter of its share back in a reach.
        for _ in 0..100 {
            let held = [100, 700, 0, claims.apply(whole)[3], 20, 20];
            claims.pass(&whole, &held, 0.0025);
        }
        let junk = claims.apply(whole)[3];
        assert!((25..=55).contains(&junk), "{junk}");
        for _ in 0..100 {
            let held = [100, 700, 0, claims.apply(whole)[3], 20, 20];
            claims.pass(&whole, &held, 0.1);
        }
        assert!(claims.apply(whole)[3] >= whole[3]);
    }

    #[test]
    fn heads_lend_to_heads_first() {
        let whole = shares(1000, false);
        let mut claims = Claims::default();
        // Nothing but what this host begins, its bulk and rows.
        claims.pass(&whole, &[300, 0, 0, 0, 300, 100], 0.1);
        let lent = claims.apply(whole);
        assert_eq!(lent, [450, 50, 0, 25, 300, 175]);
        // No heads at all: bulk and rows have what is not used.
        let mut claims = Claims::default();
        claims.pass(&whole, &[0, 0, 0, 0, 300, 100], 0.1);
        let lent = claims.apply(whole);
        assert_eq!((lent[3], lent[4], lent[5]), (25, 581, 268));
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
