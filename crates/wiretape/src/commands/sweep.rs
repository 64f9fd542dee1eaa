//! `wiretape sweep`: where indicators have been seen.

use std::io::BufWriter;
use std::sync::Arc;

use filter::question::Field;
use investigate::indicators::{Clue as OfList, Search, Sightings, Watchlist};
use tape::question::{Clue, Clues, Coverage, Query, Source};

use super::observed::{self, together};
use super::{courtesy, indicators, question as asked, spool};
use crate::args::{SweepArgs, SweepFormat};
use crate::errors::{Exit, Failure};
use crate::output::coverage::{self, thousands};
use crate::output::sightings;
use crate::terminal;

/// Prints where the indicators of a list have been seen.
pub(crate) fn run(arguments: &SweepArgs) -> Result<Exit, Failure> {
    courtesy::give_way(arguments.limits.memory)?;
    let list = indicators::read(&arguments.indicators)?;
    let source = spool::repeatable(asked::source(&arguments.source)?, Some(&arguments.indicators))?;
    let mut sightings = Sightings::new(&list);
    let coverage = look(arguments, &source, &list, &mut sightings)?;
    let undecided_flows = coverage.undecided_flows + sightings.unhashed_flows();
    let coverage = Coverage { matched: sightings.seen().len() as u64, undecided_flows, ..coverage };
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
    let clues = Some(Arc::new(list.clues().into_iter().filter_map(clue).collect::<Clues>()));
    let query = Query { payload: None, ..asked::query_of(&arguments.times, &[])? };
    let by_clues = Query { clues, ..query.clone() };
    if arguments.deep || (matches!(source, Source::Captures(_)) && list.needs_payload()) {
        let search = if arguments.deep { Search::new(list) } else { None };
        let covered = observed::packets(source, &query, sightings, search)?;
        let rows = observed::rows(source, &query, sightings, true, &|_, _| false)?;
        return Ok(together(rows.coverage, covered));
    }
    if !list.needs_payload() {
        return Ok(observed::rows(source, &by_clues, sightings, true, &|_, _| false)?.coverage);
    }
    let rows = observed::rows(source, &by_clues, sightings, false, &|field, value| list.is_beyond_row(field, value))?;
    if rows.beyond_heads > 0 {
        terminal::notice(format_args!(
            "up to {} flows said more than their heads, by which rows tell what was said: --deep reads all of it",
            thousands(rows.beyond_heads)
        ));
    }
    rows.read_open(source, &query, sightings)
}

/// As an index of rows is asked for it.
fn clue(clue: OfList<'_>) -> Option<Clue<'_>> {
    Some(match clue {
        OfList::Address(network) => Clue::Address(network.address, network.bits),
        OfList::Named(network) => Clue::Named(network.address, network.bits),
        OfList::Below(name) => Clue::Below(name),
        OfList::Text(field, text) => Clue::Text(Field::named(field)?, text),
        OfList::Certificate => Clue::Certificate,
        OfList::File => Clue::File,
    })
}
