//! `--flows`: the ids of flows, as arguments or out of what `flows` printed.

use std::collections::BTreeSet;
use std::io::{self, BufRead};
use std::ops::ControlFlow;
use std::path::Path;

use flow::FlowId;
use tape::question::{self, Query, Source};

use crate::errors::Failure;
use crate::output::coverage::thousands;
use crate::terminal;

/// Ids that are named; the rest is counted.
const NAMED_MAX: usize = 8;

/// Ids with commas between, or from standard input: ids, one a line or more, or what `flows` prints in any format.
pub(super) fn read(text: &str) -> Result<Vec<FlowId>, Failure> {
    if text == "-" {
        let mut ids = BTreeSet::new();
        for line in io::stdin().lock().lines() {
            let line = line.map_err(|error| Failure::system("cannot read standard input", &error))?;
            ids.extend(ids_in(&line));
        }
        return Ok(ids.into_iter().collect());
    }
    let id = |word: &str| {
        FlowId::parse(word.trim()).ok_or_else(|| {
            Failure::call(format!("{word:?} is not a flow's id"))
                .attempt("an id is 16 hex digits, as wiretape flows shows them")
        })
    };
    text.split(',').map(id).collect()
}

/// Warns of ids that no flow of the source has. Standard input is not read for that: it can be read once only.
pub(super) fn warn_of_unknown(ids: &[FlowId], source: &Source) -> Result<(), Failure> {
    let place = match source {
        Source::Tape(tape) => format!("on {}", tape.display()),
        Source::Captures(paths) if paths.iter().all(|path| path != Path::new("-")) => "in the capture".to_owned(),
        Source::Captures(_) => return Ok(()),
    };
    let mut unknown: BTreeSet<FlowId> = ids.iter().copied().collect();
    let query = Query { flow_ids: ids.to_vec(), ..Query::default() };
    question::flows(source, &query, &mut |flow| {
        unknown.remove(&flow.row.flow_id);
        if unknown.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if unknown.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = unknown.iter().take(NAMED_MAX).map(FlowId::to_string).collect();
    let more = unknown.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(" and {} more", thousands(more as u64)) } else { String::new() };
    let are = if unknown.len() == 1 { "this flow is" } else { "these flows are" };
    terminal::warning(format_args!("{are} not {place}: {}{more}", named.join(", ")));
    Ok(())
}

/// The ids in a line: its words of exactly sixteen hex digits, after Zeek's `C` too. In JSON only the field counts.
fn ids_in(line: &str) -> Vec<FlowId> {
    if line.trim_start().starts_with('{') {
        let field = |value: &serde_json::Value| FlowId::parse(value.get("flow_id")?.as_str()?);
        let object: Option<serde_json::Value> = serde_json::from_str(line).ok();
        return object.iter().filter_map(|object| field(object).or_else(|| field(object.get("wiretape")?))).collect();
    }
    let words = line.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter_map(|word| FlowId::parse(word.strip_prefix('C').unwrap_or(word))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_every_format() {
        let id = FlowId(0x0123_4567_89ab_cdef);
        for line in [
            "0123456789abcdef",
            r#"{"flow_id":"0123456789abcdef","community_id":"1:0000000000000000"}"#,
            r#"{"flow_id":42,"wiretape":{"flow_id":"0123456789abcdef"}}"#,
            "0123456789abcdef,1:abc=,2026-11-23T10:00:00.000000000Z",
            "1795428000.000000\tC0123456789abcdef\t10.0.0.1",
            "2026-11-23 10:00:00  1.5 s  TCP  10.0.0.1:1  0123456789abcdef",
        ] {
            assert_eq!(ids_in(line), [id], "{line}");
        }
        assert_eq!(ids_in("FLOW"), []);
        assert!(read("0123456789abcdef,12").is_err());
    }
}
