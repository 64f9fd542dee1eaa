//! IPv4 (RFC 791).

use super::{Fragment, Span, Walk};
use crate::{Address, FlowKey};

/// Protocol numbers (IANA) that are looked into.
pub(super) mod protocol {
    pub(in super::super) const HOP_BY_HOP: u8 = 0;
    pub(in super::super) const ICMP: u8 = 1;
    pub(in super::super) const IPV4: u8 = 4;
    pub(in super::super) const TCP: u8 = 6;
    pub(in super::super) const UDP: u8 = 17;
    pub(in super::super) const DCCP: u8 = 33;
    pub(in super::super) const IPV6: u8 = 41;
    pub(in super::super) const ROUTING: u8 = 43;
    pub(in super::super) const FRAGMENT: u8 = 44;
    pub(in super::super) const GRE: u8 = 47;
    pub(in super::super) const AH: u8 = 51;
    pub(in super::super) const ICMPV6: u8 = 58;
    pub(in super::super) const NONE: u8 = 59;
    pub(in super::super) const DESTINATION: u8 = 60;
    pub(in super::super) const ETHER_IP: u8 = 97;
    pub(in super::super) const PIM: u8 = 103;
    pub(in super::super) const L2TP: u8 = 115;
    pub(in super::super) const SCTP: u8 = 132;
    pub(in super::super) const MOBILITY: u8 = 135;
    pub(in super::super) const UDP_LITE: u8 = 136;
    pub(in super::super) const MPLS: u8 = 137;
    pub(in super::super) const HIP: u8 = 139;
    pub(in super::super) const SHIM6: u8 = 140;
    pub(in super::super) const ETHERNET: u8 = 143;
}

const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;

impl Walk<'_> {
    /// IPv4 inside of something.
    #[inline(never)]
    pub(super) fn ipv4(&mut self, span: Span<'_>) {
        self.ipv4_header(span);
    }

    #[inline(always)]
    pub(super) fn ipv4_header(&mut self, span: Span<'_>) {
        let Some(head) = span.data.first_chunk::<20>() else { return };
        let header_bytes = u32::from(head[0] & 0x0f) * 4;
        if head[0] >> 4 != 4 || header_bytes < 20 {
            return;
        }
        // A length of 0 is that of a packet which the network card is yet to segment, or of one above 64 KiB.
        let span = match u16::from_be_bytes([head[2], head[3]]) {
            0 => span,
            total_bytes => span.limit(u32::from(total_bytes).max(header_bytes)),
        };
        let proto = head[9];
        let flags = u16::from_be_bytes([head[6], head[7]]);
        let fragment = (flags & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0).then(|| Fragment {
            id: u32::from(u16::from_be_bytes([head[4], head[5]])),
            offset: (flags & FRAGMENT_OFFSET) * 8,
            more: flags & MORE_FRAGMENTS != 0,
        });
        let key = FlowKey {
            src: Address::v4([head[12], head[13], head[14], head[15]]),
            dest: Address::v4([head[16], head[17], head[18], head[19]]),
            src_port: 0,
            dest_port: 0,
            proto,
            ip_version: 4,
            one_way: false,
        };
        self.found(key, fragment, span.payload(header_bytes));
        match span.after(header_bytes as usize) {
            Some(payload) if proto == protocol::AH => self.extensions(proto, fragment, payload),
            Some(payload) => self.transport(proto, fragment, payload),
            None => {}
        }
    }
}
