//! One packet seen on several interfaces is kept once, with the list of its interfaces: packets wait for their copies.

use std::collections::{HashMap, VecDeque};

use packet::{Headers, Packet, PacketDirection, Timestamp};

use crate::batch::{BATCH_MAX, Batch};
use crate::duplicates::{Duplicates, WINDOW_NS};

/// A packet goes on once packets have come that are later than its copies can be, or once it has waited this long: a
/// block of a ring that fills slowly is handed over after 50 ms.
const WAIT_NS: u64 = 100_000_000;
/// Bytes that wait at most. What goes on before its time misses copies in its list, and is kept once all the same.
const BYTES_MAX: usize = 8 << 20;
const PACKETS_MAX: usize = 1 << 14;

/// Packets that wait for their copies, in the order of arrival.
#[derive(Debug)]
pub(crate) struct Copies {
    duplicates: Duplicates,
    held: VecDeque<Held>,
    /// Number of the first in `held`; packets are numbered on.
    front: u64,
    /// The bytes of the packets, one behind the other; those before `start` are not needed any more.
    bytes: Vec<u8>,
    start: usize,
    newest: Timestamp,
    paths: Paths,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    time: Timestamp,
    since: u64,
    length: usize,
    wire_bytes: u32,
    direction: PacketDirection,
    segment_payload_bytes: u16,
    path: usize,
}

impl Copies {
    /// Nothing waits.
    pub(crate) fn new() -> Self {
        Self {
            duplicates: Duplicates::new(),
            held: VecDeque::new(),
            front: 0,
            bytes: Vec::new(),
            start: 0,
            newest: Timestamp::MIN,
            paths: Paths::default(),
        }
    }

    /// Takes a packet in, at a time in nanoseconds of a clock that only goes forward; false if it is a copy, whose
    /// interface is noted with the packet that it is a copy of.
    pub(crate) fn take_in(
        &mut self,
        packet: &Packet<'_>,
        headers: &Headers,
        segment_payload_bytes: u16,
        now: u64,
    ) -> bool {
        let number = self.front + self.held.len() as u64;
        self.newest = packet.time;
        if let Some(first) = self.duplicates.first_of(packet, headers, number) {
            let place = first.checked_sub(self.front).and_then(|place| usize::try_from(place).ok());
            if let Some(held) = place.and_then(|place| self.held.get_mut(place)) {
                held.path = self.paths.extend(Some(held.path), packet.interface);
            }
            return false;
        }
        self.bytes.extend_from_slice(packet.data);
        self.held.push_back(Held {
            time: packet.time,
            since: now,
            length: packet.data.len(),
            wire_bytes: packet.wire_bytes,
            direction: packet.direction,
            segment_payload_bytes,
            path: self.paths.extend(None, packet.interface),
        });
        true
    }

    /// How many packets are to go on, as many as fit into a batch; with `now` unknown all that wait.
    pub(crate) fn due(&self, now: Option<u64>) -> usize {
        let mut excess_packets = self.held.len().saturating_sub(PACKETS_MAX);
        let mut excess_bytes = (self.bytes.len() - self.start).saturating_sub(BYTES_MAX);
        let is_due = |held: &&Held| {
            let is_excess = excess_packets > 0 || excess_bytes > 0;
            excess_packets = excess_packets.saturating_sub(1);
            excess_bytes = excess_bytes.saturating_sub(held.length);
            // After a step of the clock backwards too.
            let is_past = self.newest.since(held.time).saturating_abs() > WINDOW_NS;
            is_excess || is_past || now.is_none_or(|now| now.saturating_sub(held.since) >= WAIT_NS)
        };
        self.held.iter().take(BATCH_MAX).take_while(is_due).count()
    }

    /// A list of interfaces among those of the first `packets` that has no number yet, with what gives it one.
    pub(crate) fn unnumbered(&mut self, packets: usize) -> Option<&mut Path> {
        let paths = &self.paths.paths;
        let path = self.held.iter().take(packets).map(|held| held.path).find(|&path| paths[path].number.is_none())?;
        self.paths.paths.get_mut(path)
    }

    /// The first `packets`, whose lists of interfaces have numbers.
    pub(crate) fn batch(&self, packets: usize) -> Batch<'_> {
        let mut batch = Batch::new();
        let mut rest = self.bytes.get(self.start..).unwrap_or_default();
        for held in self.held.iter().take(packets) {
            let (data, behind) = rest.split_at(held.length.min(rest.len()));
            rest = behind;
            let packet = Packet {
                time: held.time,
                wire_bytes: held.wire_bytes,
                data,
                interface: self.paths.paths[held.path].number.unwrap_or(0),
                direction: held.direction,
                arrival: None,
            };
            batch.push(packet, held.segment_payload_bytes);
        }
        batch
    }

    /// Drops the first `packets`.
    pub(crate) fn drop_first(&mut self, packets: usize) {
        self.start += self.held.drain(..packets).map(|held| held.length).sum::<usize>();
        self.front += packets as u64;
        if self.held.is_empty() {
            (self.start, _) = (0, self.bytes.clear());
        } else if self.start > BYTES_MAX / 4 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}

/// Interfaces that one packet was seen on, in the order in which it was.
#[derive(Debug)]
pub(crate) struct Path {
    /// The numbers of the interfaces.
    pub(crate) interfaces: Vec<u32>,
    /// The number of all of them together.
    pub(crate) number: Option<u32>,
}

#[derive(Debug, Default)]
struct Paths {
    paths: Vec<Path>,
    /// From a path and the interface that comes next.
    next: HashMap<(Option<usize>, u32), usize>,
}

impl Paths {
    /// Copies beyond are counted and not listed.
    const INTERFACES_MAX: usize = 8;
    const PATHS_MAX: usize = 1 << 12;

    /// The path that leads one interface further. Paths of one interface are as many as there are interfaces.
    fn extend(&mut self, path: Option<usize>, interface: u32) -> usize {
        if let Some(next) = self.next.get(&(path, interface)) {
            return *next;
        }
        let known = path.and_then(|number| Some((number, self.paths.get(number)?)));
        let mut interfaces = Vec::new();
        if let Some((number, path)) = known {
            let is_full = path.interfaces.len() >= Self::INTERFACES_MAX || self.paths.len() >= Self::PATHS_MAX;
            if is_full || path.interfaces.contains(&interface) {
                return number;
            }
            interfaces.clone_from(&path.interfaces);
        }
        interfaces.push(interface);
        let number = (interfaces.len() == 1).then_some(interface);
        self.paths.push(Path { interfaces, number });
        self.next.insert((path, interface), self.paths.len() - 1);
        self.paths.len() - 1
    }
}
