//! `wiretape flows`: conversations.

use std::io::BufWriter;
use std::ops::ControlFlow;

use tape::question::{self, Subject};

use super::explained::Explained;
use super::progress::Waiting;
use super::question as asked;
use super::{courtesy, histogram, live, news, top};
use crate::args::FlowsArgs;
use crate::errors::{Exit, Failure};
use crate::output::coverage;
use crate::output::flows::{FlowPrinter, FlowRecord, Look};
use crate::terminal;
use crate::units::now;

/// Rows by which a table settles its widths.
const ROWS_AHEAD: usize = 1000;

/// Prints the flows that match.
pub(crate) fn run(arguments: &FlowsArgs) -> Result<Exit, Failure> {
    courtesy::give_way(arguments.question.limits.memory)?;
    let source = asked::source(&arguments.question.source)?;
    let mut query = asked::query(&arguments.question)?;
    query.limit = arguments.limit;
    if arguments.live {
        live::begin(&source, &mut query)?;
    }
    let explained = Explained::new(&arguments.question.limits, Some(arguments.format));
    explained.before(&source, &query, Subject::Flows)?;
    match arguments.new_since {
        Some(since) => return news::run(&source, &query, since.at(now()), arguments, explained),
        None if !arguments.by.is_empty() => return top::run(&source, &query, arguments, explained),
        None if arguments.histogram => {
            return histogram::of_flows(&source, &query, arguments.interval, arguments.format, explained);
        }
        None => {}
    }
    let look = Look {
        columns: terminal::stdout_columns(),
        colour: terminal::stdout_has_colour(),
        rows_ahead: if arguments.live { 1 } else { ROWS_AHEAD },
    };
    let out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut printer = FlowPrinter::new(out, arguments.format, look).map_err(Failure::output)?;
    let mut failed = None;
    let waiting = Waiting::begin();
    let coverage = question::flows(&source, &query, &mut |flow| {
        waiting.end();
        let record = FlowRecord::new(flow.row, flow.in_iface, flow.kept, flow.sensor);
        let printed = printer.flow(&record);
        let printed = if arguments.live { printed.and_then(|()| printer.flush()) } else { printed };
        match printed {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    waiting.end();
    match failed {
        Some(error) => return Err(Failure::output(error)),
        None => printer.finish().map_err(Failure::output)?,
    }
    live::end(&query, &coverage);
    let exit = coverage::conclude_limited(&coverage, "flows", query.limit);
    explained.behind(&coverage);
    Ok(exit)
}
