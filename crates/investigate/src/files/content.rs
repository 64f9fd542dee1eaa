//! The bytes of one file, in whatever order they come.

use std::collections::BTreeMap;

use super::hashes::{Hasher, Hashes};
use super::ranges::Ranges;
use super::store::{ContentId, Store};

/// First bytes by which the type is told.
const HEAD_BYTES: usize = 4096;
/// Bytes that are read back at once.
const READ_BYTES: usize = 64 << 10;

/// What there is of a file.
#[derive(Default)]
pub(super) struct Content {
    hasher: Hasher,
    /// All bytes before this one are in the hasher.
    hashed: u64,
    there: Ranges,
    /// Bytes that wait for those before them.
    waiting: BTreeMap<u64, Vec<u8>>,
    waiting_bytes: usize,
    head: Vec<u8>,
    /// Its whole size, once that is known.
    size: Option<u64>,
    /// Some bytes found no room to wait, so that only a store can tell the hash.
    lost_order: bool,
}

impl Content {
    /// Adds bytes; `room` is what all files together may keep waiting.
    pub(super) fn add(&mut self, offset: u64, bytes: &[u8], room: &mut usize) {
        let end = offset.saturating_add(bytes.len() as u64);
        self.there.add(offset, end);
        // Longer than was announced: what is there counts.
        self.size = self.size.map(|size| size.max(end));
        self.add_head(offset, bytes);
        if offset > self.hashed {
            self.wait(offset, bytes, room);
        } else if end > self.hashed {
            let known = usize::try_from(self.hashed - offset).unwrap_or(usize::MAX);
            self.hasher.update(bytes.get(known..).unwrap_or_default());
            self.hashed = end;
            self.catch_up(room);
        }
    }

    /// Its first bytes.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(super) fn there(&self) -> &Ranges {
        &self.there
    }

    pub(super) fn size(&self) -> Option<u64> {
        self.size
    }

    pub(super) fn is_complete(&self) -> bool {
        self.size.is_some_and(|size| self.there.cover(size))
    }

    /// The hashes, if all of it is there and was hashed, or can be read back for it.
    pub(super) fn hashes(&self, id: ContentId, store: &mut dyn Store) -> Option<Hashes> {
        let size = self.size.filter(|_| self.is_complete())?;
        let mut hasher = self.hasher.clone();
        let mut hashed = self.hashed;
        let mut buffer = vec![0; if hashed < size { READ_BYTES } else { 0 }];
        while hashed < size {
            let wanted = usize::try_from(size - hashed).unwrap_or(READ_BYTES).min(READ_BYTES);
            let bytes = buffer.get_mut(..wanted)?;
            if !store.read(id, hashed, bytes) {
                return None;
            }
            hasher.update(bytes);
            hashed += wanted as u64;
        }
        Some(hasher.finish())
    }

    /// Takes over what another content of the same file has. What is already there stays.
    pub(super) fn join(&mut self, other: Self, room: &mut usize) {
        self.size = self.size.max(other.size);
        self.lost_order |= other.lost_order;
        other.there.iter().for_each(|(start, end)| self.there.add(start, end));
        if self.head.len() < other.head.len() {
            self.head = other.head;
        }
        if self.hashed < other.hashed {
            (self.hasher, self.hashed) = (other.hasher, other.hashed);
        }
        for (offset, bytes) in other.waiting {
            *room += bytes.len();
            self.add(offset, &bytes, room);
        }
        self.learn_size(self.size);
        self.catch_up(room);
    }

    /// Its size was told; what is there beyond it counts all the same.
    pub(super) fn learn_size(&mut self, size: Option<u64>) {
        self.size = self.size.max(size).map(|size| size.max(self.there.end()));
    }

    /// Gives back the room of what still waits.
    pub(super) fn give_back(&mut self, room: &mut usize) {
        *room += std::mem::take(&mut self.waiting_bytes);
        self.waiting.clear();
    }

    fn add_head(&mut self, offset: u64, bytes: &[u8]) {
        let missing = HEAD_BYTES.saturating_sub(self.head.len());
        let known = (self.head.len() as u64).checked_sub(offset).and_then(|known| usize::try_from(known).ok());
        if let Some(fresh) = known.filter(|_| missing > 0).and_then(|known| bytes.get(known..)) {
            self.head.extend(fresh.iter().take(missing));
        }
    }

    fn wait(&mut self, offset: u64, bytes: &[u8], room: &mut usize) {
        if bytes.len() > *room {
            self.lost_order = true;
            return;
        }
        let replaced = self.waiting.get(&offset).map_or(0, Vec::len);
        if replaced < bytes.len() {
            self.waiting.insert(offset, bytes.to_vec());
            *room = (*room + replaced).saturating_sub(bytes.len());
            self.waiting_bytes = (self.waiting_bytes + bytes.len()).saturating_sub(replaced);
        }
    }

    fn catch_up(&mut self, room: &mut usize) {
        while let Some(first) = self.waiting.first_entry().filter(|first| *first.key() <= self.hashed) {
            let (offset, bytes) = first.remove_entry();
            *room += bytes.len();
            self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes.len());
            let known = usize::try_from(self.hashed - offset).unwrap_or(usize::MAX);
            self.add_head(offset, &bytes);
            if let Some(fresh) = bytes.get(known..) {
                self.hasher.update(fresh);
                self.hashed += fresh.len() as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::store::NoStore;
    use super::*;

    proptest! {
        #[test]
        fn order_does_not_matter(order in Just((0usize..12).collect::<Vec<_>>()).prop_shuffle(), overlap in 0usize..9) {
            let whole: Vec<u8> = (0..120u8).collect();
            let mut content = Content { size: Some(120), ..Content::default() };
            let mut room = 1000;
            for piece in order {
                let end = (piece * 10 + 10 + overlap).min(120);
                content.add(piece as u64 * 10, &whole[piece * 10..end], &mut room);
            }
            prop_assert_eq!(room, 1000);
            prop_assert_eq!(content.hashes(ContentId(0), &mut NoStore), Some(Hashes::of(&whole)));
        }
    }

    #[test]
    fn what_is_not_there_is_not_hashed() {
        let mut content = Content { size: Some(9), ..Content::default() };
        let mut room = 100;
        content.add(0, b"abc", &mut room);
        content.add(6, b"ghi", &mut room);
        assert_eq!(content.hashes(ContentId(0), &mut NoStore), None);
        let mut other = Content::default();
        other.add(3, b"def", &mut room);
        content.join(other, &mut room);
        assert_eq!(content.hashes(ContentId(0), &mut NoStore), Some(Hashes::of(b"abcdefghi")));
        assert_eq!(room, 100);
    }

    #[test]
    fn waiting_has_a_limit() {
        let mut content = Content { size: Some(9), ..Content::default() };
        let mut room = 4;
        content.add(3, b"defghi", &mut room);
        content.add(0, b"abc", &mut room);
        assert!(content.is_complete() && content.lost_order);
        assert_eq!(content.hashes(ContentId(0), &mut NoStore), None);
    }
}
