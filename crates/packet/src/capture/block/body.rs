//! The bodies of blocks: what is between the two lengths.

use super::option::{Options, u32_of, u64_of};
use super::{code, padding};
use crate::capture::endian::Fields;
use crate::capture::format::Scale;
use crate::capture::{Endian, Resolution, Statistics, file_link_type};
use crate::{Interface, PacketDirection};

/// Longest text of an option that is kept, in bytes.
const TEXT_BYTES_MAX: usize = 4096;

/// An Interface Description Block.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    pub(crate) interface: Interface,
    pub(crate) resolution: Resolution,
    pub(crate) scale: Scale,
}

/// The fields of a packet in any of the three packet blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PacketFields<'a> {
    /// Within the section.
    pub(crate) interface: u32,
    /// In units of the interface; `None` in a Simple Packet Block.
    pub(crate) ticks: Option<u64>,
    pub(crate) wire_bytes: u32,
    pub(crate) data: &'a [u8],
    pub(crate) direction: PacketDirection,
    pub(crate) arrival: Option<u64>,
}

/// An Interface Description Block's body; `None` if it is too short.
pub(crate) fn interface(body: &[u8], endian: Endian) -> Option<Described> {
    let mut fields = Fields::new(body, endian);
    let link_type = file_link_type(fields.u16()?);
    let _reserved = fields.u16()?;
    let mut interface = Interface { link_type, snaplen: fields.u32()?, name: None, description: None };
    let (mut resolution, mut offset_seconds) = (Resolution::MICROSECONDS, 0);
    for (code, value) in Options::new(fields.rest(), endian) {
        match (code, value) {
            (code::IF_NAME, text) => interface.name = Some(text_of(text)),
            (code::IF_DESCRIPTION, text) => interface.description = Some(text_of(text)),
            (code::IF_TSRESOL, &[exponent]) => resolution = Resolution(exponent),
            (code::IF_TSOFFSET, seconds) => {
                offset_seconds = u64_of(seconds, endian).map_or(0, u64::cast_signed);
            }
            _ => {}
        }
    }
    Some(Described { interface, resolution, scale: Scale::new(resolution, offset_seconds) })
}

/// An Enhanced Packet Block's body; `None` if the packet does not fit into it.
#[inline]
pub(crate) fn enhanced_packet(body: &[u8], endian: Endian) -> Option<PacketFields<'_>> {
    let mut fields = Fields::new(body, endian);
    let interface = fields.u32()?;
    let ticks = Some(fields.halves()?);
    let (captured, wire_bytes) = (fields.u32()? as usize, fields.u32()?);
    let data = fields.take(captured)?;
    let mut packet =
        PacketFields { interface, ticks, wire_bytes, data, direction: PacketDirection::Unknown, arrival: None };
    if fields.take(padding(captured)).is_some() && !fields.is_empty() {
        for (code, value) in Options::new(fields.rest(), endian) {
            match code {
                code::EPB_FLAGS => packet.direction = direction_of(value, endian),
                code::EPB_PACKETID => packet.arrival = u64_of(value, endian),
                _ => {}
            }
        }
    }
    Some(packet)
}

/// A Packet Block's body (type 2, which the Enhanced Packet Block replaced).
pub(crate) fn obsolete_packet(body: &[u8], endian: Endian) -> Option<PacketFields<'_>> {
    let mut fields = Fields::new(body, endian);
    let interface = u32::from(fields.u16()?);
    let _drops = fields.u16()?;
    let ticks = Some(fields.halves()?);
    let (captured, wire_bytes) = (fields.u32()? as usize, fields.u32()?);
    let data = fields.take(captured)?;
    let mut direction = PacketDirection::Unknown;
    if fields.take(padding(captured)).is_some() {
        for (code, value) in Options::new(fields.rest(), endian) {
            // pack_flags has the code and the bits of epb_flags.
            if code == code::EPB_FLAGS {
                direction = direction_of(value, endian);
            }
        }
    }
    Some(PacketFields { interface, ticks, wire_bytes, data, direction, arrival: None })
}

/// A Simple Packet Block's body: always the section's first interface, whose `snaplen` bounds what was captured.
pub(crate) fn simple_packet(body: &[u8], snaplen: u32, endian: Endian) -> Option<PacketFields<'_>> {
    let mut fields = Fields::new(body, endian);
    let wire_bytes = fields.u32()?;
    let captured = if snaplen == 0 { wire_bytes } else { wire_bytes.min(snaplen) };
    Some(PacketFields {
        interface: 0,
        ticks: None,
        wire_bytes,
        data: fields.take(captured as usize)?,
        direction: PacketDirection::Unknown,
        arrival: None,
    })
}

/// An Interface Statistics Block's body: the interface within the section, the block's time in ticks, the counters.
///
/// `scale` gives the scale of an interface.
pub(crate) fn statistics(
    body: &[u8],
    endian: Endian,
    scale: impl Fn(u32) -> Option<Scale>,
) -> Option<(u32, u64, Statistics)> {
    let mut fields = Fields::new(body, endian);
    let interface = fields.u32()?;
    let ticks = fields.halves()?;
    let mut counters = Statistics::default();
    for (code, value) in Options::new(fields.rest(), endian) {
        let time = || Some(scale(interface)?.time(Fields::new(value, endian).halves()?));
        match code {
            code::ISB_STARTTIME => counters.start = time(),
            code::ISB_ENDTIME => counters.end = time(),
            code::ISB_IFRECV => counters.received = u64_of(value, endian),
            code::ISB_IFDROP => counters.dropped_interface = u64_of(value, endian),
            code::ISB_FILTERACCEPT => counters.filter_accepted = u64_of(value, endian),
            code::ISB_OSDROP => counters.dropped_system = u64_of(value, endian),
            code::ISB_USRDELIV => counters.delivered = u64_of(value, endian),
            _ => {}
        }
    }
    Some((interface, ticks, counters))
}

/// `epb_flags`, bits 0 and 1.
#[inline]
fn direction_of(value: &[u8], endian: Endian) -> PacketDirection {
    match u32_of(value, endian).unwrap_or(0) & 3 {
        1 => PacketDirection::Inbound,
        2 => PacketDirection::Outbound,
        _ => PacketDirection::Unknown,
    }
}

/// Text as it should be, UTF-8; some writers end it with a zero byte.
fn text_of(value: &[u8]) -> String {
    let value = value.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(value.get(..TEXT_BYTES_MAX).unwrap_or(value)).into_owned()
}
