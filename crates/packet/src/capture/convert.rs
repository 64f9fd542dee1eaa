//! One link type out of several, for formats and readers that can take only one.

use crate::{Cursor, LinkType, Packet, PacketDirection};

/// Why a packet could not be converted; it is for the caller to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unconvertible {
    /// Packets of this link type have no form in the other.
    #[error("packets of link type {0} cannot be converted")]
    LinkType(LinkType),
    /// The captured bytes end inside the link header.
    #[error("the captured bytes end inside the link header")]
    Cut,
    /// What the link header carries has no EtherType.
    #[error("what the packet carries has no EtherType")]
    Protocol,
}

const SLL2_BYTES: usize = 20;
const ETHERNET_BYTES: usize = 14;

/// ARPHRD_ values (linux/if_arp.h).
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;
const ARPHRD_NONE: u16 = 0xfffe;
/// Types whose cooked protocol field is no EtherType (<https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html>):
/// GRE tunnels, 802.11 with its headers, netlink.
const ARPHRD_WITHOUT_ETHER_TYPE: [u16; 5] = [778, 801, 802, 803, 824];

/// Cooked protocol values that are no EtherTypes: Novell 802.3 without LLC, and 802.2 LLC.
const PROTOCOL_802_3: u16 = 1;
const PROTOCOL_802_2: u16 = 4;
/// Below this an Ethernet type field is a length (IEEE 802.3).
const ETHER_TYPE_MIN: u16 = 0x600;
const ETHER_TYPE_IPV4: u16 = 0x0800;
const ETHER_TYPE_IPV6: u16 = 0x86dd;

/// sll_pkttype values (linux/if_packet.h).
const PACKET_HOST: u8 = 0;
const PACKET_BROADCAST: u8 = 1;
const PACKET_MULTICAST: u8 = 2;
const PACKET_OUTGOING: u8 = 4;

/// What any link header says, in cooked words.
#[derive(Clone, Copy, Debug)]
struct Cooked<'a> {
    protocol: u16,
    arphrd: u16,
    packet_type: u8,
    address_bytes: u8,
    /// The sender's.
    address: [u8; 8],
    /// The receiver's hardware address, where the link header has one.
    destination: Option<[u8; 6]>,
    payload: &'a [u8],
    header_bytes: usize,
}

/// Makes a LINUX_SLL2 packet (link type 276) of a packet captured with `link_type` on the interface `ifindex`.
///
/// Ethernet, cooked v1, raw IP and BSD loopback can be converted; cooked v2 is returned as it is. The result lives in
/// `scratch`. VLAN tags stay, in the payload, as libpcap puts them there.
pub fn convert_to_sll2<'s>(
    packet: &Packet<'s>,
    link_type: LinkType,
    ifindex: u32,
    scratch: &'s mut Vec<u8>,
) -> Result<Packet<'s>, Unconvertible> {
    if link_type == LinkType::LINUX_SLL2 {
        return Ok(*packet);
    }
    let cooked = cook(packet, link_type)?;
    let mut header = [0; SLL2_BYTES];
    header[0..2].copy_from_slice(&cooked.protocol.to_be_bytes());
    header[4..8].copy_from_slice(&ifindex.to_be_bytes());
    header[8..10].copy_from_slice(&cooked.arphrd.to_be_bytes());
    header[10] = cooked.packet_type;
    header[11] = cooked.address_bytes;
    header[12..20].copy_from_slice(&cooked.address);
    Ok(assemble(packet, &header, &cooked, scratch))
}

/// Makes an Ethernet packet of a packet captured with `link_type`; addresses that are not known are zeros.
///
/// Takes what [`convert_to_sll2`] takes, as far as it carries something with an EtherType, or LLC.
pub fn convert_to_ethernet<'s>(
    packet: &Packet<'s>,
    link_type: LinkType,
    scratch: &'s mut Vec<u8>,
) -> Result<Packet<'s>, Unconvertible> {
    if link_type == LinkType::ETHERNET {
        return Ok(*packet);
    }
    let cooked = cook(packet, link_type)?;
    let ether_type = match cooked.protocol {
        _ if ARPHRD_WITHOUT_ETHER_TYPE.contains(&cooked.arphrd) => return Err(Unconvertible::Protocol),
        PROTOCOL_802_2 | PROTOCOL_802_3 => {
            let payload_bytes = (packet.wire_bytes as usize).saturating_sub(cooked.header_bytes);
            match u16::try_from(payload_bytes) {
                Ok(length) if length < ETHER_TYPE_MIN => length,
                _ => return Err(Unconvertible::Protocol),
            }
        }
        ETHER_TYPE_MIN.. => cooked.protocol,
        _ => return Err(Unconvertible::Protocol),
    };
    let mut header = [0; ETHERNET_BYTES];
    header[0..6].copy_from_slice(&cooked.destination.unwrap_or_default());
    if cooked.address_bytes == 6 {
        header[6..12].copy_from_slice(&cooked.address[..6]);
    }
    header[12..14].copy_from_slice(&ether_type.to_be_bytes());
    Ok(assemble(packet, &header, &cooked, scratch))
}

/// The packet with its link header replaced.
fn assemble<'s>(packet: &Packet<'_>, header: &[u8], cooked: &Cooked<'_>, scratch: &'s mut Vec<u8>) -> Packet<'s> {
    scratch.clear();
    scratch.extend_from_slice(header);
    scratch.extend_from_slice(cooked.payload);
    let wire_bytes = (packet.wire_bytes as usize).saturating_sub(cooked.header_bytes) + header.len();
    Packet {
        time: packet.time,
        wire_bytes: u32::try_from(wire_bytes).unwrap_or(u32::MAX),
        data: scratch,
        interface: packet.interface,
        direction: packet.direction,
        arrival: packet.arrival,
    }
}

/// Reads the link header of a packet.
fn cook<'a>(packet: &Packet<'a>, link_type: LinkType) -> Result<Cooked<'a>, Unconvertible> {
    let cooked = match link_type {
        LinkType::ETHERNET => from_ethernet(packet).ok_or(Unconvertible::Cut)?,
        LinkType::LINUX_SLL => from_sll(packet.data).ok_or(Unconvertible::Cut)?,
        LinkType::LINUX_SLL2 => from_sll2(packet.data).ok_or(Unconvertible::Cut)?,
        LinkType::RAW => {
            let first = packet.data.first().ok_or(Unconvertible::Cut)?;
            let protocol = match first >> 4 {
                4 => ETHER_TYPE_IPV4,
                6 => ETHER_TYPE_IPV6,
                _ => return Err(Unconvertible::Protocol),
            };
            without_address(packet.data, 0, protocol, ARPHRD_NONE)
        }
        LinkType::IPV4 => without_address(packet.data, 0, ETHER_TYPE_IPV4, ARPHRD_NONE),
        LinkType::IPV6 => without_address(packet.data, 0, ETHER_TYPE_IPV6, ARPHRD_NONE),
        LinkType::NULL | LinkType::LOOP => from_loopback(packet.data, link_type)?,
        other => return Err(Unconvertible::LinkType(other)),
    };
    let packet_type = match packet.direction {
        PacketDirection::Outbound => PACKET_OUTGOING,
        _ => cooked.packet_type,
    };
    Ok(Cooked { packet_type, ..cooked })
}

fn from_ethernet<'a>(packet: &Packet<'a>) -> Option<Cooked<'a>> {
    let mut cursor = Cursor::new(packet.data);
    let destination = cursor.array::<6>()?;
    let [a, b, c, d, e, f] = cursor.array::<6>()?;
    let field = cursor.u16()?;
    let protocol = match field {
        ETHER_TYPE_MIN.. => field,
        // Novell's 802.3 has an IPX checksum of ones where LLC would be.
        _ if cursor.peek_u16(0) == Some(0xffff) => PROTOCOL_802_3,
        _ => PROTOCOL_802_2,
    };
    let packet_type = match destination {
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => PACKET_BROADCAST,
        [first, ..] if first & 1 == 1 => PACKET_MULTICAST,
        _ => PACKET_HOST,
    };
    Some(Cooked {
        protocol,
        arphrd: ARPHRD_ETHER,
        packet_type,
        address_bytes: 6,
        address: [a, b, c, d, e, f, 0, 0],
        destination: Some(destination),
        payload: cursor.rest(),
        header_bytes: ETHERNET_BYTES,
    })
}

fn from_sll(data: &[u8]) -> Option<Cooked<'_>> {
    let mut cursor = Cursor::new(data);
    let (packet_type, arphrd, address_bytes) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
    let address = cursor.array::<8>()?;
    let protocol = cursor.u16()?;
    Some(Cooked {
        protocol,
        arphrd,
        packet_type: packet_type as u8,
        address_bytes: address_bytes.min(255) as u8,
        address,
        destination: None,
        payload: cursor.rest(),
        header_bytes: 16,
    })
}

fn from_sll2(data: &[u8]) -> Option<Cooked<'_>> {
    let mut cursor = Cursor::new(data);
    let protocol = cursor.u16()?;
    let (_reserved, _ifindex) = (cursor.u16()?, cursor.u32()?);
    let arphrd = cursor.u16()?;
    let (packet_type, address_bytes) = (cursor.u8()?, cursor.u8()?);
    let address = cursor.array::<8>()?;
    Some(Cooked {
        protocol,
        arphrd,
        packet_type,
        address_bytes,
        address,
        destination: None,
        payload: cursor.rest(),
        header_bytes: SLL2_BYTES,
    })
}

/// BSD loopback: an address family, in the order of the host that captured it or, for LOOP, of the network.
fn from_loopback(data: &[u8], link_type: LinkType) -> Result<Cooked<'_>, Unconvertible> {
    let bytes = *data.first_chunk().ok_or(Unconvertible::Cut)?;
    let family = match (u32::from_be_bytes(bytes), u32::from_le_bytes(bytes)) {
        (network, _) if link_type == LinkType::LOOP => network,
        // Families are small numbers, so the order shows.
        (big, little) => big.min(little),
    };
    let protocol = match family {
        2 => ETHER_TYPE_IPV4,
        // AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin.
        10 | 24 | 28 | 30 => ETHER_TYPE_IPV6,
        _ => return Err(Unconvertible::Protocol),
    };
    Ok(without_address(data.get(4..).unwrap_or_default(), 4, protocol, ARPHRD_LOOPBACK))
}

fn without_address(payload: &[u8], header_bytes: usize, protocol: u16, arphrd: u16) -> Cooked<'_> {
    Cooked {
        protocol,
        arphrd,
        packet_type: PACKET_HOST,
        address_bytes: 0,
        address: [0; 8],
        destination: None,
        payload,
        header_bytes,
    }
}
