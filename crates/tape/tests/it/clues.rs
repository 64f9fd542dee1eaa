//! Flows that are found by many clues at once, against all rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;

use filter::question::Field;
use flow::FlowRow;
use packet::Address;
use tape::question::{Clue, Clues, Query, Source, flows_in_any_order};

use crate::built_tape::Cut;
use crate::planner::{MANYS, Pair, made_captures};
use crate::random_questions::Random;

/// The rows of an answer, by their flows.
fn rows(source: &Source, query: &Query) -> BTreeMap<u64, FlowRow> {
    let mut rows = BTreeMap::new();
    let mut sink = |flow: &tape::question::Flow| {
        assert!(rows.insert(flow.row.flow_id.0, flow.row.clone()).is_none());
        ControlFlow::Continue(())
    };
    flows_in_any_order(source, query, &mut sink).unwrap();
    rows
}

/// Whether two rows say the same; in what order fields were told, rows do not say, and times that are not in
/// order not how long a flow was silent.
fn is_same(one: &FlowRow, other: &FlowRow) -> bool {
    let said = |row: &FlowRow| {
        let said: BTreeSet<(String, String)> = row
            .payload
            .iter()
            .flat_map(|payload| payload.iter())
            .map(|(name, text)| (name.into(), text.into()))
            .collect();
        said
    };
    let rest = |row: &FlowRow| FlowRow { payload: None, end_reason: None, ..row.clone() };
    said(one) == said(other) && rest(one) == rest(other)
}

fn is_within(address: Address, network: Address, bits: u8) -> bool {
    let [address, network] =
        [address, network].map(|one| u128::from_be_bytes(one.0).checked_shr(128 - u32::from(bits)));
    address.unwrap_or(0) == network.unwrap_or(0)
}

/// Whether a row has what a clue says.
fn has(row: &FlowRow, clue: &Clue) -> bool {
    let texts = |field: &'static str| row.payload.iter().flat_map(move |payload| payload.values(field));
    match *clue {
        Clue::Address(network, bits) => [row.src_ip, row.dest_ip].iter().any(|end| is_within(*end, network, bits)),
        Clue::Named(network, bits) => texts("dns_answers")
            .filter_map(|text| text.parse::<std::net::IpAddr>().ok())
            .any(|ip| is_within(ip.into(), network, bits)),
        Clue::Below(name) => ["dns_queries", "http_hostname"].into_iter().flat_map(texts).any(|text| {
            let text = text.trim_end_matches(":80").to_ascii_lowercase();
            text == name || text.strip_suffix(name).is_some_and(|above| above.ends_with('.'))
        }),
        Clue::Text(field, text) => texts(field.name()).any(|said| said.eq_ignore_ascii_case(text)),
        Clue::Certificate => texts("cert_sha256").next().is_some(),
        Clue::File => {
            texts("file_sha256").chain(texts("more_values").filter(|field| *field == "file_sha256")).next().is_some()
        }
    }
}

/// Things that some flows have, and things that none has.
fn clues<'n>(random: &mut Random, names: &'n [String], ends: &[Address]) -> Vec<Clue<'n>> {
    let mut clues = Vec::new();
    for _ in 0..random.pick(&[1, 1, 2, 5, 40]) {
        let name = names[random.below(names.len())].as_str();
        let end = ends[random.below(ends.len())];
        clues.push(match random.below(24) / 4 {
            0 if random.below(20) == 0 => Clue::File,
            0 | 1 => Clue::Address(end, random.pick(&[128, 128, 125, 120])),
            2 => Clue::Named(Address::v4([198, 51, 100, random.below(20) as u8]), random.pick(&[128, 128, 126])),
            3 => Clue::Text(random.pick(&[Field::DnsQueries, Field::HttpHostname, Field::TlsSni]), name),
            _ => Clue::Below(name),
        });
    }
    clues
}

#[test]
fn clues_find_the_rows_that_have_them() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(6);
    let mut names: Vec<String> = (0..20).map(|number| format!("q{number}.example")).collect();
    names.extend((0..6).flat_map(|number| [format!("a{number}.b.example"), format!("w.a{number}.b.example")]));
    names.extend(["b.example", "example.org", "sni1", "sni3"].map(str::to_owned));
    let (mut found, mut passed_over) = (0, 0);
    for (number, path) in made_captures(directory.path()).into_iter().enumerate() {
        let cut = Cut { head_bytes: u32::MAX, with_payload: true, ..MANYS[number % MANYS.len()] };
        let pair = Pair::new(path, cut, number % 3 != 2).unwrap();
        let (tape, _) = pair.sources();
        let ends: Vec<Address> = rows(&tape, &Query::default()).values().map(|row| row.dest_ip).collect();
        for turn in 0..30 {
            if turn % 10 == 9
                && let Source::Tape(directory) = &tape
            {
                // Aged, or damaged: what is left has to do.
                let folder = directory.join(random.pick(&["catalog", "catalog", "flows", "client"]));
                let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
                files.sort();
                fs::remove_file(&files[random.below(files.len() / 2)]).unwrap();
            }
            let clues = clues(&mut random, &names, &ends);
            let time = |random: &mut Random| Some(pair.packets[random.below(pair.packets.len())].time);
            let (from, to) = match random.below(4) {
                0 => (time(&mut random), None),
                1 => (None, time(&mut random)),
                _ => (None, None),
            };
            let all = Query { from, to, ..Query::default() };
            let some = Query { clues: Some(Arc::new(clues.iter().copied().collect::<Clues>())), ..all.clone() };
            let (all, some) = (rows(&tape, &all), rows(&tape, &some));
            let asks_payload = clues.iter().any(|clue| !matches!(clue, Clue::Address(..)));
            for (id, row) in &all {
                let is_wanted = clues.iter().any(|clue| has(row, clue)) || (asks_payload && row.is_unread);
                let found_row = some.get(id);
                assert!(
                    !is_wanted || found_row.is_some_and(|some| is_same(some, row)),
                    "{clues:?}\n{row:?}\n{found_row:?}"
                );
                found += usize::from(is_wanted);
            }
            // Of flows without the addresses that are asked for, there can be what packets behind the flow files say.
            let mut extra = some.iter().filter(|_| asks_payload);
            let differs = extra.find(|(id, row)| !all.get(id).is_some_and(|of_all| is_same(of_all, row)));
            assert!(differs.is_none(), "{clues:?} {differs:?} {:?}", differs.map(|(id, _)| all.get(id)));
            passed_over += all.len() - some.len();
        }
    }
    assert!(found > 1000 && passed_over > 1000, "{found} {passed_over}");
}
