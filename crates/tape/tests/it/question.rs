//! Questions to tapes that were built by hand, and the same questions to the captures that they were built of.

use std::collections::BTreeSet;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use packet::capture::Reader;
use packet::{Interface, Timestamp};
use tape::format::names::Encoding;
use tape::question::{Coverage, Query, Source, estimate, flows, packets};

use crate::built_tape::{Builder, Cut, Owned, build};
use crate::expressions::parsed;
use crate::planner::made_captures;
use crate::said::Speech;
use crate::shared_captures::{folder, truth};

pub(crate) const CUT: Cut = Cut {
    encoding: Encoding::Zstd,
    checkpoint_packets: 100,
    frame_bytes: 16_000,
    segment_frames: 4,
    park_packets: 30,
    without_catalog: false,
    head_bytes: 16_384,
    with_payload: false,
};

/// Ways to cut a tape.
pub(crate) fn cuts() -> Vec<Cut> {
    vec![
        CUT,
        Cut { encoding: Encoding::Plain, ..CUT },
        Cut { without_catalog: true, checkpoint_packets: 77, ..CUT },
        Cut { encoding: Encoding::Plain, without_catalog: true, ..CUT },
        Cut { checkpoint_packets: usize::MAX, ..CUT },
        Cut { frame_bytes: 500, segment_frames: 1000, checkpoint_packets: 1000, park_packets: 300, ..CUT },
        Cut { head_bytes: 500, checkpoint_packets: 13, segment_frames: 1, ..CUT },
    ]
}

/// Captures with different link types, sizes and disorder, that can be read to the end.
pub(crate) fn some_captures(root: &Path) -> Vec<PathBuf> {
    let rows = truth(root, "captures.jsonl");
    let wanted = rows.iter().filter(|row| row["packets"].as_u64().is_some_and(|count| (2..3000).contains(&count)));
    wanted.filter_map(|row| Some(root.join(row["pcap"].as_str()?))).collect()
}

pub(crate) fn read_capture(path: &Path) -> Option<(Vec<Interface>, Vec<Owned>)> {
    let mut reader = Reader::new(File::open(path).unwrap()).ok()?;
    let mut packets = Vec::new();
    while let Some(packet) = reader.next().ok()? {
        packets.push(Owned::of(&packet));
    }
    Some((reader.interfaces().to_vec(), packets))
}

pub(crate) fn ask_packets(source: &Source, query: &Query) -> (Vec<(Owned, Interface)>, Coverage) {
    let mut found = Vec::new();
    let coverage = packets(source, query, &mut |packet, interface| {
        found.push((Owned { interface: 0, ..Owned::of(packet) }, interface.clone()));
        ControlFlow::Continue(())
    });
    (found, coverage.unwrap())
}

pub(crate) fn ask_flows(source: &Source, query: &Query) -> Vec<String> {
    let mut found = Vec::new();
    flows(source, query, &mut |flow| {
        let mut row = flow.row.clone();
        // Names differ by tape, lanes and interfaces are of a tape alone.
        (row.flow_id, row.lanes, row.in_iface) = Default::default();
        found.push(format!("{row:?} {:?}", flow.in_iface));
        ControlFlow::Continue(())
    })
    .unwrap();
    found.sort();
    found
}

fn without_end_reason(row: &str) -> String {
    let (before, after) = row.split_once("end_reason: ").unwrap();
    format!("{before}{}", after.split_once(", proto").unwrap().1)
}

/// Runs `check` for tapes and what they were built of.
fn for_tapes(check: impl Fn(&Source, &Source, &[Interface], &[Owned], &str)) {
    let Some(root) = folder() else { return };
    for (number, path) in some_captures(&root).into_iter().enumerate() {
        let Some((interfaces, packets)) = read_capture(&path) else { continue };
        let cut = cuts()[number % cuts().len()];
        let directory = tempfile::tempdir().unwrap();
        build(directory.path(), &interfaces, &packets, cut);
        let what = format!("{} {cut:?}", path.display());
        check(&Source::tape(directory.path()), &Source::captures([path]), &interfaces, &packets, &what);
    }
}

#[test]
fn packets_come_out_as_they_went_in() {
    for_tapes(|tape, _, interfaces, packets, what| {
        let (found, coverage) = ask_packets(tape, &Query::default());
        assert!(coverage.is_complete(), "{what} {coverage:?}");
        assert_eq!(found.len(), packets.len(), "{what}");
        for (at, ((found, interface), expected)) in found.iter().zip(packets).enumerate() {
            assert_eq!(*found, Owned { interface: 0, ..expected.clone() }, "{what} packet {at}");
            assert_eq!(*interface, interfaces[expected.interface as usize], "{what} packet {at}");
        }
    });
}

#[test]
fn flows_of_a_tape_are_those_of_the_capture() {
    for_tapes(|tape, capture, _, packets, what| {
        let query = Query::default();
        let (mut of_tape, mut of_capture) = (ask_flows(tape, &query), ask_flows(capture, &query));
        if !packets.is_sorted_by_key(|packet| packet.time) {
            // How long a flow was silent is not told by its packets' times then.
            of_tape.iter_mut().chain(&mut of_capture).for_each(|row| *row = without_end_reason(row));
            of_tape.sort();
            of_capture.sort();
        }
        assert_eq!(of_tape.len(), of_capture.len(), "{what}");
        for (one, other) in of_tape.iter().zip(&of_capture) {
            assert_eq!(one, other, "{what}");
        }
    });
}

#[test]
fn times_and_whole_flows() {
    for_tapes(|tape, capture, _, packets, what| {
        let mut times: Vec<_> = packets.iter().map(|packet| packet.time).collect();
        times.sort();
        let (from, to) = (times[times.len() / 3], times[times.len() * 2 / 3]);
        let query = Query { from: Some(from), to: Some(to), ..Query::default() };
        let expected = packets.iter().filter(|packet| packet.time >= from && packet.time < to).count();
        assert_eq!(ask_packets(tape, &query).0.len(), expected, "{what}");
        assert_eq!(ask_flows(tape, &query), ask_flows(capture, &query), "{what}");
        let whole = Query { whole_flows: true, ..query };
        let (of_tape, of_capture) = (ask_packets(tape, &whole).0, ask_packets(capture, &whole).0);
        assert!(of_tape == of_capture, "{what}: {} {}", of_tape.len(), of_capture.len());
    });
}

#[test]
fn times_that_nothing_covers_are_gaps() {
    for_tapes(|tape, capture, _, packets, what| {
        let times = || packets.iter().map(|packet| packet.time);
        let (first, last) = (times().min().unwrap(), times().max().unwrap());
        let late = Timestamp(last.0 + 2_000_000_000);
        let rows = [
            (None, None, 0),
            (Some(first), Some(Timestamp(last.0 + 1)), 0),
            (Some(first), None, 0),
            (None, Some(first), 1),
            (Some(Timestamp(first.0 - 1)), None, 1),
            (Some(late), None, 1),
            (None, Some(late), 1),
            (Some(Timestamp(first.0 - 1)), Some(late), 2),
        ];
        for (from, to, gaps) in rows {
            let query = Query { from, to, ..Query::default() };
            for source in [tape, capture] {
                let coverage = ask_packets(source, &query).1;
                assert_eq!(coverage.gaps.len(), gaps, "{what} {from:?} {to:?} {coverage:?}");
                let of_flows = flows(source, &query, &mut |_| ControlFlow::Continue(())).unwrap();
                assert_eq!(of_flows.gaps.len(), gaps, "{what} {from:?} {to:?}");
            }
        }
    });
}

#[test]
fn packets_of_a_flow_by_its_id() {
    for_tapes(|tape, _, _, packets, what| {
        let mut counts = Vec::new();
        flows(tape, &Query::default(), &mut |flow| {
            counts.push((flow.row.flow_id, flow.row.pkts_toserver + flow.row.pkts_toclient));
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), packets.len() as u64, "{what}");
        for (id, count) in counts.iter().step_by(5) {
            let query = Query { flow_ids: vec![*id], ..Query::default() };
            assert_eq!(ask_packets(tape, &query).0.len() as u64, *count, "{what} {id}");
        }
    });
}

/// What is estimated is never too low, and exact where everything is asked for.
#[test]
fn estimates_are_upper_bounds() {
    for_tapes(|tape, _, _, packets, what| {
        let estimated = |query: &Query| estimate(tape, query).unwrap().unwrap();
        let all = estimated(&Query::default());
        let bytes: u64 = packets.iter().map(|packet| packet.data.len() as u64).sum();
        assert_eq!((all.packets_max, all.bytes_max), (packets.len() as u64, bytes), "{what}");
        let middle = packets[packets.len() / 2].time;
        for query in [Query { from: Some(middle), ..Query::default() }, Query { to: Some(middle), ..Query::default() }]
        {
            let found = ask_packets(tape, &query).0.len() as u64;
            assert!(estimated(&query).packets_max >= found, "{what}");
        }
        let some = estimated(&Query { limit: Some(1), ..Query::default() });
        assert!(some.packets_max == 1 && some.bytes_max <= bytes, "{what}");
    });
}

#[test]
fn live_packets_come_once_and_in_their_lanes_order() {
    let Some(root) = folder() else { return };
    let path = root.join("zeek+zeek/testing/btest/Traces/wikipedia.trace");
    let paths = if path.exists() { vec![path] } else { some_captures(&root) };
    let (interfaces, packets) = paths.iter().find_map(|path| read_capture(path)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut builder = Builder::new(directory.path(), &interfaces, Cut { park_packets: 3, ..CUT });
    let half = packets.len() / 2;
    (1..).zip(&packets[..half]).for_each(|(arrival, packet)| builder.take(packet, arrival));
    builder.sync();
    let source = Source::tape(directory.path());
    let query = Query { live: true, from: Some(Timestamp::MIN), limit: Some(packets.len() as u64), ..Query::default() };
    let (sender, receiver) = std::sync::mpsc::channel();
    let asking = std::thread::spawn(move || {
        tape::question::packets(&source, &query, &mut |packet, _| {
            sender.send(packet.arrival.unwrap()).unwrap();
            ControlFlow::Continue(())
        })
    });
    for (arrival, packet) in (half as u64 + 1..).zip(&packets[half..]) {
        builder.take(packet, arrival);
        if arrival % 20 == 0 {
            builder.sync();
            std::thread::sleep(std::time::Duration::from_millis(30));
        }
    }
    builder.finish();
    let mut arrivals = Vec::new();
    while arrivals.len() < packets.len() {
        arrivals.push(receiver.recv_timeout(std::time::Duration::from_secs(5)).unwrap());
    }
    assert_eq!(asking.join().unwrap().unwrap().matched, packets.len() as u64);
    arrivals.sort();
    assert_eq!(arrivals, (1..=packets.len() as u64).collect::<Vec<_>>());
}

#[test]
fn live_flows_come_when_they_match_and_when_they_end() {
    let Some(root) = folder() else { return };
    let paths = some_captures(&root);
    let (interfaces, packets) = paths.iter().find_map(|path| read_capture(path)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut builder = Builder::new(directory.path(), &interfaces, CUT);
    builder.sync();
    let source = Source::tape(directory.path());
    let query = Query { live: true, from: Some(Timestamp::MIN), ..Query::default() };
    let (sender, receiver) = std::sync::mpsc::channel();
    let live_source = source.clone();
    std::thread::spawn(move || {
        flows(&live_source, &query, &mut |flow| match sender.send(flow.row.clone()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        })
    });
    for (arrival, packet) in (1..).zip(&packets) {
        builder.take(packet, arrival);
        if arrival % 100 == 0 {
            builder.sync();
            std::thread::sleep(std::time::Duration::from_millis(60));
        }
    }
    builder.finish();
    let mut last = std::collections::HashMap::new();
    while let Ok(row) = receiver.recv_timeout(std::time::Duration::from_secs(2)) {
        last.insert(row.flow_id, row);
    }
    let mut count = 0;
    flows(&source, &Query::default(), &mut |flow| {
        count += 1;
        let live = last.get(&flow.row.flow_id);
        assert!(live.is_some(), "{:?}", flow.row);
        // Those that are silent at the end come again only when they have been so for long enough.
        if live.unwrap().end_reason.is_some() {
            assert_eq!(live.unwrap().pkts_toserver, flow.row.pkts_toserver, "{:?}", flow.row);
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(last.len(), count);
}

/// The recorder reads what is said when it writes rows, which can be an hour later: whoever asks reads it as it comes.
#[test]
fn live_flows_come_by_what_is_said_in_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = made_captures(directory.path()).remove(0);
    let (interfaces, packets) = read_capture(&path).unwrap();
    let tape = directory.path().join("t");
    let cut = Cut { head_bytes: u32::MAX, checkpoint_packets: usize::MAX, ..CUT };
    let mut builder = Builder::new(&tape, &interfaces, cut);
    let some = packets.len() / 3;
    (1..).zip(&packets[..some]).for_each(|(arrival, packet)| builder.take(packet, arrival));
    builder.sync();
    let query = |expression: &str| Query {
        expression: Some(parsed(expression)),
        payload: Some(Speech::begin),
        ..Query::default()
    };
    let expressions = ["dns_queries = q3.example", "tls_sni in (sni1, sni2)", "http_user_agent = \"Agent 3\" and udp"];
    let asking = expressions.map(|expression| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let live = Query { live: true, from: Some(Timestamp::MIN), ..query(expression) };
        let source = Source::tape(&tape);
        std::thread::spawn(move || {
            flows(&source, &live, &mut |flow| match sender.send(flow.row.key()) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            })
        });
        receiver
    });
    // Time to begin.
    std::thread::sleep(std::time::Duration::from_millis(400));
    for (arrival, packet) in (some as u64 + 1..).zip(&packets[some..]) {
        builder.take(packet, arrival);
        if arrival % 100 == 0 {
            builder.sync();
            std::thread::sleep(std::time::Duration::from_millis(60));
        }
    }
    builder.finish();
    for (expression, receiver) in expressions.iter().zip(asking) {
        let mut live = BTreeSet::new();
        while let Ok(key) = receiver.recv_timeout(std::time::Duration::from_secs(2)) {
            live.insert(format!("{key:?}"));
        }
        let mut expected = BTreeSet::new();
        flows(&Source::captures([path.clone()]), &query(expression), &mut |flow| {
            expected.insert(format!("{:?}", flow.row.key()));
            ControlFlow::Continue(())
        })
        .unwrap();
        assert!(!expected.is_empty(), "{expression}");
        assert_eq!(live, expected, "{expression}");
    }
}
