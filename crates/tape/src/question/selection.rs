//! Which rows of which flow files a question needs to see.

use std::sync::Arc;

use filter::question::{Field, Layer, Needs};
use packet::Timestamp;

use super::{Clues, Query};
use crate::index::{Catalog, IndexError, Key, KeySet, RowSet};

/// What rows are chosen by.
pub(super) struct Selection {
    needs: Needs,
    /// Flows by their ids, and how many.
    flows: Option<(KeySet, usize)>,
    /// A flow has one of them.
    clues: Option<Arc<Clues>>,
    range: (Option<Timestamp>, Option<Timestamp>),
    /// Rows of other times are chosen too: what is asked for can have been said before, or later.
    is_of_all_times: bool,
    /// Something is asked for that can be said at any time, as file names.
    asks_throughout: bool,
}

/// Rows of a flow file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Chosen {
    /// All of them.
    All,
    /// Some.
    Some(RowSet),
}

/// Flow ids that are looked up one by one; for more of them everything is read.
const FLOWS_MAX: usize = 1 << 12;

impl Selection {
    /// Of a query's expression, times and flow ids.
    pub(super) fn new(query: &Query, catalog: &Catalog) -> Self {
        // One row of a flow can have the clue, and another one what the expression needs.
        let expression = query.expression.as_ref().filter(|_| query.clues.is_none());
        let needs =
            expression.map_or(Needs::Everything, |expression| expression.question.needs(expression.resolver.as_ref()));
        let is_by_id = (1..=FLOWS_MAX).contains(&query.flow_ids.len());
        let flows = is_by_id.then(|| query.flow_ids.iter().map(|id| Key::Flow(*id)).collect());
        let flows = flows.map(|keys| (keys, query.flow_ids.len()));
        let clues = query.clues.clone();
        let asks_throughout = expression.is_some_and(|expression| expression.question.asks(Field::is_list_of_heads));
        let range = query.range();
        let selection = Self { needs, flows, clues, range, is_of_all_times: false, asks_throughout };
        if !(selection.is_by_time() && selection.asks_payload()) {
            return selection;
        }
        // A flow of these times can have said it at another: either rows of all times are looked up, or all of these times
        // are read.
        let of_all_times = Self { is_of_all_times: true, ..selection };
        let Files { in_time, needed } = of_all_times.files(catalog);
        if needed.len() <= in_time.len() {
            return of_all_times;
        }
        Self { is_of_all_times: false, needs: of_all_times.needs.without_payload(), clues: None, ..of_all_times }
    }

    /// Of everything.
    pub(super) fn everything() -> Self {
        let (needs, range) = (Needs::Everything, (None, None));
        Self { needs, flows: None, clues: None, range, is_of_all_times: false, asks_throughout: false }
    }

    /// What a flow must have, in words.
    pub(super) fn to_words(&self) -> String {
        let needs = match &self.clues {
            Some(clues) => format!("one of {} clues", clues.count()),
            None => self.needs.to_string(),
        };
        match self.flows {
            None => needs,
            Some((_, count)) => format!("{needs} (of {count} flows by their ids)"),
        }
    }

    /// True if flows can have rows that times leave out.
    pub(super) fn is_by_time(&self) -> bool {
        self.range != (None, None)
    }

    /// True if all rows are wanted, but for their times.
    pub(super) fn is_everything(&self) -> bool {
        self.needs == Needs::Everything && self.flows.is_none() && self.clues.is_none()
    }

    /// True if each of a flow's rows is chosen, or none.
    pub(super) fn takes_flows_whole(&self, has_tunnel: bool) -> bool {
        !self.is_by_time() && self.takes_rows_alike(has_tunnel)
    }

    /// True if each of a flow's rows of the times that are asked for is chosen, or none: addresses, ports and the id are the
    /// same in all of them, and a flow without a tunnel is opaque in none. What is said is in one row and not in the next.
    pub(super) fn takes_rows_alike(&self, has_tunnel: bool) -> bool {
        let is_for_all = self.needs == Needs::Everything && self.clues.is_none();
        is_for_all || (!has_tunnel && !self.asks_payload())
    }

    /// True if something can be said behind heads that rows do not tell.
    pub(super) fn asks_beyond_heads(&self) -> bool {
        self.asks_throughout || self.said_clues().is_some()
    }

    /// The clues, if what is said is among them.
    pub(super) fn said_clues(&self) -> Option<&Clues> {
        self.clues.as_deref().filter(|clues| clues.ask_payload())
    }

    /// True if something that is said is asked for.
    pub(super) fn asks_payload(&self) -> bool {
        self.needs.ask_payload() || self.said_clues().is_some()
    }

    /// The flow files whose rows can be needed.
    pub(super) fn files(&self, catalog: &Catalog) -> Files {
        let count = catalog.files().len() as u32;
        let in_time: RowSet = (0..count).filter(|file| self.is_in_time(catalog, *file)).collect();
        let all = || RowSet::all(count);
        let of_needs = evaluate(&self.needs, &all, &|key| Ok(catalog.holding(&key)));
        let mut needed = of_needs.unwrap_or_else(|_| all());
        if !self.is_of_all_times {
            needed &= &in_time;
        }
        if let Some(clues) = &self.clues {
            needed &= &catalog.holding_any(clues.keys());
        }
        if let Some((flows, _)) = &self.flows {
            needed &= &catalog.holding_any(flows);
        }
        Files { in_time, needed }
    }

    /// The rows of a flow file that are needed.
    pub(super) fn rows(&self, catalog: &Catalog, file: u32) -> Chosen {
        let Some(summary) = catalog.summary(file).filter(|_| !self.is_everything()) else { return Chosen::All };
        let all = || RowSet::all(summary.rows);
        let rows = || -> Result<RowSet, IndexError> {
            let index = catalog.index(file).map_err(|_| IndexError::Damaged)?;
            let mut rows = evaluate(&self.needs, &all, &|key| index.rows_of(&key))?;
            if let Some(clues) = &self.clues {
                rows &= &index.rows_of_any(clues.keys())?;
            }
            if let Some((flows, _)) = &self.flows {
                rows &= &index.rows_of_any(flows)?;
            }
            Ok(rows)
        };
        match rows() {
            Ok(rows) if rows.len() < u64::from(summary.rows) => Chosen::Some(rows),
            // What its index does not tell, its rows do.
            _ => Chosen::All,
        }
    }

    /// Whether a flow file can have packets of the times that are asked for.
    pub(super) fn is_in_time(&self, catalog: &Catalog, file: u32) -> bool {
        let (from, to) = self.range;
        catalog.summary(file).is_none_or(|summary| {
            from.is_none_or(|from| summary.times.1 >= from) && to.is_none_or(|to| summary.times.0 < to)
        })
    }
}

/// Flow files by their places in the catalog.
pub(super) struct Files {
    /// Those with packets of the times that are asked for.
    pub(super) in_time: RowSet,
    /// Those that can have a row that is needed, of these times or of all.
    pub(super) needed: RowSet,
}

/// The numbers for which needs can hold: each flow that has what is needed has at least one of its rows among them, and
/// each packet its own, as far as nothing that is said is asked for.
fn evaluate(
    needs: &Needs,
    all: &dyn Fn() -> RowSet,
    of: &dyn Fn(Key) -> Result<RowSet, IndexError>,
) -> Result<RowSet, IndexError> {
    match needs {
        Needs::Everything => Ok(all()),
        Needs::Nothing => Ok(RowSet::default()),
        Needs::Key(key) => of(index_key(key)),
        Needs::Opaque(layer) => of(Key::Opaque(*layer)),
        Needs::Unread => of(Key::Unread),
        Needs::And(parts) => {
            let (said, others): (Vec<&Needs>, Vec<&Needs>) = parts.iter().partition(|part| part.ask_payload());
            let mut found = all();
            for part in &others {
                found &= &evaluate(part, all, of)?;
                if found.is_empty() {
                    return Ok(found);
                }
            }
            // One row of a flow can have one text, and another row the other: only one of them is looked up.
            let Some(narrowest) = said.into_iter().min_by_key(|part| part.is_broad()) else { return Ok(found) };
            let mut of_said = evaluate(narrowest, all, of)?;
            // The outside of packets is another thing that rows of a flow need not have in common.
            if !others.is_empty() {
                of_said |= &of(Key::Opaque(Layer::Transport))?;
            }
            found &= &of_said;
            Ok(found)
        }
        Needs::Or(parts) => {
            let mut found = RowSet::default();
            for part in parts {
                found |= &evaluate(part, all, of)?;
            }
            Ok(found)
        }
    }
}

/// As the index has it.
fn index_key(key: &filter::question::Key) -> Key<'_> {
    match key {
        filter::question::Key::Address(address) => Key::Address(*address),
        filter::question::Key::Net(address, bits) => Key::Net(*address, *bits),
        filter::question::Key::Port(port) => Key::Port(*port),
        filter::question::Key::Text(field, text) => Key::Text(field.name(), text),
    }
}
