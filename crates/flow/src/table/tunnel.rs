//! Flows in tunnels: what filters see on the outside is known of each part.

use super::FlowTable;
use crate::entry::NONE;
use crate::path::Path;
use crate::waiting::WaitingPart;
use packet::{Address, Headers, Packet};

impl FlowTable {
    /// A flow that was plain so far may be seen in a tunnel too, on another interface, and one in a tunnel between others.
    /// It has a part for each of these.
    pub(super) fn note_tunnel(&mut self, slot: u32, packet: &Packet<'_>, headers: &Headers) {
        let entry = &self.entries[slot as usize];
        let path = *self.paths.path(entry.path);
        let outer = headers.outer_addresses(packet.data);
        if path.tunnel.is_some() && path.outer == outer {
            return;
        }
        if path.tunnel.is_some() && entry.part != NONE {
            return self.change_part(slot, path, outer);
        }
        let number = self.paths.take(Path { tunnel: path.tunnel.or(headers.tunnel), outer, ..path });
        self.paths.release(std::mem::replace(&mut self.entries[slot as usize].path, number));
    }

    /// Goes on with a flow's part in tunnels between these hosts. Beyond what parts it may have, it is one that does not say
    /// between which.
    fn change_part(&mut self, slot: u32, path: Path, outer: Option<[Address; 2]>) {
        if self.resume(slot, outer) {
            return;
        }
        let may_begin = self.period.ended_count() < 2 * self.parts_max && self.waiting.begin(slot);
        let number = self.paths.take(Path { outer: outer.filter(|_| may_begin), ..path });
        // Of too many paths none says more.
        let outer = self.paths.path(number).outer;
        if outer.is_none() && (path.outer.is_none() || self.resume(slot, None)) {
            return self.paths.release(number);
        }
        while let Some(oldest) = self.waiting.make_room(slot) {
            self.end_waiting_part(slot, oldest);
        }
        let entry = &mut self.entries[slot as usize];
        if self.waiting.has_room(slot) {
            let mut current =
                WaitingPart { path: number, part: NONE, frame: NONE, lanes: 0, tally: Default::default() };
            entry.exchange(&mut current);
            return self.waiting.push(slot, current);
        }
        self.end_part(slot, None);
        let entry = &mut self.entries[slot as usize];
        entry.part = NONE;
        self.paths.release(std::mem::replace(&mut entry.path, number));
    }

    /// Goes on with a part that waits; false if none is between these hosts.
    fn resume(&mut self, slot: u32, outer: Option<[Address; 2]>) -> bool {
        let paths = &self.paths;
        let Some(mut part) = self.waiting.take(slot, |part| paths.path(part.path).outer == outer) else { return false };
        self.entries[slot as usize].exchange(&mut part);
        self.waiting.push(slot, part);
        true
    }

    /// Hands the parts of a flow that wait to the period.
    pub(super) fn end_waiting(&mut self, slot: u32) {
        for part in self.waiting.take_all(slot) {
            self.end_waiting_part(slot, part);
        }
    }

    fn end_waiting_part(&mut self, slot: u32, mut part: WaitingPart) {
        self.entries[slot as usize].exchange(&mut part);
        self.end_part(slot, None);
        self.entries[slot as usize].exchange(&mut part);
        self.paths.release(part.path);
    }
}
