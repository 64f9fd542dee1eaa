//! Lists of indicators, from files and standard input.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use investigate::indicators::{self, Kind, Watchlist};

use super::open_input;
use crate::errors::Failure;
use crate::output::coverage::thousands;
use crate::terminal;

/// Bytes of a list; the largest feeds have some hundred megabytes.
const LIST_BYTES_MAX: u64 = 512 << 20;

/// Indicators that are named which were left out; the rest is counted.
const NAMED_MAX: usize = 5;

/// Reads a list of indicators, and says how it was understood.
pub(super) fn read(path: &Path) -> Result<Watchlist, Failure> {
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    open_input(path)?
        .take(LIST_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::system(format!("cannot read {name}"), &error))?;
    if bytes.len() as u64 > LIST_BYTES_MAX {
        return Err(Failure::call(format!("{name} is longer than {} MiB", LIST_BYTES_MAX >> 20)));
    }
    let read = indicators::read(&String::from_utf8_lossy(&bytes));
    say_left_out(&read.left_out);
    if read.indicators.is_empty() {
        return Err(Failure::call(format!("no indicator was found in {name}"))
            .because(format!("it was read as {}", read.form.name()))
            .attempt("one a line: addresses, networks, domains, URLs, hashes, mail addresses, JA3, JA4"));
    }
    let mut counts: BTreeMap<Kind, u64> = BTreeMap::new();
    read.indicators.iter().for_each(|listed| *counts.entry(listed.indicator.kind).or_default() += 1);
    let counts: Vec<String> =
        counts.iter().map(|(kind, count)| format!("{} {}", thousands(*count), kind.name())).collect();
    terminal::notice(format_args!("{name} was read as {}: {}", read.form.name(), counts.join(", ")));
    Ok(Watchlist::new(read.indicators))
}

fn say_left_out(left_out: &[(String, &'static str)]) {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    left_out.iter().for_each(|(text, why)| by_reason.entry(why).or_default().push(text));
    for (why, texts) in by_reason {
        let named: Vec<&str> = texts.iter().take(NAMED_MAX).copied().collect();
        let more = texts.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {} more", thousands(more as u64)) } else { String::new() };
        terminal::notice(format_args!("left out, {why}: {}{more}", named.join(", ")));
    }
}
