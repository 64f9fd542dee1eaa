//! How fast a lane may fill.

use std::collections::VecDeque;

use super::LaneFill;

/// A lane may fill by so much faster than usual.
pub(super) const PACE: f64 = 1.25;
/// What a lane may fill with at once, as a part of what it holds.
const BURST_PART: f64 = 1.0 / 8.0;
/// The parts of it below which judging begins, and above which it ends.
const SCARCE_PART: f64 = 3.0 / 4.0;
const ENOUGH_PART: f64 = 1.0;
/// A lane that reaches back less than this cannot be filled unusually: who could tell.
const REACH_NS_MIN: i64 = 30_000_000_000;
/// Marks that a lane's content is measured by.
const MARKS: f64 = 64.0;
const MARKS_MAX: usize = 160;
const DAY_NS: i64 = 86_400_000_000_000;
/// Days of which the busiest counts.
const DAYS: usize = 7;

/// How fast a lane fills, and may.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pace {
    /// Bytes that have gone into it, as far as its disk is concerned.
    pub(super) total: f64,
    /// When how much had gone into it.
    pub(super) marks: VecDeque<(i64, f64)>,
    /// Bytes a nanosecond that it usually fills at, once that is known.
    pub(super) usual: Option<f64>,
    /// The greatest that was measured on each of the last days, and the day of the newest.
    pub(super) days: [f64; DAYS],
    pub(super) day: i64,
    /// When the usual is measured anew.
    pub(super) measure_at: i64,
    /// What is left of the burst allowance; less than nothing is debt.
    pub(super) left: f64,
    pub(super) is_judged: bool,
    /// What the tape said last.
    pub(super) fill: LaneFill,
    pub(super) now: i64,
    /// How far the lane reached back then.
    pub(super) reach: i64,
    /// Bytes handed to the tape since then.
    pub(super) pending: f64,
}

impl Pace {
    /// Takes in what the tape says.
    pub(super) fn tick(&mut self, now: i64, fill: LaneFill) {
        let is_first = self.marks.is_empty();
        // The tape counts from its opening on.
        let since = fill.filled_bytes.cast_signed().wrapping_sub(self.fill.filled_bytes.cast_signed());
        let filled = if is_first || since < -(64 << 20) { 0.0 } else { since as f64 };
        let passed = (now - self.now).max(0) as f64;
        (self.now, self.fill, self.pending) = (now, fill, 0.0);
        if is_first {
            self.total = fill.held_bytes as f64;
            self.marks.push_back((now.saturating_sub_unsigned(fill.reach_ns), 0.0));
        }
        self.total += filled;
        self.mark(now);
        self.reach = self.reach_ns();
        self.measure(now, self.reach);
        let Some(usual) = self.usual else { return };
        self.left = (self.left + PACE * usual * passed - filled).min(self.burst());
        if !fill.is_at_share {
            self.left = self.left.max(0.0);
        }
        self.judge();
    }

    /// Judging begins when a quarter of the burst allowance is used up, and ends when all of it has come back.
    pub(super) fn judge(&mut self) {
        let part = if self.is_judged { ENOUGH_PART } else { SCARCE_PART };
        self.is_judged = self.usual.is_some()
            && self.fill.is_at_share
            && self.reach >= REACH_NS_MIN
            && self.left() < part * self.burst();
    }

    /// What is left of the burst allowance, what has not reached the tape counted too.
    pub(super) fn left(&self) -> f64 {
        self.left - self.pending
    }

    /// What the lane may fill with at once.
    pub(super) fn burst(&self) -> f64 {
        self.fill.held_bytes.max(self.fill.share_bytes / 2) as f64 * BURST_PART
    }

    /// Bytes a second that the lane may fill with.
    pub(super) fn bytes_a_second(&self) -> Option<f64> {
        self.usual.map(|usual| PACE * usual * 1e9)
    }

    /// What is left, as a part of the burst allowance.
    pub(super) fn left_part(&self) -> f64 {
        self.left() / self.burst().max(1.0)
    }

    /// The time between what the lane holds that is oldest and now.
    fn reach_ns(&self) -> i64 {
        let oldest = self.total - self.fill.held_bytes as f64;
        (self.now - self.time_of(oldest)).max(1)
    }

    /// When so much had gone into the lane.
    fn time_of(&self, total: f64) -> i64 {
        let after = self.marks.iter().position(|(_, there)| *there >= total);
        let newest = (self.now, self.total);
        let (later, earlier) = match after {
            Some(0) => return self.marks.front().map_or(self.now, |mark| mark.0),
            Some(place) => (self.marks.get(place).copied().unwrap_or(newest), self.marks.get(place - 1)),
            None => (newest, self.marks.back()),
        };
        let Some((time, there)) = earlier.copied() else { return self.now };
        let part = (total - there) / (later.1 - there).max(1.0);
        time + ((later.0 - time) as f64 * part.clamp(0.0, 1.0)) as i64
    }

    /// How much had gone into the lane at a time.
    fn total_at(&self, time: i64) -> f64 {
        let newest = (self.now, self.total);
        let after = self.marks.iter().position(|(there, _)| *there >= time);
        let (later, earlier) = match after {
            Some(0) => return self.marks.front().map_or(0.0, |mark| mark.1),
            Some(place) => (self.marks.get(place).copied().unwrap_or(newest), self.marks.get(place - 1)),
            None => (newest, self.marks.back()),
        };
        let Some((there, total)) = earlier.copied() else { return self.total };
        let part = (time - there) as f64 / (later.0 - there).max(1) as f64;
        total + (later.1 - total) * part.clamp(0.0, 1.0)
    }

    fn mark(&mut self, now: i64) {
        let held = self.fill.held_bytes.max(self.fill.share_bytes / 8).max(1) as f64;
        let newest = self.marks.back().map_or(0.0, |mark| mark.1);
        if self.total - newest >= held / MARKS {
            self.marks.push_back((now, self.total));
        }
        // One mark before the oldest that is held is enough.
        let oldest = self.total - self.fill.held_bytes as f64;
        while self.marks.get(1).is_some_and(|mark| mark.1 <= oldest) || self.marks.len() > MARKS_MAX {
            self.marks.pop_front();
        }
    }

    /// What the lane usually fills at: measured when it first has its share, and then once in each reach, without the
    /// newest quarter of it. It grows by no more than the pace allowed.
    fn measure(&mut self, now: i64, reach: i64) {
        // What comes in a flood is not usual, unless it goes on for longer than what was before it.
        let due = self.measure_at.saturating_add(if self.is_judged { reach } else { 0 });
        if !self.fill.is_at_share || (self.usual.is_some() && now < due) {
            return;
        }
        self.measure_at = now.saturating_add(reach);
        // The newest quarter can be a flood already, and does not count.
        let newest = self.total - self.total_at(now - reach / 4);
        let rest = (self.fill.held_bytes as f64 - newest).max(0.0);
        let mean = rest / (0.75 * reach as f64);
        let Some(usual) = self.usual else {
            let usual = mean.max(self.fill.held_bytes as f64 / reach as f64 / 16.0);
            self.left = (self.burst() - (newest - PACE * usual * (reach / 4) as f64)).clamp(0.0, self.burst());
            self.usual = Some(usual);
            return self.remember(now, usual);
        };
        let measured = mean.min(PACE * usual);
        self.remember(now, measured);
        // Where a reach is less than a week, the busiest of it is usual: nights do not make days look like floods.
        let busiest = if reach < DAYS as i64 * DAY_NS { self.days.iter().copied().fold(0.0, f64::max) } else { 0.0 };
        self.usual = Some(measured.max(busiest));
    }

    fn remember(&mut self, now: i64, measured: f64) {
        let day = now.div_euclid(DAY_NS);
        for passed in (self.day + 1).max(day - DAYS as i64 + 1)..=day {
            if let Some(slot) = self.days.get_mut(passed.rem_euclid(DAYS as i64) as usize) {
                *slot = 0.0;
            }
        }
        self.day = day;
        if let Some(slot) = self.days.get_mut(day.rem_euclid(DAYS as i64) as usize) {
            *slot = slot.max(measured);
        }
    }
}
