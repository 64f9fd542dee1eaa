//! What a tape's log says about the range of a question.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use packet::Timestamp;

use super::outside::{Reasons, Sessions};
use super::view::View;
use super::{Coverage, Damage, Expired, Gap, Query, absent};
use crate::format::chain::{Event, Eviction};
use crate::format::names;
use crate::{Error, Lane};

/// What an answer is made of, and so what of the tape must be there for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// The packets of all lanes.
    Packets,
    /// The packets of all lanes, and rows of flows to choose them by.
    PacketsByRows,
    /// Rows of flows; where packets must decide, the undecided are counted.
    Rows,
}

/// What the tape's log, its listing and its heartbeat say about the range of a question.
pub(super) fn coverage(view: &mut View, query: &Query, needs: Needs) -> Result<Coverage, Error> {
    let mut coverage = Coverage::default();
    let mut evicted = Evicted::default();
    let (mut sessions, mut aged) = (Sessions::default(), Vec::new());
    let mut stopped = false;
    let (from, to) = query.range();
    let overlaps = |since: Timestamp, until: Timestamp| {
        from.is_none_or(|start| until >= start) && to.is_none_or(|end| since < end)
    };
    view.tape.chain(|line| {
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
    evicted.is_whole = sessions.all_stopped() && stopped;
    let heartbeat = view.tape.heartbeat();
    coverage.recording = heartbeat.as_ref().is_some_and(|heartbeat| heartbeat.is_fresh) && !stopped;
    if let Some(failing) = heartbeat.as_ref().and_then(|heartbeat| heartbeat.failing.clone()).filter(|_| !stopped) {
        let to = heartbeat.as_ref().map_or(failing.since, |heartbeat| heartbeat.time);
        if overlaps(failing.since, to) {
            coverage.gaps.push(Gap { from: failing.since, to, reason: failing.reason });
        }
    }
    let last_sign = heartbeat.map(|heartbeat| heartbeat.recorded_until(coverage.recording));
    // Without a start or an end the question is about what there is.
    if from.is_some() || to.is_some() {
        let mut extent = sessions.extent(view, last_sign)?;
        aged.into_iter().for_each(|from| extent.add(from));
        extent.add_gaps(&mut coverage, (from, to), &OUTSIDE);
    }
    if needs != Needs::Rows {
        coverage.expired = expired(view, query, &evicted)?;
    }
    if needs != Needs::Packets {
        coverage.expired.extend(expired_rows(view, &evicted));
    }
    if !sessions.is_any() {
        absent::add_log(&mut coverage, view);
    }
    absent::add_segments(&mut coverage, view, &evicted);
    if needs != Needs::Packets {
        absent::add_flow_files(&mut coverage, view, &evicted);
    }
    Ok(coverage)
}

/// Files of the tape in `directory` that must be there and are not.
pub(crate) fn missing_files(directory: &Path) -> Result<Vec<Damage>, Error> {
    let mut view = View::open(directory)?;
    let (mut coverage, mut evicted, mut sessions) = (Coverage::default(), Evicted::default(), Sessions::default());
    let mut stopped = false;
    view.tape.chain(|line| {
        sessions.add(&line);
        stopped = matches!(line.event, Event::Stop { .. });
        if let Event::Evict(eviction) = line.event {
            evicted.add(&eviction, false);
        }
    })?;
    evicted.is_whole = sessions.all_stopped() && stopped;
    if !sessions.is_any() {
        absent::add_log(&mut coverage, &view);
    }
    absent::add_segments(&mut coverage, &view, &evicted);
    absent::add_flow_files(&mut coverage, &view, &evicted);
    Ok(coverage.damaged)
}

/// What the log says of ageing, by lane, or `flows`.
#[derive(Default)]
pub(super) struct Evicted {
    /// The last number that has gone.
    last: BTreeMap<String, u64>,
    /// Whose packets were of times that are asked for.
    in_range: BTreeSet<String>,
    /// Every recorder stopped in an orderly way: the log has all of it.
    is_whole: bool,
}

impl Evicted {
    fn add(&mut self, eviction: &Eviction, overlaps: bool) {
        let last = self.last.entry(eviction.lane.clone()).or_default();
        *last = (*last).max(eviction.last);
        if overlaps {
            self.in_range.insert(eviction.lane.clone());
        }
    }

    /// Whether numbers before `first` are gone without a word in the log, as those of a recorder's last second can be.
    fn is_silent_before(&self, lane: &str, first: u64) -> bool {
        !self.is_whole && first > self.last_gone(lane) + 1
    }

    /// The last number that ageing has taken.
    fn last_gone(&self, lane: &str) -> u64 {
        self.last.get(lane).copied().unwrap_or(0)
    }

    /// The first number that must be there, if `first` is the first that is.
    pub(super) fn first_expected(&self, lane: &str, first: Option<u64>) -> u64 {
        match first {
            Some(first) if !self.is_whole => first,
            _ => self.last_gone(lane) + 1,
        }
    }
}

/// The reason of a gap before anything was recorded.
pub(crate) const BEFORE_THE_TAPE: &str = "before the tape began";
const OUTSIDE: Reasons = Reasons { before: BEFORE_THE_TAPE, behind: "no recorder was at work" };

fn expired_rows(view: &View, evicted: &Evicted) -> Option<Expired> {
    let first = view.catalog.files().first();
    let silent = evicted.is_silent_before(names::FLOWS, first.map_or(0, |name| name.number));
    let gone = evicted.in_range.contains(names::FLOWS) || silent;
    gone.then(|| Expired { lane: None, oldest: first.map(|name| name.time) })
}

fn expired(view: &mut View, query: &Query, evicted: &Evicted) -> Result<Vec<Expired>, Error> {
    let mut expired = Vec::new();
    for lane in Lane::ALL {
        let first = view.listing.segments(lane).first().map_or(0, |name| name.number);
        let silent = evicted.is_silent_before(lane.name(), first);
        if !silent && !evicted.in_range.contains(lane.name()) {
            continue;
        }
        let frames = view.listing.oldest(&mut view.tape, lane)?;
        let oldest = frames.iter().filter(|frame| frame.packets > 0).map(|frame| frame.times.0).min();
        let reaches_back = query.range().0.is_none_or(|from| oldest.is_none_or(|oldest| from < oldest));
        if reaches_back || evicted.in_range.contains(lane.name()) {
            expired.push(Expired { lane: Some(lane), oldest });
        }
    }
    Ok(expired)
}

/// Adds what was noticed while the answer was made.
pub(super) fn add_notes(coverage: &mut Coverage, view: &mut View) {
    coverage.explanation = std::mem::take(&mut view.stages).explanation;
    coverage.beyond_heads += view.beyond_heads;
    let tape = &mut view.tape;
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
