//! More flows than there is room for.

use crate::conversation::{ACK, Bench, FIN, OTHER, OURS, SECOND, SYN, config, key};
use flow::{Config, EndReason, FrameRef, Lane, Place, ROWLESS, Slot};
use packet::FlowKey;
use packet::decode::Transport;

fn syn_from(number: u32) -> FlowKey {
    let [a, b, c, d] = number.to_be_bytes();
    key(6, ([198, b, c, d], 1024 + u16::from(a)), (OURS, 80))
}

#[test]
fn established_flows_and_ours_outlive_a_flood() {
    let mut bench = Bench::new(Config { capacity_flows: 100, period_parts_max: 1000, ..config() });
    let (ssh, mut ours) = (key(6, (OTHER, 4000), (OURS, 22)), 0);
    bench.tcp(ssh, SYN, 10, 0, 0);
    bench.tcp(ssh.reversed(), SYN | ACK, 20, 11, 0);
    bench.tcp(ssh, ACK, 11, 21, 0);
    let mut parts = Vec::new();
    for number in 0..1_000_000 {
        let place = bench.tcp(syn_from(number), SYN, 10, 0, 0).place;
        assert_ne!(place, Place::Lane(Lane::Server));
        if number % 10_000 == 0 {
            assert_eq!(bench.tcp(ssh, ACK, 11, 21, 0).place, Place::Lane(Lane::Server));
            let query = key(17, (OURS, 10_000 + ours), (OTHER, 53));
            assert_eq!(bench.other(query, Transport::Udp, 10).place, Place::Lane(Lane::Client));
            ours += 1;
        }
        assert!(bench.table.live_flows() <= 100);
        if bench.table.wants_checkpoint() {
            parts.extend(bench.table.checkpoint().parts);
        }
    }
    parts.extend(bench.table.checkpoint().parts);
    let counters = bench.table.counters();
    assert_eq!(counters.packets, 1_000_003 + 200);
    let counted: u64 = parts.iter().map(|part| part.pkts_toserver + part.pkts_toclient).sum();
    assert_eq!(counted + counters.packets_rowless, counters.packets);
    assert!(counters.packets_rowless > 0 && counters.flows_evicted > 0);
    assert!(parts.iter().any(|part| part.end_reason == Some(EndReason::Evicted) && !part.proven));
    assert!(parts.iter().all(|part| part.end_reason != Some(EndReason::Evicted) || !part.proven));
}

#[test]
fn a_table_that_makes_room_ends_the_quietest_flow() {
    let mut bench =
        Bench::new(Config { capacity_flows: 100, period_parts_max: 1_000_000, makes_room: true, ..config() });
    let talker = key(6, (OTHER, 4000), (OURS, 22));
    bench.tcp(talker, SYN, 10, 0, 0);
    bench.tcp(talker.reversed(), SYN | ACK, 20, 11, 0);
    for number in 0..10_000 {
        bench.time += 1_000_000;
        assert_ne!(bench.tcp(talker, ACK, 11, 21, 0).slot, Slot::NONE);
        // Proven ones: only silence tells them from each other.
        let one = syn_from(number);
        bench.tcp(one, SYN, 10, 0, 0);
        bench.tcp(one.reversed(), SYN | ACK, 20, 11, 0);
        assert_ne!(bench.tcp(one, ACK, 11, 21, 0).slot, Slot::NONE);
        assert!(bench.table.live_flows() <= 100);
    }
    assert_eq!(bench.table.counters().packets_rowless, 0);
    let parts = bench.table.checkpoint().parts;
    let of_talker: Vec<u64> =
        parts.iter().filter(|part| part.key.dest_port == 22).map(|part| part.pkts_toserver).collect();
    assert_eq!(of_talker, [10_001]);
    assert_eq!(parts.len(), 10_001);
}

/// The last ACK comes after both FINs, and belongs to the connection, while others have been silent for longer.
#[test]
fn a_connection_that_closed_waits_for_its_last_packet() {
    for makes_room in [false, true] {
        let mut bench = Bench::new(Config { capacity_flows: 100, makes_room, ..config() });
        let query = |number: u16| key(17, (OURS, 10_000 + number), (OTHER, 53));
        for number in 0..99 {
            bench.other(query(number), Transport::Udp, 10);
        }
        bench.time += 3 * SECOND;
        let ours = key(6, (OURS, 4000), (OTHER, 80));
        bench.tcp(ours, SYN, 10, 0, 0);
        bench.tcp(ours.reversed(), SYN | ACK, 20, 11, 0);
        bench.tcp(ours, FIN | ACK, 11, 21, 0);
        bench.tcp(ours.reversed(), FIN | ACK, 21, 12, 0);
        for number in 100..160 {
            assert_ne!(bench.other(query(number), Transport::Udp, 10).slot, Slot::NONE);
        }
        bench.tcp(ours, ACK, 12, 22, 0);
        let parts = bench.table.checkpoint().parts;
        let of_ours: Vec<_> = parts.iter().filter(|part| part.key.proto == 6).collect();
        let [part] = of_ours.as_slice() else { panic!("{of_ours:?}") };
        assert_eq!((part.pkts_toserver + part.pkts_toclient, part.end_reason), (5, Some(EndReason::Closed)));
    }
}

/// What this host asks in vain makes room for others, and for what it asks next; who is connected stays.
#[test]
fn attempts_that_nobody_answers_make_room() {
    let mut bench = Bench::new(Config { capacity_flows: 100, period_parts_max: 1_000_000, ..config() });
    let ssh = key(6, (OTHER, 4000), (OURS, 22));
    bench.tcp(ssh, SYN, 10, 0, 0);
    bench.tcp(ssh.reversed(), SYN | ACK, 20, 11, 0);
    bench.tcp(ssh, ACK, 11, 21, 0);
    for number in 0..100_000 {
        let vain = syn_from(number).reversed();
        assert_ne!(bench.tcp(vain, SYN, 10, 0, 0).slot, Slot::NONE);
        if number % 1000 == 0 {
            assert_eq!(bench.tcp(ssh, ACK, 11, 21, 0).place, Place::Lane(Lane::Server));
        }
    }
    let parts = bench.table.checkpoint().parts;
    assert_eq!(parts.iter().filter(|part| part.key.dest_port == 22).count(), 1);
    assert_eq!(bench.table.counters().packets_rowless, 0);
}

#[test]
fn a_period_that_nobody_ends_takes_no_newcomers() {
    let mut bench = Bench::new(Config { period_parts_max: 10, ..config() });
    for number in 0..100_000 {
        bench.time += 100_000_000;
        bench.tcp(syn_from(number), SYN, 10, 0, 0);
    }
    assert!(bench.table.checkpoint().parts.len() < 100);
    assert_ne!(bench.tcp(syn_from(1), SYN, 10, 0, 0).slot, Slot::NONE);
}

#[test]
fn packets_are_located() {
    let mut bench = Bench::new(Config { capacity_flows: 1, period_locations_max: 2, ..config() });
    let ours = key(17, (OURS, 1), (OTHER, 2));
    let slot = bench.other(ours, Transport::Udp, 10).slot;
    let none = bench.other(key(17, (OURS, 3), (OTHER, 4)), Transport::Udp, 10).slot;
    assert_eq!(none, Slot::NONE);
    for (slot, frame) in [(slot, 0), (slot, 0), (none, 1), (slot, 1), (none, 1), (slot, 2), (slot, 3), (slot, 4)] {
        bench.table.placed(slot, Lane::Client, FrameRef(frame), 52);
    }
    assert!(bench.table.wants_checkpoint());
    let period = bench.table.checkpoint();
    let located: Vec<(u32, u32)> = period.locations.iter().map(|place| (place.part, place.frame)).collect();
    // Beyond twice the wanted number frames are named alone.
    assert_eq!(located, [(0, 0), (ROWLESS, 1), (0, 1), (0, 2), (ROWLESS, 3), (ROWLESS, 4)]);
    assert_eq!(period.parts[0].captured_bytes, 6 * 52);
    // A slot of an earlier period means nothing any more.
    bench.table.placed(slot, Lane::Client, FrameRef(9), 52);
    assert_eq!(bench.table.checkpoint().locations, []);
}
