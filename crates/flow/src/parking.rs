//! Packets that wait for their flow's proof.

use crate::table::Slot;
use packet::{Packet, PacketDirection, Timestamp};
use std::collections::{HashMap, VecDeque};

/// Copies of packets that wait until their flow proves that it hears us, in fixed memory, at most
/// [`Parking::WAIT_MAX`] long.
///
/// Every packet that is pushed comes out exactly once: by [`release`](Self::release) when its flow is proven, else by
/// [`push`](Self::push) for want of room, [`expire`](Self::expire) or [`drain`](Self::drain), oldest first.
#[derive(Clone, Debug)]
pub struct Parking {
    /// A ring of bytes; a packet's bytes lie in one piece.
    bytes: Vec<u8>,
    bytes_max: usize,
    parked: VecDeque<Parked>,
    /// Number of the first in `parked`; packets are numbered on.
    front: u64,
    chains: HashMap<Slot, Chain>,
}

/// Numbers of a flow's first and last waiting packet.
#[derive(Clone, Copy, Debug)]
struct Chain {
    first: u64,
    last: u64,
}

#[derive(Clone, Copy, Debug)]
struct Parked {
    slot: Slot,
    since: u64,
    /// The flow's next waiting packet.
    next: Option<u64>,
    waiting: bool,
    start: usize,
    length: usize,
    time: Timestamp,
    wire_bytes: u32,
    interface: u32,
    direction: PacketDirection,
    arrival: Option<u64>,
}

impl Parking {
    /// Nanoseconds that a packet waits at most.
    pub const WAIT_MAX: u64 = 400_000_000;
    /// Bytes of packets, unless said otherwise.
    pub const BYTES_MAX: usize = 8 << 20;
    /// Packets at most, however short: one for each 64 bytes of room.
    const BYTES_PER_PACKET: usize = 64;

    /// Room for `bytes_max` bytes of packets.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), bytes_max, parked: VecDeque::new(), front: 0, chains: HashMap::new() }
    }

    /// Parks a copy of a packet; `now` is in nanoseconds of a clock that only goes forward. The oldest ones go to
    /// `sink` when there is no room; a packet larger than all the room goes there itself.
    pub fn push(&mut self, slot: Slot, packet: &Packet<'_>, now: u64, mut sink: impl FnMut(Slot, &Packet<'_>)) {
        let length = packet.data.len();
        if length >= self.bytes_max {
            self.drain(&mut sink);
            return sink(slot, packet);
        }
        while self.parked.len() > self.bytes_max / Self::BYTES_PER_PACKET {
            self.pop(&mut sink);
        }
        let start = self.make_room(length, &mut sink);
        if self.bytes.len() < start + length {
            self.bytes.resize(start + length, 0);
        }
        self.bytes[start..start + length].copy_from_slice(packet.data);
        self.chain(slot, self.front + self.parked.len() as u64);
        self.parked.push_back(Parked {
            slot,
            since: now,
            next: None,
            waiting: true,
            start,
            length,
            time: packet.time,
            wire_bytes: packet.wire_bytes,
            interface: packet.interface,
            direction: packet.direction,
            arrival: packet.arrival,
        });
    }

    /// Hands out the packets of a flow in the order in which they came.
    pub fn release(&mut self, slot: Slot, mut sink: impl FnMut(Slot, &Packet<'_>)) {
        let mut next = self.chains.remove(&slot).map(|chain| chain.first);
        while let Some(parked) = next.and_then(|number| self.parked.get_mut((number - self.front) as usize)) {
            next = parked.next;
            parked.waiting = false;
            let parked = *parked;
            sink(slot, &self.packet(&parked));
        }
        self.drop_front();
    }

    /// Hands out the packets that have waited long enough.
    pub fn expire(&mut self, now: u64, mut sink: impl FnMut(Slot, &Packet<'_>)) {
        while self.parked.front().is_some_and(|parked| now.saturating_sub(parked.since) >= Self::WAIT_MAX) {
            self.pop(&mut sink);
        }
    }

    /// Hands out every packet.
    pub fn drain(&mut self, mut sink: impl FnMut(Slot, &Packet<'_>)) {
        while !self.parked.is_empty() {
            self.pop(&mut sink);
        }
    }

    /// The time of the packet that waits longest.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.parked.iter().find(|parked| parked.waiting).map(|parked| parked.time)
    }

    /// True if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.parked.is_empty()
    }

    /// Where `length` bytes fit in one piece, once the oldest are gone that lie there.
    fn make_room(&mut self, length: usize, sink: &mut impl FnMut(Slot, &Packet<'_>)) -> usize {
        // Of two packets the starts differ, without bytes too: a ring that is full is told from one that begins.
        let length = length.max(1);
        loop {
            let (Some(oldest), Some(newest)) = (self.parked.front(), self.parked.back()) else { return 0 };
            let end = newest.start + newest.length.max(1);
            let wrapped = newest.start < oldest.start;
            if wrapped && end + length <= oldest.start {
                return end;
            }
            if !wrapped && end + length <= self.bytes_max {
                return end;
            }
            if !wrapped && length <= oldest.start {
                return 0;
            }
            self.pop(sink);
        }
    }

    /// Appends the packet of this number to its flow's chain.
    fn chain(&mut self, slot: Slot, number: u64) {
        let chain = self.chains.entry(slot).or_insert(Chain { first: number, last: number });
        let last = std::mem::replace(&mut chain.last, number);
        if last != number
            && let Some(parked) = self.parked.get_mut((last - self.front) as usize)
        {
            parked.next = Some(number);
        }
    }

    fn pop(&mut self, sink: &mut impl FnMut(Slot, &Packet<'_>)) {
        let Some(parked) = self.parked.front().copied() else { return };
        if parked.waiting {
            sink(parked.slot, &self.packet(&parked));
            match (parked.next, self.chains.get_mut(&parked.slot)) {
                (Some(next), Some(chain)) => chain.first = next,
                _ => drop(self.chains.remove(&parked.slot)),
            }
        }
        self.parked.pop_front();
        self.front += 1;
        self.drop_front();
    }

    /// Forgets packets at the front that were released.
    fn drop_front(&mut self) {
        while self.parked.front().is_some_and(|parked| !parked.waiting) {
            self.parked.pop_front();
            self.front += 1;
        }
    }

    fn packet(&self, parked: &Parked) -> Packet<'_> {
        Packet {
            time: parked.time,
            wire_bytes: parked.wire_bytes,
            data: self.bytes.get(parked.start..parked.start + parked.length).unwrap_or_default(),
            interface: parked.interface,
            direction: parked.direction,
            arrival: parked.arrival,
        }
    }
}
