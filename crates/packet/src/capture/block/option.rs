//! The options at the end of a block's body.

use super::{code, padding};
use crate::capture::Endian;
use crate::capture::endian::Fields;

/// Walks options up to the end mark or to the first that does not fit: a damaged option never costs the packet.
#[derive(Clone, Debug)]
pub(super) struct Options<'a> {
    fields: Fields<'a>,
}

impl<'a> Options<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8], endian: Endian) -> Self {
        Self { fields: Fields::new(bytes, endian) }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let code = self.fields.u16()?;
        let bytes = usize::from(self.fields.u16()?);
        if code == code::END {
            return None;
        }
        let value = self.fields.take(bytes)?;
        // The last option's padding may be missing at the end of a damaged block.
        let _ = self.fields.take(padding(bytes));
        Some((code, value))
    }
}

/// The value of an option as a number, if it has that number's length.
#[inline]
pub(super) fn u32_of(value: &[u8], endian: Endian) -> Option<u32> {
    <[u8; 4]>::try_from(value).ok().map(|bytes| endian.u32(bytes))
}

/// As `u32_of`, 64 bits.
#[inline]
pub(super) fn u64_of(value: &[u8], endian: Endian) -> Option<u64> {
    <[u8; 8]>::try_from(value).ok().map(|bytes| endian.u64(bytes))
}
