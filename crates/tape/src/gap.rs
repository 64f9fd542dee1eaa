//! From when on nothing was recorded, by what the run before left.

use std::fs;

use packet::Timestamp;

use crate::Lane;
use crate::ageing::SHELVES;
use crate::chain::Ending;
use crate::clock::Moment;
use crate::format::chain::{Event, Eviction};
use crate::format::names;
use crate::heartbeat::Beat;
use crate::shared::Shared;

/// What runs before left word of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before {
    pub(crate) ending: Ending,
    pub(crate) beat: Option<Beat>,
    /// This run goes on with what was begun elsewhere.
    pub(crate) resumed: Option<Resumed>,
}

/// A run that goes on where its tape's directory was replaced by another.
#[derive(Clone, Debug)]
pub(crate) struct Resumed {
    /// Up to here it had recorded.
    pub(crate) since: Timestamp,
    /// Why it had to go elsewhere.
    pub(crate) reason: String,
}

/// The last run that recorded as packets came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LiveRun {
    pub(crate) started: Timestamp,
    pub(crate) boot_id: String,
    /// When it stopped cleanly.
    pub(crate) stopped: Option<Timestamp>,
}

/// What time this host was started by, as it were.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

impl Before {
    /// The last sign of life of any run.
    pub(crate) fn last_sign(&self) -> Option<Timestamp> {
        let signs = [self.beat.as_ref().map(|beat| beat.time), self.ending.known.then_some(self.ending.last.time)];
        signs.into_iter().flatten().max()
    }

    /// Up to when packets had reached the kernel, and stable storage.
    pub(crate) fn recorded_until(&self) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
        self.beat.as_ref().map(|beat| (beat.complete, beat.durable))
    }

    /// When recording ended, and how; `None` if there was none.
    fn end(&self) -> Option<(Timestamp, String)> {
        let live = self.ending.live.as_ref();
        if let Some(Resumed { since, reason }) = &self.resumed {
            let known = live.and_then(|live| self.last_recorded(live)).unwrap_or(*since);
            return Some((known.min(*since), reason.clone()));
        }
        let live = live?;
        match live.stopped {
            Some(stopped) => Some((stopped, "stopped".to_owned())),
            None => Some((self.last_recorded(live)?, "crash".to_owned())),
        }
    }

    /// Up to when what a run that did not stop has recorded is there. What the kernel had goes with the host, or with
    /// the file system.
    fn last_recorded(&self, live: &LiveRun) -> Option<Timestamp> {
        let is_kernel_same = live.boot_id == boot_id() && self.resumed.is_none();
        let beat = self.beat.as_ref();
        let until = beat.and_then(|beat| if is_kernel_same { beat.complete } else { beat.durable });
        Some(until.map_or(live.started, |until| until.max(live.started)))
    }

    /// Records the time in which nothing was recorded, and says until when.
    pub(crate) fn note(&self, shared: &Shared) -> Option<Timestamp> {
        let (from, reason) = self.end()?;
        let to = Moment::now().time.max(from);
        shared.note(Event::Gap { from, to, reason });
        Some(to)
    }
}

/// Records that nothing is known of the time before, as the log was missing: that of the packets that are there, and of
/// files that ageing took.
pub(crate) fn note_missing_log(shared: &Shared) {
    let oldest: Vec<_> = (0..SHELVES).filter_map(|shelf| Some((shelf, shared.room.oldest_file(shelf)?))).collect();
    let Some(first_time) = oldest.iter().map(|(_, (_, time))| *time).min() else { return };
    shared.problem(names::CHAIN, "the log was missing: gaps and losses before now are unknown".to_owned());
    for (shelf, (number, time)) in oldest.into_iter().filter(|(_, (number, _))| *number > 1) {
        shared.note(Event::Evict(Eviction {
            lane: Lane::ALL.get(shelf).map_or(names::FLOWS, |lane| lane.name()).to_owned(),
            first: 1,
            last: number - 1,
            segments: number - 1,
            bytes: 0,
            from: time,
            to: time,
            why: "unknown".to_owned(),
        }));
    }
    let reason = "the log was missing: what was not recorded, or lost, is unknown".to_owned();
    shared.note(Event::Gap { from: first_time, to: Moment::now().time.max(first_time), reason });
}

/// Records the time that the start itself took, if it was long.
pub(crate) fn note_start(shared: &Shared, from: Option<Timestamp>) {
    const SHORT_NS: i64 = 200_000_000;
    let to = Moment::now().time;
    if let Some(from) = from.filter(|from| to.since(*from) > SHORT_NS) {
        shared.note(Event::Gap { from, to, reason: "starting".to_owned() });
    }
}
