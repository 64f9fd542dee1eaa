//! What protocols told, by flow.

use std::collections::HashMap;

use flow::Payload;
use investigate::{At, Body, Ends, Expected, Field, FileId, FileStart, Sink};
use packet::{Address, Timestamp};

use super::names::Names;

/// Notes what identifies flows; files are passed over.
#[derive(Default)]
pub(super) struct Notes {
    flows: HashMap<u64, Box<Payload>>,
    /// What open flows speak: each of their parts has it.
    protocols: HashMap<u64, &'static str>,
    names: Names,
}

/// Open flows of which it is remembered what they speak.
const PROTOCOLS_MAX: usize = 1 << 18;

impl Notes {
    /// What was noted of a flow since this was asked last.
    pub(super) fn take(&mut self, flow: u64, server: Address, end: Timestamp) -> Option<Box<Payload>> {
        let mut payload = self.flows.remove(&flow);
        if let Some(protocol) = self.protocols.get(&flow) {
            payload.get_or_insert_default().add("app_proto", protocol);
        }
        if let Some(name) = self.names.at(server, end) {
            payload.get_or_insert_default().add("dest_name", name);
        }
        payload
    }

    /// A flow has ended; what was noted of it can still be asked for.
    pub(super) fn end(&mut self, flow: u64) {
        if let Some(protocol) = self.protocols.remove(&flow) {
            self.flows.entry(flow).or_default().add("app_proto", protocol);
        }
    }

    /// Forgets what was noted of flows and not asked for.
    pub(super) fn forget(&mut self) {
        self.flows.clear();
    }

    fn add(&mut self, at: At, name: &str, value: &str) {
        self.flows.entry(at.flow).or_default().add(name, value);
    }
}

impl Sink for Notes {
    fn wants_files(&self) -> bool {
        false
    }

    fn protocol(&mut self, at: At, name: &'static str) {
        self.add(at, "app_proto", name);
        if self.protocols.len() < PROTOCOLS_MAX {
            self.protocols.entry(at.flow).or_insert(name);
        }
    }

    fn fact(&mut self, at: At, field: Field, text: &str) {
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
        FileId(0)
    }

    fn file_data(&mut self, _: FileId, _: Body, _: &[u8]) {}

    fn file_gap(&mut self, _: FileId, _: Body, _: u64) {}

    fn file_seek(&mut self, _: FileId, _: u64) {}

    fn file_end(&mut self, _: FileId, _: Ends) {}

    fn expect(&mut self, _: At, _: Expected) {}

    fn oddity(&mut self, _: At, _: &'static str) {}
}
