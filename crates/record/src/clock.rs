//! Steps of the wall clock, seen against a clock that never steps.

use packet::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// NTP turns the clock by at most half a millisecond a second; what is more is a step.
const STEP_MIN_NS: i64 = 50_000_000;

/// Two clocks read at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    pub(crate) wall: Timestamp,
    boot_ns: i64,
}

impl Clocks {
    pub(crate) fn read() -> Self {
        Self { wall: Timestamp(nanoseconds(ClockId::Realtime)), boot_ns: nanoseconds(ClockId::Boottime) }
    }

    /// By how much the wall clock was set since `earlier`, if it was; forward is positive.
    pub(crate) fn step_since(&self, earlier: &Self) -> Option<i64> {
        let step = self.wall.since(earlier.wall).saturating_sub(self.boot_ns.saturating_sub(earlier.boot_ns));
        (step.saturating_abs() >= STEP_MIN_NS).then_some(step)
    }
}

fn nanoseconds(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_told_from_the_passing_of_time() {
        let start = Clocks { wall: Timestamp(1_000_000_000_000), boot_ns: 50 };
        let after =
            |wall_ns: i64, boot_ns: i64| Clocks { wall: Timestamp(start.wall.0 + wall_ns), boot_ns: 50 + boot_ns };
        for (wall_ns, boot_ns, expected) in [
            (1_000_000_000, 1_000_000_000, None),
            (1_000_500_000, 1_000_000_000, None),
            (3_601_000_000_000, 1_000_000_000, Some(3_600_000_000_000)),
            (-59_000_000_000, 1_000_000_000, Some(-60_000_000_000)),
            // A suspended machine: both clocks went on.
            (9_000_000_000_000, 9_000_000_000_000, None),
        ] {
            assert_eq!(after(wall_ns, boot_ns).step_since(&start), expected);
        }
    }
}
