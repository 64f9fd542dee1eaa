//! Flows begin and end.

use super::orient::orient;
use super::{FlowTable, Now};
use crate::entry::{Entry, Facts, Link, NONE, Tally};
use crate::idle::Class;
use crate::key::PackedKey;
use crate::ours::Direction;
use crate::part::{EndReason, FlowId};
use crate::path::Path;
use crate::tcp::{Connection, Segment};
use packet::decode::Transport;
use packet::{FlowKey, Headers, Packet};

/// Flows of a class that a packet looks at, at most: idle ones end little by little, so that no packet waits for many.
const LOOKS_PER_PACKET: usize = 2;
/// Flows that a newcomer to a full table looks at, at most.
const LOOKS_WHEN_FULL: usize = 64;
/// In a full table a flow has so long to prove itself before it gives way, and one that is over waits so long for its last
/// packets.
const PROOF_TICKS: u32 = crate::clock::ticks(1_000);
const STRAGGLERS_TICKS: u32 = crate::clock::ticks(1_000);
/// So long one has to be silent that has no connection, or nobody who answers; and, where any may go, one that has.
const QUIET_TICKS: u32 = crate::clock::ticks(2_000);
const STILL_TICKS: u32 = crate::clock::ticks(10_000);
/// A SYN with another sequence number means a new connection after this much silence, in ticks.
const REUSE_TICKS: u32 = crate::clock::ticks(60_000);

impl FlowTable {
    /// Ends flows that have been silent for too long, a few at a time.
    #[inline]
    pub(super) fn end_idle(&mut self, now: Now) {
        if self.looked_through != Some(now) {
            self.look_through_all(now);
        }
    }

    #[cold]
    fn look_through_all(&mut self, now: Now) {
        Class::ALL.into_iter().for_each(|class| self.look_through(class, now, LOOKS_PER_PACKET));
        let all_done = Class::ALL.into_iter().all(|class| self.queues.due(class, now).is_none());
        self.looked_through = all_done.then_some(now);
    }

    fn look_through(&mut self, class: Class, now: Now, looks: usize) {
        for _ in 0..looks {
            let Some(slot) = self.queues.due(class, now) else { return };
            if now.since(self.entries[slot as usize].active) > class.silence_max() {
                self.end(slot, reason_of_silence(class));
            } else {
                self.queues.remove(&mut self.entries, slot);
                self.queues.push(&mut self.entries, slot, class, now);
            }
        }
        // It was not needed for seconds: it is on its way from memory until the next packet looks at it.
        if let Some(next) = self.queues.due(class, now) {
            std::hint::black_box(self.entries[next as usize].touch());
        }
    }

    /// True if the flow has ended before this packet, which then is another flow's first.
    pub(super) fn ends_before(&mut self, slot: u32, segment: Option<&Segment>, from_low: bool, now: Now) -> bool {
        let entry = &self.entries[slot as usize];
        let silence = now.since(entry.active);
        let class = Class::of(entry);
        let reason = if silence > class.silence_max() {
            reason_of_silence(class)
        } else if segment.is_some_and(|segment| segment.opens() && entry.is_reused_by(segment, from_low, silence)) {
            if matches!(class, Class::Closed | Class::Reset) { reason_of_silence(class) } else { EndReason::Reused }
        } else {
            return false;
        };
        self.end(slot, reason);
        true
    }

    /// Makes a flow of its first packet; `None` if there is no room for it.
    #[cold]
    pub(super) fn admit(
        &mut self,
        packet: &Packet<'_>,
        headers: &Headers,
        key: &FlowKey,
        (packed, from_low, hash): (PackedKey, bool, u64),
        arrival: u64,
    ) -> Option<u32> {
        let ours = |address| key.ip_version != 0 && self.ours.contains(packet.interface, address);
        let (sender_ours, receiver_ours) = (ours(key.src), ours(key.dest));
        let is_first = headers.fragment.is_none_or(|fragment| fragment.offset == 0);
        let transport = if is_first { headers.transport } else { Transport::None };
        let orientation = orient(key, transport, |address, port| self.listens(packet.interface, address, port));
        let sender_is_client = orientation.sender_is_client;
        let direction = if sender_is_client {
            Direction::of(sender_ours, receiver_ours)
        } else {
            Direction::of(receiver_ours, sender_ours)
        };
        let now = self.clock.tick();
        // What we send because of somebody's packet is no conversation of ours.
        let is_reaction = direction == Direction::Outbound && is_icmp_error(key, transport);
        let needs_proof = is_reaction || Entry::needs_proof(direction, sender_ours, receiver_ours);
        let proven = !needs_proof;
        let slot = self.free_slot(direction == Direction::Outbound && proven, now)?;
        let mut facts = Facts::new(direction);
        facts.set(Facts::CLIENT_IS_LOW, sender_is_client == from_low);
        facts.set(Facts::CLIENT_IS_OURS, if sender_is_client { sender_ours } else { receiver_ours });
        facts.set(Facts::PROVEN, proven);
        facts.set(Facts::START_SEEN, orientation.opens);
        let mut connection = Connection::default();
        let flips = matches!(transport, Transport::Tcp { .. } | Transport::Udp);
        if flips && !sender_is_client {
            connection.history.flip();
        }
        let entry = Entry {
            key: packed,
            flow_id: FlowId::new(&self.tape_id, key, arrival),
            start: packet.time.nanoseconds(),
            tally: Tally::default(),
            connection,
            head_used: 0,
            head_since: now,
            active: now,
            link: Link { previous: NONE, next: NONE, since: now },
            path: self.paths.take(Path::of(packet, headers, sender_is_client)),
            part: NONE,
            frame: NONE,
            facts,
        };
        let class = Class::of(&entry);
        self.insert(slot, entry, hash, (class, now));
        self.counters.flows += 1;
        self.counters.packets_without_ip += u64::from(key.ip_version == 0);
        Some(slot)
    }

    /// Puts an entry into a free slot, and into the queue of its class.
    pub(crate) fn insert(&mut self, slot: u32, entry: Entry, hash: u64, (class, now): (Class, Now)) {
        if slot as usize == self.entries.len() {
            self.entries.push(entry);
        } else {
            self.free = self.entries[slot as usize].link.next;
            self.entries[slot as usize] = entry;
        }
        self.index.insert(hash, slot, |other| self.hasher.hash(&self.entries[other as usize].key));
        self.queues.push(&mut self.entries, slot, class, now);
        self.live += 1;
    }

    /// The slot that a new flow would take, without making room; `None` if every one is taken.
    pub(crate) fn next_slot(&self) -> Option<u32> {
        match self.free {
            NONE if self.entries.len() < self.capacity as usize => Some(self.entries.len() as u32),
            NONE => None,
            free => Some(free),
        }
    }

    /// True if a live flow has this key.
    pub(crate) fn holds(&self, key: &PackedKey, hash: u64) -> bool {
        self.index.find(hash, |slot| self.entries.get(slot as usize).is_some_and(|entry| entry.key == *key)).is_some()
    }

    /// A slot for a newcomer. `ours` may take another's, and goes on longer when the period is too large.
    fn free_slot(&mut self, ours: bool, now: Now) -> Option<u32> {
        let parts_max = if ours { 4 * self.parts_max } else { 2 * self.parts_max };
        if self.period.ended_count() >= parts_max {
            return None;
        }
        if self.next_slot().is_none() {
            for class in Class::ALL {
                self.look_through(class, now, LOOKS_WHEN_FULL);
            }
        }
        if self.next_slot().is_none() && (ours || self.makes_room || self.junk_rows.a_day.is_some()) {
            self.evict(now);
        }
        self.next_slot()
    }

    /// Frees a slot: of a flow that is over and has waited for its last packets, else of one that has had time to prove itself,
    /// else of the quietest without a connection. When all of these are younger, of the oldest that is over, unproven or
    /// unanswered. Where any may go, one with a connection may be the quietest too.
    fn evict(&mut self, now: Now) {
        let has_waited = |entry: &Entry| !entry.facts.has(Facts::PROVEN) || now.since(entry.active) >= STRAGGLERS_TICKS;
        let had_time = |entry: &Entry| now.since(entry.head_since) >= PROOF_TICKS;
        let quiet = [(Class::Attempt, QUIET_TICKS), (Class::Other, QUIET_TICKS), (Class::Tcp, STILL_TICKS)];
        let quiet = if self.makes_room { &quiet[..] } else { &quiet[..2] };
        let slot = [Class::Reset, Class::Closed].into_iter().find_map(|class| self.first_if(class, has_waited));
        let slot = slot.or_else(|| self.first_if(Class::Unproven, had_time));
        let slot = slot.or_else(|| self.quietest(quiet, now));
        let slot = slot.or_else(|| self.oldest([Class::Unproven, Class::Attempt, Class::Closed, Class::Reset], now));
        let any = if self.makes_room { &Class::ALL.map(|class| (class, 0))[..] } else { &[] };
        let Some(slot) = slot.or_else(|| self.quietest(any, now)) else { return };
        let class = Class::of(&self.entries[slot as usize]);
        let is_evicted = matches!(class, Class::Unproven | Class::Tcp);
        self.end(slot, if is_evicted { EndReason::Evicted } else { reason_of_silence(class) });
        self.counters.flows_evicted += u64::from(is_evicted);
    }

    /// The first of a class, if it is one that may go.
    fn first_if(&self, class: Class, may_go: impl Fn(&Entry) -> bool) -> Option<u32> {
        self.queues.first(class).filter(|slot| self.entries.get(*slot as usize).is_some_and(may_go))
    }

    /// Of the first of these classes the one that was looked at longest ago; of the last class if it is the same.
    fn oldest<const N: usize>(&self, classes: [Class; N], now: Now) -> Option<u32> {
        let firsts = classes.into_iter().filter_map(|class| self.queues.first(class));
        firsts.max_by_key(|slot| now.since(self.entries[*slot as usize].link.since))
    }

    /// Of these classes the flow that has been silent for longest, or nearly, and for as long as its class has to be: who had
    /// packets since the last look gets another chance.
    fn quietest(&mut self, of: &[(Class, u32)], now: Now) -> Option<u32> {
        let mut quietest: Option<(u32, u32)> = None;
        for (class, silence_min) in of {
            for _ in 0..LOOKS_WHEN_FULL {
                let Some(slot) = self.queues.first(*class) else { break };
                let entry = &self.entries[slot as usize];
                let (silence, looked) = (now.since(entry.active), now.since(entry.link.since));
                if silence >= looked || looked < *silence_min {
                    // Slots are others after a restart: of equal ones the first of these classes.
                    if silence >= *silence_min && quietest.is_none_or(|(longest, _)| silence > longest) {
                        quietest = Some((silence, slot));
                    }
                    break;
                }
                self.queues.remove(&mut self.entries, slot);
                self.queues.push(&mut self.entries, slot, *class, now);
            }
        }
        quietest.map(|(_, slot)| slot)
    }

    /// Ends a flow and frees its slot.
    fn end(&mut self, slot: u32, reason: EndReason) {
        self.end_waiting(slot);
        self.end_part(slot, Some(reason));
        let hash = self.hasher.hash(&self.entries[slot as usize].key);
        self.index.remove(hash, slot, |other| self.hasher.hash(&self.entries[other as usize].key));
        self.queues.remove(&mut self.entries, slot);
        let entry = &mut self.entries[slot as usize];
        self.paths.release(entry.path);
        entry.part = NONE;
        entry.facts.set(Facts::OCCUPIED, false);
        entry.link.next = self.free;
        self.free = slot;
        self.live -= 1;
    }

    /// True if a TCP port of ours was seen to listen.
    fn listens(&self, interface: u32, address: packet::Address, port: u16) -> bool {
        let word = self.listening.get(usize::from(port / 64)).copied().unwrap_or(0);
        word >> (port % 64) & 1 != 0 && self.ours.contains(interface, address)
    }

    /// Whoever of ours answers a SYN with one listens on that port.
    #[cold]
    pub(super) fn note_listening(&mut self, slot: u32) {
        let entry = &self.entries[slot as usize];
        let server_is_ours = matches!(entry.facts.direction(), Direction::Inbound | Direction::Internal);
        let port = entry.key_from_client().dest_port;
        if server_is_ours && let Some(word) = self.listening.get_mut(usize::from(port / 64)) {
            *word |= 1 << (port % 64);
        }
    }
}

impl Entry {
    /// True if a SYN begins a new connection with the addresses and ports of this one: not the same SYN again, and the
    /// old one is over or has been silent.
    fn is_reused_by(&self, syn: &Segment, from_low: bool, silence: u32) -> bool {
        let end = usize::from(!self.is_from_client(from_low));
        let again = self.connection.seq_end[end] == syn.seq_end();
        !again && (self.connection.is_closed() || self.facts.has(Facts::RESET) || silence > REUSE_TICKS)
    }
}

/// Errors of ICMP (RFC 792) and of ICMPv6 (RFC 4443, 2.1).
fn is_icmp_error(key: &FlowKey, transport: Transport) -> bool {
    match (key.proto, transport) {
        (1, Transport::Icmp { kind, .. }) => matches!(kind, 3 | 4 | 5 | 11 | 12),
        (58, Transport::Icmp { kind, .. }) => (1..=4).contains(&kind),
        _ => false,
    }
}

fn reason_of_silence(class: Class) -> EndReason {
    match class {
        Class::Closed => EndReason::Closed,
        Class::Reset => EndReason::Reset,
        Class::Unproven | Class::Other | Class::Tcp | Class::Attempt => EndReason::Idle,
    }
}
