//! Packets through a flow table of the question's own: captures, and the part of a tape that has no rows yet.

use std::collections::HashMap;

use filter::question::Truth;
use flow::{Config, FlowId, FlowPart, FlowTable, FrameRef, Lane, Place, ROWLESS, Slot};
use packet::{Headers, Packet};

use super::listen::Listener;

/// A flow table, with what the question noticed about each flow of the current period.
pub(super) struct Replay {
    table: FlowTable,
    /// The number of each flow in `marks`.
    numbers: HashMap<Slot, u32>,
    marks: Vec<Mark>,
    /// Frames with packets that have no flow, in order.
    rowless: Vec<u32>,
    /// Hears what is said in heads.
    pub(super) listener: Option<Listener>,
}

/// A table without flows, as an import has it: every packet of a capture has a row.
pub(super) fn table_of_captures(tape_id: [u8; 16]) -> FlowTable {
    FlowTable::new(Config { makes_room: true, ..Config::new(tape_id, [0; 32]) })
}

/// What was noticed about a flow in a period.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// Whether one of its packets matches, as far as they alone tell.
    pub(super) alone: Truth,
    /// The frames that hold its packets, by the number that they were given with.
    pub(super) frames: Vec<u32>,
    /// Captured bytes of packets that wait for the flow's proof.
    parked_bytes: u32,
}

impl Default for Mark {
    fn default() -> Self {
        Self { alone: Truth::False, frames: Vec::new(), parked_bytes: 0 }
    }
}

/// Where a packet comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// A frame of a lane.
    Frame(Lane, u32),
    /// A capture: the lane is what a recorder would have chosen.
    Capture,
}

impl Replay {
    /// Goes on with a table.
    pub(super) fn new(table: FlowTable) -> Self {
        Self { table, numbers: HashMap::new(), marks: Vec::new(), rowless: Vec::new(), listener: None }
    }

    /// Begins without flows.
    pub(super) fn without_flows(tape_id: [u8; 16]) -> Self {
        Self::new(table_of_captures(tape_id))
    }

    /// Takes in the next packet in the order of arrival; says whose it is, and whether the client sent it.
    pub(super) fn take(
        &mut self,
        packet: &Packet,
        headers: &Headers,
        arrival: u64,
        origin: Origin,
        matches: Truth,
    ) -> Option<(FlowId, bool)> {
        let seen = self.table.observe(packet, headers, arrival, 1);
        if seen.slot.is_none() {
            if let Origin::Frame(_, frame) = origin
                && self.rowless.last() != Some(&frame)
            {
                self.rowless.push(frame);
            }
            return None;
        }
        let number = *self.numbers.entry(seen.slot).or_insert(self.marks.len() as u32);
        if number as usize == self.marks.len() {
            self.marks.push(Mark::default());
        }
        let mark = &mut self.marks[number as usize];
        mark.alone = mark.alone.or(matches);
        let captured = packet.data.len() as u32;
        // The table's locations carry the flow's number here, so that parts can be told at the period's end.
        let place = FrameRef(number);
        match (origin, seen.place) {
            (Origin::Frame(lane, frame), _) => {
                if mark.frames.last() != Some(&frame) {
                    mark.frames.push(frame);
                }
                self.table.placed(seen.slot, lane, place, captured);
            }
            (Origin::Capture, Place::Park) => mark.parked_bytes = mark.parked_bytes.saturating_add(captured),
            (Origin::Capture, Place::Lane(lane)) => {
                if let Some(lane) = seen.release {
                    self.table.placed(seen.slot, lane, place, std::mem::take(&mut mark.parked_bytes));
                }
                self.table.placed(seen.slot, lane, place, captured);
            }
        }
        let flow = self.table.flow_id(seen.slot)?;
        if let (Some(listener), Origin::Frame(lane, _)) = (&mut self.listener, origin)
            && lane != Lane::Bulk
        {
            listener.packet(flow, seen.from_client, packet, headers);
        }
        Some((flow, seen.from_client))
    }

    /// True when the period should end, so that memory stays bounded.
    pub(super) fn wants_end(&self) -> bool {
        self.table.wants_checkpoint()
    }

    /// Ends the period: hands out what each flow did in it.
    pub(super) fn end_period(&mut self, mut take: impl FnMut(&FlowPart, Mark)) {
        for (slot, number) in self.numbers.drain() {
            let parked = self.marks.get_mut(number as usize).map(|mark| std::mem::take(&mut mark.parked_bytes));
            if let Some(parked @ 1..) = parked {
                self.table.placed(slot, Lane::Junk, FrameRef(number), parked);
            }
        }
        let period = self.table.checkpoint();
        let mut of_part = vec![None; period.parts.len()];
        for location in period.locations.iter().filter(|location| location.part != ROWLESS) {
            if let Some(slot) = of_part.get_mut(location.part as usize) {
                *slot = Some(location.frame);
            }
        }
        for (part, number) in period.parts.iter().zip(of_part) {
            let mark = number.and_then(|number| self.marks.get_mut(number as usize));
            take(part, mark.map(std::mem::take).unwrap_or_default());
        }
        self.marks.clear();
    }

    /// Frames with packets that have no flow.
    pub(super) fn rowless(&self) -> &[u32] {
        &self.rowless
    }
}
