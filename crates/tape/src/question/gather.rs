//! Parts of flows summed to rows.

use std::collections::{HashMap, VecDeque};

use filter::question::Truth;
use flow::{FlowId, FlowPart, FlowRow, Kept};
use packet::Timestamp;

/// A flow as far as its parts have been seen.
#[derive(Clone, Debug)]
pub(super) struct Gathered {
    pub(super) row: FlowRow,
    /// The name of its interface.
    pub(super) in_iface: Option<std::sync::Arc<str>>,
    /// The frames that hold its packets, numbered by whoever gathers.
    pub(super) frames: Vec<u32>,
    /// Whether one of its packets matches, as far as they alone tell.
    pub(super) alone: Truth,
    /// Whether one of its packets matches, as far as packets have been looked at together with their flows.
    pub(super) matched: Truth,
    /// How much of it a hold keeps, if one does.
    pub(super) held: Option<Kept>,
    /// The last batch of parts that it was in.
    batch: u32,
    /// The first and the last flow file that rows of it were read of; none of captures and packets behind the files.
    pub(super) files: Option<(u32, u32)>,
}

/// Flows by id.
#[derive(Debug, Default)]
pub(super) struct Gather {
    flows: HashMap<FlowId, Gathered>,
    /// Parts come in batches: those of a flow file, and so of a time.
    batch: u32,
    /// The flow file that parts are of.
    pub(super) file: Option<u32>,
    /// The flows of the last batches, the oldest batch first.
    touched: VecDeque<Vec<FlowId>>,
}

/// A flow that was silent for too long and is in none of so many batches has no more parts.
const BATCHES_MAX: usize = 8;

impl Gather {
    /// Adds a part.
    pub(super) fn add(
        &mut self,
        part: &FlowPart,
        in_iface: Option<&std::sync::Arc<str>>,
        frames: impl IntoIterator<Item = u32>,
        alone: Truth,
    ) {
        let known = self.flows.entry(part.flow_id);
        let flow = known.and_modify(|flow| flow.row.merge(part)).or_insert_with(|| Gathered {
            row: FlowRow::from(part),
            in_iface: in_iface.cloned(),
            frames: Vec::new(),
            alone: Truth::False,
            matched: Truth::False,
            held: None,
            batch: u32::MAX,
            files: None,
        });
        flow.files = match (flow.files, self.file) {
            (Some((first, last)), Some(file)) => Some((first.min(file), last.max(file))),
            (files, file) => files.or(file.map(|file| (file, file))),
        };
        flow.frames.extend(frames);
        flow.alone = flow.alone.or(alone);
        if flow.batch != self.batch {
            flow.batch = self.batch;
            match self.touched.back_mut() {
                Some(touched) => touched.push(part.flow_id),
                None => self.touched.push_back(vec![part.flow_id]),
            }
        }
    }

    /// Ends a batch of parts: flows for which `keep` is false are dropped. It is shown the flows of the batch, and, with
    /// `true`, those that have no more parts; `is_over` says of a flow that it was silent for too long.
    pub(super) fn end_batch(
        &mut self,
        is_over: impl Fn(&Gathered) -> bool,
        mut keep: impl FnMut(&mut Gathered, bool) -> bool,
    ) {
        for id in self.touched.back().into_iter().flatten() {
            if self.flows.get_mut(id).is_some_and(|flow| !keep(flow, false)) {
                self.flows.remove(id);
            }
        }
        self.touched.push_back(Vec::new());
        self.batch += 1;
        if self.touched.len() <= BATCHES_MAX {
            return;
        }
        for id in self.touched.pop_front().unwrap_or_default() {
            let Some(flow) = self.flows.get_mut(&id) else { continue };
            if self.batch - flow.batch < BATCHES_MAX as u32 {
                continue;
            }
            match is_over(flow) {
                true if !keep(flow, true) => drop(self.flows.remove(&id)),
                true => {}
                false => self.touched.back_mut().into_iter().for_each(|touched| touched.push(id)),
            }
        }
    }

    /// A flow.
    pub(super) fn flow(&self, id: FlowId) -> Option<&Gathered> {
        self.flows.get(&id)
    }

    /// Adds to a flow's row what is known beside its parts.
    pub(super) fn update(&mut self, id: FlowId, add: impl FnOnce(&mut FlowRow)) {
        self.flows.entry(id).and_modify(|flow| add(&mut flow.row));
    }

    /// Notes that a packet of a flow matches.
    pub(super) fn set_matched(&mut self, id: FlowId) {
        self.flows.entry(id).and_modify(|flow| flow.matched = Truth::True);
    }

    /// Drops the flows that `keep` does not want.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&mut Gathered) -> bool) {
        self.flows.retain(|_, flow| keep(flow));
    }

    /// The flows.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Gathered> {
        self.flows.values()
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
