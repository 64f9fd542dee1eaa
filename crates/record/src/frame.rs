//! One packet in a ring block: the kernel's header read, VLAN tags and cooked headers put in place.

use packet::{PacketDirection, Timestamp};

use crate::link::Link;
use crate::sys::{VNET_HEADER_BYTES, prefetch};

/// Free bytes that each ring leaves in front of a packet: room for a cooked header and a VLAN tag.
pub(crate) const RESERVE_BYTES: u32 = 32;

/// Bytes of `struct tpacket3_hdr`; a `struct sockaddr_ll` follows.
const HEADER_BYTES: usize = 48;
/// Where nothing of the kernel's stands any more.
const HEADERS_END: usize = HEADER_BYTES + 20;
const VLAN_TAG_BYTES: usize = 4;
/// Bytes of the Linux cooked header v1 (<https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html>).
const COOKED_BYTES: usize = 16;
const ETHERTYPE_VLAN: u16 = 0x8100;

/// A packet as it came out of a ring; the bytes stay in the ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// The kernel's time of capture.
    pub(crate) time: Timestamp,
    /// Length on the wire, a tag that the kernel took out included.
    pub(crate) wire_bytes: u32,
    /// The captured bytes with all tags in place.
    pub(crate) data: &'a [u8],
    /// Index of the interface that it passed.
    pub(crate) interface_index: u32,
    /// The interface's type, an ARPHRD_ value of linux/if_arp.h.
    pub(crate) hardware: u16,
    /// PACKET_HOST, PACKET_OUTGOING … of linux/if_packet.h.
    pub(crate) packet_type: u8,
    /// Payload bytes of each wire segment that this packet stands for (GRO, TSO); 0 if it is a single one.
    pub(crate) segment_payload_bytes: u16,
}

impl Frame<'_> {
    /// Which way it passed the interface.
    #[inline]
    pub(crate) fn direction(&self) -> PacketDirection {
        if self.packet_type == libc::PACKET_OUTGOING { PacketDirection::Outbound } else { PacketDirection::Inbound }
    }

    /// The copy of a packet on its way into `lo`: the same packet is seen again on its way out.
    #[inline]
    pub(crate) fn is_loopback_copy(&self) -> bool {
        self.hardware == libc::ARPHRD_LOOPBACK && self.packet_type == libc::PACKET_OUTGOING
    }
}

/// What the ring's socket was told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) vnet_header: bool,
    pub(crate) snaplen: u32,
}

/// Packets of a block, one after the other; each has its part of the block to itself.
#[derive(Debug)]
pub(crate) struct Frames<'b> {
    rest: &'b mut [u8],
    packets_left: u32,
    layout: Layout,
    damaged: u32,
}

impl<'b> Frames<'b> {
    /// At most `packets` from the start of `bytes` on.
    pub(crate) fn new(bytes: &'b mut [u8], packets: u32, layout: Layout) -> Self {
        Self { rest: bytes, packets_left: packets, layout, damaged: 0 }
    }

    /// Packets that were not to be had because a header did not make sense: the kernel's fault, or memory's.
    #[inline]
    pub(crate) fn damaged(&self) -> u32 {
        self.damaged
    }
}

impl<'b> Iterator for Frames<'b> {
    type Item = Frame<'b>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'b>> {
        self.packets_left = self.packets_left.checked_sub(1)?;
        let rest = std::mem::take(&mut self.rest);
        let read = split(rest).and_then(|(header, own, rest)| {
            for line in (0..own.len()).step_by(CACHE_LINE_BYTES) {
                prefetch(rest, PREFETCH_BYTES + line);
            }
            read(own, &header, self.layout).map(|frame| (frame, rest))
        });
        let Some((frame, rest)) = read else {
            self.damaged = self.packets_left + 1;
            self.packets_left = 0;
            return None;
        };
        self.rest = rest;
        Some(frame)
    }
}

const CACHE_LINE_BYTES: usize = 64;
/// How far ahead the ring's memory is brought near: it was written by another processor, and each header has to be
/// read to know where the next one is.
const PREFETCH_BYTES: usize = 2048;

/// The first packet's header, its bytes, and the bytes behind it.
#[inline]
fn split(bytes: &mut [u8]) -> Option<(Header, &mut [u8], &mut [u8])> {
    let header = Header::read(bytes.first_chunk()?);
    // The last packet of a block says 0.
    let length = if header.next_offset == 0 { bytes.len() } else { header.next_offset as usize };
    let (own, rest) = bytes.split_at_mut_checked(length)?;
    Some((header, own, rest))
}

/// The packet whose header stands at the start of `bytes`.
#[inline]
fn read<'b>(bytes: &'b mut [u8], header: &Header, layout: Layout) -> Option<Frame<'b>> {
    let segment_payload_bytes = if layout.vnet_header { segment_payload_bytes(bytes, header.mac_offset) } else { 0 };
    let mut start = usize::from(header.mac_offset);
    let mut end = start.checked_add(header.captured_bytes as usize)?;
    let mut wire_bytes = header.wire_bytes;
    let link = Link::of_hardware(header.hardware);
    if link.cooked {
        let link_header = usize::from(header.network_offset).checked_sub(start)?;
        start = cook(bytes, header)?;
        wire_bytes = wire_bytes.saturating_sub(link_header as u32).saturating_add(COOKED_BYTES as u32);
        end = end.max(start + COOKED_BYTES);
    }
    if header.status & libc::TP_STATUS_VLAN_VALID != 0
        && let Some(type_offset) = ether_type_offset(link)
    {
        start = insert_tag(bytes, start, type_offset, header)?;
        wire_bytes = wire_bytes.saturating_add(VLAN_TAG_BYTES as u32);
    }
    let data = bytes.get(start..end)?;
    let data = data.get(..layout.snaplen as usize).unwrap_or(data);
    Some(Frame {
        time: Timestamp::from_seconds(header.seconds.into(), header.nanoseconds),
        wire_bytes,
        data,
        interface_index: header.interface_index,
        hardware: header.hardware,
        packet_type: header.packet_type,
        segment_payload_bytes,
    })
}

/// The fields of `struct tpacket3_hdr` and `struct sockaddr_ll` that matter.
struct Header {
    next_offset: u32,
    seconds: u32,
    nanoseconds: u32,
    captured_bytes: u32,
    wire_bytes: u32,
    status: u32,
    mac_offset: u16,
    network_offset: u16,
    vlan_tci: u16,
    vlan_tpid: u16,
    protocol: [u8; 2],
    interface_index: u32,
    hardware: u16,
    packet_type: u8,
    address_bytes: u8,
    address: [u8; 8],
}

impl Header {
    #[inline]
    fn read(bytes: &[u8; HEADERS_END]) -> Self {
        let u16_at = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        let u32_at = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let mut address = [0; 8];
        address.copy_from_slice(&bytes[60..68]);
        Self {
            next_offset: u32_at(0),
            seconds: u32_at(4),
            nanoseconds: u32_at(8),
            captured_bytes: u32_at(12),
            wire_bytes: u32_at(16),
            status: u32_at(20),
            mac_offset: u16_at(24),
            network_offset: u16_at(26),
            vlan_tci: u32_at(32) as u16,
            vlan_tpid: u16_at(36),
            protocol: [bytes[50], bytes[51]],
            interface_index: u32_at(52),
            hardware: u16_at(56),
            packet_type: bytes[58],
            address_bytes: bytes[59],
            address,
        }
    }
}

/// `gso_size` of the `struct virtio_net_hdr` in front of the packet, if `gso_type` says that it is one.
#[inline]
fn segment_payload_bytes(bytes: &[u8], mac_offset: u16) -> u16 {
    let header = usize::from(mac_offset)
        .checked_sub(VNET_HEADER_BYTES)
        .and_then(|start| bytes.get(start..))
        .and_then(|rest| rest.first_chunk::<VNET_HEADER_BYTES>());
    match header {
        Some([_, gso_type, _, _, low, high, ..]) if *gso_type != 0 => u16::from_le_bytes([*low, *high]),
        _ => 0,
    }
}

/// Where the EtherType stands, in front of which a tag belongs.
fn ether_type_offset(link: Link) -> Option<usize> {
    match link.link_type {
        packet::LinkType::ETHERNET => Some(12),
        packet::LinkType::LINUX_SLL => Some(COOKED_BYTES - 2),
        _ => None,
    }
}

/// Puts the tag back that the kernel took out; the packet then starts earlier.
fn insert_tag(bytes: &mut [u8], start: usize, type_offset: usize, header: &Header) -> Option<usize> {
    let new_start = start.checked_sub(VLAN_TAG_BYTES).filter(|&new| new >= HEADERS_END)?;
    bytes.get(start..start + type_offset)?;
    bytes.copy_within(start..start + type_offset, new_start);
    let has_tpid = header.status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
    let tpid = if has_tpid { header.vlan_tpid } else { ETHERTYPE_VLAN };
    let tag = bytes.get_mut(new_start + type_offset..start + type_offset)?;
    let (tag_tpid, tag_tci) = tag.split_at_mut_checked(2)?;
    tag_tpid.copy_from_slice(&tpid.to_be_bytes());
    tag_tci.copy_from_slice(&header.vlan_tci.to_be_bytes());
    Some(new_start)
}

/// Writes a cooked header in front of the network header.
fn cook(bytes: &mut [u8], header: &Header) -> Option<usize> {
    let start = usize::from(header.network_offset).checked_sub(COOKED_BYTES).filter(|&start| start >= HEADERS_END)?;
    let cooked: &mut [u8; COOKED_BYTES] = bytes.get_mut(start..)?.first_chunk_mut()?;
    cooked[0..2].copy_from_slice(&u16::from(header.packet_type).to_be_bytes());
    cooked[2..4].copy_from_slice(&header.hardware.to_be_bytes());
    cooked[4..6].copy_from_slice(&u16::from(header.address_bytes).to_be_bytes());
    cooked[6..14].copy_from_slice(&header.address);
    cooked[14..16].copy_from_slice(&header.protocol);
    Some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block as the kernel lays it out: one packet at offset 48, its link header at `mac` from there.
    fn block(hardware: u16, status: u32, tci: u32, tpid: u16, link_header: &[u8], payload: &[u8]) -> Vec<u8> {
        let mac = 128 - link_header.len();
        let captured = (link_header.len() + payload.len()) as u32;
        let mut bytes = vec![0; 48 + 128];
        let header = &mut bytes[48..];
        for (at, value) in
            [(4, 1_700_000_000), (8, 42), (12, captured), (16, captured), (20, status), (32, tci), (52, 7)]
        {
            header[at..at + 4].copy_from_slice(&u32::to_ne_bytes(value));
        }
        for (at, value) in [(24, mac as u16), (26, 128), (36, tpid), (56, hardware), (50, 0x0800_u16.to_be())] {
            header[at..at + 2].copy_from_slice(&value.to_ne_bytes());
        }
        header[58] = 4;
        header[59] = 6;
        header[60..66].copy_from_slice(&[1, 2, 3, 4, 5, 6]);
        header[mac..].copy_from_slice(link_header);
        bytes.extend_from_slice(payload);
        bytes
    }

    fn check(mut block: Vec<u8>, snaplen: u32, expected: &[u8], wire_bytes: u32) {
        let layout = Layout { vnet_header: false, snaplen };
        let frame = Frames::new(&mut block[48..], 1, layout).next().unwrap();
        assert_eq!(frame.data, expected);
        assert_eq!(frame.wire_bytes, wire_bytes);
        assert_eq!(frame.time, Timestamp::from_seconds(1_700_000_000, 42));
        assert_eq!(frame.interface_index, 7);
        assert_eq!(frame.direction(), PacketDirection::Outbound);
    }

    #[test]
    fn tags_and_cooked_headers_are_put_in_place() {
        let ethernet = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 8, 0];
        let plain = [&ethernet[..], b"payload"].concat();
        check(block(1, 1, 0, 0, &ethernet, b"payload"), 65535, &plain, 21);
        check(block(1, 1, 0, 0, &ethernet, b"payload"), 16, &plain[..16], 21);
        // Priority 5, id 100, TPID of a service tag.
        let tagged = [&ethernet[..12], &[0x88, 0xa8, 0xa0, 100], &ethernet[12..], b"payload"].concat();
        check(block(1, 0x51, 0xa064, 0x88a8, &ethernet, b"payload"), 65535, &tagged, 25);
        let tagged = [&ethernet[..12], &[0x81, 0, 0xa0, 100], &ethernet[12..], b"payload"].concat();
        check(block(1, 0x11, 0xa064, 0, &ethernet, b"payload"), 65535, &tagged, 25);
        // GRE: the kernel's own link header gives way to a cooked one.
        let cooked = [&[0, 4, 3, 10, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0][..], b"payload"].concat();
        check(block(778, 1, 0, 0, &[9; 24], b"payload"), 65535, &cooked, 23);
    }

    #[test]
    fn a_header_that_points_outside_is_refused() {
        let mut outside = block(1, 1, 0, 0, &[0; 14], b"payload");
        outside[48 + 12..48 + 16].copy_from_slice(&u32::MAX.to_ne_bytes());
        let layout = Layout { vnet_header: true, snaplen: 65535 };
        for mut bytes in [outside, vec![0; 40 + 48], vec![]] {
            let start = bytes.len().min(48);
            let mut frames = Frames::new(&mut bytes[start..], 5, layout);
            assert_eq!((frames.by_ref().count(), frames.damaged()), (0, 5));
        }
    }
}
