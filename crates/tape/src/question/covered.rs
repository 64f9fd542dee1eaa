//! What a tape's log says about the range of a question.

use std::collections::{BTreeMap, BTreeSet};

use packet::Timestamp;

use super::outside::{Reasons, Sessions};
use super::{Coverage, Damage, Expired, Gap, Query};
use crate::format::chain::{Event, Eviction};
use crate::format::names;
use crate::read::{Frame, Tape};
use crate::{Error, Lane};

/// What an answer is made of, and so what of the tape must be there for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// The packets of all lanes.
    Packets,
    /// Rows of flows; where packets must decide, the undecided are counted.
    Rows,
}

/// What the tape's log, its frames and its heartbeat say about the range of a question.
pub(super) fn coverage(tape: &mut Tape, query: &Query, frames: &[Frame], needs: Needs) -> Result<Coverage, Error> {
    let mut coverage = Coverage::default();
    let mut evicted = Evicted::default();
    let (mut sessions, mut aged) = (Sessions::default(), Vec::new());
    let mut stopped = false;
    let (from, to) = query.range();
    let overlaps = |since: Timestamp, until: Timestamp| {
        from.is_none_or(|start| until >= start) && to.is_none_or(|end| since < end)
    };
    tape.chain(|line| {
        sessions.add(&line);
        stopped = matches!(line.event, Event::Stop { .. });
        match line.event {
            Event::Gap { from, to, reason } if overlaps(from, to) => coverage.gaps.push(Gap { from, to, reason }),
            Event::Loss(loss) if overlaps(loss.from, loss.to) => coverage.losses.push(loss),
            Event::Evict(eviction) => {
                evicted.add(&eviction, overlaps(eviction.from, eviction.to));
                aged.push(eviction.from);
            }
            _ => {}
        }
    })?;
    let heartbeat = tape.heartbeat();
    coverage.recording = heartbeat.as_ref().is_some_and(|heartbeat| heartbeat.is_fresh) && !stopped;
    let mut extent = sessions.extent(frames, heartbeat.map(|heartbeat| heartbeat.time));
    aged.into_iter().for_each(|from| extent.add(from));
    extent.add_gaps(&mut coverage, (from, to), &OUTSIDE);
    coverage.expired = expired(tape, query, frames, &evicted, needs)?;
    add_holes(&mut coverage, tape)?;
    Ok(coverage)
}

/// What the log says of ageing, by lane, or `flows`.
#[derive(Default)]
struct Evicted {
    /// The last number that has gone.
    last: BTreeMap<String, u64>,
    /// Whose packets were of times that are asked for.
    in_range: BTreeSet<String>,
}

impl Evicted {
    fn add(&mut self, eviction: &Eviction, overlaps: bool) {
        let last = self.last.entry(eviction.lane.clone()).or_default();
        *last = (*last).max(eviction.last);
        if overlaps {
            self.in_range.insert(eviction.lane.clone());
        }
    }

    /// Whether numbers before `first` are gone without a word in the log, as those of the last minutes can be.
    fn is_silent_before(&self, lane: &str, first: u64) -> bool {
        first > self.last.get(lane).copied().unwrap_or(0) + 1
    }
}

/// Segments that are missing between others.
fn add_holes(coverage: &mut Coverage, tape: &mut Tape) -> Result<(), Error> {
    for lane in Lane::ALL {
        let names = tape.segment_names(lane)?;
        for (before, after) in names.iter().zip(names.iter().skip(1)) {
            if before.number + 1 < after.number {
                let path = tape.directory().join(before.path(lane));
                let what = format!("{} segments behind it are missing", after.number - before.number - 1);
                coverage.damaged.push(Damage { path, what });
            }
        }
    }
    Ok(())
}

const OUTSIDE: Reasons = Reasons { before: "before the tape began", behind: "no recorder was at work" };

fn expired(
    tape: &mut Tape,
    query: &Query,
    frames: &[Frame],
    evicted: &Evicted,
    needs: Needs,
) -> Result<Vec<Expired>, Error> {
    let mut expired = Vec::new();
    if needs == Needs::Rows {
        let first = tape.flow_files()?.first().map_or(0, |name| name.number);
        if evicted.in_range.contains(names::FLOWS) || evicted.is_silent_before(names::FLOWS, first) {
            expired.push(Expired { lane: None, oldest: tape.flow_files()?.first().map(|name| name.time) });
        }
        return Ok(expired);
    }
    for lane in Lane::ALL {
        let of_lane = frames.iter().filter(|frame| frame.lane == lane && frame.packets > 0);
        let oldest = of_lane.map(|frame| frame.times.0).min();
        let first = tape.segment_names(lane)?.first().map_or(0, |name| name.number);
        let reaches_back = query.range().0.is_none_or(|from| oldest.is_none_or(|oldest| from < oldest));
        let silent = reaches_back && evicted.is_silent_before(lane.name(), first);
        if silent || evicted.in_range.contains(lane.name()) {
            expired.push(Expired { lane: Some(lane), oldest });
        }
    }
    Ok(expired)
}

/// Adds what was noticed while the answer was made.
pub(super) fn add_notes(coverage: &mut Coverage, tape: &mut Tape) {
    coverage.damaged.append(&mut tape.notes.damaged);
    if tape.notes.flows_evicted && !coverage.expired.iter().any(|expired| expired.lane.is_none()) {
        coverage.expired.push(Expired { lane: None, oldest: None });
    }
    for lane in std::mem::take(&mut tape.notes.evicted) {
        if !coverage.expired.iter().any(|expired| expired.lane == Some(lane)) {
            coverage.expired.push(Expired { lane: Some(lane), oldest: None });
        }
    }
}
