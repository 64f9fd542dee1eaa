//! Expressions: tapes and captures against tcpdump.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::sync::Arc;

use filter::NoNames;
use flow::{ConnState, Direction, FlowRow};
use packet::capture::{PcapWriter, Resolution};
use packet::{Interface, LinkType, Timestamp};
use tape::Error;
use tape::question::{Expression, Query, Source};

use crate::built_tape::{Owned, build};
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
    "not vlan",
    "inbound",
    "type mgt",
];

pub(crate) fn parsed(text: &str) -> Expression {
    Expression::new(text, Arc::new(NoNames), &|_| None).unwrap()
}

/// How many packets tcpdump finds.
pub(crate) fn tcpdump(path: &std::path::Path, expression: &str) -> Option<usize> {
    let output =
        Command::new("tcpdump").arg("-nntr").arg(path).args(["--count", expression]).stderr(Stdio::null()).output();
    let output = output.ok()?;
    String::from_utf8(output.stdout).ok()?.split(' ').next()?.parse().ok()
}

/// Why the packets of a source cannot be asked at all.
pub(crate) fn refusal(source: &Source, query: &Query) -> Option<String> {
    let refused = tape::question::packets(source, query, &mut |_, _| ControlFlow::Continue(())).err()?;
    let of_flows = tape::question::flows(source, query, &mut |_| ControlFlow::Continue(())).err();
    assert_eq!(of_flows.map(|error| error.to_string()), Some(refused.to_string()));
    Some(refused.to_string())
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
            if let Some(refused) = refusal(&capture, &query) {
                assert_eq!(refusal(&tape, &query), Some(refused), "{what}");
                assert_eq!(tcpdump(&path, expression.text()).filter(|_| interfaces.len() == 1), None, "{what}");
                continue;
            }
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

/// Packets of two link types that are recorded on one tape: a datagram each.
fn of_two_link_types() -> (Vec<Interface>, Vec<Owned>) {
    let ip = [0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    let ports = |number| [0, 20 + number as u8, 0, 9, 0, 8, 0, 0];
    let headers: [&[u8]; 2] = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0], &[2, 0, 0, 0]];
    let interface =
        |(name, link_type)| Interface { link_type, snaplen: 0, name: Some(String::from(name)), description: None };
    let interfaces = [("eth0", LinkType::ETHERNET), ("lo0", LinkType::NULL)].map(interface).to_vec();
    let packet = |(number, header): (u32, &[u8])| {
        let data = [header, &ip, &ports(number)].concat();
        let time = Timestamp(1_700_000_000_000_000_000 + i64::from(number));
        let direction = packet::PacketDirection::Unknown;
        Owned { time, wire_bytes: data.len() as u32, data, interface: number, direction }
    };
    (interfaces, (0..).zip(headers).map(packet).collect())
}

#[test]
fn what_a_link_type_cannot_be_asked() {
    let (interfaces, packets) = of_two_link_types();
    let check = |kept: &[Owned], expression: &str, expected: Result<(usize, Vec<u16>), LinkType>| {
        for cut in cuts() {
            let directory = tempfile::tempdir().unwrap();
            build(directory.path(), &interfaces, kept, cut);
            let source = Source::tape(directory.path());
            let query = Query { expression: Some(parsed(expression)), ..Query::default() };
            let mut counts = (0, 0);
            let of_packets = tape::question::packets(&source, &query, &mut |_, _| {
                counts.0 += 1;
                ControlFlow::Continue(())
            });
            let of_flows = tape::question::flows(&source, &query, &mut |_| {
                counts.1 += 1;
                ControlFlow::Continue(())
            });
            for (answer, count) in [(of_packets, counts.0), (of_flows, counts.1)] {
                let found = match answer {
                    Ok(coverage) => {
                        Ok((count, coverage.unjudged.iter().map(|unjudged| unjudged.link_type.0).collect()))
                    }
                    Err(Error::Expression { link_type, .. }) => Err(link_type),
                    Err(error) => panic!("{error}"),
                };
                assert_eq!(found, expected, "{expression} {cut:?}");
            }
        }
    };
    check(&packets, "udp", Ok((2, vec![])));
    check(&packets, "not vlan", Ok((1, vec![0])));
    check(&packets, "ether host 2:0:0:0:0:9", Ok((0, vec![0])));
    check(&packets, "type mgt", Err(LinkType::NULL));
    check(&packets[1..], "not vlan", Err(LinkType::NULL));
    // Rows rule out all packets, and what cannot be asked is an error still.
    check(&packets[1..], "arp", Err(LinkType::NULL));
    check(&packets[..1], "inbound", Err(LinkType::ETHERNET));
    // A field decides without the packet.
    check(&packets[1..], "dest_port = 9 or (inbound)", Err(LinkType::NULL));
    check(&packets, "dest_port = 9 or (ether host 2:0:0:0:0:9)", Ok((2, vec![])));
}

#[test]
fn packets_that_were_cut_are_not_taken_for_others() {
    let (interfaces, mut packets) = of_two_link_types();
    packets.truncate(1);
    packets[0].wire_bytes = 200;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut.pcap");
    let mut writer = PcapWriter::new(Vec::new(), LinkType::ETHERNET, 42, Resolution::NANOSECONDS);
    writer.packet(&packets[0].packet(1)).unwrap();
    std::fs::write(&path, writer.finish().unwrap()).unwrap();
    let check = |expression: &str, expected: (usize, u64)| {
        for cut in cuts() {
            let directory = tempfile::tempdir().unwrap();
            build(directory.path(), &interfaces, &packets, cut);
            for source in [Source::tape(directory.path()), Source::captures([path.clone()])] {
                let query = Query { expression: Some(parsed(expression)), ..Query::default() };
                let (mut of_packets, mut of_flows) = (0, 0);
                let coverage = tape::question::packets(&source, &query, &mut |_, _| {
                    of_packets += 1;
                    ControlFlow::Continue(())
                });
                // Where rows are asked as well, it is the flow that may match.
                let undecided = coverage.map(|it| it.undecided_packets.max(it.undecided_flows)).unwrap();
                assert_eq!((of_packets, undecided), expected, "{expression} {source:?}");
                let coverage = tape::question::flows(&source, &query, &mut |_| {
                    of_flows += 1;
                    ControlFlow::Continue(())
                });
                assert_eq!((of_flows, coverage.unwrap().undecided_flows), expected, "{expression} {source:?}");
            }
        }
    };
    check("udp port 9", (1, 0));
    check("udp[8] = 5", (0, 1));
    check("udp[8] != 5", (0, 1));
    check("udp[150] = 5 or tcp", (0, 1));
    // The packet has no such byte.
    check("udp[166] = 5", (0, 0));
    check("port 7 and udp[8] = 5", (0, 0));
    check("(udp[8] = 5) and dest_port = 9", (0, 1));
    check("(udp[8] = 5) or dest_port = 9", (1, 0));
    check("(udp[8] = 5) and dest_port = 7", (0, 0));
    check("greater 200", (1, 0));
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
        if refusal(&capture, &query).is_some() {
            continue;
        }
        let (of_tape, of_capture) = (ask_packets(&tape, &query).0, ask_packets(&capture, &query).0);
        assert!(of_tape == of_capture, "{}: {} {}", path.display(), of_tape.len(), of_capture.len());
        assert_eq!(ask_flows(&tape, &query).len(), ask_flows(&capture, &query).len(), "{}", path.display());
        found += of_tape.len();
    }
    assert!(found > 100, "{found}");
}
