//! Parts that wait while another part of their flow goes on: a flow in tunnels between several pairs of hosts has one for each.

use crate::entry::{Entry, Tally};
use crate::lane::Lane;
use std::collections::BTreeMap;

/// What a flow's entry has of a part.
#[derive(Clone, Debug)]
pub(crate) struct WaitingPart {
    pub(crate) path: u32,
    pub(crate) part: u32,
    pub(crate) frame: u32,
    pub(crate) lanes: u8,
    pub(crate) tally: Tally,
}

/// The parts that wait, by their flows' slots.
#[derive(Clone, Debug, Default)]
pub(crate) struct WaitingParts {
    flows: BTreeMap<u32, OfFlow>,
    count: usize,
}

#[derive(Clone, Debug, Default)]
struct OfFlow {
    /// The one that went on last is the last.
    parts: Vec<WaitingPart>,
    /// Parts that it got in this period because its tunnel changed.
    begun: u16,
}

/// Parts of a flow that wait.
const FLOW_WAITING_MAX: usize = 16;
/// Parts of all flows that wait.
const WAITING_MAX: usize = 1 << 16;
/// Parts that a flow gets in a period because its tunnel changes.
const FLOW_PARTS_MAX: u16 = 1024;

impl WaitingParts {
    /// Takes out the part of a flow for which `is_it` holds.
    pub(crate) fn take(&mut self, slot: u32, is_it: impl Fn(&WaitingPart) -> bool) -> Option<WaitingPart> {
        let parts = &mut self.flows.get_mut(&slot)?.parts;
        let place = parts.iter().rposition(is_it)?;
        self.count -= 1;
        Some(parts.remove(place))
    }

    /// Sets a part of a flow aside, for which room was made.
    pub(crate) fn push(&mut self, slot: u32, part: WaitingPart) {
        self.flows.entry(slot).or_default().parts.push(part);
        self.count += 1;
    }

    /// Takes out the part of a flow that has waited for longest, if there is no room for another one.
    pub(crate) fn make_room(&mut self, slot: u32) -> Option<WaitingPart> {
        let parts = &mut self.flows.get_mut(&slot)?.parts;
        if parts.is_empty() || (parts.len() < FLOW_WAITING_MAX && self.count < WAITING_MAX) {
            return None;
        }
        self.count -= 1;
        Some(parts.remove(0))
    }

    /// True if there is room for a part of this flow.
    pub(crate) fn has_room(&self, slot: u32) -> bool {
        self.count < WAITING_MAX && self.count_of(slot) < FLOW_WAITING_MAX
    }

    /// True if a flow may get another part in this period, which is counted.
    pub(crate) fn begin(&mut self, slot: u32) -> bool {
        let begun = &mut self.flows.entry(slot).or_default().begun;
        let may_begin = *begun < FLOW_PARTS_MAX;
        *begun += u16::from(may_begin);
        may_begin
    }

    /// How many parts of a flow wait.
    pub(crate) fn count_of(&self, slot: u32) -> usize {
        self.flows.get(&slot).map_or(0, |flow| flow.parts.len())
    }

    /// The part of a flow with this number.
    pub(crate) fn part_mut(&mut self, slot: u32, number: u32) -> Option<&mut WaitingPart> {
        self.flows.get_mut(&slot)?.parts.iter_mut().find(|part| part.part == number)
    }

    /// Takes out all parts of a flow.
    pub(crate) fn take_all(&mut self, slot: u32) -> Vec<WaitingPart> {
        let parts = self.flows.remove(&slot).map(|flow| flow.parts).unwrap_or_default();
        self.count -= parts.len();
        parts
    }

    /// The flows that have any, or had in this period.
    pub(crate) fn slots(&self) -> Vec<u32> {
        self.flows.keys().copied().collect()
    }
}

impl WaitingPart {
    /// Notes that a packet was put into a frame; false if it has none there yet.
    pub(crate) fn place(&mut self, lane: Lane, frame: u32, kept_bytes: u32) -> bool {
        self.lanes |= 1 << lane as u8;
        self.tally.captured_bytes = self.tally.captured_bytes.saturating_add(kept_bytes);
        std::mem::replace(&mut self.frame, frame) == frame
    }
}

impl Entry {
    /// Goes on with another part than before.
    pub(crate) fn exchange(&mut self, other: &mut WaitingPart) {
        std::mem::swap(&mut self.path, &mut other.path);
        std::mem::swap(&mut self.part, &mut other.part);
        std::mem::swap(&mut self.frame, &mut other.frame);
        std::mem::swap(self.facts.of_part(), &mut other.lanes);
        std::mem::swap(&mut self.tally, &mut other.tally);
    }
}
