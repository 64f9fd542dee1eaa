//! What is told of a connection, step by step.

use super::*;

/// A step of a conversation: who, flags, sequence number, acknowledgement number, payload; `?` is a byte on the wire that
/// was not captured.
type Step = (Side, u8, u32, u32, &'static str);

const C: Side = Side::Client;
const S: Side = Side::Server;

#[derive(Default)]
struct Told(Vec<String>);

impl Listener for Told {
    fn data(&mut self, side: Side, at: At, data: &[u8]) {
        self.0.push(format!("{side:?}#{} {}", at.arrival, String::from_utf8_lossy(data)));
    }

    fn gap(&mut self, side: Side, at: At, bytes: u64) {
        self.0.push(format!("{side:?}#{} -{bytes}", at.arrival));
    }

    fn end(&mut self, side: Side, at: At, ends: Ends) {
        self.0.push(format!("{side:?}#{} {ends:?}", at.arrival));
    }

    fn oddity(&mut self, _: At, what: &'static str) {
        self.0.push(what.to_owned());
    }
}

fn check(steps: &[Step], expected: &[&str]) {
    let (mut connection, mut told) = (Connection::default(), Told::default());
    for (arrival, &(side, flags, seq, ack, text)) in (0..).zip(steps) {
        let data = text.trim_end_matches('?').as_bytes();
        let segment = Segment { seq, ack, flags, data, wire_bytes: text.len() as u32 };
        connection.segment(side, At { arrival, ..At::default() }, &segment, &mut told);
    }
    connection.finish(At { arrival: 99, ..At::default() }, &mut told);
    told.0.retain(|line| !line.starts_with("Client#99 CutOff") && !line.starts_with("Server#99 CutOff"));
    assert_eq!(told.0, expected, "{steps:?}");
}

const OPEN: [Step; 2] = [(C, SYN, 99, 0, ""), (S, SYN | ACK, 499, 100, "")];

fn opened(steps: &[Step]) -> Vec<Step> {
    OPEN.iter().chain(steps).copied().collect()
}

#[test]
fn what_is_out_of_order_is_put_in_order() {
    let steps = [(C, ACK, 105, 500, "world"), (C, ACK, 100, 500, "hello"), (S, ACK, 500, 110, "hi")];
    check(&opened(&steps), &["Client#3 hello", "Client#2 world", "Server#4 hi"]);
}

#[test]
fn what_is_repeated_is_told_once() {
    let steps = [
        (C, ACK, 100, 500, "hello"),
        (C, ACK, 100, 500, "hello"),
        (C, ACK, 103, 500, "lo, world"),
        // A keep-alive with a byte of garbage.
        (C, ACK, 111, 500, "\0"),
    ];
    check(&opened(&steps), &["Client#2 hello", "Client#4 , world"]);
}

#[test]
fn who_comes_first_wins_and_a_difference_is_told() {
    const ODD: &str = "segments overlap with different data";
    check(
        &opened(&[(C, ACK, 100, 500, "GET /evil"), (C, ACK, 104, 500, "/good.htm")]),
        &["Client#2 GET /evil", ODD, "Client#3 .htm"],
    );
    check(
        &opened(&[(C, ACK, 104, 500, "evil"), (C, ACK, 100, 500, "GET good HTTP"), (C, ACK, 113, 500, "!")]),
        &[ODD, "Client#3 GET ", "Client#2 evil", "Client#3  HTTP", "Client#4 !"],
    );
}

#[test]
fn what_is_missing_stays_missing() {
    // Nobody has acknowledged it: it may still come, until the end.
    check(&opened(&[(C, ACK, 105, 500, "world")]), &["Client#2 -5", "Client#2 world"]);
    // Cut off by the snap length.
    check(
        &opened(&[(C, ACK, 100, 500, "hel??"), (C, ACK, 105, 500, "world")]),
        &["Client#2 hel", "Client#2 -2", "Client#3 world"],
    );
    // Acknowledged, but never seen.
    let mut steps = opened(&[(C, ACK, 105, 500, "world")]);
    steps.extend([(S, ACK, 500, 110, ""); 40]);
    steps.push((C, ACK, 110, 500, "!"));
    check(&steps, &["Client#2 -5", "Client#2 world", "Client#43 !"]);
    // Of its end too, but for the acknowledgement of a FIN.
    check(&opened(&[(S, ACK, 500, 120, "")]), &["Client#99 -20"]);
    check(&opened(&[(S, ACK, 500, 101, "")]), &[]);
}

#[test]
fn each_side_ends_once_all_before_it_is_told() {
    check(
        &opened(&[
            (C, FIN | ACK, 105, 500, ""),
            (C, ACK, 100, 500, "hello"),
            (S, FIN | ACK, 500, 106, "bye"),
            (C, ACK, 106, 504, "more"),
        ]),
        &["Client#3 hello", "Client#2 Whole", "Server#4 bye", "Server#4 Whole", "data after its stream was closed"],
    );
}

#[test]
fn a_reset_hides_nothing() {
    check(&opened(&[(C, RST, 100, 0, ""), (C, ACK, 100, 500, "hello")]), &["data after a reset", "Client#3 hello"]);
}

#[test]
fn sequence_numbers_wrap_and_streams_begin_in_the_middle() {
    check(
        &[(C, ACK, u32::MAX - 1, 7, "abcd"), (C, ACK, 2, 7, "ef"), (S, ACK, 7, 4, "x")],
        &["Client#0 abcd", "Client#1 ef", "Server#2 x"],
    );
    // The answer to a SYN that was not seen says where the client begins.
    check(
        &[(S, SYN | ACK, 499, 100, ""), (C, ACK, 103, 500, "lo"), (C, ACK, 100, 500, "hel")],
        &["Client#2 hel", "Client#1 lo"],
    );
}

#[test]
fn a_side_starts_where_the_other_acknowledges_it() {
    const AGAIN: Step = (S, SYN | ACK, 7_000_000, 100, "");
    let spoken = [(C, ACK, 100, 500, "hello"), (S, ACK, 500, 105, "hi")];
    let told = |first: usize| [format!("Client#{first} hello"), format!("Server#{} hi", first + 1)];
    let check = |steps: &[Step], expected: [String; 2]| check(steps, &expected.each_ref().map(String::as_str));
    // A second answer, after the first was acknowledged, as in nDPI's capture of KakaoTalk; before it; and first.
    check(&opened(&[&[(C, ACK, 100, 500, ""), AGAIN], &spoken[..]].concat()), told(4));
    check(&opened(&[&[AGAIN, (C, ACK, 100, 500, "")], &spoken[..]].concat()), told(4));
    check(&[&[OPEN[0], AGAIN, OPEN[1]], &spoken[..]].concat(), told(3));
    // The ports are used again, before anything was said.
    let again = [(C, ACK, 8_000_000, 7_000_001, "hello"), (S, ACK, 7_000_001, 8_000_005, "hi")];
    let reopened = [(C, ACK, 100, 500, ""), (C, SYN, 7_999_999, 0, ""), (S, SYN | ACK, 7_000_000, 8_000_000, "")];
    check(&opened(&[&reopened[..], &again[..]].concat()), told(5));
}

#[test]
fn what_waits_is_bounded() {
    let (mut connection, mut told) = (Connection::default(), Told::default());
    let syn = Segment { seq: 99, ack: 0, flags: SYN, data: &[], wire_bytes: 0 };
    connection.segment(C, At::default(), &syn, &mut told);
    let data = [b'x'; 1000];
    for number in 0..10_000 {
        let segment = Segment { seq: 200 + number * 2000, ack: 0, flags: 0, data: &data, wire_bytes: 1000 };
        connection.segment(C, At::default(), &segment, &mut told);
        assert!(connection.held_bytes() < 5 << 20);
    }
    assert!(told.0.iter().any(|line| line == "more out of order than is kept"));
}

#[test]
fn what_was_caught_first_need_not_be_the_first() {
    // As tcpflow's captures of one connection in random order: the last of an answer, its beginning, the request.
    let shuffled = [(S, ACK, 505, 100, "world"), (S, ACK, 500, 100, "hello"), (C, ACK, 90, 500, "GET /")];
    check(&shuffled, &["Client#2 GET /", "Server#1 hello", "Server#0 world"]);
    // A SYN that comes late, and one of another connection.
    check(
        &[(C, ACK, 105, 0, "world"), (C, SYN, 99, 0, ""), (C, ACK, 100, 0, "hello")],
        &["Client#2 hello", "Client#0 world"],
    );
    check(&[(C, ACK, 105, 0, "world"), (C, SYN, 9_999_999, 0, "")], &["Client#0 world"]);
    // What is acknowledged is the first: nothing before it is waited for.
    check(
        &[(C, ACK, 105, 0, "world"), (S, ACK, 500, 110, "hi"), (C, ACK, 100, 502, "hello")],
        &["Client#0 world", "Server#1 hi"],
    );
    let steps: Vec<Step> = (0..9).map(|count| (C, ACK, 100 + count, 0, "x")).collect();
    check(
        &[&steps[..], &[(C, ACK, 99, 0, "y")]].concat()[..],
        &{
            let mut told: Vec<String> = (0..9).map(|count| format!("Client#{count} x")).collect();
            told.truncate(9);
            told
        }
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>(),
    );
}
