//! Rows of flow files on their way into flows.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use filter::question::Truth;
use flow::FlowId;
use packet::Timestamp;

use super::files;
use super::gather::{Gather, Gathered};
use super::rows::Sieve;
use super::selection::{Chosen, Selection};
use super::view::View;
use crate::Error;
use crate::index::{Key, RowSet};
use crate::rows::{FlowFile, RowsError, Stored};

/// Rows on their way.
pub(super) struct Reading<'v> {
    pub(super) view: &'v mut View,
    pub(super) gather: Gather,
    /// The rows that have been read of each flow file.
    read: BTreeMap<u32, Chosen>,
    /// Flow files that could not be read.
    pub(super) unread: BTreeSet<u32>,
    /// The latest time of a packet.
    latest: Timestamp,
}

impl<'v> Reading<'v> {
    pub(super) fn new(view: &'v mut View) -> Result<Self, Error> {
        let latest = view.latest()?;
        Ok(Self { view, gather: Gather::default(), read: BTreeMap::new(), unread: BTreeSet::new(), latest })
    }

    /// Adds rows of a flow file, of these flows alone if there is a list of them.
    pub(super) fn add(&mut self, file: u32, chosen: Chosen, only: Option<&HashSet<FlowId>>) -> Result<(), Error> {
        let chosen = match (self.read.get(&file), chosen) {
            (Some(Chosen::All), _) => return Ok(()),
            (Some(Chosen::Some(read)), Chosen::Some(rows)) => Chosen::Some(rows - read.clone()),
            (Some(Chosen::Some(_)), Chosen::All) | (None, Chosen::All) => Chosen::All,
            (None, chosen) => chosen,
        };
        if chosen == Chosen::Some(RowSet::default()) || self.unread.contains(&file) {
            return Ok(());
        }
        let Some(opened) = files::open(self.view, file)? else {
            self.unread.insert(file);
            return Ok(());
        };
        if let Err(error) = self.add_rows(file, &opened, &chosen, only) {
            files::note(self.view, file, &error);
            self.unread.insert(file);
        }
        match (self.read.get_mut(&file), chosen) {
            (Some(Chosen::Some(read)), Chosen::Some(rows)) => *read |= &rows,
            (_, chosen) => drop(self.read.insert(file, chosen)),
        }
        Ok(())
    }

    fn add_rows(
        &mut self,
        file: u32,
        opened: &FlowFile,
        chosen: &Chosen,
        only: Option<&HashSet<FlowId>>,
    ) -> Result<(), RowsError> {
        let metadata = opened.metadata();
        let names = metadata.interfaces.iter().map(|name| (!name.is_empty()).then(|| Arc::from(name.as_str())));
        let names: Vec<Option<Arc<str>>> = names.collect();
        let mut numbers: Vec<Option<u32>> = vec![None; metadata.frames.len()];
        self.gather.file = Some(file);
        let (gather, places) = (&mut self.gather, &mut self.view.places);
        let before = match (chosen, self.read.get(&file)) {
            (Chosen::All, Some(Chosen::Some(read))) => read.clone(),
            _ => RowSet::default(),
        };
        let mut take = |number: u32, row: Stored| {
            let is_wanted = only.is_none_or(|only| only.contains(&row.part.flow_id));
            if !is_wanted || before.contains(number) {
                return;
            }
            let in_iface = names.get(row.part.in_iface as usize).and_then(Option::as_ref);
            let frames = row.frames.iter().filter_map(|index| {
                let place = *metadata.frames.get(*index as usize)?;
                Some(*numbers.get_mut(*index as usize)?.get_or_insert_with(|| places.number(place)))
            });
            gather.add(&row.part, in_iface, frames, Truth::False);
        };
        let some = match chosen {
            Chosen::Some(rows) => {
                let numbers = rows.to_vec();
                opened.read_rows(&numbers).ok().map(|rows| (numbers, rows))
            }
            Chosen::All => None,
        };
        if let Some((numbers, rows)) = some {
            numbers.into_iter().zip(rows).for_each(|(number, row)| take(number, row));
            return Ok(());
        }
        // What an index names can be wrong: what is not wanted does no harm.
        let mut number = 0;
        for group in 0..opened.row_groups() {
            for row in opened.read(group)? {
                take(number, row);
                number += 1;
            }
        }
        Ok(())
    }

    /// Drops the flows that are of no interest after the rows of a flow file.
    pub(super) fn drop(&mut self, file: u32, selection: &Selection, sieve: &mut dyn Sieve) {
        let id = self.view.tape.id_bytes();
        let (catalog, latest) = (&self.view.catalog, self.latest);
        let clock_ns = |file| catalog.summary(file).map(|summary| summary.clock_ns);
        // Times of packets can be those of a clock that was set: the flow table ended flows by its own.
        let begun_ns = file.checked_sub(1).and_then(clock_ns);
        let is_over = |flow: &Gathered| {
            let seen_ns = flow.files.and_then(|(_, last)| clock_ns(last));
            let silence_ns = begun_ns.zip(seen_ns).map_or(0, |(begun, seen)| begun.saturating_sub(seen));
            silence_ns > flow.row.silence_max_ns()
        };
        self.gather.end_batch(is_over, |flow, is_past| {
            let is_whole = is_past && has_beginning(&id, flow) && selection.takes_rows_alike(flow.row.tunnel.is_some());
            if is_whole {
                flow.row.settle(latest);
            }
            sieve.keep(flow, is_whole)
        });
    }

    /// Counts the rows that tell not all that was said, for it went on behind heads; of clues those that were passed over, the
    /// others are looked at by whoever asks.
    pub(super) fn note_beyond_heads(&mut self, files: &RowSet, selection: &Selection) {
        let is_by_clues = selection.said_clues().is_some();
        let beyond_heads = |file: u32| {
            let rows = self.view.catalog.index(file).ok()?.rows_of(&Key::BeyondHead).ok()?;
            Some(match self.read.get(&file).filter(|_| is_by_clues) {
                Some(Chosen::All) => 0,
                Some(Chosen::Some(read)) => (rows - read.clone()).len(),
                None => rows.len(),
            })
        };
        let mut holding = self.view.catalog.holding(&Key::BeyondHead);
        holding &= files;
        self.view.beyond_heads += holding.iter().filter_map(beyond_heads).sum::<u64>();
    }

    /// Notes how many rows were read of those that the files have.
    pub(super) fn end_rows(&mut self, files: &RowSet) {
        let all = |file| self.view.catalog.summary(file).map_or(0, |summary| u64::from(summary.rows));
        let read = self.read.iter().map(|(file, chosen)| match chosen {
            Chosen::All => all(*file),
            Chosen::Some(rows) => rows.len(),
        });
        let (read, of) = (read.sum(), files.iter().map(all).sum());
        self.view.stages.end("rows by index", read, of, 0);
    }
}

/// Whether a flow's first packet is in the parts that are known: its id is made of that packet's arrival number.
pub(super) fn has_beginning(tape_id: &[u8; 16], flow: &Gathered) -> bool {
    FlowId::new(tape_id, &flow.row.key(), flow.row.first_arrival) == flow.row.flow_id
}
