//! From the link layer inwards: each address on the way, with the checksums that cover it.

use packet::{LinkType, Mac};

use super::Mapping;
use super::checksum::{Edit, Sum};

/// Headers inside of headers that are followed.
const DEPTH_MAX: u8 = 6;
/// Extension headers and tags that are followed in a row.
const ROW_MAX: usize = 16;
const VXLAN_PORTS: [u16; 2] = [4789, 8472];

/// What a packet is, once its addresses were changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The link type is known, so that nothing in front of the payload was left as it was.
    pub is_known: bool,
    /// Where the innermost headers end that were understood.
    pub payload_offset: usize,
}

/// Changes the addresses of a packet: of its link layer, ARP, IPv4, IPv6, neighbour discovery, of packets in tunnels
/// (IP in IP, GRE, VXLAN, MPLS, PPPoE) and in ICMP's errors.
///
/// Checksums are updated (RFC 1624): those that were right stay right, those that were wrong stay wrong.
pub fn rewrite(link_type: LinkType, data: &mut [u8], mapping: &mut dyn Mapping) -> Outline {
    let edit = Edit { data, sums: Vec::new() };
    let mut walk = Walk { edit, mapping, outline: Outline::default(), depth: 0 };
    walk.outline.is_known = true;
    match link_type.0 {
        0 | 108 => walk.by_version(4),
        1 => walk.ethernet(0),
        12 | 14 | 101 | 228 | 229 => walk.by_version(0),
        113 => {
            walk.cooked_address(4, 6);
            walk.by_type(14, 16);
        }
        276 => {
            walk.cooked_address(10, 12);
            walk.by_type(0, 20);
        }
        _ => walk.outline.is_known = false,
    }
    let outline = walk.outline;
    Outline { payload_offset: outline.payload_offset.min(data.len()), ..outline }
}

struct Walk<'a> {
    edit: Edit<'a>,
    mapping: &'a mut dyn Mapping,
    outline: Outline,
    depth: u8,
}

impl Walk<'_> {
    fn ethernet(&mut self, at: usize) {
        self.mac(at, &[]);
        self.mac(at + 6, &[]);
        self.by_type(at + 12, at + 14);
    }

    /// The address of a cooked header, whose length stands at `length`.
    fn cooked_address(&mut self, length: usize, at: usize) {
        let bytes = if length == 10 { self.byte(11).map(u16::from) } else { self.word(length) };
        if bytes == Some(6) {
            self.mac(at, &[]);
        }
    }

    /// What an EtherType says that follows.
    fn by_type(&mut self, type_at: usize, next: usize) {
        let (mut type_at, mut next) = (type_at, next);
        for _ in 0..ROW_MAX {
            self.outline.payload_offset = next;
            match self.word(type_at) {
                Some(0x8100 | 0x88a8 | 0x9100) => (type_at, next) = (next + 2, next + 4),
                Some(0x0800) => return self.v4(next),
                Some(0x86dd) => return self.v6(next),
                Some(0x0806 | 0x8035) => return self.arp(next),
                Some(0x8847 | 0x8848) => return self.mpls(next),
                Some(0x8864) => return self.ppp(next + 6),
                _ => return,
            }
        }
    }

    fn by_version(&mut self, at: usize) {
        self.outline.payload_offset = at;
        match self.byte(at).map(|byte| byte >> 4) {
            Some(4) => self.v4(at),
            Some(6) => self.v6(at),
            _ => {}
        }
    }

    fn mpls(&mut self, at: usize) {
        let last =
            (0..ROW_MAX).map(|label| at + label * 4).find(|at| self.byte(at + 2).is_none_or(|byte| byte & 1 == 1));
        if let Some(last) = last {
            self.by_version(last + 4);
        }
    }

    fn ppp(&mut self, at: usize) {
        self.outline.payload_offset = at;
        if matches!(self.word(at), Some(0x0021 | 0x0057)) {
            self.by_version(at + 2);
        }
    }

    fn arp(&mut self, at: usize) {
        let is_ethernet_v4 =
            (self.word(at), self.word(at + 2), self.word(at + 4)) == (Some(1), Some(0x0800), Some(0x0604));
        if is_ethernet_v4 {
            self.mac(at + 8, &[]);
            self.v4_address(at + 14, &[]);
            self.mac(at + 18, &[]);
            self.v4_address(at + 24, &[]);
            self.outline.payload_offset = at + 28;
        }
    }

    fn v4(&mut self, at: usize) {
        let Some(header) = self.byte(at).filter(|byte| byte >> 4 == 4).map(|byte| usize::from(byte & 0x0f) * 4) else {
            return;
        };
        if header < 20 || self.edit.data.len() < at + 20 {
            return;
        }
        let next = at + header;
        let protocol = self.byte(at + 9).unwrap_or(0);
        let is_first = self.word(at + 6).is_some_and(|word| word & 0x1fff == 0);
        let own = Sum { field: at + 10, start: at, is_optional: false };
        let over = pseudo_sum(protocol, next).filter(|_| is_first && protocol != 58);
        let own: Vec<Sum> = std::iter::once(own).chain(over).collect();
        self.v4_address(at + 12, &own);
        self.v4_address(at + 16, &own);
        if self.mapping.hides_options() && header > 20 {
            let covered = own.first().map(std::slice::from_ref).unwrap_or_default();
            self.edit.change(at + 20, &vec![1; header - 20], covered);
        }
        self.outline.payload_offset = next;
        if is_first {
            self.transport(protocol, next);
        }
    }

    fn v6(&mut self, at: usize) {
        if self.edit.data.len() < at + 40 {
            return;
        }
        let (mut protocol, mut next, mut is_first) = (self.byte(at + 6).unwrap_or(59), at + 40, true);
        for _ in 0..ROW_MAX {
            let bytes = match protocol {
                0 | 43 | 60 => (usize::from(self.byte(next + 1).unwrap_or(0)) + 1) * 8,
                44 => {
                    is_first &= self.word(next + 2).is_some_and(|word| word & 0xfff8 == 0);
                    8
                }
                _ => break,
            };
            protocol = self.byte(next).unwrap_or(59);
            next += bytes;
        }
        let own: Vec<Sum> = pseudo_sum(protocol, next).filter(|_| is_first).into_iter().collect();
        self.v6_address(at + 8, &own);
        self.v6_address(at + 24, &own);
        self.outline.payload_offset = next;
        if is_first {
            self.transport(protocol, next);
        }
    }

    /// What an IP header carries at `at`.
    fn transport(&mut self, protocol: u8, at: usize) {
        if self.depth >= DEPTH_MAX {
            return;
        }
        self.depth += 1;
        match protocol {
            4 => self.v4(at),
            41 => self.v6(at),
            6 => {
                self.outline.payload_offset =
                    at + self.byte(at + 12).map_or(20, |byte| usize::from(byte >> 4).max(5) * 4)
            }
            17 | 136 => self.udp(at),
            132 => self.outline.payload_offset = at + 12,
            33 => self.outline.payload_offset = at + 12,
            47 => self.gre(at),
            1 => self.icmp(at, &[3, 4, 5, 11, 12]),
            58 => self.icmp_v6(at),
            _ => {}
        }
    }

    fn udp(&mut self, at: usize) {
        self.outline.payload_offset = at + 8;
        let is_vxlan = self.word(at + 2).is_some_and(|port| VXLAN_PORTS.contains(&port));
        if is_vxlan && self.byte(at + 8).is_some_and(|flags| flags & 0x08 != 0) {
            self.inside(Sum { field: at + 6, start: at, is_optional: true }, |walk| walk.ethernet(at + 16));
        }
    }

    fn gre(&mut self, at: usize) {
        let Some(flags) = self.word(at).filter(|flags| flags & 0x0007 == 0) else { return };
        let optional = [0x8000, 0x2000, 0x1000].iter().filter(|flag| flags & **flag != 0).count();
        let next = at + 4 + optional * 4;
        let follow = |walk: &mut Self| match walk.word(at + 2) {
            Some(0x6558) => walk.ethernet(next),
            _ => walk.by_type(at + 2, next),
        };
        if flags & 0x8000 != 0 {
            self.inside(Sum { field: at + 4, start: at, is_optional: false }, follow);
        } else {
            follow(self);
        }
    }

    /// The packet that an error of ICMP is about stands in it.
    fn icmp(&mut self, at: usize, errors: &[u8]) {
        self.outline.payload_offset = at + 8;
        let Some(kind) = self.byte(at).filter(|kind| errors.contains(kind)) else { return };
        let sum = Sum { field: at + 2, start: at, is_optional: false };
        if kind == 5 {
            self.v4_address(at + 4, &[sum]);
        }
        self.inside(sum, |walk| walk.by_version(at + 8));
    }

    /// Errors, and neighbour discovery with its options (RFC 4861).
    fn icmp_v6(&mut self, at: usize) {
        self.outline.payload_offset = at + 8;
        let sum = Sum { field: at + 2, start: at, is_optional: false };
        let options = match self.byte(at) {
            Some(1..=4) => return self.inside(sum, |walk| walk.by_version(at + 8)),
            Some(133) => at + 8,
            Some(134) => at + 16,
            Some(135 | 136) => {
                self.v6_address(at + 8, &[sum]);
                at + 24
            }
            Some(137) => {
                self.v6_address(at + 8, &[sum]);
                self.v6_address(at + 24, &[sum]);
                at + 40
            }
            _ => return,
        };
        let mut next = options;
        for _ in 0..ROW_MAX {
            self.outline.payload_offset = next;
            let (Some(kind), Some(units @ 1..)) = (self.byte(next), self.byte(next + 1)) else { return };
            match kind {
                1 | 2 => self.mac(next + 2, &[sum]),
                3 => self.v6_address(next + 16, &[sum]),
                _ => return,
            }
            next += usize::from(units) * 8;
        }
    }

    /// Goes on inside of what a checksum covers.
    fn inside(&mut self, sum: Sum, walk: impl FnOnce(&mut Self)) {
        self.edit.sums.push(sum);
        walk(self);
        self.edit.sums.pop();
    }

    fn mac(&mut self, at: usize, own: &[Sum]) {
        if let Some(old) = self.edit.data.get(at..).and_then(<[u8]>::first_chunk::<6>).copied() {
            let new = self.mapping.mac(Mac(old));
            self.edit.change(at, &new.0, own);
        }
    }

    fn v4_address(&mut self, at: usize, own: &[Sum]) {
        if let Some(old) = self.edit.data.get(at..).and_then(<[u8]>::first_chunk::<4>).copied() {
            let new = self.mapping.v4(old);
            self.edit.change(at, &new, own);
        }
    }

    fn v6_address(&mut self, at: usize, own: &[Sum]) {
        if let Some(old) = self.edit.data.get(at..).and_then(<[u8]>::first_chunk::<16>).copied() {
            let new = self.mapping.v6(old);
            self.edit.change(at, &new, own);
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.edit.data.get(at).copied()
    }

    fn word(&self, at: usize) -> Option<u16> {
        self.edit.data.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
    }
}

/// The checksum of a transport header at `at` that covers the addresses too.
fn pseudo_sum(protocol: u8, at: usize) -> Option<Sum> {
    let (field, is_optional) = match protocol {
        6 => (16, false),
        17 => (6, true),
        136 => (6, false),
        33 => (6, false),
        58 => (2, false),
        _ => return None,
    };
    Some(Sum { field: at + field, start: at, is_optional })
}
