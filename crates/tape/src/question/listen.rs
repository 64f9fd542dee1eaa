//! What is said in flows that go on, as it comes.

use std::collections::HashSet;

use flow::{FlowId, FlowRow, Payload, PayloadReader};
use packet::{Headers, Packet};

/// Reads what is said, and fills it into rows.
pub(super) struct Listener {
    reader: Box<dyn PayloadReader>,
    /// Flows of which not everything was heard: what is not known of them can have been said all the same.
    began_before: HashSet<FlowId>,
}

impl Listener {
    pub(super) fn new(reader: Box<dyn PayloadReader>) -> Self {
        Self { reader, began_before: HashSet::new() }
    }

    /// A flow has packets that do not come here.
    pub(super) fn miss(&mut self, flow: FlowId) {
        self.began_before.insert(flow);
    }

    /// The next packet of a head.
    pub(super) fn packet(&mut self, flow: FlowId, from_client: bool, packet: &Packet, headers: &Headers) {
        self.reader.packet(flow, from_client, packet, headers);
    }

    /// Adds to a row what was said in the flow since this was asked last.
    pub(super) fn fill(&mut self, row: &mut FlowRow) {
        if let Some(said) = self.reader.take(row.flow_id, row.dest_ip, row.end) {
            row.payload.get_or_insert_with(|| Box::new(Payload::partial())).merge(&said, row.last_arrival);
        }
    }

    /// The same of a flow that has ended: nothing more comes.
    pub(super) fn end(&mut self, row: &mut FlowRow) {
        self.reader.end(row.flow_id);
        self.fill(row);
        if !self.began_before.remove(&row.flow_id) {
            let payload = row.payload.get_or_insert_default();
            // Who asked for the server's name may be a flow that was not heard.
            payload.is_nameless = payload.first("dest_name").is_none();
            payload.is_partial = false;
            row.is_unread = false;
        }
    }

    /// Forgets what was said in flows that have no row.
    pub(super) fn forget(&mut self) {
        self.reader.forget();
    }
}
