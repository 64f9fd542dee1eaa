//! The truth files: what libpcap's own tests and libpcap 1.10.3 on the corpus say.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use filter::{Options, Program, Verdict, compile};
use packet::LinkType;

use crate::corpus::{self, Captured};

/// A packet that was cut short is accepted or rejected as it is whole, or what would decide it is cut off.
#[test]
fn packets_that_were_cut_are_never_taken_for_others() {
    let Some(captures) = corpus::captures() else { return };
    let mut counts = [0; 3];
    for row in corpus::truth("filters_libpcap.jsonl").into_iter().step_by(19) {
        let filter = row["filter"].as_str().unwrap();
        for captured in corpus::packets(&captures.join(row["pcap"].as_str().unwrap())).iter().take(40) {
            let Ok(program) = compile(filter, &Options::new(captured.link_type)) else { continue };
            let (whole, wire_bytes) = (&captured.bytes, captured.wire_bytes);
            if whole.len() as u32 != wire_bytes {
                continue;
            }
            let expected = program.verdict(whole, wire_bytes);
            assert_eq!(expected == Verdict::Accepted, program.matches(whole, wire_bytes));
            assert_ne!(expected, Verdict::Cut);
            for captured_bytes in (0..whole.len()).step_by(3) {
                let cut = &whole[..captured_bytes];
                let verdict = program.verdict(cut, wire_bytes);
                assert!([expected, Verdict::Cut].contains(&verdict), "{filter}: {verdict:?} of {captured_bytes} bytes");
                assert_eq!(verdict == Verdict::Accepted, program.matches(cut, wire_bytes));
                // What was not cut is as short as it is.
                assert_ne!(program.verdict(cut, captured_bytes as u32), Verdict::Cut);
                counts[verdict as usize] += 1;
            }
        }
    }
    assert!(counts.iter().all(|count| *count > 1000), "{counts:?}");
}

/// Each filter on each capture matches the frames that libpcap 1.10.3 matched.
#[test]
fn frames_that_libpcap_matched() {
    let Some(captures) = corpus::captures() else { return };
    let mut read: HashMap<String, Vec<Captured>> = HashMap::new();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for row in corpus::truth("filters_libpcap.jsonl") {
        let pcap = row["pcap"].as_str().unwrap();
        let packets = read.entry(pcap.to_owned()).or_insert_with(|| corpus::packets(&captures.join(pcap)));
        let filter = row["filter"].as_str().unwrap();
        // libpcap 1.10.3 refuses what this compiles for switch tags, and stops at a second link type.
        let comparable = row["packets"].as_u64() == Some(packets.len() as u64) && row["error"].is_null();
        if !comparable {
            continue;
        }
        let matching = frames(filter, packets, None).unwrap_or_else(|message| panic!("{pcap}: {filter}: {message}"));
        // Long lists are left out of the file.
        let expected = row["frames"].as_str().map_or_else(|| matching.clone(), ranges);
        let summary = (matching.len() as u64, matching.first().copied(), matching.last().copied());
        if matching != expected
            || summary != (row["matched"].as_u64().unwrap(), row["first"].as_u64(), row["last"].as_u64())
        {
            wrong.push(format!("{pcap}: {filter}: {} instead of {}", matching.len(), row["matched"]));
        }
        compared += 1;
    }
    assert!(compared > 2400, "{compared}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

/// The filters of libpcap's own tests match the frames that they list.
#[test]
fn frames_of_libpcaps_tests() {
    let Some(captures) = corpus::captures() else { return };
    let mut wrong = Vec::new();
    for row in corpus::truth("filters.jsonl") {
        let packets = corpus::packets(&captures.join(row["pcap"].as_str().unwrap()));
        let filter = row["filter"].as_str().unwrap();
        let expected: Vec<u64> =
            row["expected"].as_array().unwrap().iter().map(|frame| frame.as_u64().unwrap()).collect();
        let matching = frames(filter, &packets, None);
        if matching != Ok(expected.clone()) {
            wrong.push(format!("{} on {}: {matching:?} instead of {expected:?}", filter, row["pcap"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What libpcap's own tests say must not compile is refused, with a place and a message.
#[test]
fn expressions_that_must_be_refused() {
    // A libpcap without protochain, which this is not.
    let other_build = |row: &serde_json::Value| row["needs"].as_str().is_some_and(|needs| needs.contains("not_def"));
    for row in corpus::truth("filters_reject.jsonl") {
        let (Some(dlt), Some(filter)) = (row["dlt"].as_str(), row["filter"].as_str()) else { continue };
        if other_build(&row) {
            continue;
        }
        let options = Options::new(corpus::link_type(dlt).expect(dlt));
        match compile(filter, &options) {
            Ok(program) => panic!("{dlt}: {filter} is accepted:\n{}", program.disassemble()),
            Err(error) => {
                assert!(!error.message.is_empty());
                assert!(error.underlined(filter).contains('^'), "{filter}");
            }
        }
    }
}

fn frames(filter: &str, packets: &[Captured], netmask: Option<u32>) -> Result<Vec<u64>, String> {
    let mut programs: HashMap<LinkType, Program> = HashMap::new();
    let mut matching = Vec::new();
    for (index, packet) in packets.iter().enumerate() {
        let program = match programs.entry(packet.link_type) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let options = Options { netmask, ..Options::new(packet.link_type) };
                new.insert(compile(filter, &options).map_err(|error| error.message)?)
            }
        };
        if program.matches(&packet.bytes, packet.wire_bytes) {
            matching.push(index as u64 + 1);
        }
    }
    Ok(matching)
}

/// The numbers in `1-3,7`.
fn ranges(text: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    for range in text.split(',').filter(|range| !range.is_empty()) {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        numbers.extend(from.parse::<u64>().unwrap()..=to.parse::<u64>().unwrap());
    }
    numbers
}

/// The corpus is where the tests look for it.
#[test]
fn corpus_is_complete() {
    let Some(captures) = corpus::captures() else { return };
    assert!(Path::new(&captures).join("truth/filters.jsonl").is_file());
}
