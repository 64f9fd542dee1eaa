//! Expressions: tapes and captures against tcpdump.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::Arc;

use filter::NoNames;
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
            let expression = Expression::new(expression, Arc::new(NoNames)).unwrap();
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
