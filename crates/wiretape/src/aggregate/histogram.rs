//! How much there was when.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use flow::FlowRow;
use packet::Timestamp;

use super::step::{Interval, NARROWEST, wider};

/// Most buckets, empty ones between others included.
const BUCKETS_MAX: i64 = 100_000;
/// Most buckets while the width is not settled.
const BUCKETS_OPEN_MAX: i64 = 512;
/// Most buckets of a width that was not asked for.
const BUCKETS_AUTO_MAX: i64 = 48;

/// What one bucket holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Flows that began.
    pub(crate) flows: u64,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

impl AddAssign for Bucket {
    fn add_assign(&mut self, other: Self) {
        self.flows = self.flows.saturating_add(other.flows);
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// The asked width would make more lines than anybody reads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooFine;

/// Counts by time. Buckets begin at multiples of their width since 1970, in UTC.
pub(crate) struct Histogram {
    interval: Interval,
    step: i64,
    /// What was asked for; what lies outside does not count.
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    buckets: BTreeMap<i64, Bucket>,
}

impl Histogram {
    /// Without any counts, of the times from `from` to before `to`.
    pub(crate) fn new(interval: Interval, from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        let step = match interval {
            Interval::Auto => NARROWEST,
            Interval::Given(step) => step,
        };
        Self { interval, step, from, to, buckets: BTreeMap::new() }
    }

    /// Counts a packet.
    pub(crate) fn add_packet(&mut self, time: Timestamp, bytes: u32) -> Result<(), TooFine> {
        self.make_room(time.0, time.0)?;
        self.put(time.0, Bucket { flows: 0, packets: 1, bytes: bytes.into() });
        Ok(())
    }

    /// Counts a flow where it began, and spreads its packets and bytes evenly over the time that it lasted.
    pub(crate) fn add_flow(&mut self, row: &FlowRow) -> Result<(), TooFine> {
        let (start, end) = (row.start.0, row.end.0.max(row.start.0));
        let first = self.from.map_or(start, |from| start.max(from.0));
        let last = self.to.map_or(end, |to| end.min(to.0.saturating_sub(1)));
        if first > last {
            return Ok(());
        }
        self.make_room(first, last)?;
        if first == start {
            self.put(start, Bucket { flows: 1, ..Bucket::default() });
        }
        let packets = row.pkts_toserver.saturating_add(row.pkts_toclient);
        let bytes = row.bytes_toserver.saturating_add(row.bytes_toclient);
        // A flow lasts for at least a nanosecond, so that one of a single packet has a time to be spread over.
        let whole = u128::from(end.abs_diff(start)) + 1;
        let until = |total: u64, at: i64| (u128::from(total) * u128::from(at.abs_diff(start)) / whole) as u64;
        let mut at = first;
        loop {
            let next = self.begin(at).saturating_add(self.step).min(last.saturating_add(1));
            let share = |total| until(total, next) - until(total, at);
            self.put(at, Bucket { flows: 0, packets: share(packets), bytes: share(bytes) });
            if next > last {
                return Ok(());
            }
            at = next;
        }
    }

    /// The width of the buckets, and each with its beginning; empty ones between others and up to the times that were
    /// asked for included.
    pub(crate) fn into_buckets(mut self) -> Result<(i64, Vec<(Timestamp, Bucket)>), TooFine> {
        while self.interval == Interval::Auto && self.count() > BUCKETS_AUTO_MAX && self.widen() {}
        if self.count() > BUCKETS_MAX {
            return Err(TooFine);
        }
        let Some((first, last)) = self.extent() else { return Ok((self.step, Vec::new())) };
        let places = (0..).map(|index: i64| first.saturating_add(index.saturating_mul(self.step)));
        let bucket = |at: i64| (Timestamp(at), self.buckets.get(&at).copied().unwrap_or_default());
        Ok((self.step, places.take_while(|at| *at <= last).take(BUCKETS_MAX as usize).map(bucket).collect()))
    }

    /// Where the first and the last bucket begin.
    fn extent(&self) -> Option<(i64, i64)> {
        let (first, last) = (*self.buckets.first_key_value()?.0, *self.buckets.last_key_value()?.0);
        let from = self.from.map_or(first, |from| self.begin(from.0).min(first));
        // Without an end that was asked for, the answer ends with the last packet.
        let to = self.to.map_or(last, |to| self.begin(to.0.saturating_sub(1)).max(last));
        Some((from, to))
    }

    fn count(&self) -> i64 {
        self.extent().map_or(0, |(first, last)| last.saturating_sub(first) / self.step + 1)
    }

    /// Widens the buckets, or refuses, if those for these times would become too many.
    fn make_room(&mut self, first: i64, last: i64) -> Result<(), TooFine> {
        loop {
            let (low, high) = match (self.buckets.first_key_value(), self.buckets.last_key_value()) {
                (Some((low, _)), Some((high, _))) => (first.min(*low), last.max(*high)),
                _ => (first, last),
            };
            let count = high.saturating_sub(low) / self.step;
            let is_automatic = self.interval == Interval::Auto;
            if !is_automatic && count >= BUCKETS_MAX {
                return Err(TooFine);
            }
            if !is_automatic || count < BUCKETS_OPEN_MAX || !self.widen() {
                return Ok(());
            }
        }
    }

    fn widen(&mut self) -> bool {
        let Some(step) = wider(self.step) else { return false };
        self.step = step;
        for (at, bucket) in std::mem::take(&mut self.buckets) {
            self.put(at, bucket);
        }
        true
    }

    fn put(&mut self, time: i64, bucket: Bucket) {
        *self.buckets.entry(self.begin(time)).or_default() += bucket;
    }

    fn begin(&self, time: i64) -> i64 {
        time.saturating_sub(time.rem_euclid(self.step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn flow(start: i64, end: i64, packets: u64, bytes: u64) -> FlowRow {
        let mut row = crate::output::flows::sample_row();
        (row.start, row.end) = (Timestamp(start), Timestamp(end));
        (row.pkts_toserver, row.pkts_toclient, row.bytes_toserver, row.bytes_toclient) = (packets, 0, bytes, 0);
        row
    }

    fn buckets(histogram: Histogram) -> Vec<(i64, u64, u64, u64)> {
        let (_, buckets) = histogram.into_buckets().expect("not too fine");
        buckets.iter().map(|(at, b)| (at.0 / SECOND, b.flows, b.packets, b.bytes)).collect()
    }

    #[test]
    fn a_flow_is_spread_over_its_time_and_nothing_gets_lost() {
        let mut histogram = Histogram::new(Interval::Given(SECOND), None, None);
        histogram.add_flow(&flow(SECOND / 2, 3 * SECOND + SECOND / 2, 31, 3000)).expect("not too fine");
        histogram.add_flow(&flow(5 * SECOND, 5 * SECOND, 1, 60)).expect("not too fine");
        let found = buckets(histogram);
        assert_eq!(found.iter().map(|b| (b.2, b.3)).fold((0, 0), |sum, b| (sum.0 + b.0, sum.1 + b.1)), (32, 3060));
        let flows: Vec<(i64, u64)> = found.iter().map(|b| (b.0, b.1)).collect();
        assert_eq!(flows, [(0, 1), (1, 0), (2, 0), (3, 0), (4, 0), (5, 1)]);
        assert!(found[1].3.abs_diff(1000) <= 1 && found[0].3.abs_diff(500) <= 1, "{found:?}");
    }

    #[test]
    fn only_the_times_that_are_asked_for_count() {
        let (from, to) = (Some(Timestamp(SECOND)), Some(Timestamp(4 * SECOND)));
        let mut histogram = Histogram::new(Interval::Given(SECOND), from, to);
        histogram.add_flow(&flow(0, 2 * SECOND - 1, 20, 2000)).expect("not too fine");
        histogram.add_flow(&flow(9 * SECOND, 9 * SECOND, 1, 1)).expect("not too fine");
        assert_eq!(buckets(histogram), [(1, 0, 10, 1000), (2, 0, 0, 0), (3, 0, 0, 0)]);
    }

    #[test]
    fn automatic_widths_are_few_and_lose_nothing() {
        for span in [SECOND / 100, SECOND, 100 * SECOND, 86_400 * SECOND, i64::MAX / 2] {
            let mut histogram = Histogram::new(Interval::Auto, None, None);
            for index in 0..1000 {
                histogram.add_packet(Timestamp(span / 1000 * index), 100).expect("never too fine");
            }
            let found = buckets(histogram);
            assert!((1..=48).contains(&found.len()), "{} buckets of {span}", found.len());
            assert_eq!(found.iter().map(|b| b.2).sum::<u64>(), 1000);
        }
    }

    #[test]
    fn widths_that_are_too_fine_are_refused() {
        let mut histogram = Histogram::new(Interval::Given(1_000_000), None, None);
        histogram.add_packet(Timestamp(0), 1).expect("one is few");
        assert_eq!(histogram.add_packet(Timestamp(86_400 * SECOND), 1), Err(TooFine));
        let asked = (Some(Timestamp(0)), Some(Timestamp(86_400 * SECOND)));
        let mut histogram = Histogram::new(Interval::Given(1_000_000), asked.0, asked.1);
        histogram.add_packet(Timestamp(0), 1).expect("one is few");
        assert!(histogram.into_buckets().is_err());
    }
}
