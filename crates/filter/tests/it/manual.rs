//! What libpcap 1.10.3 does not know, by the words of pcap-filter(7).

use std::net::IpAddr;

use filter::{Options, Resolver, compile};
use packet::{LinkType, Mac};

/// Knows a router and an interface.
struct Names;

impl Resolver for Names {
    fn host(&self, name: &str) -> Vec<IpAddr> {
        if name == "router" { vec![[10, 0, 0, 254].into()] } else { Vec::new() }
    }

    fn interface_index(&self, name: &str) -> Option<u32> {
        (name == "eth7").then_some(7)
    }

    fn hardware_address(&self, name: &str) -> Option<Mac> {
        (name == "router").then_some(Mac([2, 0, 0, 0, 0, 0xfe]))
    }
}

fn matches(expression: &str, link_type: LinkType, packet: &[u8]) -> bool {
    let program = compile(expression, &Options { resolver: &Names, ..Options::new(link_type) });
    program.unwrap_or_else(|error| panic!("{expression}: {error}")).matches(packet, packet.len() as u32)
}

/// Ethernet from a router's address or another's, to 10.0.0.2; UDP.
fn frame(source: [u8; 4], mac: u8, ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, mac, 8, 0, 0x45, 0];
    bytes.extend((28 + payload.len() as u16).to_be_bytes());
    bytes.extend([0, 1, 0, 0, 64, 17, 0, 0]);
    bytes.extend(source);
    bytes.extend([10, 0, 0, 2]);
    bytes.extend(ports.map(u16::to_be_bytes).concat());
    bytes.extend((8 + payload.len() as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

/// "gateway host: True if the packet used host as a gateway. I.e., the Ethernet source or destination address was host
/// but neither the IP source nor the IP destination was host."
#[test]
fn gateway() {
    let check = |source, mac, expected| {
        let bytes = frame(source, mac, [1, 2], &[]);
        assert_eq!(matches("gateway router", LinkType::ETHERNET, &bytes), expected, "{source:?} {mac:x}");
        let spelled = "ether host 2:0:0:0:0:fe and not host 10.0.0.254";
        assert_eq!(matches(spelled, LinkType::ETHERNET, &bytes), expected, "{spelled}");
    };
    check([192, 0, 2, 1], 0xfe, true);
    check([192, 0, 2, 1], 1, false);
    check([10, 0, 0, 254], 0xfe, false);
    assert!(compile("gateway nobody", &Options { resolver: &Names, ..Options::new(LinkType::ETHERNET) }).is_err());
}

/// "vxlan [vni]: True if the packet is a VXLAN packet … changes the decoding offsets for the remainder of expression on
/// the assumption that the packet is a VXLAN packet"
#[test]
fn vxlan() {
    let inner = frame([10, 1, 0, 1], 9, [1111, 53], b"question");
    let header = |vni: u8| [0x08, 0, 0, 0, 0, 0, vni, 0];
    let outer = |vni| frame([10, 0, 0, 1], 1, [40_000, 4789], &[&header(vni)[..], &inner].concat());
    let check = |expression: &str, expected: bool| {
        assert_eq!(matches(expression, LinkType::ETHERNET, &outer(5)), expected, "{expression}");
    };
    check("vxlan", true);
    check("vxlan 5", true);
    check("vxlan 6", false);
    check("udp port 53", false);
    check("udp port 4789", true);
    check("vxlan and udp port 4789", false);
    check("host 10.1.0.1", false);
    // What stands behind it means what it means on the inner frame.
    for expression in
        ["udp port 53", "host 10.1.0.1", "ether src 2:0:0:0:0:9", "ip6", "not tcp", "port 54", "greater 300"]
    {
        if expression.starts_with("greater") {
            check(&format!("vxlan 5 and {expression}"), false);
        } else {
            check(&format!("vxlan 5 and {expression}"), matches(expression, LinkType::ETHERNET, &inner));
        }
    }
    let no_flag = frame([10, 0, 0, 1], 1, [40_000, 4789], &[&[0; 8][..], &inner].concat());
    assert!(!matches("vxlan", LinkType::ETHERNET, &no_flag));
}

/// "ifname interface: True if the packet was logged as coming from the specified interface", here by the index that it
/// has (Linux cooked v2).
#[test]
fn ifname() {
    let cooked = |index: u8| {
        let mut bytes = vec![8, 0, 0, 0, 0, 0, 0, index, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
        bytes.extend(&frame([10, 0, 0, 1], 1, [1, 2], &[])[14..]);
        bytes
    };
    for index in [7, 8] {
        for (expression, expected) in
            [("ifname eth7", index == 7), ("ifindex 7", index == 7), ("not ifname eth7", index != 7)]
        {
            assert_eq!(matches(expression, LinkType::LINUX_SLL2, &cooked(index)), expected, "{expression} {index}");
        }
    }
    assert!(compile("ifname eth9", &Options { resolver: &Names, ..Options::new(LinkType::LINUX_SLL2) }).is_err());
}
