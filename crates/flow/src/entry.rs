//! A live flow in the table.

use crate::clock::Tick;
use crate::key::PackedKey;
use crate::lane::{Lane, LaneSet};
use crate::ours::Direction;
use crate::part::FlowId;
use crate::tcp::Connection;

/// What the table knows about a live flow; 184 bytes, of which there are as many as the table has room for.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Entry {
    pub(crate) key: PackedKey,
    pub(crate) flow_id: FlowId,
    /// Time of the flow's first packet.
    pub(crate) start: i64,
    pub(crate) tally: Tally,
    pub(crate) connection: Connection,
    /// Bytes of the head used up since `head_since`.
    pub(crate) head_used: u32,
    pub(crate) head_since: Tick,
    /// When it last had a packet.
    pub(crate) active: Tick,
    pub(crate) link: Link,
    /// Number of its path.
    pub(crate) path: u32,
    /// Number of its part in this period, or [`NONE`].
    pub(crate) part: u32,
    /// The frame that its newest packet is in, or [`NONE`].
    pub(crate) frame: u32,
    pub(crate) facts: Facts,
}

/// No slot, part or frame.
pub(crate) const NONE: u32 = u32::MAX;

/// What a flow did in the current period. The sums are at most `u32::MAX`: a part ends before one would be more.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Earliest and latest packet time.
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// First and last arrival number, counted from the period's first.
    pub(crate) first_arrival: u32,
    pub(crate) last_arrival: u32,
    /// Of the client and of the server.
    pub(crate) packets: [u32; 2],
    pub(crate) bytes: [u32; 2],
    pub(crate) captured_bytes: u32,
    /// Wire segments beyond one a packet.
    pub(crate) extra_segments: u32,
}

/// Its place in one of the idle queues.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) previous: u32,
    pub(crate) next: u32,
    /// When it entered the queue.
    pub(crate) since: Tick,
}

/// Small facts in 32 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    bits: u16,
    /// Of this period: a bit a lane, and [`Facts::NOT_PLAIN`].
    lanes: u8,
    pub(crate) queue: u8,
}

impl Facts {
    pub(crate) const CLIENT_IS_LOW: u16 = 1;
    /// Its client is ours; with proof needed, the server is ours otherwise.
    pub(crate) const CLIENT_IS_OURS: u16 = 1 << 1;
    /// It proved that it hears us, or need not.
    pub(crate) const PROVEN: u16 = 1 << 2;
    pub(crate) const START_SEEN: u16 = 1 << 3;
    /// Our side sent something that an acknowledgement can prove.
    pub(crate) const OURS_SENT: u16 = 1 << 4;
    pub(crate) const OCCUPIED: u16 = 1 << 5;
    /// It was reset, by an RST that is not a blind guess.
    pub(crate) const RESET: u16 = 1 << 6;
    /// The server has said something.
    pub(crate) const ANSWERED: u16 = 1 << 7;
    /// Admission made it junk.
    pub(crate) const SET_ASIDE: u16 = 1 << 10;
    /// A packet of it was not plain.
    const NOT_PLAIN: u8 = 1 << 7;
    const DIRECTION_SHIFT: u32 = 8;

    pub(crate) fn new(direction: Direction) -> Self {
        Self { bits: Self::OCCUPIED | (direction as u16) << Self::DIRECTION_SHIFT, lanes: 0, queue: 0 }
    }

    #[inline]
    pub(crate) fn has(self, fact: u16) -> bool {
        self.bits & fact != 0
    }

    #[inline]
    pub(crate) fn set(&mut self, fact: u16, value: bool) {
        self.bits = if value { self.bits | fact } else { self.bits & !fact };
    }

    #[inline]
    pub(crate) fn direction(self) -> Direction {
        match self.bits >> Self::DIRECTION_SHIFT & 3 {
            0 => Direction::Inbound,
            1 => Direction::Outbound,
            2 => Direction::Internal,
            _ => Direction::External,
        }
    }

    /// What is of its part alone.
    pub(crate) fn of_part(&mut self) -> &mut u8 {
        &mut self.lanes
    }

    #[inline]
    pub(crate) fn lanes(self) -> LaneSet {
        LaneSet::from_bits(self.lanes)
    }

    #[inline]
    pub(crate) fn add_lane(&mut self, lane: Lane) {
        self.lanes |= 1 << lane as u8;
    }

    /// True if all packets of this period were plain ([`Headers::is_plain`](packet::Headers::is_plain)).
    pub(crate) fn is_plain(self) -> bool {
        self.lanes & Self::NOT_PLAIN == 0
    }

    #[inline]
    pub(crate) fn add_packet(&mut self, is_plain: bool) {
        self.lanes |= if is_plain { 0 } else { Self::NOT_PLAIN };
    }

    /// Forgets what was of this period alone.
    pub(crate) fn end_period(&mut self) {
        self.lanes = 0;
    }

    pub(crate) fn to_bits(self) -> u16 {
        self.bits
    }

    pub(crate) fn from_parts(bits: u16, queue: u8) -> Self {
        Self { bits: bits | Self::OCCUPIED, lanes: 0, queue }
    }
}

impl Entry {
    #[inline]
    pub(crate) fn is_tcp(&self) -> bool {
        self.key.proto() == 6
    }

    /// Someone who only pretends an address cannot have made it: a stranger acknowledged what we sent, or somebody whom we
    /// asked answered.
    #[inline]
    pub(crate) fn is_sure(&self) -> bool {
        match self.facts.direction() {
            Direction::Inbound => !matches!(self.key.proto(), 17 | 136),
            _ => self.facts.has(Facts::ANSWERED),
        }
    }

    /// The lane of its head.
    #[inline]
    pub(crate) fn head_lane(&self) -> Lane {
        match self.facts.direction() {
            Direction::Outbound | Direction::Internal => Lane::Client,
            Direction::Inbound => Lane::Server,
            Direction::External => Lane::Transit,
        }
    }

    /// Reads a word of each cache line that it lies in.
    #[inline]
    pub(crate) fn touch(&self) -> u64 {
        let words = [self.tally.first as u64, self.connection.ours_first.into(), self.part.into()];
        words.into_iter().fold(self.key.first_word(), u64::wrapping_add) ^ u64::from(self.facts.queue)
    }

    /// True if a packet that the lower end of the key sent is the client's.
    #[inline]
    pub(crate) fn is_from_client(&self, from_low: bool) -> bool {
        from_low == self.facts.has(Facts::CLIENT_IS_LOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 184, "{}", size_of::<Entry>());
    }
}
