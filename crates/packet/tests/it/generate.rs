//! The synthetic traffic, judged by tshark and by this crate's decoder.

use std::collections::{BTreeMap, BTreeSet};

use packet::generate::{FlowTruth, Generator, Traffic};
use packet::{LinkType, PacketDirection, decode};

use crate::capture_peers::tshark_with;

fn varied(seed: u64) -> Traffic {
    Traffic {
        seed,
        flows: 400,
        flow_bytes_max: 50_000,
        vlan_percent: 20,
        tunnel_percent: 20,
        fragment_percent: 20,
        ..Traffic::default()
    }
}

#[test]
fn the_same_seed_gives_the_same_packets() {
    let capture = |seed| Generator::new(varied(seed)).write_pcapng(Vec::new()).expect("memory");
    assert!(capture(7) == capture(7));
    assert!(capture(7) != capture(8));
}

#[test]
fn tshark_finds_no_fault_in_it() {
    let capture = Generator::new(varied(1)).write_pcapng(Vec::new()).expect("memory");
    // The payload is random: protocols above the transport would find fault with it.
    let mut options = ["tcp", "udp", "ip"].map(|name| format!("-o{name}.check_checksum:TRUE")).to_vec();
    options.extend(["dns", "tls", "http", "ssh", "smtp"].map(|name| format!("--disable-protocol={name}")));
    options.extend(["tcp", "udp"].map(|name| format!("-d{name}.port==30000-31000,data")));
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let fields = [
        "frame.number",
        "_ws.malformed",
        "ip.checksum.status",
        "tcp.checksum.status",
        "udp.checksum.status",
        "icmp.checksum.status",
        "icmpv6.checksum.status",
        "tcp.analysis.flags",
        "_ws.expert.message",
    ];
    let Some(lines) = tshark_with(&capture, &options, &fields) else { return };
    let mut good = 0;
    for line in &lines {
        let mut columns = line.split('\t').skip(1);
        assert_eq!(columns.next(), Some(""), "malformed: {line}");
        // 0 is bad, 1 good, 2 not checked, as tshark has it for zero UDP checksums of VXLAN.
        for status in columns.by_ref().take(5) {
            good += u32::from(status.split(',').any(|status| status == "1"));
            assert!(status.split(',').all(|status| matches!(status, "" | "1" | "2" | "3")), "checksum: {line}");
        }
        assert_eq!(columns.next(), Some(""), "TCP: {line}");
    }
    assert!(lines.len() > 3000 && good > 3000, "{} packets, {good} good checksums", lines.len());
}

#[test]
fn the_decoder_finds_the_flows_that_are_told() {
    let mut generator = Generator::new(varied(3));
    let mut found: BTreeMap<usize, Found> = BTreeMap::new();
    while let Some((flow, packet)) = generator.next_of_flow() {
        let headers = decode(LinkType::ETHERNET, packet.data, packet.wire_bytes);
        let found = found.entry(flow).or_default();
        if headers.fragment.is_none_or(|fragment| fragment.offset == 0) {
            let key = headers.key.expect("a flow");
            found.first_key.get_or_insert(key);
            found.keys.insert(key.canonical().0);
        }
        assert!(found.tunnel.is_none_or(|tunnel| tunnel == headers.tunnel), "one tunnel");
        found.tunnel = Some(headers.tunnel);
        found.vlans.extend_from_slice(headers.vlans.as_slice());
        found.packets += 1;
        found.inbound += u64::from(packet.direction == PacketDirection::Inbound);
    }
    let truths: &[FlowTruth] = generator.flows();
    assert_eq!(found.len(), truths.len());
    let keys: BTreeSet<_> = truths.iter().map(|truth| truth.key.canonical().0).collect();
    assert_eq!(keys.len(), truths.len(), "every flow has a key of its own");
    for (found, truth) in found.values().zip(truths) {
        assert_eq!(found.first_key, Some(truth.key));
        assert_eq!(found.keys.len(), 1, "{:?}", found.keys);
        assert_eq!(found.tunnel, Some(truth.tunnel));
        assert!(found.vlans.iter().all(|&id| Some(id) == truth.vlan), "{truth:?}");
        assert_eq!(found.packets, truth.packets[0] + truth.packets[1]);
        assert_eq!(found.inbound, truth.packets[usize::from(!truth.inbound)]);
    }
}

#[derive(Default)]
struct Found {
    first_key: Option<packet::FlowKey>,
    keys: BTreeSet<packet::FlowKey>,
    tunnel: Option<Option<packet::decode::Tunnel>>,
    vlans: Vec<u16>,
    packets: u64,
    inbound: u64,
}
