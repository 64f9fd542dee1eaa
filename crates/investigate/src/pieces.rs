//! Bytes that wait for others before them.

use std::collections::BTreeMap;

use crate::At;

/// What a piece costs beyond its bytes.
const PIECE_BYTES: usize = 128;

/// Pieces of a stream or a datagram by position. They do not overlap: who comes first wins.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pieces: BTreeMap<u64, Held>,
    held_bytes: usize,
}

#[derive(Debug)]
struct Held {
    at: At,
    data: Box<[u8]>,
    cut_bytes: u64,
}

/// A piece that is handed out.
pub(crate) struct Piece {
    pub(crate) position: u64,
    pub(crate) at: At,
    pub(crate) data: Box<[u8]>,
    /// Bytes after it that were on the wire and were not captured.
    pub(crate) cut_bytes: u64,
}

/// Where a piece stands.
pub(crate) struct Place {
    pub(crate) position: u64,
    pub(crate) at: At,
}

impl Pieces {
    /// Keeps of `data` what is not there yet; true if it differs from what is.
    pub(crate) fn insert(&mut self, position: u64, at: At, data: &[u8], cut_bytes: u64) -> bool {
        let end = position + data.len() as u64;
        let before = self.pieces.range(..=position).next_back().map_or(position, |(position, _)| *position);
        let mut free = Vec::new();
        let (mut reached, mut differs) = (position, false);
        for (&start, held) in self.pieces.range(before..end.max(position + 1)) {
            let held_end = start + held.data.len() as u64;
            if start > reached {
                free.push((reached, start));
            }
            let (from, to) = (start.max(position), held_end.min(end));
            differs |= from < to && slice(data, position, from, to) != slice(&held.data, start, from, to);
            reached = reached.max(held_end);
        }
        if reached < end || data.is_empty() && reached == end {
            free.push((reached, end));
        }
        for (from, to) in free {
            let cut_bytes = if to == end { cut_bytes } else { 0 };
            self.hold(from, Held { at, data: slice(data, position, from, to).into(), cut_bytes });
        }
        differs
    }

    /// Takes out the first piece, if it begins at `position` or before.
    pub(crate) fn take_before(&mut self, position: u64) -> Option<Piece> {
        let entry = self.pieces.first_entry().filter(|first| *first.key() <= position)?;
        let (position, Held { at, data, cut_bytes }) = entry.remove_entry();
        self.held_bytes -= data.len() + PIECE_BYTES;
        Some(Piece { position, at, data, cut_bytes })
    }

    /// Where the first piece stands.
    pub(crate) fn first(&self) -> Option<Place> {
        self.pieces.first_key_value().map(|(&position, held)| Place { position, at: held.at })
    }

    /// Bytes in all pieces.
    pub(crate) fn data_bytes(&self) -> usize {
        self.held_bytes - self.pieces.len() * PIECE_BYTES
    }

    /// Up to where they reach without a hole.
    pub(crate) fn reach(&self) -> u64 {
        let whole = |reached: u64, (&start, held): (&u64, &Held)| {
            (start <= reached).then_some(reached.max(start + held.data.len() as u64)).ok_or(reached)
        };
        self.pieces.iter().try_fold(0, whole).unwrap_or_else(|reached| reached)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Bytes that it holds on to.
    #[inline]
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    fn hold(&mut self, position: u64, held: Held) {
        self.held_bytes += held.data.len() + PIECE_BYTES;
        if let Some(old) = self.pieces.insert(position, held) {
            self.held_bytes -= old.data.len() + PIECE_BYTES;
        }
    }
}

/// The part from `from` to `to` of `data`, which begins at `start`.
fn slice(data: &[u8], start: u64, from: u64, to: u64) -> &[u8] {
    let index = |position: u64| usize::try_from(position.saturating_sub(start)).unwrap_or(usize::MAX);
    data.get(index(from)..index(to)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_first_wins() {
        let mut pieces = Pieces::default();
        let at = At::default();
        assert!(!pieces.insert(10, at, b"klm", 0));
        assert!(!pieces.insert(20, at, b"uv", 3));
        assert!(!pieces.insert(11, at, b"lm", 0));
        assert!(pieces.insert(8, at, b"ijKLMnopqrstUvwx", 0));
        assert!(!pieces.insert(11, at, b"", 9));
        let mut told = Vec::new();
        while let Some(piece) = pieces.take_before(u64::MAX) {
            told.push((piece.position, String::from_utf8_lossy(&piece.data).into_owned(), piece.cut_bytes));
        }
        let expected = [(8, "ij", 0), (10, "klm", 0), (13, "nopqrst", 0), (20, "uv", 3), (22, "wx", 0)];
        assert_eq!(told, expected.map(|(position, data, cut)| (position, data.to_owned(), cut)));
        assert_eq!(pieces.held_bytes(), 0);
    }
}
