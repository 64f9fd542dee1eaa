//! IPv6 and its extension headers (RFC 8200, RFC 4302, RFC 6275, RFC 7401, RFC 5533).

use super::ipv4::protocol;
use super::{Fragment, Span, Walk};
use crate::{Address, FlowKey};

/// Extension headers that are passed over in one IP header.
const EXTENSIONS_MAX: u8 = 16;

/// Ethernet pads its payload up to this.
const PADDED_BYTES_MAX: u32 = 46;

impl Walk<'_> {
    /// IPv6 inside of something.
    #[inline(never)]
    pub(super) fn ipv6(&mut self, span: Span<'_>) {
        self.ipv6_header(span);
    }

    #[inline(always)]
    pub(super) fn ipv6_header(&mut self, span: Span<'_>) {
        let Some((&[version_class, _, _, _, l0, l1, next, _], rest)) = span.split::<8>() else { return };
        let (Some((src, rest)), true) = (rest.split::<16>(), version_class >> 4 == 6) else { return };
        let Some((dest, payload)) = rest.split::<16>() else { return };
        let payload = match u16::from_be_bytes([l0, l1]) {
            // A jumbogram (RFC 2675), or a packet that the network card is yet to segment.
            0 if span.wire_bytes() > PADDED_BYTES_MAX => payload,
            payload_bytes => payload.limit(u32::from(payload_bytes)),
        };
        let key = FlowKey {
            src: Address::v6(*src),
            dest: Address::v6(*dest),
            src_port: 0,
            dest_port: 0,
            proto: next,
            ip_version: 6,
            one_way: false,
        };
        self.found(key, None, payload.payload(0));
        match next {
            protocol::TCP | protocol::UDP | protocol::ICMPV6 => self.transport(next, None, payload),
            _ => self.extensions(next, None, payload),
        }
    }

    /// Passes over extension headers, of which `proto` is the first.
    pub(super) fn extensions(&mut self, mut proto: u8, mut fragment: Option<Fragment>, mut span: Span<'_>) {
        for _ in 0..EXTENSIONS_MAX {
            if fragment.is_some_and(|fragment| fragment.offset != 0) {
                break;
            }
            let (Some(header_bytes), Some(next)) = (extension_bytes(proto, span), span.u8(0)) else { break };
            if proto == protocol::FRAGMENT {
                fragment = fragment.or(parse_fragment(span));
            } else if next == protocol::NONE && is_message(proto) {
                break;
            }
            proto = next;
            let Some(rest) = span.after(header_bytes) else {
                return self.extended(proto, fragment, span.payload(header_bytes as u32));
            };
            span = rest;
        }
        self.extended(proto, fragment, span.payload(0));
        self.transport(proto, fragment, span);
    }

    /// What extension headers told about the flow that was found last.
    fn extended(&mut self, proto: u8, fragment: Option<Fragment>, payload: (u32, u32)) {
        if let Some(key) = &mut self.headers.key {
            key.proto = proto;
        }
        self.headers.fragment = fragment;
        (self.headers.payload_offset, self.headers.payload_bytes) = payload;
    }
}

/// Bytes of the extension header of type `proto` at the start of `span`; `None` if it is none, or cut off.
fn extension_bytes(proto: u8, span: Span<'_>) -> Option<usize> {
    match proto {
        protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION => Some(usize::from(span.u8(1)?) * 8 + 8),
        protocol::MOBILITY | protocol::HIP | protocol::SHIM6 => Some(usize::from(span.u8(1)?) * 8 + 8),
        protocol::FRAGMENT => Some(8),
        protocol::AH => Some(usize::from(span.u8(1)?) * 4 + 8),
        _ => None,
    }
}

/// Extension headers that are messages of their own when nothing follows them.
fn is_message(proto: u8) -> bool {
    matches!(proto, protocol::AH | protocol::MOBILITY | protocol::HIP | protocol::SHIM6)
}

fn parse_fragment(span: Span<'_>) -> Option<Fragment> {
    let (field, id) = (span.u16(2)?, span.u32(4)?);
    let fragment = Fragment { id, offset: field & 0xfff8, more: field & 1 != 0 };
    (fragment.more || fragment.offset != 0).then_some(fragment)
}
