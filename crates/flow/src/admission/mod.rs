//! Admission: which heads are kept whole while a lane fills faster than it usually does. Pure logic, no I/O.
//!
//! Each lane has a pace, 1.25 times what it usually fills at, and a burst allowance. While that lasts, and while the lane
//! does not have its share yet, nobody is judged. When it is used up the pace is divided: among the services, and within
//! those that want too much among source prefixes. Who has always been there is entitled to a quarter more than usual; the
//! rest is divided evenly. Of who wants more the heads shrink, step by step, to the first 4 KiB, to headers, to nothing;
//! what is cut off is junk. docs/lanes.md explains it with a picture.
//!
//! Only proven bytes are counted, names are keyed hashes, and every table has a fixed size.

mod accounts;
mod claim;
mod level;
mod pace;
mod report;
mod services;
mod snapshot;
mod split;

use packet::Headers;

use crate::key::{KeyHasher, key_of};
use crate::lane::Lane;
use crate::ours::Direction;
use crate::table::Seen;
use accounts::Accounts;
use claim::Claim;
use pace::Pace;
use services::{Services, UNSURE};
use split::{Demand, Rigour, Split};

pub use level::Level;
pub use report::LaneReport;

/// What a lane holds, as the tape says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneFill {
    /// What it may hold while others want room too.
    pub share_bytes: u64,
    /// What it holds.
    pub held_bytes: u64,
    /// What has gone into it since the tape was opened; what is on its way counts as it is.
    pub filled_bytes: u64,
    /// The time between its oldest and newest packet, in nanoseconds.
    pub reach_ns: u64,
    /// It has its share, and the tape is full: what goes into it takes the place of something.
    pub is_at_share: bool,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is kept in its lane.
    Keep,
    /// Its headers are kept in its lane.
    Headers,
    /// It is junk.
    Junk,
}

/// Lanes that have a pace: those of heads. Bulk and junk push out nothing but themselves.
const PACED: [Lane; 3] = [Lane::Client, Lane::Server, Lane::Transit];
/// Accounts of source prefixes of a lane, and of hosts in prefixes that send too much.
const PREFIXES: usize = 1 << 14;
const HOSTS: usize = 1 << 12;
/// Half-lives of what sources send in the time that a lane reaches back.
const HALF_LIVES_A_REACH: i64 = 16;
const HALF_LIFE_MIN_NS: i64 = 1_000_000_000;
/// What a flow's first packet counts, and every so many bytes of its head afterwards, as a power of two.
const FIRST_BYTES: u32 = 1 << 10;
const HEAD_STEP: u32 = 11;
/// What a packet takes on the tape besides itself.
const PACKET_EXTRA_BYTES: u32 = 44;
/// About what is left of a packet whose headers are kept.
const HEADERS_BYTES: u32 = 66;
/// What may come between two divisions of a pace, as a part of the burst allowance.
const DIVIDE_PART: f64 = 64.0;
/// The part of a pace that the unsure may have at least: 1/8.
const UNSURE_PART: f64 = 8.0;
/// A host that sends less than this part of its prefix is judged more mildly.
const MINOR_PART: f64 = 16.0;

/// Judges what is kept of whom.
#[derive(Clone, Debug)]
pub struct Admission {
    hasher: KeyHasher,
    lanes: Box<[PacedLane; PACED.len()]>,
}

/// A lane's pace, and who fills it.
#[derive(Clone, Debug)]
struct PacedLane {
    pace: Pace,
    services: Services,
    prefixes: Accounts,
    hosts: Accounts,
    /// When the accounts were faded last.
    faded: i64,
    /// Bytes that may come until the pace is divided again.
    until_divided: f64,
    cut: Cut,
}

/// What was cut off since judging began.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Cut {
    since: Option<i64>,
    packets: u64,
    bytes: u64,
}

impl Default for PacedLane {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            services: Services::default(),
            prefixes: Accounts::new(PREFIXES),
            hosts: Accounts::new(HOSTS),
            faded: 0,
            until_divided: 0.0,
            cut: Cut::default(),
        }
    }
}

impl Admission {
    /// One that knows nobody yet; names are hashed with `secret`.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self { hasher: KeyHasher::new(secret), lanes: Default::default() }
    }

    /// Brings on the time, in nanoseconds of a clock that only goes forward, with what the tape says of its lanes, by their
    /// numbers.
    pub fn tick(&mut self, now: u64, fills: &[LaneFill; Lane::ALL.len()]) {
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        for (lane, number) in self.lanes.iter_mut().zip(PACED) {
            let Some(fill) = fills.get(number.number()) else { continue };
            lane.tick(now, *fill);
        }
    }

    /// What becomes of a packet that belongs into `lane`. `wire_bytes` are
    /// its length, `kept_bytes` what was captured of it.
    #[inline]
    pub fn judge(&mut self, lane: Lane, headers: &Headers, seen: &Seen, wire_bytes: u32, kept_bytes: u32) -> Verdict {
        let Some(paced) = self.lanes.get_mut(place_of(lane)) else { return Verdict::Keep };
        paced.pace.pending += f64::from(kept_bytes + PACKET_EXTRA_BYTES);
        let charge = charge(seen, wire_bytes);
        if charge == 0 && !paced.pace.is_judged && paced.pace.pending < paced.until_divided {
            return Verdict::Keep;
        }
        paced.judge(&self.hasher, (headers, seen), charge, (wire_bytes, kept_bytes))
    }

    /// How the lanes do that have a pace.
    pub fn reports(&self) -> [(Lane, LaneReport); PACED.len()] {
        std::array::from_fn(|place| (PACED[place], self.lanes[place].report()))
    }
}

/// The lane's place in [`PACED`], if it has one.
#[inline]
fn place_of(lane: Lane) -> usize {
    match lane {
        Lane::Client => 0,
        Lane::Server => 1,
        Lane::Transit => 2,
        Lane::Bulk | Lane::Junk => usize::MAX,
    }
}

/// The bytes that a packet is counted with: many packets count nothing, and one now and then for all.
#[inline]
fn charge(seen: &Seen, wire_bytes: u32) -> u32 {
    let (before, after) = (seen.used_bytes, seen.used_bytes.saturating_add(wire_bytes));
    let steps = (after >> HEAD_STEP) - (before >> HEAD_STEP);
    let first = if seen.release.is_some() || before == 0 { FIRST_BYTES } else { 0 };
    first.max(steps << HEAD_STEP)
}

impl PacedLane {
    fn tick(&mut self, now: i64, fill: LaneFill) {
        self.pace.tick(now, fill);
        let half_life = (self.pace.reach_ns() / HALF_LIVES_A_REACH).max(HALF_LIFE_MIN_NS);
        let passed = now - self.faded;
        if passed >= half_life / 8 {
            let half_lives = passed as f64 / half_life as f64;
            self.services.fade(half_lives);
            self.prefixes.fade(half_lives);
            self.hosts.fade(half_lives);
            self.faded = now;
        }
        self.divide();
        if !self.pace.is_judged {
            self.cut = Cut::default();
        } else if self.cut.since.is_none() {
            self.cut.since = Some(now);
        }
    }

    #[cold]
    fn judge(
        &mut self,
        hasher: &KeyHasher,
        (headers, seen): (&Headers, &Seen),
        charge: u32,
        (wire_bytes, kept_bytes): (u32, u32),
    ) -> Verdict {
        if self.pace.pending >= self.until_divided {
            self.pace.judge();
            self.divide();
        }
        let key = key_of(headers);
        let key = if seen.from_client { key } else { key.reversed() };
        let remote_is_client = matches!(seen.direction, Direction::Inbound | Direction::External);
        let claim = Claim::new(&key, remote_is_client, seen.sure);
        let level = self.level(hasher, &claim, charge as f64);
        let verdict = verdict(level, seen);
        if verdict == Verdict::Keep {
            self.keep(hasher, &claim, charge as f64);
        } else {
            let left = if verdict == Verdict::Headers { HEADERS_BYTES.min(kept_bytes) + PACKET_EXTRA_BYTES } else { 0 };
            self.pace.pending -= f64::from(kept_bytes + PACKET_EXTRA_BYTES - left);
            self.cut.packets += 1;
            self.cut.bytes += u64::from(wire_bytes);
        }
        verdict
    }

    /// Counts what a source offers; the level that its flows are kept at.
    fn level(&mut self, hasher: &KeyHasher, claim: &Claim, charge: f64) -> Level {
        let number = if charge > 0.0 {
            self.services.open(claim.service, claim.sure, charge)
        } else {
            self.services.find(claim.service, claim.sure)
        };
        let rigour = self.rigour(number);
        let is_judged = self.pace.is_judged;
        let Some(service) = self.services.all.get_mut(number) else { return Level::Whole };
        service.recent += charge;
        let split = service.split;
        let name = claim.prefix_name(hasher);
        let account = if charge > 0.0 { self.prefixes.open(name, charge) } else { self.prefixes.find(name) };
        let Some(account) = account else {
            service.strangers += charge;
            let demand = Demand { wanted: service.strangers, entitled: 0.0 };
            return if is_judged { Level::of(split.part(demand, rigour)) } else { Level::Whole };
        };
        let is_new = account.recent == 0.0;
        account.service = number as u8;
        account.recent += charge;
        if !is_judged {
            return Level::Whole;
        }
        if is_new {
            account.level = Level::of(split.part(account.demand(), rigour));
        }
        let (level, prefix_sends) = (account.level, account.recent);
        // In debt the disk has the last word.
        if level == Level::Whole || rigour.evenly <= 0.0 {
            return level;
        }
        // A host that sends little of what its prefix does is not taken for its neighbours.
        let host = claim.host_name(hasher);
        let host = if charge > 0.0 { self.hosts.open(host, charge) } else { self.hosts.find(host) };
        let Some(host) = host else { return level };
        if host.recent == 0.0 {
            // What its prefix had sent before is not known to be others'.
            host.usual = prefix_sends;
        }
        host.recent += charge;
        if host.recent * MINOR_PART < prefix_sends - host.usual { level.milder() } else { level }
    }

    /// Counts what was kept of a source.
    fn keep(&mut self, hasher: &KeyHasher, claim: &Claim, charge: f64) {
        if charge == 0.0 {
            return;
        }
        let number = self.services.find(claim.service, claim.sure);
        if let Some(service) = self.services.all.get_mut(number) {
            service.usual += charge;
        }
        if let Some(account) = self.prefixes.find(claim.prefix_name(hasher)) {
            account.usual += charge;
        }
    }

    /// By how much what was divided is corrected for a service, by what the disk says in the end: debt takes from the
    /// unsure first, then from the sure, then from who is entitled.
    fn rigour(&self, number: usize) -> Rigour {
        let left = self.pace.debt_part();
        let unsure = (1.0 + left).clamp(0.0, 9.0);
        let evenly = if number < UNSURE { unsure.max((2.0 + left).clamp(0.0, 1.0)) } else { unsure };
        Rigour { evenly, entitled: (3.0 + left).clamp(0.0, 1.0) }
    }

    /// Divides the pace, first among services, then among the sources of those that want too much.
    fn divide(&mut self) {
        self.until_divided = self.pace.pending + (self.pace.burst() / DIVIDE_PART).max(1e5);
        if !self.pace.is_judged {
            return;
        }
        let demands = self.services.all.map(|service| service.demand());
        let (sure, unsure) = demands.split_at(UNSURE);
        // What the disk takes at this pace is what it usually takes for as much.
        let pace: f64 = demands.iter().map(|one| one.entitled).sum::<f64>().max(1.0);
        let of_sure = Split::of(pace, sure);
        let taken: f64 = sure.iter().map(|one| of_sure.part(*one, JUST).min(1.0) * one.wanted).sum();
        let of_unsure = Split::of((pace - taken).max(pace / UNSURE_PART), unsure);
        let mut groups: Vec<Vec<Demand>> = vec![Vec::new(); demands.len()];
        for account in self.prefixes.iter() {
            if let Some(group) = groups.get_mut(usize::from(account.service)) {
                group.push(account.demand());
            }
        }
        for (number, (service, demand)) in self.services.all.iter_mut().zip(demands).enumerate() {
            let split = if number < UNSURE { of_sure } else { of_unsure };
            let part = split.part(demand, JUST);
            service.split = if part >= 1.0 {
                Split::ENOUGH
            } else {
                let mut group = std::mem::take(&mut groups[number]);
                group.push(Demand { wanted: service.strangers, entitled: 0.0 });
                Split::of(part * demand.wanted, &group)
            };
        }
        let rigours = [0, UNSURE].map(|number| self.rigour(number));
        for account in self.prefixes.iter_mut() {
            let Some(service) = self.services.all.get(usize::from(account.service)) else { continue };
            let rigour = rigours[usize::from(usize::from(account.service) >= UNSURE)];
            account.level = account.level.next(service.split.part(account.demand(), rigour));
        }
    }
}

/// As it was divided.
const JUST: Rigour = Rigour { evenly: 1.0, entitled: 1.0 };

/// What a level means for a packet.
fn verdict(level: Level, seen: &Seen) -> Verdict {
    match level {
        Level::Whole => Verdict::Keep,
        Level::Junk => Verdict::Junk,
        Level::Start if seen.used_bytes < level::START_BYTES => Verdict::Keep,
        Level::Start => Verdict::Junk,
        Level::Headers => Verdict::Headers,
    }
}
