//! What protocols told, by flow.

use std::collections::HashMap;

use flow::{FILE_HASHES, Payload};
use investigate::files::Hex;
use investigate::{At, Body, Ends, Expected, Field, FileId, FileStart, Sink};
use packet::{Address, Timestamp};

use super::files::{Files, Hashed};
use super::names::Names;

/// Notes what identifies flows, and the hashes of files.
pub(super) struct Notes {
    flows: HashMap<u64, Box<Payload>>,
    /// What open flows speak: each of their parts has it.
    protocols: HashMap<u64, &'static str>,
    names: Names,
    files: Files,
    /// Files that have begun.
    begun: u64,
}

/// Protocols whose details are left out: their flows are many, and say the same again and again.
const WITHOUT_DETAILS: [&str; 10] = ["tls", "dtls", "quic", "dns", "mdns", "llmnr", "nbns", "ntp", "http", "ssh"];

/// Open flows of which it is remembered what they speak.
const PROTOCOLS_MAX: usize = 1 << 18;

impl Notes {
    /// Nothing was said yet.
    pub(super) fn new(files: Files) -> Self {
        Self { flows: HashMap::new(), protocols: HashMap::new(), names: Names::default(), files, begun: 0 }
    }

    /// What was noted of a flow since this was asked last.
    pub(super) fn take(&mut self, flow: u64, server: Address, end: Timestamp) -> Option<Box<Payload>> {
        let mut payload = self.flows.remove(&flow);
        if let Some(protocol) = self.protocols.get(&flow) {
            payload.get_or_insert_default().add("app_proto", protocol);
        }
        if let Some(name) = self.names.at(server, end) {
            payload.get_or_insert_default().add("dest_name", name);
        }
        if self.files.is_in(flow) {
            payload.get_or_insert_default().note_more(FILE_HASHES);
        }
        payload
    }

    /// A flow has ended; what was noted of it can still be asked for.
    pub(super) fn end(&mut self, flow: u64) {
        if self.files.end_flow(flow) {
            self.flows.entry(flow).or_default().note_more(FILE_HASHES);
        }
        if let Some(protocol) = self.protocols.remove(&flow) {
            self.flows.entry(flow).or_default().add("app_proto", protocol);
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self) {
        let found = self.files.finish();
        self.add_hashes(found);
    }

    /// Forgets what was noted of flows and not asked for.
    pub(super) fn forget(&mut self) {
        self.flows.clear();
    }

    fn add(&mut self, at: At, name: &str, value: &str) {
        self.flows.entry(at.flow).or_default().add(name, value);
    }

    fn add_hashes(&mut self, files: Vec<Hashed>) {
        for Hashed { flow, sha256, is_whole } in files {
            let payload = self.flows.entry(flow).or_default();
            for hash in sha256 {
                payload.add(FILE_HASHES, &Hex(&hash).to_string());
            }
            if !is_whole {
                payload.note_more(FILE_HASHES);
            }
        }
    }
}

impl Sink for Notes {
    fn protocol(&mut self, at: At, name: &'static str) {
        self.add(at, "app_proto", name);
        if self.protocols.len() < PROTOCOLS_MAX {
            self.protocols.entry(at.flow).or_insert(name);
        }
    }

    fn fact(&mut self, at: At, field: Field, text: &str) {
        if field == Field::CertSha256 {
            self.add(at, "cert_chain", text);
        }
        let has_none = |protocol: &&str| WITHOUT_DETAILS.contains(protocol);
        if field == Field::Detail && self.protocols.get(&at.flow).is_some_and(has_none) {
            return;
        }
        // What is no field of payload is left out there.
        self.add(at, field.name(), text);
    }

    fn resolved(&mut self, at: At, name: &str, address: Address) {
        self.names.add(address, name, at.time);
    }

    fn file_start(&mut self, at: At, start: FileStart) -> FileId {
        if let Some(name) = &start.name {
            self.add(at, "file_name", name);
        }
        let file = FileId(self.begun);
        self.begun += 1;
        // Of a range, the file's other ranges may be in flows that are not read here.
        let is_range = start.is_piece || start.offset > 0;
        if !self.files.start(file, at, start) || is_range {
            self.flows.entry(at.flow).or_default().note_more(FILE_HASHES);
        }
        file
    }

    fn file_data(&mut self, file: FileId, body: Body, bytes: &[u8]) {
        self.files.data(file, body, bytes);
    }

    fn file_gap(&mut self, file: FileId, body: Body, bytes: u64) {
        self.files.gap(file, body, bytes);
    }

    fn file_seek(&mut self, file: FileId, offset: u64) {
        self.files.seek(file, offset);
    }

    fn file_end(&mut self, file: FileId, ends: Ends) {
        let hashed = self.files.end(file, ends);
        self.add_hashes(hashed);
    }

    fn expect(&mut self, _: At, _: Expected) {}

    fn oddity(&mut self, _: At, _: &'static str) {}
}
