//! `wiretape packets`: packets, as lines or as a capture.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;

use flow::FlowId;
use tape::question::{self, Coverage, Query, Source};

use super::question as asked;
use crate::args::{CaptureFormat, LinkWanted, PacketsArgs};
use crate::errors::{Exit, Failure};
use crate::output::capture::{CaptureWriter, Changes, SourceLinks, Wanted};
use crate::output::{coverage, packet_line};
use crate::terminal;

/// Prints or writes the packets that match.
pub(crate) fn run(arguments: &PacketsArgs) -> Result<Exit, Failure> {
    let to_stdout = arguments.write.as_deref() == Some(Path::new("-"));
    if to_stdout && terminal::stdout_is_terminal() {
        return Err(Failure::call("a capture would garble this terminal")
            .attempt("into a file:    -w FILE")
            .attempt("into a program: -w - | tshark -r -")
            .attempt("to read lines:  leave -w out"));
    }
    let source = asked::source(&arguments.source)?;
    let mut query = asked::query(&arguments.times, &arguments.expression)?;
    query.limit = arguments.limit;
    query.live = arguments.live;
    query.whole_flows = arguments.whole_flows;
    if let Some(ids) = &arguments.flows {
        query.flow_ids = flow_ids(ids)?;
        if query.flow_ids.is_empty() {
            return Ok(coverage::conclude(&Coverage::default(), "packets"));
        }
    }
    let coverage = match &arguments.write {
        None => print_lines(&source, &query)?,
        Some(_) if to_stdout => write_capture(&source, &query, arguments, true, io::stdout().lock())?,
        Some(path) => {
            refuse_source(path, &source)?;
            let file = File::create(path)
                .map_err(|error| Failure::system(format!("cannot write {}", path.display()), &error))?;
            write_capture(&source, &query, arguments, false, file)?
        }
    };
    Ok(coverage::conclude(&coverage, "packets"))
}

/// Evidence is never written over by what is read from it.
fn refuse_source(target: &Path, source: &Source) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let is_source = match source {
        Source::Captures(paths) => {
            identity(target).is_some_and(|file| paths.iter().any(|path| identity(path) == Some(file)))
        }
        Source::Tape(tape) => {
            let absolute = std::path::absolute(target).unwrap_or_else(|_| target.to_path_buf());
            let tape = identity(tape);
            tape.is_some() && absolute.ancestors().skip(1).any(|folder| identity(folder) == tape)
        }
    };
    if is_source {
        return Err(Failure::call(format!("{} is what is being read, and would be destroyed", target.display()))
            .attempt("write into another file"));
    }
    Ok(())
}

fn print_lines(source: &Source, query: &Query) -> Result<Coverage, Failure> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut failed = None;
    let coverage = question::packets(source, query, &mut |packet, interface| {
        let printed = writeln!(out, "{}", packet_line(packet, interface));
        let printed = if query.live { printed.and_then(|()| out.flush()) } else { printed };
        keep_going(printed, &mut failed)
    })?;
    match failed {
        Some(error) => Err(Failure::output(error)),
        None => out.flush().map_err(Failure::output).map(|()| coverage),
    }
}

fn write_capture(
    source: &Source,
    query: &Query,
    arguments: &PacketsArgs,
    is_pipe: bool,
    out: impl Write,
) -> Result<Coverage, Failure> {
    let format = arguments.format.unwrap_or(CaptureFormat::Pcapng);
    let wanted = Wanted {
        format,
        link: arguments.link.unwrap_or(LinkWanted::Keep),
        single: is_pipe || format == CaptureFormat::Pcap,
        source: SourceLinks::Unknown,
        live: query.live,
    };
    let mut writer = CaptureWriter::new(out, wanted);
    let mut failed = None;
    let coverage = question::packets(source, query, &mut |packet, interface| {
        keep_going(writer.packet(packet, interface), &mut failed)
    })?;
    if let Some(error) = failed {
        return Err(Failure::written_capture(error));
    }
    let changes = writer.finish().map_err(Failure::written_capture)?;
    say_changes(&changes, coverage.matched);
    Ok(Coverage { matched: coverage.matched.saturating_sub(changes.left_out), ..coverage })
}

fn say_changes(changes: &Changes, matched: u64) {
    if let Some(link_type) = changes.converted_to {
        terminal::notice(format_args!(
            "the packets have several link types: all were converted to {link_type}, as one stream can have only one; -w FILE keeps them as they are"
        ));
    }
    if let Some(reason) = changes.reason {
        terminal::warning(format_args!(
            "{} of {matched} packets are left out: {reason}; -w FILE keeps them",
            changes.left_out
        ));
    }
}

fn keep_going<E>(done: Result<(), E>, failed: &mut Option<E>) -> ControlFlow<()> {
    match done {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            *failed = Some(error);
            ControlFlow::Break(())
        }
    }
}

/// Ids with commas between, or from standard input: ids, one a line or more, or what `flows` prints in any format.
fn flow_ids(text: &str) -> Result<Vec<FlowId>, Failure> {
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
        assert!(flow_ids("0123456789abcdef,12").is_err());
    }
}
