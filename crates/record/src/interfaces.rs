//! The interfaces of this host, their addresses and what lies behind them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use flow::Network;

use crate::netlink::{self, AddressMessage, LinkMessage, RouteMessage};

/// An interface as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkInterface {
    /// The kernel's number for it; a re-created interface has another one.
    pub index: u32,
    /// Its name, which can change.
    pub name: String,
    /// Its type, an ARPHRD_ value of linux/if_arp.h.
    pub hardware: u16,
    /// Administratively up.
    pub up: bool,
    /// It is `lo`.
    pub loopback: bool,
    /// What it is by its driver: `veth`, `bridge`, `tun` …; empty for hardware.
    pub kind: String,
    /// Index of the bridge, bond … that it belongs to.
    pub master: Option<u32>,
    /// It is a port of a bridge.
    pub bridge_port: bool,
    /// It carries a default route.
    pub default_route: bool,
    /// The mask of its first IPv4 address.
    pub netmask: Option<u32>,
    /// Its own addresses.
    pub addresses: Vec<IpAddr>,
    /// Networks that lie behind it and belong to this host: containers, virtual machines. None behind an uplink.
    pub behind: Vec<(IpAddr, u8)>,
}

/// All interfaces of this network namespace, by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    by_index: BTreeMap<u32, NetworkInterface>,
}

impl Interfaces {
    /// Asks the kernel. Needs no privilege.
    pub fn read() -> io::Result<Self> {
        Ok(Self::assemble(netlink::links()?, &netlink::addresses()?, &netlink::routes()?))
    }

    /// Every interface, in the order of their indices.
    pub fn iter(&self) -> impl Iterator<Item = &NetworkInterface> {
        self.by_index.values()
    }

    /// By its index.
    pub fn by_index(&self, index: u32) -> Option<&NetworkInterface> {
        self.by_index.get(&index)
    }

    /// By its name.
    pub fn by_name(&self, name: &str) -> Option<&NetworkInterface> {
        self.iter().find(|interface| interface.name == name)
    }

    fn assemble(links: Vec<LinkMessage>, addresses: &[AddressMessage], routes: &[RouteMessage]) -> Self {
        let uplinks: BTreeSet<u32> =
            routes.iter().filter(|route| route.destination.is_none()).map(|route| route.index).collect();
        let interface = |link: LinkMessage| {
            let default_route = uplinks.contains(&link.index);
            let own = addresses.iter().filter(|address| address.index == link.index);
            // What a bridge leads to runs on this host, and so does what is routed into a veth or a tap, one by one. The
            // subnet that a veth or a tap has an address in may be a container's way out; what a network card, a VPN or
            // an overlay leads to is not ours in any case.
            let is_bridge = matches!(link.kind.as_str(), "bridge" | "openvswitch");
            let is_guest = link.kind == "veth" || (link.kind == "tun" && link.hardware == libc::ARPHRD_ETHER);
            let on_link = |network: &(IpAddr, u8)| {
                let network = Network::new(network.0, network.1);
                own.clone().any(|address| network.contains(address.address.into()))
            };
            let routed = routes.iter().filter(|route| route.index == link.index && !default_route);
            let routed = routed.filter_map(|route| route.destination);
            let behind = routed.filter(|network| is_bridge || (is_guest && !on_link(network))).collect();
            NetworkInterface {
                index: link.index,
                up: link.flags & libc::IFF_UP as u32 != 0,
                loopback: link.flags & libc::IFF_LOOPBACK as u32 != 0,
                hardware: link.hardware,
                master: link.master,
                bridge_port: link.master.is_some() && link.port_kind == "bridge",
                default_route,
                netmask: own.clone().find_map(AddressMessage::netmask),
                addresses: own.map(|address| address.address).collect(),
                behind,
                kind: link.kind,
                name: link.name,
            }
        };
        Self { by_index: links.into_iter().map(interface).map(|interface| (interface.index, interface)).collect() }
    }
}

impl AddressMessage {
    fn netmask(&self) -> Option<u32> {
        let bits = 32_u32.checked_sub(self.prefix_bits.into())?;
        self.address.is_ipv4().then(|| u32::MAX.checked_shl(bits).unwrap_or(0))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small container host: `eth0` with the default route, `docker0` with a container's veth, `lo`.
    pub(crate) fn container_host() -> Interfaces {
        let link = |index, name: &str, kind: &str, hardware, flags: i32| LinkMessage {
            index,
            name: name.into(),
            kind: kind.into(),
            hardware,
            flags: flags as u32,
            ..LinkMessage::default()
        };
        let mut port = link(4, "veth1234", "veth", libc::ARPHRD_ETHER, libc::IFF_UP);
        (port.master, port.port_kind) = (Some(3), "bridge".into());
        let links = vec![
            link(1, "lo", "", libc::ARPHRD_LOOPBACK, libc::IFF_UP | libc::IFF_LOOPBACK),
            link(2, "eth0", "", libc::ARPHRD_ETHER, libc::IFF_UP),
            link(3, "docker0", "bridge", libc::ARPHRD_ETHER, libc::IFF_UP),
            port,
            link(5, "wg0", "wireguard", libc::ARPHRD_NONE, libc::IFF_UP),
            link(6, "veth-loose", "veth", libc::ARPHRD_ETHER, libc::IFF_UP),
            link(7, "eth1", "", libc::ARPHRD_ETHER, 0),
            link(8, "in0", "veth", libc::ARPHRD_ETHER, libc::IFF_UP),
        ];
        let address =
            |index, text: &str, prefix_bits| AddressMessage { index, address: text.parse().unwrap(), prefix_bits };
        let addresses = [
            address(1, "127.0.0.1", 8),
            address(2, "192.0.2.10", 24),
            address(3, "172.17.0.1", 16),
            address(5, "10.9.0.1", 24),
            address(8, "10.77.0.2", 24),
        ];
        let route = |index, text: &str, bits| RouteMessage { index, destination: Some((text.parse().unwrap(), bits)) };
        let routes = [
            RouteMessage { index: 2, destination: None },
            route(2, "192.0.2.0", 24),
            route(3, "172.17.0.0", 16),
            route(5, "10.9.0.0", 24),
            route(6, "10.244.1.7", 32),
            route(8, "10.77.0.0", 24),
        ];
        Interfaces::assemble(links, &addresses, &routes)
    }

    #[test]
    fn containers_lie_behind_their_bridge_and_nothing_behind_an_uplink() {
        let interfaces = container_host();
        let behind = |name: &str| interfaces.by_name(name).unwrap().behind.clone();
        assert_eq!(behind("docker0"), [("172.17.0.0".parse().unwrap(), 16)]);
        assert_eq!(behind("eth0"), []);
        assert_eq!(behind("wg0"), []);
        // A container's own veth without a default route, and the host's end of one that a route leads into.
        assert_eq!(behind("in0"), []);
        assert_eq!(behind("veth-loose"), [("10.244.1.7".parse().unwrap(), 32)]);
        assert!(interfaces.by_index(4).unwrap().bridge_port);
        assert!(interfaces.by_index(2).unwrap().default_route);
        assert!(!interfaces.by_name("eth1").unwrap().up);
        assert_eq!(interfaces.by_name("docker0").unwrap().netmask, Some(0xffff_0000));
    }
}
