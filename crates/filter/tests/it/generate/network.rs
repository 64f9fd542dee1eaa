//! Random packets from the network layer on.

use std::net::Ipv6Addr;

use super::{PORTS, PROTOCOLS, V4, V6, link};
use crate::random::Random;

/// An Ethertype and what it says follows.
pub(crate) fn any(random: &mut Random, depth: usize) -> (u16, Vec<u8>) {
    match random.below(16) {
        0..=5 => (0x0800, v4(random, depth)),
        6..=8 => (0x86dd, v6(random, depth)),
        9 => (if random.once_in(2) { 0x0806 } else { 0x8035 }, arp(random)),
        10 | 11 if depth < 3 => {
            let tag = random.pick(&[0x8100u16, 0x88a8, 0x9100, 0x8100]);
            let (inner, rest) = any(random, depth + 1);
            let mut bytes = vec![random.byte() & 0xf0, random.pick(&[1, 1, 2])];
            bytes.extend(inner.to_be_bytes());
            bytes.extend(rest);
            (tag, bytes)
        }
        12 if depth < 3 => (0x8847, mpls(random, depth)),
        13 if depth < 3 => (0x8864, pppoe(random, depth)),
        14 => (0x6003, decnet(random)),
        _ => (random.pick(super::ETHER_TYPES), noise(random, 50)),
    }
}

pub(crate) fn noise(random: &mut Random, length: usize) -> Vec<u8> {
    (0..random.below(length)).map(|_| if random.once_in(2) { 0 } else { random.byte() }).collect()
}

pub(crate) fn v4(random: &mut Random, depth: usize) -> Vec<u8> {
    let protocol = random.pick(PROTOCOLS);
    let options = random.pick(&[0, 0, 0, 4, 20]);
    let fragment = random.pick(&[0u16, 0, 0, 0x4000, 0x2000, 0x2010, 0x00b9]);
    let (source, destination) = (random.pick(V4), random.pick(V4));
    let mut bytes = vec![0x45 + options / 4, random.byte()];
    let payload = transport(random, protocol, depth);
    bytes.extend((20 + u16::from(options) + payload.len() as u16).to_be_bytes());
    bytes.extend([0, random.byte()]);
    bytes.extend(fragment.to_be_bytes());
    bytes.extend([64, protocol, 0, 0]);
    bytes.extend(source);
    bytes.extend(destination);
    bytes.extend(std::iter::repeat_n(1, options.into()));
    bytes.extend(payload);
    bytes
}

pub(crate) fn v6(random: &mut Random, depth: usize) -> Vec<u8> {
    let address = |random: &mut Random| random.pick(V6).parse::<Ipv6Addr>().unwrap().octets();
    let (source, destination) = (address(random), address(random));
    let mut headers = Vec::new();
    let mut protocol = random.pick(PROTOCOLS);
    let mut payload = transport(random, protocol, depth);
    for _ in 0..random.below(3) {
        let kind = random.pick(&[0u8, 43, 44, 60, 51]);
        let mut header = vec![protocol, 0];
        header.extend(noise(random, 1));
        header.resize(if kind == 51 { 12 } else { 8 }, 0);
        header[1] = if kind == 51 { 1 } else { 0 };
        header.extend(payload);
        payload = header;
        protocol = kind;
    }
    headers.extend([0x60, 0, 0, 0]);
    headers.extend((payload.len() as u16).to_be_bytes());
    headers.extend([protocol, 64]);
    headers.extend(source);
    headers.extend(destination);
    headers.extend(payload);
    headers
}

fn transport(random: &mut Random, protocol: u8, depth: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (source, destination) = (random.pick(PORTS), random.pick(PORTS));
    match protocol {
        6 => {
            bytes.extend(source.to_be_bytes());
            bytes.extend(destination.to_be_bytes());
            bytes.extend([0; 8]);
            bytes.extend([0x50, random.pick(&[2, 0x12, 0x10, 0x18, 4]), 1, 0, 0, 0, 0, 0]);
            bytes.extend_from_slice(random.pick(&[&b"GET "[..], b"", b"\x16\x03\x01"]));
        }
        17 => {
            let tunnel = depth < 3 && random.once_in(2);
            bytes.extend(source.to_be_bytes());
            bytes.extend(if tunnel { random.pick(&[6081u16, 4789]) } else { destination }.to_be_bytes());
            bytes.extend([0, 8, 0, 0]);
            bytes.extend(if tunnel { self::tunnel(random, depth) } else { noise(random, 20) });
        }
        132 => {
            bytes.extend(source.to_be_bytes());
            bytes.extend(destination.to_be_bytes());
            bytes.extend(noise(random, 20));
        }
        1 | 58 => {
            bytes.extend([random.pick(&[8, 0, 3, 128, 135]), 0]);
            bytes.extend(noise(random, 20));
        }
        _ => bytes.extend(noise(random, 40)),
    }
    bytes
}

/// Geneve or VXLAN, with Ethernet or without.
fn tunnel(random: &mut Random, depth: usize) -> Vec<u8> {
    let options = random.pick(&[0u8, 0, 1, 3]);
    let ethernet = !random.once_in(3);
    let (kind, inner) = any(random, depth + 1);
    let kind = if ethernet { 0x6558u16 } else { kind };
    let mut bytes = vec![random.pick(&[0, 0, 8, 0x40]) | options, 0];
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 0, random.pick(&[10, 10, 11]), 0]);
    bytes.extend(std::iter::repeat_n(0, usize::from(options) * 4));
    bytes.extend(if ethernet { link::ethernet(random, depth + 1) } else { inner });
    bytes
}

fn arp(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![0, 1, 8, 0, 6, 4, 0, random.pick(&[1, 2])];
    bytes.extend(random.pick(super::MACS));
    bytes.extend(random.pick(V4));
    bytes.extend(random.pick(super::MACS));
    bytes.extend(random.pick(V4));
    bytes
}

fn mpls(random: &mut Random, depth: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let labels = 1 + random.below(2);
    for label in 0..labels {
        let last = u8::from(label + 1 == labels);
        bytes.extend([0, 0x40, last, 64]);
    }
    bytes.extend(if random.once_in(2) { v4(random, depth + 1) } else { v6(random, depth + 1) });
    bytes
}

fn pppoe(random: &mut Random, depth: usize) -> Vec<u8> {
    let mut bytes = vec![0x11, 0, 0, random.pick(&[0x3b, 0x3b, 1]), 0, 0];
    bytes.extend(ppp(random, depth + 1));
    bytes
}

/// A PPP protocol number and what it says follows.
pub(crate) fn ppp(random: &mut Random, depth: usize) -> Vec<u8> {
    let (protocol, payload): (u16, Vec<u8>) = match random.below(6) {
        0 | 1 => (0x0021, v4(random, depth)),
        2 | 3 => (0x0057, v6(random, depth)),
        4 if depth < 3 => (0x0281, mpls(random, depth)),
        _ => (random.pick(&[0x23, 0x27, 0x29, 0x2b, 0x31, 0x2d, 0x2f, 0x25]), noise(random, 40)),
    };
    let mut bytes = protocol.to_be_bytes().to_vec();
    bytes.extend(payload);
    bytes
}

fn decnet(random: &mut Random) -> Vec<u8> {
    let address = random.pick(&[[0x01, 0x04], [0xff, 0xff], [0x05, 0x00]]);
    let mut bytes = vec![20, 0];
    bytes.extend(random.pick(&[&[0x81u8, 0x06][..], &[0x06], &[0x02], &[0x81, 0x02], &[0x26]]));
    for _ in 0..12 {
        bytes.extend(if random.once_in(2) { address } else { [0, 0] });
    }
    bytes
}

/// 802.2 LLC, perhaps with SNAP.
pub(crate) fn llc(random: &mut Random, depth: usize) -> Vec<u8> {
    if random.once_in(3) {
        let sap = random.pick(super::SAPS);
        let mut bytes = vec![sap, if random.once_in(4) { random.byte() } else { sap }];
        bytes.push(random.pick(&[0x03, 0x01, 0x00, 0x05, 0x63, 0x6f, 0xe3, 0x09]));
        bytes.extend([random.pick(&[0x83, 0x82, 0x81]), 0, 0, 0, random.pick(&[15, 16, 17, 18, 20, 24, 25, 26, 27])]);
        bytes.extend(noise(random, 30));
        return bytes;
    }
    let (kind, payload) = any(random, depth + 1);
    let apple = kind == 0x809b || random.once_in(8);
    let mut bytes = vec![0xaa, 0xaa, 0x03];
    bytes.extend(if apple { [0x08, 0x00, 0x07] } else { [0; 3] });
    bytes.extend(kind.to_be_bytes());
    bytes.extend(payload);
    bytes
}
