//! Building blocks: little-endian, nanoseconds, at the end of a buffer that its owner keeps and reuses.

use super::{BYTE_ORDER_MAGIC, PACKET_START_BYTES, code, kind, padding};
use crate::capture::{Resolution, Statistics};
use crate::{Interface, Packet, PacketDirection, Timestamp};

/// Who wrote a section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// `shb_hardware`: the machine.
    pub hardware: Option<String>,
    /// `shb_os`: its operating system.
    pub os: Option<String>,
    /// `shb_userappl`: the program.
    pub application: Option<String>,
}

/// Appends a Section Header Block, of a section whose length is not known.
pub fn write_section_header(out: &mut Vec<u8>, section: &Section) {
    let start = begin(out, kind::SECTION_HEADER);
    out.extend_from_slice(&BYTE_ORDER_MAGIC.to_le_bytes());
    out.extend_from_slice(&[1, 0, 0, 0]);
    out.extend_from_slice(&u64::MAX.to_le_bytes());
    let texts = [
        (code::SHB_HARDWARE, &section.hardware),
        (code::SHB_OS, &section.os),
        (code::SHB_USERAPPL, &section.application),
    ];
    let options = texts.into_iter().filter_map(|(code, text)| Some((code, text.as_deref()?)));
    let mut some = false;
    for (code, text) in options {
        text_option(out, code, text);
        some = true;
    }
    if some {
        option(out, code::END, &[]);
    }
    end(out, start);
}

/// Appends an Interface Description Block, with `filter` in pcap-filter(7)'s words.
pub fn write_interface_block(out: &mut Vec<u8>, interface: &Interface, filter: Option<&str>) {
    let start = begin(out, kind::INTERFACE);
    out.extend_from_slice(&interface.link_type.0.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&interface.snaplen.to_le_bytes());
    if let Some(name) = &interface.name {
        text_option(out, code::IF_NAME, name);
    }
    if let Some(description) = &interface.description {
        text_option(out, code::IF_DESCRIPTION, description);
    }
    option(out, code::IF_TSRESOL, &[Resolution::NANOSECONDS.0]);
    if let Some(filter) = filter {
        // A leading zero byte says that the filter is text and not a program.
        text_option(out, code::IF_FILTER, &format!("\0{filter}"));
    }
    option(out, code::END, &[]);
    end(out, start);
}

/// Appends an Interface Statistics Block.
pub fn write_statistics_block(out: &mut Vec<u8>, interface: u32, time: Timestamp, statistics: &Statistics) {
    let start = begin(out, kind::STATISTICS);
    out.extend_from_slice(&interface.to_le_bytes());
    out.extend_from_slice(&halves(time));
    for (code, time) in [(code::ISB_STARTTIME, statistics.start), (code::ISB_ENDTIME, statistics.end)] {
        if let Some(time) = time {
            option(out, code, &halves(time));
        }
    }
    let counters = [
        (code::ISB_IFRECV, statistics.received),
        (code::ISB_IFDROP, statistics.dropped_interface),
        (code::ISB_FILTERACCEPT, statistics.filter_accepted),
        (code::ISB_OSDROP, statistics.dropped_system),
        (code::ISB_USRDELIV, statistics.delivered),
    ];
    for (code, counter) in counters {
        if let Some(counter) = counter {
            option(out, code, &counter.to_le_bytes());
        }
    }
    option(out, code::END, &[]);
    end(out, start);
}

/// Bytes of the block of a packet with `captured` bytes kept.
#[inline]
pub const fn packet_block_bytes(captured: usize, direction: PacketDirection, has_arrival: bool) -> usize {
    let options = match (direction, has_arrival) {
        (PacketDirection::Unknown, false) => 0,
        (PacketDirection::Unknown, true) => 12 + 4,
        (_, false) => 8 + 4,
        (_, true) => 8 + 12 + 4,
    };
    PACKET_START_BYTES + captured + padding(captured) + options + 4
}

/// Appends the Enhanced Packet Block of a packet, of which at most `snap` bytes are kept. Times before 1970 become 1970.
///
/// This runs for every packet that is recorded: one copy of the packet and a few stores, and no allocation as long as
/// the buffer has room for [`packet_block_bytes`].
#[inline]
pub fn write_packet_block(out: &mut Vec<u8>, packet: &Packet<'_>, snap: usize) {
    let data = packet.data.get(..snap).unwrap_or(packet.data);
    let total = packet_block_bytes(data.len(), packet.direction, packet.arrival.is_some());
    out.reserve(total);
    out.extend_from_slice(&packet_start(packet, data.len(), total));
    out.extend_from_slice(data);
    // Copies of constant length are stores; what is too much of the padding is taken back.
    let padded = out.len() + padding(data.len());
    out.extend_from_slice(&[0; 3]);
    out.truncate(padded);
    let direction = direction_bits(packet.direction);
    if direction != 0 {
        out.extend_from_slice(&flags_option(direction));
    }
    if let Some(arrival) = packet.arrival {
        out.extend_from_slice(&packet_id_option(arrival));
    }
    if direction != 0 || packet.arrival.is_some() {
        // The end mark of the options.
        out.extend_from_slice(&[0; 4]);
    }
    out.extend_from_slice(&(total as u32).to_le_bytes());
}

/// As [`write_packet_block`], into the start of a slice; returns the block's bytes.
///
/// # Panics
/// If `out` is shorter than [`packet_block_bytes`].
#[inline]
pub fn put_packet_block(out: &mut [u8], packet: &Packet<'_>, snap: usize) -> usize {
    let data = packet.data.get(..snap).unwrap_or(packet.data);
    let total = packet_block_bytes(data.len(), packet.direction, packet.arrival.is_some());
    assert!(out.len() >= total, "a block of {total} bytes was put into {} bytes", out.len());
    let mut block = Filling { bytes: out, at: 0 };
    block.put(packet_start(packet, data.len(), total));
    block.bytes[block.at..block.at + data.len()].copy_from_slice(data);
    block.at += data.len();
    let padded = block.at + padding(data.len());
    block.put([0; 3]);
    block.at = padded;
    let direction = direction_bits(packet.direction);
    if direction != 0 {
        block.put(flags_option(direction));
    }
    if let Some(arrival) = packet.arrival {
        block.put(packet_id_option(arrival));
    }
    if direction != 0 || packet.arrival.is_some() {
        block.put([0; 4]);
    }
    block.put((total as u32).to_le_bytes());
    total
}

/// A slice that is filled from its start.
struct Filling<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl Filling<'_> {
    #[inline]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes[self.at..self.at + N].copy_from_slice(&bytes);
        self.at += N;
    }
}

/// Type, length and fixed fields.
#[inline]
fn packet_start(packet: &Packet<'_>, captured: usize, total: usize) -> [u8; PACKET_START_BYTES] {
    let mut start = [0; PACKET_START_BYTES];
    start[0..4].copy_from_slice(&kind::ENHANCED_PACKET.to_le_bytes());
    start[4..8].copy_from_slice(&(total as u32).to_le_bytes());
    start[8..12].copy_from_slice(&packet.interface.to_le_bytes());
    start[12..20].copy_from_slice(&halves(packet.time));
    start[20..24].copy_from_slice(&(captured as u32).to_le_bytes());
    start[24..28].copy_from_slice(&packet.wire_bytes.to_le_bytes());
    start
}

/// `epb_flags`, bits 0 and 1.
#[inline]
fn direction_bits(direction: PacketDirection) -> u8 {
    match direction {
        PacketDirection::Unknown => 0,
        PacketDirection::Inbound => 1,
        PacketDirection::Outbound => 2,
    }
}

#[inline]
fn flags_option(direction: u8) -> [u8; 8] {
    [code::EPB_FLAGS as u8, 0, 4, 0, direction, 0, 0, 0]
}

#[inline]
fn packet_id_option(arrival: u64) -> [u8; 12] {
    let mut option = [code::EPB_PACKETID as u8, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    option[4..].copy_from_slice(&arrival.to_le_bytes());
    option
}

/// A time as pcapng has it: nanoseconds since 1970, the upper half first.
#[inline]
fn halves(time: Timestamp) -> [u8; 8] {
    let nanoseconds = time.0.max(0).cast_unsigned();
    nanoseconds.rotate_left(32).to_le_bytes()
}

/// Appends the start of a block with room for its length, and returns where it is.
fn begin(out: &mut Vec<u8>, kind: u32) -> usize {
    let start = out.len();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    start
}

/// Completes the block that begins at `start`.
fn end(out: &mut Vec<u8>, start: usize) {
    let total = ((out.len() - start + 4) as u32).to_le_bytes();
    out[start + 4..start + 8].copy_from_slice(&total);
    out.extend_from_slice(&total);
}

/// Appends an option whose value has at most 65,535 bytes.
fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&(value.len() as u16).to_le_bytes());
    out.extend_from_slice(value);
    out.extend_from_slice(&[0; 3][..padding(value.len())]);
}

/// Appends an option of text, cut to what an option can hold.
fn text_option(out: &mut Vec<u8>, code: u16, text: &str) {
    option(out, code, &text.as_bytes()[..text.floor_char_boundary(usize::from(u16::MAX))]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::block::{Block, Blocks};

    fn directions() -> impl Strategy<Value = PacketDirection> {
        use PacketDirection::{Inbound, Outbound, Unknown};
        prop_oneof![Just(Unknown), Just(Inbound), Just(Outbound)]
    }

    prop_compose! {
        fn packets()(
            data in prop::collection::vec(any::<u8>(), 0..300),
            (time, wire_bytes, interface) in (0..i64::MAX, any::<u32>(), any::<u32>()),
            direction in directions(),
            arrival in any::<Option<u64>>(),
        ) -> (Vec<u8>, Packet<'static>) {
            (data, Packet { time: Timestamp(time), wire_bytes, data: &[], interface, direction, arrival })
        }
    }

    proptest! {
        #[test]
        fn blocks_are_found_as_they_were_written(packets in prop::collection::vec(packets(), 0..20), snap in 0..400usize) {
            let (mut bytes, mut ends, mut expected) = (Vec::new(), vec![0], Vec::new());
            for (data, packet) in &packets {
                let packet = Packet { data, ..*packet };
                let kept = Packet { data: &data[..snap.min(data.len())], ..packet };
                write_packet_block(&mut bytes, &packet, snap);
                let block_bytes = packet_block_bytes(kept.data.len(), packet.direction, packet.arrival.is_some());
                prop_assert_eq!(bytes.len() - ends[ends.len() - 1], block_bytes);
                let mut put = vec![0xff; block_bytes + 7];
                prop_assert_eq!(put_packet_block(&mut put, &packet, snap), block_bytes);
                prop_assert_eq!(&put[..block_bytes], &bytes[ends[ends.len() - 1]..]);
                prop_assert_eq!(&put[block_bytes..], &[0xff; 7]);
                expected.push((ends[ends.len() - 1], Block::Packet(kept)));
                ends.push(bytes.len());
            }
            let mut blocks = Blocks::new(&bytes);
            prop_assert_eq!(blocks.by_ref().collect::<Vec<_>>(), expected);
            prop_assert!(!blocks.is_torn());

            // Torn anywhere, exactly the whole blocks are found.
            for torn in 0..bytes.len() {
                let mut blocks = Blocks::new(&bytes[..torn]);
                let whole = blocks.by_ref().count();
                prop_assert_eq!(blocks.whole_bytes(), ends[whole]);
                prop_assert!(ends[whole] <= torn && torn < ends[whole + 1]);
                prop_assert_eq!(blocks.is_torn(), torn != ends[whole]);
            }
        }

        #[test]
        fn hostile_bytes_end_the_blocks(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0..8u32, length in 0..80u32) {
            let mut hostile = kind.to_le_bytes().to_vec();
            hostile.extend_from_slice(&length.to_le_bytes());
            hostile.extend_from_slice(&bytes);
            let mut blocks = Blocks::new(&hostile);
            let _ = blocks.by_ref().count();
            prop_assert!(blocks.whole_bytes() <= hostile.len());
        }
    }
}
