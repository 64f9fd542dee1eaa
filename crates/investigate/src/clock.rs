//! Time as packets tell it.

use packet::Timestamp;

/// Nanoseconds that have passed by the packets' times. A clock that was set, or that runs backwards, counts little.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    now: u64,
    last: Option<Timestamp>,
}

/// What a step counts at most.
const STEP_NS_MAX: i64 = 10_000_000_000;

impl Clock {
    #[inline]
    pub(crate) fn advance(&mut self, time: Timestamp) {
        let step = self.last.map_or(0, |last| time.since(last)).clamp(0, STEP_NS_MAX);
        self.now += step.unsigned_abs();
        self.last = Some(time);
    }

    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.now
    }
}
