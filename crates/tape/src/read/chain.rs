//! The tape's log, and whether a recorder is at work.

use std::collections::BTreeMap;
use std::fs;

use packet::Timestamp;
use rustix::time::{ClockId, clock_gettime};

use super::Tape;
use super::listing::file_names;
use crate::Error;
use crate::format::chain::{self, Line};
use crate::format::names;
use crate::heartbeat::{self, Failing, LanePace};
use crate::lock;

impl Tape {
    /// Hands every line of the log to `take`, oldest first. What cannot be read is noted.
    pub(crate) fn chain(&mut self, mut take: impl FnMut(Line)) -> Result<(), Error> {
        let directory = self.directory.join(names::CHAIN);
        let files = file_names(&directory)?;
        let mut numbers: Vec<u64> = files.iter().filter_map(|name| names::parse_chain(name)).collect();
        numbers.sort_unstable();
        for number in numbers {
            let path = self.directory.join(names::chain_path(number));
            let text = match fs::read(&path) {
                Ok(text) => text,
                Err(error) => {
                    self.notes.damaged(&path, error.to_string());
                    continue;
                }
            };
            for line in chain::decode(&text) {
                match line {
                    Some(line) => take(line),
                    None => self.notes.damaged(&path, "a line of the log cannot be read"),
                }
            }
        }
        Ok(())
    }

    /// Whether a recorder was at work in the last seconds.
    pub(crate) fn has_sign_of_life(&self) -> bool {
        self.heartbeat().is_some_and(|heartbeat| heartbeat.is_fresh)
    }

    /// Whether there was a recorder and is none any more, or the tape itself has gone.
    pub(crate) fn is_abandoned(&self) -> bool {
        match self.heartbeat() {
            Some(heartbeat) => !heartbeat.is_fresh,
            None => !self.directory.join(names::IDENTITY).exists(),
        }
    }

    /// The process that holds the tape's lock, if this one can see it. The kernel takes milliseconds to tell.
    pub(crate) fn holder(&self) -> Option<u32> {
        lock::seen_holder(&self.directory)
    }

    /// The recorder's last sign of life, and whether it is so young that a recorder must be at work.
    ///
    /// The lock is not tried: that could keep a recorder that starts just now from getting it.
    pub(crate) fn heartbeat(&self) -> Option<Heartbeat> {
        let line = heartbeat::decode(&fs::read(self.directory.join(names::heartbeat_path())).ok()?)?;
        let now = clock_gettime(ClockId::Boottime);
        let boot_ns = u64::try_from(Timestamp::from_seconds(now.tv_sec, now.tv_nsec as u32).0).unwrap_or(0);
        // A tape of another boot, or host, is told by its wall clock.
        let age_boot_ns = boot_ns.checked_sub(line.boot_ns).unwrap_or(u64::MAX);
        let age_wall_ns = wall_clock().since(line.time).unsigned_abs();
        let pid = fs::read_to_string(self.directory.join(names::lock_path())).ok();
        Some(Heartbeat {
            time: line.time,
            complete: line.complete,
            budget_bytes: (line.budget_bytes > 0).then_some(line.budget_bytes),
            usable_bytes: line.usable_bytes,
            hold_budget_bytes: (line.hold_budget_bytes > 0).then_some(line.hold_budget_bytes),
            lanes: line.lanes,
            failing: line.failing,
            is_fresh: age_boot_ns.min(age_wall_ns) < HEARTBEAT_AGE_MAX_NS,
            pid: pid.and_then(|text| text.trim().parse().ok()),
        })
    }
}

/// A recorder writes its heartbeat each second.
const HEARTBEAT_AGE_MAX_NS: u64 = 5_000_000_000;

/// A recorder's last sign of life.
pub(crate) struct Heartbeat {
    pub(crate) time: Timestamp,
    /// Packets from before this time have been recorded.
    pub(crate) complete: Option<Timestamp>,
    /// What each lane may hold, and how fast it may fill.
    pub(crate) lanes: BTreeMap<String, LanePace>,
    /// Packets are lost since then.
    pub(crate) failing: Option<Failing>,
    /// What the tape may take.
    pub(crate) budget_bytes: Option<u64>,
    /// What it could come to then.
    pub(crate) usable_bytes: Option<u64>,
    /// What holds may take of it, if it said so.
    pub(crate) hold_budget_bytes: Option<u64>,
    /// Young enough that the recorder must be at work, unless the log says that it has stopped since.
    pub(crate) is_fresh: bool,
    /// Its process, as seen from its own namespace.
    pub(crate) pid: Option<u32>,
}

impl Heartbeat {
    /// Up to when there can be packets on the tape: of one that is not written any more, up to when all were.
    pub(crate) fn recorded_until(&self, recording: bool) -> Timestamp {
        self.complete.filter(|_| !recording).unwrap_or(self.time)
    }
}

/// Now.
pub(crate) fn wall_clock() -> Timestamp {
    let now = clock_gettime(ClockId::Realtime);
    Timestamp::from_seconds(now.tv_sec, now.tv_nsec as u32)
}
