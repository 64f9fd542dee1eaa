//! `wiretape iocs`: what was seen of others.

use std::io::{BufWriter, Write};

use investigate::indicators::export::{self, Export};
use investigate::indicators::{Indicator, Item, Tally, Watchlist};
use tape::question::{Query, Source};

use super::sweep::is_stdin;
use super::{courtesy, indicators, observed, question as asked};
use crate::args::{IocsArgs, IocsFormat};
use crate::errors::{Exit, Failure};
use crate::output::coverage::{self, thousands};
use crate::output::iocs;
use crate::terminal;
use crate::units::rfc3339;

/// Prints the indicators in what matches.
pub(crate) fn run(arguments: &IocsArgs) -> Result<Exit, Failure> {
    courtesy::give_way(arguments.limits.memory)?;
    let source = asked::source(&arguments.source)?;
    if is_stdin(&source) {
        return Err(Failure::call("a capture on standard input can be read once, and iocs reads it twice")
            .attempt("name a file: -r FILE"));
    }
    let query = asked::query(&arguments.times, &arguments.expression)?;
    let allowed = arguments.allow.as_deref().map(indicators::read).transpose()?.unwrap_or_default();
    let (items, covered) = items(&source, &query, allowed)?;
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let exported = Export { title: &title(&source, &arguments.expression), items: &items, rfc3339 };
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
pub(super) fn items(
    source: &Source,
    query: &Query,
    allowed: Watchlist,
) -> Result<(Vec<(Indicator, Item)>, tape::question::Coverage), Failure> {
    let mut tally = Tally::new(allowed);
    let rows = observed::meetings(source, query, &mut |meeting| tally.flow(meeting))?;
    let packets = observed::observe(source, query, &mut tally, None)?;
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
    Ok((tally.into_items(), observed::together(rows, packets)))
}

/// What was asked, of what.
fn title(source: &Source, words: &[String]) -> String {
    let of = match source {
        Source::Tape(directory) => directory.display().to_string(),
        Source::Captures(paths) => paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
    };
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
