//! The other rows of flows that have been found, where the selection left some out.

use std::collections::HashSet;

use flow::FlowId;
use packet::Timestamp;

use super::gather::Gathered;
use super::reading::{Reading, has_beginning};
use super::selection::{Chosen, Selection};
use crate::Error;
use crate::index::{Key, RowSet};

/// Flows that are completed one by one; of more of them everything is read around their times.
const COMPLETED_MAX: usize = 512;

/// A flow ends when it was silent for ten minutes, give or take.
const SILENCE_MAX_NS: i64 = 11 * 60 * 1_000_000_000;

/// Stragglers belong to a closed flow for five seconds, give or take.
const LINGER_MAX_NS: i64 = 10 * 1_000_000_000;

impl Reading<'_> {
    /// Reads the other rows of the flows that have been found, where the selection left some out. That a flow has ended
    /// says not that it has no more of them: there are stragglers.
    pub(super) fn complete(&mut self, selection: &Selection) -> Result<(), Error> {
        let lacks = |flow: &&Gathered| !selection.takes_flows_whole(flow.row.tunnel.is_some());
        let lacking: HashSet<FlowId> = self.gather.iter().filter(lacks).map(|flow| flow.row.flow_id).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let keys: Vec<Key> = lacking.iter().map(|id| Key::Flow(*id)).collect();
        if keys.len() <= COMPLETED_MAX {
            let holding = keys.iter().fold(RowSet::default(), |found, key| found | self.view.catalog.holding(key));
            for file in holding.iter() {
                let chosen = self.rows_of(file, &keys);
                self.add(file, chosen, Some(&lacking))?;
            }
            return Ok(());
        }
        let (from, to) = self.surroundings(&lacking);
        for file in 0..self.view.catalog.files().len() as u32 {
            let summary = self.view.catalog.summary(file);
            if summary.is_none_or(|summary| summary.times.1 >= from && summary.times.0 <= to) {
                self.add(file, Chosen::All, Some(&lacking))?;
            }
        }
        Ok(())
    }

    /// The times that can hold more of some flows.
    fn surroundings(&self, lacking: &HashSet<FlowId>) -> (Timestamp, Timestamp) {
        let id = self.view.tape.id_bytes();
        let (mut from, mut to) = (Timestamp::MAX, Timestamp::MIN);
        for flow in self.gather.iter().filter(|flow| lacking.contains(&flow.row.flow_id)) {
            let begins = if has_beginning(&id, flow) { flow.row.end } else { flow.row.start };
            let silence_ns = if flow.row.end_reason.is_some() { LINGER_MAX_NS } else { SILENCE_MAX_NS };
            from = from.min(begins);
            to = to.max(Timestamp(flow.row.end.0.saturating_add(silence_ns)));
        }
        (from, to)
    }

    fn rows_of(&self, file: u32, keys: &[Key]) -> Chosen {
        if self.view.catalog.summary(file).is_none() {
            return Chosen::All;
        }
        let Ok(index) = self.view.catalog.index(file) else { return Chosen::All };
        let mut rows = RowSet::default();
        for key in keys {
            match index.rows_of(key) {
                Ok(found) => rows |= &found,
                Err(_) => return Chosen::All,
            }
        }
        Chosen::Some(rows)
    }
}
