//! The table of live flows.

mod admit;
mod orient;
mod parts;
mod place;
mod tunnel;

use crate::clock::{Clock, Tick};
use crate::entry::{Entry, Facts, NONE};
use crate::fragment::{Fragments, fragment_of};
use crate::idle::{Class, IdleQueues};
use crate::index::Index;
use crate::key::{KeyHasher, PackedKey, key_of};
use crate::lane::Lane;
use crate::opening::Opening;
use crate::ours::{Direction, Ours};
use crate::part::FlowId;
use crate::path::Paths;
use crate::period::{FrameRef, OpenPeriod, Period};
use crate::row_pace::RowPace;
use crate::sums::Allowance;
use crate::tcp::Segment;
use crate::waiting::WaitingParts;
use crate::{Admission, Config};
use packet::{Headers, Packet};

/// A packet's flow, from [`FlowTable::observe`] until the next checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    slot: u32,
    part: u32,
}

impl Slot {
    /// Without a flow: the table was full.
    pub const NONE: Self = Self { slot: NONE, part: NONE };

    /// True without a flow.
    #[inline]
    pub fn is_none(self) -> bool {
        self.slot == NONE
    }
}

/// Where a packet is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this lane.
    Lane(Lane),
    /// Nowhere yet: it waits for its flow's proof, in [`Parking`](crate::Parking).
    Park,
}

/// What the table says about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its flow.
    pub slot: Slot,
    /// Where it is kept.
    pub place: Place,
    /// With this packet the flow is proven: its parked packets go to this lane, before this packet goes to its own.
    pub release: Option<Lane>,
    /// Who started the flow, seen from our side.
    pub direction: Direction,
    /// The client sent it.
    pub from_client: bool,
    /// The other side acknowledged something, or answered: nobody who only pretends an address does.
    pub sure: bool,
    /// It is the other side's first answer to a flow of ours.
    pub answers: bool,
    /// How the conversation opened.
    pub opening: Opening,
    /// With this packet that is known.
    pub opens: bool,
    /// That may still be known soon.
    pub is_young: bool,
    /// Bytes on the wire of its head that the flow had before.
    pub used_bytes: u32,
}

/// Flows of a period that may share a row, on average.
const PARTS_PER_ROW: usize = 32;

/// The table's time.
type Now = Tick;

/// What has happened since the table was made, over restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets observed.
    pub packets: u64,
    /// Packets whose flow got no room in the table or the period; they are in no part.
    pub packets_rowless: u64,
    /// Flows begun.
    pub flows: u64,
    /// Flows that proved that they hear us.
    pub flows_proven: u64,
    /// Flows that made room: unproven ones for one of ours, the quietest for any, or those for which a restart left none.
    pub flows_evicted: u64,
    /// Packets without IP.
    pub packets_without_ip: u64,
}

/// The live flows of a tape, in fixed memory.
#[derive(Clone, Debug)]
pub struct FlowTable {
    pub(crate) tape_id: [u8; 16],
    pub(crate) secret: [u8; 32],
    pub(crate) ours: Ours,
    pub(crate) capacity: u32,
    makes_room: bool,
    head_bytes: u32,
    rows_max: usize,
    parts_max: usize,
    locations_max: usize,
    pub(crate) hasher: KeyHasher,
    pub(crate) clock: Clock,
    pub(crate) entries: Vec<Entry>,
    /// First of the slots that were used and are free; linked through the entries.
    free: u32,
    live: u32,
    index: Index,
    pub(crate) queues: IdleQueues,
    /// The time at which nothing was left to look at in the queues.
    looked_through: Option<Now>,
    pub(crate) paths: Paths,
    pub(crate) fragments: Fragments,
    /// TCP ports of ours that answered a SYN, a bit each.
    pub(crate) listening: Vec<u64>,
    period: OpenPeriod,
    /// Parts of the period whose flows go on with another one.
    waiting: WaitingParts,
    pub(crate) admission: Admission,
    pub(crate) junk_rows: Allowance,
    pub(crate) row_pace: RowPace,
    pub(crate) counters: Counters,
}

impl FlowTable {
    /// A table without flows.
    pub fn new(config: Config) -> Self {
        let capacity = config.capacity_flows.clamp(1, 1 << 22);
        Self {
            tape_id: config.tape_id,
            secret: config.secret,
            ours: config.ours,
            capacity,
            makes_room: config.makes_room,
            head_bytes: config.head_bytes,
            rows_max: config.period_rows_max.max(1) as usize,
            parts_max: config.period_parts_max.max(1) as usize,
            locations_max: config.period_locations_max.max(1) as usize,
            hasher: KeyHasher::new(&config.secret),
            junk_rows: Allowance::new(config.junk_rows_a_day),
            row_pace: RowPace::new(&config.secret),
            admission: Admission::new(&config.secret),
            clock: Clock::default(),
            entries: Vec::with_capacity(capacity as usize),
            free: NONE,
            live: 0,
            index: Index::new(capacity),
            queues: IdleQueues::default(),
            looked_through: None,
            paths: Paths::default(),
            fragments: Fragments::default(),
            listening: vec![0; 1024],
            period: OpenPeriod::default(),
            waiting: WaitingParts::default(),
            counters: Counters::default(),
        }
    }

    /// Brings the flows of the next packets, at most 32, into the processor's caches. With many flows a packet costs
    /// mostly the wait for memory: asked for together, their flows come in the time of one. It changes nothing.
    pub fn warm<'h>(&self, batch: impl IntoIterator<Item = &'h Headers>) {
        let mut hashes = [0; 32];
        let mut count = 0;
        for (hash, headers) in hashes.iter_mut().zip(batch) {
            *hash = self.hasher.hash(&PackedKey::of(&key_of(headers)).0);
            count += 1;
        }
        let hashes = hashes.get(..count).unwrap_or_default();
        std::hint::black_box(hashes.iter().fold(0, |sum, hash| sum ^ self.index.touch(*hash)));
        let likely = hashes.iter().filter_map(|hash| self.index.find(*hash, |_| true));
        let entries = likely.filter_map(|slot| self.entries.get(slot as usize));
        std::hint::black_box(entries.fold(0, |sum, entry| sum ^ entry.touch()));
    }

    /// Takes in a packet, in the order of arrival. `arrival` is its arrival number, `wire_segments` how many segments
    /// on the wire it stands for (1, more after GRO).
    pub fn observe(&mut self, packet: &Packet<'_>, headers: &Headers, arrival: u64, wire_segments: u32) -> Seen {
        self.clock.advance(packet.time);
        let now = self.clock.tick();
        self.counters.packets += 1;
        self.end_idle(now);
        let mut key = key_of(headers);
        if let Some(fragment) = fragment_of(headers) {
            key = self.fragments.key(key, fragment, &self.hasher, now);
        }
        let (packed, from_low) = PackedKey::of(&key);
        let hash = self.hasher.hash(&packed);
        let segment = Segment::of(headers.transport, headers.payload_bytes);
        let found = self.index.find(hash, |slot| self.entries.get(slot as usize).is_some_and(|e| e.key == packed));
        let slot = match found.filter(|slot| !self.ends_before(*slot, segment.as_ref(), from_low, now)) {
            Some(slot) => slot,
            None => match self.admit(packet, headers, &key, (packed, from_low, hash), arrival) {
                Some(slot) => slot,
                None => return self.refuse(),
            },
        };
        if headers.tunnel.is_some() {
            self.note_tunnel(slot, packet, headers);
        }
        self.update(slot, packet, headers, segment.as_ref(), from_low, (arrival, wire_segments))
    }

    /// Notes that a packet of a flow was put into a frame of a lane, and how many of its bytes were kept.
    #[inline]
    pub fn placed(&mut self, slot: Slot, lane: Lane, frame: FrameRef, kept_bytes: u32) {
        if slot.is_none() {
            return self.period.locate_rowless(frame);
        }
        let room = self.period.location_count() < 2 * self.locations_max;
        match self.entries.get_mut(slot.slot as usize) {
            Some(entry) if entry.part == slot.part => {
                entry.facts.add_lane(lane);
                let captured = &mut entry.tally.captured_bytes;
                *captured = captured.saturating_add(kept_bytes);
                if entry.frame == frame.0 {
                    return;
                }
                entry.frame = frame.0;
            }
            _ => {
                let is_known = match self.waiting.part_mut(slot.slot, slot.part) {
                    Some(part) => part.place(lane, frame.0, kept_bytes),
                    None => !self.period.add_to_ended(slot.part, lane, kept_bytes),
                };
                if is_known {
                    return;
                }
            }
        }
        if room {
            self.period.locate(slot.part, frame);
        } else {
            self.period.locate_rowless(frame);
        }
    }

    /// The name of a live flow.
    #[inline]
    pub fn flow_id(&self, slot: Slot) -> Option<FlowId> {
        self.entries.get(slot.slot as usize).map(|entry| entry.flow_id)
    }

    /// True when the period has grown so large that a checkpoint should come soon.
    pub fn wants_checkpoint(&self) -> bool {
        self.period.row_count() >= self.rows_max
            || self.period.ended_count() >= self.parts_max
            || self.period.location_count() >= self.locations_max
            || self.period.part_count() >= self.parts_max * PARTS_PER_ROW
    }

    /// Ends the period: hands out what happened in it and begins a new one. Parked packets have to be placed before.
    pub fn checkpoint(&mut self) -> Period {
        self.waiting.slots().into_iter().for_each(|slot| self.end_waiting(slot));
        self.sum_live();
        let mut period = std::mem::take(&mut self.period);
        let base = period.first_arrival.unwrap_or(0);
        let mut row_pace = Some(&mut self.row_pace).filter(|_| self.junk_rows.a_day.is_some());
        let live = self.entries.iter_mut().filter(|entry| entry.part != NONE).map(|entry| {
            let part = entry.to_part(self.paths.path(entry.path), base);
            if let Some(row_pace) = &mut row_pace {
                row_pace.learn(&part);
            }
            entry.frame = NONE;
            entry.facts.end_period();
            (std::mem::replace(&mut entry.part, NONE), part)
        });
        let closed = period.close(live, self.clock.nanoseconds);
        self.period = period;
        closed
    }

    /// Says what is ours from now on; live flows keep their direction.
    pub fn set_ours(&mut self, ours: Ours) {
        self.ours = ours;
    }

    /// Which addresses are ours.
    pub fn ours(&self) -> &Ours {
        &self.ours
    }

    /// Live flows.
    pub fn live_flows(&self) -> u32 {
        self.live
    }

    /// What judges how much of each head is kept.
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// What judges how much of each head is kept.
    #[inline]
    pub fn admission_mut(&mut self) -> &mut Admission {
        &mut self.admission
    }

    /// What has happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Nanoseconds that have passed by the packets' times, set clocks left out; it only goes forward. For
    /// [`Parking`](crate::Parking) where there is no real clock.
    pub fn clock(&self) -> u64 {
        self.clock.nanoseconds
    }

    fn refuse(&mut self) -> Seen {
        self.counters.packets_rowless += 1;
        Seen {
            slot: Slot::NONE,
            place: Place::Lane(Lane::Junk),
            release: None,
            direction: Direction::External,
            from_client: true,
            sure: false,
            answers: false,
            opening: Opening::SILENT,
            opens: false,
            is_young: false,
            used_bytes: 0,
        }
    }

    /// Counts a packet to its flow.
    fn update(
        &mut self,
        slot: u32,
        packet: &Packet<'_>,
        headers: &Headers,
        segment: Option<&Segment>,
        from_low: bool,
        (arrival, wire_segments): (u64, u32),
    ) -> Seen {
        let now = self.clock.tick();
        let base = *self.period.first_arrival.get_or_insert(arrival);
        let entry = &self.entries[slot as usize];
        if entry.part == NONE || !entry.tally.has_room(packet.wire_bytes) {
            self.begin_part(slot, packet.time, arrival.saturating_sub(base));
        }
        let entry = &mut self.entries[slot as usize];
        let from_client = entry.is_from_client(from_low);
        entry.active = now;
        entry.tally.add(packet, from_client, arrival.saturating_sub(base), wire_segments);
        entry.facts.add_packet(headers.is_plain(packet.data));
        let unproven = !entry.facts.has(Facts::PROVEN);
        let proven_now = unproven && entry.proves(headers.transport, segment, from_client);
        match segment {
            Some(segment) if entry.is_tcp() => {
                if entry.connection.is_reset_by(segment, from_client) {
                    entry.facts.set(Facts::RESET, true);
                }
                entry.connection.observe(segment, from_client);
            }
            _ if matches!(entry.key.proto(), 17 | 136) => entry.connection.observe_datagram(from_client),
            _ => {}
        }
        let opens = entry.opens(from_client);
        let (opening, is_young) = (entry.connection.opening(), entry.may_open(now));
        let release = proven_now.then(|| entry.prove(now));
        if proven_now && self.junk_rows.a_day.is_some() {
            for _ in 0..=self.waiting.count_of(slot) {
                self.period.begin_row();
                self.row_pace.count();
            }
        }
        let (place, used_bytes) = entry.place(packet.wire_bytes, self.head_bytes, now);
        let was_sure = entry.is_sure();
        entry.facts.set(Facts::ANSWERED, entry.facts.has(Facts::ANSWERED) || !from_client);
        let sure = entry.is_sure();
        let (direction, part, class) = (entry.facts.direction(), entry.part, Class::of(entry));
        if entry.facts.queue != class as u8 {
            self.queues.remove(&mut self.entries, slot);
            self.queues.push(&mut self.entries, slot, class, now);
        }
        self.counters.flows_proven += u64::from(proven_now);
        if !from_client && segment.is_some_and(Segment::answers) {
            self.note_listening(slot);
        }
        Seen {
            slot: Slot { slot, part },
            place,
            release,
            direction,
            from_client,
            sure,
            answers: sure && !was_sure,
            opening,
            opens,
            is_young,
            used_bytes,
        }
    }
}
