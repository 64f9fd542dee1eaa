//! A tape of numbers: lanes that age by their shares, without a disk.

use flow::{FlowTable, Lane, LaneFill, Parking, Place, Seen, Slot, Verdict};
use packet::{Headers, Packet, PacketDirection, Timestamp};
use std::collections::VecDeque;

/// A table, and lanes that its packets go into as a recorder would put them there.
#[derive(Clone)]
pub(super) struct Recorder {
    pub(super) table: FlowTable,
    pub(super) parking: Parking,
    pub(super) lanes: [Shelf; Lane::ALL.len()],
    pub(super) now: i64,
    ticked: i64,
    arrival: u64,
    /// Packets of this mark are followed.
    pub(super) mark: usize,
    /// By mark: head bytes that came, and those that could not be kept in their lane.
    pub(super) came: [u64; MARKS],
    pub(super) cut: [u64; MARKS],
    marks: Vec<(u64, usize)>,
}

pub(super) const MARKS: usize = 4;

/// A lane: what is in it, oldest first.
#[derive(Clone, Default)]
pub(super) struct Shelf {
    share: u64,
    segments: VecDeque<Segment>,
    pub(super) held: u64,
    pub(super) filled: u64,
    /// What had been filled when the recorder began.
    pub(super) before: u64,
}

#[derive(Clone, Default)]
struct Segment {
    first: i64,
    bytes: u64,
    marked: [u64; MARKS],
}

/// Segments in a share.
const SEGMENTS: u64 = 64;
const TICK: i64 = 1_000_000_000;
static BYTES: [u8; 65_536] = [0; 65_536];

impl Recorder {
    /// Lanes that together hold `bytes`.
    pub(super) fn new(table: FlowTable, bytes: u64) -> Self {
        let shares = [30, 20, 20, 10, 30].map(|share| Shelf { share: bytes * share / 110, ..Shelf::default() });
        Self {
            table,
            parking: Parking::new(1 << 20),
            lanes: shares,
            now: crate::conversation::START,
            ticked: 0,
            arrival: 0,
            mark: 0,
            came: [0; MARKS],
            cut: [0; MARKS],
            marks: Vec::new(),
        }
    }

    /// Takes in a packet as it comes.
    pub(super) fn packet(&mut self, headers: &Headers, wire_bytes: u32) -> Seen {
        let data = BYTES.get(..wire_bytes as usize).unwrap_or(&BYTES);
        let direction = PacketDirection::Unknown;
        let (time, arrival) = (Timestamp(self.now), Some(self.arrival));
        let packet = Packet { time, wire_bytes, data, interface: 0, direction, arrival };
        self.arrival += 1;
        let seen = self.table.observe(&packet, headers, self.arrival, 1);
        match seen.place {
            Place::Park => self.park(&seen, &packet),
            Place::Lane(lane) => {
                let admission = self.table.admission_mut();
                let verdict = admission.judge(lane, headers, &seen, wire_bytes, wire_bytes);
                let is_head = !matches!(lane, Lane::Bulk | Lane::Junk);
                if is_head {
                    self.came[self.mark] += u64::from(wire_bytes);
                }
                let released = seen.release.or(seen.opens.then_some(lane)).filter(|_| verdict != Verdict::Wait);
                if let Some(lane) = released {
                    let lane = if verdict == Verdict::Junk { Lane::Junk } else { lane };
                    self.release(seen.slot, lane, seen.release.is_some());
                }
                match verdict {
                    Verdict::Keep => self.keep(lane, seen.slot, u64::from(wire_bytes), self.mark),
                    Verdict::Wait => self.park(&seen, &packet),
                    verdict => {
                        self.cut[self.mark] += u64::from(wire_bytes);
                        let is_junk = verdict == Verdict::Junk;
                        let (lane, bytes) = if is_junk { (Lane::Junk, wire_bytes) } else { (lane, 60) };
                        self.keep(lane, seen.slot, u64::from(bytes), if is_junk { 0 } else { self.mark });
                    }
                }
            }
        }
        if self.now - self.ticked >= TICK {
            self.tick();
        }
        seen
    }

    /// Bytes of a mark that are still in their lanes; those in junk do not count.
    pub(super) fn kept(&self, mark: usize) -> u64 {
        let lanes = self.lanes.iter().enumerate().filter(|(number, _)| *number != Lane::Junk.number());
        lanes.flat_map(|(_, lane)| &lane.segments).map(|segment| segment.marked[mark]).sum()
    }

    /// How far back a lane reaches.
    pub(super) fn reach(&self, lane: Lane) -> i64 {
        self.lanes[lane.number()].segments.front().map_or(0, |segment| self.now - segment.first)
    }

    pub(super) fn tick(&mut self) {
        self.ticked = self.now;
        let clock = self.table.clock();
        let mut expired = Vec::new();
        self.parking.expire(clock, |slot, packet| expired.push((slot, packet.wire_bytes)));
        expired.into_iter().for_each(|(slot, bytes)| self.keep(Lane::Junk, slot, u64::from(bytes), 0));
        if self.table.wants_checkpoint() || self.arrival % 100_000 < 100 {
            let mut parked = Vec::new();
            self.parking.drain(|slot, packet| parked.push((slot, packet.wire_bytes)));
            parked.into_iter().for_each(|(slot, bytes)| self.keep(Lane::Junk, slot, u64::from(bytes), 0));
            self.table.checkpoint();
        }
        let fills = std::array::from_fn(|lane| self.lanes[lane].fill());
        let clock = self.table.clock();
        self.table.admission_mut().tick(clock, &fills);
    }

    fn park(&mut self, seen: &Seen, packet: &Packet<'_>) {
        let mut pushed_out = Vec::new();
        let clock = self.table.clock();
        self.parking.push(seen.slot, packet, clock, |slot, packet| pushed_out.push((slot, packet.wire_bytes)));
        pushed_out.into_iter().for_each(|(slot, bytes)| self.keep(Lane::Junk, slot, u64::from(bytes), 0));
        self.marks.push((packet.arrival.unwrap_or(0), self.mark));
        if self.marks.len() > 10_000 {
            self.marks.drain(..5_000);
        }
    }

    /// Those that waited for proof have not been counted yet.
    fn release(&mut self, slot: Slot, lane: Lane, is_proof: bool) {
        let mut released = Vec::new();
        self.parking.release(slot, |slot, packet| released.push((slot, packet.wire_bytes)));
        for (slot, bytes) in released {
            self.came[self.mark] += if is_proof { u64::from(bytes) } else { 0 };
            self.keep(lane, slot, u64::from(bytes), if lane == Lane::Junk { 0 } else { self.mark });
        }
    }

    fn keep(&mut self, lane: Lane, slot: Slot, bytes: u64, mark: usize) {
        let shelf = &mut self.lanes[lane.number()];
        let frame = flow::FrameRef((shelf.filled >> 20) as u32);
        shelf.add(self.now, bytes, mark);
        self.table.placed(slot, lane, frame, bytes as u32);
    }
}

impl Shelf {
    fn add(&mut self, now: i64, bytes: u64, mark: usize) {
        if self.segments.back().is_none_or(|segment| segment.bytes >= self.share / SEGMENTS) {
            self.segments.push_back(Segment { first: now, ..Segment::default() });
        }
        if let Some(segment) = self.segments.back_mut() {
            segment.bytes += bytes;
            segment.marked[mark] += bytes;
        }
        self.held += bytes;
        self.filled += bytes;
        while self.held > self.share {
            self.held -= self.segments.pop_front().map_or(0, |segment| segment.bytes);
        }
    }

    fn fill(&self) -> LaneFill {
        LaneFill {
            share_bytes: self.share,
            held_bytes: self.held,
            filled_bytes: self.filled - self.before,
            reach_ns: 0,
            is_at_share: self.held >= self.share - self.share / 5,
        }
    }
}
