//! Whether bytes look like the packet that an encapsulation is said to hold.
//!
//! A UDP port or a bit in a label is a hint, not a proof: what does not look right stays a payload.

use super::ethernet::ether_type;
use super::{Span, Walk};

impl Walk<'_> {
    /// An Ethernet frame with an EtherType that is expected in a tunnel, and IP in it that fits.
    #[inline(always)]
    pub(super) fn plausible_ethernet(&self, span: Span<'_>) -> bool {
        match (span.u16(12), span.after(14)) {
            (Some(ether_type), Some(rest)) => self.plausible_network(ether_type, rest),
            _ => false,
        }
    }

    /// A network layer that is expected in a tunnel, and if it is IP, one that fits.
    #[inline(always)]
    pub(super) fn plausible_network(&self, ether_type: u16, span: Span<'_>) -> bool {
        match ether_type {
            ether_type::IPV4 => self.plausible_ipv4(span),
            ether_type::IPV6 => self.plausible_ipv6(span),
            ether_type::ARP => span.u16(2) == Some(ether_type::IPV4),
            ether_type::VLAN | ether_type::SERVICE_VLAN => match (span.u16(2), span.after(4)) {
                (Some(ether_type::IPV4), Some(rest)) => self.plausible_ipv4(rest),
                (Some(ether_type::IPV6), Some(rest)) => self.plausible_ipv6(rest),
                (Some(next), _) => matches!(next, ether_type::ARP | ether_type::VLAN | ether_type::MPLS),
                _ => false,
            },
            ether_type::MPLS | ether_type::PPPOE_SESSION => true,
            _ => false,
        }
    }

    /// IPv4 or IPv6 that fits.
    #[inline(always)]
    pub(super) fn plausible_ip(&self, span: Span<'_>) -> bool {
        self.plausible_ipv4(span) || self.plausible_ipv6(span)
    }

    #[inline(always)]
    fn plausible_ipv4(&self, span: Span<'_>) -> bool {
        let Some(head) = span.data.first_chunk::<20>() else { return false };
        let header_bytes = u32::from(head[0] & 0x0f) * 4;
        let total_bytes = u32::from(u16::from_be_bytes([head[2], head[3]]));
        let fits = total_bytes == 0 || total_bytes >= header_bytes && self.fits(total_bytes, span);
        // The bit above "don't fragment" is reserved.
        head[0] >> 4 == 4 && header_bytes >= 20 && fits && head[6] & 0x80 == 0
    }

    #[inline(always)]
    fn plausible_ipv6(&self, span: Span<'_>) -> bool {
        let Some(head) = span.data.first_chunk::<40>() else { return false };
        let payload_bytes = u32::from(u16::from_be_bytes([head[4], head[5]]));
        head[0] >> 4 == 6 && self.fits(payload_bytes + 40, span)
    }

    /// In a fragment the rest of what is inside is in other packets.
    #[inline(always)]
    fn fits(&self, bytes: u32, span: Span<'_>) -> bool {
        bytes <= span.wire_bytes() || self.in_fragment
    }
}
