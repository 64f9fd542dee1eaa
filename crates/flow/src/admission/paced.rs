//! A lane that has a pace, and who fills it.

use packet::Headers;

use super::accounts::{Account, Accounts};
use super::claim::Claim;
use super::level::{Level, START_BYTES};
use super::pace::Pace;
use super::services::Services;
use super::{LaneFill, PACKET_EXTRA_BYTES, Verdict, counted};
use crate::key::{KeyHasher, key_of};
use crate::opening::Opening;
use crate::ours::Direction;
use crate::table::Seen;

/// Accounts of source prefixes of a lane, and of hosts in prefixes that send too much.
const PREFIXES: usize = 1 << 16;
const HOSTS: usize = 1 << 12;
/// Half-lives of what sources send in the time that a lane reaches back.
const HALF_LIVES_A_REACH: i64 = 16;
const HALF_LIFE_MIN_NS: i64 = 1_000_000_000;
/// Times that accounts fade in a half-life, and divisions of the room.
const FADINGS: i64 = 64;
const DIVISIONS: i64 = 1024;
/// A host that sends less than this part of its prefix is judged on its own.
const MINOR_PART: f64 = 16.0;
/// About what is left of a packet whose headers are kept.
const HEADERS_BYTES: u32 = 66;

/// A lane's pace, and who fills it.
#[derive(Clone, Debug)]
pub(super) struct PacedLane {
    pub(super) pace: Pace,
    pub(super) services: Services,
    pub(super) prefixes: Accounts,
    pub(super) hosts: Accounts,
    /// A source is as usual up to so many times what it usually sends.
    pub(super) times: f64,
    /// When the accounts were faded last.
    pub(super) faded: i64,
    /// When the room was divided last, and the bytes that may come until it is divided again.
    pub(super) divided: i64,
    pub(super) until_divided: f64,
    /// A service is unusual and has not enough room.
    pub(super) is_cutting: bool,
    pub(super) cut: Cut,
}

/// What was cut off since the first was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cut {
    pub(super) since: Option<i64>,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

impl Default for PacedLane {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            services: Services::default(),
            prefixes: Accounts::new(PREFIXES),
            hosts: Accounts::new(HOSTS),
            times: 1.0,
            faded: 0,
            divided: i64::MIN,
            until_divided: 0.0,
            is_cutting: false,
            cut: Cut::default(),
        }
    }
}

impl PacedLane {
    pub(super) fn tick(&mut self, now: i64, fill: LaneFill) {
        self.pace.tick(now, fill);
        let half_life = self.half_life();
        let passed = now - self.faded;
        if passed >= half_life / FADINGS {
            let half_lives = passed as f64 / half_life as f64;
            self.services.fade(half_lives);
            self.prefixes.fade(half_lives);
            self.hosts.fade(half_lives);
            self.faded = now;
        }
        if !self.pace.is_judged {
            (self.cut, self.divided, self.is_cutting) = (Cut::default(), i64::MIN, false);
        } else if now.saturating_sub(self.divided) >= half_life / DIVISIONS {
            self.divide();
        }
        self.until_divided = self.division_bytes();
    }

    /// True unless a packet that counts nothing needs no look.
    #[inline]
    pub(super) fn wants_judging(&self) -> bool {
        self.is_cutting || self.pace.pending >= self.until_divided
    }

    pub(super) fn half_life(&self) -> i64 {
        (self.pace.reach / HALF_LIVES_A_REACH).max(HALF_LIFE_MIN_NS)
    }

    #[cold]
    pub(super) fn judge(
        &mut self,
        hasher: &KeyHasher,
        (headers, seen): (&Headers, &Seen),
        charge: u32,
        (wire_bytes, kept_bytes): (u32, u32),
    ) -> Verdict {
        if self.pace.pending >= self.until_divided {
            self.pace.judge();
            self.divide();
            self.until_divided = self.pace.pending + self.division_bytes();
        }
        let key = key_of(headers);
        let key = if seen.from_client { key } else { key.reversed() };
        let remote_is_client = matches!(seen.direction, Direction::Inbound | Direction::External);
        let claim = Claim::new(&key, remote_is_client, (seen.sure, seen.opening));
        let charge = f64::from(charge);
        let (level, is_usual) = if claim.sure {
            self.level(hasher, &claim, charge)
        } else {
            // Whose answered flows are too many has too many that are not answered yet.
            let answered = self.prefixes.find(Claim { sure: true, ..claim }.prefix_name(hasher)).copied();
            let answered = answered.filter(|_| self.is_cutting).map_or(Level::Whole, |one| self.level_of(&one));
            let (level, is_usual) = self.level(hasher, &claim, charge);
            (level.max(answered), is_usual)
        };
        let verdict = match verdict(level, seen) {
            Verdict::Keep => Verdict::Keep,
            _ if seen.is_young => Verdict::Wait,
            verdict => verdict,
        };
        if level == Level::Whole && (seen.answers || seen.opens) {
            let opening = if seen.opens { Opening::SILENT } else { seen.opening };
            let before = Claim { sure: seen.sure && !seen.answers, opening, ..claim };
            self.take_back(hasher, &before, f64::from(counted(seen.used_bytes)));
        }
        if verdict == Verdict::Keep && is_usual {
            self.count_usual(hasher, &claim, charge);
        }
        let kept = match verdict {
            Verdict::Keep => charge,
            verdict => self.count_cut(verdict, wire_bytes, kept_bytes),
        };
        let number = self.services.find(&claim);
        if let Some(kind) = self.services.kind_mut(number) {
            kind.kept += kept;
        }
        verdict
    }

    /// Counts what is cut off; what is left of it.
    fn count_cut(&mut self, verdict: Verdict, wire_bytes: u32, kept_bytes: u32) -> f64 {
        let left = if verdict == Verdict::Headers { HEADERS_BYTES.min(kept_bytes) + PACKET_EXTRA_BYTES } else { 0 };
        self.pace.pending -= f64::from(kept_bytes + PACKET_EXTRA_BYTES - left);
        self.cut.since.get_or_insert(self.pace.now);
        self.cut.packets += 1;
        self.cut.bytes += u64::from(wire_bytes);
        f64::from(left)
    }

    /// What is kept of a source's heads.
    pub(super) fn level_of(&self, account: &Account) -> Level {
        let kind = self.services.kind(usize::from(account.service));
        kind.map_or(Level::Whole, |kind| Level::of(account.excess(self.times), kind.bearable))
    }

    /// Counts what a source offers; the level that its flows are kept at, and whether that is usual from now on.
    fn level(&mut self, hasher: &KeyHasher, claim: &Claim, charge: f64) -> (Level, bool) {
        let number = if charge > 0.0 { self.services.open(claim, charge) } else { self.services.find(claim) };
        let Some(kind) = self.services.kind_mut(number) else { return (Level::Whole, true) };
        kind.recent += charge;
        kind.newest += charge;
        let bearable = if self.is_cutting { kind.bearable } else { f64::INFINITY };
        let name = claim.prefix_name(hasher);
        let account = if charge > 0.0 { self.prefixes.open(name, charge) } else { self.prefixes.find(name) };
        let Some(account) = account else {
            kind.strangers += charge;
            return (Level::of(kind.strangers, bearable), bearable.is_infinite());
        };
        account.service = number as u16;
        account.recent += charge;
        let (excess, prefix_sends) = (account.excess(self.times), account.recent);
        let level = Level::of(excess, bearable);
        if level == Level::Whole || bearable <= 0.0 {
            // What is borne is not usual.
            return (level, excess <= 0.0 || bearable.is_infinite());
        }
        // A host that sends little of what its prefix does is not taken for its neighbours.
        let host = claim.host_name(hasher);
        let host = if charge > 0.0 { self.hosts.open(host, charge) } else { self.hosts.find(host) };
        let Some(host) = host else { return (level, false) };
        if host.recent == 0.0 {
            // What its prefix had sent before is not known to be others'.
            host.usual = prefix_sends;
        }
        host.recent += charge;
        let is_minor = host.recent * MINOR_PART < prefix_sends - host.usual;
        (if is_minor { Level::of(host.recent, bearable) } else { level }, false)
    }

    /// Counts what is usual of a source.
    fn count_usual(&mut self, hasher: &KeyHasher, claim: &Claim, charge: f64) {
        if charge == 0.0 {
            return;
        }
        let number = self.services.find(claim);
        if let Some(kind) = self.services.kind_mut(number) {
            kind.usual += charge;
        }
        if let Some(account) = self.prefixes.find(claim.prefix_name(hasher)) {
            account.usual += charge;
        }
    }

    /// A flow is not what it was counted as.
    fn take_back(&mut self, hasher: &KeyHasher, claim: &Claim, charge: f64) {
        let less = |amount: &mut f64| *amount = (*amount - charge).max(0.0);
        let number = self.services.find(claim);
        let account = self.prefixes.find(claim.prefix_name(hasher));
        if let Some(kind) = self.services.kind_mut(number) {
            [&mut kind.recent, &mut kind.newest, &mut kind.kept].into_iter().for_each(less);
            if !self.is_cutting {
                less(&mut kind.usual);
            }
            if account.is_none() {
                less(&mut kind.strangers);
            }
        }
        if let Some(account) = account {
            less(&mut account.recent);
            if !self.is_cutting {
                less(&mut account.usual);
            }
        }
    }
}

/// What a level means for a packet.
fn verdict(level: Level, seen: &Seen) -> Verdict {
    match level {
        Level::Whole => Verdict::Keep,
        Level::Junk => Verdict::Junk,
        Level::Start if seen.used_bytes < START_BYTES => Verdict::Keep,
        Level::Start => Verdict::Junk,
        Level::Headers => Verdict::Headers,
    }
}
