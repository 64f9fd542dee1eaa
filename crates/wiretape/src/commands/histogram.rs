//! `--histogram`: how much there was when.

use std::io::BufWriter;
use std::ops::ControlFlow;

use packet::Timestamp;
use tape::question::{self, Coverage, Query, Source};

use super::explained::Explained;
use super::progress::Waiting;
use crate::aggregate::{Bucket, Histogram, Interval, TooFine, step_text};
use crate::args::FlowFormat;
use crate::errors::{Exit, Failure};
use crate::output::coverage::{self, thousands};
use crate::output::grid::{self, Column, Datum};
use crate::terminal;
use crate::units::{rfc3339, second_text, size_text};

/// Characters of the longest bar.
const BAR_MAX: u64 = 32;

/// Prints how many flows began when, with their packets and bytes spread over their times.
pub(super) fn of_flows(
    source: &Source,
    query: &Query,
    interval: Option<Interval>,
    format: FlowFormat,
    explained: Explained,
) -> Result<Exit, Failure> {
    grid::check_format(format, "--histogram")?;
    let mut histogram = Histogram::new(interval.unwrap_or(Interval::Auto), query.from, query.to);
    let mut counted = Ok(());
    let waiting = Waiting::begin();
    let coverage =
        question::flows_in_any_order(source, query, &mut |flow| go_on(histogram.add_flow(flow.row), &mut counted))?;
    waiting.end();
    counted.map_err(too_fine)?;
    let exit = finish(histogram, true, format, &coverage, "flows")?;
    explained.behind(&coverage);
    Ok(exit)
}

/// Prints how many packets there were when.
pub(super) fn of_packets(
    source: &Source,
    query: &Query,
    interval: Option<Interval>,
    explained: Explained,
) -> Result<Exit, Failure> {
    let mut histogram = Histogram::new(interval.unwrap_or(Interval::Auto), query.from, query.to);
    let mut counted = Ok(());
    let waiting = Waiting::begin();
    let coverage = question::packets(source, query, &mut |packet, _| {
        go_on(histogram.add_packet(packet.time, packet.wire_bytes), &mut counted)
    })?;
    waiting.end();
    counted.map_err(too_fine)?;
    let exit = finish(histogram, false, FlowFormat::Table, &coverage, "packets")?;
    explained.behind(&coverage);
    Ok(exit)
}

fn go_on(done: Result<(), TooFine>, counted: &mut Result<(), TooFine>) -> ControlFlow<()> {
    *counted = done;
    if counted.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

fn too_fine(_: TooFine) -> Failure {
    Failure::call("that would be more than 100,000 lines").attempt("a longer --interval, or a shorter time: --last 1h")
}

fn finish(
    histogram: Histogram,
    with_flows: bool,
    format: FlowFormat,
    coverage: &Coverage,
    what: &str,
) -> Result<Exit, Failure> {
    let (step, buckets) = histogram.into_buckets().map_err(too_fine)?;
    let most = buckets.iter().map(|(_, bucket)| bucket.bytes).max().unwrap_or(0);
    let rows: Vec<Vec<Datum>> = buckets.iter().map(|(at, bucket)| row(*at, step, bucket, most, with_flows)).collect();
    let mut out = BufWriter::new(std::io::stdout().lock());
    grid::print(&mut out, format, &columns(with_flows), &rows).map_err(Failure::output)?;
    if !rows.is_empty() {
        terminal::notice(format_args!("each line is {}", step_text(step)));
    }
    Ok(coverage::conclude(coverage, what))
}

fn columns(with_flows: bool) -> Vec<Column> {
    let flows = with_flows.then(|| Column::new("flows", "FLOWS", true, 0));
    let others = [
        Column::new("packets", "PACKETS", true, 0),
        Column::new("bytes", "BYTES", true, 0),
        Column::shown("", false, 1),
    ];
    [Column::new("time", "FROM (UTC)", false, 0), Column::stored("seconds")]
        .into_iter()
        .chain(flows)
        .chain(others)
        .collect()
}

fn row(at: Timestamp, step: i64, bucket: &Bucket, most: u64, with_flows: bool) -> Vec<Datum> {
    let time = if step % 1_000_000_000 == 0 { second_text(at) } else { crate::units::clock_text(at) };
    let bar = (u128::from(bucket.bytes) * u128::from(BAR_MAX)).div_ceil(u128::from(most.max(1)));
    let flows = with_flows.then(|| Datum::new(bucket.flows, thousands(bucket.flows)));
    let others = [
        Datum::new(bucket.packets, thousands(bucket.packets)),
        Datum::new(bucket.bytes, size_text(bucket.bytes)),
        Datum::plain("#".repeat(bar as usize)),
    ];
    let times = [Datum::new(rfc3339(at), time), Datum::plain(step as f64 / 1e9)];
    times.into_iter().chain(flows).chain(others).collect()
}
