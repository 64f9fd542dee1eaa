//! Files against what other tools found in the same captures.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use investigate::files::{Collector, FoundFile, Hashes, Hex, NoStore};
use investigate::{At, Body, Ends, Expected, Field, FileId, FileStart, Sink};
use packet::Address;
use serde_json::Value;

use crate::{captures, shared};

/// Rows of which two tools say the same, and those of one that tell files.
const GATES: [&str; 3] = ["gate", "gate-derived", "derived-one-tool"];

/// Collects files, and nothing else.
struct Files {
    collector: Collector,
    next: u64,
}

impl Sink for Files {
    fn protocol(&mut self, _: At, _: &'static str) {}
    fn fact(&mut self, _: At, _: Field, _: &str) {}
    fn resolved(&mut self, _: At, _: &str, _: Address) {}

    fn file_start(&mut self, at: At, start: FileStart) -> FileId {
        self.next += 1;
        self.collector.start(FileId(self.next), at, start);
        FileId(self.next)
    }

    fn file_data(&mut self, file: FileId, body: Body, bytes: &[u8]) {
        self.collector.data(file, body, bytes);
    }

    fn file_gap(&mut self, file: FileId, body: Body, bytes: u64) {
        self.collector.gap(file, body, bytes);
    }

    fn file_seek(&mut self, file: FileId, offset: u64) {
        self.collector.seek(file, offset);
    }

    fn file_end(&mut self, file: FileId, ends: Ends) {
        self.collector.end(file, ends);
    }

    fn expect(&mut self, _: At, _: Expected) {}
    fn oddity(&mut self, _: At, _: &'static str) {}
}

fn files_of(path: &Path) -> Vec<FoundFile> {
    let mut files = Files { collector: Collector::new(NoStore), next: 0 };
    captures::investigate(path, &mut files);
    files.collector.finish();
    files.collector.take_found()
}

#[test]
fn every_file_of_the_truth_is_found() {
    let Some(folder) = shared::folder() else {
        eprintln!("skipped: needs the shared captures");
        return;
    };
    let rows = std::fs::read_to_string(folder.join("truth/files.jsonl")).expect("truth");
    let mut found: HashMap<String, HashSet<String>> = HashMap::new();
    let mut tiers: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let mut missed = Vec::new();
    for row in rows.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row")) {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let Some(hash) = ["sha256", "sha1", "md5"].into_iter().map(text).find(|hash| !hash.is_empty()) else {
            continue;
        };
        let hashes = found
            .entry(text("pcap").to_owned())
            .or_insert_with(|| files_of(&folder.join(text("pcap"))).iter().flat_map(hashes_of).collect());
        let is_found = hashes.contains(hash);
        let sums = tiers.entry(text("tier").to_owned()).or_default();
        *sums = (sums.0 + u32::from(is_found), sums.1 + 1);
        if !is_found {
            let name = [text("protocol"), text("name"), text("source")].join(" ");
            eprintln!("{:18} {} {} {name} {hash}", text("tier"), text("pcap"), row.get("size").unwrap_or(&Value::Null));
            // tshark has a named pipe of SMB for a file, and one of no bytes.
            let is_pipe = text("name").starts_with("%5c") || row.get("size") == Some(&Value::from(0));
            if GATES.contains(&text("tier")) && !is_pipe {
                missed.push(text("pcap").to_owned());
            }
        }
    }
    for (tier, (found, all)) in tiers {
        eprintln!("{tier:18} {found} of {all}");
    }
    assert_eq!(missed, Vec::<String>::new());
}

fn hashes_of(file: &FoundFile) -> Vec<String> {
    let both: [Option<Hashes>; 2] = [file.hashes, file.wire.and_then(|wire| wire.hashes)];
    let hex = |hashes: &Hashes| {
        [Hex(&hashes.sha256).to_string(), Hex(&hashes.sha1).to_string(), Hex(&hashes.md5).to_string()]
    };
    both.iter().flatten().flat_map(hex).collect()
}
