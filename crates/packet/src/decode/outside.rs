//! What is on the outside of a packet: what filters see that compare bytes at fixed places.

use super::Headers;
use super::ethernet::{ETHER_TYPE_MIN, ether_type, is_tag};
use crate::Address;

/// Stands for the addresses of an outermost IP header where none is outermost.
pub const NO_ADDRESSES: [Address; 2] = [Address([0; 16]); 2];

impl Headers {
    /// The addresses of the outermost IP header of the packet that these are of, in ascending order; [`NO_ADDRESSES`] if
    /// neither IP nor ARP is outermost, `None` where that cannot be told.
    pub fn outer_addresses(&self, data: &[u8]) -> Option<[Address; 2]> {
        let header = data.get(self.network_offset as usize..)?;
        let v4 = |offset: usize| header.get(offset..)?.first_chunk().copied().map(Address::v4);
        let v6 = |offset: usize| header.get(offset..)?.first_chunk().copied().map(Address::v6);
        let mut addresses = match self.ether_type {
            ether_type::IPV4 => [v4(12)?, v4(16)?],
            ether_type::IPV6 => [v6(8)?, v6(24)?],
            other if is_neither_ip_nor_arp(other, self.src_mac.is_some()) => NO_ADDRESSES,
            _ => return None,
        };
        addresses.sort_unstable();
        Some(addresses)
    }
}

/// Whether an EtherType behind tags says that neither IP nor ARP is outermost. Without hardware addresses it can be
/// one that no header had.
pub fn is_neither_ip_nor_arp(number: u16, has_hardware_address: bool) -> bool {
    let is_either = matches!(number, ether_type::IPV4 | ether_type::IPV6 | ether_type::ARP | ether_type::RARP);
    has_hardware_address && number >= ETHER_TYPE_MIN && !is_either && !is_tag(number)
}

/// Whether an EtherType is that of ARP or RARP.
pub fn is_arp(number: u16) -> bool {
    matches!(number, ether_type::ARP | ether_type::RARP)
}
