//! Whose address is it?

use packet::Address;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who started a flow, seen from our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Direction {
    /// Others started it, towards us.
    Inbound = 0,
    /// Ours started it, towards others.
    Outbound = 1,
    /// Between two of ours.
    Internal = 2,
    /// Between two that are not ours, and everything without IP addresses.
    External = 3,
}

impl Direction {
    /// By whether client and server are ours.
    pub fn of(client_ours: bool, server_ours: bool) -> Self {
        match (client_ours, server_ours) {
            (false, true) => Self::Inbound,
            (true, false) => Self::Outbound,
            (true, true) => Self::Internal,
            (false, false) => Self::External,
        }
    }

    /// The word in rows and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Internal => "internal",
            Self::External => "external",
        }
    }

    /// The direction of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Inbound, Self::Outbound, Self::Internal, Self::External].into_iter().find(|d| d.name() == name)
    }
}

/// An address prefix; a single address is a prefix of full length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    bits: u128,
    prefix_bits: u8,
}

impl Network {
    /// The network of `prefix_bits` (at most 32 or 128, larger counts as that) that `ip` lies in.
    pub fn new(ip: IpAddr, prefix_bits: u8) -> Self {
        let address = Address::from(ip);
        let prefix_bits = match ip {
            IpAddr::V4(_) => 96 + prefix_bits.min(32),
            IpAddr::V6(_) => prefix_bits.min(128),
        };
        Self::masked(u128::from_be_bytes(address.0), prefix_bits)
    }

    /// The network that holds this one address.
    pub fn single(ip: IpAddr) -> Self {
        Self::new(ip, 128)
    }

    /// True if the address lies in the network.
    #[inline]
    pub fn contains(&self, address: Address) -> bool {
        u128::from_be_bytes(address.0) & mask(self.prefix_bits) == self.bits
    }

    pub(crate) fn masked(bits: u128, prefix_bits: u8) -> Self {
        Self { bits: bits & mask(prefix_bits), prefix_bits }
    }

    pub(crate) fn to_parts(self) -> (u128, u8) {
        (self.bits, self.prefix_bits)
    }
}

#[inline]
fn mask(prefix_bits: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix_bits.min(128))).unwrap_or(0)
}

/// Which addresses are ours, interface by interface.
///
/// An interface that was told its networks (the host's own addresses and the prefixes behind it) goes by them; one that
/// was told none, such as a tap or a capture file's, goes by the home networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    home: Networks,
    /// Distinct sets of networks: many interfaces share one.
    sets: Vec<Networks>,
    /// Set number + 1 of each interface, 0 for home.
    interfaces: Vec<u32>,
}

impl Default for Ours {
    /// The private ranges as home, no interface known.
    fn default() -> Self {
        Self::new(home_networks())
    }
}

impl Ours {
    /// Interfaces beyond this number go by the home networks.
    const INTERFACES_MAX: usize = 1 << 16;

    /// With these home networks, and no interface known.
    pub fn new(home: impl IntoIterator<Item = Network>) -> Self {
        Self { home: home.into_iter().collect(), sets: Vec::new(), interfaces: Vec::new() }
    }

    /// Says what is ours on an interface; nothing means that it goes by the home networks.
    pub fn set_interface(&mut self, interface: u32, networks: impl IntoIterator<Item = Network>) {
        let networks: Networks = networks.into_iter().collect();
        // Its set so far can be taken by another.
        self.assign(interface, 0);
        let set = if networks.is_empty() { 0 } else { self.set_number(networks) + 1 };
        self.assign(interface, set);
    }

    /// Says that what is ours on an interface is what is ours on another.
    pub fn set_like(&mut self, interface: u32, other: u32) {
        self.assign(interface, self.interfaces.get(other as usize).copied().unwrap_or(0));
    }

    fn assign(&mut self, interface: u32, set: u32) {
        let number = interface as usize;
        if number >= Self::INTERFACES_MAX {
            return;
        }
        if self.interfaces.len() <= number {
            self.interfaces.resize(number + 1, 0);
        }
        self.interfaces[number] = set;
    }

    /// True if the address is ours, on that interface.
    #[inline]
    pub fn contains(&self, interface: u32, address: Address) -> bool {
        let set = self.interfaces.get(interface as usize).copied().unwrap_or(0);
        let networks = set.checked_sub(1).and_then(|number| self.sets.get(number as usize)).unwrap_or(&self.home);
        networks.contains(address)
    }

    fn set_number(&mut self, networks: Networks) -> u32 {
        let known = self.sets.iter().position(|set| *set == networks);
        let number = known.or_else(|| self.unused_set()).unwrap_or(self.sets.len());
        match self.sets.get_mut(number) {
            Some(set) => *set = networks,
            None => self.sets.push(networks),
        }
        number as u32
    }

    /// A set that no interface refers to any more.
    fn unused_set(&self) -> Option<usize> {
        (0..self.sets.len()).find(|number| !self.interfaces.contains(&(*number as u32 + 1)))
    }

    pub(crate) fn parts(&self) -> (&Networks, &[Networks], &[u32]) {
        (&self.home, &self.sets, &self.interfaces)
    }

    pub(crate) fn from_parts(home: Networks, sets: Vec<Networks>, interfaces: Vec<u32>) -> Option<Self> {
        let known = interfaces.iter().all(|number| *number as usize <= sets.len());
        (known && interfaces.len() <= Self::INTERFACES_MAX).then_some(Self { home, sets, interfaces })
    }
}

/// Single addresses sorted, for hosts with thousands of them, and the wider networks, of which there are few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Networks {
    singles: Vec<u128>,
    wide: Vec<Network>,
}

impl Networks {
    fn is_empty(&self) -> bool {
        self.singles.is_empty() && self.wide.is_empty()
    }

    fn contains(&self, address: Address) -> bool {
        self.singles.binary_search(&u128::from_be_bytes(address.0)).is_ok()
            || self.wide.iter().any(|network| network.contains(address))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Network> {
        let singles = self.singles.iter().map(|bits| Network { bits: *bits, prefix_bits: 128 });
        singles.chain(self.wide.iter().copied())
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        let (singles, mut wide): (Vec<_>, Vec<_>) = networks.into_iter().partition(|n| n.prefix_bits == 128);
        let mut singles: Vec<u128> = singles.into_iter().map(|network| network.bits).collect();
        singles.sort_unstable();
        singles.dedup();
        wide.sort_unstable();
        wide.dedup();
        Self { singles, wide }
    }
}

/// RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 2.5.6 and the loopback ranges.
fn home_networks() -> [Network; 9] {
    let v4 = |a, b, c, d, bits| Network::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits);
    let v6 = |first, last, bits| Network::new(IpAddr::V6(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, last)), bits);
    [
        v4(10, 0, 0, 0, 8),
        v4(172, 16, 0, 0, 12),
        v4(192, 168, 0, 0, 16),
        v4(169, 254, 0, 0, 16),
        v4(100, 64, 0, 0, 10),
        v4(127, 0, 0, 0, 8),
        v6(0xfc00, 0, 7),
        v6(0xfe80, 0, 10),
        v6(0, 1, 128),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::from(text.parse::<IpAddr>().expect("an address"))
    }

    #[test]
    fn private_ranges_are_home() {
        let ours = Ours::default();
        let check = |text, expected| assert_eq!(ours.contains(7, address(text)), expected, "{text}");
        for text in ["10.255.0.1", "172.31.255.255", "192.168.0.1", "100.127.0.1", "127.8.8.8", "fd00::1", "::1"] {
            check(text, true);
        }
        for text in ["11.0.0.1", "172.32.0.0", "192.169.0.1", "100.128.0.1", "8.8.8.8", "fec0::1", "2001:db8::1", "::2"]
        {
            check(text, false);
        }
    }

    #[test]
    fn interface_goes_by_its_own_networks() {
        let mut ours = Ours::default();
        let own = [Network::single("192.0.2.5".parse().unwrap()), Network::new("10.244.3.9".parse().unwrap(), 24)];
        ours.set_interface(3, own);
        ours.set_interface(4, own);
        for interface in [3, 4] {
            assert!(ours.contains(interface, address("192.0.2.5")));
            assert!(ours.contains(interface, address("10.244.3.200")));
            assert!(!ours.contains(interface, address("10.244.4.1")));
        }
        assert!(ours.contains(2, address("10.244.4.1")));
        ours.set_interface(3, []);
        assert!(ours.contains(3, address("10.244.4.1")) && !ours.contains(4, address("10.244.4.1")));
        assert_eq!(ours.sets.len(), 1);
    }
}
