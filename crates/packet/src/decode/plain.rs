//! Packets whose outermost headers are those of their flow.

use super::{Headers, Transport};
use crate::Address;

/// Bytes of an Ethernet header without tags.
const ETHERNET_BYTES: u32 = 14;
const IPV4: u8 = 4;
const IPV6: u8 = 6;

impl Headers {
    /// True if the packet is IP right behind an untagged Ethernet header, in no tunnel, not a fragment, and its
    /// transport header, if its protocol has ports, right behind that (IPv4 options aside) and there as far as it goes:
    /// what looks at fixed places of `data`, as pcap-filter does, sees what [`Headers::key`] says.
    #[inline]
    pub fn is_plain(&self, data: &[u8]) -> bool {
        let Some(key) = &self.key else { return false };
        let is_direct = self.network_offset == ETHERNET_BYTES && self.tunnel.is_none() && self.fragment.is_none();
        if !is_direct || self.src_mac.is_none() {
            return false;
        }
        let is_whole = !matches!(key.proto, 6 | 17 | 132) || self.transport != Transport::None;
        let byte = |offset: usize| data.get(offset).copied();
        let version = byte(14).map(|first| first >> 4);
        is_whole
            && match self.ether_type {
                0x0800 => version == Some(IPV4) && byte(23) == Some(key.proto),
                // Mapped addresses look like IPv4 in a key.
                0x86dd => {
                    version == Some(IPV6) && byte(20) == Some(key.proto) && ![key.src, key.dest].iter().any(is_mapped)
                }
                _ => false,
            }
    }
}

fn is_mapped(address: &Address) -> bool {
    address.as_v4().is_some()
}
