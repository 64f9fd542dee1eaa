//! Single pcapng blocks in memory (<https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html>).
//!
//! Written ones are little-endian with nanoseconds; [`Blocks`] finds these again. Both byte orders and all resolutions
//! are [`super::Reader`]'s part.

mod blocks;
mod body;
mod option;
mod write;

pub use blocks::{Block, Blocks};
pub(crate) use body::{PacketFields, enhanced_packet, interface, obsolete_packet, simple_packet, statistics};
pub use write::{
    Section, packet_block_bytes, put_packet_block, write_interface_block, write_packet_block, write_section_header,
    write_statistics_block,
};

/// Block types (section 11.1).
pub(crate) mod kind {
    pub(crate) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
    pub(crate) const INTERFACE: u32 = 1;
    pub(crate) const OBSOLETE_PACKET: u32 = 2;
    pub(crate) const SIMPLE_PACKET: u32 = 3;
    pub(crate) const STATISTICS: u32 = 5;
    pub(crate) const ENHANCED_PACKET: u32 = 6;
}

/// Option codes; what they mean depends on the block.
mod code {
    pub(super) const END: u16 = 0;
    pub(super) const SHB_HARDWARE: u16 = 2;
    pub(super) const SHB_OS: u16 = 3;
    pub(super) const SHB_USERAPPL: u16 = 4;
    pub(super) const IF_NAME: u16 = 2;
    pub(super) const IF_DESCRIPTION: u16 = 3;
    pub(super) const IF_TSRESOL: u16 = 9;
    pub(super) const IF_FILTER: u16 = 11;
    pub(super) const IF_TSOFFSET: u16 = 14;
    pub(super) const EPB_FLAGS: u16 = 2;
    pub(super) const EPB_PACKETID: u16 = 5;
    pub(super) const ISB_STARTTIME: u16 = 2;
    pub(super) const ISB_ENDTIME: u16 = 3;
    pub(super) const ISB_IFRECV: u16 = 4;
    pub(super) const ISB_IFDROP: u16 = 5;
    pub(super) const ISB_FILTERACCEPT: u16 = 6;
    pub(super) const ISB_OSDROP: u16 = 7;
    pub(super) const ISB_USRDELIV: u16 = 8;
}

/// What a section header has after its length, in the section's byte order.
pub(crate) const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Type and length before a block's body, and the length again after it.
pub(crate) const BLOCK_BYTES_MIN: usize = 12;
/// Of an Enhanced Packet Block, what is before the packet: the block's start and the fixed fields.
const PACKET_START_BYTES: usize = 28;

/// Bytes from a length to the next multiple of four.
#[inline]
pub(crate) const fn padding(bytes: usize) -> usize {
    bytes.wrapping_neg() & 3
}
