//! PPP (RFC 1661), PPPoE (RFC 2516) and L2TP (RFC 2661, RFC 3931), which carry it.

use super::ethernet::ether_type;
use super::{Span, Tunnel, Walk};

/// Address and control of PPP in HDLC-like framing (RFC 1662), which may be left out.
const ALL_STATIONS: u16 = 0xff03;

impl Walk<'_> {
    #[inline(always)]
    pub(super) fn ppp(&mut self, span: Span<'_>) {
        if let Some((ether_type, rest)) = ppp_payload(span) {
            self.network(ether_type, rest);
        }
    }

    /// A PPPoE header and what follows; those of the discovery stage have an EtherType of their own.
    pub(super) fn pppoe(&mut self, span: Span<'_>) {
        let Some((&[0x11, 0, s0, s1, l0, l1], rest)) = span.split::<6>() else { return };
        if self.enter(Some(Tunnel::Pppoe(u16::from_be_bytes([s0, s1])))) {
            self.ppp(rest.limit(u32::from(u16::from_be_bytes([l0, l1]))));
        }
    }

    /// L2TP over UDP, either version. Only data messages are looked into, and only if IP in PPP or Ethernet fits.
    pub(super) fn l2tp(&mut self, span: Span<'_>) {
        const CONTROL: u16 = 0x8000;
        match span.u16(0) {
            Some(flags) if flags & CONTROL != 0 => {}
            Some(flags) if flags & 0xf == 2 => self.l2tp_v2(flags, span),
            Some(flags) if flags & 0xf == 3 => {
                if let Some(rest) = span.after(4) {
                    self.l2tp_v3(rest);
                }
            }
            _ => {}
        }
    }

    fn l2tp_v2(&mut self, flags: u16, span: Span<'_>) {
        const LENGTH: u16 = 0x4000;
        const SEQUENCE: u16 = 0x0800;
        const OFFSET: u16 = 0x0200;
        const RESERVED: u16 = 0x34f0;
        let ids = if flags & LENGTH != 0 { 4 } else { 2 };
        let sequence = ids + 4;
        let offset = sequence + if flags & SEQUENCE != 0 { 4 } else { 0 };
        let pad_bytes =
            if flags & OFFSET != 0 { span.u16(offset).map(|bytes| usize::from(bytes) + 2) } else { Some(0) };
        let (Some(session), Some(pad_bytes)) = (span.u16(ids + 2), pad_bytes) else { return };
        if let Some((ether_type, rest)) = span.after(offset + pad_bytes).and_then(ppp_payload)
            && flags & RESERVED == 0
            && self.plausible_network(ether_type, rest)
            && self.enter(Some(Tunnel::L2tp(u32::from(session))))
        {
            self.network(ether_type, rest);
        }
    }

    /// The session header of L2TP version 3. How long the cookie and the sublayer header are was agreed on elsewhere.
    pub(super) fn l2tp_v3(&mut self, span: Span<'_>) {
        let Some(session) = span.u32(0).filter(|session| *session != 0) else { return };
        for header_bytes in [4, 8, 12, 16] {
            if let Some(rest) = span.after(header_bytes).filter(|rest| self.plausible_ethernet(*rest)) {
                return self.inner_ethernet(Some(Tunnel::L2tp(session)), Some(rest));
            }
        }
    }

    /// PPP on a serial line, or Cisco's HDLC, which has other addresses.
    pub(super) fn ppp_hdlc(&mut self, span: Span<'_>) {
        match span.u8(0) {
            Some(0x0f | 0x8f) => self.cisco_hdlc(span),
            _ => self.ppp(span),
        }
    }

    /// Cisco HDLC: address, control, EtherType.
    pub(super) fn cisco_hdlc(&mut self, span: Span<'_>) {
        if let (Some(ether_type), Some(rest)) = (span.u16(2), span.after(4)) {
            self.network(ether_type, rest);
        }
    }
}

/// What a PPP frame holds, as an EtherType. The protocol may be compressed to one byte, which is then odd.
#[inline(always)]
fn ppp_payload(span: Span<'_>) -> Option<(u16, Span<'_>)> {
    let span = if span.u16(0)? == ALL_STATIONS { span.after(2)? } else { span };
    let first = span.u8(0)?;
    let (protocol, rest) = match first & 1 {
        1 => (u16::from(first), span.after(1)?),
        _ => (span.u16(0)?, span.after(2)?),
    };
    let ether_type = match protocol {
        0x0021 => ether_type::IPV4,
        0x0057 => ether_type::IPV6,
        0x0281 => ether_type::MPLS,
        0x0283 => ether_type::MPLS_MULTICAST,
        _ => 0,
    };
    Some((ether_type, rest))
}
