//! What is said in flows, for their rows.

mod announced;
mod files;
mod names;
mod notes;

use std::collections::HashMap;

use flow::{FlowId, FlowRow, Payload, PayloadReader};
use investigate::{Expected, Investigation, Limits, Side};
use packet::{Address, Headers, Packet, Timestamp};

pub(crate) use announced::Announcements;
use announced::announced;
use files::Files;
use notes::Notes;

/// Bytes that conversations hold on to: what identifies a flow comes early, and a recorder has little memory.
const HELD_BYTES_MAX: usize = 24 << 20;

/// Begins to read heads as they are recorded.
pub(crate) fn of_heads() -> Box<dyn PayloadReader> {
    begin(Files::of_heads())
}

/// Begins to read all that is there of flows.
pub(crate) fn of_everything() -> Box<dyn PayloadReader> {
    begin(Files::of_everything())
}

fn begin(files: Files) -> Box<dyn PayloadReader> {
    let limits = Limits { held_bytes_max: HELD_BYTES_MAX, ..Limits::default() };
    Box::new(Reader { investigation: Investigation::new(limits), notes: Notes::new(files), announced: HashMap::new() })
}

/// Reads payload as packets come.
struct Reader {
    investigation: Investigation,
    notes: Notes,
    announced: HashMap<FlowId, Expected>,
}

impl PayloadReader for Reader {
    fn known(&mut self, row: &FlowRow) {
        self.announced.extend(announced(row).map(|expected| (row.flow_id, expected)));
    }

    fn packet(&mut self, flow: FlowId, from_client: bool, packet: &Packet<'_>, headers: &Headers) {
        if headers.payload_bytes > 0
            && let Some(expected) = self.announced.remove(&flow)
        {
            self.investigation.expect(expected);
        }
        let side = if from_client { Side::Client } else { Side::Server };
        self.investigation.packet(flow.0, side, packet, headers, &mut self.notes);
    }

    fn end(&mut self, flow: FlowId) {
        self.investigation.end(flow.0, &mut self.notes);
        self.notes.end(flow.0);
    }

    fn finish(&mut self) {
        self.investigation.finish(&mut self.notes);
        self.notes.finish();
    }

    fn is_waiting(&self, flow: FlowId) -> bool {
        self.investigation.is_waiting(flow.0)
    }

    fn take(&mut self, flow: FlowId, server: Address, end: Timestamp) -> Option<Box<Payload>> {
        self.notes.take(flow.0, server, end)
    }

    fn forget(&mut self) {
        self.notes.forget();
    }
}
