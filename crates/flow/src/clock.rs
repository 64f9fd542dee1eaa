//! A clock that only goes forward, driven by the packets' own times.

use packet::Timestamp;

const SECOND: u64 = 1_000_000_000;

/// The table's time: nanoseconds that have passed since its first packet, as far as packet times can be believed.
///
/// Packet times come from a wall clock that may be set, so only the steps between packets count:
/// - a step back counts nothing; less than [`JITTER`] is the disorder of several rings, more is a clock set back;
/// - a step forward of at most [`STEP_MAX`] is time that passed;
/// - a longer one is silence, unless the link was busy just before or it is longer than [`SILENCE_MAX`]: then it is a
///   clock that was set, and counts nothing.
///
/// So a clock that is set by years, or by minutes on a busy host, ends no flow, and a capture file with pauses in it
/// has flows that end in them. What is misjudged is mild: a flow is cut in two, or goes on after a pause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) nanoseconds: u64,
    pub(crate) last_time: Option<i64>,
    pub(crate) minute_start: u64,
    pub(crate) minute_packets: u32,
    pub(crate) previous_packets: u32,
}

/// Disorder among packets that is not a clock set back.
const JITTER: u64 = SECOND;
/// A step that always counts.
const STEP_MAX: u64 = 60 * SECOND;
/// The longest silence.
const SILENCE_MAX: u64 = 86_400 * SECOND;
/// Packets in a minute that make a link busy.
const BUSY_PACKETS: u32 = 1000;

/// Nanoseconds of the table's time in units of 2^24 ns (16.8 ms); wraps after 2.3 years, which no flow sleeps through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tick(pub(crate) u32);

impl Tick {
    /// Ticks since `earlier`.
    #[inline]
    pub(crate) fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    #[inline]
    pub(crate) fn plus(self, ticks: u32) -> Self {
        Self(self.0.wrapping_add(ticks))
    }
}

/// Ticks in a number of milliseconds, rounded down.
pub(crate) const fn ticks(milliseconds: u64) -> u32 {
    ((milliseconds * 1_000_000) >> 24) as u32
}

impl Clock {
    /// Takes in the time of the next packet.
    #[inline]
    pub(crate) fn advance(&mut self, time: Timestamp) {
        let time = time.nanoseconds();
        let last = self.last_time.unwrap_or(time);
        self.minute_packets = self.minute_packets.saturating_add(1);
        if time > last {
            let step = time.abs_diff(last);
            self.last_time = Some(time);
            if step <= STEP_MAX || (step <= SILENCE_MAX && !self.is_busy()) {
                self.pass(step);
            }
        } else if last.abs_diff(time) > JITTER || self.last_time.is_none() {
            self.last_time = Some(time);
        }
    }

    #[inline]
    pub(crate) fn tick(&self) -> Tick {
        Tick((self.nanoseconds >> 24) as u32)
    }

    #[inline]
    fn pass(&mut self, nanoseconds: u64) {
        self.nanoseconds = self.nanoseconds.saturating_add(nanoseconds);
        let since = self.nanoseconds - self.minute_start;
        if since >= STEP_MAX {
            self.previous_packets = if since < 2 * STEP_MAX { self.minute_packets } else { 0 };
            self.minute_packets = 0;
            self.minute_start = self.nanoseconds;
        }
    }

    fn is_busy(&self) -> bool {
        self.minute_packets.max(self.previous_packets) >= BUSY_PACKETS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets at these times (in seconds, after `busy` packets a millisecond apart) make this many seconds pass.
    fn check(busy: i64, times: &[f64], expected: f64) {
        let mut clock = Clock::default();
        let start = 1_700_000_000_000_000_000_i64;
        for packet in 0..=busy {
            clock.advance(Timestamp(start + packet * 1_000_000));
        }
        let before = clock.nanoseconds;
        let from = start + busy * 1_000_000;
        for time in times {
            clock.advance(Timestamp(from + (time * 1e9) as i64));
        }
        assert_eq!((clock.nanoseconds - before) as f64 / 1e9, expected, "{busy} {times:?}");
    }

    #[test]
    fn steps_are_judged() {
        let year = 365.0 * 86_400.0;
        check(0, &[1.0, 2.5], 2.5);
        check(0, &[7200.0, 7201.0], 7201.0);
        check(2000, &[30.0, 31.0], 31.0);
        check(2000, &[7200.0, 7201.0], 1.0);
        check(0, &[10.0 * year, 10.0 * year + 1.0], 1.0);
        check(0, &[-10.0 * year, 1.0 - 10.0 * year], 1.0);
        check(0, &[0.5, 0.25, 0.5, 0.25, 0.5], 0.5);
        check(0, &[1.0, -3600.0, -3599.0, 2.0, 3.0], 3604.0);
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let mut clock = Clock::default();
        for time in [i64::MIN, i64::MAX, i64::MIN, 0, i64::MAX, -1, i64::MIN + 5] {
            clock.advance(Timestamp(time));
        }
        assert_eq!(clock.nanoseconds, 0);
    }
}
