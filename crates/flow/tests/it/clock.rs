//! Clocks that are set.

use crate::conversation::{ACK, Bench, OTHER, OURS, SECOND, SYN, config, key};
use flow::{EndReason, Lane, Place};
use packet::decode::Transport;

const YEAR: i64 = 365 * 86_400 * SECOND;

/// Fifty inbound connections and fifty datagram flows of ours, busy or not; the clock is set; they go on.
fn check(packets_each: u32, step: i64, stays: bool) {
    let mut bench = Bench::new(config());
    let tcp = |port: u16| key(6, (OTHER, 30_000 + port), (OURS, 22));
    let udp = |port: u16| key(17, (OURS, 30_000 + port), (OTHER, 4500));
    for port in 0..50 {
        bench.tcp(tcp(port), SYN, 10, 0, 0);
        bench.tcp(tcp(port).reversed(), SYN | ACK, 20, 11, 0);
        bench.tcp(tcp(port), ACK, 11, 21, 0);
    }
    let speak = |bench: &mut Bench| {
        (0..50).all(|port| {
            let server = bench.tcp(tcp(port), ACK, 11, 21, 0).place == Place::Lane(Lane::Server);
            server & (bench.other(udp(port), Transport::Udp, 10).place == Place::Lane(Lane::Client))
        })
    };
    for _ in 0..packets_each {
        assert!(speak(&mut bench));
    }
    let flows = bench.table.counters().flows;
    bench.time += step;
    assert_eq!(speak(&mut bench), stays, "{packets_each} {step}");
    assert_eq!(bench.table.counters().flows == flows, stays, "{packets_each} {step}");
    let ended = bench.table.checkpoint().parts.iter().filter(|part| part.end_reason == Some(EndReason::Idle)).count();
    assert_eq!(ended == 0, stays, "{packets_each} {step}: {ended}");
}

#[test]
fn a_set_clock_ends_no_flow() {
    for packets_each in [1, 20] {
        for step in [YEAR, -YEAR, 30 * YEAR, -30 * YEAR, -7200 * SECOND, 2 * 86_400 * SECOND, 30 * SECOND] {
            check(packets_each, step, true);
        }
    }
    // On a link that was busy just before, ten minutes of silence are a clock that was set; on a quiet one silence.
    check(20, 700 * SECOND, true);
    check(1, 700 * SECOND, false);
    check(1, 7200 * SECOND, false);
}
