//! Link types.

use std::fmt;

/// A LINKTYPE_ value as capture files have it (<https://www.tcpdump.org/linktypes.html>), not a DLT_ value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback, address family in the capturing host's byte order.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// Raw IPv4 or IPv6, told apart by the version nibble.
    pub const RAW: Self = Self(101);
    /// IEEE 802.11.
    pub const IEEE802_11: Self = Self(105);
    /// OpenBSD loopback, address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture v1.
    pub const LINUX_SLL: Self = Self(113);
    /// IEEE 802.11 with radiotap.
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux netfilter log.
    pub const NFLOG: Self = Self(239);
    /// Linux cooked capture v2.
    pub const LINUX_SLL2: Self = Self(276);
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NULL => f.write_str("NULL"),
            Self::ETHERNET => f.write_str("EN10MB"),
            Self::RAW => f.write_str("RAW"),
            Self::IEEE802_11 => f.write_str("IEEE802_11"),
            Self::LOOP => f.write_str("LOOP"),
            Self::LINUX_SLL => f.write_str("LINUX_SLL"),
            Self::IEEE802_11_RADIOTAP => f.write_str("IEEE802_11_RADIO"),
            Self::IPV4 => f.write_str("IPV4"),
            Self::IPV6 => f.write_str("IPV6"),
            Self::NFLOG => f.write_str("NFLOG"),
            Self::LINUX_SLL2 => f.write_str("LINUX_SLL2"),
            Self(other) => write!(f, "LINKTYPE_{other}"),
        }
    }
}
