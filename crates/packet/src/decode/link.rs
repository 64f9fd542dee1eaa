//! Link types: from the first byte of a packet to its first Ethernet header or network layer.

use super::ethernet::{ETHER_TYPE_MIN, ether_type};
use super::{Span, Walk};
use crate::{LinkType, Mac};

impl Walk<'_> {
    #[inline]
    pub(super) fn link(&mut self, link_type: LinkType, span: Span<'_>) {
        if link_type == LinkType::ETHERNET {
            return self.ethernet_header(span);
        }
        self.other_link(link_type, span);
    }

    /// The numbers without a name in `LinkType` are those of <https://www.tcpdump.org/linktypes.html>.
    #[inline(never)]
    fn other_link(&mut self, link_type: LinkType, span: Span<'_>) {
        match link_type {
            LinkType::NULL | LinkType::LOOP => self.bsd_loopback(span),
            LinkType::LINUX_SLL => self.cooked(span),
            LinkType::LINUX_SLL2 => self.cooked_v2(span),
            LinkType::NFLOG => self.netfilter_log(span),
            LinkType::IPV4 => self.network(ether_type::IPV4, span),
            LinkType::IPV6 => self.network(ether_type::IPV6, span),
            LinkType::IEEE802_11 => self.wlan(span),
            LinkType::IEEE802_11_RADIOTAP => self.radiotap(span),
            // Raw IP has had other numbers where DLT_RAW was written as it was.
            LinkType(12 | 14) | LinkType::RAW => self.raw_ip(span),
            LinkType(6) => self.token_ring(span),
            // SLIP: the direction and a compressed header stand before the packet.
            LinkType(8) => self.rest(span, 16, Self::raw_ip),
            LinkType(9) | LinkType(50) => self.ppp_hdlc(span),
            LinkType(51) => self.network(ether_type::PPPOE_SESSION, span),
            // ATM adaptation layer 5 with 802.2 (RFC 2684).
            LinkType(100) => self.llc(span),
            LinkType(104) => self.cisco_hdlc(span),
            // PPP after a byte for the direction.
            LinkType(204) => self.rest(span, 1, Self::ppp),
            LinkType(10) => self.fddi(span),
            LinkType(107) => self.frame_relay(span),
            LinkType(119) => self.prism(span),
            LinkType(163) => self.avs(span),
            LinkType(192) => self.per_packet_information(span),
            LinkType(226) => self.solaris(span),
            // InfiniBand: two hardware addresses, and the header of RFC 4391.
            LinkType(242) => self.rest(span, 40, |walk, rest| {
                if let Some((&[e0, e1, _, _], rest)) = rest.split::<4>() {
                    walk.ether_type(u16::from_be_bytes([e0, e1]), rest);
                }
            }),
            LinkType(258) => self.apple_tap(span),
            // A preamble and a start delimiter before the frame.
            LinkType(274) => self.rest(span, 8, Self::ethernet),
            LinkType(281) => self.switch_tag(span, 4),
            LinkType(282) => self.rest(span, 4, Self::ethernet),
            LinkType(283) => self.marvell_tag(span, 12),
            LinkType(284) => self.marvell_tag(span, 16),
            _ => {}
        }
    }

    fn rest<'a>(&mut self, span: Span<'a>, header_bytes: usize, inner: impl FnOnce(&mut Self, Span<'a>)) {
        if let Some(rest) = span.after(header_bytes) {
            inner(self, rest);
        }
    }

    fn raw_ip(&mut self, span: Span<'_>) {
        match span.u8(0).map(|byte| byte >> 4) {
            Some(4) => self.network(ether_type::IPV4, span),
            Some(6) => self.network(ether_type::IPV6, span),
            _ => {}
        }
    }

    /// IPv4 or IPv6, inside of something.
    #[inline(always)]
    pub(super) fn ip(&mut self, span: Span<'_>) {
        match span.u8(0).map(|byte| byte >> 4) {
            Some(4) => self.ipv4(span),
            Some(6) => self.ipv6(span),
            _ => {}
        }
    }

    /// An address family in the byte order of the host that captured, or of the network.
    fn bsd_loopback(&mut self, span: Span<'_>) {
        let Some((&family, rest)) = span.split::<4>() else { return };
        let family = match u32::from_be_bytes(family) {
            small @ 0..=0xffff => small,
            large => large.swap_bytes(),
        };
        match family {
            2 => self.network(ether_type::IPV4, rest),
            // AF_INET6 of Linux, of NetBSD and OpenBSD, of FreeBSD, and of macOS.
            10 | 24 | 28 | 30 => self.network(ether_type::IPV6, rest),
            _ => self.outermost(0, rest),
        }
    }

    /// Solaris' IPNET: version, address family, then where it was captured.
    fn solaris(&mut self, span: Span<'_>) {
        let family = span.u8(1);
        self.rest(span, 24, |walk, rest| match family {
            Some(2) => walk.network(ether_type::IPV4, rest),
            Some(26) => walk.network(ether_type::IPV6, rest),
            _ => walk.outermost(0, rest),
        });
    }

    /// Linux cooked capture v1: packet type, ARPHRD, address length and address, protocol.
    fn cooked(&mut self, span: Span<'_>) {
        let Some((&[_, _, a0, a1, l0, l1, m0, m1, m2, m3, m4, m5, _, _, p0, p1], rest)) = span.split::<16>() else {
            return;
        };
        let address = ([l0, l1] == [0, 6]).then_some(Mac([m0, m1, m2, m3, m4, m5]));
        self.cooked_protocol(u16::from_be_bytes([a0, a1]), address, u16::from_be_bytes([p0, p1]), rest);
    }

    /// Linux cooked capture v2: the same in another order, and the interface.
    fn cooked_v2(&mut self, span: Span<'_>) {
        let Some((&[p0, p1, _, _, _, _, _, _, a0, a1, _, l1, m0, m1, m2, m3, m4, m5, _, _], rest)) = span.split::<20>()
        else {
            return;
        };
        let address = (l1 == 6).then_some(Mac([m0, m1, m2, m3, m4, m5]));
        self.cooked_protocol(u16::from_be_bytes([a0, a1]), address, u16::from_be_bytes([p0, p1]), rest);
    }

    fn cooked_protocol(&mut self, hardware: u16, address: Option<Mac>, protocol: u16, span: Span<'_>) {
        const ARPHRD_FRAME_RELAY: u16 = 770;
        const ARPHRD_GRE: u16 = 778;
        const ARPHRD_RADIOTAP: u16 = 803;
        const ARPHRD_NETLINK: u16 = 824;
        const ETH_P_802_2: u16 = 4;
        self.headers.src_mac = address;
        match (hardware, protocol) {
            (ARPHRD_NETLINK, _) => {}
            (ARPHRD_RADIOTAP, _) => self.radiotap(span),
            (ARPHRD_FRAME_RELAY, _) => self.frame_relay(span),
            (ARPHRD_GRE, 0) => self.outermost(0, span),
            (_, ETH_P_802_2) => self.llc(span),
            // Other numbers of Linux for what has no EtherType.
            (_, ..ETHER_TYPE_MIN) => self.outermost(0, span),
            _ => self.ether_type(protocol, span),
        }
    }

    /// NFLOG: family, version and resource id, then attributes in the byte order of the host that captured.
    fn netfilter_log(&mut self, span: Span<'_>) {
        const ATTRIBUTES_MAX: u8 = 32;
        const PAYLOAD: u16 = 9;
        let Some((&[family, 0, _, _], mut rest)) = span.split::<4>() else { return };
        let ether_type = match family {
            2 => ether_type::IPV4,
            10 => ether_type::IPV6,
            _ => return,
        };
        let Some(&[l0, l1, _, _]) = rest.data.first_chunk() else { return };
        // Of the two ways to read the first length, the one that makes sense, or else the smaller one.
        let sane = |bytes: &u16| *bytes >= 4 && u32::from(*bytes) <= rest.captured();
        let lengths = [u16::from_le_bytes([l0, l1]), u16::from_be_bytes([l0, l1])];
        let is_little = lengths.iter().copied().filter(sane).min() == Some(lengths[0]);
        let read = if is_little { u16::from_le_bytes } else { u16::from_be_bytes };
        for _ in 0..ATTRIBUTES_MAX {
            let Some(&[l0, l1, t0, t1]) = rest.data.first_chunk() else { return };
            let attribute_bytes = read([l0, l1]);
            let value = rest.limit(u32::from(attribute_bytes)).after(4).filter(|_| attribute_bytes >= 4);
            let Some(value) = value else { return };
            // The upper two bits are flags of netlink.
            if read([t0, t1]) & 0x3fff == PAYLOAD {
                return self.network(ether_type, value);
            }
            let Some(next) = rest.after(usize::from(attribute_bytes).next_multiple_of(4)) else { return };
            rest = next;
        }
    }

    /// FDDI: frame control and two addresses, then 802.2.
    fn fddi(&mut self, span: Span<'_>) {
        const LLC: u8 = 0x50;
        let Some((&[control, d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5], rest)) = span.split::<13>() else {
            return;
        };
        self.headers.dest_mac = Some(Mac([d0, d1, d2, d3, d4, d5]));
        self.headers.src_mac = Some(Mac([s0, s1, s2, s3, s4, s5]));
        // Synchronous or not, with any priority.
        if control & 0x70 == LLC {
            self.llc(rest);
        }
    }

    /// Token ring: access and frame control, two addresses, a route if the upper bit of the source says so, then 802.2.
    fn token_ring(&mut self, span: Span<'_>) {
        const FRAME_TYPE: u8 = 0xc0;
        const LLC: u8 = 0x40;
        const HAS_ROUTE: u8 = 0x80;
        let Some((&[_, control, d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5], rest)) = span.split::<14>() else {
            return;
        };
        self.headers.dest_mac = Some(Mac([d0, d1, d2, d3, d4, d5]));
        self.headers.src_mac = Some(Mac([s0 & !HAS_ROUTE, s1, s2, s3, s4, s5]));
        let route_bytes = if s0 & HAS_ROUTE == 0 { 0 } else { usize::from(rest.u8(0).unwrap_or(0) & 0x1f) };
        if control & FRAME_TYPE == LLC {
            self.rest(rest, route_bytes, Self::llc);
        }
    }

    /// Apple's PKTAP: the header's length, what it is, and the DLT_ number of what follows it, all little-endian.
    fn apple_tap(&mut self, span: Span<'_>) {
        const PKTAP: u16 = 258;
        const DLT_PKTAP: u16 = 149;
        let word = |offset| span.u32(offset).map(u32::swap_bytes);
        let (Some(header_bytes), Some(link_type)) = (word(0), word(8)) else { return };
        let (Ok(header_bytes), Ok(link_type)) = (usize::try_from(header_bytes), u16::try_from(link_type)) else {
            return;
        };
        if ![PKTAP, DLT_PKTAP].contains(&link_type) {
            self.rest(span, header_bytes, |walk, rest| walk.link(LinkType(link_type), rest));
        }
    }

    /// Frame relay: an address of two to four bytes, of which the last is odd; then RFC 2427's protocol identifier, or
    /// Cisco's EtherType.
    fn frame_relay(&mut self, span: Span<'_>) {
        let last = (0..4).find(|offset| span.u8(*offset).is_some_and(|byte| byte & 1 != 0));
        let Some(rest) = last.filter(|last| *last > 0).and_then(|last| span.after(last + 1)) else { return };
        let Some((&[control, identifier], rest)) = rest.split::<2>() else { return };
        match (control, identifier) {
            (0x03, 0xcc) => self.network(ether_type::IPV4, rest),
            (0x03, 0x8e) => self.network(ether_type::IPV6, rest),
            (0x03, _) => {}
            _ => self.network(u16::from_be_bytes([control, identifier]), rest),
        }
    }

    /// A Broadcom switch's tag between the addresses and the EtherType.
    fn switch_tag(&mut self, span: Span<'_>, tag_bytes: usize) {
        self.cut_ethernet(span);
        if let (Some(ether_type), Some(rest)) = (span.u16(12 + tag_bytes), span.after(14 + tag_bytes)) {
            self.ether_type(ether_type, rest);
        }
    }

    /// A Marvell switch's tag, the last four bytes before the EtherType at `tag_offset`; it takes in an 802.1Q tag.
    fn marvell_tag(&mut self, span: Span<'_>, tag_offset: usize) {
        const TAGGED: u8 = 0x20;
        self.cut_ethernet(span);
        let Some((&[command, _, v0, v1], rest)) = span.after(tag_offset).and_then(Span::split::<4>) else { return };
        let Some((&[t0, t1], rest)) = rest.split::<2>() else { return };
        if command & TAGGED != 0 {
            self.headers.vlans.push(u16::from_be_bytes([v0, v1]));
        }
        self.ether_type(u16::from_be_bytes([t0, t1]), rest);
    }
}
