//! Lanes: the classes of packets that a tape keeps apart.

use std::fmt;

/// A class of packets, recorded in segments of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Lane {
    /// Heads of flows that ours started, answered or not.
    Client = 0,
    /// Heads of flows that others started, once they proved that they hear us.
    Server = 1,
    /// Heads of flows between two that are not ours, and frames without IP.
    Transit = 2,
    /// The unproven and the excess.
    Junk = 3,
    /// Flows beyond their head.
    Bulk = 4,
}

impl Lane {
    /// Every lane, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Client, Self::Server, Self::Transit, Self::Junk, Self::Bulk];

    /// The lane's name, which is its directory's too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Transit => "transit",
            Self::Junk => "junk",
            Self::Bulk => "bulk",
        }
    }

    /// The lane's number, an index into [`Lane::ALL`].
    #[inline]
    pub fn number(self) -> usize {
        self as usize
    }

    /// The lane of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.name() == name)
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of lanes; bit n stands for lane number n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LaneSet(u8);

impl LaneSet {
    /// No lane.
    pub const EMPTY: Self = Self(0);
    /// Every lane.
    pub const ALL: Self = Self(0x1f);

    /// From its bits; unknown ones are dropped.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Bit n stands for lane number n.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Adds a lane.
    #[inline]
    pub fn insert(&mut self, lane: Lane) {
        self.0 |= 1 << lane as u8;
    }

    /// True if the lane is in the set.
    #[inline]
    pub fn contains(self, lane: Lane) -> bool {
        self.0 & (1 << lane as u8) != 0
    }

    /// True without any lane.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Lanes of either set.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Lanes of both sets.
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The lanes, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Lane> {
        Lane::ALL.into_iter().filter(move |lane| self.contains(*lane))
    }
}

impl FromIterator<Lane> for LaneSet {
    fn from_iter<I: IntoIterator<Item = Lane>>(lanes: I) -> Self {
        let mut set = Self::EMPTY;
        lanes.into_iter().for_each(|lane| set.insert(lane));
        set
    }
}
