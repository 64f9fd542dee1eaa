//! `wiretape packets`: packets, as lines or as a capture.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;

use tape::question::{self, Coverage, Query, Source, Subject};

use super::explained::Explained;
use super::progress::Waiting;
use super::question as asked;
use super::{courtesy, export, flow_ids, histogram, live};
use crate::args::PacketsArgs;
use crate::errors::{Exit, Failure};
use crate::output::{coverage, packet_line};

/// Prints or writes the packets that match.
pub(crate) fn run(arguments: &PacketsArgs) -> Result<Exit, Failure> {
    courtesy::give_way(arguments.question.limits.memory)?;
    let source = asked::source(&arguments.question.source)?;
    let mut query = asked::query(&arguments.question)?;
    query.limit = arguments.limit;
    query.whole_flows = arguments.whole_flows;
    if arguments.live {
        live::begin(&source, &mut query)?;
    }
    if let Some(ids) = &arguments.flows {
        query.flow_ids = flow_ids::read(ids)?;
        if query.flow_ids.is_empty() {
            return Ok(coverage::conclude(&Coverage::default(), "packets"));
        }
        flow_ids::warn_of_unknown(&query.flow_ids, &source)?;
    }
    let explained = Explained::new(&arguments.question.limits, None);
    explained.before(&source, &query, Subject::Packets)?;
    if arguments.histogram {
        return histogram::of_packets(&source, &query, arguments.interval, explained);
    }
    let coverage = match arguments.write.as_deref() {
        None => print_lines(&source, &query)?,
        Some(path) if path == Path::new("-") => export::to_stdout(&source, &query, arguments)?,
        Some(path) => export::to_file(path, &source, &query, arguments)?,
    };
    live::end(&query, &coverage);
    let exit = coverage::conclude_limited(&coverage, "packets", query.limit);
    explained.behind(&coverage);
    Ok(exit)
}

fn print_lines(source: &Source, query: &Query) -> Result<Coverage, Failure> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut failed = None;
    let waiting = Waiting::begin();
    let coverage = question::packets(source, query, &mut |packet, interface| {
        waiting.end();
        let printed = writeln!(out, "{}", packet_line(packet, interface));
        let printed = if query.live { printed.and_then(|()| out.flush()) } else { printed };
        match printed {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    match failed {
        Some(error) => Err(Failure::output(error)),
        None => out.flush().map_err(Failure::output).map(|()| coverage),
    }
}
