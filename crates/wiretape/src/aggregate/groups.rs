//! Flows summed by the values of some fields.

use std::collections::HashMap;

use clap::ValueEnum;
use flow::FlowRow;
use packet::Timestamp;

use super::{Cell, Key};

/// What the greatest group has most of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortBy {
    /// Bytes of both directions
    Bytes,
    /// Packets of both directions
    Packets,
    /// Flows
    Flows,
}

/// The sums of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) flows: u64,
    pub(crate) pkts_toserver: u64,
    pub(crate) pkts_toclient: u64,
    pub(crate) bytes_toserver: u64,
    pub(crate) bytes_toclient: u64,
    pub(crate) first_seen: Timestamp,
    pub(crate) last_seen: Timestamp,
}

impl From<&FlowRow> for Totals {
    fn from(row: &FlowRow) -> Self {
        Self {
            flows: 1,
            pkts_toserver: row.pkts_toserver,
            pkts_toclient: row.pkts_toclient,
            bytes_toserver: row.bytes_toserver,
            bytes_toclient: row.bytes_toclient,
            first_seen: row.start,
            last_seen: row.end,
        }
    }
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.flows = self.flows.saturating_add(other.flows);
        self.pkts_toserver = self.pkts_toserver.saturating_add(other.pkts_toserver);
        self.pkts_toclient = self.pkts_toclient.saturating_add(other.pkts_toclient);
        self.bytes_toserver = self.bytes_toserver.saturating_add(other.bytes_toserver);
        self.bytes_toclient = self.bytes_toclient.saturating_add(other.bytes_toclient);
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
    }

    /// What groups are sorted by.
    pub(crate) fn weight(&self, sort: SortBy) -> u64 {
        match sort {
            SortBy::Bytes => self.bytes_toserver.saturating_add(self.bytes_toclient),
            SortBy::Packets => self.pkts_toserver.saturating_add(self.pkts_toclient),
            SortBy::Flows => self.flows,
        }
    }
}

/// Groups of flows: exact up to a number of groups. Beyond it the lighter half is let go again and again (Misra and
/// Gries, 1982), and every sum may then be too low by what a group can have lost that way.
pub(crate) struct Groups {
    groups: HashMap<Key, Totals>,
    groups_max: usize,
    sort: SortBy,
    weight: u64,
    missed_max: u64,
}

impl Groups {
    /// No groups; at most `groups_max` are kept.
    pub(crate) fn new(sort: SortBy, groups_max: usize) -> Self {
        Self { groups: HashMap::new(), groups_max: groups_max.max(2), sort, weight: 0, missed_max: 0 }
    }

    /// Adds a flow to the group of `key`.
    pub(crate) fn add(&mut self, key: &[Cell], totals: &Totals) {
        if let Some(group) = self.groups.get_mut(key) {
            return group.add(totals);
        }
        if self.groups.len() >= self.groups_max {
            self.let_go();
        }
        self.groups.insert(key.into(), *totals);
    }

    /// Counts a flow into the sum that shares are of.
    pub(crate) fn count(&mut self, totals: &Totals) {
        self.weight = self.weight.saturating_add(totals.weight(self.sort));
    }

    /// How many groups there are.
    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    /// What all flows weigh, each counted once.
    pub(crate) fn weight(&self) -> u64 {
        self.weight
    }

    /// By how much the weight of a group may be too low; 0 as long as everything is exact.
    pub(crate) fn missed_max(&self) -> u64 {
        self.missed_max
    }

    /// The heaviest groups, at most so many, the heaviest first.
    pub(crate) fn into_top(self, count: usize) -> Vec<(Key, Totals)> {
        let sort = self.sort;
        let mut groups: Vec<(Key, Totals)> = self.groups.into_iter().collect();
        groups.sort_unstable_by(|(one_key, one), (other_key, other)| {
            other.weight(sort).cmp(&one.weight(sort)).then_with(|| one_key.cmp(other_key))
        });
        groups.truncate(count);
        groups
    }

    /// Lets the lighter half of the groups go.
    fn let_go(&mut self) {
        let sort = self.sort;
        let mut weights: Vec<u64> = self.groups.values().map(|totals| totals.weight(sort)).collect();
        let middle = weights.len() / 2;
        let (_, floor, _) = weights.select_nth_unstable(middle);
        let floor = *floor;
        // Many may weigh the same: of these as many go as it takes.
        let mut surplus =
            middle.max(1).saturating_sub(weights.iter().take(middle).filter(|weight| **weight < floor).count());
        self.groups.retain(|_, totals| match totals.weight(sort).cmp(&floor) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal if surplus > 0 => {
                surplus -= 1;
                false
            }
            _ => true,
        });
        self.missed_max = self.missed_max.saturating_add(floor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(bytes: u64) -> Totals {
        Totals {
            flows: 1,
            pkts_toserver: 2,
            pkts_toclient: 1,
            bytes_toserver: bytes,
            bytes_toclient: 0,
            first_seen: Timestamp(bytes as i64),
            last_seen: Timestamp(bytes as i64 + 1),
        }
    }

    #[test]
    fn sums_and_order() {
        let mut groups = Groups::new(SortBy::Bytes, 10);
        for (key, bytes) in [(1, 5), (2, 7), (1, 4), (3, 9)] {
            groups.add(&[Cell::Number(key)], &totals(bytes));
        }
        assert_eq!((groups.len(), groups.missed_max()), (3, 0));
        let top = groups.into_top(2);
        let shown: Vec<(Cell, u64, u64)> =
            top.iter().map(|(key, totals)| (key[0].clone(), totals.bytes_toserver, totals.flows)).collect();
        assert_eq!(shown, [(Cell::Number(1), 9, 2), (Cell::Number(3), 9, 1)]);
        assert_eq!((top[0].1.first_seen.0, top[0].1.last_seen.0), (4, 6));
    }

    /// A million keys in room for a hundred: the heavy ones are found, and no sum is off by more than is said.
    #[test]
    fn heavy_groups_survive_in_little_room() {
        for sort in [SortBy::Bytes, SortBy::Packets, SortBy::Flows] {
            let mut groups = Groups::new(sort, 100);
            let mut heavy = [0_u64; 5];
            let mut random = 7_u64;
            for _ in 0..200_000 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let roll = random >> 40;
                // A third of all goes to five keys, the rest to keys that hardly come twice.
                let key = if roll.is_multiple_of(3) { (random >> 33) % 5 } else { 1000 + (random >> 30) };
                let one = totals(100);
                if key < 5 {
                    heavy[key as usize] += one.weight(sort);
                }
                groups.add(&[Cell::Number(key)], &one);
            }
            assert!(groups.len() <= 100);
            let missed = groups.missed_max();
            let top = groups.into_top(5);
            for (key, totals) in &top {
                let Cell::Number(key @ 0..5) = key[0] else { panic!("{key:?} is not heavy") };
                let (found, real) = (totals.weight(sort), heavy[key as usize]);
                assert!(found <= real && real - found <= missed, "{found} of {real}, missed {missed}");
            }
        }
    }

    #[test]
    fn equal_groups_make_room_too() {
        let mut groups = Groups::new(SortBy::Flows, 4);
        for key in 0..100 {
            groups.add(&[Cell::Number(key)], &totals(1));
        }
        assert!((1..=4).contains(&groups.len()));
        assert!(groups.missed_max() > 0);
    }
}
