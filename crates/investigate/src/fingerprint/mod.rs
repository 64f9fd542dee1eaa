//! What gives a client or server away, whatever it calls itself.

mod hassh;
mod ja3;
mod ja4;

pub(crate) use hassh::hassh;
pub(crate) use ja3::{ja3, ja3s};
pub(crate) use ja4::{Carrier, ja4};

/// Lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble & 15)).copied().unwrap_or_default();
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}

/// Whether a code point is one of those that mean nothing, and only keep servers used to the unknown (RFC 8701).
pub(crate) fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}
