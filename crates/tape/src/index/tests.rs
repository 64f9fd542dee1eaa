//! What an index finds is what is in the rows.

use std::fs;
use std::path::Path;

use filter::question::Layer;
use flow::{FlowPart, Payload};
use packet::decode::{NO_ADDRESSES, Tunnel};
use packet::{Address, FlowKey, Mac, Timestamp};
use proptest::prelude::*;

use super::{Catalog, FlowIndex, IndexError, Key, KeySet, RowSet, build};
use crate::format::names::{self, FlowFileName};
use crate::rows::{Metadata, blank_part, order, write};

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        (0..4_u8, 0..4_u8).prop_map(|(net, host)| Address::v4([10, 0, net, host])),
        any::<[u8; 4]>().prop_map(Address::v4),
        any::<[u8; 2]>().prop_map(|[a, b]| Address::v6([0x20, 1, 0xd, 0xb8, a % 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b])),
        any::<[u8; 16]>().prop_map(Address::v6),
    ]
}

fn outer() -> impl Strategy<Value = Option<[Address; 2]>> {
    prop_oneof![
        Just(None),
        Just(Some(NO_ADDRESSES)),
        (address(), address()).prop_map(|(one, other)| Some([one, other]))
    ]
}

/// Whether it is not known what a layer is on the outside of packets, and the addresses that are known of there.
fn outside(part: &FlowPart) -> (Vec<Layer>, Vec<Address>) {
    let is_v4 = [part.key.src, part.key.dest].map(|address| address.as_v4().is_some());
    let is_known = match (part.key.ip_version, part.key.src_port) {
        (4, _) => is_v4 == [true; 2],
        (6, _) => is_v4 == [false; 2],
        (_, 0x0806) => is_v4 == [true; 2] && part.src_mac.is_some(),
        (_, 0x88cc) => part.src_mac.is_some(),
        _ => false,
    };
    match (part.tunnel, part.outer) {
        (None, _) | (_, Some(NO_ADDRESSES)) if is_known => (vec![], vec![]),
        (_, Some(pair)) if is_known => (vec![Layer::Transport], pair.to_vec()),
        _ => (vec![Layer::Network, Layer::Transport], vec![]),
    }
}

fn payload() -> impl Strategy<Value = Option<Box<Payload>>> {
    let said = (
        proptest::sample::select(vec!["tls_sni", "dns_queries", "http_user_agent", "cert_sha256"]),
        "[abAB]{1,2}(\\.[abAB]){0,2}|10\\.0\\.[01]\\.[0-3]",
    );
    let payload = (proptest::collection::vec(said, 0..4), any::<bool>()).prop_map(|(said, is_partial)| {
        let mut payload = if is_partial { Payload::partial() } else { Payload::default() };
        for (field, text) in said {
            payload.add(field, &text);
        }
        Box::new(payload)
    });
    proptest::option::of(payload)
}

prop_compose! {
    fn part()(
        flow_id: u64, src in address(), dest in address(), ports: (u16, u8), version in 0..2_u8, tunnelled in 0..5_u8,
        outer in outer(), number in prop_oneof![Just(0_u16), Just(0x0806), Just(0x88cc), Just(0x8100), Just(0x0800)],
        first in 0..1000_i64, length in 0..1000_i64, arrival in 0..1000_u64, payload in payload(),
    ) -> FlowPart {
        let mut part = blank_part();
        part.flow_id = flow::FlowId(flow_id);
        let ip_version = if src.as_v4().is_some() { 4 } else { 6 } * version;
        part.key = FlowKey { src, dest, src_port: ports.0, dest_port: ports.1.into(), proto: 6, ip_version, one_way: false };
        part.tunnel = (tunnelled == 0).then_some(Tunnel::Vxlan(1));
        part.outer = part.tunnel.and(outer);
        part.src_mac = (arrival % 5 > 0).then_some(Mac([2, 0, 0, 0, 0, 1]));
        if ip_version == 0 {
            (part.key.src_port, part.key.dest_port, part.key.proto) = (number, number, 0);
        }
        part.payload = payload;
        (part.first, part.end) = (Timestamp(first), Timestamp(first + length));
        (part.first_arrival, part.last_arrival) = (arrival, arrival + 5);
        part
    }
}

fn name(number: u64) -> FlowFileName {
    FlowFileName { number, time: Timestamp(1_795_401_065_123_456_789 + number as i64) }
}

fn index_of(number: u64, parts: &[FlowPart]) -> Vec<u8> {
    build(name(number), 7, &Metadata::default(), order(parts).into_iter().map(|part| &parts[part]))
}

/// Keys that some row has, and keys that perhaps none has.
fn keys(parts: &[FlowPart]) -> Vec<Key<'static>> {
    let mut keys =
        vec![Key::Port(0), Key::Port(65_535), Key::Net(Address::default(), 0), Key::Text("tls_sni", "x.example")];
    keys.extend(["a", "B", "aB", "bb"].map(|text| Key::Text("dns_queries", text)));
    keys.extend([Key::Text("tls_sni", "a"), Key::Text("http_user_agent", "b"), Key::Unread, Key::Certified]);
    keys.extend(["a.b", "A.a", "b.b", "a.a.a", "c.a"].map(Key::Below));
    keys.extend([128, 127, 120, 0].map(|bits| Key::Named(Address::v4([10, 0, 1, 2]), bits)));
    keys.push(Key::Text("http_user_agent", "10.0.0.1"));
    for part in parts.iter().take(20) {
        keys.extend([Key::Address(part.key.src), Key::Address(part.key.dest), Key::Port(part.key.src_port)]);
        keys.extend([0, 16, 48, 96, 104, 119, 120, 127, 128].map(|bits| Key::Net(part.key.dest, bits)));
        keys.extend([Key::Port(part.key.dest_port), Key::Flow(part.flow_id)]);
    }
    keys
}

fn has(part: &FlowPart, key: &Key) -> bool {
    let ends = [vec![part.key.src, part.key.dest], outside(part).1].concat();
    match *key {
        Key::Address(address) => ends.contains(&address),
        Key::Net(network, bits) => {
            let bits_of =
                |address: Address| u128::from_be_bytes(address.0).checked_shr(128 - u32::from(bits)).unwrap_or(0);
            ends.iter().any(|address| bits_of(*address) == bits_of(network))
        }
        Key::Port(port) => [part.key.src_port, part.key.dest_port].contains(&port),
        Key::Flow(id) => part.flow_id.0 >> 40 == id.0 >> 40,
        Key::Text(column, text) => {
            part.payload.iter().any(|payload| payload.values(column).any(|value| value.eq_ignore_ascii_case(text)))
        }
        Key::Opaque(layer) => outside(part).0.contains(&layer),
        Key::Named(network, bits) => {
            let addresses = hosts(part).filter_map(|text| text.parse::<std::net::IpAddr>().ok()).map(Address::from);
            let bits_of =
                |address: Address| u128::from_be_bytes(address.0).checked_shr(128 - u32::from(bits)).unwrap_or(0);
            addresses.into_iter().any(|address| bits_of(address) == bits_of(network))
        }
        Key::Below(name) => hosts(part).any(|text| {
            let (text, name) = (text.to_ascii_lowercase(), name.to_ascii_lowercase());
            text == name || text.ends_with(&format!(".{name}"))
        }),
        Key::BeyondHead => part.says_more_than_head(),
        Key::Certified => part.payload.as_ref().is_some_and(|payload| payload.first("cert_sha256").is_some()),
        Key::Files => part.payload.as_ref().is_some_and(|payload| payload.first("file_sha256").is_some()),
        Key::Unread => part.payload.as_ref().is_none_or(|payload| payload.is_partial),
    }
}

fn hosts(part: &FlowPart) -> impl Iterator<Item = &str> {
    let said = part.payload.iter().flat_map(|payload| payload.iter());
    said.filter(|(field, _)| ["tls_sni", "dns_queries"].contains(field)).map(|(_, text)| text)
}

fn rows_with(parts: &[FlowPart], key: &Key) -> RowSet {
    let ordered = order(parts).into_iter().map(|part| &parts[part]);
    (0..).zip(ordered).filter(|(_, part)| has(part, key)).map(|(row, _)| row).collect()
}

/// Writes a flow file, and its index if there is one.
fn publish(tape: &Path, number: u64, parts: &[FlowPart], index: Option<&[u8]>) {
    let bytes = write(Vec::new(), parts, &[], &Metadata::default()).unwrap();
    for (path, bytes) in [(name(number).path(), Some(&bytes[..])), (names::flow_index_path(number), index)] {
        let path = tape.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if let Some(bytes) = bytes {
            fs::write(&path, bytes).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_index_finds_what_is_in_the_rows(parts in proptest::collection::vec(part(), 0..300)) {
        let index = FlowIndex::from_bytes(index_of(1, &parts)).unwrap();
        for key in keys(&parts) {
            prop_assert_eq!(index.rows_of(&key).unwrap(), rows_with(&parts, &key), "{:?}", key);
        }
        let all: KeySet = keys(&parts).into_iter().step_by(3).collect();
        let expected = keys(&parts).iter().step_by(3).fold(RowSet::default(), |found, key| found | rows_with(&parts, key));
        prop_assert_eq!(index.rows_of_any(&all).unwrap(), expected);
        for layer in [Layer::Network, Layer::Transport] {
            let opaque = |part: usize| outside(&parts[part]).0.contains(&layer);
            let expected: RowSet = (0..).zip(order(&parts)).filter(|(_, part)| opaque(*part)).map(|(row, _)| row).collect();
            prop_assert_eq!(index.rows_of(&Key::Opaque(layer)).unwrap(), expected);
        }
        let summary = index.summary();
        prop_assert_eq!(summary.rows as usize, parts.len());
        if !parts.is_empty() {
            let first = parts.iter().map(|part| part.first).min().unwrap();
            let end = parts.iter().map(|part| part.end).max().unwrap();
            prop_assert_eq!(summary.times, (first, end));
        }
    }

    #[test]
    fn a_damaged_index_is_noticed_or_says_the_same(
        parts in proptest::collection::vec(part(), 1..100), at in any::<prop::sample::Index>(), bit in 0..8_u8,
    ) {
        let whole = index_of(1, &parts);
        let mut damaged = whole.clone();
        let at = at.index(whole.len());
        damaged[at] ^= 1 << bit;
        match FlowIndex::from_bytes(damaged) {
            Err(error) => prop_assert!(matches!(error, IndexError::Damaged)),
            Ok(index) => for key in keys(&parts) {
                if let Ok(rows) = index.rows_of(&key) {
                    prop_assert_eq!(rows, rows_with(&parts, &key));
                }
            },
        }
        let cut = FlowIndex::from_bytes(whole[..at].to_vec());
        let says_the_same =
            |index: FlowIndex| keys(&parts).iter().all(|key| index.rows_of(key).map_or(true, |rows| rows == rows_with(&parts, key)));
        prop_assert!(cut.map_or(true, says_the_same));
    }

    #[test]
    fn a_catalog_drops_no_file_that_has_a_key(
        files in proptest::collection::vec((proptest::collection::vec(part(), 0..20), 0..4_u8), 0..5),
    ) {
        let tape = tempfile::tempdir().unwrap();
        for (number, (parts, state)) in (1..).zip(&files) {
            // An index that is there, damaged, stale or missing.
            let index = match state {
                0 => Some(index_of(number, parts)),
                1 => Some(index_of(number, parts)).map(|mut index| { let end = index.len(); index[end / 2] ^= 1; index }),
                2 => Some(build(FlowFileName { time: Timestamp(0), ..name(number) }, 7, &Metadata::default(), [].into_iter())),
                _ => None,
            };
            publish(tape.path(), number, parts, index.as_deref());
        }
        let catalog = Catalog::open(tape.path()).unwrap();
        prop_assert_eq!(catalog.files().len(), files.len());
        let indexes: Vec<FlowIndex> = (0..files.len() as u32).map(|place| catalog.index(place).unwrap()).collect();
        let rebuilt: Vec<FlowIndex> = (0..files.len() as u32).map(|place| catalog.rebuild(place).unwrap()).collect();
        for key in files.iter().flat_map(|(parts, _)| keys(parts)) {
            let holding = catalog.holding(&key);
            for (place, (parts, state)) in (0..).zip(&files) {
                let expected = rows_with(parts, &key);
                prop_assert!(holding.contains(place) || expected.is_empty());
                prop_assert!(!holding.contains(place) || !expected.is_empty() || *state > 0);
                let rows = indexes[place as usize].rows_of(&key);
                prop_assert_eq!(rows.or_else(|_| rebuilt[place as usize].rows_of(&key)).unwrap(), expected);
            }
        }
    }
}
