//! When flows begin and end.

use crate::conversation::{ACK, Bench, FIN, OTHER, OURS, RST, SECOND, SYN, config, key};
use flow::{EndReason, FlowPart};
use packet::decode::Transport;

/// TCP segments: from the client or not, seconds before it, flags, seq, ack. Then how each flow ended.
fn check_tcp(steps: &[(bool, i64, u8, u32, u32)], expected: &[(u64, Option<EndReason>)]) {
    let mut bench = Bench::new(config());
    let client = key(6, (OURS, 40_000), (OTHER, 80));
    for (from_client, wait, flags, seq, ack) in steps.iter().copied() {
        bench.time += wait * SECOND;
        bench.tcp(if from_client { client } else { client.reversed() }, flags, seq, ack, 0);
    }
    assert_eq!(ends(bench), expected, "{steps:?}");
}

/// Packets and end of each flow, in the order of their beginnings.
fn ends(mut bench: Bench) -> Vec<(u64, Option<EndReason>)> {
    let mut parts: Vec<FlowPart> = bench.table.checkpoint().parts;
    parts.sort_by_key(|part| part.first_arrival);
    parts.iter().map(|part| (part.pkts_toserver + part.pkts_toclient, part.end_reason)).collect()
}

const OPENING: [(bool, i64, u8, u32, u32); 3] =
    [(true, 0, SYN, 10, 0), (false, 0, SYN | ACK, 50, 11), (true, 0, ACK, 11, 51)];

fn after_opening(steps: &[(bool, i64, u8, u32, u32)]) -> Vec<(bool, i64, u8, u32, u32)> {
    [&OPENING, steps].concat()
}

#[test]
fn tcp_ends_by_close_reset_silence_and_reuse() {
    let closing = [(true, 0, FIN | ACK, 11, 51), (false, 0, FIN | ACK, 51, 12)];
    let last_ack = (true, 0, ACK, 12, 52);
    let syn = (true, 0, SYN, 9000, 0);
    let [fin, fin_back] = closing;
    check_tcp(&OPENING, &[(3, None)]);
    check_tcp(&after_opening(&[fin]), &[(4, None)]);
    check_tcp(&after_opening(&[fin, fin_back, last_ack]), &[(6, Some(EndReason::Closed))]);
    check_tcp(&after_opening(&[fin, fin_back, last_ack, syn]), &[(6, Some(EndReason::Closed)), (1, None)]);
    check_tcp(&after_opening(&[fin, fin_back, (true, 6, ACK, 12, 52)]), &[(5, Some(EndReason::Closed)), (1, None)]);
    check_tcp(&after_opening(&[(false, 0, RST, 51, 0)]), &[(4, Some(EndReason::Reset))]);
    check_tcp(&after_opening(&[(false, 0, RST, 51, 0), syn]), &[(4, Some(EndReason::Reset)), (1, None)]);
    check_tcp(&[(true, 0, SYN, 10, 0), (false, 0, RST | ACK, 0, 11)], &[(2, Some(EndReason::Reset))]);
    // The same SYN again is the same attempt, another one within a minute too.
    check_tcp(&[(true, 0, SYN, 10, 0), (true, 30, SYN, 10, 0), (true, 30, SYN, 77, 0)], &[(3, None)]);
    check_tcp(&after_opening(&[syn]), &[(4, None)]);
    check_tcp(&after_opening(&[(true, 50, ACK, 11, 51), (true, 59, SYN, 9000, 0)]), &[(5, None)]);
    let late = &[(true, 30, ACK, 11, 51), (true, 45, ACK, 11, 51), (true, 61, SYN, 9000, 0)];
    check_tcp(&after_opening(late), &[(5, Some(EndReason::Reused)), (1, None)]);
    check_tcp(&after_opening(&[(true, 590, ACK, 11, 51)]), &[(4, None)]);
    check_tcp(&after_opening(&[(true, 601, ACK, 11, 51)]), &[(3, Some(EndReason::Idle)), (1, None)]);
}

#[test]
fn a_blind_reset_ends_nothing() {
    let blind = (false, 0, RST, 3_000_000_000, 0);
    check_tcp(&after_opening(&[blind]), &[(4, None)]);
    check_tcp(&after_opening(&[blind, (true, 30, ACK, 11, 51)]), &[(5, None)]);
    check_tcp(&[(true, 0, SYN, 10, 0), (false, 0, RST | ACK, 0, 2_000_000)], &[(2, None)]);
}

#[test]
fn others_end_by_silence() {
    let mut bench = Bench::new(config());
    let ours = key(17, (OURS, 5000), (OTHER, 5001));
    for wait in [0, 59, 61, 1] {
        bench.time += wait * SECOND;
        bench.other(ours, Transport::Udp, 10);
    }
    assert_eq!(ends(bench), [(2, Some(EndReason::Idle)), (2, None)]);
}

#[test]
fn an_unproven_flow_ends_after_seconds() {
    let mut bench = Bench::new(config());
    let theirs = key(17, (OTHER, 5000), (OURS, 5001));
    bench.other(theirs, Transport::Udp, 10);
    for _ in 0..20 {
        bench.time += SECOND;
        bench.other(key(17, (OURS, 1), (OTHER, 2)), Transport::Udp, 10);
    }
    assert_eq!(bench.table.live_flows(), 1);
    assert_eq!(ends(bench), [(1, Some(EndReason::Idle)), (20, None)]);
}
