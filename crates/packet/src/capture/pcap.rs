//! pcap: the file header and the records, read and written (<https://www.tcpdump.org/manpages/pcap-savefile.5.html>).

use std::io::{Read, Write};

use super::endian::Fields;
use super::error::{Corruption, Error, Fault};
use super::reader::Found;
use super::window::Window;
use super::{Endian, Kind, Resolution, captured_bytes_max, file_link_type};
use crate::{Interface, LinkType, Packet, PacketDirection, Timestamp};

const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const MAGIC_MODIFIED: u32 = 0xa1b2_cd34;
const FILE_HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 16;
/// A record header of the modified format: interface index, protocol, packet type and padding follow the usual fields.
const RECORD_HEADER_MODIFIED_BYTES: usize = 24;

/// How a pcap file is to be read.
#[derive(Debug)]
pub(crate) struct Layout {
    endian: Endian,
    nanoseconds_per_tick: u32,
    header_bytes: usize,
    lengths: Lengths,
    captured_bytes_max: u32,
}

/// The order of a record's two lengths, which has changed (libpcap, sf-pcap.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    /// Before version 2.3.
    WireFirst,
    /// In version 2.3 programs differed; what was captured is the smaller one.
    SmallerCaptured,
}

/// Byte order, kind and resolution, if `first` begins a pcap.
pub(crate) fn sniff(first: &[u8]) -> Option<(Endian, Kind, Resolution)> {
    let magic = *first.first_chunk()?;
    [Endian::Little, Endian::Big].into_iter().find_map(|endian| {
        let (kind, resolution) = match endian.u32(magic) {
            MAGIC_MICROSECONDS => (Kind::Pcap, Resolution::MICROSECONDS),
            MAGIC_NANOSECONDS => (Kind::Pcap, Resolution::NANOSECONDS),
            MAGIC_MODIFIED => (Kind::PcapModified, Resolution::MICROSECONDS),
            _ => return None,
        };
        Some((endian, kind, resolution))
    })
}

impl Layout {
    /// Reads the file header of a file that was sniffed.
    pub(crate) fn open<R: Read>(
        window: &mut Window<R>,
        (endian, kind, resolution): (Endian, Kind, Resolution),
    ) -> Result<(Self, Interface), Fault> {
        window.require(FILE_HEADER_BYTES, "file header")?;
        let header = window.bytes().get(..FILE_HEADER_BYTES).unwrap_or_default();
        let missing = || Fault::Truncated { part: "file header", needed: 24, present: 0 };
        let (version, snaplen, network) = file_header(header, endian).ok_or_else(missing)?;
        window.consume(FILE_HEADER_BYTES);
        let lengths = match version {
            (2, 0..3) => Lengths::WireFirst,
            (2, 3) => Lengths::SmallerCaptured,
            // 2.4 is current; 2.5 and later are read as it, as Wireshark does and libpcap does not: losing nothing
            // that can be read matters more here. 543.0 is what DG/UX wrote.
            (2, _) | (543, 0) => Lengths::CapturedFirst,
            (major, minor) => return Err(Fault::Unsupported(format!("pcap version {major}.{minor}"))),
        };
        let link_type = link_type(network)?;
        let layout = Self {
            endian,
            nanoseconds_per_tick: if resolution == Resolution::NANOSECONDS { 1 } else { 1000 },
            header_bytes: match kind {
                Kind::PcapModified => RECORD_HEADER_MODIFIED_BYTES,
                _ => RECORD_HEADER_BYTES,
            },
            lengths,
            captured_bytes_max: captured_bytes_max(link_type),
        };
        Ok((layout, Interface { link_type, snaplen, name: None, description: None }))
    }

    /// The next packet. `at` follows the start of the record being read.
    #[inline]
    pub(crate) fn next<R: Read>(&self, window: &mut Window<R>, at: &mut u64) -> Result<Option<Found>, Fault> {
        *at = window.offset();
        if !window.ensure(self.header_bytes) {
            if window.at_end() {
                return Ok(None);
            }
            window.require(self.header_bytes, "record header")?;
        }
        let Some(&[seconds, ticks, first, second]) = window.bytes().as_chunks::<4>().0.first_chunk::<4>() else {
            return Ok(None);
        };
        let (first, second) = (self.endian.u32(first), self.endian.u32(second));
        let (captured, wire_bytes) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::WireFirst => (second, first),
            Lengths::SmallerCaptured => (first.min(second), first.max(second)),
        };
        // A length beyond the snaplen is kept whole: libpcap cuts it, but the bytes are there, and are evidence.
        if captured > self.captured_bytes_max {
            return Err(Corruption::CapturedBytes { claimed: captured, max: self.captured_bytes_max }.into());
        }
        let captured = captured as usize;
        window.require(self.header_bytes + captured, "record")?;
        window.consume(self.header_bytes + captured);
        // Seconds count unsigned, to 2106; ticks beyond a second are carried, as Wireshark does.
        let nanoseconds = i64::from(self.endian.u32(seconds)) * 1_000_000_000
            + i64::from(self.endian.u32(ticks)) * i64::from(self.nanoseconds_per_tick);
        Ok(Some(Found {
            time: Timestamp(nanoseconds),
            wire_bytes,
            interface: 0,
            direction: PacketDirection::Unknown,
            arrival: None,
            captured,
            tail: 0,
        }))
    }
}

/// Version, snaplen and network of a file header; the time zone and accuracy are ignored, as everyone does.
fn file_header(header: &[u8], endian: Endian) -> Option<((u16, u16), u32, u32)> {
    let mut fields = Fields::new(header, endian);
    let _magic = fields.u32()?;
    let version = (fields.u16()?, fields.u16()?);
    let (_zone, _accuracy) = (fields.u32()?, fields.u32()?);
    Some((version, fields.u32()?, fields.u32()?))
}

/// The link type in the network field, whose upper bits 26 to 31 say how long the frames' checksums are.
fn link_type(network: u32) -> Result<LinkType, Fault> {
    const RESERVED: u32 = 0x03ff_0000;
    if network & RESERVED != 0 {
        // Wireshark and libpcap from 1.10.4 refuse it too; libpcap 1.10.3 takes all 26 bits for the type.
        return Err(Fault::Unsupported(format!("a pcap network field of {network:#010x} (reserved bits are set)")));
    }
    Ok(file_link_type(network as u16))
}

/// Writes little-endian pcap: one link type, microseconds or nanoseconds.
#[derive(Debug)]
pub struct PcapWriter<W: Write> {
    output: W,
    buffer: Vec<u8>,
    resolution: Resolution,
}

/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 256 * 1024;

impl<W: Write> PcapWriter<W> {
    /// Begins a capture of packets of one link type; `snaplen` 0 is libpcap's largest.
    ///
    /// Any resolution but nanoseconds becomes microseconds: pcap knows no other.
    pub fn new(output: W, link_type: LinkType, snaplen: u32, resolution: Resolution) -> Self {
        let (magic, resolution) = match resolution {
            Resolution::NANOSECONDS => (MAGIC_NANOSECONDS, resolution),
            _ => (MAGIC_MICROSECONDS, Resolution::MICROSECONDS),
        };
        let snaplen = if snaplen == 0 { captured_bytes_max(link_type) } else { snaplen };
        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        buffer.extend_from_slice(&magic.to_le_bytes());
        buffer.extend_from_slice(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        buffer.extend_from_slice(&snaplen.to_le_bytes());
        buffer.extend_from_slice(&u32::from(link_type.0).to_le_bytes());
        Self { output, buffer, resolution }
    }

    /// Writes a packet. A time outside 1970 to 2106 becomes the nearest end: the format has no other.
    #[inline]
    pub fn packet(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        let nanoseconds = packet.time.0.clamp(0, i64::from(u32::MAX) * 1_000_000_000 + 999_999_999);
        let ticks = match self.resolution {
            Resolution::NANOSECONDS => nanoseconds % 1_000_000_000,
            _ => nanoseconds % 1_000_000_000 / 1000,
        };
        let fields = [(nanoseconds / 1_000_000_000) as u32, ticks as u32, packet.data.len() as u32, packet.wire_bytes];
        for field in fields {
            self.buffer.extend_from_slice(&field.to_le_bytes());
        }
        self.buffer.extend_from_slice(packet.data);
        if self.buffer.len() >= BUFFER_BYTES { self.write_out() } else { Ok(()) }
    }

    /// Writes out what is collected, and flushes the output.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.write_out()?;
        self.output.flush().map_err(Error::Write)
    }

    /// Ends the capture and gives the output back.
    pub fn finish(mut self) -> Result<W, Error> {
        self.flush()?;
        Ok(self.output)
    }

    fn write_out(&mut self) -> Result<(), Error> {
        let written = self.output.write_all(&self.buffer).map_err(Error::Write);
        self.buffer.clear();
        written
    }
}
