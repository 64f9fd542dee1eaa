//! Chunked bodies (RFC 9112, section 7.1).

/// Longest line that tells a chunk's size.
const SIZE_BYTES_MAX: usize = 4096;
/// Trailer fields of a body.
const TRAILER_BYTES_MAX: usize = 64 << 10;

/// Where in a chunked body the next byte stands.
pub(super) enum Chunked {
    /// In the line that tells the next chunk's size; what there is of it.
    Size(Vec<u8>),
    /// So many bytes before a chunk's end.
    Data(u64),
    /// Behind a chunk, before its line end.
    Behind,
    /// In a line of the trailer, of which so many bytes are there, of so many in all.
    Trailer { line_bytes: usize, bytes: usize },
}

/// What the next bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// So many bytes of the body.
    Data(usize),
    /// So many bytes that are none of it.
    Frame(usize),
    /// The last so many bytes that belong to the body's frame.
    End(usize),
    /// This cannot be.
    Broken,
}

impl Default for Chunked {
    fn default() -> Self {
        Self::Size(Vec::new())
    }
}

impl Chunked {
    pub(super) fn next(&mut self, rest: &[u8]) -> Next {
        match self {
            Self::Size(line) => {
                let end = memchr::memchr(b'\n', rest);
                let part = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                if line.len() + part.len() > SIZE_BYTES_MAX {
                    return Next::Broken;
                }
                line.extend_from_slice(part);
                let Some(end) = end else { return Next::Frame(rest.len()) };
                let Some(size) = size(line) else { return Next::Broken };
                *self = if size == 0 { Self::Trailer { line_bytes: 0, bytes: 0 } } else { Self::Data(size) };
                Next::Frame(end + 1)
            }
            Self::Data(left) => {
                let bytes = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                self.passed(bytes as u64);
                Next::Data(bytes)
            }
            Self::Behind => match rest {
                [b'\n', ..] => {
                    *self = Self::default();
                    Next::Frame(1)
                }
                [b'\r', ..] => Next::Frame(1),
                _ => Next::Broken,
            },
            Self::Trailer { line_bytes, bytes } => {
                *bytes += 1;
                match rest.first() {
                    _ if *bytes > TRAILER_BYTES_MAX => return Next::Broken,
                    Some(b'\n') if *line_bytes == 0 => return Next::End(1),
                    Some(b'\n') => *line_bytes = 0,
                    Some(b'\r') => {}
                    _ => *line_bytes += 1,
                }
                Next::Frame(1)
            }
        }
    }

    /// Bytes of the chunk that went by, seen or not; false if the chunk is not that long.
    pub(super) fn passed(&mut self, bytes: u64) -> bool {
        match self {
            Self::Data(left) if *left > bytes => *left -= bytes,
            Self::Data(left) if *left == bytes => *self = Self::Behind,
            _ => return false,
        }
        true
    }

    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Size(line) => line.capacity(),
            _ => 0,
        }
    }
}

/// Hexadecimal digits, before extensions.
fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok().filter(|_| digits.first() != Some(&b'+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wire: &[u8], plain: &[u8], behind: &[u8]) {
        for piece in [1, 3, wire.len()] {
            let (mut chunked, mut decoded, mut at) = (Chunked::default(), Vec::new(), 0);
            loop {
                let rest = &wire[at..(at / piece * piece + piece).min(wire.len())];
                match chunked.next(rest) {
                    Next::Data(bytes) => {
                        decoded.extend_from_slice(&rest[..bytes]);
                        at += bytes;
                    }
                    Next::Frame(bytes) => at += bytes,
                    Next::End(bytes) => break at += bytes,
                    Next::Broken => panic!("broken at {at}"),
                }
            }
            assert_eq!((decoded.as_slice(), &wire[at..]), (plain, behind));
        }
    }

    #[test]
    fn chunks_are_put_together() {
        check(
            b"4\r\nWiki\r\n7;x=\"y\"\r\npedia i\r\n0B\r\nn \r\nchunks.\r\n0\r\n\r\nHTTP",
            b"Wikipedia in \r\nchunks.",
            b"HTTP",
        );
        check(b"3\nabc\n0\nTrailer: x\nOther: y\r\n\r\n", b"abc", b"");
    }

    #[test]
    fn what_is_no_chunk_is_broken() {
        for wire in [&b"xyz\r\n"[..], b"-1\r\n", b"+1\r\n", b"11111111111111111\r\n", b"\r\n"] {
            assert_eq!(Chunked::default().next(wire), Next::Broken, "{}", wire.escape_ascii());
        }
    }
}
