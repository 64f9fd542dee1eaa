//! The bytes of one layer.

/// What was captured of one layer, where it starts in the packet, and how long it was on the wire.
///
/// `offset + data.len() <= end` always holds.
#[derive(Clone, Copy)]
pub(super) struct Span<'a> {
    pub(super) data: &'a [u8],
    /// Where the layer starts in the packet.
    pub(super) offset: u32,
    /// Where it ends on the wire.
    end: u32,
}

impl<'a> Span<'a> {
    /// A whole packet; more than 4 GiB of it are not looked at.
    #[inline]
    pub(super) fn new(data: &'a [u8], wire_bytes: u32) -> Self {
        match u32::try_from(data.len()) {
            Ok(captured) => Self { data, offset: 0, end: wire_bytes.max(captured) },
            Err(_) => Self { data: &[], offset: 0, end: wire_bytes },
        }
    }

    /// Bytes on the wire.
    #[inline]
    pub(super) fn wire_bytes(&self) -> u32 {
        self.end - self.offset
    }

    /// Captured bytes.
    #[inline]
    pub(super) fn captured(&self) -> u32 {
        self.data.len() as u32
    }

    /// A header of `N` bytes and what follows it.
    #[inline]
    pub(super) fn split<const N: usize>(self) -> Option<(&'a [u8; N], Self)> {
        let (head, data) = self.data.split_first_chunk::<N>()?;
        Some((head, Self { data, offset: self.offset + N as u32, end: self.end }))
    }

    /// What follows a header of `header_bytes`, `None` if the header was not captured whole.
    #[inline]
    pub(super) fn after(self, header_bytes: usize) -> Option<Self> {
        let data = self.data.get(header_bytes..)?;
        Some(Self { data, offset: self.offset + header_bytes as u32, end: self.end })
    }

    /// Cut to `wire_bytes`, as a length field says, so that padding and trailers are not taken for content.
    #[inline]
    pub(super) fn limit(self, wire_bytes: u32) -> Self {
        let data = self.data.get(..wire_bytes as usize).unwrap_or(self.data);
        Self { data, end: self.end.min(self.offset.saturating_add(wire_bytes)), ..self }
    }

    /// Where the bytes after a header of `header_bytes` start and how many there are on the wire.
    #[inline]
    pub(super) fn payload(&self, header_bytes: u32) -> (u32, u32) {
        (self.offset + header_bytes.min(self.captured()), self.wire_bytes().saturating_sub(header_bytes))
    }

    /// The byte at `offset`.
    #[inline]
    pub(super) fn u8(&self, offset: usize) -> Option<u8> {
        self.data.get(offset).copied()
    }

    /// The big-endian 16 bits at `offset`.
    #[inline]
    pub(super) fn u16(&self, offset: usize) -> Option<u16> {
        self.data.get(offset..)?.first_chunk().copied().map(u16::from_be_bytes)
    }

    /// The big-endian 32 bits at `offset`.
    #[inline]
    pub(super) fn u32(&self, offset: usize) -> Option<u32> {
        self.data.get(offset..)?.first_chunk().copied().map(u32::from_be_bytes)
    }
}
