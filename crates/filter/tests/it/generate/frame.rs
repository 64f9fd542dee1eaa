//! Random frames of the links with variable headers.

use super::MACS;
use super::link::{after, ip};
use super::network::{llc, noise};
use crate::random::Random;

/// pf's log header and what it logs.
pub(crate) fn pf_log(random: &mut Random) -> Vec<u8> {
    let mut header = vec![0u8; 64];
    header[0] = random.pick(&[61, 61, 64, 45]);
    header[1] = random.pick(&[2, 10, 24]);
    header[2] = random.pick(&[0, 1, 4]);
    header[3] = random.pick(&[0, 2, 3, 14]);
    let name = random.pick(&[&b"eth0"[..], b"lo"]);
    header[4..4 + name.len()].copy_from_slice(name);
    let name = random.pick(&[&b"abc"[..], b"testruleset"]);
    header[20..20 + name.len()].copy_from_slice(name);
    header[39] = random.pick(&[1, 7]);
    header[43] = random.pick(&[0, 1]);
    header[60] = random.pick(&[1, 2]);
    after(&[&header], ip(random))
}

/// An 802.11 frame.
pub(crate) fn wireless(random: &mut Random) -> Vec<u8> {
    let kind = random.pick(&[0x08u8, 0x08, 0x88, 0x88, 0x80, 0x40, 0xb4, 0xc4, 0xd4, 0x48, 0xc8, 0x0c]);
    let mut bytes = vec![kind, random.pick(&[0, 1, 2, 3]), 0, 0];
    for _ in 0..3 {
        bytes.extend(random.pick(MACS));
    }
    bytes.extend([0, 0]);
    if kind & 0x8c == 0x88 {
        bytes.extend([0, 0]);
    }
    if random.once_in(4) {
        bytes.extend(random.pick(MACS));
    }
    bytes.extend(llc(random, 0));
    bytes
}

/// A radio header and an 802.11 frame.
pub(crate) fn radio(random: &mut Random, link_type: u16) -> Vec<u8> {
    let header = match link_type {
        119 if random.once_in(2) => vec![0; 144],
        119 | 163 => {
            let mut header = vec![0x80, 0x21, 0x10, 0x01, 0, 0, 0, 64];
            header.resize(64, 0);
            header
        }
        192 => vec![0, 0, 8, 0, random.pick(&[105, 105, 105, 1]), 0, 0, 0],
        _ => {
            let present = random.pick(&[0u8, 2, 3, 1, 2, 0]);
            let mut header = vec![0, 0, 24, 0, present, 0, 0, random.pick(&[0, 0, 0, 0x80])];
            header.resize(24, 0);
            header[8] = random.pick(&[0, 0x20]);
            header[16] = random.pick(&[0, 0x20]);
            header
        }
    };
    let mut bytes = after(&[&header], wireless(random));
    if random.once_in(3) {
        bytes.extend([0, 0]);
    }
    bytes
}

/// A packet of a link type of which little is known.
pub(crate) fn other(random: &mut Random) -> Vec<u8> {
    let magic = random.pick(&[&[0x4d, 0x47, 0x43, 0x01][..], &[0x4d, 0x47, 0x43, 0x00], &[0x55, 0xff], &[]]);
    let mut bytes = after(&[magic], noise(random, 12));
    bytes.extend(if random.once_in(2) { ip(random) } else { noise(random, 60) });
    bytes
}
