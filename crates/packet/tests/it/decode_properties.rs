//! What holds for any bytes.

use crate::decode_table::table;
use packet::decode::fuzz_decode;
use packet::{Headers, LinkType, decode};
use proptest::prelude::*;

/// Link types that are decoded, and one that is not.
const LINK_TYPES: [u16; 27] = [
    0, 1, 9, 10, 12, 50, 51, 101, 104, 105, 107, 108, 113, 119, 127, 147, 163, 192, 204, 228, 229, 239, 274, 276, 281,
    283, 284,
];

/// Fields of a shorter piece of a packet that a longer piece contradicts.
fn contradictions(shorter: &Headers, longer: &Headers) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    let mut check = |name, holds: bool| {
        if !holds {
            wrong.push(name);
        }
    };
    check("source address", shorter.src_mac.is_none() || shorter.src_mac == longer.src_mac);
    check("destination address", shorter.dest_mac.is_none() || shorter.dest_mac == longer.dest_mac);
    check("vlans", longer.vlans.as_slice().starts_with(shorter.vlans.as_slice()));
    check("ether type", shorter.ether_type == 0 || shorter.ether_type == longer.ether_type);
    check("network offset", shorter.network_offset == 0 || shorter.network_offset == longer.network_offset);
    let (Some(before), Some(after)) = (shorter.key, longer.key) else {
        check("flow", shorter.key.is_none());
        return wrong;
    };
    // What is found deeper replaces the flow; extension headers make the protocol known step by step.
    let same_flow = (before.src, before.dest, before.ip_version) == (after.src, after.dest, after.ip_version);
    if same_flow && before.proto == after.proto {
        let ports = (before.src_port, before.dest_port);
        check("ports", ports == (0, 0) || ports == (after.src_port, after.dest_port));
        check("transport", shorter.transport == Default::default() || shorter.transport == longer.transport);
        check("fragment", shorter.fragment.is_none() || shorter.fragment == longer.fragment);
    }
    wrong
}

#[test]
fn a_packet_cut_anywhere_tells_less_but_nothing_else() {
    for (name, link_type, bytes, _) in table() {
        let wire_bytes = bytes.len() as u32;
        let mut before = Headers::default();
        let mut flows = Vec::new();
        for end in 0..=bytes.len().min(2000) {
            let cut = decode(LinkType(link_type), &bytes[..end], wire_bytes);
            assert_eq!(contradictions(&before, &cut), [""; 0], "{name} cut to {end} bytes");
            assert!(cut.payload_offset as usize <= end, "{name} cut to {end} bytes");
            let addresses = cut.key.map(|key| (key.src, key.dest));
            if flows.last() != Some(&addresses) {
                assert!(!flows.contains(&addresses), "{name} cut to {end} bytes goes back to an outer flow");
                flows.push(addresses);
            }
            before = cut;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_survived(
        link_type in proptest::sample::select(LINK_TYPES.to_vec()),
        data in proptest::collection::vec(any::<u8>(), 0..200),
        wire in any::<u16>(),
    ) {
        let input = [&link_type.to_be_bytes(), &wire.to_be_bytes(), data.as_slice()].concat();
        fuzz_decode(&input);
    }

    #[test]
    fn packets_with_wrong_bytes_are_survived(
        index in any::<proptest::sample::Index>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        end in any::<proptest::sample::Index>(),
        wire in any::<u16>(),
    ) {
        let table = small_packets();
        let (link_type, bytes) = index.get(table);
        let mut bytes = bytes.clone();
        for (offset, value) in changes {
            let offset = offset.index(bytes.len());
            bytes[offset] = value;
        }
        bytes.truncate(end.index(bytes.len()) + 1);
        let input = [&link_type.to_be_bytes(), &wire.to_be_bytes(), bytes.as_slice()].concat();
        fuzz_decode(&input);
    }
}

fn small_packets() -> &'static Vec<(u16, Vec<u8>)> {
    static PACKETS: std::sync::OnceLock<Vec<(u16, Vec<u8>)>> = std::sync::OnceLock::new();
    let small = |(_, link_type, bytes, _)| (link_type, bytes);
    PACKETS.get_or_init(|| table().into_iter().map(small).filter(|(_, bytes)| bytes.len() < 2000).collect())
}
