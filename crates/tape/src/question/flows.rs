//! The flows that have a matching packet.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::{FlowRow, Kept};
use packet::{Interface, Packet, Timestamp};

use super::attribute::Attribution;
use super::captures::{self, Captures};
use super::covered::{self, Needs};
use super::gather::{Gather, Gathered};
use super::judge::{Judge, Truth};
use super::replay::{Origin, Replay};
use super::{Coverage, Query, Source, live, refused, rows};
use crate::Error;
use crate::read::{Frame, Merge, Merged, Tape};

/// A flow as an answer.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    /// Its row, summed over all its parts.
    pub row: &'a FlowRow,
    /// The name of the interface of its first packet.
    pub in_iface: Option<&'a str>,
    /// How much of its packets is there.
    pub kept: Kept,
    /// Where it was recorded.
    pub sensor: Option<&'a str>,
}

/// Takes flows until it breaks.
pub type FlowSink<'a> = &'a mut dyn FnMut(&Flow) -> ControlFlow<()>;

/// Hands out the flows with at least one matching packet, by their start.
///
/// With `live`, of a tape: each flow that matches from now on (or from the query's start on) twice, as soon as it
/// matches and when it has ended.
pub fn flows(source: &Source, query: &Query, sink: FlowSink) -> Result<Coverage, Error> {
    match source {
        Source::Tape(directory) if query.live => live::flows(directory, query, sink),
        Source::Tape(directory) => flows_of_tape(directory, query, sink),
        Source::Captures(paths) => flows_of_captures(paths, query, sink),
    }
}

fn flows_of_tape(directory: &Path, query: &Query, sink: FlowSink) -> Result<Coverage, Error> {
    let mut tape = Tape::open(directory)?;
    let frames = tape.frames()?;
    let mut coverage = covered::coverage(&mut tape, query, &frames, Needs::Rows)?;
    let matching = matching_flows(&mut tape, &frames, query, &mut coverage)?;
    let sensor = tape.sensor().to_owned();
    let judge = Judge::of_tape(query, &frames, &sensor);
    coverage.matched = hand_out(&matching, Some(&sensor), query, &judge, sink);
    covered::add_notes(&mut coverage, &mut tape);
    Ok(coverage)
}

/// The flows of a tape that have a matching packet, by their start. What could not be decided is counted.
pub(super) fn matching_flows(
    tape: &mut Tape,
    frames: &[Frame],
    query: &Query,
    coverage: &mut Coverage,
) -> Result<Vec<Gathered>, Error> {
    let mut judge = Judge::of_tape(query, frames, tape.sensor());
    let mut alone = Judge::new(query);
    let mut wanted = |flow: &Gathered| query.wants_flow(flow.row.flow_id) && judge.flow(flow) != Truth::No;
    let mut matches = |packet: &Packet, interface: &Interface| alone.packet_alone(packet, interface);
    let found = rows::read(tape, frames, &mut wanted, Some(&mut matches))?;
    let missing = found.missing;
    coverage.rowless_frames += rowless(frames, &found.known, &judge);
    let mut flows = found.gather.into_sorted(latest(frames));
    flows.retain(&mut wanted);
    let truths: Vec<Truth> = flows.iter().map(|flow| judge.flow(flow)).collect();
    for (flow, truth) in flows.iter_mut().zip(&truths) {
        flow.matched = *truth == Truth::Yes;
    }
    let open = (0..).zip(&truths).filter(|(_, truth)| **truth == Truth::Unknown).map(|(index, _)| index);
    decide_by_packets(tape, frames, &mut judge, &mut flows, &open.collect::<Vec<_>>())?;
    refused::conclude_of_tape(tape, frames, &mut [&mut judge, &mut alone], coverage)?;
    let is_undecided = |(flow, truth): &(&Gathered, &Truth)| match truth {
        Truth::Undecidable => true,
        Truth::Unknown => !flow.matched && flow.frames.contains(&missing),
        Truth::Yes | Truth::No => false,
    };
    coverage.undecided_flows += flows.iter().zip(&truths).filter(is_undecided).count() as u64;
    flows.retain(|flow| flow.matched);
    Ok(flows)
}

/// How many frames of the times that are asked for hold packets of flows that are not known.
pub(super) fn rowless(frames: &[Frame], known: &[bool], judge: &Judge) -> u64 {
    frames.iter().zip(known).filter(|(frame, known)| !**known && judge.can_hold(frame)).count() as u64
}

/// The latest time of a packet.
pub(super) fn latest(frames: &[Frame]) -> Timestamp {
    frames.iter().filter(|frame| frame.packets > 0).map(|frame| frame.times.1).max().unwrap_or_default()
}

/// Looks for a matching packet of each of the flows in `open`.
fn decide_by_packets(
    tape: &mut Tape,
    frames: &[Frame],
    judge: &mut Judge,
    flows: &mut [Gathered],
    open: &[usize],
) -> Result<(), Error> {
    if open.is_empty() {
        return Ok(());
    }
    let of_flows = open.iter().filter_map(|index| Some((*index, flows.get(*index)?)));
    let mut attribution = Attribution::new(of_flows.clone());
    let mut numbers: Vec<u32> = of_flows.flat_map(|(_, flow)| flow.frames.iter().copied()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let candidates = numbers.iter().filter_map(|number| frames.get(*number as usize));
    let candidates = candidates.filter(|frame| judge.can_hold(frame)).cloned().collect();
    let mut merge = Merge::new(tape, candidates);
    while let Some(Merged { packet, interface, arrival, .. }) = merge.next()? {
        let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
        let flow = attribution.flow_of(&headers, arrival).and_then(|flow| flows.get_mut(flow));
        if let Some(flow) = flow
            && !flow.matched
        {
            flow.matched = judge.packet(&packet, interface, Some(flow));
        }
    }
    Ok(())
}

fn flows_of_captures(paths: &[PathBuf], query: &Query, sink: FlowSink) -> Result<Coverage, Error> {
    let mut judge = Judge::new(query);
    let (flows, mut coverage) = captured_flows(paths, query, &mut judge)?;
    coverage.matched = hand_out(&flows, None, query, &judge, sink);
    Ok(coverage)
}

/// The flows of captures that have a matching packet, by their start.
pub(super) fn captured_flows(
    paths: &[PathBuf],
    query: &Query,
    judge: &mut Judge,
) -> Result<(Vec<Gathered>, Coverage), Error> {
    let twice = judge.needs_packets_with_rows();
    if twice {
        Captures::check_repeatable(paths)?;
    }
    let mut gather = Gather::default();
    let mut replay = Replay::without_flows([0; 16]);
    let mut captures = Captures::new(paths);
    let mut names: Vec<Option<Arc<str>>> = Vec::new();
    let mut latest = Timestamp::MIN;
    let mut end_period = |replay: &mut Replay, names: &[Option<Arc<str>>]| {
        replay.end_period(|part, mark| {
            gather.add(part, names.get(part.in_iface as usize).and_then(Option::as_ref), [], mark.seen);
        });
    };
    while captures
        .next(|packet, interface| {
            let number = packet.interface as usize;
            if names.len() <= number {
                names.resize(number + 1, None);
                names[number] = interface.name.as_deref().map(Arc::from);
            }
            let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
            let matched = judge.packet_alone(packet, interface);
            latest = latest.max(packet.time);
            replay.take(packet, &headers, packet.arrival.unwrap_or(0), Origin::Capture, matched);
        })?
        .is_some()
    {
        if replay.wants_end() {
            end_period(&mut replay, &names);
        }
    }
    end_period(&mut replay, &names);
    let mut coverage = Coverage { damaged: captures.damaged, ..Coverage::default() };
    captures.extent.add_gaps(&mut coverage, query.range(), &captures::OUTSIDE);
    let mut flows = gather.into_sorted(latest);
    flows.retain(|flow| query.wants_flow(flow.row.flow_id) && judge.flow(flow) != Truth::No);
    if twice {
        decide_by_captures(paths, judge, &mut flows)?;
    }
    refused::conclude(&[&*judge], &mut coverage)?;
    coverage.undecided_flows = flows.iter().filter(|flow| judge.flow(flow) == Truth::Undecidable).count() as u64;
    flows.retain(|flow| judge.flow(flow) == Truth::Yes);
    Ok((flows, coverage))
}

/// The second pass: which of the flows have a matching packet.
fn decide_by_captures(paths: &[PathBuf], judge: &mut Judge, flows: &mut [Gathered]) -> Result<(), Error> {
    let mut attribution = Attribution::new(flows.iter().enumerate());
    let mut captures = Captures::new(paths);
    let look = |packet: &Packet, interface: &Interface| {
        let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
        let flow = attribution.flow_of(&headers, packet.arrival.unwrap_or(0)).and_then(|flow| flows.get_mut(flow));
        if let Some(flow) = flow
            && !flow.matched
        {
            flow.matched = judge.packet(packet, interface, Some(flow));
        }
    };
    let mut look = look;
    while captures.next(&mut look)?.is_some() {}
    Ok(())
}

/// Hands out rows up to the limit; returns how many.
fn hand_out(flows: &[Gathered], sensor: Option<&str>, query: &Query, judge: &Judge, sink: FlowSink) -> u64 {
    let limit = usize::try_from(query.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let mut count = 0;
    for flow in flows.iter().take(limit) {
        count += 1;
        let (in_iface, kept) = (flow.in_iface.as_deref(), judge.kept(&flow.row));
        if sink(&Flow { row: &flow.row, in_iface, kept, sensor }).is_break() {
            break;
        }
    }
    count
}
