//! How much of a flow is its head.

use crate::conversation::{ACK, Bench, OTHER, OURS, SECOND, SYN, config, key};
use flow::{Config, Lane, Place};
use packet::decode::Transport;
use proptest::prelude::*;

const HOUR: i64 = 3600 * SECOND;

#[test]
fn a_flow_has_a_head_and_as_much_again_each_hour() {
    let mut bench = Bench::new(Config { head_bytes: 1000, ..config() });
    let ours = key(17, (OURS, 5000), (OTHER, 5001));
    let mut check = |wait: i64, expected: Lane| {
        bench.time += wait;
        let place = bench.other(ours, Transport::Udp, 400 - 42).place;
        assert_eq!(place, Place::Lane(expected), "after {wait}");
    };
    [Lane::Client, Lane::Client, Lane::Client, Lane::Bulk].into_iter().for_each(|lane| check(0, lane));
    (0..71).for_each(|_| check(50 * SECOND, Lane::Bulk));
    [Lane::Client, Lane::Client, Lane::Client, Lane::Bulk].into_iter().for_each(|lane| check(50 * SECOND, lane));
}

#[test]
fn an_unproven_flow_parks_no_more_than_a_head() {
    let mut bench = Bench::new(Config { head_bytes: 1000, ..config() });
    let theirs = key(17, (OTHER, 5000), (OURS, 5001));
    let mut check = |key, expected| assert_eq!(bench.other(key, Transport::Udp, 400 - 42).place, expected);
    (0..3).for_each(|_| check(theirs, Place::Park));
    check(theirs, Place::Lane(Lane::Junk));
    check(theirs.reversed(), Place::Lane(Lane::Junk));
    // Proven in time: what is parked is its head.
    check(theirs, Place::Lane(Lane::Bulk));
}

proptest! {
    #[test]
    fn heads_are_never_larger_than_they_may(
        packets in prop::collection::vec((60_u32..3000, 0..HOUR / 7, any::<bool>()), 1..400),
        inbound in any::<bool>(),
    ) {
        let head_bytes = 4000;
        let mut bench = Bench::new(Config { head_bytes, ..config() });
        let mut theirs = key(6, (OURS, 50_000), (OTHER, 443));
        if inbound {
            theirs = theirs.reversed();
        }
        bench.tcp(theirs, SYN, 10, 0, 0);
        bench.tcp(theirs.reversed(), SYN | ACK, 20, 11, 0);
        bench.tcp(theirs, ACK, 11, 21, 0);
        let mut head = 54 * 3;
        for (bytes, wait, turned) in packets {
            bench.time += wait.min(500 * SECOND);
            let key = if turned { theirs.reversed() } else { theirs };
            let ack = if inbound != turned { 21 } else { 11 };
            let place = bench.tcp(key, ACK, 11, ack, bytes).place;
            if matches!(place, Place::Lane(Lane::Client | Lane::Server) | Place::Park) {
                head += u64::from(bytes + 54);
            }
            let heads = bench.table.clock() / (HOUR as u64 - SECOND as u64) + 1;
            prop_assert!(head <= heads * u64::from(head_bytes + 3054), "{} in {}", head, heads);
        }
    }
}
