//! What the headers of a packet say.

use super::Tunnel;
use crate::{FlowKey, Mac};

/// What the headers of one packet say. No allocation: this is made for every packet that is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// The innermost flow; `None` where neither an IP header nor IPv4 over ARP was found.
    pub key: Option<FlowKey>,
    /// The innermost transport header, as far as it is there.
    pub transport: Transport,
    /// IP fragment of the innermost IP header, if it is one (an atomic fragment, offset 0 and no more, is not).
    pub fragment: Option<Fragment>,
    /// 802.1Q/802.1ad VLAN ids of the outermost Ethernet header, outermost first.
    pub vlans: Vlans,
    /// The innermost tunnel around the flow.
    pub tunnel: Option<Tunnel>,
    /// Outermost source hardware address.
    pub src_mac: Option<Mac>,
    /// Outermost destination hardware address.
    pub dest_mac: Option<Mac>,
    /// EtherType of the outermost network layer, after VLAN tags (0 if there is none, as in LLC frames without SNAP).
    pub ether_type: u16,
    /// Where the outermost network layer starts, in bytes from the start of the packet: an IP or ARP header, an MPLS
    /// label, a PPPoE header, an LLC header without SNAP. 0 where the link type is not known.
    pub network_offset: u32,
    /// Where the innermost payload (after the transport header) starts; the length of the captured bytes if cut before.
    pub payload_offset: u32,
    /// Bytes of innermost payload on the wire, from IP and transport lengths, whether they were captured or not;
    /// never more than the packet has.
    pub payload_bytes: u32,
}

/// The innermost transport header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// None, unknown, encrypted, cut off, or a later fragment.
    #[default]
    None,
    /// TCP (RFC 9293).
    Tcp {
        /// Sequence number.
        seq: u32,
        /// Acknowledgement number, whatever the ACK flag says.
        ack: u32,
        /// CWR ECE URG ACK PSH RST SYN FIN, from bit 7 to bit 0.
        flags: u8,
        /// Window, unscaled.
        window: u16,
    },
    /// UDP or UDP-Lite.
    Udp,
    /// SCTP (RFC 9260); the type of its first chunk.
    Sctp {
        /// Type of the first chunk.
        chunk_type: u8,
    },
    /// ICMP or ICMPv6.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
    },
}

/// Where a fragment belongs (RFC 791, RFC 8200 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Identification: 16 bits in IPv4, 32 in IPv6.
    pub id: u32,
    /// Offset of the fragment's data in bytes.
    pub offset: u16,
    /// More fragments follow.
    pub more: bool,
}

/// Up to four VLAN ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vlans {
    ids: [u16; 4],
    count: u8,
}

impl Vlans {
    /// Adds an inner id (the lower 12 bits count); beyond four it is dropped.
    pub fn push(&mut self, id: u16) {
        if let Some(slot) = self.ids.get_mut(usize::from(self.count)) {
            *slot = id & 0x0fff;
            self.count += 1;
        }
    }

    /// The ids, outermost first.
    pub fn as_slice(&self) -> &[u16] {
        self.ids.get(..usize::from(self.count)).unwrap_or_default()
    }
}
