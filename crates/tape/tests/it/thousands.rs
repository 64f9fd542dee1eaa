//! Thousands of random expressions to one tape, against every packet judged by itself, and against tcpdump.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use filter::question::{Truth, evaluate};
use filter::{NoNames, Options, compile, parse_question};
use packet::LinkType;
use packet::generate::{Generator, Traffic};
use tape::format::names::Encoding;
use tape::question::{Expression, Query, Source, flows, packets};

use crate::built_tape::{Cut, Owned, build, index};
use crate::expressions::tcpdump;
use crate::question::{CUT, read_capture};
use crate::random_questions::{Pool, Random};

const EXPRESSIONS: usize = 2500;

/// How many expressions come to one that tcpdump is asked too.
const TCPDUMP_EVERY: usize = 4;

/// A capture with everything that makes a planner wrong, and a tape of it in many small files.
struct Subject {
    directory: tempfile::TempDir,
    path: PathBuf,
    packets: Vec<Owned>,
    pool: Pool,
}

impl Subject {
    fn new() -> Self {
        let traffic = Traffic {
            seed: 11,
            flows: 250,
            concurrent: 40,
            flow_bytes_max: 6_000,
            gap_ns: 40_000_000,
            vlan_percent: 20,
            tunnel_percent: 25,
            fragment_percent: 20,
            ..Traffic::default()
        };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("capture.pcapng");
        Generator::new(traffic).write_pcapng(File::create(&path).unwrap()).unwrap();
        let (interfaces, packets) = read_capture(&path).unwrap();
        let cut =
            Cut { encoding: Encoding::Zstd, frame_bytes: 6000, segment_frames: 2, checkpoint_packets: 250, ..CUT };
        let tape = directory.path().join("tape");
        std::fs::create_dir(&tape).unwrap();
        build(&tape, &interfaces, &packets, cut);
        index(&tape);
        let pool = Pool::of(&interfaces, &packets);
        Self { directory, path, packets, pool }
    }

    fn tape(&self) -> Source {
        Source::tape(self.directory.path().join("tape"))
    }
}

#[test]
fn packets_are_those_that_match_alone() {
    let subject = Subject::new();
    let tape = subject.tape();
    let mut random = Random(5);
    let (mut found, mut compared) = (0, 0);
    for number in 0..EXPRESSIONS {
        let text = subject.pool.pcap(&mut random, 2);
        let Ok(expression) = Expression::new(&text, Arc::new(NoNames), &|_| None) else { continue };
        // What no packet can satisfy is an error.
        let Ok(program) = compile(&text, &Options::new(LinkType::ETHERNET)) else { continue };
        let mut query = Query { expression: Some(expression), ..Query::default() };
        if number % 3 == 0 {
            query.from = Some(subject.packets[random.below(subject.packets.len())].time);
        }
        let in_time = |packet: &&Owned| query.from.is_none_or(|from| packet.time >= from);
        let matching = subject.packets.iter().filter(in_time).filter(|p| program.matches(&p.data, p.wire_bytes));
        let expected: Vec<&[u8]> = matching.map(|packet| packet.data.as_slice()).collect();
        let mut answer: Vec<Vec<u8>> = Vec::new();
        let coverage = packets(&tape, &query, &mut |packet, _| {
            answer.push(packet.data.to_vec());
            ControlFlow::Continue(())
        });
        assert!(coverage.unwrap().damaged.is_empty());
        assert!(answer == expected, "{text} {:?}: {} packets, not {}", query.from, answer.len(), expected.len());
        found += usize::from(!answer.is_empty());
        if number % TCPDUMP_EVERY == 0
            && query.from.is_none()
            && let Some(count) = tcpdump(&subject.path, &text)
        {
            assert_eq!(answer.len(), count, "{text}");
            compared += 1;
        }
    }
    assert!(found > EXPRESSIONS / 4, "{found} {compared}");
}

#[test]
fn flows_by_fields_are_those_whose_rows_match_alone() {
    let subject = Subject::new();
    let tape = subject.tape();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut random = Random(6);
    for _ in 0..EXPRESSIONS {
        texts.insert(subject.pool.field(&mut random, 2), Vec::new());
    }
    let questions: Vec<_> = texts.keys().map(|text| parse_question(text, &|_| None).unwrap()).collect();
    flows(&tape, &Query::default(), &mut |flow| {
        for (question, expected) in questions.iter().zip(texts.values_mut()) {
            if evaluate(question, flow, |_| Truth::Unknown) == Truth::True {
                expected.push(flow.row.flow_id.to_string());
            }
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    for (text, expected) in &texts {
        let expression = Expression::new(text, Arc::new(NoNames), &|_| None).unwrap();
        let query = Query { expression: Some(expression), ..Query::default() };
        let mut answer = Vec::new();
        flows(&tape, &query, &mut |flow| {
            answer.push(flow.row.flow_id.to_string());
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(answer, *expected, "{text}");
    }
    assert!(texts.values().filter(|expected| !expected.is_empty()).count() > texts.len() / 4);
}
