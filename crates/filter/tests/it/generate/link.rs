//! Random frames of each link type.

use super::network::{any, llc, noise, ppp, v4, v6};
use super::{MACS, frame};
use crate::random::Random;

/// A frame of a link type.
pub(crate) fn frame(random: &mut Random, link_type: u16) -> Vec<u8> {
    match link_type {
        1 => ethernet(random, 0),
        0 | 109 => {
            let family = random.pick(&[2u32, 24, 28, 30, 10]);
            after(&[&family.to_le_bytes(), &vec![0; if link_type == 109 { 8 } else { 0 }]], ip(random))
        }
        108 => {
            let family = random.pick(&[2u32, 24, 28, 30]);
            after(&[&family.to_be_bytes()], ip(random))
        }
        101 | 228 | 229 => ip(random),
        8 => after(&[&[random.pick(&[0, 1])], &[0; 15]], ip(random)),
        102 => after(&[&[random.pick(&[0, 0x45, 0x60])], &[0; 23]], ip(random)),
        9 | 50 | 166 => after(&[&[random.pick(&[0xff, 0, 1]), 3]], ppp(random, 0)),
        51 => after(&[&[0x11, 0, 0, 1, 0, 0]], ppp(random, 0)),
        103 => after(&[&[0; 5]], padded(ppp(random, 0), 2, 17)),
        104 | 112 => {
            let (kind, payload) = any(random, 0);
            let kind = if random.once_in(4) { 0xfefe } else { kind };
            after(&[&[0x0f, 0], &kind.to_be_bytes(), &[0, random.pick(&[0x83, 0x81, 0])]], payload)
        }
        113 => {
            let (kind, payload) = typed(random);
            after(&[&[0, random.pick(&[0, 4]), 0, 1, 0, 6, 0, 1, 2, 3, 4, 5, 0, 0], &kind.to_be_bytes()], payload)
        }
        276 => {
            let (kind, payload) = typed(random);
            let mut header = [0; 18];
            header[7] = random.pick(&[0, 1, 7]);
            header[10] = random.pick(&[0, 4]);
            after(&[&kind.to_be_bytes(), &header], payload)
        }
        6 => after(&[&[0, 0], &random.pick(MACS), &random.pick(MACS)], llc(random, 0)),
        10 => after(&[&[0], &random.pick(MACS), &random.pick(MACS)], llc(random, 0)),
        122 => after(&[&[0, 0], &random.pick(MACS), &[0, 0], &random.pick(MACS)], llc(random, 0)),
        100 | 106 => llc(random, 0),
        123 => after(
            &[&[random.pick(&[1, 2, 2, 5]), random.pick(&[0, 10]), 0, random.pick(&[1, 2, 3, 4, 5, 16])]],
            atm(random),
        ),
        240 => after(&[&[0; 4]], ethernet(random, 0)),
        241 => after(&[&[0; 12]], ethernet(random, 0)),
        99 => by_type(random, 6, 36),
        138 => by_type(random, 16, 0),
        7 => after(&[&[random.pick(&[0, 0x8c]), random.pick(&[0, 0x8c])], &[arcnet(random)], &[0, 0, 1]], ip(random)),
        129 => after(
            &[&[random.pick(&[0, 0x8c]), random.pick(&[0, 0x8c]), 0, 0], &[arcnet(random)], &[0, 0, 1]],
            ip(random),
        ),
        107 => after(&[&[0, 1, 3, random.pick(&[0xcc, 0x8e, 0x81, 0x82, 0x83])]], ip(random)),
        117 => frame::pf_log(random),
        105 => frame::wireless(random),
        119 | 127 | 163 | 192 => frame::radio(random, link_type),
        226 => after(&[&[1, random.pick(&[2, 26]), 0, random.pick(&[1, 2])], &[0; 20]], ip(random)),
        _ => frame::other(random),
    }
}

/// Ethernet II, or with a length.
pub(crate) fn ethernet(random: &mut Random, depth: usize) -> Vec<u8> {
    let mut bytes = random.pick(MACS).to_vec();
    bytes.extend(random.pick(MACS));
    if random.once_in(6) {
        let payload = if random.once_in(5) { vec![0xff; 30] } else { llc(random, depth) };
        bytes.extend((payload.len() as u16).to_be_bytes());
        bytes.extend(payload);
    } else {
        let (kind, payload) = any(random, depth);
        bytes.extend(kind.to_be_bytes());
        bytes.extend(payload);
    }
    bytes
}

fn typed(random: &mut Random) -> (u16, Vec<u8>) {
    match random.below(6) {
        0 => (4, llc(random, 0)),
        1 => (1, vec![0xff; 20]),
        _ => any(random, 0),
    }
}

fn by_type(random: &mut Random, before: usize, behind: usize) -> Vec<u8> {
    let (kind, payload) = any(random, 0);
    after(&[&vec![0; before], &kind.to_be_bytes(), &vec![0; behind]], payload)
}

fn atm(random: &mut Random) -> Vec<u8> {
    match random.below(3) {
        0 => after(&[&[0, 0]], ethernet(random, 0)),
        1 => {
            let kind = random.pick(&[5, 2, 7, 0x0f, 0x4d, 0x5a]);
            after(&[&[9, 3, 0, 0, 0, kind]], noise(random, 20))
        }
        _ => llc(random, 0),
    }
}

fn arcnet(random: &mut Random) -> u8 {
    random.pick(&[212, 240, 213, 241, 214, 221, 0xc4])
}

pub(crate) fn ip(random: &mut Random) -> Vec<u8> {
    if random.once_in(3) { v6(random, 0) } else { v4(random, 0) }
}

fn padded(bytes: Vec<u8>, at: usize, length: usize) -> Vec<u8> {
    let (head, rest) = bytes.split_at(at);
    after(&[head, &vec![0; length]], rest.to_vec())
}

/// Bytes after others.
pub(crate) fn after(before: &[&[u8]], rest: Vec<u8>) -> Vec<u8> {
    let mut bytes = before.concat();
    bytes.extend(rest);
    bytes
}
