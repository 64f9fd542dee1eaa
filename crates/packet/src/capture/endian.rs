//! Fields in either byte order.

use crate::Cursor;

/// The byte order of a capture file or of a section of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Endian {
    /// Least significant byte first.
    #[default]
    Little,
    /// Most significant byte first.
    Big,
}

impl Endian {
    #[inline]
    pub(crate) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(crate) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }
}

/// A [`Cursor`] over fields of one byte order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    cursor: Cursor<'a>,
    endian: Endian,
}

impl<'a> Fields<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], endian: Endian) -> Self {
        Self { cursor: Cursor::new(bytes), endian }
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.cursor.array().map(|bytes| self.endian.u16(bytes))
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.cursor.array().map(|bytes| self.endian.u32(bytes))
    }

    /// A 64-bit value that is stored as its upper and then its lower half, as pcapng does with times.
    #[inline]
    pub(crate) fn halves(&mut self) -> Option<u64> {
        let (upper, lower) = (self.u32()?, self.u32()?);
        Some(u64::from(upper) << 32 | u64::from(lower))
    }

    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        self.cursor.take(count)
    }

    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.cursor.rest()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.cursor.is_empty()
    }
}
