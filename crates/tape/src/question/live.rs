//! Answers that go on with what is recorded from now on.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use filter::question::Truth as OfPacket;
use flow::{FlowId, LaneSet};
use packet::{Interface, Packet, Timestamp};

use super::attribute::Attribution;
use super::flows::{Flow, FlowSink};
use super::gather::{Gather, Gathered};
use super::judge::{Judge, Truth};
use super::listen::Listener;
use super::packets::PacketSink;
use super::reading::has_beginning;
use super::replay::Replay;
use super::selection::Selection;
use super::tail::Tail;
use super::view::View;
use super::{Coverage, Query, covered, refused, rows, tail};
use crate::format::state::{Covers, Position};
use crate::read::{Frame, Merge, Merged, Tape, wall_clock};
use crate::{Error, Lane};

/// How often the tape is looked at. A recorder brings packets into its journals each second.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Hands out the matching packets that are recorded from now on, or from the query's start on, until the sink breaks.
pub(super) fn packets(directory: &Path, query: &Query, sink: PacketSink) -> Result<Coverage, Error> {
    let limit = query.limit.unwrap_or(u64::MAX);
    let mut matched = 0;
    let mut sink = |packet: &Packet, interface: &Interface| {
        matched += 1;
        let flow = sink(packet, interface);
        if matched >= limit { ControlFlow::Break(()) } else { flow }
    };
    let mut live = Live::open(directory, query, false)?;
    let mut broken = false;
    if query.from.is_some() {
        super::packets::answer(&mut live.view, query, &mut Coverage::default(), &mut |packet, interface, _| {
            let flow = sink(packet, interface);
            broken = flow.is_break();
            flow
        })?;
    }
    while !broken {
        let is_last = live.wait();
        broken = live.look(&mut sink)?.is_break() || is_last;
    }
    Ok(live.coverage(matched))
}

/// Hands out each matching flow twice: as soon as one of its packets matches, and when it has ended.
pub(super) fn flows(directory: &Path, query: &Query, sink: FlowSink) -> Result<Coverage, Error> {
    let mut live = Live::open(directory, query, true)?;
    let sensor = live.view.tape.identity().sensor.clone();
    let mut news = if query.from.is_some() { live.flows_so_far()? } else { Vec::new() };
    let mut matched = 0;
    let mut is_last = false;
    loop {
        for flow in &news {
            let (in_iface, kept) = (flow.in_iface.as_deref(), flow.row.kept(LaneSet::ALL));
            matched += 1;
            let answer = Flow { row: &flow.row, in_iface, kept, sensor: Some(sensor.as_str()) };
            if sink(&answer).is_break() || query.limit.is_some_and(|limit| matched >= limit) {
                return Ok(live.coverage(matched));
            }
        }
        if is_last {
            return Ok(live.coverage(matched));
        }
        is_last = live.wait();
        // All packets are taken in: nothing breaks off.
        let _ = live.look(&mut |_, _| ControlFlow::Continue(()))?;
        news = live.news();
    }
}

/// A tape that is followed.
struct Live<'q> {
    view: View,
    query: &'q Query,
    judge: Judge,
    /// Up to where each lane's stream has been handed out.
    done: Covers,
    /// Flows that go on, where rows are needed.
    flows: Option<Flows>,
    began: Instant,
    /// Flows that have ended and of which it could not be told whether they match.
    undecided: u64,
}

struct Flows {
    replay: Replay,
    gather: Gather,
    /// Packets before are in the rows that were read, though their frames may come to their segments only now.
    counted: Covers,
    /// Flows that have been handed out for the first time.
    begun: HashSet<FlowId>,
    /// When packets of a flow came last: packets' times can lie, and an answer cannot be taken back.
    seen: HashMap<FlowId, Instant>,
}

impl<'q> Live<'q> {
    /// Begins at the end of what there is; without a start of its own the query is about packets from now on.
    fn open(directory: &Path, query: &'q Query, wants_flows: bool) -> Result<Self, Error> {
        let mut view = View::open(directory)?;
        let done = view.end()?;
        let from_now = Query { from: query.from.or_else(|| Some(wall_clock())), ..query.clone() };
        let judge = Judge::of_tape(&from_now, &mut view)?;
        let mut live = Self { view, query, judge, done, flows: None, began: Instant::now(), undecided: 0 };
        if wants_flows || query.whole_flows || !query.flow_ids.is_empty() || live.judge.needs_rows() {
            let listener = query.payload.filter(|_| wants_flows || query.asks_payload()).map(|begin| begin());
            live.flows = Some(live.live_flows(listener.map(Listener::new))?);
        }
        Ok(live)
    }

    /// Waits for the next look; true if that is the last one: whoever asks wants no more, or nobody records. A recorder
    /// that starts again within the time that a sign of life lasts is the same to whoever waits.
    fn wait(&mut self) -> bool {
        std::thread::sleep(LOOK_EVERY);
        self.query.is_stopped() || self.view.tape.is_abandoned()
    }

    fn coverage(mut self, matched: u64) -> Coverage {
        let recording = self.view.tape.has_sign_of_life();
        let undecided_flows = self.undecided;
        let mut coverage = Coverage { matched, recording, undecided_flows, ..Coverage::default() };
        covered::add_notes(&mut coverage, &mut self.view);
        // What cannot be asked at all has been an error at the first look.
        let _ = refused::conclude(&[&self.judge], &mut coverage);
        coverage
    }

    /// The flows that match in what there is already.
    fn flows_so_far(&mut self) -> Result<Vec<Gathered>, Error> {
        let mut coverage = Coverage::default();
        let matching = super::flows::matching_flows(&mut self.view, self.query, &mut coverage)?;
        if let Some(Flows { gather, begun, .. }) = &mut self.flows {
            for flow in matching.iter().filter(|flow| flow.row.end_reason.is_none()) {
                begun.insert(flow.row.flow_id);
                gather.set_matched(flow.row.flow_id);
            }
        }
        Ok(matching)
    }

    fn live_flows(&mut self, listener: Option<Listener>) -> Result<Flows, Error> {
        let mut live = |flow: &Gathered, _: bool| flow.row.end_reason.is_none();
        let found = rows::read(
            &mut self.view,
            &Selection::everything(),
            (None, None),
            &mut live,
            Some(Tail { matches: &mut |_, _| OfPacket::False, keeps_table: true, listener }),
        )?;
        let id = self.view.tape.id_bytes();
        let mut replay = found.replay.unwrap_or_else(|| Replay::without_flows(id));
        let (mut gather, counted) = (found.gather, found.tail);
        if let Some(listener) = &mut replay.listener {
            gather.retain(|flow| {
                if flow.files.is_some() || !has_beginning(&id, flow) {
                    listener.miss(flow.row.flow_id);
                }
                listener.fill(&mut flow.row);
                true
            });
            listener.forget();
        }
        Ok(Flows { replay, gather, counted, begun: HashSet::new(), seen: HashMap::new() })
    }

    /// Hands out the matching packets that came since the last look.
    fn look(&mut self, sink: PacketSink) -> Result<ControlFlow<()>, Error> {
        let frames = next_frames(&mut self.view.tape, &mut self.done)?;
        if frames.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let mut touched = self.take_in(&frames)?;
        let mut attribution = Attribution::new(touched.iter().enumerate());
        let mut merge = Merge::new(&mut self.view.tape, frames);
        let mut done = ControlFlow::Continue(());
        while let Some(Merged { packet, interface, arrival, .. }) = merge.next()? {
            let wanted = match &self.flows {
                None => self.judge.packet(&packet, interface, None) == OfPacket::True,
                Some(_) => {
                    let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
                    let flow = attribution.flow_of(&headers, arrival).and_then(|flow| touched.get_mut(flow));
                    flow.is_some_and(|flow| {
                        let matches = self.judge.packet(&packet, interface, Some(flow));
                        flow.matched = flow.matched.or(matches);
                        let whole = self.query.whole_flows && flow.matched == OfPacket::True;
                        self.query.wants_flow(flow.row.flow_id) && (matches == OfPacket::True || whole)
                    })
                }
            };
            if wanted && sink(&packet, interface).is_break() {
                done = ControlFlow::Break(());
                break;
            }
        }
        if let Some(flows) = &mut self.flows {
            touched
                .iter()
                .filter(|flow| flow.matched == OfPacket::True)
                .for_each(|flow| flows.gather.set_matched(flow.row.flow_id));
        }
        refused::conclude(&[&self.judge], &mut Coverage::default())?;
        Ok(done)
    }

    /// Brings the packets of new frames into the rows; returns the flows that they belong to.
    fn take_in(&mut self, frames: &[Frame]) -> Result<Vec<Gathered>, Error> {
        let Some(flows) = &mut self.flows else { return Ok(Vec::new()) };
        let mut ids = HashSet::new();
        let Flows { replay, gather, counted, seen, .. } = flows;
        let (late, new): (Vec<&Frame>, Vec<&Frame>) =
            frames.iter().partition(|frame| frame.position() < counted.lane(frame.lane));
        let tape = &mut self.view.tape;
        let listener = replay.listener.take();
        tail::run(tape, late.into_iter(), replay, &mut |_, _| OfPacket::False, &mut |part, _, _| {
            ids.insert(part.flow_id);
        })?;
        replay.listener = listener;
        tail::run(tape, new.into_iter(), replay, &mut |_, _| OfPacket::False, &mut |part, in_iface, _| {
            gather.add(part, in_iface, [], OfPacket::False);
            ids.insert(part.flow_id);
            seen.insert(part.flow_id, Instant::now());
        })?;
        if let Some(listener) = &mut replay.listener {
            ids.iter().for_each(|id| gather.update(*id, |row| listener.fill(row)));
            listener.forget();
        }
        Ok(ids.iter().filter_map(|id| gather.flow(*id).cloned()).collect())
    }

    /// The flows that match since the last look, and those that matched and have ended.
    fn news(&mut self) -> Vec<Gathered> {
        let Some(Flows { replay, gather, begun, seen, .. }) = &mut self.flows else { return Vec::new() };
        let began = self.began;
        let mut news = Vec::new();
        gather.retain(|flow| {
            let silence = seen.get(&flow.row.flow_id).unwrap_or(&began).elapsed();
            let silence_ns = i64::try_from(silence.as_nanos()).unwrap_or(i64::MAX);
            flow.row.settle(Timestamp(flow.row.end.0.saturating_add(silence_ns)));
            let ended = flow.row.end_reason.is_some();
            if let Some(listener) = replay.listener.as_mut().filter(|_| ended) {
                listener.end(&mut flow.row);
            }
            let truth = self.judge.flow(flow);
            flow.matched = flow.matched.or((truth == Truth::Yes).into());
            self.undecided += u64::from(ended && truth == Truth::Undecidable);
            let wanted = flow.matched == OfPacket::True && self.query.wants_flow(flow.row.flow_id);
            if wanted && (begun.insert(flow.row.flow_id) || ended) {
                news.push(flow.clone());
            }
            if ended {
                begun.remove(&flow.row.flow_id);
                seen.remove(&flow.row.flow_id);
            }
            !ended
        });
        news.sort_by(|one, other| one.row.by_start(&other.row));
        news
    }
}

/// The frames, or parts of frames, behind `done` in each lane's stream, up to the first one that is not there yet.
fn next_frames(tape: &mut Tape, done: &mut Covers) -> Result<Vec<Frame>, Error> {
    let mut next: Vec<Frame> = Vec::new();
    for lane in Lane::ALL {
        let mut at = done.lane(lane);
        for mut frame in tape.lane_frames(lane, at.segment)? {
            // A segment is complete once there is a later one.
            if frame.segment.number > at.segment {
                at = Position { segment: frame.segment.number, uoffset: 0 };
            }
            if frame.uoffset > at.uoffset {
                break;
            }
            let Some(news @ 1..) = frame.uend().checked_sub(at.uoffset) else { continue };
            frame.part = frame.ubytes - news as u32..frame.ubytes;
            frame.number = next.len() as u32;
            at.uoffset = frame.uend();
            next.push(frame);
        }
        done.set(lane, at);
    }
    Ok(next)
}
