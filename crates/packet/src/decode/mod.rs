//! From a packet's bytes to the headers that matter: the innermost flow, and what it travelled in.
//!
//! Layers are walked from the outside in. Each IP or ARP header that is found replaces what the one around it had said,
//! so that whatever is cut off, malformed, encrypted or nested too deep, the deepest flow that was found counts.

mod arp;
mod ethernet;
mod gre;
mod headers;
mod ipv4;
mod ipv6;
mod link;
mod mpls;
mod outside;
mod plain;
mod plausible;
mod ppp;
mod span;
mod transport;
mod tunnel;
mod udp_tunnel;
mod wlan;

pub use headers::{Fragment, Headers, Transport, Vlans};
pub use outside::{NO_ADDRESSES, is_arp, is_neither_ip_nor_arp};
pub use tunnel::Tunnel;

use crate::{FlowKey, LinkType};
use span::Span;

/// Encapsulations that are opened in one packet.
const DEPTH_MAX: u8 = 8;

/// Decodes the headers of a packet of `wire_bytes` on the wire, of which `data` was captured.
///
/// Link types that are not known give `Headers::default()`.
#[inline]
pub fn decode(link_type: LinkType, data: &[u8], wire_bytes: u32) -> Headers {
    let mut headers = Headers::default();
    decode_into(&mut headers, link_type, data, wire_bytes);
    headers
}

/// The same, for the path that every recorded packet takes: `headers` are written where they are wanted.
///
/// To return them is to copy what was just written in small pieces, for which the processor waits longer than the
/// decoding takes.
#[inline(never)]
pub fn decode_into(headers: &mut Headers, link_type: LinkType, data: &[u8], wire_bytes: u32) {
    *headers = Headers::default();
    Walk { headers, tunnel: None, depth: 0, in_fragment: false, guessed: false }
        .link(link_type, Span::new(data, wire_bytes));
}

/// Decodes any bytes: the first two choose the link type, the next two the length on the wire.
pub fn fuzz_decode(data: &[u8]) {
    let Some(([l0, l1, w0, w1], data)) = data.split_first_chunk::<4>() else { return };
    let headers = decode(LinkType(u16::from_be_bytes([*l0, *l1])), data, u32::from(u16::from_be_bytes([*w0, *w1])));
    let wire_bytes = data.len().max(usize::from(u16::from_be_bytes([*w0, *w1])));
    assert!(headers.payload_offset as usize <= data.len(), "payload starts outside the packet");
    assert!(headers.network_offset as usize <= data.len(), "network layer starts outside the packet");
    assert!(headers.payload_bytes as usize <= wire_bytes, "payload longer than the packet");
}

/// A walk through the layers of one packet; the other files of this folder add a method for each kind of layer.
struct Walk<'h> {
    headers: &'h mut Headers,
    /// The tunnel that was entered last; it is the flow's once a flow is found in it.
    tunnel: Option<Tunnel>,
    /// Encapsulations entered so far. Hardware addresses, VLANs and the network offset are taken at 0.
    depth: u8,
    /// The rest of an outer datagram is in other packets: lengths inside reach beyond this one.
    in_fragment: bool,
    /// Only a UDP port says that this is a tunnel: what does not fit is left alone.
    guessed: bool,
}

impl Walk<'_> {
    /// Goes one encapsulation deeper; false if that is too deep.
    fn enter(&mut self, tunnel: Option<Tunnel>) -> bool {
        if self.depth >= DEPTH_MAX {
            return false;
        }
        self.depth += 1;
        if tunnel.is_some() {
            self.tunnel = tunnel;
        }
        true
    }

    /// Notes where the outermost network layer starts.
    #[inline]
    fn outermost(&mut self, ether_type: u16, span: Span<'_>) {
        if self.depth == 0 {
            self.headers.ether_type = ether_type;
            self.headers.network_offset = span.offset;
            (self.headers.payload_offset, self.headers.payload_bytes) = span.payload(0);
        }
    }

    /// An IP or ARP header was found: it replaces what an outer one said.
    ///
    /// The key is written in place, and its ports later: copying what was just put together from smaller pieces would
    /// make the processor wait for each of them.
    #[inline]
    fn found(&mut self, key: FlowKey, fragment: Option<Fragment>, payload: (u32, u32)) {
        self.headers.key = Some(key);
        self.headers.fragment = fragment;
        self.headers.transport = Transport::None;
        self.headers.tunnel = self.tunnel;
        (self.headers.payload_offset, self.headers.payload_bytes) = payload;
    }

    /// The transport header of the flow that was found last.
    #[inline]
    fn refine(&mut self, ports: (u16, u16), transport: Transport, payload: (u32, u32)) {
        if let Some(key) = &mut self.headers.key {
            (key.src_port, key.dest_port) = ports;
        }
        self.headers.transport = transport;
        (self.headers.payload_offset, self.headers.payload_bytes) = payload;
    }
}
