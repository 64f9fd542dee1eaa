//! `wiretape sweep`: where indicators have been seen.

use std::io::BufWriter;

use investigate::indicators::{Search, Sightings, Watchlist};
use tape::question::{Coverage, Query, Source};

use super::observed::{self, together};
use super::{courtesy, indicators, question as asked, spool};
use crate::args::{SweepArgs, SweepFormat};
use crate::errors::{Exit, Failure};
use crate::output::coverage::{self, thousands};
use crate::output::sightings;
use crate::terminal;

/// Addresses and networks that the index is asked for by name; of more, every row is looked at.
const ASKED_MAX: usize = 1000;

/// Prints where the indicators of a list have been seen.
pub(crate) fn run(arguments: &SweepArgs) -> Result<Exit, Failure> {
    courtesy::give_way(arguments.limits.memory)?;
    let list = indicators::read(&arguments.indicators)?;
    let source = spool::repeatable(asked::source(&arguments.source)?, Some(&arguments.indicators))?;
    let mut sightings = Sightings::new(&list);
    let coverage = look(arguments, &source, &list, &mut sightings)?;
    let coverage = Coverage { matched: sightings.seen().len() as u64, ..coverage };
    let out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    match arguments.format {
        SweepFormat::Table => sightings::table(out, &sightings, &list),
        SweepFormat::Json => sightings::json(out, &sightings, &list),
    }
    .map_err(Failure::output)?;
    Ok(coverage::conclude(&coverage, "indicators"))
}

/// Rows first; packets where rows cannot tell, or all of them if that is asked for.
fn look(
    arguments: &SweepArgs,
    source: &Source,
    list: &Watchlist,
    sightings: &mut Sightings<'_>,
) -> Result<Coverage, Failure> {
    let query = Query { payload: None, ..asked::query_of(&arguments.times, &[])? };
    let needs_packets = arguments.deep || list.needs_packets();
    let by_packets = needs_packets || (matches!(source, Source::Captures(_)) && list.needs_payload());
    if by_packets {
        let search = if arguments.deep { Search::new(list) } else { None };
        let covered = observed::packets(source, &query, sightings, search)?;
        let rows = observed::rows(source, &query, sightings, true, &|_, _| false)?;
        return Ok(together(rows.coverage, covered));
    }
    if !list.needs_payload() {
        return Ok(observed::rows(source, &of_addresses(arguments, list)?, sightings, true, &|_, _| false)?.coverage);
    }
    let rows = observed::rows(source, &query, sightings, false, &|field, value| list.is_beyond_row(field, value))?;
    if rows.beyond_heads > 0 {
        terminal::notice(format_args!(
            "{} flows said more than their heads, by which rows tell what was said: --deep reads all of it",
            thousands(rows.beyond_heads)
        ));
    }
    rows.read_open(source, &query, sightings)
}

/// The question for the rows that have any of the addresses.
fn of_addresses(arguments: &SweepArgs, list: &Watchlist) -> Result<Query, Failure> {
    let networks: Vec<String> =
        list.listed().iter().filter_map(|one| one.indicator.network()).map(|network| network.to_string()).collect();
    let words = match networks.len() {
        0 => vec![],
        count if count > ASKED_MAX => vec![],
        _ => vec![format!("addr in ({})", networks.join(", "))],
    };
    Ok(Query { payload: None, ..asked::query_of(&arguments.times, &words)? })
}
