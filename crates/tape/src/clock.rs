//! The two clocks: the wall's, which can step, and the boot clock, which only goes forward.

use packet::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Wall clock.
    pub(crate) time: Timestamp,
    /// `CLOCK_BOOTTIME` in nanoseconds: goes on while the host sleeps.
    pub(crate) boot_ns: u64,
}

impl Moment {
    pub(crate) fn now() -> Self {
        let wall = clock_gettime(ClockId::Realtime);
        let boot = clock_gettime(ClockId::Boottime);
        let nanoseconds = |part: i64| u32::try_from(part).unwrap_or(0);
        Self {
            time: Timestamp::from_seconds(wall.tv_sec, nanoseconds(wall.tv_nsec)),
            boot_ns: u64::try_from(boot.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::from(nanoseconds(boot.tv_nsec)),
        }
    }

    /// How far the wall clock is ahead of the boot clock.
    pub(crate) fn offset_ns(&self) -> i64 {
        self.time.nanoseconds().saturating_sub(i64::try_from(self.boot_ns).unwrap_or(i64::MAX))
    }
}
