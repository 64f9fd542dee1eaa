//! Times that are asked for and that lie outside of what was recorded.

use packet::Timestamp;

use super::view::View;
use super::{Coverage, Gap};
use crate::format::chain::{Event, Line};
use crate::format::names::SegmentName;
use crate::read::wall_clock;
use crate::{Error, Lane};

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
    /// The last line was not that a recorder stopped.
    is_open: bool,
    /// Recorders that began when the one before had not said that it stopped.
    crashes: u32,
}

struct Session {
    /// It covers the times of its packets alone.
    is_import: bool,
    extent: Extent,
}

impl Sessions {
    pub(super) fn add(&mut self, line: &Line) {
        if let Event::Start { import, .. } = line.event {
            self.crashes += u32::from(std::mem::replace(&mut self.is_open, true));
            self.sessions.push(Session { is_import: import, extent: Extent::default() });
        }
        self.is_open &= !matches!(line.event, Event::Stop { .. });
        if let Some(session) = self.sessions.last_mut() {
            session.extent.add(line.time);
        }
    }

    /// True if the log knows of anybody who wrote the tape.
    pub(super) fn is_any(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// True if each recorder but the last stopped in an orderly way.
    pub(super) fn all_stopped(&self) -> bool {
        self.crashes == 0
    }

    /// What is recorded, with the last sign of a recorder. An import covers the times of its packets alone.
    pub(super) fn extent(&self, view: &mut View, last_sign: Option<Timestamp>) -> Result<Extent, Error> {
        let mut extent = Extent::default();
        let mut last_sign = last_sign;
        for session in self.sessions.iter().rev() {
            if !session.is_import {
                session.extent.range.iter().for_each(|(began, ended)| {
                    extent.add(*began);
                    extent.add(*ended);
                });
                last_sign.iter().for_each(|time| extent.add(*time));
            }
            last_sign = None;
        }
        add_packets(&mut extent, view)?;
        Ok(extent)
    }
}

/// Takes in the times of all packets: the catalog has them, and segments have what flow files do not count, or no longer.
fn add_packets(extent: &mut Extent, view: &mut View) -> Result<(), Error> {
    let mut is_whole = true;
    for file in 0..view.catalog.files().len() as u32 {
        match view.catalog.summary(file) {
            Some(summary) if summary.rows > 0 => {
                extent.add(summary.times.0);
                extent.add(summary.times.1);
            }
            Some(_) => {}
            None => is_whole = false,
        }
    }
    for lane in Lane::ALL {
        let segments: Vec<SegmentName> = view.listing.segments(lane).to_vec();
        segments.iter().for_each(|name| extent.add(name.time));
        let ends = [segments.first(), segments.last()];
        let looked_at =
            if is_whole { ends.into_iter().flatten().collect() } else { segments.iter().collect::<Vec<_>>() };
        for name in looked_at {
            if let Some(record) = view.listing.record(&view.tape, lane, name) {
                extent.add(record.times.0);
                extent.add(record.times.1);
                continue;
            }
            let frames = view.listing.frames(&mut view.tape, lane, name.number)?;
            for frame in frames.iter().filter(|frame| frame.packets > 0) {
                extent.add(frame.times.0);
                extent.add(frame.times.1);
            }
        }
    }
    Ok(())
}
