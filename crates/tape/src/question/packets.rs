//! The packets that match, in the order of arrival.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use packet::{Interface, Packet};

use super::attribute::Attribution;
use super::captures::{self, Captures};
use super::covered::{self, Needs};
use super::flows::{captured_flows, latest, matching_flows, rowless};
use super::gather::Gathered;
use super::judge::{Judge, Truth};
use super::{Coverage, Query, Source, live, refused, rows};
use crate::Error;
use crate::read::{Frame, Merge, Merged, Tape};

/// Takes packets until it breaks. `interface` of a packet numbers the interfaces of the whole answer.
pub type PacketSink<'a> = &'a mut dyn FnMut(&Packet, &Interface) -> ControlFlow<()>;

/// Hands out the matching packets in the order of arrival.
///
/// With `live`, of a tape: those that are recorded from now on, or from the query's start on, within a second or two
/// after their arrival; what comes late into a lane comes late here.
pub fn packets(source: &Source, query: &Query, sink: PacketSink) -> Result<Coverage, Error> {
    match source {
        Source::Tape(directory) if query.live => live::packets(directory, query, sink),
        Source::Tape(directory) => packets_of_tape(directory, query, sink),
        Source::Captures(paths) => packets_of_captures(paths, query, sink),
    }
}

fn packets_of_tape(directory: &Path, query: &Query, sink: PacketSink) -> Result<Coverage, Error> {
    let mut tape = Tape::open(directory)?;
    let frames = tape.frames()?;
    let mut coverage = covered::coverage(&mut tape, query, &frames, Needs::Packets)?;
    answer(&mut tape, &frames, query, &mut coverage, sink)?;
    covered::add_notes(&mut coverage, &mut tape);
    Ok(coverage)
}

/// Hands out the matching packets of these frames, and counts them in the coverage.
pub(super) fn answer(
    tape: &mut Tape,
    frames: &[Frame],
    query: &Query,
    coverage: &mut Coverage,
    sink: PacketSink,
) -> Result<(), Error> {
    let mut judge = Judge::of_tape(query, frames, tape.sensor());
    let plan = plan(tape, frames, query, &judge, coverage)?;
    let mut picker = Picker::new(query, &mut judge, plan.chosen);
    let mut merge = Merge::new(tape, plan.frames);
    let limit = query.limit.unwrap_or(u64::MAX);
    while coverage.matched < limit {
        let Some(Merged { packet, interface, arrival, .. }) = merge.next()? else { break };
        if picker.wants(&packet, interface, arrival) {
            coverage.matched += 1;
            if sink(&packet, interface).is_break() {
                break;
            }
        }
    }
    refused::conclude_of_tape(tape, frames, &mut [&mut judge], coverage)
}

/// What must be read, and which flows are asked for.
struct Plan {
    frames: Vec<Frame>,
    chosen: Option<Vec<Gathered>>,
}

/// Uncompressed bytes of frames that are read faster than the rows that could save reading them.
const SCAN_BYTES: u64 = 16 << 20;

fn plan(
    tape: &mut Tape,
    frames: &[Frame],
    query: &Query,
    judge: &Judge,
    coverage: &mut Coverage,
) -> Result<Plan, Error> {
    let in_time: Vec<&Frame> = frames.iter().filter(|frame| judge.can_hold(frame)).collect();
    let needs_flows = query.whole_flows || !query.flow_ids.is_empty() || judge.needs_rows();
    let bytes: u64 = in_time.iter().map(|frame| u64::from(frame.ubytes)).sum();
    if !needs_flows && (!judge.can_prune() || bytes <= SCAN_BYTES) {
        return Ok(Plan { frames: in_time.into_iter().cloned().collect(), chosen: None });
    }
    if query.whole_flows {
        let flows = matching_flows(tape, frames, query, coverage)?;
        return Ok(Plan { frames: frames_of(&flows, frames, &[], |_| true), chosen: Some(flows) });
    }
    let wanted = |flow: &Gathered| query.wants_flow(flow.row.flow_id) && judge.flow(flow) != Truth::No;
    // Packets behind the flow files need rows only where the question is about rows.
    let mut no_match = |_: &Packet, _: &Interface| false;
    let tail: Option<rows::Matches> = if needs_flows { Some(&mut no_match) } else { None };
    let found = rows::read(tape, frames, &mut |flow| wanted(flow), tail)?;
    let mut flows = found.gather.into_sorted(latest(frames));
    flows.retain(wanted);
    // Frames whose flows are not known hold packets that only a question without rows can judge.
    let known: &[bool] = if needs_flows { &[] } else { &found.known };
    let candidates = frames_of(&flows, frames, known, |frame| judge.can_hold(frame));
    if needs_flows {
        coverage.rowless_frames += rowless(frames, &found.known, judge);
    }
    coverage.undecided_flows += flows.iter().filter(|flow| judge.flow(flow) == Truth::Undecidable).count() as u64;
    Ok(Plan { frames: candidates, chosen: needs_flows.then_some(flows) })
}

/// The frames that hold packets of `flows`, and those whose flows are not `known`.
fn frames_of(flows: &[Gathered], frames: &[Frame], known: &[bool], wanted: impl Fn(&Frame) -> bool) -> Vec<Frame> {
    let mut needed = vec![false; frames.len()];
    for (number, known) in known.iter().enumerate() {
        needed[number] = !known;
    }
    for number in flows.iter().flat_map(|flow| &flow.frames) {
        if let Some(needed) = needed.get_mut(*number as usize) {
            *needed = true;
        }
    }
    let chosen = frames.iter().zip(needed).filter(|(frame, needed)| *needed && wanted(frame));
    chosen.map(|(frame, _)| frame.clone()).collect()
}

fn packets_of_captures(paths: &[PathBuf], query: &Query, sink: PacketSink) -> Result<Coverage, Error> {
    let mut judge = Judge::new(query);
    let mut coverage = Coverage::default();
    let mut chosen = None;
    if query.whole_flows || !query.flow_ids.is_empty() || judge.needs_rows() {
        Captures::check_repeatable(paths)?;
        let (flows, covered) = captured_flows(paths, query, &mut judge)?;
        coverage.undecided_flows = covered.undecided_flows;
        coverage.unjudged = covered.unjudged;
        chosen = Some(flows);
    }
    let mut picker = Picker::new(query, &mut judge, chosen);
    let mut captures = Captures::new(paths);
    let limit = query.limit.unwrap_or(u64::MAX);
    while coverage.matched < limit {
        let taken = captures.next(|packet, interface| {
            if !picker.wants(packet, interface, packet.arrival.unwrap_or(0)) {
                return ControlFlow::Continue(());
            }
            coverage.matched += 1;
            sink(packet, interface)
        })?;
        match taken {
            Some(ControlFlow::Continue(())) => {}
            Some(ControlFlow::Break(())) => break,
            None => {
                captures.extent.add_gaps(&mut coverage, query.range(), &captures::OUTSIDE);
                break;
            }
        }
    }
    refused::conclude(&[&judge], &mut coverage)?;
    coverage.damaged = captures.damaged;
    Ok(coverage)
}

/// Picks the packets of an answer.
struct Picker<'j> {
    judge: &'j mut Judge,
    whole_flows: bool,
    /// The flows that are asked for, if it is by flows.
    chosen: Option<(Vec<Gathered>, Attribution)>,
}

impl<'j> Picker<'j> {
    fn new(query: &Query, judge: &'j mut Judge, chosen: Option<Vec<Gathered>>) -> Self {
        let chosen = chosen.map(|flows| {
            let attribution = Attribution::new(flows.iter().enumerate());
            (flows, attribution)
        });
        Self { judge, whole_flows: query.whole_flows, chosen }
    }

    fn wants(&mut self, packet: &Packet, interface: &Interface, arrival: u64) -> bool {
        let Some((flows, attribution)) = &mut self.chosen else {
            return self.judge.packet(packet, interface, None);
        };
        let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
        let flow = attribution.flow_of(&headers, arrival).and_then(|flow| flows.get(flow));
        flow.is_some() && (self.whole_flows || self.judge.packet(packet, interface, flow))
    }
}
