//! `wiretape sweep`: where indicators have been seen.

use std::io::BufWriter;
use std::path::Path;

use investigate::indicators::{Search, Sightings, Watchlist};
use tape::question::{Coverage, Query, Source};

use super::{courtesy, indicators, observed, question as asked};
use crate::args::{SweepArgs, SweepFormat};
use crate::errors::{Exit, Failure};
use crate::output::coverage;
use crate::output::sightings;

/// Addresses and networks that the index is asked for by name; of more, every row is looked at.
const ASKED_MAX: usize = 1000;

/// Prints where the indicators of a list have been seen.
pub(crate) fn run(arguments: &SweepArgs) -> Result<Exit, Failure> {
    courtesy::give_way(arguments.limits.memory)?;
    let source = asked::source(&arguments.source)?;
    if is_stdin(&source) {
        return Err(Failure::call("a capture on standard input can be read once, and a sweep reads it twice")
            .attempt("name a file: -r FILE"));
    }
    let list = indicators::read(&arguments.indicators)?;
    let query = asked::query(&arguments.times, &[])?;
    let mut sightings = Sightings::new(&list);
    let mut coverage = Coverage::default();
    if list.has_networks() {
        let by_row = by_row(arguments, &list)?;
        coverage = observed::meetings(&source, &by_row, &mut |meeting| sightings.flow(meeting))?;
    }
    if arguments.deep || list.needs_payload() {
        let search = if arguments.deep { Search::new(&list) } else { None };
        coverage = observed::together(coverage, observed::observe(&source, &query, &mut sightings, search)?);
    }
    coverage.matched = sightings.seen().len() as u64;
    let out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    match arguments.format {
        SweepFormat::Table => sightings::table(out, &sightings, &list),
        SweepFormat::Json => sightings::json(out, &sightings, &list),
    }
    .map_err(Failure::output)?;
    Ok(coverage::conclude(&coverage, "indicators"))
}

/// The question for the rows that have any of the addresses.
fn by_row(arguments: &SweepArgs, list: &Watchlist) -> Result<Query, Failure> {
    let networks: Vec<String> =
        list.listed().iter().filter_map(|one| one.indicator.network()).map(|network| network.to_string()).collect();
    let words = match networks.len() {
        0 => vec![],
        count if count > ASKED_MAX => vec![],
        _ => vec![format!("addr in ({})", networks.join(", "))],
    };
    asked::query(&arguments.times, &words)
}

/// Whether the source can be read once only.
pub(super) fn is_stdin(source: &Source) -> bool {
    matches!(source, Source::Captures(paths) if paths.iter().any(|path| path == Path::new("-")))
}
