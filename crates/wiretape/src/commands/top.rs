//! `flows --top N --by FIELD,…`: the greatest groups of flows.

use std::io::BufWriter;
use std::ops::ControlFlow;

use filter::question::Field;
use serde_json::json;
use tape::question::{self, Query, Source};

use super::explained::Explained;
use super::progress::Waiting;
use crate::aggregate::{Groups, Key, SortBy, Totals, keys_of};
use crate::args::FlowsArgs;
use crate::errors::{Exit, Failure};
use crate::output::coverage::{self, thousands};
use crate::output::grid::{self, Column, Datum};
use crate::terminal;
use crate::units::{rfc3339, second_text, size_text};

/// Groups that are told apart exactly; more are approximated.
const GROUPS_MAX: usize = 1_000_000;

/// Prints the groups of the flows that match.
pub(super) fn run(
    source: &Source,
    query: &Query,
    arguments: &FlowsArgs,
    explained: Explained,
) -> Result<Exit, Failure> {
    grid::check_format(arguments.format, "--by")?;
    let fields: Vec<Field> = arguments.by.iter().map(|by| by.0).collect();
    let sort = arguments.sort.unwrap_or(SortBy::Bytes);
    let mut groups = Groups::new(sort, GROUPS_MAX);
    let mut key = Vec::new();
    let waiting = Waiting::begin();
    let query = Query { limit: None, ..query.clone() };
    let coverage = question::flows_in_any_order(source, &query, &mut |flow| {
        let totals = Totals::from(flow.row);
        groups.count(&totals);
        keys_of(flow, &fields, &mut key, &mut |key| groups.add(key, &totals));
        ControlFlow::Continue(())
    })?;
    waiting.end();
    let (count, whole, missed) = (groups.len(), groups.weight(), groups.missed_max());
    let limit = arguments.limit.and_then(|limit| usize::try_from(limit).ok());
    let top = groups.into_top(arguments.top.or(limit).unwrap_or(usize::MAX));
    let rows: Vec<Vec<Datum>> = top.iter().map(|(key, totals)| row(&fields, key, totals, sort, whole)).collect();
    let mut out = BufWriter::new(std::io::stdout().lock());
    grid::print(&mut out, arguments.format, &columns(&fields), &rows).map_err(Failure::output)?;
    if missed > 0 {
        let amount = if sort == SortBy::Bytes { size_text(missed) } else { thousands(missed) };
        terminal::warning(format_args!(
            "there are more than {} groups, so these are approximate: each can be too low by up to {amount}",
            thousands(GROUPS_MAX as u64)
        ));
    } else if rows.len() < count {
        terminal::notice(format_args!("the first {} of {} groups", rows.len(), thousands(count as u64)));
    }
    let exit = coverage::conclude(&coverage, "flows");
    explained.behind(&coverage);
    Ok(exit)
}

fn columns(fields: &[Field]) -> Vec<Column> {
    let of_fields = fields.iter().map(|field| Column::new(field.name(), &field.name().to_uppercase(), false, 0));
    // A sum that is also grouped by has another name for programs.
    let is_taken = |name: &String| fields.iter().any(|field| field.name() == name);
    let free = |column: Column| {
        let name = column.name.map(|name| if is_taken(&name) { format!("total_{name}") } else { name });
        Column { name, ..column }
    };
    let of_totals = [
        Column::new("flows", "FLOWS", true, 2),
        Column::new("pkts_toserver", "PKTS>", true, 5),
        Column::new("pkts_toclient", "<PKTS", true, 6),
        Column::new("bytes_toserver", "BYTES>", true, 3),
        Column::new("bytes_toclient", "<BYTES", true, 4),
        Column::shown("SHARE", true, 7),
        Column::new("first_seen", "FIRST SEEN (UTC)", false, 8),
        Column::new("last_seen", "LAST SEEN (UTC)", false, 9),
    ];
    of_fields.chain(of_totals.into_iter().map(free)).collect()
}

fn row(fields: &[Field], key: &Key, totals: &Totals, sort: SortBy, whole: u64) -> Vec<Datum> {
    let of_fields = fields.iter().zip(key).map(|(field, cell)| Datum::plain(cell.to_json(*field)));
    let share = totals.weight(sort) as f64 * 100.0 / whole.max(1) as f64;
    let of_totals = [
        Datum::new(totals.flows, thousands(totals.flows)),
        Datum::new(totals.pkts_toserver, thousands(totals.pkts_toserver)),
        Datum::new(totals.pkts_toclient, thousands(totals.pkts_toclient)),
        Datum::new(totals.bytes_toserver, size_text(totals.bytes_toserver)),
        Datum::new(totals.bytes_toclient, size_text(totals.bytes_toclient)),
        Datum::new(json!(null), format!("{share:.1} %")),
        Datum::new(rfc3339(totals.first_seen), second_text(totals.first_seen)),
        Datum::new(rfc3339(totals.last_seen), second_text(totals.last_seen)),
    ];
    of_fields.chain(of_totals).collect()
}
