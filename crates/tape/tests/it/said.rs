//! Questions about what is said in flows: rows that have it, that have some of it, and that do not, against reading
//! everything.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use flow::{FlowId, FlowPart, Payload, PayloadReader};
use packet::{Address, Headers, Packet, Timestamp};
use tape::question::{Coverage, Query, Source, flows};

use crate::built_tape::Cut;
use crate::expressions::parsed;
use crate::planner::{MANYS, Pair, made_captures};
use crate::question::ask_packets;
use crate::random_questions::Random;

/// Says of each packet what its bytes are: nothing that other packets change.
#[derive(Default)]
pub(crate) struct Speech(HashMap<FlowId, Payload>);

impl PayloadReader for Speech {
    fn packet(&mut self, flow: FlowId, _: bool, packet: &Packet<'_>, headers: &Headers) {
        let Some((key, last)) = headers.key.zip(packet.data.last()).filter(|_| headers.payload_bytes > 0) else {
            return;
        };
        let payload = self.0.entry(flow).or_default();
        payload.add("dns_queries", &format!("Q{}.Example", last % 16));
        payload.add("dns_answers", &format!("198.51.100.{}", last % 16));
        if last % 3 == 0 {
            // The same both ways and in fragments: the first of several counts.
            let sum = key.src.0.iter().chain(&key.dest.0).fold(0_u32, |sum, byte| sum + u32::from(*byte));
            payload.add("tls_sni", &format!("sni{}", sum % 5));
            payload.add("http_hostname", &format!("W.a{}.b.example:80", sum % 6));
            payload.add("http_user_agent", &format!("Agent {}", sum % 7));
            payload.add("file_sha256", &format!("f{}", sum % 9));
        }
    }

    fn end(&mut self, _: FlowId) {}

    fn finish(&mut self) {}

    fn is_waiting(&self, _: FlowId) -> bool {
        false
    }

    fn take(&mut self, flow: FlowId, _: Address, _: Timestamp) -> Option<Box<Payload>> {
        self.0.remove(&flow).map(Box::new)
    }

    fn forget(&mut self) {
        self.0.clear();
    }
}

impl Speech {
    pub(crate) fn begin() -> Box<dyn PayloadReader> {
        Box::new(Self::default())
    }

    /// What a recorder has of a part: everything, nothing, or some of it, depending on which part it is.
    pub(crate) fn some_of(&mut self, part: &FlowPart) -> Option<Box<Payload>> {
        let whole = self.take(part.flow_id, part.key.dest, part.end).unwrap_or_default();
        match (part.flow_id.0 ^ part.first_arrival) % 8 {
            0 => None,
            1 => {
                let mut some = Payload::partial();
                for (field, text) in whole.iter().step_by(2) {
                    some.add(field, text);
                }
                Some(Box::new(some))
            }
            // A file that goes on behind the head.
            2 => {
                let mut some = Payload::default();
                for (field, text) in whole.iter().filter(|(field, _)| *field != "file_sha256") {
                    some.add(field, text);
                }
                some.note_more("file_sha256");
                Some(Box::new(some))
            }
            _ => Some(whole),
        }
    }
}

fn predicate(random: &mut Random, depth: usize) -> String {
    let query = |random: &mut Random| format!("{}{}.EXAMPLE", random.pick(&["q", "Q"]), random.below(18));
    let number = random.below(8);
    match random.below(if depth == 0 { 9 } else { 13 }) {
        0 | 1 => format!("dns_queries = {}", query(random)),
        2 => format!("dns_queries in ({}, {})", query(random), query(random)),
        3 => format!("dns_queries != {}", query(random)),
        4 => format!("tls_sni {} SNI{number}", random.pick(&["=", "=", "!="])),
        // Upper and lower case differ here.
        5 => format!("http_user_agent = \"{} {number}\"", random.pick(&["Agent", "agent"])),
        6 => random
            .pick(&["tls_sni like \"*3\"", "dns_queries ~ \"Q1[0-3]\"", "ja3 = x", "tls_sni in (sni1, sni2)"])
            .into(),
        7 => random.pick(&["proto = udp", "dest_port < 1000", "udp", "greater 300"]).into(),
        8 => format!("file_sha256 {} F{number}", random.pick(&["=", "=", "!="])),
        9 => format!("not ({})", predicate(random, depth - 1)),
        _ => {
            let joined = random.pick(&["and", "or"]);
            format!("({}) {joined} ({})", predicate(random, depth - 1), predicate(random, depth - 1))
        }
    }
}

/// The flows of an answer, as they are called by any source.
fn named(source: &Source, query: &Query) -> (BTreeSet<String>, Coverage) {
    let mut found = BTreeSet::new();
    let coverage = flows(source, query, &mut |flow| {
        let row = flow.row;
        found.insert(format!("{:?} {} {} {}", row.key(), row.start.0, row.end.0, row.bytes_toserver));
        ControlFlow::Continue(())
    });
    (found, coverage.unwrap())
}

#[test]
fn what_is_said_is_found_whatever_rows_have_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(5);
    let (mut found, mut undecided) = (0, 0);
    for (number, path) in made_captures(directory.path()).into_iter().enumerate() {
        // Of bulk nothing is read.
        let cut = Cut { head_bytes: u32::MAX, with_payload: number != 2, ..MANYS[number % MANYS.len()] };
        let pair = Pair::new(path, cut, number % 2 == 0).unwrap();
        let (tape, capture) = pair.sources();
        for _ in 0..25 {
            let expression = predicate(&mut random, 2);
            let span = pair.packets[random.below(pair.packets.len())].time;
            let from = (random.below(2) == 0).then_some(span);
            let query = Query { expression: Some(parsed(&expression)), from, ..Query::default() };
            let reading = Query { payload: Some(Speech::begin), ..query.clone() };
            let (expected, _) = named(&capture, &reading);
            let (answer, coverage) = named(&tape, &reading);
            let what = format!("{expression} {from:?} {cut:?}");
            assert_eq!(answer, expected, "{what}");
            assert_eq!(coverage.undecided_flows, 0, "{what}");
            assert!(ask_packets(&tape, &reading).0 == ask_packets(&capture, &reading).0, "{what}");
            // By rows alone: nothing that is not so, and what is not known is said.
            let (answer, coverage) = named(&tape, &query);
            assert!(answer.is_subset(&expected), "{what}");
            let missed = expected.len() - answer.len();
            assert!(missed as u64 <= coverage.undecided_flows, "{what}: {missed} {coverage:?}");
            found += usize::from(!expected.is_empty());
            undecided += missed;
        }
    }
    assert!(found > 80 && undecided > 50, "{found} {undecided}");
}
