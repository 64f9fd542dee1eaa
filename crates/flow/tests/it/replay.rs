//! Counts that add up, and tables that go on from snapshots.

use crate::conversation::{ACK, Bench, OTHER, OURS, SECOND, START, SYN, config, key};
use crate::traffic::{Sent, traffic};
use flow::{Config, Direction, Error, FlowId, FlowPart, FlowRow, FlowTable, FrameRef, Lane, Place, key_of};
use packet::decode::Transport;
use packet::{FlowKey, Packet, PacketDirection, Timestamp};
use proptest::prelude::*;
use std::collections::HashMap;

/// What the table said about a packet, slots left out.
type Said = (Place, Option<Lane>, Direction, bool);

struct Run {
    said: Vec<Said>,
    parts: Vec<FlowPart>,
}

/// Everything goes through a table that has a checkpoint before each of these packets, and a new life after it.
fn run(config: &Config, packets: &[Sent], checkpoints: &[usize], restore: bool) -> Run {
    let mut table = FlowTable::new(config.clone());
    let mut run = Run { said: Vec::new(), parts: Vec::new() };
    let mut time = START;
    for (number, sent) in packets.iter().enumerate() {
        if checkpoints.contains(&number) {
            take_parts(&mut table, &mut run.parts);
            if restore {
                let mut snapshot = Vec::new();
                table.snapshot(&mut snapshot);
                table = FlowTable::restore(config.clone(), &snapshot).expect("its own snapshot");
                let mut again = Vec::new();
                table.snapshot(&mut again);
                assert_eq!(snapshot, again);
            }
        }
        time += sent.step;
        let arrival = 1000 + number as u64;
        let packet = Packet {
            time: Timestamp(time),
            wire_bytes: sent.wire_bytes,
            data: &[],
            interface: 2,
            direction: PacketDirection::Unknown,
            arrival: Some(arrival),
        };
        let seen = table.observe(&packet, &sent.headers, arrival, 1 + number as u32 % 3);
        run.said.push((seen.place, seen.release, seen.direction, seen.from_client));
        let lane = if let Place::Lane(lane) = seen.place { lane } else { Lane::Junk };
        table.placed(seen.slot, lane, FrameRef(number as u32 / 10), sent.wire_bytes);
    }
    take_parts(&mut table, &mut run.parts);
    run
}

/// The period's parts, in an order that does not depend on slots.
fn take_parts(table: &mut FlowTable, parts: &mut Vec<FlowPart>) {
    let period = table.checkpoint();
    let from = parts.len();
    parts.extend(period.parts);
    parts[from..].sort_by_key(|part| part.first_arrival);
}

fn rows(parts: &[FlowPart]) -> HashMap<FlowId, FlowRow> {
    let mut rows: HashMap<FlowId, FlowRow> = HashMap::new();
    for part in parts {
        rows.entry(part.flow_id).and_modify(|row| row.merge(part)).or_insert_with(|| part.into());
    }
    rows
}

/// Packets and bytes for each pair of addresses and protocol; ports left out, which later fragments do not have.
fn sums<'a>(counts: impl Iterator<Item = (&'a FlowKey, u64, u64)>) -> HashMap<FlowKey, (u64, u64)> {
    let mut sums: HashMap<FlowKey, (u64, u64)> = HashMap::new();
    for (key, packets, bytes) in counts {
        let key = FlowKey { src_port: 0, dest_port: 0, ..*key };
        let sum = sums.entry(key.canonical().0).or_default();
        *sum = (sum.0 + packets, sum.1 + bytes);
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn parts_add_up_to_what_was_observed(
        packets in traffic(300),
        checkpoints in prop::collection::vec(0_usize..300, 0..8),
    ) {
        let run = run(&config(), &packets, &checkpoints, false);
        let parts = run.parts.iter().map(|part| {
            (&part.key, part.pkts_toserver + part.pkts_toclient, part.bytes_toserver + part.bytes_toclient)
        });
        let keys: Vec<FlowKey> = packets.iter().map(|sent| key_of(&sent.headers)).collect();
        let sent = keys.iter().zip(&packets).map(|(key, sent)| (key, 1, u64::from(sent.wire_bytes)));
        prop_assert_eq!(sums(parts), sums(sent));
        let segments: u64 = run.parts.iter().map(|part| part.wire_segments).sum();
        prop_assert_eq!(segments, (0..packets.len() as u64).map(|number| 1 + number % 3).sum::<u64>());
    }

    #[test]
    fn rows_do_not_depend_on_checkpoints(
        packets in traffic(300),
        checkpoints in prop::collection::vec(0_usize..300, 0..8),
    ) {
        let (with, without) = (run(&config(), &packets, &checkpoints, false), run(&config(), &packets, &[], false));
        prop_assert_eq!(&with.said, &without.said);
        let (mut with, mut without) = (rows(&with.parts), rows(&without.parts));
        // How a flow ended that said nothing since the checkpoint stays unsaid: `FlowRow::settle` says it.
        for row in with.values_mut().chain(without.values_mut()) {
            row.end_reason = None;
        }
        prop_assert_eq!(with, without);
    }

    #[test]
    fn a_restored_table_goes_on(
        packets in traffic(300),
        checkpoints in prop::collection::vec(0_usize..300, 1..8),
    ) {
        let (lived, restored) =
            (run(&config(), &packets, &checkpoints, false), run(&config(), &packets, &checkpoints, true));
        prop_assert_eq!(lived.said, restored.said);
        prop_assert_eq!(lived.parts, restored.parts);
    }

    #[test]
    fn a_small_table_goes_on_too(packets in traffic(300), checkpoint in 0_usize..300) {
        let small = Config { capacity_flows: 5, head_bytes: 3000, ..config() };
        let (lived, restored) =
            (run(&small, &packets, &[checkpoint], false), run(&small, &packets, &[checkpoint], true));
        prop_assert_eq!(lived.said, restored.said);
        prop_assert_eq!(lived.parts, restored.parts);
    }

    #[test]
    fn a_damaged_snapshot_is_no_danger(
        packets in traffic(60),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut table = FlowTable::new(config());
        let observe = |table: &mut FlowTable, packets: &[Sent]| for (number, sent) in packets.iter().enumerate() {
            let time = Timestamp(START + number as i64);
            let wire_bytes = sent.wire_bytes;
            let direction = PacketDirection::Unknown;
            let packet = Packet { time, wire_bytes, data: &[], interface: 0, direction, arrival: None };
            table.observe(&packet, &sent.headers, number as u64, 1);
        };
        observe(&mut table, &packets);
        let mut snapshot = Vec::new();
        table.snapshot(&mut snapshot);
        for (place, byte) in damage {
            let length = snapshot.len();
            snapshot[place.index(length)] = byte;
        }
        if let Some(cut) = cut {
            snapshot.truncate(cut.index(snapshot.len()));
        }
        if let Ok(mut table) = FlowTable::restore(config(), &snapshot) {
            observe(&mut table, &packets);
            table.checkpoint();
        }
    }
}

#[test]
fn a_snapshot_that_does_not_fit_is_refused() {
    let mut table = FlowTable::new(config());
    for arrival in 0..3 {
        let packet = Packet {
            time: Timestamp(START),
            wire_bytes: 60,
            data: &[],
            interface: 0,
            direction: PacketDirection::Unknown,
            arrival: None,
        };
        let headers = packet::Headers { ether_type: arrival, ..packet::Headers::default() };
        table.observe(&packet, &headers, u64::from(arrival), 1);
    }
    let mut snapshot = Vec::new();
    table.snapshot(&mut snapshot);
    let error = |config: Config, bytes: &[u8]| FlowTable::restore(config, bytes).expect_err("a refusal");
    assert_eq!(error(config(), b"WTFLOWS"), Error::Truncated { bytes: 7 });
    assert_eq!(error(config(), b"XTFLOWS\0"), Error::NotASnapshot);
    assert_eq!(error(config(), b"WTFLOWS\0\0\x09"), Error::OtherVersion { got: 9, expected: 7 });
    assert_eq!(error(Config { tape_id: [1; 16], ..config() }, &snapshot), Error::OtherTape);
    snapshot.push(0);
    assert_eq!(error(config(), &snapshot), Error::Impossible { field: "length" });
}

/// Established connections first, then other flows that are proven, then what is nothing yet or over.
#[test]
fn the_worthiest_flows_of_a_larger_table_stay() {
    let mut bench = Bench::new(config());
    let ssh = |number: u8| key(6, ([198, 51, 100, number], 4000), (OURS, 22));
    let query = |number: u8| key(17, (OURS, 5000 + u16::from(number)), (OTHER, 53));
    let talk = |bench: &mut Bench, number: u8| {
        bench.tcp(ssh(number), SYN, 10, 0, 0);
        bench.tcp(ssh(number).reversed(), SYN | ACK, 20, 11, 0);
        bench.tcp(ssh(number), ACK, 11, 21, 0);
    };
    (0..20).for_each(|number| {
        bench.time += if number == 18 { SECOND } else { 0 };
        talk(&mut bench, number);
    });
    (0..20).for_each(|number| {
        bench.other(query(number), Transport::Udp, 10);
    });
    talk(&mut bench, 7);
    (100..200).for_each(|number| {
        bench.tcp(ssh(number), SYN, 10, 0, 0);
    });
    bench.table.checkpoint();
    let mut snapshot = Vec::new();
    bench.table.snapshot(&mut snapshot);
    let check = |capacity_flows: u32, ssh_expected: &[u8], queries_expected: usize| {
        let config = Config { capacity_flows, ..config() };
        let mut bench = Bench { table: FlowTable::restore(config, &snapshot).expect("a snapshot"), ..bench.clone() };
        assert_eq!(bench.table.live_flows(), capacity_flows.min(140));
        let evicted = bench.table.counters().flows_evicted;
        assert_eq!(evicted, u64::from(140 - capacity_flows.min(140)));
        for number in 0..20 {
            bench.tcp(ssh(number), ACK, 11, 21, 0);
            bench.other(query(number), Transport::Udp, 10);
        }
        let parts = bench.table.checkpoint().parts;
        let is_old = |part: &&FlowPart| part.start.0 < bench.time - SECOND / 25;
        let mut kept: Vec<u8> = parts
            .iter()
            .filter(is_old)
            .filter(|part| part.key.proto == 6)
            .filter_map(|part| Some(part.key.src.as_v4()?[3]))
            .collect();
        kept.sort_unstable();
        assert_eq!(kept, ssh_expected, "{capacity_flows}");
        assert_eq!(parts.iter().filter(is_old).filter(|part| part.key.proto == 17).count(), queries_expected);
    };
    let all: Vec<u8> = (0..20).collect();
    check(1000, &all, 20);
    check(45, &all, 20);
    check(30, &all, 10);
    check(3, &[7, 18, 19], 0);
}
