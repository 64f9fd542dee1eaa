//! When compressing steps aside, and when it comes back.

use std::time::{Duration, Instant};

/// First and last length of the time after which it may come back; it doubles with each trial that was too slow.
const ASIDE_MIN: Duration = Duration::from_secs(1);
const ASIDE_MAX: Duration = Duration::from_secs(64);

/// Compressing is what a recorder can do without: it steps aside when frames pile up before it.
///
/// It comes back when a trial on a copy of a frame was fast enough. With a frame that somebody waits for it would not be
/// a trial: on a busy processor, compressing takes long enough for packets to be lost meanwhile.
#[derive(Debug)]
pub(crate) struct Aside {
    may: bool,
    since: Option<Instant>,
    length: Duration,
    hurried: bool,
    /// Frames that came since it stepped aside, or since the last trial.
    frames: u32,
    trying: bool,
}

impl Aside {
    /// Compressing, which `may` step aside.
    pub(crate) fn new(may: bool) -> Self {
        Self { may, since: None, length: ASIDE_MIN, hurried: false, frames: 0, trying: false }
    }

    pub(crate) fn is(&self) -> bool {
        self.since.is_some()
    }

    /// Packets are lost, or nearly, before they become frames.
    pub(crate) fn hurry(&mut self, hurried: bool) {
        self.hurried = hurried;
    }

    /// Steps aside when a sixth of the memory waits.
    pub(crate) fn judge(&mut self, waiting: usize, buffers_max: usize) {
        let behind = waiting > (buffers_max / 6).max(2) || self.hurried;
        if self.may && behind && self.since.is_none() {
            self.since = Some(Instant::now());
            self.frames = 0;
        }
    }

    /// A frame comes while `waiting` others wait; true if a copy of it is wanted for a trial.
    pub(crate) fn take_note(&mut self, waiting: usize, buffers_max: usize) -> bool {
        self.frames = self.frames.saturating_add(1);
        let calm = !self.hurried && waiting <= buffers_max / 16 + 1;
        let wanted = calm && !self.trying && self.since.is_some_and(|since| since.elapsed() >= self.length);
        self.trying |= wanted;
        wanted
    }

    /// To compress one frame took so long.
    pub(crate) fn tried(&mut self, took: Duration, workers: usize) {
        self.trying = false;
        let Some(since) = self.since else { return };
        // With some room, since a frame that comes back to be compressed competes with others of its kind.
        let fast_enough = took * self.frames * 3 / 2 <= since.elapsed() * u32::try_from(workers).unwrap_or(u32::MAX);
        self.since = (!fast_enough).then(Instant::now);
        self.length = if fast_enough { ASIDE_MIN } else { (self.length * 2).min(ASIDE_MAX) };
        self.frames = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(frames: u32, took: Duration, comes_back: bool) {
        let mut aside = Aside::new(true);
        aside.judge(100, 48);
        assert!(aside.is());
        aside.length = Duration::ZERO;
        std::thread::sleep(Duration::from_millis(20));
        let wanted = (0..frames).filter(|_| aside.take_note(0, 48)).count();
        assert_eq!(wanted, 1);
        aside.tried(took, 2);
        assert_eq!(!aside.is(), comes_back, "{frames} {took:?}");
    }

    #[test]
    fn it_comes_back_when_it_would_keep_up() {
        check(1, Duration::from_millis(1), true);
        check(20, Duration::from_millis(1), true);
        check(1, Duration::from_secs(1), false);
        check(2000, Duration::from_millis(1), false);
    }

    #[test]
    fn it_stays_aside_while_packets_are_nearly_lost() {
        let mut aside = Aside::new(true);
        aside.hurry(true);
        aside.judge(0, 48);
        assert!(aside.is());
        aside.length = Duration::ZERO;
        assert!(!aside.take_note(0, 48));
        aside.hurry(false);
        assert!(!aside.take_note(40, 48));
        assert!(aside.take_note(0, 48));
        let mut never = Aside::new(false);
        never.hurry(true);
        never.judge(1000, 48);
        assert!(!never.is());
    }
}
