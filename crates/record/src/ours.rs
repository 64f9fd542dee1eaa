//! Which addresses are ours on an interface.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use flow::Network;

use crate::interfaces::{Interfaces, NetworkInterface};
use crate::selection::has_address;

/// Every address of this host and every network behind it, on an interface that carries addresses, be they of the
/// bridge or bond that it belongs to. Nothing on one that carries none, as a tap or a mirror port: there the home
/// networks count.
pub(crate) fn networks(interfaces: &Interfaces, index: u32) -> Vec<Network> {
    let Some(interface) = interfaces.by_index(index) else { return Vec::new() };
    let master = interface.master.and_then(|master| interfaces.by_index(master));
    if !interface.loopback && !has_address(interface) && !master.is_some_and(has_address) {
        return Vec::new();
    }
    let of_one = |interface: &NetworkInterface| {
        let own = interface.addresses.iter().map(|address| Network::single(*address));
        let behind = interface.behind.iter().map(|(address, bits)| Network::new(*address, *bits));
        own.chain(behind).collect::<Vec<_>>()
    };
    let loopback = [Network::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8), Network::single(IpAddr::V6(Ipv6Addr::LOCALHOST))];
    loopback.into_iter().chain(interfaces.iter().flat_map(of_one)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interfaces::tests::container_host;
    use packet::Address;

    #[test]
    fn the_host_and_its_containers_are_ours() {
        let interfaces = container_host();
        let check = |name: &str, address: &str, expected: bool| {
            let networks = networks(&interfaces, interfaces.by_name(name).unwrap().index);
            let address = Address::from(address.parse::<IpAddr>().unwrap());
            assert_eq!(networks.iter().any(|network| network.contains(address)), expected, "{address} on {name}");
        };
        for name in ["eth0", "docker0", "veth1234", "lo"] {
            check(name, "192.0.2.10", true);
            check(name, "172.17.0.99", true);
            check(name, "127.0.0.53", true);
            check(name, "192.0.2.11", false);
            check(name, "10.9.0.2", false);
            check(name, "10.77.0.1", false);
        }
        assert!(networks(&interfaces, interfaces.by_name("eth1").unwrap().index).is_empty());
        assert!(networks(&interfaces, 4711).is_empty());
    }
}
