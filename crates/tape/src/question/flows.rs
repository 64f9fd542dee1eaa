//! The flows that have a matching packet.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use filter::question::Truth as OfPacket;
use flow::{FlowRow, Kept};
use packet::{Interface, LinkType, Packet, Timestamp};

use super::answer::Answer;
use super::attribute::Attribution;
use super::captures::{self, Captures};
use super::covered::{self, Needs};
use super::gather::{Gather, Gathered};
use super::held::{self, HeldFlows};
use super::judge::{Judge, Truth, is_wanted};
use super::replay::{Origin, Replay};
use super::selection::Selection;
use super::tail::Tail;
use super::view::View;
use super::{BeginPayload, Coverage, Query, Source, decide, live, refused, rows, unread};
use crate::Error;

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
        Source::Tape(directory) => flows_of_tape(directory, query, Order::Start, sink),
        Source::Captures(paths) => flows_of_captures(paths, query, sink),
    }
}

/// As [`flows`], in whatever order they are found: of a tape, flows are not kept once they are known, so that sums over
/// any number of them take little memory.
pub fn flows_in_any_order(source: &Source, query: &Query, sink: FlowSink) -> Result<Coverage, Error> {
    match source {
        Source::Tape(directory) if !query.live => flows_of_tape(directory, query, Order::Any, sink),
        _ => flows(source, query, sink),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Start,
    Any,
}

fn flows_of_tape(directory: &Path, query: &Query, order: Order, sink: FlowSink) -> Result<Coverage, Error> {
    let mut view = View::open(directory)?;
    let mut coverage = covered::coverage(&mut view, query, Needs::Rows)?;
    let sensor = view.tape.sensor().to_owned();
    let kept = Judge::of_tape(query, &mut view)?;
    let mut matched = 0;
    let mut hand_out = |flow: &Gathered| {
        matched += 1;
        let (in_iface, kept) = (flow.in_iface.as_deref(), held::kept(flow, kept.kept(&flow.row)));
        let flow = sink(&Flow { row: &flow.row, in_iface, kept, sensor: Some(&sensor) });
        if query.limit.is_some_and(|limit| matched >= limit) { ControlFlow::Break(()) } else { flow }
    };
    let limit = query.limit.and_then(|limit| usize::try_from(limit).ok());
    let mut answer = match order {
        _ if limit == Some(0) => Answer::first(0),
        Order::Any => Answer::Any { take: &mut hand_out, is_full: false },
        Order::Start => limit.map_or(Answer::All(Vec::new()), Answer::first),
    };
    find(&mut view, query, &mut answer, &mut coverage)?;
    // What went to the sink at once is not here any more.
    let _ = answer.into_sorted().iter().try_for_each(&mut hand_out);
    coverage.matched = matched;
    covered::add_notes(&mut coverage, &mut view);
    Ok(coverage)
}

/// The flows of a tape that have a matching packet, by their start. What could not be decided is counted.
pub(super) fn matching_flows(view: &mut View, query: &Query, coverage: &mut Coverage) -> Result<Vec<Gathered>, Error> {
    let mut answer = Answer::All(Vec::new());
    find(view, query, &mut answer, coverage)?;
    Ok(answer.into_sorted())
}

/// The same without those of its holds.
pub(super) fn flows_on_lanes(view: &mut View, query: &Query, coverage: &mut Coverage) -> Result<Vec<Gathered>, Error> {
    let mut answer = Answer::All(Vec::new());
    find_on_lanes(view, query, &mut HeldFlows::default(), &mut answer, coverage)?;
    Ok(answer.into_sorted())
}

/// Finds the flows that have a matching packet, on the tape or in its holds.
fn find(view: &mut View, query: &Query, answer: &mut Answer, coverage: &mut Coverage) -> Result<(), Error> {
    let mut held = HeldFlows::matching(view, query)?;
    find_on_lanes(view, query, &mut held, answer, coverage)?;
    held.rest().for_each(|flow| answer.take(flow));
    Ok(())
}

/// Finds those that the tape has; `held` are those that a hold has.
pub(super) fn find_on_lanes(
    view: &mut View,
    query: &Query,
    held: &mut HeldFlows,
    answer: &mut Answer,
    coverage: &mut Coverage,
) -> Result<(), Error> {
    let mut judge = Judge::of_tape(query, view)?;
    let mut alone = Judge::new(query);
    let mut sieve = Matching { query, judge: &judge, answer, held, has_plain: false };
    let mut matches = |packet: &Packet, interface: &Interface| alone.packet_alone(packet, interface);
    let selection = Selection::new(query, &view.catalog);
    let mut chosen = rows::choose(view, &selection, query.range(), &mut sieve, Some(Tail::rows(&mut matches)))?;
    if sieve.has_plain {
        judge.ask(LinkType::ETHERNET);
    }
    decide::before_completion(&mut chosen, query, &selection, &mut judge, held)?;
    let found = chosen.complete(&selection)?;
    coverage.rowless_frames += found.rowless.len() as u64;
    let latest = view.latest()?;
    let mut rest = found.gather.into_sorted(latest);
    rest.retain(|flow| is_wanted(query, &judge, flow, true));
    let mut rest = rest.into_iter().peekable();
    while rest.peek().is_some_and(|next| !answer.is_full() && !answer.is_beyond(next)) {
        let some = rest.by_ref().take(answer.portion());
        let (known, mut some): (Vec<Gathered>, Vec<Gathered>) = some.partition(|flow| held.has(flow));
        known.into_iter().for_each(|flow| answer.take(held.join(flow)));
        unread::read(view, query, &judge, &mut some)?;
        coverage.undecided_flows += decide::flows(view, &mut judge, &mut some)?.undecided.len() as u64;
        some.into_iter().filter(|flow| flow.matched == OfPacket::True).for_each(|flow| answer.take(flow));
    }
    refused::conclude_of_tape(view, &mut [&mut judge, &mut alone], coverage)
}

/// Keeps the flows that may match; those that are known to go to the answer at once.
struct Matching<'a, 's> {
    query: &'a Query,
    judge: &'a Judge,
    answer: &'a mut Answer<'s>,
    held: &'a mut HeldFlows,
    /// There are Ethernet packets in the answer, whose bytes were asked for.
    has_plain: bool,
}

impl rows::Sieve for Matching<'_, '_> {
    fn keep(&mut self, flow: &Gathered, is_whole: bool) -> bool {
        if !is_wanted(self.query, self.judge, flow, is_whole) {
            return false;
        }
        let is_answer = is_whole && self.judge.flow(flow) == Truth::Yes;
        if is_answer {
            self.has_plain |= flow.row.is_plain && self.judge.needs_bytes();
            self.answer.take(self.held.join(flow.clone()));
        }
        !is_answer
    }

    fn is_full(&self) -> bool {
        self.answer.is_full()
    }
}

fn flows_of_captures(paths: &[PathBuf], query: &Query, sink: FlowSink) -> Result<Coverage, Error> {
    let mut judge = Judge::new(query);
    let (flows, mut coverage) = captured_flows(paths, query, &mut judge, query.payload)?;
    coverage.matched = hand_out(&flows, None, query, &judge, sink);
    Ok(coverage)
}

/// The flows of captures that have a matching packet, by their start; `payload` reads what is said in them.
pub(super) fn captured_flows(
    paths: &[PathBuf],
    query: &Query,
    judge: &mut Judge,
    payload: Option<BeginPayload>,
) -> Result<(Vec<Gathered>, Coverage), Error> {
    let twice = judge.needs_packets_with_rows();
    if twice {
        Captures::check_repeatable(paths)?;
    }
    let mut gather = Gather::default();
    let mut payload = payload.map(|begin| begin());
    let mut replay = Replay::without_flows([0; 16]);
    let mut captures = Captures::new(paths);
    let mut names: Vec<Option<Arc<str>>> = Vec::new();
    let mut latest = Timestamp::MIN;
    let mut end_period = |replay: &mut Replay, names: &[Option<Arc<str>>]| {
        replay.end_period(|part, mark| {
            gather.add(part, names.get(part.in_iface as usize).and_then(Option::as_ref), [], mark.alone);
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
            let arrival = packet.arrival.unwrap_or(0);
            let of = replay.take(packet, &headers, arrival, Origin::Capture, matched);
            if let (Some(payload), Some((flow, from_client))) = (&mut payload, of) {
                payload.packet(flow, from_client, packet, &headers);
            }
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
    if let Some(mut payload) = payload {
        payload.finish();
        for row in flows.iter_mut().map(|flow| &mut flow.row) {
            row.payload = Some(payload.take(row.flow_id, row.dest_ip, row.end).unwrap_or_default());
            row.is_unread = false;
        }
    }
    flows.retain(|flow| query.wants_flow(flow.row.flow_id) && judge.flow(flow) != Truth::No);
    if twice {
        decide_by_captures(paths, judge, &mut flows)?;
    }
    refused::conclude(&[&*judge], &mut coverage)?;
    let is_undecided = |flow: &&Gathered| match judge.flow(flow) {
        Truth::Undecidable => true,
        Truth::Unknown => flow.alone.or(flow.matched) == OfPacket::Unknown,
        Truth::Yes | Truth::No => false,
    };
    coverage.undecided_flows = flows.iter().filter(is_undecided).count() as u64;
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
            && flow.matched != OfPacket::True
        {
            flow.matched = flow.matched.or(judge.packet(packet, interface, Some(flow)));
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
