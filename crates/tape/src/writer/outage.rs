//! Times in which the disk takes nothing: packets are lost and counted, and tried again each second.

use std::time::{Duration, Instant};

use packet::Timestamp;

use super::Writer;
use crate::Lane;
use crate::clock::Moment;
use crate::format::chain::Event;
use crate::frame::Summary;
use crate::heartbeat::Failing;
use crate::place::Whereabouts;

/// How long nothing is tried after the disk took no more.
const PAUSE: Duration = Duration::from_secs(1);

/// The disk takes nothing.
#[derive(Debug)]
pub(super) struct Outage {
    since: Timestamp,
    reason: String,
    retry: Instant,
}

impl Outage {
    /// Whether it is too early to try again.
    pub(super) fn waits(&self, now: Instant) -> bool {
        now < self.retry
    }

    /// As the heartbeat tells it.
    pub(super) fn failing(&self) -> Failing {
        Failing { since: self.since, reason: self.reason.clone() }
    }
}

impl Writer {
    /// Tries nothing for a while.
    pub(super) fn pause(&mut self, reason: &str) {
        let retry = self.tools.now + PAUSE;
        match &mut self.outage {
            Some(outage) => outage.retry = retry,
            None => {
                self.tools.shared.problem("disk", format!("{reason}; packets are lost until it takes them again"));
                self.outage = Some(Outage { since: Moment::now().time, reason: reason.to_owned(), retry });
            }
        }
    }

    /// Packets are written again, if they were not before.
    pub(super) fn recovered(&mut self) {
        if let Some(outage) = &self.outage {
            self.tools.shared.problem("disk", format!("packets are written again after: {}", outage.reason));
            self.end_outage();
            // What was lost meanwhile must not wait: the next crash would take the word of it along.
            self.tools.shared.write_summaries();
        }
    }

    /// Notes how long the outage lasted, if there is one.
    pub(super) fn end_outage(&mut self) {
        if let Some(Outage { since: from, reason, .. }) = self.outage.take() {
            self.tools.shared.note(Event::Gap { from, to: Moment::now().time, reason });
        }
    }

    /// Counts a frame as lost.
    pub(super) fn lose(&mut self, lane: usize, summary: &Summary, bytes: u64) {
        let reason = self.outage.as_ref().map_or("disk", |outage| outage.reason.as_str());
        self.tools.shared.lose(&format!("lane {}", Lane::ALL[lane].name()), reason, summary, bytes);
    }

    /// Remembers a frame that was written, until the directory is seen again.
    pub(super) fn add_unseen(&mut self, lane: usize, summary: &Summary, bytes: u64) {
        let (unseen, unseen_bytes) = &mut self.unseen[lane];
        unseen.merge(&summary.record());
        *unseen_bytes += bytes;
    }

    /// Looks whether the tape's directory is where it was; if not, nothing is written until it is or the tape is taken
    /// up again.
    pub(super) fn is_away(&mut self) -> bool {
        let why = match self.tools.shared.look_at_place() {
            Whereabouts::Here => {
                self.replaced = false;
                self.unseen = Default::default();
                self.tools.shared.set_away(false, false);
                return false;
            }
            Whereabouts::Away(why) => {
                self.replaced = false;
                why
            }
            Whereabouts::Replaced => "the tape's directory was replaced or removed",
        };
        // Who removes a directory needs a moment for it: it is looked at twice.
        let settled = why.starts_with("the tape") && std::mem::replace(&mut self.replaced, true);
        self.tools.shared.set_away(true, settled);
        self.pause(why);
        // What was written since then may have gone into files that nobody can reach any more.
        for (lane, (unseen, bytes)) in std::mem::take(&mut self.unseen).into_iter().enumerate() {
            if unseen.packets > 0 {
                self.lose(lane, &unseen, bytes);
            }
        }
        true
    }
}
