//! Rows that flows share: of those that proved nothing, and of a flood of others, one for each source prefix, target, port
//! and minute, or for each target. Where ours began a flow, the other side is the destination.

use std::collections::HashMap;

use packet::{Address, FlowKey};

use crate::key::{KeyHasher, PackedKey};
use crate::ours::Direction;
use crate::part::{EndReason, FlowId, FlowPart};

/// What flows of one row have in common, or what they are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Group {
    key: FlowKey,
    direction: Direction,
    interface: u32,
    minute: i64,
}

/// Rows for all that is left, by target, when there may be no more of their own; beyond that one for everything.
const REST_MAX: usize = 32;
const MINUTE_NS: i64 = 60_000_000_000;
/// How many rows may come at once, as a part of a day's.
const BURST_PART: f64 = 16.0;
/// A row of a proven flow makes room for so much of one of junk.
const PER_PROVEN: f64 = 0.5;

/// Finds the row that a flow shares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    /// By what they have in common: the row's place among those that have ended.
    places: HashMap<Group, u32>,
    rest: usize,
}

/// How many rows junk may have.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Allowance {
    /// Rows a day; none share a row without it.
    pub(crate) a_day: Option<u32>,
    pub(crate) left: f64,
    /// The table's time at which it was filled last.
    pub(crate) filled: u64,
}

impl Allowance {
    pub(crate) fn new(a_day: Option<u32>) -> Self {
        Self { a_day, left: 0.0, filled: 0 }
    }

    /// Lets time pass.
    fn fill(&mut self, now: u64) {
        let a_day = f64::from(self.a_day.unwrap_or(0));
        let days = now.saturating_sub(self.filled) as f64 / 86_400e9;
        // A new tape can say what it meets first.
        let begins = self.filled == 0 && now < 1_000_000_000;
        self.left =
            if begins { a_day / BURST_PART } else { (self.left + days * a_day).min((a_day / BURST_PART).max(16.0)) };
        self.filled = now;
    }

    /// A proven flow has its row.
    pub(crate) fn add_proven(&mut self) {
        self.left += PER_PROVEN;
    }

    fn take(&mut self, now: u64) -> bool {
        self.fill(now);
        let is_left = self.left >= 1.0;
        self.left -= f64::from(u8::from(is_left));
        is_left
    }
}

/// Which row a part shares.
pub(crate) enum Share<'a> {
    /// That of its source, as long as there may be more of them; it proved nothing.
    Junk(&'a mut Allowance),
    /// That of its source.
    Source,
    /// That of what it was sent to, unless there is one of its source already.
    Service,
}

/// What becomes of a part that shares a row.
pub(crate) enum Shared {
    /// It has been added to the row at this place.
    Added(u32),
    /// It begins a row that others can share.
    Begins(Box<FlowPart>),
}

impl Sums {
    /// Adds a flow's part to the row that it shares; `next_place` is where a new one would be.
    pub(crate) fn add(
        &mut self,
        mut part: FlowPart,
        ended: &mut [FlowPart],
        (tape_id, now): (&[u8; 16], u64),
        share: Share,
    ) -> Shared {
        let next_place = ended.len() as u32;
        let common = Group::of(&part);
        let may_begin = || match share {
            Share::Junk(allowance) => allowance.take(now),
            Share::Source => true,
            Share::Service => false,
        };
        let common = if self.places.contains_key(&common) {
            common
        } else if may_begin() {
            self.places.insert(common, next_place);
            // The same in all periods of the minute.
            part.flow_id = FlowId::new(tape_id, &common.key, common.minute.cast_unsigned());
            return Shared::Begins(Box::new(part));
        } else {
            let of_service = common.of_service();
            let common =
                if self.places.contains_key(&of_service) || self.rest < REST_MAX { of_service } else { Group::ANY };
            if !self.places.contains_key(&common) {
                self.rest += 1;
                self.places.insert(common, next_place);
                part.flow_id = FlowId::new(tape_id, &common.key, u64::MAX - common.minute.cast_unsigned());
                widen(&mut part, &common.key);
                return Shared::Begins(Box::new(part));
            }
            common
        };
        let place = self.places.get(&common).copied().unwrap_or(0);
        if let Some(row) = ended.get_mut(place as usize) {
            sum(row, &part, &common.key);
        }
        Shared::Added(place)
    }
}

impl Group {
    /// Everything.
    const ANY: Self = Self {
        key: FlowKey {
            src: Address([0; 16]),
            dest: Address([0; 16]),
            src_port: 0,
            dest_port: 0,
            proto: 0,
            ip_version: 0,
            one_way: false,
        },
        direction: Direction::External,
        interface: 0,
        minute: 0,
    };

    fn of(part: &FlowPart) -> Self {
        let (mut key, direction) = (FlowKey { src_port: 0, ..part.key }, part.direction);
        if key.ip_version != 0 {
            let theirs = theirs(&mut key, direction);
            *theirs = prefix(*theirs);
        }
        Self { key, direction, interface: part.in_iface, minute: part.first.nanoseconds().div_euclid(MINUTE_NS) }
    }

    /// What a part's source and service are counted by. Addresses that a service has are no part of it: whoever sends can
    /// make them up. What nobody answers counts apart.
    pub(crate) fn counted(part: &FlowPart) -> [Self; 2] {
        let source = Self { minute: 0, ..Self::of(part) };
        let (src, dest) = (Address::default(), Address::default());
        let src_port = u16::from(part.pkts_toclient > 0);
        [source, Self { key: FlowKey { src, dest, src_port, ..source.key }, ..source }]
    }

    /// A keyed hash of it, without its minute.
    pub(crate) fn name(&self, hasher: &KeyHasher) -> u64 {
        let place = u64::from(self.interface) << 2 | self.direction as u64;
        let packed = PackedKey::of(&FlowKey { one_way: true, ..self.key }).0;
        hasher.hash(&packed) ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// What has to do with the same service, whoever the other side is, whenever.
    fn of_service(mut self) -> Self {
        if self.key.ip_version == 0 {
            (self.key.src, self.key.dest) = (Address::default(), Address::default());
        }
        let any = if self.key.dest.as_v4().is_some() { Address::v4([0; 4]) } else { Address::default() };
        *theirs(&mut self.key, self.direction) = any;
        Self { minute: 0, ..self }
    }
}

/// The end of a flow that is not ours, or began it.
fn theirs(key: &mut FlowKey, direction: Direction) -> &mut Address {
    if direction == Direction::Outbound { &mut key.dest } else { &mut key.src }
}

/// The /24 of an IPv4 address, the /48 of another.
fn prefix(address: Address) -> Address {
    let mut bytes = address.0;
    let kept = if address.as_v4().is_some() { 15 } else { 6 };
    bytes.iter_mut().skip(kept).for_each(|byte| *byte = 0);
    Address(bytes)
}

/// Adds a part to a row; what they do not have in common is widened.
fn sum(row: &mut FlowPart, part: &FlowPart, common: &FlowKey) {
    widen(row, common);
    row.start = row.start.min(part.start);
    row.first = row.first.min(part.first);
    row.end = row.end.max(part.end);
    row.first_arrival = row.first_arrival.min(part.first_arrival);
    row.last_arrival = row.last_arrival.max(part.last_arrival);
    row.pkts_toserver += part.pkts_toserver;
    row.pkts_toclient += part.pkts_toclient;
    row.bytes_toserver += part.bytes_toserver;
    row.bytes_toclient += part.bytes_toclient;
    row.wire_segments += part.wire_segments;
    row.captured_bytes += part.captured_bytes;
    row.tcp_flags_ts |= part.tcp_flags_ts;
    row.tcp_flags_tc |= part.tcp_flags_tc;
    row.lanes = row.lanes.union(part.lanes);
    row.proven |= part.proven;
    if row.src_mac != part.src_mac {
        row.src_mac = None;
    }
    if row.dest_mac != part.dest_mac {
        row.dest_mac = None;
    }
}

/// Makes a row one that flows share.
fn widen(row: &mut FlowPart, common: &FlowKey) {
    row.key = *common;
    row.is_plain = false;
    row.end_reason = Some(EndReason::Summed);
}
