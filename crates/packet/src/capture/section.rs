//! Reading pcapng: sections, their interfaces, and packets on them.

use std::io::Read;
use std::mem;

use super::block::{self, BLOCK_BYTES_MIN, BYTE_ORDER_MAGIC, PacketFields, kind};
use super::endian::Fields;
use super::error::{Corruption, Fault};
use super::format::Scale;
use super::reader::Found;
use super::window::Window;
use super::{Endian, Format, Statistics, captured_bytes_max};
use crate::{Interface, Timestamp};

/// Longest block that is not a packet of a link type with larger packets (libpcap's INITIAL_MAX_BLOCKSIZE).
const BLOCK_BYTES_MAX: u32 = 16 * 1024 * 1024;
/// Room for the options of a packet, beyond the packet (libpcap's MAX_BLOCKSIZE_FOR_SNAPLEN).
const PACKET_OPTIONS_BYTES_MAX: u32 = 128 * 1024;
/// Memory for descriptions of interfaces, over all sections of a file.
const INTERFACES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where in a pcapng the reader is.
#[derive(Debug)]
pub(crate) struct Sections {
    endian: Endian,
    /// Interfaces of the sections before this one.
    first_interface: usize,
    /// One for each interface of the file, as `interfaces` of the reader.
    scales: Vec<Measure>,
    /// Most bytes a block of this section can have.
    block_bytes_max: u32,
    interfaces_bytes: usize,
}

/// What an interface's packets are measured by.
#[derive(Clone, Copy, Debug)]
struct Measure {
    scale: Scale,
    snaplen: u32,
    captured_bytes_max: u32,
}

/// What blocks other than packets change.
pub(crate) struct Context<'a> {
    pub(crate) format: &'a mut Format,
    pub(crate) interfaces: &'a mut Vec<Interface>,
    pub(crate) statistics: &'a mut Vec<Statistics>,
}

impl Sections {
    pub(crate) fn new() -> Self {
        Self {
            endian: Endian::Little,
            first_interface: 0,
            scales: Vec::new(),
            block_bytes_max: BLOCK_BYTES_MAX,
            interfaces_bytes: 0,
        }
    }

    /// The next packet. `at` follows the start of the block being read.
    #[inline]
    pub(crate) fn next<R: Read>(
        &mut self,
        window: &mut Window<R>,
        context: &mut Context<'_>,
        at: &mut u64,
    ) -> Result<Option<Found>, Fault> {
        loop {
            *at = window.offset();
            if !window.ensure(BLOCK_BYTES_MIN) {
                if window.at_end() {
                    return Ok(None);
                }
                window.require(BLOCK_BYTES_MIN, "block header")?;
            }
            let Some(&[kind, length, first]) = window.bytes().as_chunks::<4>().0.first_chunk::<3>() else {
                return Ok(None);
            };
            if u32::from_le_bytes(kind) == kind::SECTION_HEADER {
                self.begin_section(first)?;
                context.format.endian = self.endian;
            }
            let (kind, total) = (self.endian.u32(kind), self.endian.u32(length));
            if total % 4 != 0 || (total as usize) < BLOCK_BYTES_MIN || total > self.block_bytes_max {
                return Err(Corruption::BlockLength { kind, length: total }.into());
            }
            if kind == kind::ENHANCED_PACKET {
                return self.packet(window, kind, total).map(Some);
            }
            match kind {
                kind::OBSOLETE_PACKET | kind::SIMPLE_PACKET => return self.packet(window, kind, total).map(Some),
                kind::SECTION_HEADER | kind::INTERFACE | kind::STATISTICS => {
                    let body = self.body(window, kind, total)?;
                    self.describe(kind, body, context)?;
                    window.consume(total as usize);
                }
                _ => {
                    window.skip(total as usize - 4, "block")?;
                    window.require(4, "block")?;
                    self.check_trailer(window.bytes(), total)?;
                    window.consume(4);
                }
            }
        }
    }

    /// Takes over the byte order of a section from its magic.
    fn begin_section(&mut self, magic: [u8; 4]) -> Result<(), Fault> {
        self.endian = match (u32::from_le_bytes(magic), u32::from_be_bytes(magic)) {
            (BYTE_ORDER_MAGIC, _) => Endian::Little,
            (_, BYTE_ORDER_MAGIC) => Endian::Big,
            (_, magic) => return Err(Corruption::ByteOrder { magic }.into()),
        };
        self.first_interface = self.scales.len();
        self.block_bytes_max = BLOCK_BYTES_MAX;
        Ok(())
    }

    /// The body of the block of `total` bytes at the start of the window, all of which is brought in.
    #[inline]
    fn body<'w, R: Read>(&self, window: &'w mut Window<R>, kind: u32, total: u32) -> Result<&'w [u8], Fault> {
        window.require(total as usize, "block")?;
        let block = window.bytes().get(..total as usize).unwrap_or_default();
        let (rest, trailer) = block.split_last_chunk::<4>().unwrap_or((&[], &[0; 4]));
        self.check_trailer(trailer, total)?;
        rest.get(8..).ok_or(Fault::Corrupt(Corruption::BlockContent { kind }))
    }

    #[inline]
    fn check_trailer(&self, trailer: &[u8], total: u32) -> Result<(), Fault> {
        let trailing = trailer.first_chunk().map_or(0, |&bytes| self.endian.u32(bytes));
        if trailing == total { Ok(()) } else { Err(Corruption::TrailingLength { leading: total, trailing }.into()) }
    }

    /// A packet in one of the three blocks that hold one.
    #[inline]
    fn packet<R: Read>(&self, window: &mut Window<R>, kind: u32, total: u32) -> Result<Found, Fault> {
        let body = self.body(window, kind, total)?;
        let fields = match kind {
            kind::ENHANCED_PACKET => block::enhanced_packet(body, self.endian),
            kind::OBSOLETE_PACKET => block::obsolete_packet(body, self.endian),
            _ => {
                let snaplen = self.measure(0)?.1.snaplen;
                block::simple_packet(body, snaplen, self.endian)
            }
        };
        let PacketFields { interface, ticks, wire_bytes, data, direction, arrival } =
            fields.ok_or(Corruption::BlockContent { kind })?;
        let (interface, measure) = self.measure(interface)?;
        let captured = data.len();
        if captured > measure.captured_bytes_max as usize {
            let claimed = u32::try_from(captured).unwrap_or(u32::MAX);
            return Err(Corruption::CapturedBytes { claimed, max: measure.captured_bytes_max }.into());
        }
        let time = ticks.map_or(Timestamp::default(), |ticks| measure.scale.time(ticks));
        // Behind the packet: its padding, options and the block's length.
        let start = if kind == kind::SIMPLE_PACKET { 4 } else { 20 };
        let tail = (body.len() - start - captured) + 4;
        window.consume(total as usize);
        Ok(Found { time, wire_bytes, interface, direction, arrival, captured, tail })
    }

    /// The number over all sections of a section's interface, and how it measures.
    #[inline]
    fn measure(&self, interface: u32) -> Result<(u32, &Measure), Corruption> {
        let number = self.first_interface.saturating_add(interface as usize);
        match (self.scales.get(number), u32::try_from(number)) {
            (Some(measure), Ok(number)) => Ok((number, measure)),
            _ => {
                let described = (self.scales.len() - self.first_interface) as u32;
                Err(Corruption::Interface { interface, described })
            }
        }
    }

    /// Takes in a block that is not a packet.
    #[cold]
    fn describe(&mut self, kind: u32, body: &[u8], context: &mut Context<'_>) -> Result<(), Fault> {
        let endian = self.endian;
        match kind {
            kind::SECTION_HEADER => check_version(body, endian),
            kind::INTERFACE => self.add_interface(body, context),
            _ => {
                let scale = |interface| self.measure(interface).ok().map(|(_, measure)| measure.scale);
                let (interface, _, counters) =
                    block::statistics(body, endian, scale).ok_or(Corruption::BlockContent { kind })?;
                // Statistics of an interface that is not described are of no use, and cost no packet.
                let number = self.first_interface.saturating_add(interface as usize);
                if let Some(slot) = context.statistics.get_mut(number) {
                    *slot = counters;
                }
                Ok(())
            }
        }
    }

    fn add_interface(&mut self, body: &[u8], context: &mut Context<'_>) -> Result<(), Fault> {
        let described =
            block::interface(body, self.endian).ok_or(Corruption::BlockContent { kind: kind::INTERFACE })?;
        let text_bytes = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.interfaces_bytes += mem::size_of::<(Interface, Statistics, Measure)>()
            + text_bytes(&described.interface.name)
            + text_bytes(&described.interface.description);
        if self.interfaces_bytes > INTERFACES_BYTES_MAX {
            return Err(Corruption::Interfaces { max: INTERFACES_BYTES_MAX }.into());
        }
        let captured_bytes_max = captured_bytes_max(described.interface.link_type);
        self.block_bytes_max = self.block_bytes_max.max(captured_bytes_max + PACKET_OPTIONS_BYTES_MAX);
        self.scales.push(Measure { scale: described.scale, snaplen: described.interface.snaplen, captured_bytes_max });
        context.format.resolution = described.resolution;
        context.interfaces.push(described.interface);
        context.statistics.push(Statistics::default());
        Ok(())
    }
}

/// The version in a section header: 1.0, and 1.2 as some programs wrote it for the same.
fn check_version(body: &[u8], endian: Endian) -> Result<(), Fault> {
    let mut fields = Fields::new(body, endian);
    let content = Corruption::BlockContent { kind: kind::SECTION_HEADER };
    let (_magic, major, minor) =
        (fields.u32().ok_or(content)?, fields.u16().ok_or(content)?, fields.u16().ok_or(content)?);
    match (major, minor) {
        (1, 0 | 2) => Ok(()),
        _ => Err(Fault::Unsupported(format!("pcapng version {major}.{minor}"))),
    }
}
