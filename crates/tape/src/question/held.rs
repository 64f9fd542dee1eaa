//! What holds add to an answer: each is a tape of its own, asked the same, and what it has in common with the tape is
//! handed out once.

use std::collections::{HashMap, HashSet};

use flow::{FlowId, Kept};
use packet::{Interface, Packet, Timestamp};

use super::answer::Answer;
use super::flows::find_on_lanes;
use super::gather::Gathered;
use super::judge::Judge;
use super::packets::{Choice, PickedSink, Picker, choose, rows_of_flows};
use super::view::{View, sort_and_dedup};
use super::{Coverage, Query, refused};
use crate::Error;
use crate::format::names;
use crate::holds::{hold_names, read_progress};
use crate::read::{Merge, Merged};

/// The holds that can have packets of these times. One that is released meanwhile is none.
pub(super) fn open(view: &View, (from, to): (Option<Timestamp>, Option<Timestamp>)) -> Vec<View> {
    let directory = view.tape.directory();
    let can_hold = |name: &String| {
        let progress = read_progress(directory, name)?;
        let (first, last) = (progress.first?, progress.last?);
        (from.is_none_or(|from| last >= from) && to.is_none_or(|to| first < to)).then_some(())
    };
    let names = hold_names(directory).into_iter().filter(|name| can_hold(name).is_some());
    names.filter_map(|name| View::open(&directory.join(names::HELD).join(name)).ok()).collect()
}

/// Flows of holds that match, as far as they have not been met on the tape.
#[derive(Default)]
pub(super) struct HeldFlows(HashMap<FlowId, Gathered>);

impl HeldFlows {
    /// Those of all holds of a tape.
    pub(super) fn matching(view: &View, query: &Query) -> Result<Self, Error> {
        let mut held = Self::default();
        for mut hold in open(view, query.range()) {
            let mut answer = Answer::All(Vec::new());
            // What the holds cannot decide, the tape has to.
            find_on_lanes(&mut hold, query, &mut Self::default(), &mut answer, &mut Coverage::default())?;
            let judge = Judge::of_tape(query, &mut hold)?;
            for mut flow in answer.into_sorted() {
                flow.held = Some(judge.kept(&flow.row));
                // They are of the hold's own numbering.
                flow.frames.clear();
                held.add(flow);
            }
        }
        Ok(held)
    }

    fn add(&mut self, flow: Gathered) {
        let id = flow.row.flow_id;
        match self.0.remove(&id) {
            Some(other) => drop(self.0.insert(id, joined(flow, other))),
            None => drop(self.0.insert(id, flow)),
        }
    }

    /// Whether a hold has this flow, and it matches.
    pub(super) fn has(&self, flow: &Gathered) -> bool {
        self.0.contains_key(&flow.row.flow_id)
    }

    /// A flow of the tape, with what holds have of it.
    pub(super) fn join(&mut self, flow: Gathered) -> Gathered {
        match self.0.remove(&flow.row.flow_id) {
            Some(held) => joined(flow, held),
            None => flow,
        }
    }

    /// Those that were not met.
    pub(super) fn rest(self) -> impl Iterator<Item = Gathered> {
        self.0.into_values()
    }
}

/// The row that counts more: the tape can have lost the beginning of a flow, and the hold its end.
fn joined(mut flow: Gathered, held: Gathered) -> Gathered {
    let packets = |flow: &Gathered| flow.row.pkts_toserver.saturating_add(flow.row.pkts_toclient);
    flow.held = flow.held.max(held.held);
    if packets(&held) > packets(&flow) {
        (flow.row, flow.in_iface) = (held.row, held.in_iface);
    }
    flow
}

/// How much of a flow is there, on the tape or in a hold.
pub(super) fn kept(flow: &Gathered, on_lanes: Kept) -> Kept {
    flow.held.map_or(on_lanes, |held| held.max(on_lanes))
}

/// Hands out the matching packets of a tape and its holds, each once, by their arrival numbers.
pub(super) fn answer(
    view: &mut View,
    holds: &mut [View],
    query: &Query,
    coverage: &mut Coverage,
    sink: PickedSink,
) -> Result<(), Error> {
    let mut judges = vec![Judge::of_tape(query, view)?];
    let mut plans = vec![choose(view, query, &judges[0], coverage)?];
    for hold in holds.iter_mut() {
        let judge = Judge::of_tape(query, hold)?;
        plans.push(choose(hold, query, &judge, &mut Coverage::default())?);
        judges.push(judge);
    }
    if query.whole_flows {
        exchange(view, holds, &mut plans)?;
    }
    let mut views: Vec<&mut View> = std::iter::once(&mut *view).chain(holds.iter_mut()).collect();
    let streams =
        views.iter_mut().zip(&mut judges).zip(plans).map(|((view, judge), Choice { frames, chosen })| Stream {
            merge: Merge::new(&mut view.tape, frames),
            picker: Picker::new(query, judge, chosen),
            numbers: HashMap::new(),
        });
    let mut streams: Vec<Stream> = streams.collect();
    hand_out(&mut streams, query, coverage, sink)?;
    coverage.undecided_packets += streams.first().map_or(0, |stream| stream.picker.undecided);
    drop(streams);
    let Some(judge) = judges.first_mut() else { return Ok(()) };
    refused::conclude_of_tape(view, &mut [judge], coverage)
}

/// The packets of the tape or of a hold.
struct Stream<'v, 'j> {
    merge: Merge<'v>,
    picker: Picker<'j>,
    /// From its numbers of interfaces to the answer's.
    numbers: HashMap<u32, u32>,
}

fn hand_out(streams: &mut [Stream], query: &Query, coverage: &mut Coverage, sink: PickedSink) -> Result<(), Error> {
    let limit = query.limit.unwrap_or(u64::MAX);
    let mut interfaces: Vec<Interface> = Vec::new();
    let mut last = None;
    while coverage.matched < limit {
        let mut next: Option<(u64, usize)> = None;
        for (number, stream) in streams.iter_mut().enumerate() {
            if let Some(arrival) = stream.merge.peek()?
                && next.is_none_or(|(least, _)| arrival < least)
            {
                next = Some((arrival, number));
            }
        }
        let Some(Stream { merge, picker, numbers }) = next.and_then(|(_, number)| streams.get_mut(number)) else {
            break;
        };
        let Some(Merged { packet, interface, arrival, .. }) = merge.next()? else { break };
        if last == Some(arrival) {
            continue;
        }
        let Some(picked) = picker.pick(&packet, interface, arrival) else { continue };
        last = Some(arrival);
        coverage.matched += 1;
        let number = *numbers.entry(packet.interface).or_insert_with(|| number_of(&mut interfaces, interface));
        if sink(&Packet { interface: number, ..packet }, interface, picked).is_break() {
            break;
        }
    }
    Ok(())
}

fn number_of(interfaces: &mut Vec<Interface>, interface: &Interface) -> u32 {
    let known = interfaces.iter().position(|known| known == interface);
    let number = known.unwrap_or_else(|| {
        interfaces.push(interface.clone());
        interfaces.len() - 1
    });
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A flow that matches anywhere is wanted everywhere.
fn exchange(view: &mut View, holds: &mut [View], plans: &mut [Choice]) -> Result<(), Error> {
    let chosen = plans.iter().flat_map(|plan| plan.chosen.iter().flatten());
    let all: HashSet<FlowId> = chosen.map(|flow| flow.row.flow_id).collect();
    let views = std::iter::once(view).chain(holds.iter_mut());
    for (view, plan) in views.zip(plans) {
        let flows = plan.chosen.get_or_insert_default();
        // Those without frames are known from elsewhere.
        flows.retain(|flow| !flow.frames.is_empty());
        let own: HashSet<FlowId> = flows.iter().map(|flow| flow.row.flow_id).collect();
        let missing: HashSet<FlowId> = all.difference(&own).copied().collect();
        if missing.is_empty() {
            continue;
        }
        let found = rows_of_flows(view, &missing)?;
        let resolved = view.resolve(found.iter().flat_map(|flow| flow.frames.iter().copied()))?;
        plan.frames.extend(resolved.frames);
        sort_and_dedup(&mut plan.frames);
        plan.chosen.get_or_insert_default().extend(found);
    }
    Ok(())
}
