//! A packet's way from the ring or a capture file to its lane: decode, flow table, parking, tape.

mod admit;
mod time;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use flow::{FlowTable, Lane, Network, Ours, Parking, Place, Seen};
use packet::decode::decode_into;
use packet::{Headers, Interface, LinkType, Packet, Timestamp};

use crate::Error;
use crate::batch::{BATCH_MAX, Batch};
use crate::copies::{Copies, Path};
use crate::counters::{Counters, PolicyCounters};
use crate::keeper::{Keeper, Note};
use crate::overload::Overload;
use crate::policy::{Policies, Policy};
use time::{AsLive, UPKEEP_EVERY};

/// Addresses of a host with many interfaces can change all the time.
const OURS_EVERY_NS: u64 = 10_000_000_000;

/// Lists of interfaces that one packet was seen on: each is an interface of the tape. Packets with others have the first
/// interface of their list alone.
const LISTS_MAX: usize = 256;

/// Where the desk's time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeskClock {
    /// From `Desk::tick`: packets arrive as they happen.
    Live,
    /// From the packets: they come out of a file.
    Packets,
    /// From the packets, for everything that a recording does by the clock.
    PacketsAsLive,
}

/// Sorts packets into lanes.
#[derive(Debug)]
pub struct Desk<K> {
    keeper: K,
    table: FlowTable,
    parking: Parking,
    clock: DeskClock,
    now: u64,
    until_upkeep: u32,
    last_checkpoint: Option<u64>,
    keeper_ticked: Instant,
    as_live: AsLive,
    overload: Overload,
    /// All packets of a live recording from before this time have been taken in.
    drained: Option<Timestamp>,
    failure: Option<Error>,
    /// Since the last checkpoint.
    ours_changed: bool,
    interfaces: Vec<DeskInterface>,
    /// Of a batch; kept to be written in place.
    headers: Vec<Headers>,
    copies: Option<Copies>,
    /// Each list of interfaces that has a number, and the first interface in it.
    lists: Vec<(u32, u32)>,
    /// Copies that the keeper has been told of.
    copies_noted: u64,
    policies: Policies,
    /// Of these the keeper has been told.
    policies_noted: Vec<PolicyCounters>,
    /// Lanes of which the keeper has been told that they fill faster than their pace.
    above_pace: Vec<Lane>,
    counters: Counters,
}

/// What the desk knows of an interface.
#[derive(Clone, Copy, Debug)]
struct DeskInterface {
    link_type: LinkType,
    heads_only: bool,
}

impl<K: Keeper> Desk<K> {
    /// A desk that keeps packets with `keeper`; `collapse` keeps one of the copies that several interfaces show.
    pub fn new(keeper: K, table: FlowTable, clock: DeskClock, collapse: bool) -> Self {
        let (now, began) = (table.clock(), Instant::now());
        Self {
            keeper,
            table,
            parking: Parking::new(Parking::BYTES_MAX),
            clock,
            now: 0,
            until_upkeep: UPKEEP_EVERY,
            last_checkpoint: None,
            keeper_ticked: began,
            overload: Overload::default(),
            as_live: AsLive { began: (now, began), looked: now, ticked: now, packets: 0 },
            drained: None,
            failure: None,
            ours_changed: false,
            interfaces: Vec::new(),
            headers: vec![Headers::default(); BATCH_MAX],
            copies: collapse.then(Copies::new),
            lists: Vec::new(),
            copies_noted: 0,
            policies: Policies::default(),
            policies_noted: Vec::new(),
            above_pace: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// Says what is done with some packets.
    pub fn set_policies(&mut self, policies: Vec<Policy>) {
        self.policies = Policies::new(policies);
        self.policies_noted = self.policies.counters().to_vec();
    }

    /// The number that packets of this interface are to have. Of an interface of which heads alone are kept, bulk is
    /// counted and let go.
    pub fn interface(&mut self, interface: &Interface, heads_only: bool) -> u32 {
        let number = self.keeper.interface(interface);
        let entry = DeskInterface { link_type: interface.link_type, heads_only };
        let place = number as usize;
        if self.interfaces.len() <= place {
            let unknown = DeskInterface { link_type: LinkType::NULL, heads_only: false };
            self.interfaces.resize(place + 1, unknown);
            self.counters.interfaces.resize_with(place + 1, Default::default);
        }
        if let (Some(slot), Some(counters)) = (self.interfaces.get_mut(place), self.counters.interfaces.get_mut(place))
        {
            *slot = entry;
            counters.name = interface.name.clone().unwrap_or_default();
        }
        number
    }

    /// Says which addresses are ours on an interface; none leaves it to the home networks.
    pub fn set_ours(&mut self, interface: u32, networks: impl IntoIterator<Item = Network>) {
        let mut ours = self.table.ours().clone();
        ours.set_interface(interface, networks);
        for (list, _) in self.lists.iter().filter(|(_, first)| *first == interface) {
            ours.set_like(*list, interface);
        }
        self.change_ours(ours);
    }

    /// Says which addresses are ours on interfaces without any of their own.
    pub fn set_home(&mut self, networks: impl IntoIterator<Item = Network>) {
        self.change_ours(Ours::new(networks));
    }

    /// Who reads what a crash left replays it by what the last checkpoint held to be ours.
    fn change_ours(&mut self, ours: Ours) {
        if ours != *self.table.ours() {
            self.table.set_ours(ours);
            self.ours_changed = true;
        }
    }

    /// Tells the keeper what each interface has received, and what its ring has dropped.
    pub(crate) fn note_statistics(&mut self, drops: &BTreeMap<String, u64>) {
        for (number, counters) in self.counters.interfaces.iter().enumerate().filter(|(_, one)| one.received > 0) {
            let dropped = drops.get(&counters.name).copied();
            self.keeper.note_statistics(number as u32, counters.received, dropped);
        }
    }

    /// Takes in packets whose interface numbers came from `interface`.
    pub fn packets(&mut self, batch: &Batch<'_>) {
        if self.copies.is_some() {
            for ((packet, segment_payload_bytes), decoded) in batch.iter().zip(batch.decoded()) {
                self.one(packet, segment_payload_bytes, decoded);
            }
            self.release_held(Some(self.now));
        } else {
            batch.iter().for_each(|(packet, _)| self.count(packet));
            self.take_batch(batch);
        }
        if self.table.wants_checkpoint() && self.keeper.takes_checkpoint() {
            self.checkpoint();
        }
    }

    /// Takes in one packet; of many, `packets` is faster.
    pub fn packet(&mut self, packet: &Packet<'_>, segment_payload_bytes: u16) {
        self.one(packet, segment_payload_bytes, None);
    }

    fn one(&mut self, packet: &Packet<'_>, segment_payload_bytes: u16, decoded: Option<&Headers>) {
        self.count(packet);
        let mut all = std::mem::take(&mut self.headers);
        if let Some(own) = all.first_mut() {
            let headers = decoded.unwrap_or_else(|| {
                decode_into(own, self.link_type(packet.interface), packet.data, packet.wire_bytes);
                own
            });
            let copies = self.copies.as_mut();
            match copies.map(|copies| copies.take_in(packet, headers, segment_payload_bytes, self.now)) {
                None => self.take_in(packet, headers, segment_payload_bytes),
                Some(true) => {}
                Some(false) => self.count_copy(packet.interface),
            }
        }
        self.headers = all;
    }

    /// With many flows a packet costs mostly the wait for memory, so the memory for all of a batch is asked for at once.
    fn take_batch(&mut self, batch: &Batch<'_>) {
        let mut own = std::mem::take(&mut self.headers);
        for (((packet, _), decoded), own) in batch.iter().zip(batch.decoded()).zip(&mut own) {
            if decoded.is_none() {
                decode_into(own, self.link_type(packet.interface), packet.data, packet.wire_bytes);
            }
        }
        let headers = || batch.decoded().zip(&own).map(|(decoded, own)| decoded.unwrap_or(own));
        self.table.warm(headers());
        for ((packet, segment_payload_bytes), headers) in batch.iter().zip(headers()) {
            self.take_in(packet, headers, segment_payload_bytes);
        }
        self.headers = own;
    }

    /// Takes on the packets whose copies have come; with `now` unknown all of them.
    fn release_held(&mut self, now: Option<u64>) {
        let Some(mut copies) = self.copies.take() else { return };
        loop {
            let due = copies.due(now);
            if due == 0 {
                break;
            }
            while let Some(path) = copies.unnumbered(due) {
                path.number = Some(self.list(path));
            }
            self.take_batch(&copies.batch(due));
            copies.drop_first(due);
        }
        self.copies = Some(copies);
    }

    /// The number of a list of interfaces: an interface that bears the names of all.
    fn list(&mut self, path: &Path) -> u32 {
        let first = path.interfaces.first().copied().unwrap_or(0);
        if self.lists.len() >= LISTS_MAX {
            return first;
        }
        let name_of = |number: &u32| Some(self.counters.interfaces.get(*number as usize)?.name.as_str());
        let names: Vec<&str> = path.interfaces.iter().filter_map(name_of).collect();
        let interface = Interface {
            link_type: self.link_type(first),
            snaplen: 0,
            name: Some(names.join(",")),
            description: Some("one packet seen on each of these".into()),
        };
        let number = self.interface(&interface, false);
        self.lists.push((number, first));
        let mut ours = self.table.ours().clone();
        ours.set_like(number, first);
        self.change_ours(ours);
        number
    }

    #[inline]
    fn link_type(&self, interface: u32) -> LinkType {
        self.interfaces.get(interface as usize).map_or(LinkType::NULL, |one| one.link_type)
    }

    #[inline]
    fn take_in(&mut self, packet: &Packet<'_>, headers: &Headers, segment_payload_bytes: u16) {
        let Some(&interface) = self.interfaces.get(packet.interface as usize) else {
            self.counters.damaged += 1;
            return;
        };
        let Some(rule) = self.policies.rule(packet, interface.link_type) else {
            return self.count_policy(packet.interface);
        };
        let arrival = self.keeper.next_arrival();
        let packet = Packet { arrival: Some(arrival), ..*packet };
        let segments = segments(headers, segment_payload_bytes);
        self.counters.segments += u64::from(segments);
        let seen = self.table.observe(&packet, headers, arrival, segments);
        if self.clock != DeskClock::Live {
            self.now = self.table.clock();
        }
        let seen = Seen { release: seen.release.map(|lane| rule.lane(lane)), ..seen };
        let Some((place, packet)) = self.policies.place(rule, seen.place, (headers, seen.used_bytes), packet) else {
            if let Some(lane) = seen.release {
                self.release(seen.slot, lane);
            }
            return self.count_policy(packet.interface);
        };
        match place {
            Place::Lane(Lane::Bulk) if interface.heads_only => self.count_policy(packet.interface),
            Place::Lane(lane) => self.admit(&seen, lane, &packet, headers),
            Place::Park => self.park(seen.slot, &packet),
        }
        match self.clock {
            DeskClock::Live => {}
            DeskClock::Packets => self.pass_time(),
            DeskClock::PacketsAsLive => self.pass_time_as_live(packet.time),
        }
    }

    /// Brings on the time, in nanoseconds of a clock that only goes forward: packets that waited long enough for proof
    /// become junk, and a checkpoint is made if one is due.
    pub fn tick(&mut self, now: u64) {
        self.now = now;
        if self.clock == DeskClock::Live
            && let Some(change) = self.overload.judge(now, self.keeper.pressure())
        {
            self.note_overload(change);
        }
        self.release_held(Some(now));
        let Self { keeper, table, parking, counters, .. } = self;
        parking.expire(now, |slot, packet| admit::keep(keeper, table, counters, slot, Lane::Junk, packet));
        let is_time = self.last_checkpoint.is_none_or(|last| now.saturating_sub(last) >= OURS_EVERY_NS);
        let settled = self.ours_changed && is_time;
        if (settled || self.table.wants_checkpoint() || self.keeper.wants_checkpoint())
            && self.keeper.takes_checkpoint()
        {
            self.checkpoint();
        }
    }

    /// Lets the keeper do its own work; at least once a second.
    pub(crate) fn tick_keeper(&mut self) -> Result<(), Error> {
        if let Some(until) = self.settled() {
            self.keeper.settle(until);
        }
        let (clock, instant) = self.as_live.began;
        let now = match self.clock {
            DeskClock::Live | DeskClock::Packets => Instant::now(),
            DeskClock::PacketsAsLive => instant + Duration::from_nanos(self.now.saturating_sub(clock)),
        };
        self.tick_admission();
        if self.clock != DeskClock::Packets {
            self.table.note_rows(&self.keeper.row_fill());
        }
        self.keeper.tick(now)?;
        if !self.keeper.is_replaced() {
            return Ok(());
        }
        let Self { keeper, table, parking, counters, .. } = self;
        parking.drain(|slot, packet| admit::keep(keeper, table, counters, slot, Lane::Junk, packet));
        if keeper.take_up(table)? {
            // What is ours has to be there before the first packet.
            self.ours_changed = true;
            self.last_checkpoint = None;
        }
        Ok(())
    }

    /// All packets that were captured before this time have been handed to the keeper.
    fn settled(&self) -> Option<Timestamp> {
        let drained = self.drained?;
        Some(self.parking.oldest().map_or(drained, |parked| parked.min(drained)))
    }

    /// Says that all packets that were captured before `until` have been taken in.
    pub(crate) fn set_drained(&mut self, until: Timestamp) {
        self.drained = Some(until);
    }

    /// Ends the period of the flow table. What waits for proof becomes junk before.
    pub fn checkpoint(&mut self) {
        let Self { keeper, table, parking, counters, .. } = self;
        parking.drain(|slot, packet| admit::keep(keeper, table, counters, slot, Lane::Junk, packet));
        keeper.checkpoint(table);
        self.note_copies();
        self.note_policies();
        self.ours_changed = false;
        self.last_checkpoint = Some(self.now);
    }

    /// Why the keeper cannot go on, if it cannot: then nothing more needs to be handed in.
    pub fn failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// What was counted.
    pub fn counters(&self) -> Counters {
        let counters = self.counters.clone().without_lost(self.keeper.lost());
        Counters { policies: self.policies.counters().to_vec(), ..counters }
    }

    /// Packets that were received and are not to be left out.
    #[inline]
    pub(crate) fn taken(&self) -> u64 {
        let Counters { received, unwanted, duplicates, policy, damaged, .. } = self.counters;
        received - (unwanted + duplicates + policy + damaged)
    }

    pub(crate) fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// What packets are kept with.
    pub fn keeper(&mut self) -> &mut K {
        &mut self.keeper
    }

    /// The flow table.
    pub fn table(&self) -> &FlowTable {
        &self.table
    }

    /// Ends: everything that waits is kept; the caller closes keeper and table.
    pub fn finish(mut self) -> (K, FlowTable, Counters) {
        self.release_held(None);
        self.note_copies();
        self.note_policies();
        self.note_cuts();
        let Self { keeper, table, parking, counters, .. } = &mut self;
        parking.drain(|slot, packet| admit::keep(keeper, table, counters, slot, Lane::Junk, packet));
        let counters = self.counters();
        (self.keeper, self.table, counters)
    }

    #[inline]
    fn count(&mut self, packet: &Packet<'_>) {
        let bytes = u64::from(packet.wire_bytes);
        self.counters.received += 1;
        self.counters.received_bytes += bytes;
        self.counters.cut += u64::from((packet.data.len() as u64) < bytes);
        if let Some(counters) = self.counters.interfaces.get_mut(packet.interface as usize) {
            counters.received += 1;
            counters.received_bytes += bytes;
        }
    }

    fn note_copies(&mut self) {
        let packets = self.counters.duplicates - self.copies_noted;
        if packets > 0 {
            self.copies_noted = self.counters.duplicates;
            self.keeper.note(Note::Copies { packets });
        }
    }

    fn note_policies(&mut self) {
        for (now, noted) in self.policies.counters().iter().zip(&mut self.policies_noted) {
            if let Some(news) = now.since(noted) {
                self.keeper.note(Note::Policy(news));
                *noted = now.clone();
            }
        }
    }

    fn count_copy(&mut self, interface: u32) {
        self.counters.duplicates += 1;
        if let Some(counters) = self.counters.interfaces.get_mut(interface as usize) {
            counters.duplicates += 1;
        }
    }

    fn count_policy(&mut self, interface: u32) {
        self.counters.policy += 1;
        if let Some(counters) = self.counters.interfaces.get_mut(interface as usize) {
            counters.policy += 1;
        }
    }
}

/// How many packets on the wire a packet stands for.
#[inline]
fn segments(headers: &Headers, segment_payload_bytes: u16) -> u32 {
    if segment_payload_bytes == 0 {
        return 1;
    }
    headers.payload_bytes.div_ceil(segment_payload_bytes.into()).max(1)
}
