//! Ethernet, its tags, 802.2 and the EtherTypes.

use super::{Span, Tunnel, Walk};
use crate::Mac;

/// Numbers of the IEEE EtherType registry.
pub(super) mod ether_type {
    pub(in super::super) const IPV4: u16 = 0x0800;
    pub(in super::super) const ARP: u16 = 0x0806;
    pub(in super::super) const TRILL: u16 = 0x22f3;
    pub(in super::super) const TRANSPARENT_ETHERNET: u16 = 0x6558;
    pub(in super::super) const RARP: u16 = 0x8035;
    pub(in super::super) const VLAN: u16 = 0x8100;
    pub(in super::super) const IPV6: u16 = 0x86dd;
    pub(in super::super) const PPP: u16 = 0x880b;
    pub(in super::super) const MPLS: u16 = 0x8847;
    pub(in super::super) const MPLS_MULTICAST: u16 = 0x8848;
    pub(in super::super) const PPPOE_SESSION: u16 = 0x8864;
    pub(in super::super) const SERVICE_VLAN: u16 = 0x88a8;
    pub(in super::super) const ERSPAN: u16 = 0x88be;
    pub(in super::super) const ERSPAN_III: u16 = 0x22eb;
    pub(in super::super) const MAC_IN_MAC: u16 = 0x88e7;
    pub(in super::super) const FABRIC_PATH: u16 = 0x8903;
    pub(in super::super) const CISCO_META_DATA: u16 = 0x8909;
    pub(in super::super) const VN_TAG: u16 = 0x8926;
    pub(in super::super) const E_TAG: u16 = 0x893f;
    pub(in super::super) const NSH: u16 = 0x894f;
    /// The usual numbers of outer VLAN tags before 802.1ad.
    pub(in super::super) const OLD_QINQ: [u16; 3] = [0x9100, 0x9200, 0x9300];
}

/// Below this, the field after the addresses is a length (IEEE 802.3, 3.2.6).
pub(super) const ETHER_TYPE_MIN: u16 = 0x0600;

/// Tags before one network layer.
const TAGS_MAX: u8 = 8;

impl Walk<'_> {
    /// Ethernet inside of something.
    #[inline(never)]
    pub(super) fn ethernet(&mut self, span: Span<'_>) {
        self.ethernet_header(span);
    }

    /// The outermost Ethernet header. What is always inlined is the way of most packets.
    #[inline(always)]
    pub(super) fn ethernet_header(&mut self, span: Span<'_>) {
        let Some((&[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1], rest)) = span.split::<14>() else {
            return self.cut_ethernet(span);
        };
        if self.depth == 0 {
            self.headers.dest_mac = Some(Mac([d0, d1, d2, d3, d4, d5]));
            self.headers.src_mac = Some(Mac([s0, s1, s2, s3, s4, s5]));
        }
        self.ether_type(u16::from_be_bytes([t0, t1]), rest);
    }

    /// The addresses of an Ethernet header whose rest was not captured.
    pub(super) fn cut_ethernet(&mut self, span: Span<'_>) {
        if self.depth == 0 {
            self.headers.dest_mac = span.data.first_chunk().copied().map(Mac);
            self.headers.src_mac = span.data.get(6..).and_then(|tail| tail.first_chunk()).copied().map(Mac);
        }
    }

    /// What follows an EtherType or an 802.3 length: tags, then the network layer.
    #[inline(always)]
    pub(super) fn ether_type(&mut self, ether_type: u16, span: Span<'_>) {
        match ether_type {
            ether_type::IPV4 => {
                self.outermost(ether_type, span);
                self.ipv4_header(span);
            }
            ether_type::IPV6 => {
                self.outermost(ether_type, span);
                self.ipv6_header(span);
            }
            _ => self.tagged(ether_type, span),
        }
    }

    #[inline(never)]
    fn tagged(&mut self, mut ether_type: u16, mut span: Span<'_>) {
        for _ in 0..TAGS_MAX {
            let Some(tag_bytes) = tag_bytes(ether_type) else { return self.untagged(ether_type, span) };
            // Every tag ends with the EtherType of what follows it.
            let (Some(next), Some(rest)) = (span.u16(tag_bytes - 2), span.after(tag_bytes)) else { return };
            if tag_bytes == VLAN_TAG_BYTES && self.depth == 0 {
                self.headers.vlans.push(span.u16(0).unwrap_or_default());
            }
            (ether_type, span) = (next, rest);
        }
    }

    #[inline(always)]
    fn untagged(&mut self, ether_type: u16, span: Span<'_>) {
        if ether_type < ETHER_TYPE_MIN {
            // 1501 to 1535 is neither a length nor an EtherType.
            if ether_type <= 1500 {
                self.llc(span.limit(u32::from(ether_type)));
            }
            return;
        }
        self.network(ether_type, span);
    }

    /// 802.2 (LLC), with SNAP or without.
    pub(super) fn llc(&mut self, span: Span<'_>) {
        match *span.data {
            // OUI 0 (RFC 1042) or bridge tunnel (802.1H): an EtherType follows.
            [0xaa, 0xaa | 0xab, 0x03, 0, 0, 0 | 0xf8, t0, t1, ..] => {
                if let Some(rest) = span.after(8) {
                    self.ether_type(u16::from_be_bytes([t0, t1]), rest);
                }
            }
            [0x06, 0x06, 0x03, ..] => self.after_llc(ether_type::IPV4, span.after(3)),
            [0xfe, 0xfe, 0x03, 0xcc, ..] => self.after_llc(ether_type::IPV4, span.after(4)),
            [0xfe, 0xfe, 0x03, 0x8e, ..] => self.after_llc(ether_type::IPV6, span.after(4)),
            // Cut off before it tells.
            [] | [_] | [_, _] => {}
            [0xaa, 0xaa | 0xab, 0x03, ..] if span.captured() < 8 => {}
            _ => self.outermost(0, span),
        }
    }

    fn after_llc(&mut self, ether_type: u16, span: Option<Span<'_>>) {
        if let Some(span) = span {
            self.network(ether_type, span);
        }
    }

    /// What an EtherType that is not a tag stands for.
    #[inline(never)]
    pub(super) fn network(&mut self, ether_type: u16, span: Span<'_>) {
        self.outermost(ether_type, span);
        match ether_type {
            ether_type::IPV4 => self.ipv4_header(span),
            ether_type::IPV6 => self.ipv6_header(span),
            ether_type::ARP | ether_type::RARP => self.arp(span),
            ether_type::MPLS | ether_type::MPLS_MULTICAST => self.mpls(span),
            ether_type::PPPOE_SESSION => self.pppoe(span),
            ether_type::PPP if self.enter(None) => self.ppp(span),
            ether_type::NSH => self.nsh(span),
            ether_type::TRANSPARENT_ETHERNET => self.inner_ethernet(None, Some(span)),
            ether_type::ERSPAN | ether_type::ERSPAN_III => self.erspan(span),
            ether_type::TRILL => self.trill(span),
            // The 16 bits after the EtherType are the tag's; the first Ethernet header was the outer one.
            ether_type::FABRIC_PATH => self.inner_ethernet(None, span.after(2)),
            ether_type::MAC_IN_MAC => {
                let service = span.u32(0).unwrap_or_default() & 0x00ff_ffff;
                self.inner_ethernet(Some(Tunnel::MacInMac(service)), span.after(4));
            }
            _ => {}
        }
    }

    /// An Ethernet frame inside of something.
    #[inline(always)]
    pub(super) fn inner_ethernet(&mut self, tunnel: Option<Tunnel>, span: Option<Span<'_>>) {
        if let Some(span) = span
            && self.enter(tunnel)
        {
            self.ethernet(span);
        }
    }

    /// Network service header (RFC 8300): its length in words and next protocol stand in the first word.
    pub(super) fn nsh(&mut self, span: Span<'_>) {
        let Some(&[version, length, _, next_protocol]) = span.data.first_chunk() else { return };
        let header_bytes = usize::from(length & 0x3f) * 4;
        let Some(rest) = span.after(header_bytes) else { return };
        if version >> 6 != 0 || header_bytes < 8 || !self.enter(None) {
            return;
        }
        match next_protocol {
            1 => self.ipv4(rest),
            2 => self.ipv6(rest),
            3 => self.ethernet(rest),
            4 => self.nsh(rest),
            5 => self.mpls(rest),
            _ => {}
        }
    }

    /// TRILL (RFC 6325, 3.2): six bytes and options, whose length in words is in five bits.
    fn trill(&mut self, span: Span<'_>) {
        let options_words = usize::from(span.u16(0).unwrap_or_default() >> 6 & 0x1f);
        self.inner_ethernet(None, span.after(6 + options_words * 4));
    }
}

const VLAN_TAG_BYTES: usize = 4;

/// Whether an EtherType is that of a tag, behind which another follows.
pub(super) fn is_tag(ether_type: u16) -> bool {
    tag_bytes(ether_type).is_some()
}

/// Bytes from a tag's own EtherType to what follows the next EtherType.
fn tag_bytes(ether_type: u16) -> Option<usize> {
    match ether_type {
        ether_type::VLAN | ether_type::SERVICE_VLAN => Some(VLAN_TAG_BYTES),
        ether_type::VN_TAG => Some(6),
        ether_type::E_TAG | ether_type::CISCO_META_DATA => Some(8),
        other if ether_type::OLD_QINQ.contains(&other) => Some(VLAN_TAG_BYTES),
        _ => None,
    }
}
