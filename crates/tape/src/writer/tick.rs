//! What the writer does each second.

use std::path::Path;
use std::time::Duration;

use super::{LaneWriter, Writer, measured};
use crate::Lane;
use crate::budget::Account;
use crate::disk::Disk;
use crate::format::chain::Event;
use crate::format::names;
use crate::heartbeat::Beat;
use crate::job::Tick;

/// How often losses and evictions that go on are written, where the log would otherwise take much of the budget.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);
/// What directories and small files may grow by before they are measured again.
const RESERVE_BYTES: u64 = 8 * 4096;

impl Writer {
    /// Brings everything to the kernel and says so.
    pub(super) fn tick(&mut self, tick: Tick) {
        self.tools.now = tick.now;
        self.next_arrival = tick.next_arrival;
        if self.is_away() {
            return self.tools.shared.tick_done();
        }
        for lane in &mut self.lanes {
            lane.tick(&mut self.tools, self.segment_age_max);
        }
        self.beat(&tick);
        let shared = &self.tools.shared;
        let has_room = shared.room.of(Account::Chain) < shared.room.budget_bytes() / 64;
        let waited = |last| tick.now.saturating_duration_since(last) >= SUMMARY_INTERVAL;
        let due = has_room || self.outage.is_some() || self.last_summary.is_none_or(waited);
        if due && shared.write_summaries() {
            self.last_summary = Some(tick.now);
        }
        shared.restore_identity();
        self.read_clocks(tick);
        let mut chain = self.tools.shared.chain.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        chain.retry();
        if let Some(file) = chain.take_unsynced() {
            self.tools.shared.sync.file(file);
        }
        drop(chain);
        // What has no account of its own: directories and small files.
        self.tools.shared.room.note(Account::Rest, rest_bytes(self.tools.shared.disk.as_ref()));
        for lane in &self.lanes {
            self.tools.shared.set_journal_bytes(lane.lane, lane.journal_bytes());
        }
        self.tools.shared.tick_done();
    }

    /// Writes the heartbeat.
    fn beat(&mut self, tick: &Tick) {
        let shared = &self.tools.shared;
        if self.outage.is_none() && !std::mem::take(&mut self.journal_failed) {
            self.complete = if self.is_live { Some(tick.settled) } else { self.complete };
            shared.sync.reached(tick.appended, self.complete);
        }
        let synced = self.lanes.iter().map(LaneWriter::synced_before);
        let beat = Beat {
            time: tick.moment.time,
            boot_ns: tick.moment.boot_ns,
            next_arrival: tick.next_arrival,
            budget_bytes: shared.room.budget_bytes(),
            usable_bytes: Some(shared.room.usable_bytes()),
            hold_budget_bytes: shared.hold_budget_bytes,
            synced: synced.map(|(lane, number)| (lane.name().to_owned(), number)).collect(),
            complete: self.complete,
            durable: shared.sync.durable_until(),
            lanes: shared.paces(),
            failing: self.outage.as_ref().map(super::Outage::failing),
            check: String::new(),
        };
        let result = self.heartbeat.beat(shared.disk.as_ref(), beat);
        shared.complain("live/heartbeat", result.err().map(|error| error.to_string()));
        shared.sync.heartbeat(self.heartbeat.file());
    }

    /// Notes the clocks hourly, and when the wall clock steps.
    fn read_clocks(&mut self, tick: Tick) {
        const STEP_NS: i64 = 500_000_000;
        let Some(last) = self.last_moment.replace(tick.moment) else { return };
        let step_ns = tick.moment.offset_ns().saturating_sub(last.offset_ns());
        let hourly = tick.now.saturating_duration_since(self.last_reading) >= Duration::from_secs(3600);
        if step_ns.abs() > STEP_NS || hourly {
            self.last_reading = tick.now;
            let reason = if step_ns.abs() > STEP_NS { "step" } else { "hourly" };
            self.tools.shared.note(Event::Clock { reason: reason.to_owned(), step_ns });
        }
    }
}

/// What directories and small files take, and a little more.
pub(crate) fn rest_bytes(disk: &dyn Disk) -> u64 {
    let directories = Lane::ALL.iter().map(|lane| lane.name()).chain([
        "",
        names::FLOWS,
        names::CHAIN,
        names::CATALOG,
        names::LIVE,
        names::DAMAGED,
        names::HELD,
    ]);
    let directories: u64 = directories.map(|name| measured(disk, Path::new(name))).sum();
    let files = [Path::new(names::IDENTITY), &names::lock_path(), &names::heartbeat_path()];
    directories + files.iter().map(|path| measured(disk, path)).sum::<u64>() + RESERVE_BYTES
}
