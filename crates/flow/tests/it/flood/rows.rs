//! Rows that flows of junk share.

use super::traffic::Random;
use crate::conversation::{ACK, Bench, RST, SYN, config, key};
use flow::{Config, EndReason, FlowPart, FrameRef, Lane, LaneFill, ROWLESS, RowFill};
use std::collections::HashSet;

const HOST: [u8; 4] = [10, 0, 0, 1];

fn bench(junk_rows_a_day: u32) -> Bench {
    Bench::new(Config { capacity_flows: 10_000, junk_rows_a_day: Some(junk_rows_a_day), ..config() })
}

#[test]
fn a_flood_of_junk_has_few_rows_that_count_every_packet() {
    let (mut bench, mut random) = (bench(2000), Random(5));
    let mut parts: Vec<FlowPart> = Vec::new();
    for number in 0..300_000_u32 {
        let [a, b, c, d] = (random.next() as u32).to_be_bytes();
        let from = key(6, ([30 + a % 60, b, c, d], 1024 + (number % 60_000) as u16), (HOST, 443));
        let slot = bench.tcp(from, SYN, 7, 0, 0).slot;
        bench.table.placed(slot, Lane::Junk, FrameRef(number / 1000), 54);
        if number % 1000 == 0 {
            // One that is real: it has its own row.
            let real = key(6, ([203, 0, 113, 5], 1024 + (number / 1000) as u16), (HOST, 22));
            bench.tcp(real, SYN, 7, 0, 0);
            bench.tcp(real.reversed(), SYN | ACK, 70, 8, 0);
            bench.tcp(real, ACK, 8, 71, 0);
        }
        if bench.table.wants_checkpoint() {
            parts.extend(bench.table.checkpoint().parts);
        }
    }
    let period = bench.table.checkpoint();
    assert!(period.locations.iter().any(|location| location.part == ROWLESS));
    parts.extend(period.parts);
    let packets: u64 = parts.iter().map(|part| part.pkts_toserver + part.pkts_toclient).sum();
    assert_eq!(packets + bench.table.counters().packets_rowless, 300_000 + 900);
    let junk: Vec<&FlowPart> = parts.iter().filter(|part| !part.proven).collect();
    assert!(junk.len() < 2000, "{}", junk.len());
    let real: HashSet<u64> =
        parts.iter().filter(|part| part.key.dest_port == 22 && part.proven).map(|part| part.flow_id.0).collect();
    assert_eq!(real.len(), 300);
    assert!(junk.iter().any(|part| part.end_reason == Some(EndReason::Summed)));
}

#[test]
fn a_row_is_as_exact_as_its_flows_have_in_common() {
    let mut bench = bench(2000);
    let send = |bench: &mut Bench, last: u8, port: u16| {
        bench.tcp(key(6, ([198, 51, 100, last], port), (HOST, 81)), SYN, 7, 0, 0);
    };
    send(&mut bench, 7, 4000);
    let parts = bench.table.checkpoint().parts;
    assert_eq!((parts.len(), parts[0].key.src_port, parts[0].end_reason), (1, 4000, None));
    send(&mut bench, 8, 4000);
    send(&mut bench, 9, 4001);
    let parts = bench.table.checkpoint().parts;
    let [part] = parts.as_slice() else { panic!("{parts:?}") };
    assert_eq!((part.key.src.as_v4(), part.key.src_port), (Some([198, 51, 100, 0]), 0));
    assert_eq!((part.pkts_toserver, part.end_reason), (2, Some(EndReason::Summed)));
}

/// Rows of 100 bytes of which 100 a minute are usual, and what there is of them is a day's.
fn usual_rows(written: u64) -> RowFill {
    let (share_bytes, held_bytes) = (14_400_000, 14_400_000);
    let reach_ns = 86_400_000_000_000;
    let fill = LaneFill { share_bytes, held_bytes, filled_bytes: written, reach_ns, is_at_share: true };
    RowFill { fill, usual: 10_000.0 / 60e9 }
}

/// At least this part of 2000 minutes' visitors of other services have rows of their own, in a flood of proven flows of a source
/// and to a port, after a day without one.
#[track_caller]
fn check_flood(target: impl Fn(u32) -> ([u8; 4], u16), others_min: f64) {
    let mut bench = bench(10);
    let (mut parts, mut others, mut written): (Vec<FlowPart>, _, u64) = (Vec::new(), 0, 0);
    let talk = |bench: &mut Bench, from: ([u8; 4], u16), port: u16| {
        let real = key(6, from, (HOST, port));
        bench.tcp(real, SYN, 7, 0, 0);
        bench.tcp(real.reversed(), SYN | ACK, 70, 8, 0);
        let slot = bench.tcp(real, ACK, 8, 71, 0).slot;
        bench.table.placed(slot, Lane::Server, FrameRef(1), 54);
        bench.tcp(real, RST, 8, 0, 0);
    };
    let mut number = 0;
    for minute in 0..3440 {
        for other in 0..3_u16 {
            talk(&mut bench, ([203, 0, 113, other as u8], 1024 + minute), 22 + other);
            others += 1;
        }
        for _ in 0..if minute < 1440 { 0 } else { 2000 } {
            let (source, port) = target(number);
            talk(&mut bench, (source, (number % 60_000) as u16), port);
            number += 1;
        }
        bench.time += 60_000_000_000 - 2003 * 4_000_000;
        let rows = bench.table.checkpoint().parts;
        written += rows.len() as u64 * 100;
        parts.extend(rows);
        bench.table.note_rows(&usual_rows(written));
    }
    let own = |port: u16| parts.iter().filter(move |part| part.key.dest_port == port && part.key.src_port != 0).count();
    let kept = own(22) + own(23) + own(24);
    assert!(kept as f64 >= others_min * f64::from(others), "{kept} of {others}");
    // Twice the usual, and the allowance of an eighth.
    let all = parts.len();
    assert!(all <= 3440 * 200 + 144_000 / 8 + 5000, "{all}");
    let packets: u64 = parts.iter().map(|part| part.pkts_toserver + part.pkts_toclient).sum();
    assert_eq!(packets, u64::from(number) * 4 + others as u64 * 4);
}

#[test]
fn a_flood_of_proven_flows_shares_rows_and_others_do_not() {
    check_flood(|_| ([198, 51, 100, 9], 443), 0.999);
    let stranger = |number: u32| [30 + (number >> 16) as u8 % 60, (number >> 8) as u8, number as u8, 9];
    check_flood(|number| (stranger(number), 443), 0.999);
    // To as many services as there are.
    check_flood(|number| (stranger(number), 1024 + (number % 60_000) as u16), 0.99);
}

/// Rows of connections that go on are written when the period ends, however many they are.
#[test]
fn usual_rows_that_are_written_at_once_are_no_flood() {
    let mut bench = bench(10);
    let (mut written, mut number) = (0, 0_u32);
    for _ in 0..20 {
        // A hundred a minute are usual, 180 may come at once, and a period has 300.
        for _ in 0..18 {
            for _ in 0..16 {
                let source = [30 + (number >> 16) as u8, (number >> 8) as u8, number as u8, 9];
                let real = key(6, (source, 1024), (HOST, 443));
                bench.tcp(real, SYN, 7, 0, 0);
                bench.tcp(real.reversed(), SYN | ACK, 70, 8, 0);
                bench.tcp(real, ACK, 8, 71, 0);
                number += 1;
            }
            bench.time += 10_000_000_000 - 16 * 3_000_000;
            let RowFill { fill, usual } = usual_rows(written);
            bench
                .table
                .note_rows(&RowFill { fill: LaneFill { share_bytes: 144_000, held_bytes: 144_000, ..fill }, usual });
        }
        let rows = bench.table.checkpoint().parts;
        let summed = rows.iter().filter(|row| row.end_reason == Some(EndReason::Summed)).count();
        assert_eq!((rows.len(), summed), (288, 0));
        written += rows.len() as u64 * 100;
    }
}
