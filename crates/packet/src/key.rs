//! What tells one flow from another.

use crate::Address;

/// The five-tuple of a packet as it is on the wire: `src` sent it.
///
/// `src_port` and `dest_port` hold, by `proto`: the ports of TCP, UDP, SCTP, DCCP and UDP-Lite; for ICMP and ICMPv6
/// what Community ID 1.0 puts there (type and counterpart type for request and reply pairs, else type and code);
/// 0 for everything else and for fragments that do not hold the transport header.
///
/// IPv4 over ARP has a key too, so that who asked for whom is one conversation: `src` is the sender's protocol address,
/// `dest` the target's, ports and `proto` are 0, and so is `ip_version`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    /// Who sent the packet.
    pub src: Address,
    /// Who is to get it.
    pub dest: Address,
    /// Source port, or ICMP type.
    pub src_port: u16,
    /// Destination port, or ICMP counterpart type or code.
    pub dest_port: u16,
    /// IP protocol number (IANA), after extension headers.
    pub proto: u8,
    /// 4 or 6; 0 for ARP.
    pub ip_version: u8,
    /// An ICMP message without a counterpart: the reverse is not the same flow.
    pub one_way: bool,
}

impl FlowKey {
    /// The key of the packets that go the other way.
    #[inline]
    pub fn reversed(&self) -> Self {
        Self { src: self.dest, dest: self.src, src_port: self.dest_port, dest_port: self.src_port, ..*self }
    }

    /// The same key for both directions, and whether it had to be reversed for that.
    #[inline]
    pub fn canonical(&self) -> (Self, bool) {
        if !self.one_way && (self.dest, self.dest_port) < (self.src, self.src_port) {
            (self.reversed(), true)
        } else {
            (*self, false)
        }
    }
}
