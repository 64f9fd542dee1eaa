//! Admission: which heads are kept whole while a lane fills faster than it usually does. Pure logic, no I/O.
//!
//! Each lane has a pace, 1.25 times what it usually fills at, and a burst allowance. While three quarters of that are left, and
//! while the lane does not have its share yet, nobody is judged. Then those conversations of a service are that open alike and
//! are far above their usual: what room is left is shared evenly among such. Within them sources are served in the order of how
//! far they are above their own usual, those that are least above it first. So one heavy source is cut alone, and a newcomer with
//! little is whole unless there are many as light. docs/lanes.md explains it with a picture.
//!
//! Only proven bytes are counted, names are keyed hashes, and every table has a fixed size.

mod accounts;
mod claim;
mod divide;
mod level;
mod pace;
mod paced;
mod report;
mod room;
mod services;
mod snapshot;

use packet::Headers;

use crate::key::KeyHasher;
use crate::lane::Lane;
use crate::table::Seen;
use paced::PacedLane;

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
    /// It is junk unless the other side answers soon: until then it waits, in [`Parking`](crate::Parking).
    Wait,
}

/// Lanes that have a pace: those of heads. Bulk and junk push out nothing but themselves.
const PACED: [Lane; 3] = [Lane::Client, Lane::Server, Lane::Transit];
/// What a flow's first packet counts, the one that is its proof, and every so many bytes of its head afterwards, as a power
/// of two.
const FIRST_BYTES: u32 = 1 << 10;
const HEAD_STEP: u32 = 11;
/// What a packet takes on the tape besides itself.
const PACKET_EXTRA_BYTES: u32 = 44;

/// Judges what is kept of whom.
#[derive(Clone, Debug)]
pub struct Admission {
    hasher: KeyHasher,
    lanes: Box<[PacedLane; PACED.len()]>,
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
        if charge == 0 && !paced.wants_judging() {
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

/// The bytes that a packet is counted with: many packets count nothing, and one now and then for all. One that shows what
/// its flow is stands for all of it.
#[inline]
fn charge(seen: &Seen, wire_bytes: u32) -> u32 {
    let (before, after) = (seen.used_bytes, seen.used_bytes.saturating_add(wire_bytes));
    let steps = (after >> HEAD_STEP) - (before >> HEAD_STEP);
    if seen.answers || seen.opens {
        return counted(after);
    }
    let first = if seen.release.is_some() || before == 0 { FIRST_BYTES } else { 0 };
    first.max(steps << HEAD_STEP)
}

/// What a flow is counted with, of whose head so many bytes have come.
pub(in crate::admission) fn counted(bytes: u32) -> u32 {
    FIRST_BYTES + (bytes >> HEAD_STEP << HEAD_STEP)
}
