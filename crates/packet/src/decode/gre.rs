//! GRE (RFC 2784, RFC 2890, RFC 1701), PPTP's variant (RFC 2637), NVGRE (RFC 7637) and ERSPAN.

use super::ethernet::{ETHER_TYPE_MIN, ether_type};
use super::{Span, Tunnel, Walk};

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// Entries of a source route (RFC 1701) that are passed over.
const ROUTES_MAX: u8 = 16;

/// A service group redirect of WCCP version 1 and 2; the latter puts four bytes before the IP header.
const WCCP: u16 = 0x883e;

impl Walk<'_> {
    pub(super) fn gre(&mut self, span: Span<'_>) {
        let (Some(flags), Some(protocol)) = (span.u16(0), span.u16(2)) else { return };
        match flags & VERSION {
            0 => self.gre_v0(flags, protocol, span),
            1 if protocol == ether_type::PPP => self.pptp(flags, span),
            _ => {}
        }
    }

    #[inline(always)]
    fn gre_v0(&mut self, flags: u16, protocol: u16, span: Span<'_>) {
        let mut header_bytes = 4;
        if flags & (CHECKSUM | ROUTING) != 0 {
            header_bytes += 4;
        }
        let mut key = 0;
        if flags & KEY != 0 {
            let Some(bits) = span.u32(header_bytes) else { return };
            key = bits;
            header_bytes += 4;
        }
        if flags & SEQUENCE != 0 {
            header_bytes += 4;
        }
        let Some(mut rest) = span.after(header_bytes) else { return };
        if flags & ROUTING != 0 {
            let Some(routed) = after_routes(rest) else { return };
            rest = routed;
        }
        match protocol {
            // The first type of ERSPAN has no header of its own, and no sequence numbers.
            ether_type::ERSPAN if flags & SEQUENCE == 0 => self.inner_ethernet(Some(Tunnel::Erspan(0)), Some(rest)),
            _ if !self.enter(Some(Tunnel::Gre(key))) => {}
            ether_type::TRANSPARENT_ETHERNET => self.ethernet(rest),
            WCCP => match rest.u8(0).map(|byte| byte >> 4) {
                Some(4) => self.ipv4(rest),
                _ => rest.after(4).map_or((), |rest| self.ipv4(rest)),
            },
            ETHER_TYPE_MIN.. => self.ether_type(protocol, rest),
            _ => {}
        }
    }

    /// Version 1: always with a key, of which the lower half is the call id.
    fn pptp(&mut self, flags: u16, span: Span<'_>) {
        let Some(call) = span.u16(6).filter(|_| flags & KEY != 0) else { return };
        let words = 2 + usize::from(flags & SEQUENCE != 0) + usize::from(flags & ACKNOWLEDGEMENT != 0);
        // Without a sequence number it is a bare acknowledgement.
        if let Some(rest) = span.after(words * 4).filter(|_| flags & SEQUENCE != 0)
            && self.enter(Some(Tunnel::Gre(u32::from(call))))
        {
            self.ppp(rest);
        }
    }

    /// ERSPAN types II and III (draft-foschiano-erspan-03).
    pub(super) fn erspan(&mut self, span: Span<'_>) {
        let (Some(first), Some(second)) = (span.u16(0), span.u16(2)) else { return };
        let header_bytes = match first >> 12 {
            1 => 8,
            2 => 12 + if span.u8(11).unwrap_or_default() & 1 != 0 { 8 } else { 0 },
            _ => return,
        };
        // Frame type 2 of type III is IP without Ethernet.
        let frame_type = span.u16(10).unwrap_or_default() >> 10 & 0x1f;
        let tunnel = Some(Tunnel::Erspan(second & 0x03ff));
        match span.after(header_bytes) {
            Some(rest) if header_bytes > 8 && frame_type == 2 && self.enter(tunnel) => self.ip(rest),
            rest => self.inner_ethernet(tunnel, rest),
        }
    }
}

/// Passes over source route entries, of which the last has no length.
fn after_routes(mut span: Span<'_>) -> Option<Span<'_>> {
    for _ in 0..ROUTES_MAX {
        let (&[_, _, _, route_bytes], rest) = span.split::<4>()?;
        span = rest.after(usize::from(route_bytes))?;
        if route_bytes == 0 {
            return Some(span);
        }
    }
    None
}
