//! The Huffman code (RFC 7541, appendix B). It is canonical: the lengths of the codes tell the codes.

use std::sync::LazyLock;

/// Bits of each symbol's code. The end of a string, which has 30 bits too, is never sent.
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/// Longest code.
const BITS_MAX: usize = 30;

/// Codes by their lengths.
struct Code {
    /// The symbols, those with the shortest codes first.
    symbols: Vec<u8>,
    /// Of each length: the first code, how many there are, and where their symbols begin.
    lengths: [(u32, u32, usize); BITS_MAX + 1],
}

static CODE: LazyLock<Code> = LazyLock::new(|| {
    let mut code = Code { symbols: Vec::new(), lengths: [(0, 0, 0); BITS_MAX + 1] };
    let mut next = 0;
    for (length, entry) in code.lengths.iter_mut().enumerate().skip(1) {
        next <<= 1;
        let begin = code.symbols.len();
        code.symbols.extend((0..=u8::MAX).filter(|symbol| usize::from(LENGTHS[usize::from(*symbol)]) == length));
        let count = u32::try_from(code.symbols.len() - begin).unwrap_or(0);
        *entry = (next, count, begin);
        next += count;
    }
    code
});

/// Decodes a string; `None` if it is none: its padding are up to seven ones.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let code = &*CODE;
    let mut decoded = Vec::with_capacity(bytes.len() * 8 / 5);
    let (mut bits, mut length) = (0, 0);
    for byte in bytes {
        for place in (0..8).rev() {
            bits = bits << 1 | u32::from(byte >> place & 1);
            length += 1;
            let (first, count, begin) = *code.lengths.get(length)?;
            if bits.wrapping_sub(first) < count {
                decoded.push(*code.symbols.get(begin + (bits - first) as usize)?);
                (bits, length) = (0, 0);
            }
        }
    }
    let is_padding = length < 8 && bits == (1 << length) - 1;
    is_padding.then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_appendix() {
        // A few rows of RFC 7541, appendix B.
        let check = |symbol: u8, code: u32, bits: usize| {
            let (first, count, begin) = CODE.lengths[bits];
            assert!((first..first + count).contains(&code), "{symbol}");
            assert_eq!(CODE.symbols[begin + (code - first) as usize], symbol);
        };
        check(b'0', 0x0, 5);
        check(b' ', 0x14, 6);
        check(b'z', 0x7b, 7);
        check(b'Z', 0xfd, 8);
        check(b'\\', 0x7fff0, 19);
        check(0, 0x1ff8, 13);
        check(10, 0x3ffffffc, 30);
        check(22, 0x3ffffffe, 30);
        check(128, 0xfffe6, 20);
        check(254, 0x7fffff0, 27);
        check(255, 0x3ffffee, 26);
        assert_eq!(CODE.symbols.len(), 256);
    }

    #[test]
    fn padding_is_checked() {
        assert_eq!(decode(&[0x07]), Some(b"0".to_vec()));
        assert_eq!(decode(&[0x00]), None);
        assert_eq!(decode(&[0xff]), None);
        assert_eq!(decode(&[0xff; 4]), None);
        assert_eq!(decode(&[]), Some(Vec::new()));
    }
}
