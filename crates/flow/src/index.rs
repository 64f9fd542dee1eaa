//! From a key's hash to the slot of its flow.

/// An open-addressing index of 32-bit buckets, never more than half full: some bits of the hash and the slot's number.
///
/// Linear probing with backward-shift deletion, so that there are no tombstones and a scan of any length costs nothing
/// later. The hash bits in a bucket spare most looks at entries that are not the one. It grows with the flows there
/// are, so that few flows stay in the processor's caches; growing to the largest size takes some milliseconds, once.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    buckets: Vec<u32>,
    bucket_bits: u32,
    slot_bits: u32,
    used: usize,
}

const EMPTY: u32 = 0;
const BUCKET_BITS_MIN: u32 = 10;

impl Index {
    /// An index for slots below `capacity`, which is at most 2^22.
    pub(crate) fn new(capacity: u32) -> Self {
        Self::of_size(BUCKET_BITS_MIN, capacity)
    }

    fn of_size(bucket_bits: u32, capacity: u32) -> Self {
        // The last slot number of all must not look like an empty bucket: numbers are kept plus one.
        let slot_bits = u32::BITS - capacity.leading_zeros();
        Self { buckets: vec![EMPTY; 1 << bucket_bits], bucket_bits, slot_bits, used: 0 }
    }

    /// Reads the bucket where a search begins.
    #[inline]
    pub(crate) fn touch(&self, hash: u64) -> u32 {
        self.buckets.get(self.home(hash)).copied().unwrap_or(EMPTY)
    }

    /// The slot whose hash looks like `hash` and for which `is_it` says yes.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = self.tag(hash);
        let mut place = self.home(hash);
        loop {
            let bucket = *self.buckets.get(place)?;
            if bucket == EMPTY {
                return None;
            }
            if bucket & !self.slot_mask() == tag {
                let slot = (bucket & self.slot_mask()) - 1;
                if is_it(slot) {
                    return Some(slot);
                }
            }
            place = self.next(place);
        }
    }

    /// Adds a slot that is not in it; `hash_of` gives the hash of any slot that is in it.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        if 2 * (self.used + 1) > self.buckets.len() {
            self.grow(hash_of);
        }
        self.put(hash, slot);
    }

    #[cold]
    fn grow(&mut self, hash_of: impl Fn(u32) -> u64) {
        let buckets = vec![EMPTY; 2 * self.buckets.len()];
        let old = std::mem::replace(&mut self.buckets, buckets);
        self.bucket_bits += 1;
        self.used = 0;
        // In the order of slots, so that entries are read one after the other.
        let mut slots: Vec<u32> = old.into_iter().filter(|bucket| *bucket != EMPTY).collect();
        slots.iter_mut().for_each(|bucket| *bucket = (*bucket & self.slot_mask()) - 1);
        slots.sort_unstable();
        slots.into_iter().for_each(|slot| self.put(hash_of(slot), slot));
    }

    fn put(&mut self, hash: u64, slot: u32) {
        self.used += 1;
        let mut place = self.home(hash);
        while self.buckets[place] != EMPTY {
            place = self.next(place);
        }
        self.buckets[place] = self.tag(hash) | (slot + 1);
    }

    /// Removes a slot; `hash_of` gives the hash of any slot that is in it.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        let wanted = self.tag(hash) | (slot + 1);
        let mut hole = self.home(hash);
        while self.buckets[hole] != wanted {
            if self.buckets[hole] == EMPTY {
                return;
            }
            hole = self.next(hole);
        }
        let mut place = self.next(hole);
        while self.buckets[place] != EMPTY {
            let home = self.home(hash_of((self.buckets[place] & self.slot_mask()) - 1));
            let mask = self.buckets.len() - 1;
            // It may move back into the hole unless its home lies behind the hole.
            if (place.wrapping_sub(home) & mask) >= (place.wrapping_sub(hole) & mask) {
                self.buckets[hole] = self.buckets[place];
                hole = place;
            }
            place = self.next(place);
        }
        self.buckets[hole] = EMPTY;
        self.used -= 1;
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        (hash >> (u64::BITS - self.bucket_bits)) as usize
    }

    #[inline]
    fn next(&self, place: usize) -> usize {
        (place + 1) & (self.buckets.len() - 1)
    }

    #[inline]
    fn slot_mask(&self) -> u32 {
        (1 << self.slot_bits) - 1
    }

    /// The lowest bits of the hash, in the bits that a slot number leaves free.
    #[inline]
    fn tag(&self, hash: u64) -> u32 {
        (hash as u32) << self.slot_bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in prop::collection::vec((0_u32..16, 0_u64..4, any::<bool>()), 0..200)) {
            let mut index = Index::of_size(2, 16);
            let mut model: HashMap<u32, u64> = HashMap::new();
            for (slot, low, insert) in steps {
                // Few homes, next to each other at the end of the table, so that probes run into one another and wrap.
                let hash = (u64::MAX << 60) | (low << 59) | low;
                if insert && !model.contains_key(&slot) {
                    index.insert(hash, slot, |slot| model[&slot]);
                    model.insert(slot, hash);
                } else if let Some(hash) = model.remove(&slot) {
                    model.insert(slot, hash);
                    index.remove(hash, slot, |slot| model[&slot]);
                    model.remove(&slot);
                }
                for slot in 0..16 {
                    let found = model.get(&slot).and_then(|hash| index.find(*hash, |other| other == slot));
                    prop_assert_eq!(found, model.contains_key(&slot).then_some(slot));
                }
                prop_assert_eq!(index.buckets.iter().filter(|b| **b != EMPTY).count(), model.len());
            }
        }
    }
}
