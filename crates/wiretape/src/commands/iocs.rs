//! `wiretape iocs`: what was seen of others.

use std::io::{BufWriter, Write};

use investigate::indicators::export::{self, Export};
use investigate::indicators::{Indicator, Item, Kind, Tally, Watchlist};
use tape::question::{Coverage, Query, Source};

use super::{courtesy, indicators, observed, question as asked, spool};
use crate::args::{IocsArgs, IocsFormat};
use crate::errors::{Exit, Failure};
use crate::output::coverage::{self, thousands};
use crate::output::iocs;
use crate::terminal;
use crate::units::rfc3339;

/// Prints the indicators in what matches.
pub(crate) fn run(arguments: &IocsArgs) -> Result<Exit, Failure> {
    courtesy::give_way(arguments.question.limits.memory)?;
    let query = asked::query(&arguments.question)?;
    let allowed = arguments.allow.as_deref().map(indicators::read).transpose()?.unwrap_or_default();
    let source = asked::source(&arguments.question.source)?;
    let title = title(&source, &arguments.question.expression);
    let source = spool::repeatable(source, arguments.allow.as_deref())?;
    let kinds: Vec<Kind> = arguments.only.iter().map(|kind| kind.0).collect();
    let (items, covered) = items(&source, &query, allowed, &kinds)?;
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let exported = Export { title: &title, items: &items, rfc3339 };
    let formless = items.iter().filter(|(indicator, _)| !export::has_stix_form(indicator)).count();
    if arguments.format == IocsFormat::Stix && formless > 0 {
        terminal::warning(format_args!(
            "{formless} names with _ are left out: STIX has no form for them; --format csv has them"
        ));
    }
    match arguments.format {
        IocsFormat::Stix => write_json(&mut out, &export::stix(&exported)),
        IocsFormat::Misp => write_json(&mut out, &export::misp(&exported)),
        IocsFormat::Table | IocsFormat::Csv | IocsFormat::Json => iocs::print(&mut out, arguments.format, &items),
    }
    .map_err(Failure::output)?;
    let covered = tape::question::Coverage { matched: items.len() as u64, ..covered };
    Ok(coverage::conclude(&covered, "indicators"))
}

/// The indicators in what matches; says what was left out.
fn items(
    source: &Source,
    query: &Query,
    allowed: Watchlist,
    kinds: &[Kind],
) -> Result<(Vec<(Indicator, Item)>, Coverage), Failure> {
    let mut tally = Tally::new(allowed).only(kinds);
    let covered = look(source, query, &mut tally, kinds)?;
    let (private, allowed, beyond) = tally.left_out();
    if private + allowed > 0 {
        terminal::notice(format_args!(
            "left out: {} of private or reserved networks, {} that are allowed",
            thousands(private as u64),
            thousands(allowed as u64)
        ));
    }
    if beyond > 0 {
        terminal::warning(format_args!(
            "{} sightings are of more indicators than can be told apart",
            thousands(beyond)
        ));
    }
    Ok((tally.into_items(), covered))
}

/// Packets tell all; of a tape, rows do where all that is wanted stands in them, and where packets are gone.
fn look(source: &Source, query: &Query, tally: &mut Tally, kinds: &[Kind]) -> Result<Coverage, Failure> {
    let in_rows = |kind: &Kind| {
        matches!(
            kind,
            Kind::Address | Kind::Domain | Kind::Email | Kind::UserAgent | Kind::Ja3 | Kind::Ja4 | Kind::CertSha256
        )
    };
    // Rows of captures are made for the question: what was said in them only where it is asked for.
    let of_rows = Query { payload: query.payload.filter(|_| query.expression.is_some()), ..query.clone() };
    let is_tape = matches!(source, Source::Tape(_));
    if !kinds.is_empty() && kinds.iter().all(|kind| *kind == Kind::Address) {
        return Ok(observed::rows(source, &of_rows, tally, true, &|_, _| false)?.coverage);
    }
    if is_tape && !kinds.is_empty() && kinds.iter().all(in_rows) {
        let rows = observed::rows(source, &of_rows, tally, false, &|field, _| field == "more_values")?;
        if rows.beyond_heads > 0 {
            terminal::notice(format_args!(
                "{} flows said more than their heads, by which rows tell what was said: without --only all of it is read",
                thousands(rows.beyond_heads)
            ));
        }
        return rows.read_open(source, query, tally);
    }
    let packets = observed::packets(source, query, tally, None)?;
    let rows = observed::rows(source, &of_rows, tally, true, &|_, _| false)?;
    Ok(observed::together(rows.coverage, packets))
}

/// What was asked, of what.
fn title(source: &Source, words: &[String]) -> String {
    let of = asked::names(source).join(", ");
    match words.join(" ") {
        asked if asked.is_empty() => of,
        asked => format!("{asked} of {of}"),
    }
}

fn write_json(out: &mut impl Write, value: &serde_json::Value) -> std::io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)?;
    out.flush()
}
