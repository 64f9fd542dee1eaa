//! The last bytes of a stream that were told, to see whether they are repeated as they were.

/// Bytes that are remembered of a side.
const RECENT_BYTES: usize = 2048;

/// A ring: the byte at a position stands at its remainder.
#[derive(Debug, Default)]
pub(super) struct Recent {
    ring: Box<[u8]>,
    from: u64,
    to: u64,
}

impl Recent {
    /// Remembers what was told at `position`. What is before it is forgotten if something is missing between.
    pub(super) fn push(&mut self, position: u64, data: &[u8]) {
        if self.ring.is_empty() {
            self.ring = vec![0; RECENT_BYTES].into();
        }
        if position != self.to {
            self.from = position;
        }
        self.to = position + data.len() as u64;
        let skipped = data.len().saturating_sub(RECENT_BYTES);
        let (mut position, mut rest) = (position + skipped as u64, data.get(skipped..).unwrap_or_default());
        while !rest.is_empty() {
            let place = self.ring.get_mut(place(position)..).unwrap_or_default();
            let (now, later) = rest.split_at(rest.len().min(place.len()));
            if let Some(place) = place.get_mut(..now.len()) {
                place.copy_from_slice(now);
            }
            position += now.len() as u64;
            rest = later;
        }
        self.from = self.from.max(self.to.saturating_sub(RECENT_BYTES as u64));
    }

    /// Whether `data` at `position` is what was told there, as far as that is remembered.
    pub(super) fn agrees(&self, position: u64, data: &[u8]) -> bool {
        let from = position.max(self.from);
        let to = (position + data.len() as u64).min(self.to);
        let skipped = usize::try_from(from - position).unwrap_or(usize::MAX);
        let (mut position, mut rest) = (from, data.get(skipped..).unwrap_or_default());
        while position < to {
            let remembered = self.ring.get(place(position)..).unwrap_or_default();
            let count = rest.len().min(remembered.len()).min(usize::try_from(to - position).unwrap_or(usize::MAX));
            if count == 0 || rest.get(..count) != remembered.get(..count) {
                return count == 0;
            }
            position += count as u64;
            rest = rest.get(count..).unwrap_or_default();
        }
        true
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.ring.len()
    }
}

fn place(position: u64) -> usize {
    (position % RECENT_BYTES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_the_last_bytes() {
        let stream: Vec<u8> = (0..3 * RECENT_BYTES).map(|i| (i % 251) as u8).collect();
        let mut recent = Recent::default();
        for (i, piece) in stream.chunks(700).enumerate() {
            recent.push(i as u64 * 700, piece);
        }
        let check = |from: usize, to: usize, change: Option<usize>, expected: bool| {
            let mut data = stream[from..to].to_vec();
            if let Some(change) = change {
                data[change - from] ^= 1;
            }
            assert_eq!(recent.agrees(from as u64, &data), expected, "{from}..{to} {change:?}");
        };
        check(0, stream.len(), None, true);
        check(0, stream.len(), Some(stream.len() - 1), false);
        check(2 * RECENT_BYTES, 3 * RECENT_BYTES, Some(2 * RECENT_BYTES), false);
        check(0, stream.len(), Some(2 * RECENT_BYTES - 1), true);
        check(5000, 5100, Some(5050), false);
        check(5000, 5100, None, true);
    }
}
