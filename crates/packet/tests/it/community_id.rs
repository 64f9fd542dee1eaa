//! Community IDs against the specification's baselines, Arkime, Suricata and tshark.

use crate::decoded::headers;
use crate::shared_captures::{folder, truth};
use packet::decode::Transport;
use packet::{Address, FlowKey, Headers, community_id};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

fn ids(headers: &[Headers], seed: u16) -> HashSet<String> {
    headers.iter().filter_map(|headers| community_id(headers.key.as_ref()?, seed)).collect()
}

/// The key of a truth row; its ports are those of the specification's reference implementation.
fn key(row: &Value) -> Option<FlowKey> {
    let address = |name: &str| row[name].as_str()?.parse::<IpAddr>().ok();
    let number = |name: &str| row[name].as_u64().and_then(|number| u16::try_from(number).ok()).unwrap_or(0);
    let (src, dest) = (address("saddr")?, address("daddr")?);
    let proto = u8::try_from(row["proto"].as_u64()?).ok()?;
    Some(FlowKey {
        src: Address::from(src),
        dest: Address::from(dest),
        src_port: number("sport"),
        dest_port: number("dport"),
        proto,
        ip_version: if src.is_ipv4() { 4 } else { 6 },
        one_way: false,
    })
}

#[test]
fn ids_are_those_of_the_specification_and_of_peers() {
    let Some(folder) = folder() else { return };
    let (mut from_key, mut from_packets) = (0, 0);
    for row in truth(&folder, "communityid.jsonl") {
        // The specification's tool can leave out base64; here it never is.
        if row["base64"].as_bool() == Some(false) {
            continue;
        }
        let seed = u16::try_from(row["seed"].as_u64().unwrap()).unwrap();
        let expected = row["spec_communityid"].as_str().or(row["communityid"].as_str()).unwrap();
        let key = key(&row);
        // What is one-way only the packet tells, so ICMP is left to the packets.
        if let Some(key) = key.filter(|key| !matches!(key.proto, 1 | 58)) {
            assert_eq!(community_id(&key, seed).as_deref(), Some(expected), "{row}");
            assert_eq!(community_id(&key.reversed(), seed).as_deref(), Some(expected), "{row}");
            from_key += 1;
        }
        let all = ids(&headers(&folder.join(row["pcap"].as_str().unwrap())), seed);
        assert!(all.contains(expected), "no packet has the id: {row}");
        from_packets += 1;
    }
    assert!(from_key > 200 && from_packets > 200, "{from_key} keys, {from_packets} rows");
}

/// Id, packets here, packets by tshark. ICMP errors are left out altogether: tshark uses the packet that they quote.
const TSHARK_DIFFERENCES: [(&str, u64, u64); 8] = [
    // ERSPAN right behind an EtherType is not opened.
    ("1:Ymtm3YQjywobuzKtr4Y42SrOwwQ=", 1, 0),
    // From the port of GENEVE or VXLAN-GPE, tshark opens it too.
    ("1:DdgAlUXStLaoesHKj7JCXRbqz6E=", 1, 2),
    ("1:Dv/x9XhMY8YC/aOsSRRusSZf2+w=", 1, 2),
    ("1:I2w63mD2xefFkS1TwNGFrn61NcI=", 1, 0),
    ("1:ZcJitzVbIp2mHGVKPGnhx/pghMY=", 1, 0),
    // One of the two has a UDP length of 0, at which tshark gives up.
    ("1:A7Xl4ONhedu0l7yxqNdAvDtpru8=", 2, 1),
    // Fragments without ports; tshark puts them together.
    ("1:T7FLk46u+6dChYPtvLg3ezdjuvY=", 3, 0),
    // A routing header that is cut off.
    ("1:M0kmiKQ47eglNYRcqUEOWC9snao=", 1, 0),
];

#[test]
fn ids_are_those_of_tshark() {
    let Some(folder) = folder() else { return };
    let (mut same, mut wrong) = (0, 0);
    for row in truth(&folder, "communityid_tshark.jsonl") {
        let name = row["pcap"].as_str().unwrap();
        let headers = headers(&folder.join(name));
        let expected: BTreeMap<&str, u64> =
            row["ids"].as_object().unwrap().iter().map(|(id, count)| (id.as_str(), count.as_u64().unwrap())).collect();
        let mut got: BTreeMap<String, u64> = BTreeMap::new();
        for headers in &headers {
            let Some(key) = headers.key else { continue };
            let is_icmp_error = key.one_way && matches!(headers.transport, Transport::Icmp { .. });
            if let Some(id) = community_id(&key, 0).filter(|_| !is_icmp_error) {
                *got.entry(id).or_default() += 1;
            }
        }
        for (id, count) in &got {
            let theirs = expected.get(id.as_str()).copied().unwrap_or(0);
            if theirs != *count && !TSHARK_DIFFERENCES.contains(&(id, *count, theirs)) {
                eprintln!("{name} {id}: {count}, tshark {theirs}");
                wrong += 1;
            }
            same += 1;
        }
    }
    assert!(same > 1000, "{same} ids compared");
    assert_eq!(wrong, 0, "ids on which tshark differs");
}
