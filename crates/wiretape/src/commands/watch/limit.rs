//! Which alerts become holds: one for a pair of addresses and a time, and not more than the disk is to bear.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use packet::Timestamp;
use serde::{Deserialize, Serialize};

use super::alert::Alert;

/// Pairs that are remembered.
const PAIRS_MAX: usize = 10_000;
const HOUR_NS: i64 = 3_600_000_000_000;
/// Of the holds of an hour, those that one rule, or one network, can cause.
const ONE_IN: usize = 4;

/// The time around an alert that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) before_ns: i64,
    pub(super) after_ns: i64,
}

/// What becomes of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A hold of this time.
    Hold { from: Timestamp, to: Timestamp },
    /// A hold has it.
    Known,
    /// There were too many: why.
    TooMany(&'static str),
}

/// What was decided before.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Limit {
    /// Until when each pair is held, in nanoseconds.
    held_until: HashMap<String, i64>,
    /// The holds of the last hour: when they were made, by which rule and network.
    made: VecDeque<(i64, String, String)>,
}

impl Limit {
    /// Judges an alert that comes at `now`; what is to be held counts as held.
    pub(super) fn judge(&mut self, alert: &Alert, window: Window, per_hour: usize, now: Timestamp) -> Verdict {
        // A clock that is ahead must not hold what never comes.
        let time = alert.time.unwrap_or(now).min(now);
        let pair = key(alert.ends);
        let (from, to) = (time.0.saturating_sub(window.before_ns), time.0.saturating_add(window.after_ns));
        let held_until = self.held_until.get(&pair).copied().unwrap_or(i64::MIN);
        if time.0 < held_until {
            return Verdict::Known;
        }
        while self.made.front().is_some_and(|(made, ..)| now.0.saturating_sub(*made) >= HOUR_NS) {
            self.made.pop_front();
        }
        let network = network_of(alert);
        let share = per_hour.div_ceil(ONE_IN);
        let count =
            |is_same: &dyn Fn(&(i64, String, String)) -> bool| self.made.iter().filter(|one| is_same(one)).count();
        if self.made.len() >= per_hour {
            return Verdict::TooMany("as many holds as an hour may have");
        }
        if count(&|(_, kind, _)| *kind == alert.kind) >= share {
            return Verdict::TooMany("this rule had its share of the hour's holds");
        }
        if count(&|(.., other)| *other == network) >= share {
            return Verdict::TooMany("this network had its share of the hour's holds");
        }
        self.made.push_back((now.0, alert.kind.clone(), network));
        self.remember(pair, to, now);
        // What an earlier hold of the pair has is not held again.
        Verdict::Hold { from: Timestamp(from.max(held_until.min(time.0))), to: Timestamp(to) }
    }

    /// Takes back what could not be held.
    pub(super) fn forget(&mut self, alert: &Alert) {
        self.held_until.remove(&key(alert.ends));
    }

    fn remember(&mut self, pair: String, until: i64, now: Timestamp) {
        if self.held_until.len() >= PAIRS_MAX {
            self.held_until.retain(|_, until| *until > now.0);
        }
        if self.held_until.len() < PAIRS_MAX {
            self.held_until.insert(pair, until);
        }
    }
}

fn key((one, other): (IpAddr, Option<IpAddr>)) -> String {
    other.map_or_else(|| one.to_string(), |other| format!("{one} {other}"))
}

/// The network of the end that is more likely another's, as /24 or /48: who has many addresses in it is one.
fn network_of(alert: &Alert) -> String {
    let is_private = |address: &IpAddr| match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || (v6.segments()[0] & 0xfe00) == 0xfc00,
    };
    let ends = [Some(alert.ends.0), alert.ends.1];
    let other = ends.iter().flatten().find(|end| !is_private(end)).copied().unwrap_or(alert.ends.0);
    match other {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}")
        }
        IpAddr::V6(v6) => v6.segments().iter().take(3).map(|part| format!("{part:x}:")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { before_ns: 300 * 1_000_000_000, after_ns: 900 * 1_000_000_000 };

    fn alert(second: i64, other: &str, kind: &str) -> Alert {
        Alert {
            time: Some(at(second)),
            ends: ("10.0.0.5".parse().expect("an address"), Some(other.parse().expect("an address"))),
            what: String::new(),
            kind: kind.to_owned(),
            severity: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp((1_795_428_000 + second) * 1_000_000_000)
    }

    #[test]
    fn a_pair_is_held_once_and_then_on() {
        let mut limit = Limit::default();
        let mut judge = |second| limit.judge(&alert(second, "203.0.113.7", "1"), WINDOW, 100, at(second));
        assert_eq!(judge(0), Verdict::Hold { from: at(-300), to: at(900) });
        assert_eq!(judge(10), Verdict::Known);
        assert_eq!(judge(899), Verdict::Known);
        // It begins where the one before ended.
        assert_eq!(judge(1000), Verdict::Hold { from: at(900), to: at(1900) });
        assert_eq!(judge(5000), Verdict::Hold { from: at(4700), to: at(5900) });
    }

    #[test]
    fn alerts_cannot_make_any_number_of_holds() {
        let mut limit = Limit::default();
        let mut held = 0;
        for second in 0..4000_i64 {
            // Sources of one network, all by one rule.
            let source = format!("203.0.113.{}", second % 250 + 1);
            let verdict = limit.judge(&alert(second, &source, "1"), WINDOW, 20, at(second));
            held += i32::from(matches!(verdict, Verdict::Hold { .. }));
        }
        assert!((5..=10).contains(&held), "{held}");
        // Another rule about another network is held all the same.
        let verdict = limit.judge(&alert(3900, "198.51.100.1", "2"), WINDOW, 20, at(3900));
        assert!(matches!(verdict, Verdict::Hold { .. }), "{verdict:?}");
        let mut limit = Limit::default();
        let held = (0..500_i64).filter(|number| {
            let source = format!("198.{}.{}.1", number % 200, number / 2);
            matches!(
                limit.judge(&alert(*number, &source, &number.to_string()), WINDOW, 20, at(*number)),
                Verdict::Hold { .. }
            )
        });
        assert_eq!(held.count(), 20);
    }

    #[test]
    fn a_clock_that_is_ahead_holds_what_is() {
        let mut limit = Limit::default();
        let verdict = limit.judge(&alert(1_000_000, "203.0.113.7", "1"), WINDOW, 20, at(0));
        assert_eq!(verdict, Verdict::Hold { from: at(-300), to: at(900) });
    }
}
