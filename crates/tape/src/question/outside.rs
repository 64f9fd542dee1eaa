//! Times that are asked for and that lie outside of what was recorded.

use packet::Timestamp;

use super::{Coverage, Gap};
use crate::format::chain::{Event, Line};
use crate::read::{Frame, wall_clock};

/// From when on packets were recorded, and up to when.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    range: Option<(Timestamp, Timestamp)>,
}

/// What the time before and behind an extent is called.
pub(super) struct Reasons {
    pub(super) before: &'static str,
    pub(super) behind: &'static str,
}

impl Extent {
    /// Takes in a time of recording.
    pub(super) fn add(&mut self, time: Timestamp) {
        let (began, ended) = self.range.unwrap_or((time, time));
        self.range = Some((began.min(time), ended.max(time)));
    }

    /// Adds the asked-for times outside of it to `coverage`.
    ///
    /// Without a start or an end the question is about what there is, unless there can be nothing at all.
    pub(super) fn add_gaps(
        &self,
        coverage: &mut Coverage,
        (from, to): (Option<Timestamp>, Option<Timestamp>),
        reasons: &Reasons,
    ) {
        let Some((began, ended)) = self.range else { return };
        if from.is_some_and(|from| from < began) || to.is_some_and(|to| to <= began) {
            let (from, to) = (from.unwrap_or(Timestamp::MIN), to.map_or(began, |to| to.min(began)));
            coverage.gaps.push(Gap { from, to, reason: reasons.before.into() });
        }
        let now = wall_clock();
        let end = to.unwrap_or(now).min(now);
        // The end of a range is not in it.
        let asks_behind = to.is_some() && end.since(ended) > 1;
        if !coverage.recording && (asks_behind || from.is_some_and(|from| from > ended)) {
            let from = from.map_or(ended, |from| from.max(ended));
            coverage.gaps.push(Gap { from, to: end.max(from), reason: reasons.behind.into() });
        }
    }
}

/// The times at which recorders were at work, by the log.
#[derive(Default)]
pub(super) struct Sessions {
    sessions: Vec<Session>,
}

struct Session {
    start: Timestamp,
    first_arrival: u64,
    extent: Extent,
}

/// Packets that are older than the start of what recorded them by more than this were imported.
const CLOCK_STEP_NS: i64 = 60_000_000_000;

impl Sessions {
    pub(super) fn add(&mut self, line: &Line) {
        if let Event::Start { next_arrival, .. } = line.event {
            self.sessions.push(Session { start: line.time, first_arrival: next_arrival, extent: Extent::default() });
        }
        if let Some(session) = self.sessions.last_mut() {
            session.extent.add(line.time);
        }
    }

    /// What is recorded, with the last sign of a recorder. An import covers the times of its packets alone.
    pub(super) fn extent(&self, frames: &[Frame], last_sign: Option<Timestamp>) -> Extent {
        let mut extent = Extent::default();
        let mut until = u64::MAX;
        let mut last_sign = last_sign;
        for session in self.sessions.iter().rev() {
            if !session.is_import(frames, until) {
                session.extent.range.iter().for_each(|(began, ended)| {
                    extent.add(*began);
                    extent.add(*ended);
                });
                last_sign.iter().for_each(|time| extent.add(*time));
            }
            last_sign = None;
            until = session.first_arrival;
        }
        for frame in frames.iter().filter(|frame| frame.packets > 0) {
            extent.add(frame.times.0);
            extent.add(frame.times.1);
        }
        extent
    }
}

impl Session {
    /// Whether all its packets, those before arrival number `until`, were there before it began.
    fn is_import(&self, frames: &[Frame], until: u64) -> bool {
        let of_session =
            |frame: &&Frame| frame.packets > 0 && frame.arrivals.0 < until && frame.arrivals.1 >= self.first_arrival;
        let newest = frames.iter().filter(of_session).map(|frame| frame.times.1).max();
        newest.is_some_and(|newest| self.start.since(newest) > CLOCK_STEP_NS)
    }
}
