//! Dividing what room a lane has among who wants more than usual. Of an unusual service those conversations are judged
//! that open as they do not usually.

use std::f64::consts::LN_2;

use super::pace::PACE;
use super::paced::PacedLane;
use super::room::{Wants, even_share};
use super::services::{Kind, SERVICES, UNSURE};
use crate::opening::OPENINGS;

/// What may come between two divisions, as a part of the burst allowance, and at least.
const DIVISION_PART: f64 = 64.0;
const DIVISION_BYTES_MIN: f64 = 1e5;
/// A service or source is unusual from so many times its usual on. Of sources less is borne, down to the pace, while the
/// last part of the burst allowance is used up; of services while three times as much again is.
const UNUSUAL: f64 = 2.5;
const LAST_PART: f64 = 1.0 / 8.0;
const RESERVE_PART: f64 = 3.0;
/// So much of what is left of the burst allowance above a part of it may be used, by what is sure and by what is not. The
/// rest is for what is as usual, while that grows.
const USED_PART: f64 = 1.0 / 4.0;
const SURE_ABOVE_PART: f64 = 1.0 / 2.0;
const UNSURE_ABOVE_PART: f64 = 5.0 / 8.0;
/// A debt of this part of the burst allowance takes all room of who is unusual; one beyond the reserve takes what is usual
/// too, little by little over another part.
const DEBT_PART: f64 = 1.0 / 32.0;

impl PacedLane {
    /// Bytes that may come until the room is divided again.
    pub(super) fn division_bytes(&self) -> f64 {
        (self.pace.burst() / DIVISION_PART).max(DIVISION_BYTES_MIN)
    }

    /// Divides the room: evenly among what is unusual, then in each among sources, the lightest first.
    pub(super) fn divide(&mut self) {
        (self.divided, self.is_cutting) = (self.pace.now, false);
        if !self.pace.is_judged {
            return;
        }
        let left = self.pace.left_part();
        let usual = (1.0 + (left + RESERVE_PART) / LAST_PART).clamp(0.0, 1.0);
        let times = |part: f64| usual * (PACE + (UNUSUAL - PACE) * part.clamp(0.0, 1.0));
        let service_times = times(1.0 + left / RESERVE_PART);
        self.times = times(left / LAST_PART);
        let solvency = (1.0 + left / DEBT_PART).clamp(0.0, 1.0);
        let shares = self.shares((usual * PACE, service_times), left, solvency);
        let mut sources: Vec<Option<Box<(Wants, f64, f64)>>> = vec![None; SERVICES * OPENINGS];
        for ((number, service), sources) in self.services.all.iter_mut().enumerate().zip(sources.chunks_mut(OPENINGS)) {
            let share = shares[usize::from(number >= UNSURE)];
            let of_service = left.clamp(0.0, 1.0) * service.usually();
            for (kind, sources) in service.kinds.iter_mut().zip(sources) {
                let wanted = kind.recent - usual * PACE * kind.usually();
                kind.bearable = f64::INFINITY;
                if kind.is_unusual(service_times, of_service) && wanted > share {
                    let mut wants = Wants::default();
                    wants.add(kind.strangers);
                    let room = share + kind.recent - wanted;
                    // Many that are light for a moment, one after the other, are more than there is room for.
                    let unspent = (2.0 - 2.0 * kind.kept / room.max(1.0)).clamp(0.0, 1.0);
                    *sources = Some(Box::new((wants, room, solvency * unspent)));
                }
            }
        }
        for account in self.prefixes.iter() {
            if let Some(Some(sources)) = sources.get_mut(usize::from(account.service)) {
                let (wants, room, _) = sources.as_mut();
                let excess = account.excess(self.times).max(0.0);
                *room -= account.recent - excess;
                wants.add(excess);
            }
        }
        let kinds = self.services.all.iter_mut().flat_map(|service| &mut service.kinds);
        for (kind, sources) in kinds.zip(sources) {
            if let Some(sources) = sources {
                let (wants, room, part) = *sources;
                let most = if part > 0.0 { f64::INFINITY } else { 0.0 };
                kind.bearable = wants.lightest(part * room.max(0.0)).min(most);
                self.is_cutting = true;
            }
        }
    }

    /// How far above so many times its usual an unusual kind may be, if it is a sure one or not.
    fn shares(&self, (times, unusual): (f64, f64), left: f64, solvency: f64) -> [f64; 2] {
        let services = &self.services.all;
        let counted: f64 = services.iter().flat_map(|service| &service.kinds).map(Kind::usually).sum();
        // What the disk takes is what it usually takes for as much.
        let bytes = self.pace.usual.unwrap_or(0.0) * self.half_life() as f64 / LN_2;
        let counted_a_byte = if bytes > 0.0 && counted > 0.0 { counted / bytes } else { 1.0 };
        let allowance = |above: f64| USED_PART * (left - above).max(0.0) * self.pace.burst() * counted_a_byte;
        let mut wants = [Vec::new(), Vec::new()];
        let mut taken = 0.0;
        for (number, service) in services.iter().enumerate() {
            let of_service = left.clamp(0.0, 1.0) * service.usually();
            for kind in &service.kinds {
                // Who is as usual has what it wants, and who is not what is usual.
                let usually = times * kind.usually();
                if kind.is_unusual(unusual, of_service) {
                    taken += kind.recent.min(usually);
                    wants[usize::from(number >= UNSURE)].push(kind.recent - usually);
                } else {
                    taken += kind.recent;
                }
            }
        }
        let free = (counted - taken).max(0.0);
        let [sure, unsure] = &mut wants;
        [
            even_share(solvency * (free + allowance(SURE_ABOVE_PART)), sure),
            even_share(allowance(UNSURE_ABOVE_PART), unsure),
        ]
    }
}
