//! `live/<lane>.journal`: the bytes of frames that are not full yet.

use super::checksum;

/// What a batch starts with.
pub const MAGIC: &[u8; 8] = b"wtjourn1";
/// Length of the header of a batch.
pub const HEADER_BYTES: usize = 64;

/// Some whole blocks of an open frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch<'a> {
    /// One more than in the batch before it.
    pub serial: u64,
    /// Segment in which the frame will be.
    pub segment: u64,
    /// Where the frame will be in its uncompressed stream.
    pub frame_uoffset: u64,
    /// Where in the frame the bytes belong.
    pub offset: u32,
    /// Packets in it.
    pub packets: u32,
    /// Whole blocks.
    pub bytes: &'a [u8],
}

impl<'a> Batch<'a> {
    /// The header that goes before the bytes.
    pub fn encode_header(&self) -> [u8; HEADER_BYTES] {
        let length = u32::try_from(self.bytes.len()).expect("a batch is shorter than a frame");
        let mut header = [0; HEADER_BYTES];
        let (body, sum) = header.split_at_mut(48);
        let mut rest = &mut *body;
        let mut put = |field: &[u8]| {
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(field.len());
            head.copy_from_slice(field);
            rest = tail;
        };
        put(MAGIC);
        put(&self.serial.to_le_bytes());
        put(&self.segment.to_le_bytes());
        put(&self.frame_uoffset.to_le_bytes());
        put(&self.offset.to_le_bytes());
        put(&length.to_le_bytes());
        put(&self.packets.to_le_bytes());
        sum.copy_from_slice(&checksum::<16>(&[body, self.bytes]));
        header
    }

    /// Reads the batch at the start of `bytes` and returns what follows it.
    pub fn decode(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let (body, sum) = header.split_first_chunk::<48>()?;
        let (magic, fields) = body.split_first_chunk::<8>()?;
        let u64_at = |at: usize| fields.get(at..)?.first_chunk().copied().map(u64::from_le_bytes);
        let u32_at = |at: usize| fields.get(at..)?.first_chunk().copied().map(u32::from_le_bytes);
        let (bytes, rest) = rest.split_at_checked(u32_at(28)? as usize)?;
        if magic != MAGIC || checksum::<16>(&[body, bytes]) != sum {
            return None;
        }
        let batch = Self {
            serial: u64_at(0)?,
            segment: u64_at(8)?,
            frame_uoffset: u64_at(16)?,
            offset: u32_at(24)?,
            packets: u32_at(32)?,
            bytes,
        };
        Some((batch, rest))
    }
}

/// A frame put together from its batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalFrame {
    /// Segment in which it belongs.
    pub segment: u64,
    /// Where it belongs in the uncompressed stream.
    pub uoffset: u64,
    /// Whole blocks.
    pub bytes: Vec<u8>,
}

/// The frames of a journal in order; reading ends at the first batch that does not fit.
pub fn decode(journal: &[u8]) -> Vec<JournalFrame> {
    let mut frames: Vec<JournalFrame> = Vec::new();
    let mut rest = journal;
    let mut serial = None;
    while let Some((batch, tail)) = Batch::decode(rest) {
        if serial.is_some_and(|serial: u64| serial.wrapping_add(1) != batch.serial) {
            break;
        }
        (serial, rest) = (Some(batch.serial), tail);
        match frames.last_mut() {
            _ if batch.offset == 0 => frames.push(JournalFrame {
                segment: batch.segment,
                uoffset: batch.frame_uoffset,
                bytes: batch.bytes.to_vec(),
            }),
            Some(frame)
                if (frame.segment, frame.uoffset, frame.bytes.len())
                    == (batch.segment, batch.frame_uoffset, batch.offset as usize) =>
            {
                frame.bytes.extend_from_slice(batch.bytes);
            }
            _ => break,
        }
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(batches: &[(u64, u64, u32, &[u8])]) -> Vec<u8> {
        let mut journal = Vec::new();
        for &(serial, frame_uoffset, offset, bytes) in batches {
            let batch = Batch { serial, segment: 3, frame_uoffset, offset, packets: 1, bytes };
            journal.extend(batch.encode_header());
            journal.extend(bytes);
        }
        journal
    }

    #[track_caller]
    fn check(journal: &[u8], expected: &[(u64, &[u8])]) {
        let frames: Vec<_> = decode(journal).into_iter().map(|frame| (frame.uoffset, frame.bytes)).collect();
        let expected: Vec<_> = expected.iter().map(|(uoffset, bytes)| (*uoffset, bytes.to_vec())).collect();
        assert_eq!(frames, expected);
    }

    #[test]
    fn batches_become_frames() {
        let whole = journal(&[(7, 100, 0, b"aaaa"), (8, 100, 4, b"bb"), (9, 200, 0, b"cccc")]);
        check(&whole, &[(100, b"aaaabb"), (200, b"cccc")]);
        check(&[], &[]);
    }

    #[test]
    fn what_was_there_before_is_not_believed() {
        let mut old = journal(&[(5, 50, 0, b"xxxx"), (6, 50, 4, b"yy")]);
        let new = journal(&[(7, 100, 0, b"aaaa")]);
        old[..new.len()].copy_from_slice(&new);
        check(&old, &[(100, b"aaaa")]);
    }

    #[test]
    fn a_torn_batch_ends_the_journal() {
        let whole = journal(&[(7, 100, 0, b"aaaa"), (8, 100, 4, b"bb")]);
        for length in 0..whole.len() {
            let expected: &[(u64, &[u8])] = if length < HEADER_BYTES + 4 { &[] } else { &[(100, b"aaaa")] };
            check(&whole[..length], expected);
        }
        let hole = journal(&[(7, 100, 0, b"aaaa"), (8, 100, 8, b"bb")]);
        check(&hole, &[(100, b"aaaa")]);
    }
}
