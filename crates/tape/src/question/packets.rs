//! The packets that match, in the order of arrival.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use filter::question::Truth as OfPacket;
use flow::{FlowId, FlowRow, key_of};
use packet::{FlowKey, Headers, Interface, Packet};

use super::attribute::Attribution;
use super::captures::{self, Captures};
use super::covered::{self, Needs};
use super::flows::{captured_flows, matching_flows};
use super::gather::Gathered;
use super::judge::{Judge, Truth, is_wanted};
use super::selection::Selection;
use super::tail::Tail;
use super::view::{View, sort_and_dedup};
use super::{Coverage, Query, Source, held, live, refused, rows, unread};
use crate::format::state::Position;
use crate::read::{Frame, Merge, Merged};
use crate::{Error, Lane};

/// Takes packets until it breaks. `interface` of a packet numbers the interfaces of the whole answer.
pub type PacketSink<'a> = &'a mut dyn FnMut(&Packet, &Interface) -> ControlFlow<()>;

/// Takes packets that were picked, with what is known of their flows.
pub(super) type PickedSink<'a> = &'a mut dyn FnMut(&Packet, &Interface, Picked) -> ControlFlow<()>;

/// Hands out the matching packets in the order of arrival.
///
/// With `live`, of a tape: those that are recorded from now on, or from the query's start on, within a second or two
/// after their arrival; what comes late into a lane comes late here.
pub fn packets(source: &Source, query: &Query, sink: PacketSink) -> Result<Coverage, Error> {
    match source {
        Source::Tape(directory) if query.live => live::packets(directory, query, sink),
        Source::Tape(directory) => {
            picked_of_tape(directory, query, &mut |packet, interface, _| sink(packet, interface))
        }
        Source::Captures(paths) => packets_of_captures(paths, query, sink),
    }
}

/// The matching packets of a tape.
pub(super) fn picked_of_tape(directory: &Path, query: &Query, sink: PickedSink) -> Result<Coverage, Error> {
    let mut view = View::open(directory)?;
    let needs = if needs_flows(query) { Needs::PacketsByRows } else { Needs::Packets };
    let mut coverage = covered::coverage(&mut view, query, needs)?;
    answer(&mut view, query, &mut coverage, sink)?;
    covered::add_notes(&mut coverage, &mut view);
    Ok(coverage)
}

/// Whether packets are chosen by their flows.
fn needs_flows(query: &Query) -> bool {
    query.whole_flows || !query.flow_ids.is_empty() || Judge::new(query).needs_rows()
}

/// Hands out the matching packets of a tape, and counts them in the coverage.
pub(super) fn answer(view: &mut View, query: &Query, coverage: &mut Coverage, sink: PickedSink) -> Result<(), Error> {
    let mut holds = held::open(view, query.range());
    if !holds.is_empty() {
        return held::answer(view, &mut holds, query, coverage, sink);
    }
    let mut judge = Judge::of_tape(query, view)?;
    let Choice { frames: read, chosen } = choose(view, query, &judge, coverage)?;
    let bytes = read.iter().map(|frame| u64::from(frame.ubytes)).sum();
    let (frames, listed) = (read.len() as u64, view.listing.listed());
    view.stages.end("frames", frames, listed, bytes);
    let packets = read.iter().map(|frame| u64::from(frame.packets)).sum();
    let mut picker = Picker::new(query, &mut judge, chosen);
    let mut merge = Merge::new(&mut view.tape, read);
    let limit = query.limit.unwrap_or(u64::MAX);
    while coverage.matched < limit {
        let Some(Merged { packet, interface, arrival, .. }) = merge.next()? else { break };
        if let Some(picked) = picker.pick(&packet, interface, arrival) {
            coverage.matched += 1;
            if sink(&packet, interface, picked).is_break() {
                break;
            }
        }
    }
    coverage.undecided_packets += picker.undecided;
    view.stages.end("packets", coverage.matched, packets, 0);
    refused::conclude_of_tape(view, &mut [&mut judge], coverage)
}

/// What must be read, and which flows are asked for.
pub(super) struct Choice {
    pub(super) frames: Vec<Frame>,
    pub(super) chosen: Option<Vec<Gathered>>,
}

/// The frames that an answer is read from.
pub(super) fn frames(
    view: &mut View,
    query: &Query,
    judge: &Judge,
    coverage: &mut Coverage,
) -> Result<Vec<Frame>, Error> {
    Ok(choose(view, query, judge, coverage)?.frames)
}

pub(super) fn choose(view: &mut View, query: &Query, judge: &Judge, coverage: &mut Coverage) -> Result<Choice, Error> {
    let flows = if query.whole_flows {
        matching_flows(view, query, coverage)?
    } else if needs_flows(query) {
        flows_by_rows(view, query, judge, coverage)?
    } else {
        return Ok(Choice { frames: candidates(view, query, judge)?, chosen: None });
    };
    let resolved = view.resolve(flows.iter().flat_map(|flow| flow.frames.iter().copied()))?;
    let mut frames = resolved.frames;
    if query.whole_flows {
        view.note_missing(&resolved.missing);
    } else {
        frames.retain(|frame| judge.can_hold_or_explain(frame));
    }
    Ok(Choice { frames, chosen: Some(flows) })
}

/// The flows that can have a matching packet, as far as rows tell.
fn flows_by_rows(
    view: &mut View,
    query: &Query,
    judge: &Judge,
    coverage: &mut Coverage,
) -> Result<Vec<Gathered>, Error> {
    let mut keep = |flow: &Gathered, is_whole: bool| is_wanted(query, judge, flow, is_whole);
    let selection = Selection::new(query, &view.catalog);
    // Packets behind the flow files have no rows yet.
    let found = rows::read(view, &selection, query.range(), &mut keep, Some(Tail::rows(&mut |_, _| OfPacket::False)))?;
    let latest = view.latest()?;
    let mut flows = found.gather.into_sorted(latest);
    flows.retain(|flow| is_wanted(query, judge, flow, true));
    unread::read(view, query, judge, &mut flows)?;
    flows.retain(|flow| is_wanted(query, judge, flow, true));
    coverage.rowless_frames += found.rowless.len() as u64;
    coverage.undecided_flows += flows.iter().filter(|flow| judge.flow(flow) == Truth::Undecidable).count() as u64;
    Ok(flows)
}

/// The flows with these ids, as far as the flow files of the tape have them.
pub(super) fn rows_of_flows(view: &mut View, ids: &HashSet<FlowId>) -> Result<Vec<Gathered>, Error> {
    let query = Query { flow_ids: ids.iter().copied().collect(), ..Query::default() };
    let mut keep = |flow: &Gathered, _: bool| ids.contains(&flow.row.flow_id);
    let mut none = |_: &Packet, _: &Interface| OfPacket::False;
    let tail = Tail::rows(&mut none);
    let selection = Selection::new(&query, &view.catalog);
    let found = rows::read(view, &selection, (None, None), &mut keep, Some(tail))?;
    let latest = view.latest()?;
    let mut flows = found.gather.into_sorted(latest);
    flows.retain(|flow| ids.contains(&flow.row.flow_id));
    Ok(flows)
}

/// The frames that can hold a matching packet, where packets alone decide.
fn candidates(view: &mut View, query: &Query, judge: &Judge) -> Result<Vec<Frame>, Error> {
    let selection = Selection::new(query, &view.catalog);
    if selection.is_everything() && !judge.can_prune() {
        return in_time(view, judge);
    }
    if let Some(frames) = few(view, judge)? {
        return Ok(frames);
    }
    let mut keep = |flow: &Gathered, _: bool| judge.may_match(flow);
    let found = rows::read_parts(view, &selection, query.range(), &mut keep)?;
    let mut frames = view.resolve(found.gather.iter().flat_map(|flow| flow.frames.iter().copied()))?.frames;
    frames.extend(found.rowless);
    for lane in Lane::ALL {
        frames.extend(view.listing.between(&mut view.tape, lane, found.tail.lane(lane), None)?);
    }
    frames.retain(|frame| judge.can_hold(frame));
    sort_and_dedup(&mut frames);
    Ok(frames)
}

/// All frames of the times that are asked for.
fn in_time(view: &mut View, judge: &Judge) -> Result<Vec<Frame>, Error> {
    let mut frames = Vec::new();
    for lane in Lane::ALL {
        let all = (Position::default(), None);
        frames.extend(view.listing.between_in_time(&mut view.tape, lane, all, judge.range())?);
        frames.retain(|frame| judge.can_hold(frame));
    }
    Ok(frames)
}

/// Segments whose frames are listed to see how much there is to read.
const SCAN_SEGMENTS: usize = 40;

/// Uncompressed bytes of frames that are read faster than the rows that could save reading them.
const SCAN_BYTES: u64 = 16 << 20;

/// All frames of the times that are asked for, if that is little.
fn few(view: &mut View, judge: &Judge) -> Result<Option<Vec<Frame>>, Error> {
    let segments: usize = Lane::ALL.into_iter().map(|lane| view.listing.segments(lane).len()).sum();
    if segments > SCAN_SEGMENTS {
        return Ok(None);
    }
    let frames = in_time(view, judge)?;
    let bytes: u64 = frames.iter().map(|frame| u64::from(frame.ubytes)).sum();
    Ok((bytes <= SCAN_BYTES).then_some(frames))
}

fn packets_of_captures(paths: &[PathBuf], query: &Query, sink: PacketSink) -> Result<Coverage, Error> {
    let mut judge = Judge::new(query);
    let mut coverage = Coverage::default();
    let mut chosen = None;
    if needs_flows(query) {
        Captures::check_repeatable(paths)?;
        let (flows, covered) =
            captured_flows(paths, query, &mut judge, query.payload.filter(|_| query.asks_payload()))?;
        coverage.undecided_flows = covered.undecided_flows;
        coverage.unjudged = covered.unjudged;
        chosen = Some(flows);
    }
    let mut picker = Picker::new(query, &mut judge, chosen);
    let mut captures = Captures::new(paths);
    let limit = query.limit.unwrap_or(u64::MAX);
    while coverage.matched < limit {
        let taken = captures.next(|packet, interface| {
            if picker.pick(packet, interface, packet.arrival.unwrap_or(0)).is_none() {
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
    coverage.undecided_packets = picker.undecided;
    refused::conclude(&[&judge], &mut coverage)?;
    coverage.damaged = captures.damaged;
    Ok(coverage)
}

/// Picks the packets of an answer.
pub(super) struct Picker<'j> {
    judge: &'j mut Judge,
    whole_flows: bool,
    /// The flows that are asked for, if it is by flows.
    chosen: Option<(Vec<Gathered>, Attribution)>,
    /// Packets that may match.
    pub(super) undecided: u64,
}

impl<'j> Picker<'j> {
    pub(super) fn new(query: &Query, judge: &'j mut Judge, chosen: Option<Vec<Gathered>>) -> Self {
        let chosen = chosen.map(|flows| {
            let attribution = Attribution::new(flows.iter().enumerate());
            (flows, attribution)
        });
        Self { judge, whole_flows: query.whole_flows, chosen, undecided: 0 }
    }

    pub(super) fn pick(&mut self, packet: &Packet, interface: &Interface, arrival: u64) -> Option<Picked<'_>> {
        let Some((flows, attribution)) = &mut self.chosen else {
            let truth = self.judge.packet(packet, interface, None);
            return count(self.judge, &mut self.undecided, truth).then_some(Picked { of: None, row: None });
        };
        let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
        let flow = flows.get(attribution.flow_of(&headers, arrival)?)?;
        let row = Some(&flow.row);
        let of = Some((flow.row.flow_id, is_from_client(&flow.row.key(), &headers), headers));
        if self.whole_flows {
            return Some(Picked { of, row });
        }
        let truth = self.judge.packet(packet, interface, Some(flow));
        count(self.judge, &mut self.undecided, truth).then_some(Picked { of, row })
    }
}

fn count(judge: &Judge, undecided: &mut u64, truth: OfPacket) -> bool {
    *undecided += u64::from(truth == OfPacket::Unknown && judge.needs_bytes());
    truth == OfPacket::True
}

/// A packet that was picked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picked<'p> {
    /// Its flow, whether its client sent it, and its headers, if it was picked by its flow.
    pub(super) of: Option<(FlowId, bool, Headers)>,
    /// What is known of its flow then.
    pub(super) row: Option<&'p FlowRow>,
}

/// Whether the flow's client sent a packet. Later fragments have no ports.
pub(crate) fn is_from_client(flow: &FlowKey, headers: &Headers) -> bool {
    let key = key_of(headers);
    let has_ports = headers.fragment.is_none_or(|fragment| fragment.offset == 0);
    key.src == flow.src && (flow.src != flow.dest || !has_ports || key.src_port == flow.src_port)
}
