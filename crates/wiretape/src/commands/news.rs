//! `flows --new-since TIME`: destinations, names and fingerprints that were not there before.

use std::io::BufWriter;
use std::ops::ControlFlow;

use filter::question::Field;
use packet::Timestamp;
use tape::question::{self, Query, Source};

use super::explained::Explained;
use super::progress::Waiting;
use crate::aggregate::{News, Novelty};
use crate::args::FlowsArgs;
use crate::errors::{Exit, Failure};
use crate::output::coverage::{self, thousands};
use crate::output::grid::{self, Column, Datum};
use crate::terminal;
use crate::units::{rfc3339, second_text, size_text, span_text};

/// What is compared when nothing is named.
const FIELDS: [Field; 8] = [
    Field::DestIp,
    Field::DestName,
    Field::TlsSni,
    Field::HttpHostname,
    Field::DnsQueries,
    Field::Ja3,
    Field::Ja4,
    Field::Hassh,
];

/// Prints the values that came at `since` or later for the first time.
pub(super) fn run(
    source: &Source,
    query: &Query,
    since: Timestamp,
    arguments: &FlowsArgs,
    explained: Explained,
) -> Result<Exit, Failure> {
    grid::check_format(arguments.format, "--new-since")?;
    if query.from.is_some_and(|from| from >= since) {
        return Err(Failure::call("--from has to be before --new-since")
            .because("what was there between the two is what nothing new may have been seen in"));
    }
    let named: Vec<Field> = arguments.by.iter().map(|by| by.0).collect();
    let fields = if named.is_empty() { FIELDS.to_vec() } else { named };
    let limit = query.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let query = Query { limit: None, ..query.clone() };
    let mut news = News::new(since, fields.clone());
    let mut oldest = None;
    let waiting = Waiting::begin();
    let mut coverage = question::flows_in_any_order(source, &query, &mut |flow| {
        oldest = Some(oldest.map_or(flow.row.start, |oldest: Timestamp| oldest.min(flow.row.start)));
        news.add(flow);
        ControlFlow::Continue(())
    })?;
    waiting.end();
    let (absent, forgotten) = (news.absent(), news.forgotten());
    let found = news.into_sorted();
    let rows: Vec<Vec<Datum>> = found.iter().take(limit).map(row).collect();
    let mut out = BufWriter::new(std::io::stdout().lock());
    grid::print(&mut out, arguments.format, &columns(), &rows).map_err(Failure::output)?;
    if rows.len() < found.len() {
        terminal::notice(format_args!("the first {} of {} values", rows.len(), thousands(found.len() as u64)));
    }
    say_reach(source, &query, since, oldest)?;
    say_absent(&absent, fields.len());
    if forgotten > 0 {
        terminal::warning(format_args!(
            "there were more values than are remembered: {} were passed over, so not all of these may be new",
            thousands(forgotten)
        ));
    }
    coverage.matched = found.len() as u64;
    let exit = coverage::conclude(&coverage, "new values");
    explained.behind(&coverage);
    Ok(exit)
}

/// What "new" means: how long before `since` rows reach back.
fn say_reach(source: &Source, query: &Query, since: Timestamp, oldest: Option<Timestamp>) -> Result<(), Failure> {
    let reach = match source {
        Source::Tape(tape) => question::rows_since(tape)?,
        Source::Captures(_) => oldest,
    };
    let begin = reach.map(|reach| query.from.map_or(reach, |from| from.max(reach)));
    match begin {
        Some(begin) if begin < since => {
            let length = std::time::Duration::from_nanos(since.since(begin).try_into().unwrap_or(0));
            terminal::notice(format_args!(
                "new means: not seen in the {} before {} UTC, as far as {} reach back",
                span_text(length),
                second_text(since),
                if query.from.is_some_and(|from| Some(from) == Some(begin)) {
                    "--from lets rows"
                } else {
                    "rows of flows"
                },
            ));
        }
        _ => terminal::warning(format_args!(
            "nothing from before {} UTC is there to compare with, so everything is new",
            second_text(since)
        )),
    }
    Ok(())
}

fn say_absent(absent: &[Field], asked: usize) {
    if absent.is_empty() {
        return;
    }
    let names: Vec<&str> = absent.iter().map(|field| field.name()).collect();
    let all =
        if absent.len() == asked { "so there was nothing to compare" } else { "so the others alone were compared" };
    terminal::notice(format_args!("no flow has {}, {all}", names.join(", ")));
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("first_seen", "FIRST SEEN (UTC)", false, 1),
        Column::new("field", "FIELD", false, 0),
        Column::new("value", "VALUE", false, 0),
        Column::new("flows", "FLOWS", true, 2),
        Column::new("bytes", "BYTES", true, 4),
        Column::new("src_ip", "FIRST BY", false, 3),
        Column::new("flow_id", "FLOW", false, 0),
    ]
}

fn row(found: &Novelty) -> Vec<Datum> {
    vec![
        Datum::new(rfc3339(found.first_seen), second_text(found.first_seen)),
        Datum::plain(found.field.name()),
        Datum::plain(found.value.to_json(found.field)),
        Datum::new(found.flows, thousands(found.flows)),
        Datum::new(found.bytes, size_text(found.bytes)),
        Datum::plain(found.src_ip.map(|address| address.to_string())),
        Datum::plain(found.flow_id.to_string()),
    ]
}
