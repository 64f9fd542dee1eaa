//! Expressions: tapes and captures against tcpdump.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::sync::Arc;

use filter::NoNames;
use flow::{ConnState, Direction, FlowRow};
use tape::question::{Expression, Query, Source};

use crate::built_tape::build;
use crate::question::{ask_flows, ask_packets, cuts, read_capture, some_captures};
use crate::shared_captures::{folder, skipped};

const EXPRESSIONS: &[&str] = &[
    "tcp",
    "udp port 53",
    "host 10.0.0.1 or net 192.168.0.0/16",
    "not ip",
    "ip6 or arp",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "greater 500 and less 1400",
    "vlan or mpls",
    "portrange 1-1023 and tcp",
    "icmp or icmp6",
];

fn parsed(text: &str) -> Expression {
    Expression::new(text, Arc::new(NoNames), &|_| None).unwrap()
}

/// How many packets tcpdump finds.
fn tcpdump(path: &std::path::Path, expression: &str) -> Option<usize> {
    let output =
        Command::new("tcpdump").arg("-nntr").arg(path).args(["--count", expression]).stderr(Stdio::null()).output();
    let output = output.ok()?;
    String::from_utf8(output.stdout).ok()?.split(' ').next()?.parse().ok()
}

#[test]
fn tapes_and_captures_agree_with_tcpdump() {
    let Some(root) = folder() else { return };
    if Command::new("tcpdump").arg("--version").output().is_err() {
        return skipped("tcpdump");
    }
    let mut compared = 0;
    for (number, path) in some_captures(&root).into_iter().enumerate() {
        let Some((interfaces, packets)) = read_capture(&path) else { continue };
        let directory = tempfile::tempdir().unwrap();
        build(directory.path(), &interfaces, &packets, cuts()[number % cuts().len()]);
        let (tape, capture) = (Source::tape(directory.path()), Source::captures([path.clone()]));
        for expression in EXPRESSIONS.iter().skip(number % 2).step_by(2) {
            let expression = parsed(expression);
            let what = format!("{} {expression:?}", path.display());
            let query = Query { expression: Some(expression.clone()), ..Query::default() };
            let (of_tape, of_capture) = (ask_packets(&tape, &query).0, ask_packets(&capture, &query).0);
            assert!(of_tape == of_capture, "{what}: {} {}", of_tape.len(), of_capture.len());
            // libpcap stops at the first interface that differs.
            if let ([_], Some(count)) = (interfaces.as_slice(), tcpdump(&path, expression.text())) {
                assert_eq!(of_tape.len(), count, "{what}");
                compared += 1;
            }
            let rows = |source| {
                ask_flows(source, &query).into_iter().map(|row| row.split("end_reason").next().unwrap().to_owned())
            };
            let (of_tape, of_capture): (BTreeSet<_>, BTreeSet<_>) = (rows(&tape).collect(), rows(&capture).collect());
            assert_eq!(of_tape, of_capture, "{what}");
        }
    }
    assert!(compared > 100, "{compared}");
}

/// Fields, and what they mean for a row.
type OfRow = (&'static str, fn(&FlowRow) -> bool);
const FIELDS: &[OfRow] = &[
    ("proto = udp", |row| row.ip_version > 0 && row.proto == 17),
    ("dest_port < 1024", |row| matches!(row.proto, 6 | 17 | 132) && row.ip_version > 0 && row.dest_port < 1024),
    ("bytes_toserver gt 500", |row| row.bytes_toserver > 500),
    ("not (pkts_toclient = 0)", |row| row.pkts_toclient != 0),
    ("conn_state = SF and direction != external", |row| {
        row.conn_state == ConnState::SF && row.direction != Direction::External
    }),
    ("duration >= 1s or tcp_flags_ts = 2", |row| {
        row.duration() >= 1_000_000_000 || (row.proto == 6 && row.tcp_flags_ts == 2)
    }),
];

#[test]
fn fields_are_those_of_the_rows() {
    let Some(root) = folder() else { return };
    for (number, path) in some_captures(&root).into_iter().enumerate() {
        let Some((interfaces, packets)) = read_capture(&path) else { continue };
        let directory = tempfile::tempdir().unwrap();
        build(directory.path(), &interfaces, &packets, cuts()[number % cuts().len()]);
        let (tape, capture) = (Source::tape(directory.path()), Source::captures([path.clone()]));
        let (text, of_row) = FIELDS[number % FIELDS.len()];
        let query = Query { expression: Some(parsed(text)), ..Query::default() };
        for source in [&tape, &capture] {
            let (mut flows, mut packets) = (0, 0);
            tape::question::flows(source, &Query::default(), &mut |flow| {
                flows += usize::from(of_row(flow.row));
                packets += if of_row(flow.row) { flow.row.pkts_toserver + flow.row.pkts_toclient } else { 0 };
                ControlFlow::Continue(())
            })
            .unwrap();
            let what = format!("{} {text} {source:?}", path.display());
            assert_eq!(ask_flows(source, &query).len(), flows, "{what}");
            assert_eq!(ask_packets(source, &query).0.len() as u64, packets, "{what}");
        }
    }
}

#[test]
fn fields_and_packets_together() {
    let Some(root) = folder() else { return };
    let both = ["(tcp[tcpflags] & tcp-syn != 0) and pkts_toserver > 3", "bytes_toclient > 100 and (greater 200)"];
    let mut found = 0;
    for (number, path) in some_captures(&root).into_iter().enumerate() {
        let Some((interfaces, packets)) = read_capture(&path) else { continue };
        let directory = tempfile::tempdir().unwrap();
        build(directory.path(), &interfaces, &packets, cuts()[number % cuts().len()]);
        let (tape, capture) = (Source::tape(directory.path()), Source::captures([path.clone()]));
        let query = Query { expression: Some(parsed(both[number % 2])), ..Query::default() };
        let (of_tape, of_capture) = (ask_packets(&tape, &query).0, ask_packets(&capture, &query).0);
        assert!(of_tape == of_capture, "{}: {} {}", path.display(), of_tape.len(), of_capture.len());
        assert_eq!(ask_flows(&tape, &query).len(), ask_flows(&capture, &query).len(), "{}", path.display());
        found += of_tape.len();
    }
    assert!(found > 100, "{found}");
}
