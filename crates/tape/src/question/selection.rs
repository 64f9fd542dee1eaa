//! Which rows of which flow files a question needs to see.

use filter::question::{Need, Needs};
use packet::Timestamp;

use super::Query;
use crate::index::{Catalog, IndexError, Key, RowSet};

/// What rows are chosen by.
pub(super) struct Selection {
    needs: Needs,
    /// Flows by their ids; empty is no restriction.
    flows: Vec<Key<'static>>,
    range: (Option<Timestamp>, Option<Timestamp>),
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
    pub(super) fn new(query: &Query) -> Self {
        let expression = query.expression.as_ref();
        let needs =
            expression.map_or(Needs::Everything, |expression| expression.question.needs(expression.resolver.as_ref()));
        let few = if query.flow_ids.len() <= FLOWS_MAX { query.flow_ids.as_slice() } else { &[] };
        Self { needs, flows: few.iter().map(|id| Key::Flow(*id)).collect(), range: query.range() }
    }

    /// Of everything.
    pub(super) fn everything() -> Self {
        Self { needs: Needs::Everything, flows: Vec::new(), range: (None, None) }
    }

    /// What a flow must have, in words.
    pub(super) fn to_words(&self) -> String {
        match self.flows.len() {
            0 => self.needs.to_string(),
            count => format!("{} (of {count} flows by their ids)", self.needs),
        }
    }

    /// True if flows can have rows that times leave out.
    pub(super) fn is_by_time(&self) -> bool {
        self.range != (None, None)
    }

    /// True if all rows are wanted, but for their times.
    pub(super) fn is_everything(&self) -> bool {
        self.needs == Needs::Everything && self.flows.is_empty()
    }

    /// True if each of a flow's rows is chosen, or none: addresses, ports and the id are the same in all of them, and a
    /// flow without a tunnel is opaque in none.
    pub(super) fn takes_flows_whole(&self, has_tunnel: bool) -> bool {
        !self.is_by_time() && (!has_tunnel || self.needs == Needs::Everything)
    }

    /// The flow files whose rows can be needed, of those whose packets are of the times that are asked for.
    pub(super) fn files(&self, catalog: &Catalog) -> Files {
        let count = catalog.files().len() as u32;
        let in_time: RowSet = (0..count).filter(|file| self.is_in_time(catalog, *file)).collect();
        let all = || RowSet::all(count);
        let of_needs = evaluate(&self.needs, &all, &|need| {
            Ok(match need {
                Need::Opaque(layer) => catalog.opaque(layer),
                Need::Key(key) => index_key(key).map_or_else(all, |key| catalog.holding(&key)),
            })
        });
        let mut needed = of_needs.unwrap_or_else(|_| all()) & in_time.clone();
        if !self.flows.is_empty() {
            let of_flows = self.flows.iter().fold(RowSet::default(), |found, key| found | catalog.holding(key));
            needed &= &of_flows;
        }
        Files { in_time, needed }
    }

    /// The rows of a flow file that are needed.
    pub(super) fn rows(&self, catalog: &Catalog, file: u32) -> Chosen {
        let Some(summary) = catalog.summary(file).filter(|_| !self.is_everything()) else { return Chosen::All };
        let all = || RowSet::all(summary.rows);
        let rows = || -> Result<RowSet, IndexError> {
            let index = catalog.index(file).map_err(|_| IndexError::Damaged)?;
            let mut rows = evaluate(&self.needs, &all, &|need| match need {
                Need::Opaque(layer) => index.opaque(layer),
                Need::Key(key) => index_key(key).map_or_else(|| Ok(all()), |key| index.rows_of(&key)),
            })?;
            if !self.flows.is_empty() {
                let mut of_flows = RowSet::default();
                for key in &self.flows {
                    of_flows |= &index.rows_of(key)?;
                }
                rows &= &of_flows;
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
    /// Those of them that can have a row that is needed.
    pub(super) needed: RowSet,
}

/// The numbers for which needs can hold.
fn evaluate(
    needs: &Needs,
    all: &dyn Fn() -> RowSet,
    of: &dyn Fn(Need) -> Result<RowSet, IndexError>,
) -> Result<RowSet, IndexError> {
    match needs {
        Needs::Everything => Ok(all()),
        Needs::Nothing => Ok(RowSet::default()),
        Needs::Key(key) => of(Need::Key(key)),
        Needs::Opaque(layer) => of(Need::Opaque(*layer)),
        Needs::And(parts) => {
            let mut found = all();
            for part in parts {
                found &= &evaluate(part, all, of)?;
                if found.is_empty() {
                    break;
                }
            }
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

/// As the index has it; `None` for what no flow file has been asked to index: any row can have that.
fn index_key(key: &filter::question::Key) -> Option<Key<'_>> {
    match key {
        filter::question::Key::Address(address) => Some(Key::Address(*address)),
        filter::question::Key::Net(address, bits) => Some(Key::Net(*address, *bits)),
        filter::question::Key::Port(port) => Some(Key::Port(*port)),
        filter::question::Key::Text(..) => None,
    }
}
