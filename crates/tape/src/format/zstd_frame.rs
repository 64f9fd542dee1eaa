//! zstd frames (RFC 8878): how long one is, and frames that store bytes without compressing them.

/// Most bytes of a frame's content.
pub const FRAME_BYTES_MAX: usize = 1 << 20;
/// Most bytes of a block (RFC 8878, 3.1.1.2.4).
pub const BLOCK_BYTES_MAX: usize = 128 << 10;
/// Length of a block's header.
pub const BLOCK_HEADER_BYTES: usize = 3;
/// Length of the header of a stored frame.
pub const STORED_HEADER_BYTES: usize = 9;
/// Files are written directly in multiples of this, and stored frames can be padded to it.
pub const ALIGNMENT: usize = 4096;

const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();
const RAW: u32 = 0;
const RLE: u32 = 1;

/// What the start of some bytes says about the frame that starts there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The frame is there as a whole.
    Whole {
        /// Its length.
        cbytes: usize,
        /// Length of its content.
        ubytes: usize,
        /// All blocks are raw: their bytes are the content.
        stored: bool,
    },
    /// At least so many bytes are needed, counted from the frame's start.
    More(usize),
    /// It is not a frame of a tape.
    Invalid,
}

/// Measures the frame at the start of `bytes` by its header and its blocks' headers.
pub fn measure(bytes: &[u8]) -> Measure {
    let Some((magic, rest)) = bytes.split_first_chunk::<4>() else {
        let torn = MAGIC.starts_with(bytes);
        return if torn { Measure::More(5) } else { Measure::Invalid };
    };
    if *magic != MAGIC {
        return Measure::Invalid;
    }
    let Some(&descriptor) = rest.first() else { return Measure::More(5) };
    let Some((size_at, size_bytes)) = content_size_field(descriptor) else { return Measure::Invalid };
    let Some(field) = bytes.get(size_at..size_at + size_bytes) else { return Measure::More(size_at + size_bytes) };
    let size = field.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let size = if size_bytes == 2 { size + 256 } else { size };
    match usize::try_from(size) {
        Ok(ubytes) if ubytes <= FRAME_BYTES_MAX => {
            measure_blocks(bytes, size_at + size_bytes, descriptor & 0b100 != 0, ubytes)
        }
        _ => Measure::Invalid,
    }
}

/// Appends `content` as a stored frame.
pub fn store(content: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&stored_header(content.len()));
    let mut blocks = content.chunks(BLOCK_BYTES_MAX).peekable();
    while let Some(block) = blocks.next() {
        out.extend_from_slice(&raw_block_header(block.len(), blocks.peek().is_none()));
        out.extend_from_slice(block);
    }
    if content.is_empty() {
        out.extend_from_slice(&raw_block_header(0, true));
    }
}

/// Appends `content` of at most one block as a stored frame, padded to a multiple of [`ALIGNMENT`].
pub fn store_padded(content: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&stored_header(content.len()));
    let length = STORED_HEADER_BYTES + BLOCK_HEADER_BYTES + content.len();
    let padding = padding_bytes(length);
    out.extend_from_slice(&raw_block_header(content.len(), padding == 0));
    out.extend_from_slice(content);
    out.resize(start + length + padding, 0);
    pad(&mut out[start + length..]);
}

/// The header of a stored frame.
pub fn stored_header(content_bytes: usize) -> [u8; STORED_HEADER_BYTES] {
    assert!(content_bytes <= FRAME_BYTES_MAX, "a frame is cut before it becomes too long");
    // Single segment, content size in four bytes.
    let [a, b, c, d] = MAGIC;
    let [e, f, g, h] = (content_bytes as u32).to_le_bytes();
    [a, b, c, d, 0b1010_0000, e, f, g, h]
}

/// The header of a raw block.
pub fn raw_block_header(content_bytes: usize, last: bool) -> [u8; BLOCK_HEADER_BYTES] {
    assert!(content_bytes <= BLOCK_BYTES_MAX, "a block is cut before it becomes too long");
    block_header(content_bytes as u32, RAW, last)
}

/// How many bytes of padding bring `length` to a multiple of [`ALIGNMENT`]: what [`pad`] can fill.
pub fn padding_bytes(length: usize) -> usize {
    const LEAST: usize = 4 + 4 + BLOCK_HEADER_BYTES;
    match length.wrapping_neg() % ALIGNMENT {
        0 => 0,
        short if short < LEAST => short + ALIGNMENT,
        enough => enough,
    }
}

/// Fills the end of a stored frame, whose last data block is not marked last, with empty blocks.
///
/// An empty raw block has 3 bytes, an empty RLE block 4: together they fill any length.
pub fn pad(padding: &mut [u8]) {
    let rle_blocks = padding.len() % BLOCK_HEADER_BYTES;
    let (rle, raw) = padding.split_at_mut(rle_blocks * 4);
    for block in rle.chunks_exact_mut(4) {
        let [a, b, c] = block_header(0, RLE, false);
        block.copy_from_slice(&[a, b, c, 0]);
    }
    for block in raw.chunks_exact_mut(BLOCK_HEADER_BYTES) {
        block.copy_from_slice(&block_header(0, RAW, false));
    }
    if let Some(last) = raw.last_chunk_mut::<BLOCK_HEADER_BYTES>() {
        *last = block_header(0, RAW, true);
    }
}

/// Offset and length of the content size in the frame header; `None` if there is none, or a dictionary.
fn content_size_field(descriptor: u8) -> Option<(usize, usize)> {
    let single_segment = descriptor & 0b10_0000 != 0;
    let dictionary_or_reserved = descriptor & 0b1011 != 0;
    let size_bytes = match (descriptor >> 6, single_segment) {
        (0, false) => return None,
        (0, true) => 1,
        (1, _) => 2,
        (2, _) => 4,
        _ => 8,
    };
    (!dictionary_or_reserved).then_some((5 + usize::from(!single_segment), size_bytes))
}

fn measure_blocks(bytes: &[u8], first_block: usize, has_checksum: bool, ubytes: usize) -> Measure {
    let mut at = first_block;
    let (mut stored, mut raw_bytes) = (true, 0);
    loop {
        let Some(&[a, b, c]) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
            return Measure::More(at + BLOCK_HEADER_BYTES);
        };
        let header = u32::from_le_bytes([a, b, c, 0]);
        let block_bytes = (header >> 3) as usize;
        if block_bytes > BLOCK_BYTES_MAX {
            return Measure::Invalid;
        }
        let body_bytes = match header >> 1 & 3 {
            RAW => {
                raw_bytes += block_bytes;
                block_bytes
            }
            RLE => {
                stored &= block_bytes == 0;
                1
            }
            2 => {
                stored = false;
                block_bytes
            }
            _ => return Measure::Invalid,
        };
        at += BLOCK_HEADER_BYTES + body_bytes;
        if header & 1 != 0 {
            break;
        }
        if at > 2 * FRAME_BYTES_MAX {
            return Measure::Invalid;
        }
    }
    let cbytes = at + if has_checksum { 4 } else { 0 };
    if stored && raw_bytes != ubytes {
        return Measure::Invalid;
    }
    if bytes.len() < cbytes { Measure::More(cbytes) } else { Measure::Whole { cbytes, ubytes, stored } }
}

fn block_header(content_bytes: u32, kind: u32, last: bool) -> [u8; BLOCK_HEADER_BYTES] {
    let [a, b, c, _] = (content_bytes << 3 | kind << 1 | u32::from(last)).to_le_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let next = |state: &mut u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (*state >> 56) as u8
        };
        (0..length).map(|_| next(&mut state)).collect()
    }

    const LENGTHS: [usize; 8] = [1, 255, 256, 65_791, 65_792, BLOCK_BYTES_MAX, BLOCK_BYTES_MAX + 1, FRAME_BYTES_MAX];

    #[test]
    fn frames_of_libzstd_are_measured() {
        for length in LENGTHS {
            for content in [noise(length), vec![7; length]] {
                let frame = zstd::bulk::compress(&content, 1).unwrap();
                check(&frame, length);
            }
        }
    }

    #[test]
    fn stored_frames_are_frames_to_libzstd() {
        for length in LENGTHS {
            let content = noise(length);
            let mut frame = Vec::new();
            store(&content, &mut frame);
            check(&frame, length);
            assert_eq!(zstd::bulk::decompress(&frame, length).unwrap(), content);
            assert_eq!(zstd::stream::decode_all(frame.as_slice()).unwrap(), content);
            if length <= BLOCK_BYTES_MAX {
                let mut frame = Vec::new();
                store_padded(&content, &mut frame);
                check(&frame, length);
                assert!(frame.len().is_multiple_of(ALIGNMENT));
                assert_eq!(zstd::bulk::decompress(&frame, length).unwrap(), content);
            }
        }
    }

    #[test]
    fn padding_fills_any_length() {
        let content = noise(5000);
        for length in 0..2 * ALIGNMENT {
            let mut frame = stored_header(content.len()).to_vec();
            frame.extend(raw_block_header(content.len(), false));
            frame.extend(&content);
            let start = frame.len();
            let padding = padding_bytes(length);
            assert_eq!((length + padding) % ALIGNMENT, 0);
            assert!(padding == 0 || padding >= 11);
            if padding > 0 {
                frame.resize(start + padding, 0xff);
                pad(&mut frame[start..]);
                check(&frame, content.len());
                assert_eq!(zstd::bulk::decompress(&frame, content.len()).unwrap(), content);
                assert_eq!(zstd::stream::decode_all(frame.as_slice()).unwrap(), content);
            }
        }
    }

    #[test]
    fn other_bytes_are_not_frames() {
        assert_eq!(measure(b"\x50\x2a\x4d\x18\x00\x00\x00\x00"), Measure::Invalid);
        assert_eq!(measure(b"\x0a\x0d\x0d\x0a"), Measure::Invalid);
        assert_eq!(measure(b""), Measure::More(5));
        for seed in 0..2000_usize {
            let mut bytes = stored_header(seed).to_vec();
            bytes.extend(noise(seed + 100).iter().skip(seed));
            measure(&bytes);
        }
    }

    /// The whole frame is measured, and no part of it is taken for a whole one.
    #[track_caller]
    fn check(frame: &[u8], length: usize) {
        match measure(frame) {
            Measure::Whole { cbytes, ubytes, .. } => assert_eq!((cbytes, ubytes), (frame.len(), length)),
            other => panic!("{other:?}"),
        }
        for cut in [0, 1, 4, 5, 8, 9, 11, 12, frame.len() / 2, frame.len() - 1] {
            match measure(&frame[..cut.min(frame.len() - 1)]) {
                Measure::More(needed) => assert!(needed > cut.min(frame.len() - 1) && needed <= frame.len().max(18)),
                other => panic!("{other:?} of {cut}"),
            }
        }
    }
}
