//! Many keys that are looked up together.

use super::Key;
use crate::format::index::{TABLES, Table};

/// Many keys that are looked up together: each block of a table is read once.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    /// By table, the first and the last key of each range that is meant; ascending, and apart from one another.
    ranges: [Vec<(u128, u128)>; TABLES],
}

impl KeySet {
    /// The tables that are asked, with the ranges of keys.
    pub(super) fn tables(&self) -> impl Iterator<Item = (Table, &[(u128, u128)])> {
        Table::ALL.into_iter().zip(&self.ranges).map(|(table, ranges)| (table, ranges.as_slice()))
    }
}

impl<'k> FromIterator<Key<'k>> for KeySet {
    fn from_iter<I: IntoIterator<Item = Key<'k>>>(keys: I) -> Self {
        let mut set = Self::default();
        for key in keys {
            let (table, low, high) = key.range();
            set.ranges[table as usize].push((low, high));
        }
        for ranges in &mut set.ranges {
            ranges.sort_unstable();
            ranges.dedup_by(|next, last| {
                let overlaps = next.0 <= last.1;
                last.1 = if overlaps { last.1.max(next.1) } else { last.1 };
                overlaps
            });
        }
        set
    }
}

/// Whether one of some ranges has a key.
pub(super) fn is_in(ranges: &[(u128, u128)], key: u128) -> bool {
    let first = ranges.partition_point(|(_, high)| *high < key);
    ranges.get(first).is_some_and(|(low, _)| *low <= key)
}
