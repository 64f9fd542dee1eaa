//! Time that comes from the packets.

use std::time::{Duration, Instant};

use packet::Timestamp;

use super::Desk;
use crate::keeper::Keeper;

/// Packets of a capture file between two looks at what is due.
pub(super) const UPKEEP_EVERY: u32 = 1024;
/// In real time, when the packets come from a file.
const KEEPER_TICK: Duration = Duration::from_millis(400);
/// As live: time of the packets between two looks at what waits for proof, and between two ticks of the keeper; those
/// are further apart where little comes, so that a month passes quickly.
const PARKING_EVERY_NS: u64 = 50_000_000;
const KEEPER_EVERY_NS: u64 = 1_000_000_000;
const KEEPER_EVERY_QUIET_NS: u64 = 10 * KEEPER_EVERY_NS;
const QUIET_PACKETS: u32 = 256;
/// So many within a second are many.
const MANY_PACKETS: u32 = 1 << 13;

/// What was done when, by the packets' clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct AsLive {
    /// That clock, and the instant that stands for it.
    pub(super) began: (u64, Instant),
    pub(super) looked: u64,
    pub(super) ticked: u64,
    /// Packets since then.
    pub(super) packets: u32,
}

impl<K: Keeper> Desk<K> {
    #[inline]
    pub(super) fn pass_time(&mut self) {
        self.until_upkeep -= 1;
        if self.until_upkeep == 0 {
            self.until_upkeep = UPKEEP_EVERY;
            self.tick(self.now);
            if self.keeper_ticked.elapsed() >= KEEPER_TICK {
                self.keeper_ticked = Instant::now();
                let result = self.tick_keeper();
                self.failure = self.failure.take().or(result.err());
            }
        }
    }

    pub(super) fn pass_time_as_live(&mut self, time: Timestamp) {
        self.as_live.packets = self.as_live.packets.saturating_add(1);
        if self.now.saturating_sub(self.as_live.looked) < PARKING_EVERY_NS {
            return;
        }
        self.as_live.looked = self.now;
        self.tick(self.now);
        if self.as_live.packets >= MANY_PACKETS {
            // A tape that remembers seconds is filled with its burst allowance between two ticks.
            self.tick_admission();
        }
        let since = self.now.saturating_sub(self.as_live.ticked);
        let is_quiet = self.as_live.packets < QUIET_PACKETS;
        if since >= if is_quiet { KEEPER_EVERY_QUIET_NS } else { KEEPER_EVERY_NS } {
            (self.as_live.ticked, self.as_live.packets) = (self.now, 0);
            self.keeper.set_time(time);
            let result = self.tick_keeper();
            self.failure = self.failure.take().or(result.err());
        }
    }
}
