//! From the flow table's word on a packet to what is kept of it.

use flow::{FlowTable, Lane, LaneReport, Seen, Slot, Verdict};
use packet::{Headers, Packet};

use super::{Desk, DeskClock};
use crate::counters::Counters;
use crate::cut::headers_of;
use crate::keeper::{Keeper, Note};
use crate::overload::Change;

/// Most bytes of a packet of which admission or overload leaves the headers.
const HEADERS_BYTES_MAX: usize = 192;

impl<K: Keeper> Desk<K> {
    /// Keeps a packet, or what admission leaves of it, after those that waited for it as proof.
    #[inline]
    pub(super) fn admit(&mut self, seen: &Seen, lane: Lane, packet: &Packet<'_>, headers: &Headers) {
        let kept_bytes = packet.data.len() as u32;
        let verdict = match self.clock {
            // What is imported stays.
            DeskClock::Packets => Verdict::Keep,
            _ => self.table.admission_mut().judge(lane, headers, seen, packet.wire_bytes, kept_bytes),
        };
        let released = seen.release.or(seen.opens.then_some(lane));
        if let Some(lane) = released.filter(|_| verdict != Verdict::Wait) {
            self.release(seen.slot, if verdict == Verdict::Junk { Lane::Junk } else { lane });
        }
        match verdict {
            Verdict::Keep if lane == Lane::Bulk && self.overload.is_cutting() => {
                let cut = headers_of(packet, headers, HEADERS_BYTES_MAX);
                self.overload.count((packet.data.len() - cut.data.len()) as u64);
                self.keep(seen.slot, lane, &cut);
            }
            Verdict::Keep => self.keep(seen.slot, lane, packet),
            Verdict::Headers => self.keep(seen.slot, lane, &headers_of(packet, headers, HEADERS_BYTES_MAX)),
            Verdict::Junk | Verdict::Wait => {
                if seen.used_bytes == 0 || seen.release.is_some() {
                    self.table.set_aside(seen.slot);
                }
                match verdict {
                    Verdict::Wait => self.park(seen.slot, packet),
                    _ => self.keep(seen.slot, Lane::Junk, packet),
                }
            }
        }
    }

    /// Shows admission what the lanes hold, and tells of those that begin or cease to fill too fast.
    pub(super) fn tick_admission(&mut self) {
        if self.clock == DeskClock::Packets {
            return;
        }
        let (now, fills) = (self.table.clock(), self.keeper.fills());
        let admission = self.table.admission_mut();
        let before = admission.reports();
        admission.tick(now, &fills);
        let reports = admission.reports();
        for ((lane, report), (_, LaneReport { packets_cut, bytes_cut, .. })) in reports.iter().zip(before) {
            let (lane, above, was_above) = (*lane, report.is_judged, self.above_pace.contains(lane));
            if above && !was_above {
                self.above_pace.push(lane);
                self.keeper.note(Note::Pace { lane, above, packets: 0, bytes: 0 });
            } else if !above && (was_above || packets_cut > 0) {
                self.above_pace.retain(|one| *one != lane);
                self.keeper.note(Note::Pace { lane, above, packets: packets_cut, bytes: bytes_cut });
            }
        }
        self.keeper.note_admission(&reports);
    }

    /// Tells of what is being cut as the recorder stops.
    pub(super) fn note_cuts(&mut self) {
        if let Some(change) = self.overload.end() {
            self.note_overload(change);
        }
        let reports = self.table.admission_mut().reports();
        for (lane, LaneReport { packets_cut: packets, bytes_cut: bytes, .. }) in reports {
            if packets > 0 {
                self.keeper.note(Note::Pace { lane, above: true, packets, bytes });
            }
        }
    }

    pub(super) fn note_overload(&mut self, change: Change) {
        let Change { is_cutting, packets, bytes } = change;
        self.keeper.note(Note::Overload { cutting: is_cutting, packets, bytes });
    }

    #[inline]
    fn keep(&mut self, slot: Slot, lane: Lane, packet: &Packet<'_>) {
        keep(&mut self.keeper, &mut self.table, &mut self.counters, slot, lane, packet);
    }

    pub(super) fn park(&mut self, slot: Slot, packet: &Packet<'_>) {
        let Self { keeper, table, parking, counters, now, .. } = self;
        parking.push(slot, packet, *now, |slot, packet| keep(keeper, table, counters, slot, Lane::Junk, packet));
    }

    pub(super) fn release(&mut self, slot: Slot, lane: Lane) {
        let Self { keeper, table, parking, counters, .. } = self;
        parking.release(slot, |slot, packet| keep(keeper, table, counters, slot, lane, packet));
    }
}

#[inline]
pub(super) fn keep<K: Keeper>(
    keeper: &mut K,
    table: &mut FlowTable,
    counters: &mut Counters,
    slot: Slot,
    lane: Lane,
    packet: &Packet<'_>,
) {
    let Some(frame) = keeper.append(lane, packet) else {
        counters.refused += 1;
        return;
    };
    table.placed(slot, lane, frame, packet.data.len() as u32);
    counters.kept += 1;
    if let Some(lane) = counters.lanes.get_mut(lane.number()) {
        lane.packets += 1;
        lane.bytes += packet.data.len() as u64;
    }
}
