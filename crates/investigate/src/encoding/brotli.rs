//! Brotli (RFC 7932).

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::Undecodable;
use super::layer::Stepped;

/// What it takes beside its window.
const TABLES_BYTES: usize = 256 << 10;

/// A brotli stream being decoded.
pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    written: usize,
}

impl Default for Brotli {
    /// Windows beyond 16 MiB are no part of the content encoding.
    fn default() -> Self {
        let allocator = StandardAlloc::default;
        Self { state: BrotliState::new_strict(allocator(), allocator(), allocator()), written: 0 }
    }
}

impl Brotli {
    /// Memory that a stream takes that begins with this byte, which tells the size of its window (RFC 7932, section 9.1).
    pub(super) fn bytes(first: u8) -> usize {
        let window_bits = match first {
            first if first & 1 == 0 => 16,
            first if first & 0x0e != 0 => 17 + (first >> 1 & 7),
            _ => 17,
        };
        (1 << window_bits) + TABLES_BYTES
    }

    /// Decodes as much as there is and as has room; also says whether the stream has come to its end.
    pub(super) fn step(&mut self, wire: &[u8], plain: &mut [u8]) -> Result<(Stepped, bool), Undecodable> {
        let (mut wire_left, mut read) = (wire.len(), 0);
        let (mut plain_left, mut written) = (plain.len(), 0);
        let result = BrotliDecompressStream(
            &mut wire_left,
            &mut read,
            wire,
            &mut plain_left,
            &mut written,
            plain,
            &mut self.written,
            &mut self.state,
        );
        let stepped = Stepped { read, written };
        match result {
            BrotliResult::ResultSuccess => Ok((stepped, true)),
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => Ok((stepped, false)),
            BrotliResult::ResultFailure => Err(Undecodable::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_read_from_the_first_byte() {
        // RFC 7932, section 9.1.
        for (first, window_bits) in [(0x0b, 22), (0x0f, 24), (0x03, 18), (0x00, 16), (0x01, 17), (0x21, 17)] {
            assert_eq!(Brotli::bytes(first), (1 << window_bits) + TABLES_BYTES, "{first:#x}");
        }
    }

    #[test]
    fn the_example_of_an_empty_stream_is_empty() {
        let mut plain = [0; 16];
        let (stepped, is_at_end) = Brotli::default().step(&[0x06], &mut plain).expect("valid");
        assert_eq!((stepped.read, stepped.written, is_at_end), (1, 0, true));
    }
}
