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
        let moment = Self {
            time: Timestamp::from_seconds(wall.tv_sec, nanoseconds(wall.tv_nsec)),
            boot_ns: u64::try_from(boot.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::from(nanoseconds(boot.tv_nsec)),
        };
        #[cfg(test)]
        let moment = fake::apply(moment);
        moment
    }

    /// How far the wall clock is ahead of the boot clock.
    pub(crate) fn offset_ns(&self) -> i64 {
        self.time.nanoseconds().saturating_sub(i64::try_from(self.boot_ns).unwrap_or(i64::MAX))
    }
}

/// Clocks of a thread that tests set: who records without other threads sees no others.
#[cfg(test)]
pub(crate) mod fake {
    use std::cell::Cell;

    use packet::Timestamp;

    use super::Moment;

    thread_local! {
        /// How far wall clock and boot clock are ahead, in nanoseconds.
        static AHEAD: Cell<(i64, u64)> = const { Cell::new((0, 0)) };
    }

    /// Somebody sets the wall clock forward, or back.
    pub(crate) fn step(wall_ns: i64) {
        AHEAD.with(|ahead| ahead.set((ahead.get().0 + wall_ns, ahead.get().1)));
    }

    /// Time goes by.
    pub(crate) fn pass(seconds: u32) {
        let nanoseconds = u64::from(seconds) * 1_000_000_000;
        AHEAD.with(|ahead| ahead.set((ahead.get().0 + nanoseconds.cast_signed(), ahead.get().1 + nanoseconds)));
    }

    pub(super) fn apply(moment: Moment) -> Moment {
        let (wall, boot) = AHEAD.with(Cell::get);
        Moment { time: Timestamp(moment.time.nanoseconds() + wall), boot_ns: moment.boot_ns + boot }
    }
}
