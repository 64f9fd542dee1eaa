//! Values that were not there before a moment.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use filter::question::Field;
use flow::FlowId;
use packet::{Address, Timestamp};
use tape::question::Flow;

use super::{Cell, keys_of};

/// Values from before that are remembered, as hashes; of new ones the same number.
const VALUES_MAX: usize = 2 << 20;

/// A value that was not seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Novelty {
    /// What it is a value of.
    pub(crate) field: Field,
    /// The value.
    pub(crate) value: Cell,
    /// When it came first.
    pub(crate) first_seen: Timestamp,
    /// With which flow.
    pub(crate) flow_id: FlowId,
    /// Who started that.
    pub(crate) src_ip: Option<Address>,
    /// Flows that had it since.
    pub(crate) flows: u64,
    /// Their bytes, both directions.
    pub(crate) bytes: u64,
}

/// Finds the values of fields that no flow had before a moment.
pub(crate) struct News {
    since: Timestamp,
    fields: Vec<Field>,
    /// Which of the fields any flow had.
    present: Vec<bool>,
    /// 128 bits of each value from before: two that are different must not be taken for one.
    old: HashSet<(u64, u64)>,
    hashers: (RandomState, RandomState),
    new: HashMap<(usize, Cell), Novelty>,
    forgotten: u64,
    scratch: Vec<Cell>,
}

impl News {
    /// Asks for values of `fields` that came at `since` or later for the first time.
    pub(crate) fn new(since: Timestamp, fields: Vec<Field>) -> Self {
        Self {
            since,
            present: vec![false; fields.len()],
            fields,
            old: HashSet::new(),
            hashers: (RandomState::new(), RandomState::new()),
            new: HashMap::new(),
            forgotten: 0,
            scratch: Vec::new(),
        }
    }

    /// Takes a flow, in any order.
    pub(crate) fn add(&mut self, flow: &Flow) {
        for index in 0..self.fields.len() {
            let field = self.fields[index];
            let mut values = Vec::new();
            keys_of(flow, &[field], &mut self.scratch, &mut |key| values.extend(key.iter().cloned()));
            for value in values.into_iter().filter(|value| *value != Cell::Missing) {
                self.present[index] = true;
                self.add_value(flow, index, field, value);
            }
        }
    }

    fn add_value(&mut self, flow: &Flow, index: usize, field: Field, value: Cell) {
        let hash = (self.hashers.0.hash_one((index, &value)), self.hashers.1.hash_one((index, &value)));
        if self.old.contains(&hash) {
            return;
        }
        let key = (index, value);
        if flow.row.start < self.since {
            self.new.remove(&key);
            if self.old.len() < VALUES_MAX {
                self.old.insert(hash);
            } else {
                self.forgotten += 1;
            }
            return;
        }
        let row = flow.row;
        let bytes = row.bytes_toserver.saturating_add(row.bytes_toclient);
        let src_ip = (row.ip_version != 0).then_some(row.src_ip);
        if let Some(novelty) = self.new.get_mut(&key) {
            novelty.flows += 1;
            novelty.bytes = novelty.bytes.saturating_add(bytes);
            if row.start < novelty.first_seen {
                (novelty.first_seen, novelty.flow_id, novelty.src_ip) = (row.start, row.flow_id, src_ip);
            }
        } else if self.new.len() < VALUES_MAX {
            let (value, first_seen, flow_id) = (key.1.clone(), row.start, row.flow_id);
            self.new.insert(key, Novelty { field, value, first_seen, flow_id, src_ip, flows: 1, bytes });
        } else {
            self.forgotten += 1;
        }
    }

    /// Fields that no flow had a value of.
    pub(crate) fn absent(&self) -> Vec<Field> {
        let all = self.fields.iter().zip(&self.present);
        all.filter(|(_, present)| !**present).map(|(field, _)| *field).collect()
    }

    /// Values for which there was no room: some that are called new may not be.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// What is new, by when it came.
    pub(crate) fn into_sorted(self) -> Vec<Novelty> {
        let mut found: Vec<Novelty> = self.new.into_values().collect();
        found.sort_by(|one, other| {
            (one.first_seen, one.flow_id, one.field, &one.value).cmp(&(
                other.first_seen,
                other.flow_id,
                other.field,
                &other.value,
            ))
        });
        found
    }
}
