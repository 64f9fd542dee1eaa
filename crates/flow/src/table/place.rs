//! Proof, and the lane of a packet.

use super::{Now, Place};
use crate::clock::ticks;
use crate::entry::{Entry, Facts};
use crate::lane::Lane;
use crate::opening::Opening;
use crate::ours::Direction;
use crate::tcp::{ACK, RST, Segment, seq_distance};
use packet::decode::Transport;

/// How long packets wait for proof, in ticks: `Parking::WAIT_MAX`.
const PARK_TICKS: u32 = ticks(400);
/// After this long a flow has another head's worth of bytes.
const HEAD_EVERY: u32 = ticks(3_600_000);
/// Protocols in which an answer proves nothing: ICMP and ICMPv6.
const ECHOING: [u8; 2] = [1, 58];
/// SCTP chunk types that a spoofed packet may hold or cause (RFC 9260, 3.2).
const SCTP_INIT: u8 = 1;
const SCTP_ABORT: u8 = 6;

impl Entry {
    /// Takes in a packet of a flow that is not proven: true if it proves that the other side hears us. It has to be
    /// called before the connection's state takes the packet in.
    pub(super) fn proves(&mut self, transport: Transport, segment: Option<&Segment>, from_client: bool) -> bool {
        let from_ours = from_client == self.facts.has(Facts::CLIENT_IS_OURS);
        match (segment, transport) {
            _ if ECHOING.contains(&self.key.proto()) => false,
            (Some(segment), _) => self.segment_proves(segment, from_client, from_ours),
            (None, _) if self.is_tcp() => false,
            (None, Transport::Sctp { chunk_type: SCTP_INIT | SCTP_ABORT }) if !from_ours => false,
            (None, Transport::Sctp { chunk_type: SCTP_ABORT }) => false,
            _ if from_ours => {
                self.facts.set(Facts::OURS_SENT, true);
                false
            }
            _ => self.facts.has(Facts::OURS_SENT),
        }
    }

    /// An acknowledgement counts for what our side really sent: above its first sequence number, up to its last.
    fn segment_proves(&mut self, segment: &Segment, from_client: bool, from_ours: bool) -> bool {
        if segment.has(RST) {
            return false;
        }
        if from_ours {
            if !self.facts.has(Facts::OURS_SENT) {
                self.facts.set(Facts::OURS_SENT, true);
                self.connection.ours_first = segment.seq;
            }
            return false;
        }
        // Ours is the other end.
        let sent_end = self.connection.seq_end[usize::from(from_client)];
        let sent = seq_distance(sent_end, self.connection.ours_first);
        let acknowledged = seq_distance(segment.ack, self.connection.ours_first);
        self.facts.has(Facts::OURS_SENT) && segment.has(ACK) && acknowledged > 0 && acknowledged <= sent
    }

    /// Makes the flow a proven one; says where its parked packets go. When the proof comes too late for them they have
    /// become junk, and the head begins here.
    pub(super) fn prove(&mut self, now: Now) -> Lane {
        self.facts.set(Facts::PROVEN, true);
        if now.since(self.head_since) < PARK_TICKS {
            return self.head_lane();
        }
        self.head_used = 0;
        self.head_since = now;
        Lane::Junk
    }

    /// Where a packet of this flow goes, and what there was of its head before.
    #[inline]
    pub(super) fn place(&mut self, bytes: u32, head_bytes: u32, now: Now) -> (Place, u32) {
        let age = now.since(self.head_since);
        let proven = self.facts.has(Facts::PROVEN);
        if proven && age >= HEAD_EVERY {
            self.head_since = self.head_since.plus(age - age % HEAD_EVERY);
            self.head_used = 0;
        }
        let used = self.head_used;
        match (proven, used < head_bytes) {
            (true, false) => return (Place::Lane(Lane::Bulk), used),
            (false, _) if age >= PARK_TICKS => return (Place::Lane(Lane::Junk), used),
            (false, false) => return (Place::Lane(Lane::Junk), used),
            _ => self.head_used = self.head_used.saturating_add(bytes),
        }
        (if proven { Place::Lane(self.head_lane()) } else { Place::Park }, used)
    }

    /// True of a flow that is so young that the other side may still answer.
    #[inline]
    pub(super) fn may_open(&self, now: Now) -> bool {
        self.connection.opening() == Opening::SILENT
            && now.since(self.head_since) < PARK_TICKS
            && matches!(self.key.proto(), 6 | 17)
    }

    /// True if a flow has to prove that it hears us: others started it, or others were the first that we saw.
    pub(super) fn needs_proof(direction: Direction, sender_ours: bool, receiver_ours: bool) -> bool {
        direction == Direction::Inbound || (!sender_ours && receiver_ours)
    }
}
