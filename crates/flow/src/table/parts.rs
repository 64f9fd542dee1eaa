//! What a flow did in a period.

use super::{FlowTable, Slot};
use crate::entry::{Entry, Facts, NONE, Tally};
use crate::idle::Class;
use crate::lane::{Lane, LaneSet};
use crate::part::{EndReason, FlowPart};
use crate::path::Path;
use crate::row_pace::RowFill;
use crate::sums::Share;
use crate::tcp::ConnState;
use packet::{FlowKey, Packet, Timestamp};

impl FlowTable {
    /// Gives a flow a new part; the one it has, if any, is full.
    #[cold]
    pub(super) fn begin_part(&mut self, slot: u32, time: Timestamp, arrival: u64) {
        if self.entries[slot as usize].part != NONE {
            self.end_part(slot, None);
        }
        let part = self.period.begin_part();
        if self.has_row(slot) {
            self.period.begin_row();
            // Counted when it begins: with the period many end at once.
            self.row_pace.count();
        }
        let entry = &mut self.entries[slot as usize];
        entry.part = part;
        entry.frame = NONE;
        entry.facts.end_period();
        let first_arrival = u32::try_from(arrival).unwrap_or(u32::MAX);
        let (first, last) = (time.nanoseconds(), time.nanoseconds());
        entry.tally = Tally { first, last, first_arrival, last_arrival: first_arrival, ..Tally::default() };
    }

    /// Hands a flow's part to the period.
    pub(super) fn end_part(&mut self, slot: u32, reason: Option<EndReason>) {
        let number = self.entries[slot as usize].part;
        if number != NONE {
            let had_row = self.has_row(slot);
            if had_row {
                self.period.end_row();
            }
            let entry = &self.entries[slot as usize];
            let base = self.period.first_arrival.unwrap_or(0);
            let mut part = entry.to_part(self.paths.path(entry.path), base);
            part.end_reason = reason;
            let is_live = self.junk_rows.a_day.is_some();
            let share = if self.shares_row(slot) { Some(Share::Junk(&mut self.junk_rows)) } else { None };
            let share = share.or_else(|| is_live.then(|| self.row_pace.share(self.clock.nanoseconds, &part)).flatten());
            let begins = match share {
                Some(share) => {
                    let of = (&self.tape_id, self.clock.nanoseconds);
                    self.period.sum_part(number, part, of, share)
                }
                None => {
                    self.junk_rows.add_proven();
                    self.period.end_part(number, part);
                    true
                }
            };
            match (had_row, begins) {
                (true, false) => self.row_pace.take_back(),
                (false, true) => self.row_pace.count(),
                _ => {}
            }
        }
    }

    /// True if a flow has a row of its own, as far as can be said while it lasts.
    fn has_row(&self, slot: u32) -> bool {
        self.junk_rows.a_day.is_none() || self.entries[slot as usize].facts.has(Facts::PROVEN)
    }

    /// True if a flow has no row of its own: it proved nothing, or all of it was junk.
    fn shares_row(&self, slot: u32) -> bool {
        let facts = self.entries[slot as usize].facts;
        let only_junk = facts.has(Facts::SET_ASIDE) && facts.lanes() == LaneSet::from_iter([Lane::Junk]);
        self.junk_rows.a_day.is_some() && (!facts.has(Facts::PROVEN) || only_junk)
    }

    /// Hands the parts of flows that share rows to the period, whether they go on or not; while rows are judged, those of all.
    pub(super) fn sum_live(&mut self) {
        if self.junk_rows.a_day.is_none() {
            return;
        }
        for slot in 0..self.entries.len() as u32 {
            if self.entries[slot as usize].part == NONE {
                continue;
            }
            if self.row_pace.is_judged() || self.shares_row(slot) {
                self.end_part(slot, None);
                let entry = &mut self.entries[slot as usize];
                entry.part = NONE;
                entry.frame = NONE;
                entry.facts.end_period();
            }
        }
    }

    /// Brings on the time of rows, with what the tape says of them.
    pub fn note_rows(&mut self, fill: &RowFill) {
        self.row_pace.tick(self.clock.nanoseconds, fill);
    }

    /// Says that admission made a flow junk: it goes when room is needed, and has no row of its own unless more of it is
    /// kept.
    pub fn set_aside(&mut self, flow: Slot) {
        if let Some(entry) = self.entries.get_mut(flow.slot as usize).filter(|entry| entry.part == flow.part) {
            entry.facts.set(Facts::SET_ASIDE, true);
        }
    }
}

impl Entry {
    /// What it did in this period; `base` is the arrival number that its own count from.
    pub(super) fn to_part(&self, path: &Path, base: u64) -> FlowPart {
        let (tally, connection) = (&self.tally, &self.connection);
        let packets = tally.packets.map(u64::from);
        FlowPart {
            flow_id: self.flow_id,
            key: self.key_from_client(),
            start: Timestamp(self.start),
            first: Timestamp(tally.first),
            end: Timestamp(tally.last),
            first_arrival: base + u64::from(tally.first_arrival),
            last_arrival: base + u64::from(tally.last_arrival),
            pkts_toserver: packets[0],
            pkts_toclient: packets[1],
            bytes_toserver: u64::from(tally.bytes[0]),
            bytes_toclient: u64::from(tally.bytes[1]),
            wire_segments: packets[0] + packets[1] + u64::from(tally.extra_segments),
            captured_bytes: u64::from(tally.captured_bytes),
            tcp_flags_ts: connection.flags[0],
            tcp_flags_tc: connection.flags[1],
            conn_state: self.conn_state(),
            history: connection.history,
            start_seen: self.facts.has(Facts::START_SEEN),
            end_reason: match Class::of(self) {
                Class::Closed => Some(EndReason::Closed),
                Class::Reset => Some(EndReason::Reset),
                _ => None,
            },
            direction: self.facts.direction(),
            proven: self.facts.has(Facts::PROVEN),
            is_plain: self.facts.is_plain(),
            vlan: path.vlans.unpack(),
            tunnel: path.tunnel,
            outer: path.outer,
            in_iface: path.interface,
            src_mac: path.client_mac,
            dest_mac: path.server_mac,
            lanes: self.facts.lanes(),
            payload: None,
        }
    }

    pub(super) fn key_from_client(&self) -> FlowKey {
        let key = self.key.unpack();
        if self.facts.has(Facts::CLIENT_IS_LOW) { key } else { key.reversed() }
    }

    fn conn_state(&self) -> ConnState {
        match self.key.proto() {
            6 => self.connection.state(),
            17 | 136 => self.connection.datagram_state(),
            _ => ConnState::Oth,
        }
    }
}

impl Tally {
    /// True if a packet of `bytes` can be added without a sum that is too large.
    #[inline]
    pub(super) fn has_room(&self, bytes: u32) -> bool {
        let sum = u64::from(self.bytes[0]) + u64::from(self.bytes[1]) + u64::from(bytes);
        sum <= u64::from(u32::MAX) && self.packets[0].max(self.packets[1]) < u32::MAX
    }

    #[inline]
    pub(super) fn add(&mut self, packet: &Packet<'_>, from_client: bool, arrival: u64, wire_segments: u32) {
        let end = usize::from(!from_client);
        self.packets[end] += 1;
        self.bytes[end] += packet.wire_bytes;
        self.first = self.first.min(packet.time.nanoseconds());
        self.last = self.last.max(packet.time.nanoseconds());
        self.last_arrival = u32::try_from(arrival).unwrap_or(u32::MAX);
        self.extra_segments = self.extra_segments.saturating_add(wire_segments.saturating_sub(1));
    }
}
