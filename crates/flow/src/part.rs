//! What a flow did in one period.

use crate::history::History;
use crate::lane::{Lane, LaneSet};
use crate::ours::Direction;
use crate::payload::Payload;
use crate::tcp::ConnState;
use packet::decode::{Tunnel, Vlans};
use packet::{Address, FlowKey, Mac, Timestamp};
use std::fmt;

/// A flow's name: a hash of tape id, key and first arrival number; the same over segments and restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u64);

impl FlowId {
    /// The id of the flow with this key, either way round, whose first packet had this arrival number.
    pub fn new(tape_id: &[u8; 16], key: &FlowKey, first_arrival: u64) -> Self {
        let (key, _) = key.canonical();
        let mut bytes = [0; 63];
        let mut rest = &mut bytes[..];
        let fields: [&[u8]; 7] = [
            tape_id,
            &key.src.0,
            &key.dest.0,
            &key.src_port.to_le_bytes(),
            &key.dest_port.to_le_bytes(),
            &[key.proto, key.ip_version, u8::from(key.one_way)],
            &first_arrival.to_le_bytes(),
        ];
        for field in fields {
            let (bytes, after) = rest.split_at_mut(field.len());
            bytes.copy_from_slice(field);
            rest = after;
        }
        let hash = blake3::keyed_hash(b"wiretape flow id: tape, key, no.", &bytes);
        Self(hash.as_bytes().iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte)))
    }

    /// From what [`Display`](fmt::Display) shows.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| u64::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

/// Sixteen hex digits.
impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Why a flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EndReason {
    /// Both sides closed it.
    Closed = 1,
    /// One side aborted it.
    Reset = 2,
    /// It said nothing for too long.
    Idle = 3,
    /// A new connection took over its addresses and ports.
    Reused = 4,
    /// It was not proven, and the table needed the room.
    Evicted = 5,
    /// The row stands for several flows that proved nothing: from one prefix to one target, or what was left over.
    Summed = 6,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [Self::Closed, Self::Reset, Self::Idle, Self::Reused, Self::Evicted, Self::Summed];

    /// The word in rows and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Idle => "idle",
            Self::Reused => "reused",
            Self::Evicted => "evicted",
            Self::Summed => "summed",
        }
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// What a flow did in one period: summed over all parts with the same `flow_id` it is the flow's row.
///
/// Counts (`pkts_*`, `bytes_*`, `wire_segments`, `captured_bytes`), `lanes`, times and arrivals are this part's own;
/// `start`, flags, `conn_state`, `history` and `proven` are the flow's so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowPart {
    /// The flow's name.
    pub flow_id: FlowId,
    /// The client is its `src`; a frame without IP has its hardware addresses (last six bytes) and EtherType as ports.
    pub key: FlowKey,
    /// Time of the flow's first packet, in this part or long before.
    pub start: Timestamp,
    /// Earliest packet time in this part.
    pub first: Timestamp,
    /// Latest packet time in this part.
    pub end: Timestamp,
    /// Arrival number of this part's first packet.
    pub first_arrival: u64,
    /// Arrival number of this part's last packet.
    pub last_arrival: u64,
    /// Packets from client to server.
    pub pkts_toserver: u64,
    /// Packets from server to client.
    pub pkts_toclient: u64,
    /// Bytes on the wire from client to server, link layer included.
    pub bytes_toserver: u64,
    /// Bytes on the wire from server to client, link layer included.
    pub bytes_toclient: u64,
    /// Segments on the wire that the packets stand for (a GRO packet stands for several).
    pub wire_segments: u64,
    /// Bytes of its packets that were kept.
    pub captured_bytes: u64,
    /// TCP flags that the client has sent.
    pub tcp_flags_ts: u8,
    /// TCP flags that the server has sent.
    pub tcp_flags_tc: u8,
    /// Zeek's connection state.
    pub conn_state: ConnState,
    /// Zeek's history.
    pub history: History,
    /// The packet that opened it was seen.
    pub start_seen: bool,
    /// Why it ended, if it has.
    pub end_reason: Option<EndReason>,
    /// Who started it, seen from our side.
    pub direction: Direction,
    /// It proved that it hears us, or need not.
    pub proven: bool,
    /// All packets of this part are plain ([`Headers::is_plain`](packet::Headers::is_plain)): what pcap-filter asks of
    /// their addresses, ports and protocol, the row can answer.
    pub is_plain: bool,
    /// VLAN ids of its first packet, outermost first.
    pub vlan: Vlans,
    /// Innermost tunnel of the flow's first packet that is in one.
    pub tunnel: Option<Tunnel>,
    /// The addresses of the outermost IP header of all of this part's packets that are in a tunnel, ascending; `None` if
    /// they differ, or are not known ([`Headers::outer_addresses`](packet::Headers::outer_addresses)).
    pub outer: Option<[Address; 2]>,
    /// Number of the interface of its first packet.
    pub in_iface: u32,
    /// The client's hardware address, as in its first packet.
    pub src_mac: Option<Mac>,
    /// The server's hardware address, as in its first packet.
    pub dest_mac: Option<Mac>,
    /// Lanes that hold packets of this part.
    pub lanes: LaneSet,
    /// What payload said in this part; `None` if that was not read.
    pub payload: Option<Box<Payload>>,
}

impl FlowPart {
    /// Whether what was said in its heads was not read, or not all of it: what is beyond a head is not read for rows.
    pub fn is_unread(&self) -> bool {
        match &self.payload {
            Some(payload) => payload.is_partial,
            None => self.lanes != LaneSet::from_iter([Lane::Bulk]),
        }
    }

    /// Whether more follows its head that can tell anything.
    pub fn says_more_than_head(&self) -> bool {
        self.payload.as_ref().is_some_and(|payload| payload.goes_on_in(self.lanes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_same_for_both_ways_and_differ_otherwise() {
        let (src, dest) = (Address::v4([192, 0, 2, 1]), Address::v4([192, 0, 2, 2]));
        let key = FlowKey { src, dest, src_port: 5, dest_port: 6, proto: 6, ip_version: 4, one_way: false };
        let id = FlowId::new(&[1; 16], &key, 9);
        assert_eq!(FlowId::new(&[1; 16], &key.reversed(), 9), id);
        assert_ne!(FlowId::new(&[2; 16], &key, 9), id);
        assert_ne!(FlowId::new(&[1; 16], &key, 10), id);
        assert_ne!(FlowId::new(&[1; 16], &FlowKey { proto: 17, ..key }, 9), id);
        assert_eq!(FlowId::parse(&id.to_string()), Some(id));
        for text in ["", "12", "+123456789abcdef", "0123456789abcdefg"] {
            assert_eq!(FlowId::parse(text), None);
        }
    }
}
