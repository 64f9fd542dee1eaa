//! What proves that the other side hears us, and what does not.

use crate::conversation::{ACK, Bench, FIN, OTHER, OURS, RST, SECOND, SYN, config, key};
use flow::{Lane, Place};
use packet::decode::Transport;

const JUNK: Place = Place::Lane(Lane::Junk);
const SERVER: Place = Place::Lane(Lane::Server);
const CLIENT: Place = Place::Lane(Lane::Client);

/// TCP segments: from ours or not, milliseconds before it, flags, seq, ack, payload.
type Step = (bool, i64, u8, u32, u32, u32);

/// The last segment's place and the lane that it releases parked packets to.
fn check_tcp(ours_port: u16, steps: &[Step], expected: (Place, Option<Lane>)) {
    let mut bench = Bench::new(config());
    let theirs = key(6, (OTHER, 40_000), (OURS, ours_port));
    let mut last = None;
    for (from_ours, wait, flags, seq, ack, payload) in steps.iter().copied() {
        bench.time += wait * (SECOND / 1000);
        let key = if from_ours { theirs.reversed() } else { theirs };
        let seen = bench.tcp(key, flags, seq, ack, payload);
        last = Some((seen.place, seen.release));
    }
    assert_eq!(last, Some(expected), "{steps:?}");
}

#[test]
fn tcp_is_proven_by_an_acknowledgement_of_what_we_sent() {
    let syn = (false, 0, SYN, 100, 0, 0);
    let answer = (true, 0, SYN | ACK, 900, 101, 0);
    let parked = (Place::Park, None);
    let proven = (SERVER, Some(Lane::Server));
    check_tcp(80, &[syn], parked);
    check_tcp(80, &[syn, answer], parked);
    check_tcp(80, &[syn, answer, (false, 0, ACK, 101, 901, 0)], proven);
    check_tcp(80, &[syn, answer, (false, 0, ACK, 101, 900, 0)], parked);
    check_tcp(80, &[syn, answer, (false, 0, ACK, 101, 902, 0)], parked);
    check_tcp(80, &[syn, answer, (false, 0, ACK, 101, 0, 500)], parked);
    check_tcp(80, &[syn, answer, (false, 0, 0, 101, 901, 500)], parked);
    check_tcp(80, &[syn, answer, (false, 0, RST | ACK, 101, 901, 0)], parked);
    check_tcp(80, &[syn, answer, (false, 0, FIN | ACK, 101, 901, 0)], proven);
    check_tcp(80, &[syn, (true, 0, RST | ACK, 0, 101, 0), (false, 0, ACK, 101, 1, 0)], parked);
    check_tcp(80, &[syn, (true, 0, RST | ACK, 0, 101, 0), (false, 0, ACK, 101, 0, 0)], parked);
    check_tcp(80, &[(false, 0, ACK, 100, 77, 0), (true, 0, RST, 77, 0, 0), (false, 0, ACK, 100, 77, 0)], parked);
    check_tcp(80, &[(false, 0, SYN | ACK, 100, 77, 0), (true, 0, RST, 77, 0, 0)], parked);
}

#[test]
fn tcp_sequence_numbers_wrap() {
    let steps = |ack| {
        [
            (false, 0, SYN, 100, 0, 0),
            (true, 0, SYN | ACK, u32::MAX - 1, 101, 0),
            (true, 0, ACK, u32::MAX, 101, 1000),
            (false, 0, ACK, 101, ack, 0),
        ]
    };
    let proven = (SERVER, Some(Lane::Server));
    check_tcp(80, &steps(u32::MAX), proven);
    check_tcp(80, &steps(0), proven);
    check_tcp(80, &steps(999), proven);
    check_tcp(80, &steps(1000), (Place::Park, None));
    check_tcp(80, &steps(u32::MAX - 1), (Place::Park, None));
}

#[test]
fn tcp_midstream_is_proven_by_what_we_sent_in_view() {
    let proven = (SERVER, Some(Lane::Server));
    check_tcp(80, &[(false, 0, ACK, 5, 900, 10), (true, 0, ACK, 900, 15, 100), (false, 0, ACK, 15, 1000, 0)], proven);
    check_tcp(80, &[(true, 0, ACK, 900, 15, 100), (false, 0, ACK, 15, 1000, 0)], proven);
    check_tcp(80, &[(true, 0, ACK, 900, 15, 100)], (Place::Park, None));
    // Our side is the client by its port, but the other one was the first that we saw.
    check_tcp(50_000, &[(false, 0, ACK, 5, 900, 10)], (Place::Park, None));
    check_tcp(50_000, &[(true, 0, ACK, 5, 900, 10)], (CLIENT, None));
}

#[test]
fn late_proof_leaves_what_was_parked_in_junk() {
    let syn = (false, 0, SYN, 100, 0, 0);
    let answer = (true, 0, SYN | ACK, 900, 101, 0);
    check_tcp(80, &[syn, (true, 1000, SYN | ACK, 900, 101, 0)], (JUNK, None));
    check_tcp(80, &[syn, answer, (false, 1000, ACK, 101, 901, 0)], (SERVER, Some(Lane::Junk)));
}

/// Datagrams: from ours or not.
fn check_other(proto: u8, transport: Transport, from_ours: &[bool], expected: Place) {
    let mut bench = Bench::new(config());
    let theirs = key(proto, (OTHER, 40_000), (OURS, 5000));
    let place =
        |from_ours: &bool| bench.other(if *from_ours { theirs.reversed() } else { theirs }, transport, 10).place;
    assert_eq!(from_ours.iter().map(place).last(), Some(expected), "{proto} {from_ours:?}");
}

#[test]
fn datagrams_are_proven_when_they_go_on_after_our_answer() {
    let echo = Transport::Icmp { kind: 8, code: 0 };
    check_other(17, Transport::Udp, &[false, false, false], Place::Park);
    check_other(17, Transport::Udp, &[false, true], Place::Park);
    check_other(17, Transport::Udp, &[false, true, false], SERVER);
    check_other(17, Transport::Udp, &[true], CLIENT);
    check_other(17, Transport::Udp, &[true, false], CLIENT);
    check_other(1, echo, &[false, true, false], Place::Park);
    check_other(58, echo, &[false, true, false], Place::Park);
    check_other(1, echo, &[true, false], CLIENT);
    check_other(132, Transport::Sctp { chunk_type: 1 }, &[false, true, false], Place::Park);
    check_other(132, Transport::Sctp { chunk_type: 10 }, &[false, true, false], SERVER);
    check_other(50, Transport::None, &[false, true, false], SERVER);
}

#[test]
fn others_and_ours_among_themselves_need_no_proof() {
    let mut bench = Bench::new(config());
    let (other, ours) = (([203, 0, 113, 1], 5000), (OURS, 5000));
    let place = |bench: &mut Bench, src, dest| bench.other(key(17, src, dest), Transport::Udp, 10).place;
    assert_eq!(place(&mut bench, (OTHER, 5000), other), Place::Lane(Lane::Transit));
    assert_eq!(place(&mut bench, ours, ([10, 9, 9, 9], 5000)), CLIENT);
}
