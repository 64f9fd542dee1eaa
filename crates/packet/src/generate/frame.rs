//! Headers with their lengths and checksums.

use std::net::IpAddr;

use crate::Mac;
use crate::decode::Tunnel;

/// Largest IP packet outside of a tunnel.
const MTU: usize = 1500;

/// One side of a flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    pub(super) mac: Mac,
    pub(super) ip: IpAddr,
    pub(super) port: u16,
}

/// A transport header.
#[derive(Clone, Copy, Debug)]
pub(super) enum Segment {
    Tcp { flags: u8, seq: u32, ack: u32 },
    Udp,
    Echo { reply: bool, number: u16 },
}

/// How a flow's packets are wrapped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wrapping {
    pub(super) vlan: Option<u16>,
    pub(super) tunnel: Option<Tunnel>,
}

/// The Ethernet frames of one packet; more than one if it must be fragmented.
pub(super) fn frames(
    from: &Endpoint,
    to: &Endpoint,
    segment: Segment,
    payload: &[u8],
    wrapping: Wrapping,
    id: u16,
) -> impl Iterator<Item = Vec<u8>> {
    let (protocol, body) = transport(from, to, segment, payload);
    let (from, to) = (*from, *to);
    network(from.ip, to.ip, protocol, body, id).into_iter().map(move |packet| link(&from, &to, packet, wrapping, id))
}

/// IP protocol number, and header and payload.
fn transport(from: &Endpoint, to: &Endpoint, segment: Segment, payload: &[u8]) -> (u8, Vec<u8>) {
    let ports = [from.port.to_be_bytes(), to.port.to_be_bytes()].concat();
    let (protocol, header, checksum_at) = match segment {
        Segment::Tcp { flags, seq, ack } => {
            let mss: &[u8] = if flags & 2 != 0 { &[2, 4, 0x05, 0x78] } else { &[] };
            let words = 5 + mss.len() as u8 / 4;
            let fixed = [words << 4, flags, 0xfa, 0xf0, 0, 0, 0, 0];
            (6, [&ports, &seq.to_be_bytes()[..], &ack.to_be_bytes(), &fixed, mss].concat(), 16)
        }
        Segment::Udp => {
            let bytes = (8 + payload.len()) as u16;
            (17, [&ports, &bytes.to_be_bytes()[..], &[0, 0]].concat(), 6)
        }
        Segment::Echo { reply, number } => {
            let (protocol, kind) = match (from.ip.is_ipv4(), reply) {
                (true, false) => (1, 8),
                (true, true) => (1, 0),
                (false, false) => (58, 128),
                (false, true) => (58, 129),
            };
            (protocol, [&[kind, 0, 0, 0, 0x77, 0x31][..], &number.to_be_bytes()].concat(), 2)
        }
    };
    let mut body = [&header, payload].concat();
    let pseudo = if protocol == 1 { 0 } else { pseudo_sum(from.ip, to.ip, protocol, body.len()) };
    let checksum = match fold(pseudo + sum(&body)) {
        // UDP says with zero that there is no checksum.
        0 if protocol == 17 => 0xffff,
        checksum => checksum,
    };
    body[checksum_at..checksum_at + 2].copy_from_slice(&checksum.to_be_bytes());
    (protocol, body)
}

/// The IP packets that carry `body`.
fn network(from: IpAddr, to: IpAddr, protocol: u8, body: Vec<u8>, id: u16) -> Vec<Vec<u8>> {
    let whole = body.len() + if from.is_ipv4() { 20 } else { 40 } <= MTU;
    // Multiples of eight that leave room for the headers, the fragment header of IPv6 included.
    let fragment_bytes = if whole { body.len().max(1) } else { (MTU - 48) / 8 * 8 };
    let last = body.len().div_ceil(fragment_bytes).saturating_sub(1);
    body.chunks(fragment_bytes)
        .enumerate()
        .map(|(number, chunk)| {
            let fragment = (!whole).then_some((number * fragment_bytes, number < last));
            match (from, to) {
                (IpAddr::V4(from), IpAddr::V4(to)) => ipv4(from.octets(), to.octets(), protocol, fragment, id, chunk),
                _ => ipv6(octets(from), octets(to), protocol, fragment, id, chunk),
            }
        })
        .collect()
}

fn ipv4(from: [u8; 4], to: [u8; 4], protocol: u8, fragment: Option<(usize, bool)>, id: u16, body: &[u8]) -> Vec<u8> {
    let bytes = (20 + body.len()) as u16;
    let flags = match fragment {
        None => 0x4000,
        Some((offset, more)) => u16::from(more) << 13 | (offset / 8) as u16,
    };
    let [length, id, flags] = [bytes, id, flags].map(u16::to_be_bytes);
    let mut header = [&[0x45, 0][..], &length, &id, &flags, &[64, protocol, 0, 0], &from, &to].concat();
    let checksum = fold(sum(&header));
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header.extend_from_slice(body);
    header
}

fn ipv6(from: [u8; 16], to: [u8; 16], protocol: u8, fragment: Option<(usize, bool)>, id: u16, body: &[u8]) -> Vec<u8> {
    let (next, extension) = match fragment {
        None => (protocol, Vec::new()),
        Some((offset, more)) => {
            let place = (offset as u16 | u16::from(more)).to_be_bytes();
            (44, [&[protocol, 0][..], &place, &u32::from(id).to_be_bytes()].concat())
        }
    };
    let bytes = ((extension.len() + body.len()) as u16).to_be_bytes();
    [&[0x60, 0, 0, 0][..], &bytes, &[next, 64], &from, &to, &extension, body].concat()
}

/// The packet in its tunnel and its Ethernet frame.
fn link(from: &Endpoint, to: &Endpoint, packet: Vec<u8>, wrapping: Wrapping, id: u16) -> Vec<u8> {
    let is_ipv4 = packet.first().is_some_and(|first| first >> 4 == 4);
    let ether_type: [u8; 2] = if is_ipv4 { [0x08, 0] } else { [0x86, 0xdd] };
    // Tunnels run between two gateways, 203.0.113.1 on our side. The other one has two addresses, both for each flow.
    let ours = |ip: IpAddr| matches!(octets(ip), [10, ..] | [0xfd, ..]);
    let (near, far) = ([203, 0, 113, 1], [203, 0, 113, 2 + (id / 4 % 2) as u8]);
    let gateways = if ours(from.ip) { [near, far] } else { [far, near] };
    let tunnelled =
        |protocol: u8, header: &[u8]| ipv4(gateways[0], gateways[1], protocol, None, id, &[header, &packet].concat());
    let (ether_type, packet) = match wrapping.tunnel {
        Some(Tunnel::Vxlan(vni)) => {
            let bytes = (8 + 8 + 14 + packet.len()) as u16;
            let udp = [[0xd4, 0x31], [0x12, 0xb5], bytes.to_be_bytes(), [0, 0]].concat();
            let vxlan = [[8, 0, 0, 0], (vni << 8).to_be_bytes()].concat();
            let inner = [&to.mac.0[..], &from.mac.0, &ether_type].concat();
            ([0x08, 0], tunnelled(17, &[udp, vxlan, inner].concat()))
        }
        Some(Tunnel::Gre(key)) => {
            let header = [&[0x20, 0][..], &ether_type, &key.to_be_bytes()].concat();
            ([0x08, 0], tunnelled(47, &header))
        }
        Some(_) => ([0x08, 0], tunnelled(if is_ipv4 { 4 } else { 41 }, &[])),
        None => (ether_type, packet),
    };
    let tag = wrapping.vlan.map(|id| [[0x81, 0x00], id.to_be_bytes()].concat()).unwrap_or_default();
    let mut frame = [&to.mac.0[..], &from.mac.0, &tag, &ether_type, &packet].concat();
    // Ethernet's least, without the checksum.
    frame.resize(frame.len().max(60), 0);
    frame
}

fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&ip.octets());
            octets
        }
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// RFC 793, 768 and 8200: addresses, protocol and length.
fn pseudo_sum(from: IpAddr, to: IpAddr, protocol: u8, bytes: usize) -> u64 {
    sum(&octets(from)) + sum(&octets(to)) + u64::from(protocol) + bytes as u64
}

/// RFC 1071: the sum of 16-bit words.
fn sum(bytes: &[u8]) -> u64 {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let odd = odd.first().map_or(0, |&byte| u64::from(byte) << 8);
    pairs.iter().map(|&pair| u64::from(u16::from_be_bytes(pair))).sum::<u64>() + odd
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
