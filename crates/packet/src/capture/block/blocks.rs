//! Finding blocks in memory.

use super::{BLOCK_BYTES_MIN, BYTE_ORDER_MAGIC, body, kind};
use crate::capture::endian::{Endian, Fields};
use crate::capture::format::Scale;
use crate::capture::{Resolution, Statistics};
use crate::{Interface, Packet, Timestamp};

/// One block, as far as it matters to a tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block<'a> {
    /// A section begins; its interfaces count from 0.
    Section,
    /// The section's next interface.
    Interface(Interface),
    /// A packet; `interface` counts within its section.
    Packet(Packet<'a>),
    /// The counters of an interface at a time.
    Statistics {
        /// The interface within its section.
        interface: u32,
        /// When the counters were read.
        time: Timestamp,
        /// The counters.
        statistics: Statistics,
    },
    /// A block of another type.
    Other {
        /// Its type.
        kind: u32,
    },
}

/// The blocks of little-endian pcapng with nanoseconds, as this crate writes it, with where they begin.
///
/// It may begin at any block, not only at a section header. A torn or damaged block ends the iteration:
/// [`Blocks::whole_bytes`] then says where the last whole one ended.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    bytes: &'a [u8],
    whole_bytes: usize,
}

impl<'a> Blocks<'a> {
    /// The blocks of `bytes`.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, whole_bytes: 0 }
    }

    /// Bytes of the blocks that were passed, all of them whole: where the next block begins.
    #[inline]
    pub fn whole_bytes(&self) -> usize {
        self.whole_bytes
    }

    /// After the end: true if it came before the end of the bytes.
    #[inline]
    pub fn is_torn(&self) -> bool {
        self.whole_bytes < self.bytes.len()
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = (usize, Block<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.whole_bytes;
        let rest = self.bytes.get(offset..)?;
        let (kind, body) = split_block(rest)?;
        let block = if kind == kind::ENHANCED_PACKET { packet(body)? } else { other_block(kind, body)? };
        self.whole_bytes = offset + body.len() + BLOCK_BYTES_MIN;
        Some((offset, block))
    }
}

/// Type and body of the block at the start of `rest`.
#[inline]
fn split_block(rest: &[u8]) -> Option<(u32, &[u8])> {
    let mut fields = Fields::new(rest, Endian::Little);
    let (kind, total) = (fields.u32()?, fields.u32()?);
    if total % 4 != 0 {
        return None;
    }
    let body = fields.take((total as usize).checked_sub(BLOCK_BYTES_MIN)?)?;
    (fields.u32()? == total).then_some((kind, body))
}

#[inline]
fn packet(body: &[u8]) -> Option<Block<'_>> {
    let fields = body::enhanced_packet(body, Endian::Little)?;
    Some(Block::Packet(Packet {
        time: Timestamp(i64::try_from(fields.ticks.unwrap_or(0)).unwrap_or(i64::MAX)),
        wire_bytes: fields.wire_bytes,
        data: fields.data,
        interface: fields.interface,
        direction: fields.direction,
        arrival: fields.arrival,
    }))
}

#[cold]
fn other_block(kind: u32, body: &[u8]) -> Option<Block<'_>> {
    let nanoseconds = Scale::new(Resolution::NANOSECONDS, 0);
    match kind {
        kind::SECTION_HEADER => {
            (Fields::new(body, Endian::Little).u32()? == BYTE_ORDER_MAGIC).then_some(Block::Section)
        }
        kind::INTERFACE => Some(Block::Interface(body::interface(body, Endian::Little)?.interface)),
        kind::STATISTICS => {
            let (interface, ticks, statistics) = body::statistics(body, Endian::Little, |_| Some(nanoseconds))?;
            Some(Block::Statistics { interface, time: nanoseconds.time(ticks), statistics })
        }
        _ => Some(Block::Other { kind }),
    }
}
