//! Which bytes of a file are there.

/// Ranges that are told apart in one file; a file that is more scattered loses the last ones.
const RANGES_MAX: usize = 16 << 10;

/// Ranges of a file, in order, none touching the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u64, u64)>);

/// Bytes that are missing of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Where they begin.
    pub offset: u64,
    /// How many they are; `None`: the rest, however much that is.
    pub bytes: Option<u64>,
}

impl Ranges {
    /// Adds the bytes from `start` up to `end`.
    pub(super) fn add(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        // Almost always the last range goes on.
        if let Some(last) = self.0.last_mut().filter(|last| last.1 == start) {
            last.1 = end;
            return;
        }
        let first = self.0.partition_point(|range| range.1 < start);
        let behind = self.0.partition_point(|range| range.0 <= end);
        let touched = self.0.get(first..behind).unwrap_or_default();
        let merged = touched.iter().fold((start, end), |all, range| (all.0.min(range.0), all.1.max(range.1)));
        if !touched.is_empty() || self.0.len() < RANGES_MAX {
            self.0.splice(first..behind, [merged]);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Bytes that are there.
    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(|range| range.1 - range.0).sum()
    }

    /// Where the last of them ends.
    pub(super) fn end(&self) -> u64 {
        self.0.last().map_or(0, |range| range.1)
    }

    /// Whether everything up to `size` is there.
    pub(super) fn cover(&self, size: u64) -> bool {
        size == 0 || self.0.first().is_some_and(|range| range.0 == 0 && range.1 >= size)
    }

    /// What is missing of a file of this size, or of one of which it is not known.
    pub(super) fn missing(&self, size: Option<u64>) -> Vec<Missing> {
        let mut missing = Vec::new();
        let mut reached = 0;
        for (start, end) in self.iter() {
            if start > reached {
                missing.push(Missing { offset: reached, bytes: Some(start - reached) });
            }
            reached = end;
        }
        match size {
            None => missing.push(Missing { offset: reached, bytes: None }),
            Some(size) if size > reached => missing.push(Missing { offset: reached, bytes: Some(size - reached) }),
            Some(_) => {}
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_are_a_set_of_bytes(added in proptest::collection::vec((0u64..60, 0u64..10), 0..20)) {
            let mut ranges = Ranges::default();
            let mut bytes = [false; 80];
            for (start, length) in added {
                ranges.add(start, start + length);
                bytes.iter_mut().skip(start as usize).take(length as usize).for_each(|byte| *byte = true);
            }
            let there = |offset: u64| ranges.iter().any(|range| (range.0..range.1).contains(&offset));
            prop_assert!((0..80).all(|offset| there(offset) == bytes[offset as usize]));
            prop_assert!(ranges.0.windows(2).all(|pair| pair[0].1 < pair[1].0), "{ranges:?}");
            prop_assert_eq!(ranges.bytes(), bytes.iter().filter(|byte| **byte).count() as u64);
            let missing = ranges.missing(Some(80)).iter().filter_map(|missing| missing.bytes).sum::<u64>();
            prop_assert_eq!(missing + ranges.bytes(), 80);
        }
    }

    #[test]
    fn the_rest_can_be_of_unknown_length() {
        let mut ranges = Ranges::default();
        ranges.add(2, 4);
        let missing = [Missing { offset: 0, bytes: Some(2) }, Missing { offset: 4, bytes: None }];
        assert_eq!(ranges.missing(None), missing);
        assert!(!ranges.cover(4) && ranges.cover(0));
    }
}
