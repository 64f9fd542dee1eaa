//! From the flow table's word on a packet to what is kept of it.

use flow::{FlowTable, Lane, Seen, Slot, Verdict};
use packet::{Headers, Packet};

use super::{Desk, DeskClock};
use crate::counters::Counters;
use crate::keeper::{Keeper, Note};

/// Headers of a packet are at most this long.
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
        if let Some(lane) = seen.release {
            self.release(seen.slot, if verdict == Verdict::Junk { Lane::Junk } else { lane });
        }
        match verdict {
            Verdict::Keep if lane == Lane::Bulk && self.overload.is_cutting() => {
                let cut = headers_of(packet, headers);
                self.overload.count((packet.data.len() - cut.data.len()) as u64);
                self.keep(seen.slot, lane, &cut);
            }
            Verdict::Keep => self.keep(seen.slot, lane, packet),
            Verdict::Headers => self.keep(seen.slot, lane, &headers_of(packet, headers)),
            Verdict::Junk => {
                if seen.used_bytes == 0 || seen.release.is_some() {
                    self.table.set_aside(seen.slot);
                }
                self.keep(seen.slot, Lane::Junk, packet);
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
        for ((lane, report), (_, before)) in reports.iter().zip(&before) {
            if report.is_judged != before.is_judged {
                let (above, packets, bytes) = (report.is_judged, before.packets_cut, before.bytes_cut);
                let (packets, bytes) = if above { (0, 0) } else { (packets, bytes) };
                self.keeper.note(Note::Pace { lane: *lane, above, packets, bytes });
            }
        }
        self.keeper.note_admission(&reports);
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

/// A packet cut down to its headers.
fn headers_of<'p>(packet: &Packet<'p>, headers: &Headers) -> Packet<'p> {
    let bytes = (packet.wire_bytes.saturating_sub(headers.payload_bytes) as usize).min(HEADERS_BYTES_MAX);
    Packet { data: packet.data.get(..bytes).unwrap_or(packet.data), ..*packet }
}
