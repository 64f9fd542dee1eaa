//! What is read by rows and indexes, against all packets read one after the other.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use packet::generate::{Generator, Traffic};
use packet::{Interface, Timestamp};
use tape::format::names::Encoding;
use tape::question::{Query, Source, conversations, flows, flows_in_any_order};

use crate::built_tape::{Cut, Owned, build, index};
use crate::expressions::{refusal, tcpdump};
use crate::question::{CUT, ask_flows, ask_packets, read_capture, some_captures};
use crate::random_questions::{Pool, Random};
use crate::shared_captures::folder;

/// Many small segments and flow files, so that nothing is simply read whole.
const MANY: Cut = Cut { frame_bytes: 3000, segment_frames: 1, checkpoint_packets: 60, ..CUT };

pub(crate) const MANYS: [Cut; 5] = [
    MANY,
    Cut { encoding: Encoding::Plain, checkpoint_packets: 200, ..MANY },
    Cut { checkpoint_packets: 17, head_bytes: 500, ..MANY },
    Cut { frame_bytes: 900, checkpoint_packets: 400, without_catalog: true, ..MANY },
    // Readers have to cut the content by themselves, and not where flow files do.
    Cut { encoding: Encoding::Plain, segment_frames: 12, without_catalog: true, ..MANY },
];

/// Captures of traffic with everything that makes a planner wrong.
pub(crate) fn made_captures(directory: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for seed in 0..6 {
        let traffic = Traffic {
            seed,
            flows: 150,
            concurrent: 30,
            flow_bytes_max: 8_000,
            gap_ns: [20_000, 3_000_000_000][seed as usize % 2],
            vlan_percent: 20,
            tunnel_percent: 25,
            // Fragments that are seconds apart are told by nobody.
            fragment_percent: [50, 0][seed as usize % 2],
            ..Traffic::default()
        };
        let path = directory.join(format!("{seed}.pcapng"));
        Generator::new(traffic).write_pcapng(File::create(&path).unwrap()).unwrap();
        paths.push(path);
    }
    paths
}

/// A capture, and a tape of it.
pub(crate) struct Pair {
    path: PathBuf,
    interfaces: Vec<Interface>,
    pub(crate) packets: Vec<Owned>,
    tape: tempfile::TempDir,
    cut: Cut,
}

impl Pair {
    pub(crate) fn new(path: PathBuf, cut: Cut, indexed: bool) -> Option<Self> {
        let (interfaces, packets) = read_capture(&path)?;
        // Several link types are another test's.
        let [_] = interfaces.as_slice() else { return None };
        let tape = tempfile::tempdir().unwrap();
        build(tape.path(), &interfaces, &packets, cut);
        if indexed {
            index(tape.path());
        }
        Some(Self { path, interfaces, packets, tape, cut })
    }

    pub(crate) fn sources(&self) -> (Source, Source) {
        (Source::tape(self.tape.path()), Source::captures([self.path.clone()]))
    }
}

/// Rows that can be compared: how long a flow was silent is not told by times that are not in order.
fn rows(source: &Source, query: &Query, in_order: bool) -> BTreeSet<String> {
    let rows = ask_flows(source, query).into_iter();
    let without = |row: String| {
        let (before, after) = row.split_once("end_reason: ").unwrap();
        format!("{before}{}", after.split_once(", proto").unwrap().1)
    };
    if in_order { rows.collect() } else { rows.map(without).collect() }
}

/// Packets of conversations, each with the number of its flow among them, and whether the client sent it.
fn spoken(source: &Source, query: &Query) -> Vec<(Owned, usize, bool)> {
    let (mut flows, mut found) = (Vec::new(), Vec::new());
    conversations(source, query, &mut |packet, interface, spoken| {
        assert_eq!(*spoken.headers, packet::decode(interface.link_type, packet.data, packet.wire_bytes));
        let known = flows.iter().position(|known| *known == spoken.flow_id);
        let number = known.unwrap_or(flows.len());
        if known.is_none() {
            flows.push(spoken.flow_id);
        }
        found.push((Owned { interface: 0, ..Owned::of(packet) }, number, spoken.from_client));
        ControlFlow::Continue(())
    })
    .unwrap();
    found
}

/// The tape and the capture agree on conversations, and these are the packets of whole flows.
fn check_conversations(pair: &Pair, query: &Query, what: &str) {
    let (tape, capture) = pair.sources();
    let of_tape = spoken(&tape, query);
    assert!(of_tape == spoken(&capture, query), "{what}: other conversations");
    let whole = ask_packets(&tape, &Query { whole_flows: true, ..query.clone() }).0;
    let is_same = of_tape.iter().map(|(packet, ..)| packet).eq(whole.iter().map(|(packet, _)| packet));
    assert!(is_same, "{what}: {} packets, not {}", of_tape.len(), whole.len());
}

fn check(pair: &Pair, query: &Query) -> usize {
    let (tape, capture) = pair.sources();
    let what = format!("{} {:?} {query:?}", pair.path.display(), pair.cut);
    if let Some(refused) = refusal(&capture, query) {
        assert_eq!(refusal(&tape, query), Some(refused), "{what}");
        return 0;
    }
    let of_capture = ask_packets(&capture, query).0;
    if refusal(&tape, query).is_some() {
        // Of a capture, what is within no times is not asked of any packet.
        assert!(of_capture.is_empty(), "{what}");
        return 0;
    }
    let (of_tape, coverage) = ask_packets(&tape, query);
    assert!(of_tape == of_capture, "{what}: {} packets, not {}", of_tape.len(), of_capture.len());
    assert!(coverage.damaged.is_empty() && coverage.rowless_frames == 0, "{what} {coverage:?}");
    if query.whole_flows {
        check_conversations(pair, query, &what);
    }
    let query = Query { whole_flows: false, ..query.clone() };
    let in_order = pair.packets.is_sorted_by_key(|packet| packet.time);
    let (of_tape_rows, of_capture_rows) = (rows(&tape, &query, in_order), rows(&capture, &query, in_order));
    let missing: Vec<&String> = of_capture_rows.difference(&of_tape_rows).collect();
    let surplus: Vec<&String> = of_tape_rows.difference(&of_capture_rows).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "missing: {missing:#?} surplus: {surplus:#?} {what}");
    of_tape.len()
}

#[test]
fn random_questions_are_answered_as_by_reading_everything() {
    let directory = tempfile::tempdir().unwrap();
    let made = made_captures(directory.path());
    let mut captures: Vec<PathBuf> = made.iter().chain(&made).cloned().collect();
    captures.extend(folder().into_iter().flat_map(|root| some_captures(&root)).step_by(3));
    let mut random = Random(1);
    let (mut asked, mut found, mut compared) = (0, 0, 0);
    for (number, path) in captures.into_iter().enumerate() {
        let Some(pair) = Pair::new(path, MANYS[number % MANYS.len()], number % 5 != 4) else { continue };
        let pool = Pool::of(&pair.interfaces, &pair.packets);
        for _ in 0..(15_000 / pair.packets.len()).clamp(4, 40) {
            let query = pool.query(&mut random, &pair.packets);
            found += usize::from(check(&pair, &query) > 0);
            asked += 1;
        }
        let expression = pool.pcap(&mut random, 2);
        if let Some(count) = tcpdump(&pair.path, &expression) {
            let expression = crate::expressions::parsed(&expression);
            let query = Query { expression: Some(expression), ..Query::default() };
            assert_eq!(ask_packets(&pair.sources().0, &query).0.len(), count, "{} {query:?}", pair.path.display());
            compared += 1;
        }
    }
    assert!(asked > 500 && found > asked / 5, "{asked} {found} {compared}");
}

#[test]
fn limits_and_orders() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(2);
    for (number, path) in made_captures(directory.path()).into_iter().enumerate() {
        let pair = Pair::new(path, MANYS[number % MANYS.len()], number % 2 == 0).unwrap();
        let (tape, _) = pair.sources();
        let pool = Pool::of(&pair.interfaces, &pair.packets);
        for _ in 0..20 {
            let query = pool.query(&mut random, &pair.packets);
            if refusal(&tape, &query).is_some() {
                continue;
            }
            let ids = |query: &Query, any_order: bool| {
                let mut ids = Vec::new();
                let mut sink = |flow: &tape::question::Flow| {
                    ids.push((flow.row.clone(), flow.kept));
                    ControlFlow::Continue(())
                };
                let coverage = if any_order {
                    flows_in_any_order(&tape, query, &mut sink)
                } else {
                    flows(&tape, query, &mut sink)
                };
                assert_eq!(coverage.unwrap().matched, ids.len() as u64);
                ids
            };
            let all = ids(&query, false);
            assert!(all.is_sorted_by(|one, next| one.0.by_start(&next.0).is_lt()));
            let mut in_any_order = ids(&query, true);
            in_any_order.sort_by(|one, next| one.0.by_start(&next.0));
            assert_eq!(in_any_order, all, "{query:?}");
            for limit in [0, 1, 3, all.len(), all.len() + 5] {
                let limited = Query { limit: Some(limit as u64), ..query.clone() };
                assert_eq!(ids(&limited, false), all[..limit.min(all.len())], "{limited:?}");
                assert_eq!(ids(&limited, true).len(), limit.min(all.len()), "{limited:?}");
            }
        }
    }
}

#[test]
fn packets_of_flows_by_ids_and_times() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(3);
    for (number, path) in made_captures(directory.path()).into_iter().enumerate() {
        let pair = Pair::new(path, MANYS[number % MANYS.len()], number % 3 != 2).unwrap();
        let (tape, _) = pair.sources();
        let mut spans = Vec::new();
        flows(&tape, &Query::default(), &mut |flow| {
            spans.push((
                flow.row.flow_id,
                flow.row.start,
                flow.row.end,
                flow.row.pkts_toserver + flow.row.pkts_toclient,
            ));
            ControlFlow::Continue(())
        })
        .unwrap();
        for _ in 0..20 {
            let (id, start, end, count) = spans[random.below(spans.len())];
            let by_id = Query { flow_ids: vec![id], ..Query::default() };
            assert_eq!(ask_packets(&tape, &by_id).0.len() as u64, count);
            // Its row is whole, however little of it is asked for.
            let middle = Timestamp(start.0 + (end.0 - start.0) / 2);
            for (from, to) in [(Some(start), Some(Timestamp(start.0 + 1))), (Some(end), None), (Some(middle), None)] {
                let query = Query { from, to, ..by_id.clone() };
                let mut found = None;
                flows(&tape, &query, &mut |flow| {
                    found = Some(flow.row.pkts_toserver + flow.row.pkts_toclient);
                    ControlFlow::Continue(())
                })
                .unwrap();
                assert_eq!(found, Some(count), "{query:?}");
            }
        }
    }
}

/// Fragments that come seconds after the first of their datagram: the first says what flow they are of, even if it is
/// not of the times that are asked for.
#[test]
fn late_fragments_are_of_their_flow() {
    let interfaces = vec![Interface {
        link_type: packet::LinkType::ETHERNET,
        snaplen: 0,
        name: Some("eth0".into()),
        description: None,
    }];
    let fragment = |second: i64, id: u8, offset: u8, more: bool| {
        let mut data = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        data.extend([0x45, 0, 0, 36, 0, id, if more { 0x20 } else { 0 }, offset, 64, 17, 0, 0]);
        data.extend([10, 0, 0, 1, 198, 51, 100, 7, 0x30, id, 0, 53, 0, 40, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        let time = Timestamp((1_700_000_000 + second) * 1_000_000_000);
        let direction = packet::PacketDirection::Unknown;
        Owned { time, wire_bytes: data.len() as u32, data, interface: 0, direction }
    };
    let first = (0..20).map(|id| fragment(0, id, 0, true));
    let packets: Vec<Owned> = first.chain((0..20).map(|id| fragment(20, id, 2, false))).collect();
    let tape = tempfile::tempdir().unwrap();
    build(tape.path(), &interfaces, &packets, Cut { frame_bytes: 200, ..MANY });
    index(tape.path());
    let expression = Some(crate::expressions::parsed("src_port = 12291"));
    let query = Query { expression, from: Some(packets[20].time), ..Query::default() };
    let (found, _) = ask_packets(&Source::tape(tape.path()), &query);
    assert_eq!(found.iter().map(|(packet, _)| packet).collect::<Vec<_>>(), [&packets[23]]);
}

/// UDP of one flow in IP-in-IP: from 192.0.2.1 to one of several addresses of the other gateway; `fragment` says which of two it is.
fn in_a_tunnel(second: i64, gateway: u8, id: u8, fragment: Option<bool>) -> Owned {
    let mut data = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let (more, offset) = fragment.map_or((0, 0), |is_later| if is_later { (0, 2) } else { (0x20, 0) });
    data.extend([0x45, 0, 0, 56, 0, id, 0, 0, 64, 4, 0, 0, 192, 0, 2, 1, 192, 0, 2, gateway]);
    data.extend([0x45, 0, 0, 36, 0, id, more, offset, 64, 17, 0, 0, 10, 0, 0, 1, 198, 51, 100, 7]);
    data.extend([0x30, 0, 0, 53, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let time = Timestamp((1_700_000_000 + second) * 1_000_000_000);
    Owned { time, wire_bytes: data.len() as u32, data, interface: 0, direction: packet::PacketDirection::Unknown }
}

/// A flow in a tunnel that changes its addresses may match whatever address is asked for: only what says so is read.
#[test]
fn of_a_tunnel_that_moves_little_is_read() {
    let interfaces =
        vec![Interface { link_type: packet::LinkType::ETHERNET, snaplen: 0, name: None, description: None }];
    let moves = |second: i64| (200..240).contains(&second);
    let gateway = |second: i64| if moves(second) { 2 + (second % 2) as u8 } else { 2 };
    let last = |id: u8| if id == 39 { 6 } else { 4 + id % 2 };
    let mut packets: Vec<Owned> =
        (0..360).map(|second| in_a_tunnel(second, gateway(second), second as u8, None)).collect();
    packets.extend((0..40).map(|id| in_a_tunnel(400, last(id), id, Some(false))));
    packets.extend((0..40).map(|id| in_a_tunnel(420, last(id), id, Some(true))));
    let tape = tempfile::tempdir().unwrap();
    build(tape.path(), &interfaces, &packets, Cut { checkpoint_packets: 40, ..MANY });
    index(tape.path());
    let check = |expression: &str, from: Option<Timestamp>, expected: &[u64], frames_max: u64| {
        let query = Query { expression: Some(crate::expressions::parsed(expression)), from, ..Query::default() };
        let mut found = Vec::new();
        let coverage = flows(&Source::tape(tape.path()), &query, &mut |flow| {
            found.push(flow.row.pkts_toserver);
            ControlFlow::Continue(())
        });
        assert_eq!(found, expected, "{expression}");
        let stages = coverage.unwrap().explanation.stages;
        let read: u64 = stages.iter().filter(|stage| stage.what == "frames").map(|stage| stage.left).sum();
        assert!(read <= frames_max, "{expression}: {read} frames");
    };
    check("host 203.0.113.99 and port 9", None, &[], 6);
    check("host 192.0.2.3", None, &[440], 6);
    check("host 192.0.2.6", Some(packets[400].time), &[440], 99);
}

/// Without any one file of the catalog the answers are the same; without a flow file packets are.
#[test]
fn files_that_are_missing_are_made_up_for_or_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(4);
    for (number, path) in made_captures(directory.path()).into_iter().take(3).enumerate() {
        let pair = Pair::new(path, MANYS[number % 3], true).unwrap();
        let pool = Pool::of(&pair.interfaces, &pair.packets);
        for folder in ["catalog", "flows", "client", "server", "transit", "junk", "bulk"] {
            let Ok(listed) = fs::read_dir(pair.tape.path().join(folder)) else { continue };
            let mut files: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
            files.sort();
            for file in files.iter().step_by(files.len().div_ceil(8)) {
                let bytes = fs::read(file).unwrap();
                fs::remove_file(file).unwrap();
                for _ in 0..4 {
                    let query = pool.query(&mut random, &pair.packets);
                    check_without(&pair, &query, folder);
                }
                fs::write(file, bytes).unwrap();
            }
        }
    }
}

/// What only predicates on fields have.
const FIELD_SIGNS: &[&str] = &["_", "addr ", "proto = ", "direction", "duration", "tunnel", "vlan = "];

fn check_without(pair: &Pair, query: &Query, folder: &str) {
    let (tape, capture) = pair.sources();
    let what = format!("{} without a file of {folder} {query:?}", pair.path.display());
    if refusal(&capture, query).is_some() {
        return;
    }
    let (of_tape, coverage) = ask_packets(&tape, query);
    let of_capture = ask_packets(&capture, query).0;
    let text = query.expression.as_ref().map_or("", |expression| expression.text());
    let needs_rows = query.whole_flows || FIELD_SIGNS.iter().any(|sign| text.contains(sign));
    let is_same = of_tape == of_capture;
    match folder {
        "catalog" => assert!(is_same, "{what}: {} of {}", of_tape.len(), of_capture.len()),
        "flows" if !needs_rows => assert!(is_same, "{what}: {} of {}", of_tape.len(), of_capture.len()),
        _ => assert!(is_same || !coverage.is_complete(), "{what} {coverage:?}"),
    }
    let query = Query { whole_flows: false, ..query.clone() };
    let is_same = rows(&tape, &query, false) == rows(&capture, &query, false);
    let coverage = flows(&tape, &query, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(is_same || (folder != "catalog" && !coverage.is_complete()), "{what}");
}
