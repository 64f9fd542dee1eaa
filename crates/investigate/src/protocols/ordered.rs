//! Bytes that come in any order (QUIC's CRYPTO frames, DTLS fragments).

use std::collections::BTreeMap;

/// Pieces of a stream by their offsets; what came first counts.
#[derive(Default)]
pub(crate) struct Ordered {
    pieces: BTreeMap<u64, Vec<u8>>,
    bytes: usize,
}

/// Bytes that are kept of one stream.
pub(crate) const BYTES_MAX: usize = 64 << 10;
/// Pieces that are kept of one stream.
const PIECES_MAX: usize = 256;

impl Ordered {
    /// One more piece; false if that is too much.
    pub(crate) fn insert(&mut self, offset: u64, data: &[u8]) -> bool {
        if data.is_empty() || self.pieces.get(&offset).is_some_and(|piece| piece.len() >= data.len()) {
            return true;
        }
        if self.bytes + data.len() > BYTES_MAX || self.pieces.len() >= PIECES_MAX {
            return false;
        }
        self.bytes += data.len();
        if let Some(replaced) = self.pieces.insert(offset, data.to_vec()) {
            self.bytes -= replaced.len();
        }
        true
    }

    /// Bytes that are kept.
    pub(crate) fn held_bytes(&self) -> usize {
        self.bytes
    }

    /// What is there from the beginning, up to the first gap.
    pub(crate) fn beginning(&self) -> Vec<u8> {
        let mut beginning = Vec::new();
        for (&offset, piece) in &self.pieces {
            let Some(known) = (beginning.len() as u64).checked_sub(offset) else { break };
            let known = usize::try_from(known).unwrap_or(usize::MAX);
            beginning.extend_from_slice(piece.get(known..).unwrap_or_default());
        }
        beginning
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_any_order_give_the_same() {
        let whole: Vec<u8> = (0..60).collect();
        let pieces = [(0, 10), (5, 30), (30, 45), (44, 60), (10, 12)];
        for rotation in 0..pieces.len() {
            let mut ordered = Ordered::default();
            for (start, end) in pieces.iter().cycle().skip(rotation).take(pieces.len()) {
                assert!(ordered.insert(*start as u64, &whole[*start..*end]));
            }
            assert_eq!(ordered.beginning(), whole, "from piece {rotation}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut ordered = Ordered::default();
        let refused = (0..10_000_u64).find(|index| !ordered.insert(index * 100, &[0; 90])).unwrap();
        assert!(refused <= PIECES_MAX as u64);
        assert!(!Ordered::default().insert(0, &vec![0; BYTES_MAX + 1]));
    }
}
