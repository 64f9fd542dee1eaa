//! Parts of flows summed to rows.

use std::collections::HashMap;

use flow::{FlowId, FlowPart, FlowRow};
use packet::Timestamp;

/// A flow as far as its parts have been seen.
#[derive(Clone, Debug)]
pub(super) struct Gathered {
    pub(super) row: FlowRow,
    /// The name of its interface.
    pub(super) in_iface: Option<std::sync::Arc<str>>,
    /// The frames that hold its packets, numbered by whoever gathers.
    pub(super) frames: Vec<u32>,
    /// One of its packets matches as far as it alone tells.
    pub(super) seen: bool,
    /// One of its packets matches, as far as packets have been looked at together with their flows.
    pub(super) matched: bool,
}

/// Flows by id.
#[derive(Debug, Default)]
pub(super) struct Gather {
    flows: HashMap<FlowId, Gathered>,
}

impl Gather {
    /// Adds a part.
    pub(super) fn add(
        &mut self,
        part: &FlowPart,
        in_iface: Option<&std::sync::Arc<str>>,
        frames: impl IntoIterator<Item = u32>,
        seen: bool,
    ) {
        let known = self.flows.entry(part.flow_id);
        let flow = known.and_modify(|flow| flow.row.merge(part)).or_insert_with(|| Gathered {
            row: FlowRow::from(part),
            in_iface: in_iface.cloned(),
            frames: Vec::new(),
            seen: false,
            matched: false,
        });
        flow.frames.extend(frames);
        flow.seen |= seen;
    }

    /// A flow.
    pub(super) fn flow(&self, id: FlowId) -> Option<&Gathered> {
        self.flows.get(&id)
    }

    /// Notes that a packet of a flow matches.
    pub(super) fn set_matched(&mut self, id: FlowId) {
        self.flows.entry(id).and_modify(|flow| flow.matched = true);
    }

    /// Drops the flows that `keep` does not want.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&mut Gathered) -> bool) {
        self.flows.retain(|_, flow| keep(flow));
    }

    /// Drops the flows that have ended and that `keep` does not want: their rows will not change any more.
    pub(super) fn drop_ended(&mut self, mut keep: impl FnMut(&Gathered) -> bool) {
        self.flows.retain(|_, flow| flow.row.end_reason.is_none() || keep(flow));
    }

    /// All flows, by start. Those that have been silent for too long at `now`, the latest time of all packets, have
    /// ended.
    pub(super) fn into_sorted(self, now: Timestamp) -> Vec<Gathered> {
        let mut flows: Vec<Gathered> = self.flows.into_values().collect();
        flows.iter_mut().for_each(|flow| flow.row.settle(now));
        flows.sort_by(|one, other| one.row.by_start(&other.row));
        flows
    }
}
