//! HTTP against tshark's fields of the same captures.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use investigate::Field;

use crate::collect::Collected;
use crate::{captures, shared};

/// Fields of tshark, and what tells the same here.
const FIELDS: [(&str, Field); 4] = [
    ("http.user_agent", Field::HttpUserAgent),
    ("http.response.code", Field::HttpStatus),
    ("http.server", Field::Software),
    ("http.request.uri", Field::HttpRequest),
];

/// Captures of HTTP, by their names; no two alike.
const CAPTURES: [&str; 6] = [
    "zeek+zeek/testing/btest/Traces/http/get.pcap",
    "zeek+zeek/testing/btest/Traces/http/multipart.pcap",
    "zeek+zeek/testing/btest/Traces/http/pipelined-requests.pcap",
    "zeek+zeek/testing/btest/Traces/http/206_example_c.pcap",
    "arkime+arkime/tests/pcap/socks5-http-302.pcap",
    "arkime+arkime/tests/pcap/http-content-gzip.pcap",
];

type Counts = BTreeMap<String, usize>;

#[test]
fn requests_and_answers_are_those_of_tshark() {
    let needs = shared::folder().filter(|_| Command::new("tshark").arg("-v").output().is_ok());
    let Some(folder) = needs else {
        let reason = "skipped: needs tshark and the shared captures";
        assert!(std::env::var_os("WIRETAPE_NO_SKIP").is_none(), "{reason}");
        eprintln!("{reason}");
        return;
    };
    for capture in CAPTURES {
        let path = folder.join(capture);
        let mut ours = Collected::default();
        captures::investigate(&path, &mut ours);
        for (name, field) in FIELDS {
            let texts = ours.texts(field).into_iter();
            let texts = texts.map(|text| match field {
                Field::HttpRequest => text.split_once(' ').map_or(text, |(_, target)| target),
                _ => text,
            });
            assert_eq!(counted(texts.map(str::to_owned)), counted(theirs(&path, name).into_iter()), "{capture} {name}");
        }
    }
}

fn theirs(capture: &Path, field: &str) -> Vec<String> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(capture).args(["-Y", "http", "-T", "fields", "-E", "aggregator=\x1f", "-e", field]);
    let output = command.output().expect("tshark");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().flat_map(|line| line.split('\x1f')).filter(|value| !value.is_empty()).map(str::to_owned).collect()
}

fn counted(values: impl Iterator<Item = String>) -> Counts {
    values.fold(Counts::new(), |mut counts, value| {
        *counts.entry(value).or_default() += 1;
        counts
    })
}
