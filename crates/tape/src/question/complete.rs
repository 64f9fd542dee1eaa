//! The other rows of flows that have been found, where the selection left some out.

use std::collections::HashSet;

use flow::FlowId;
use packet::Timestamp;

use super::gather::Gathered;
use super::reading::{Reading, has_beginning};
use super::selection::{Chosen, Selection};
use crate::Error;
use crate::index::{Key, KeySet};

/// Flows that are completed one by one; of more of them everything is read around their times.
const COMPLETED_MAX: usize = 1 << 14;

impl Reading<'_> {
    /// Reads the other rows of the flows that have been found, where the selection left some out. That a flow has ended
    /// says not that it has no more of them: there are stragglers.
    pub(super) fn complete(&mut self, selection: &Selection) -> Result<(), Error> {
        let lacks = |flow: &&Gathered| !selection.takes_flows_whole(flow.row.tunnel.is_some());
        let lacking: HashSet<FlowId> = self.gather.iter().filter(lacks).map(|flow| flow.row.flow_id).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        if lacking.len() <= COMPLETED_MAX {
            let keys: KeySet = lacking.iter().map(|id| Key::Flow(*id)).collect();
            for file in self.view.catalog.holding_any(&keys).iter() {
                let chosen = self.rows_of(file, &keys);
                self.add(file, chosen, Some(&lacking))?;
            }
            return Ok(());
        }
        for file in self.surroundings(&lacking) {
            self.add(file, Chosen::All, Some(&lacking))?;
        }
        Ok(())
    }

    /// The flow files that can hold more of some flows. Times of packets can be those of a clock that was set, so what is
    /// behind a flow is told by the flow table's clock, and what is before by the file that has its first packet.
    fn surroundings(&self, lacking: &HashSet<FlowId>) -> Vec<u32> {
        let (id, catalog) = (self.view.tape.id_bytes(), &self.view.catalog);
        let mut starts: Vec<Timestamp> = Vec::new();
        let mut first = u32::MAX;
        let mut last_ns = Some(0);
        for flow in self.gather.iter().filter(|flow| lacking.contains(&flow.row.flow_id)) {
            match flow.files {
                Some((known, _)) if has_beginning(&id, flow) => first = first.min(known),
                _ => starts.push(flow.row.start),
            }
            let seen_ns = flow.files.and_then(|(_, last)| Some(catalog.summary(last)?.clock_ns));
            let silence_ns = flow.row.silence_max_ns();
            last_ns = last_ns.zip(seen_ns).map(|(last, seen): (u64, u64)| last.max(seen.saturating_add(silence_ns)));
        }
        let earliest = starts.iter().min().copied();
        let count = catalog.files().len() as u32;
        let can_begin = |file: &u32| {
            let times = catalog.summary(*file).map(|summary| summary.times);
            earliest.zip(times).is_none_or(|(earliest, times)| times.1 >= earliest)
        };
        if earliest.is_some() {
            first = first.min((0..count).find(can_begin).unwrap_or(0));
        }
        let begun_ns = |file: u32| file.checked_sub(1).and_then(|before| Some(catalog.summary(before)?.clock_ns));
        let is_near = |file: &u32| begun_ns(*file).zip(last_ns).is_none_or(|(begun, last)| begun <= last);
        (first..count).filter(is_near).collect()
    }

    fn rows_of(&self, file: u32, keys: &KeySet) -> Chosen {
        if self.view.catalog.summary(file).is_none() {
            return Chosen::All;
        }
        let rows = self.view.catalog.index(file).ok().and_then(|index| index.rows_of_any(keys).ok());
        rows.map_or(Chosen::All, Chosen::Some)
    }
}
