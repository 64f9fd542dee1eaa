//! Which flows have a matching packet, by their packets where rows do not tell.

use std::collections::HashSet;

use filter::question::Truth as OfPacket;
use flow::FlowId;
use packet::LinkType;

use super::Query;
use super::attribute::Attribution;
use super::gather::Gathered;
use super::held::HeldFlows;
use super::judge::{Judge, Truth};
use super::rows::ByChosenRows;
use super::selection::Selection;
use super::view::View;
use crate::Error;
use crate::read::{Frame, Merge, Merged, Tape};

/// Uncompressed bytes that are read for flows which may start too late to be among the first.
const AHEAD_BYTES: u64 = 64 << 20;

/// Drops flows of which only some rows were chosen, if no packet of these matches: none of the other rows' does then, as
/// long as packets alone decide.
pub(super) fn before_completion(
    found: &mut ByChosenRows,
    query: &Query,
    selection: &Selection,
    judge: &mut Judge,
    held: &HeldFlows,
) -> Result<(), Error> {
    // The row that says what is asked for need not be that of a packet in time.
    if judge.needs_rows() || selection.asks_payload() {
        return Ok(());
    }
    let (view, gather) = (&mut *found.reading.view, &mut found.reading.gather);
    let is_partial = |flow: &&Gathered| !selection.takes_rows_alike(flow.row.tunnel.is_some()) && !held.has(flow);
    let mut partial: Vec<Gathered> = gather.iter().filter(is_partial).cloned().collect();
    if partial.is_empty() {
        return Ok(());
    }
    let places = partial.iter().flat_map(|flow| flow.frames.iter().copied());
    let bytes: u64 = view.resolve(places)?.frames.iter().map(|frame| u64::from(frame.ubytes)).sum();
    if query.limit.is_some() && bytes > AHEAD_BYTES {
        return Ok(());
    }
    let decided = flows(view, judge, &mut partial)?;
    let mut dropped: HashSet<FlowId> = HashSet::new();
    for (index, flow) in partial.iter().enumerate() {
        match flow.matched {
            OfPacket::True => gather.set_matched(flow.row.flow_id),
            _ if decided.has_unexplained || decided.undecided.contains(&index) => {}
            _ => drop(dropped.insert(flow.row.flow_id)),
        }
    }
    gather.retain(|flow| !dropped.contains(&flow.row.flow_id));
    Ok(())
}

/// What could not be told of flows.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// Those that may have a matching packet.
    pub(super) undecided: Vec<usize>,
    /// A later fragment matches whose first fragment was not there to say what flow it is of.
    has_unexplained: bool,
}

/// Says of each flow whether it has a matching packet, as far as that can be told.
pub(super) fn flows(view: &mut View, judge: &mut Judge, flows: &mut [Gathered]) -> Result<Decided, Error> {
    let truths: Vec<Truth> = flows.iter().map(|flow| judge.flow(flow)).collect();
    if judge.needs_bytes() && flows.iter().zip(&truths).any(|(flow, truth)| *truth == Truth::Yes && flow.row.is_plain) {
        judge.ask(LinkType::ETHERNET);
    }
    for (flow, truth) in flows.iter_mut().zip(&truths) {
        flow.matched = (*truth == Truth::Yes).into();
    }
    let open = (0..).zip(&truths).filter(|(_, truth)| **truth == Truth::Unknown).map(|(index, _)| index);
    let open: Vec<usize> = open.collect();
    // Most flows that match do so with their first packet.
    let beginnings = open.iter().filter_map(|index| flows.get(*index)?.frames.first().copied());
    let beginnings = view.resolve(beginnings)?;
    let mut has_unexplained = look(view, judge, flows, &open, &beginnings.frames)?;
    let open: Vec<usize> = open.into_iter().filter(|index| is_open(flows, *index)).collect();
    let places = open.iter().filter_map(|index| flows.get(*index)).flat_map(|flow| flow.frames.iter().copied());
    let resolved = view.resolve(places)?;
    has_unexplained |= look(view, judge, flows, &open, &resolved.frames)?;
    let matched = flows.iter().filter(|flow| flow.matched == OfPacket::True).count() as u64;
    view.stages.end("flows", matched, flows.len() as u64, 0);
    let is_undecided = |(flow, truth): (&Gathered, &Truth)| match truth {
        Truth::Undecidable => true,
        Truth::Unknown => match flow.matched {
            OfPacket::True => false,
            OfPacket::False => flow.frames.iter().any(|number| resolved.is_missing(*number)),
            OfPacket::Unknown => true,
        },
        Truth::Yes | Truth::No => false,
    };
    let pairs = flows.iter().zip(&truths).enumerate();
    let undecided = pairs.filter_map(|(index, pair)| is_undecided(pair).then_some(index)).collect();
    Ok(Decided { undecided, has_unexplained })
}

fn is_open(flows: &[Gathered], index: usize) -> bool {
    flows.get(index).is_some_and(|flow| flow.matched != OfPacket::True)
}

/// As `decide_by_packets`, and notes how much was read.
fn look(
    view: &mut View,
    judge: &mut Judge,
    flows: &mut [Gathered],
    open: &[usize],
    frames: &[Frame],
) -> Result<bool, Error> {
    let wanted = || frames.iter().filter(|frame| judge.can_hold_or_explain(frame));
    let (count, bytes) = (wanted().count() as u64, wanted().map(|frame| u64::from(frame.ubytes)).sum());
    let listed = view.listing.listed();
    view.stages.end("frames", count, listed, bytes);
    decide_by_packets(&mut view.tape, frames, judge, flows, open)
}

/// Looks for a matching packet of each of the flows in `open`; true if one matches that may be of any flow.
fn decide_by_packets(
    tape: &mut Tape,
    frames: &[Frame],
    judge: &mut Judge,
    flows: &mut [Gathered],
    open: &[usize],
) -> Result<bool, Error> {
    if open.is_empty() {
        return Ok(false);
    }
    let of_flows = open.iter().filter_map(|index| Some((*index, flows.get(*index)?)));
    let mut attribution = Attribution::new(of_flows);
    let candidates = frames.iter().filter(|frame| judge.can_hold_or_explain(frame)).cloned().collect();
    let (mut merge, mut has_unexplained) = (Merge::new(tape, candidates), false);
    while let Some(Merged { packet, interface, arrival, .. }) = merge.next()? {
        let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
        match attribution.flow_of(&headers, arrival).and_then(|flow| flows.get_mut(flow)) {
            Some(flow) if flow.matched != OfPacket::True => {
                flow.matched = flow.matched.or(judge.packet(&packet, interface, Some(flow)));
            }
            None if headers.fragment.is_some_and(|fragment| fragment.offset > 0) => {
                has_unexplained |= judge.packet(&packet, interface, None) != OfPacket::False;
            }
            _ => {}
        }
    }
    Ok(has_unexplained)
}
