//! Conversion to one link type, judged by what tshark then sees in the packets.

use std::fs::File;

use packet::capture::{PcapWriter, Reader, Resolution, Unconvertible, convert_to_ethernet, convert_to_sll2};
use packet::{LinkType, Packet, PacketDirection};

use crate::capture_peers::tshark;
use crate::capture_variants::packet;
use crate::shared_captures::folder;

/// At least one of each link type that can be converted, and what is special about Ethernet.
const CAPTURES: [&str; 11] = [
    "OISF+suricata-verify/tests/decode-sll2-01/input.pcap",
    "OISF+suricata-verify/tests/http-gap-simple/input.pcap",
    "zeek+zeek/testing/btest/Traces/ldap/issue-32.pcapng",
    "zeek+zeek/testing/btest/Traces/ssh/kex-quadratic-1000.pcap.gz",
    "the-tcpdump-group+tcpdump/tests/mptcp-tcprst.pcap",
    "the-tcpdump-group+libpcap/tests/filter/llc.pcap",
    "arkime+arkime/tests/pcap/twovlan.pcap",
    "arkime+arkime/tests/pcap/mpls-basic.pcap",
    "zeek+zeek/testing/btest/Traces/pppoe.pcap",
    "corelight+community-id-spec/pcaps/arp.pcap",
    "corelight+community-id-spec/pcaps/combined.pcap.gz",
];

/// Fields above the link layer, of every layer of each.
const FIELDS: [&str; 16] = [
    "frame.time_epoch",
    "ip.src",
    "ip.dst",
    "ip.id",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.payload",
    "udp.port",
    "icmp.type",
    "arp.opcode",
    "vlan.id",
    "llc.ssap",
    "stp.root.hw",
];

type Convert = for<'s> fn(&Packet<'s>, LinkType, &'s mut Vec<u8>) -> Result<Packet<'s>, Unconvertible>;

#[test]
fn tshark_sees_the_same_in_converted_packets() {
    let Some(folder) = folder() else { return };
    let conversions: [(LinkType, Convert); 2] = [
        (LinkType::LINUX_SLL2, |packet, from, scratch| convert_to_sll2(packet, from, 7, scratch)),
        (LinkType::ETHERNET, convert_to_ethernet),
    ];
    for name in CAPTURES {
        let path = folder.join(name);
        for (to, convert) in conversions {
            let (mut before, mut after) = (None, PcapWriter::new(Vec::new(), to, 0, Resolution::NANOSECONDS));
            let mut reader = Reader::new(File::open(&path).expect("capture")).expect("capture");
            while let Ok(Some((packet, interfaces))) = reader.next_with_interfaces() {
                let from = interfaces[packet.interface as usize].link_type;
                let mut scratch = Vec::new();
                let converted = convert(&packet, from, &mut scratch).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(
                    packet.data.len() as i64 - i64::from(packet.wire_bytes),
                    converted.data.len() as i64 - i64::from(converted.wire_bytes)
                );
                after.packet(&converted).expect("memory");
                before
                    .get_or_insert_with(|| PcapWriter::new(Vec::new(), from, 0, Resolution::NANOSECONDS))
                    .packet(&packet)
                    .expect("memory");
            }
            let before = before.expect("packets").finish().expect("memory");
            let Some(expected) = tshark(&before, &FIELDS) else { return };
            assert_eq!(tshark(&after.finish().expect("memory"), &FIELDS), Some(expected), "{name} as {to}");
        }
    }
}

/// The bytes are those of LINKTYPE_LINUX_SLL2's description (tcpdump.org/linktypes).
#[test]
fn the_cooked_header_is_as_described() {
    let check = |data: &[u8], from: LinkType, direction: PacketDirection, expected: Result<&[u8], Unconvertible>| {
        let mut scratch = Vec::new();
        let converted = convert_to_sll2(&Packet { direction, ..packet(data) }, from, 258, &mut scratch);
        assert_eq!(converted.map(|packet| packet.data), expected, "{from}: {data:02x?}");
    };
    let ethernet =
        |destination: [u8; 6], field: [u8; 2]| [&destination[..], &[2, 3, 4, 5, 6, 7], &field, &[0xaa, 0xbb]].concat();
    let cooked = |protocol: [u8; 2], packet_type: u8| {
        [&protocol[..], &[0, 0, 0, 0, 1, 2, 0, 1, packet_type, 6, 2, 3, 4, 5, 6, 7, 0, 0, 0xaa, 0xbb]].concat()
    };
    use PacketDirection::{Inbound, Outbound, Unknown};
    check(&ethernet([2, 0, 0, 0, 0, 1], [8, 0]), LinkType::ETHERNET, Inbound, Ok(&cooked([8, 0], 0)));
    check(&ethernet([2, 0, 0, 0, 0, 1], [8, 0]), LinkType::ETHERNET, Outbound, Ok(&cooked([8, 0], 4)));
    check(&ethernet([0xff; 6], [8, 6]), LinkType::ETHERNET, Unknown, Ok(&cooked([8, 6], 1)));
    check(&ethernet([1, 0, 0x5e, 0, 0, 1], [0x81, 0]), LinkType::ETHERNET, Inbound, Ok(&cooked([0x81, 0], 2)));
    check(&ethernet([1, 0x80, 0xc2, 0, 0, 0], [0, 2]), LinkType::ETHERNET, Inbound, Ok(&cooked([0, 4], 2)));
    check(&[0; 13], LinkType::ETHERNET, Inbound, Err(Unconvertible::Cut));
    let raw = |protocol: [u8; 2], arphrd: [u8; 2]| {
        [&protocol[..], &[0, 0, 0, 0, 1, 2], &arphrd, &[0; 10], &[0x45, 0]].concat()
    };
    check(&[0x45, 0], LinkType::RAW, Inbound, Ok(&raw([8, 0], [0xff, 0xfe])));
    check(&[0x45, 0], LinkType::IPV4, Inbound, Ok(&raw([8, 0], [0xff, 0xfe])));
    check(&[2, 0, 0, 0, 0x45, 0], LinkType::NULL, Inbound, Ok(&raw([8, 0], [3, 4])));
    check(&[0, 0, 0, 2, 0x45, 0], LinkType::NULL, Inbound, Ok(&raw([8, 0], [3, 4])));
    check(&[0, 0, 0, 24, 0x45, 0], LinkType::LOOP, Inbound, Ok(&raw([0x86, 0xdd], [3, 4])));
    check(&[24, 0, 0, 0, 0x45, 0], LinkType::LOOP, Inbound, Err(Unconvertible::Protocol));
    check(&[0x15, 0], LinkType::RAW, Inbound, Err(Unconvertible::Protocol));
    check(&[], LinkType::RAW, Inbound, Err(Unconvertible::Cut));
    check(&[0; 50], LinkType(195), Inbound, Err(Unconvertible::LinkType(LinkType(195))));
    let sll = [&[0, 4, 0, 1, 0, 6, 2, 3, 4, 5, 6, 7, 0, 0, 8, 0, 0xaa, 0xbb][..]].concat();
    check(&sll, LinkType::LINUX_SLL, Unknown, Ok(&cooked([8, 0], 4)));
}
