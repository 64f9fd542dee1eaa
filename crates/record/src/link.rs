//! Which link type an interface's packets have.

use packet::LinkType;

/// How the bytes that the kernel hands over become a packet of a link type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) link_type: LinkType,
    /// The kernel's link header is of no known type: a Linux cooked header takes its place.
    pub(crate) cooked: bool,
}

impl Link {
    /// By the interface's ARPHRD_ value, as libpcap chooses (pcap-linux.c, `map_arphrd_to_dlt`).
    pub(crate) fn of_hardware(hardware: u16) -> Self {
        let known = match hardware {
            libc::ARPHRD_ETHER | libc::ARPHRD_METRICOM | libc::ARPHRD_LOOPBACK => Some(LinkType::ETHERNET),
            // ipip, sit, slip, tun, WireGuard: an IP header comes first.
            libc::ARPHRD_TUNNEL
            | libc::ARPHRD_SIT
            | libc::ARPHRD_SLIP
            | libc::ARPHRD_CSLIP
            | libc::ARPHRD_SLIP6
            | libc::ARPHRD_CSLIP6
            | libc::ARPHRD_ADAPT
            | libc::ARPHRD_RAWHDLC
            | libc::ARPHRD_DLCI
            | libc::ARPHRD_NONE
            | ARPHRD_RAWIP => Some(LinkType::RAW),
            libc::ARPHRD_IEEE802_TR => Some(LinkType(6)),
            libc::ARPHRD_FDDI => Some(LinkType(10)),
            libc::ARPHRD_ARCNET => Some(LinkType(129)),
            libc::ARPHRD_CISCO => Some(LinkType(104)),
            libc::ARPHRD_FRAD => Some(LinkType(107)),
            libc::ARPHRD_IEEE80211 => Some(LinkType::IEEE802_11),
            libc::ARPHRD_IEEE80211_PRISM => Some(LinkType(119)),
            libc::ARPHRD_IEEE80211_RADIOTAP => Some(LinkType::IEEE802_11_RADIOTAP),
            libc::ARPHRD_IEEE802154 => Some(LinkType(230)),
            _ => None,
        };
        Self { link_type: known.unwrap_or(LinkType::LINUX_SLL), cooked: known.is_none() }
    }
}

/// Raw IP of modems (linux/if_arp.h).
const ARPHRD_RAWIP: u16 = 519;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_types_are_those_of_libpcap() {
        for (hardware, expected, cooked) in [
            (libc::ARPHRD_ETHER, 1, false),
            (libc::ARPHRD_LOOPBACK, 1, false),
            (libc::ARPHRD_NONE, 101, false),
            (libc::ARPHRD_SIT, 101, false),
            (libc::ARPHRD_PPP, 113, true),
            (libc::ARPHRD_IPGRE, 113, true),
            (libc::ARPHRD_CAN, 113, true),
            (libc::ARPHRD_IEEE80211_RADIOTAP, 127, false),
            (4711, 113, true),
        ] {
            assert_eq!(Link::of_hardware(hardware), Link { link_type: LinkType(expected), cooked }, "{hardware}");
        }
    }
}
