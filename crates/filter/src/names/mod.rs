//! The names that an expression may use for numbers.

mod protocols;
mod services;
mod wireless;

pub(crate) use wireless::{llc_kind, pf_action, pf_reason, wlan_direction, wlan_subtype, wlan_type, wlan_type_subtype};

/// The number of an IP protocol, as /etc/protocols has it; names are told apart by case.
pub(crate) fn ip_protocol(name: &str) -> Option<u16> {
    let index = protocols::PROTOCOLS.binary_search_by_key(&name, |&(known, _)| known).ok()?;
    protocols::PROTOCOLS.get(index).map(|&(_, number)| number)
}

/// A port, and the only transport protocol that it is assigned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) port: u32,
    pub(crate) tcp_only: bool,
    pub(crate) udp_only: bool,
}

/// The port of a service, as /etc/services has it; a number written as a name is a port of both protocols.
pub(crate) fn service(name: &str) -> Option<Service> {
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return name.parse().ok().map(|port| Service { port, tcp_only: false, udp_only: false });
    }
    let index = services::SERVICES.binary_search_by_key(&name, |&(known, _, _)| known).ok()?;
    let &(_, tcp, udp) = services::SERVICES.get(index)?;
    Some(match (tcp, udp) {
        (0, udp) => Service { port: udp.into(), tcp_only: false, udp_only: true },
        // A name with two numbers means the TCP one, as libpcap has it.
        (tcp, udp) => Service { port: tcp.into(), tcp_only: tcp != udp, udp_only: false },
    })
}

/// An Ethertype, or below 1501 an LLC service access point, as `ether proto` names it.
pub(crate) fn ether_protocol(name: &str) -> Option<u32> {
    Some(match name {
        "aarp" => 0x80f3,
        "arp" => 0x0806,
        "atalk" => 0x809b,
        "decnet" => 0x6003,
        "ip" => 0x0800,
        "ip6" => 0x86dd,
        "lat" => 0x6004,
        "lldp" => 0x88cc,
        "loopback" => 0x9000,
        "mopdl" => 0x6001,
        "moprc" => 0x6002,
        "rarp" => 0x8035,
        "sca" => 0x6007,
        "slow" => 0x8809,
        "iso" => 0xfe,
        "stp" => 0x42,
        "ipx" => 0xe0,
        "netbeui" => 0xf0,
        _ => return None,
    })
}

/// A protocol within OSI's network layer.
pub(crate) fn osi_protocol(name: &str) -> Option<u32> {
    Some(match name {
        "esis" => 0x82,
        "isis" => 0x83,
        "clnp" => 0x81,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(services::SERVICES.is_sorted_by_key(|&(name, _, _)| name));
        assert!(protocols::PROTOCOLS.is_sorted_by_key(|&(name, _)| name));
    }

    #[test]
    fn services_by_name() {
        let check = |name: &str, expected: Option<(u32, bool, bool)>| {
            assert_eq!(service(name).map(|found| (found.port, found.tcp_only, found.udp_only)), expected, "{name}");
        };
        check("http", Some((80, true, false)));
        check("domain", Some((53, false, false)));
        check("tftp", Some((69, false, true)));
        check("25", Some((25, false, false)));
        check("no-such-service", None);
    }
}
