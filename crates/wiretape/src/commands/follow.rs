//! `wiretape follow`: what was said in one conversation.

use std::io::{self, BufWriter};
use std::ops::ControlFlow;
use std::path::Path;

use flow::{FlowId, FlowRow};
use investigate::{Follow, Side};
use tape::question::{self, Coverage, Query, Source};

use super::progress::Waiting;
use super::{courtesy, question as asked};
use crate::args::{FollowArgs, WantedSide};
use crate::errors::{Exit, Failure};
use crate::output::coverage;
use crate::output::follow::Teller;
use crate::terminal;
use crate::units::{second_text, size_text};

/// Flows that are shown where one was asked for.
const SHOWN_MAX: usize = 8;

/// Prints what the sides of a flow said.
pub(crate) fn run(arguments: &FollowArgs) -> Result<Exit, Failure> {
    courtesy::give_way(None)?;
    let source = asked::source(&arguments.source)?;
    let query = match wanted(arguments, &source)? {
        Ok(query) => query,
        Err(coverage) => return Ok(coverage::conclude(&coverage, "flows")),
    };
    let side = arguments.side.map(|side| match side {
        WantedSide::Client => Side::Client,
        WantedSide::Server => Side::Server,
    });
    let out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut teller = Teller::new(out, arguments.format, side);
    let mut follow = Follow::default();
    let waiting = Waiting::begin();
    let coverage = question::conversations(&source, &query, &mut |packet, _, spoken| {
        waiting.end();
        let side = if spoken.from_client { Side::Client } else { Side::Server };
        teller.meet(side, spoken.headers);
        follow.packet(side, packet, spoken.headers, &mut teller);
        if teller.has_failed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    waiting.end();
    follow.finish(&mut teller);
    let missing_bytes = teller.missing_bytes();
    teller.finish().map_err(Failure::output)?;
    if missing_bytes > 0 {
        terminal::warning(format_args!("{} bytes of it are missing", coverage::thousands(missing_bytes)));
    }
    Ok(coverage::conclude(&coverage, "packets"))
}

/// The query for the one flow that is meant; what was looked at if there is none.
fn wanted(arguments: &FollowArgs, source: &Source) -> Result<Result<Query, Coverage>, Failure> {
    let text = arguments.flow.join(" ");
    if let Some(id) = FlowId::parse(text.trim()) {
        let query = asked::query_of(&arguments.times, &[])?;
        return Ok(Ok(Query { flow_ids: vec![id], ..query }));
    }
    if matches!(source, Source::Captures(paths) if paths.iter().any(|path| path == Path::new("-"))) {
        return Err(Failure::call(
            "standard input can be read once, and which flow is meant has to be found out first",
        )
        .attempt("the flow's id, as wiretape flows shows it"));
    }
    let words = match text.trim().starts_with("1:") {
        true => vec![format!("community_id = \"{}\"", text.trim())],
        false => arguments.flow.clone(),
    };
    let query = asked::query_of(&arguments.times, &words)?;
    let (mut ids, mut shown) = (Vec::new(), Vec::new());
    let coverage = question::flows(source, &query, &mut |flow| {
        ids.push(flow.row.flow_id);
        if ids.len() <= SHOWN_MAX {
            shown.push(line(flow.row));
        }
        if ids.len() > SHOWN_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    match ids.as_slice() {
        [] => Ok(Err(coverage)),
        [id] => Ok(Ok(Query { flow_ids: vec![*id], ..Query::default() })),
        several => {
            let many = if several.len() > SHOWN_MAX { "many".to_owned() } else { several.len().to_string() };
            Err(Failure::call(format!("{many} flows match, and one can be followed"))
                .picture(shown.join("\n"))
                .attempt("wiretape follow FLOW with the first word of one of these lines"))
        }
    }
}

fn line(row: &FlowRow) -> String {
    let end = |address: packet::Address, port: u16| match address.as_v4() {
        Some(_) => format!("{address}:{port}"),
        None => format!("[{address}]:{port}"),
    };
    let (from, to) = (end(row.src_ip, row.src_port), end(row.dest_ip, row.dest_port));
    let bytes = size_text(row.bytes_toserver.saturating_add(row.bytes_toclient));
    format!("  {}  {}  {from} > {to}  {bytes}", row.flow_id, second_text(row.start))
}
