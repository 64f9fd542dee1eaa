//! A flow as people and programs get to see it.

use crate::history::History;
use crate::lane::{Lane, LaneSet};
use crate::ours::Direction;
use crate::part::{EndReason, FlowId, FlowPart};
use crate::payload::Payload;
use crate::tcp::ConnState;
use packet::decode::{Tunnel, Vlans};
use packet::{Address, FlowKey, Mac, Timestamp};
use std::cmp::Ordering;

/// A flow: the sum of its parts. Fields are named as in the JSON and the Parquet columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowRow {
    /// The flow's name.
    pub flow_id: FlowId,
    /// Earliest packet time.
    pub start: Timestamp,
    /// Latest packet time.
    pub end: Timestamp,
    /// The packet that opened it was seen.
    pub start_seen: bool,
    /// Why it ended, if it has.
    pub end_reason: Option<EndReason>,
    /// IP protocol number; 0 without IP.
    pub proto: u8,
    /// 4 or 6; 0 without IP.
    pub ip_version: u8,
    /// The client's address; hardware address in the last six bytes without IP.
    pub src_ip: Address,
    /// The client's port; for ICMP and without IP see [`FlowKey`] and [`FlowPart::key`].
    pub src_port: u16,
    /// The server's address.
    pub dest_ip: Address,
    /// The server's port.
    pub dest_port: u16,
    /// An ICMP message without a counterpart.
    pub one_way: bool,
    /// Who started it, seen from our side.
    pub direction: Direction,
    /// It proved that it hears us, or need not.
    pub proven: bool,
    /// VLAN ids, outermost first.
    pub vlan: Vlans,
    /// All of its packets are plain ([`Headers::is_plain`](packet::Headers::is_plain)).
    pub is_plain: bool,
    /// Innermost tunnel.
    pub tunnel: Option<Tunnel>,
    /// Number of the interface.
    pub in_iface: u32,
    /// The client's hardware address.
    pub src_mac: Option<Mac>,
    /// The server's hardware address.
    pub dest_mac: Option<Mac>,
    /// Packets from client to server.
    pub pkts_toserver: u64,
    /// Packets from server to client.
    pub pkts_toclient: u64,
    /// Bytes on the wire from client to server, link layer included.
    pub bytes_toserver: u64,
    /// Bytes on the wire from server to client, link layer included.
    pub bytes_toclient: u64,
    /// Segments on the wire that the packets stand for.
    pub wire_segments: u64,
    /// Bytes of its packets that were kept.
    pub captured_bytes: u64,
    /// TCP flags that the client sent.
    pub tcp_flags_ts: u8,
    /// TCP flags that the server sent.
    pub tcp_flags_tc: u8,
    /// Zeek's connection state.
    pub conn_state: ConnState,
    /// Zeek's history.
    pub history: History,
    /// Lanes that its packets went to.
    pub lanes: LaneSet,
    /// Arrival number of its first packet.
    pub first_arrival: u64,
    /// Arrival number of its last packet.
    pub last_arrival: u64,
    /// What payload says of it; `None` if that was read of none of its parts.
    pub payload: Option<Box<Payload>>,
    /// Heads of it were kept that were not read for `payload`.
    pub is_unread: bool,
}

/// How much of a flow's packets is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kept {
    /// No packet.
    None,
    /// Headers: packets cut short.
    Headers,
    /// Its head whole, not its bulk.
    Head,
    /// Every packet whole.
    Full,
}

impl Kept {
    /// The word in rows and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Headers => "headers",
            Self::Head => "head",
            Self::Full => "full",
        }
    }
}

impl From<&FlowPart> for FlowRow {
    fn from(part: &FlowPart) -> Self {
        Self {
            flow_id: part.flow_id,
            start: part.start.min(part.first),
            end: part.end,
            start_seen: part.start_seen,
            end_reason: part.end_reason,
            proto: part.key.proto,
            ip_version: part.key.ip_version,
            src_ip: part.key.src,
            src_port: part.key.src_port,
            dest_ip: part.key.dest,
            dest_port: part.key.dest_port,
            one_way: part.key.one_way,
            direction: part.direction,
            proven: part.proven,
            vlan: part.vlan,
            is_plain: part.is_plain,
            tunnel: part.tunnel,
            in_iface: part.in_iface,
            src_mac: part.src_mac,
            dest_mac: part.dest_mac,
            pkts_toserver: part.pkts_toserver,
            pkts_toclient: part.pkts_toclient,
            bytes_toserver: part.bytes_toserver,
            bytes_toclient: part.bytes_toclient,
            wire_segments: part.wire_segments,
            captured_bytes: part.captured_bytes,
            tcp_flags_ts: part.tcp_flags_ts,
            tcp_flags_tc: part.tcp_flags_tc,
            conn_state: part.conn_state,
            history: part.history,
            lanes: part.lanes,
            first_arrival: part.first_arrival,
            last_arrival: part.last_arrival,
            payload: payload_of(part),
            is_unread: part.is_unread(),
        }
    }
}

/// Seconds that an open TCP connection can be silent.
const TCP_SILENCE_SECONDS: i64 = 600;

impl FlowRow {
    /// Whether more follows its head that can tell anything.
    pub fn says_more_than_head(&self) -> bool {
        self.payload.as_ref().is_some_and(|payload| payload.goes_on_in(self.lanes))
    }

    /// Adds another part of the same flow; the order of the parts does not matter.
    pub fn merge(&mut self, part: &FlowPart) {
        debug_assert_eq!(self.flow_id, part.flow_id);
        self.start = self.start.min(part.start).min(part.first);
        self.end = self.end.max(part.end);
        self.start_seen |= part.start_seen;
        self.proven |= part.proven;
        self.is_plain &= part.is_plain;
        self.pkts_toserver = self.pkts_toserver.saturating_add(part.pkts_toserver);
        self.pkts_toclient = self.pkts_toclient.saturating_add(part.pkts_toclient);
        self.bytes_toserver = self.bytes_toserver.saturating_add(part.bytes_toserver);
        self.bytes_toclient = self.bytes_toclient.saturating_add(part.bytes_toclient);
        self.wire_segments = self.wire_segments.saturating_add(part.wire_segments);
        self.captured_bytes = self.captured_bytes.saturating_add(part.captured_bytes);
        self.tcp_flags_ts |= part.tcp_flags_ts;
        self.tcp_flags_tc |= part.tcp_flags_tc;
        self.lanes = self.lanes.union(part.lanes);
        self.tunnel = self.tunnel.or(part.tunnel);
        if part.last_arrival >= self.last_arrival {
            self.conn_state = part.conn_state;
            self.history = part.history;
            self.end_reason = part.end_reason;
            self.last_arrival = part.last_arrival;
        }
        self.first_arrival = self.first_arrival.min(part.first_arrival);
        self.is_unread |= part.is_unread();
        match (&mut self.payload, &part.payload) {
            (Some(known), Some(later)) => known.merge(later, part.first_arrival),
            (known @ None, Some(_)) => *known = payload_of(part),
            (_, None) => {}
        }
    }

    /// Says how it ended, if no part does and it was silent for longer than its state allows before `now`, the latest
    /// time of a packet that was looked at: a flow that ends in a period without packets of its own leaves no part there.
    pub fn settle(&mut self, now: Timestamp) {
        if self.end_reason.is_none() && self.is_silent(now) {
            self.end_reason = Some(self.silence().1);
        }
    }

    /// Whether it was silent before `now` for longer than its state allows.
    pub fn is_silent(&self, now: Timestamp) -> bool {
        now.since(self.end) > self.silence().0 * 1_000_000_000
    }

    /// Nanoseconds that it can be silent without ending, with some to spare.
    pub fn silence_max_ns(&self) -> u64 {
        let seconds = match self.silence() {
            // An RST out of place aborts nothing, and a row does not tell that it was.
            (_, EndReason::Reset) if self.proven && self.end_reason.is_none() => TCP_SILENCE_SECONDS,
            (seconds, _) => seconds,
        };
        (seconds.unsigned_abs() + 10) * 1_000_000_000
    }

    /// Seconds that it can be silent, and how it ends then.
    fn silence(&self) -> (i64, EndReason) {
        let is_tcp = self.proto == 6;
        match self.conn_state {
            ConnState::SF if is_tcp => (5, EndReason::Closed),
            ConnState::Rej | ConnState::Rsto | ConnState::Rstr | ConnState::Rstos0 | ConnState::Rstrh => {
                (2, EndReason::Reset)
            }
            _ if !self.proven => (5, EndReason::Idle),
            _ if is_tcp => (TCP_SILENCE_SECONDS, EndReason::Idle),
            _ => (60, EndReason::Idle),
        }
    }

    /// The key from client to server.
    pub fn key(&self) -> FlowKey {
        FlowKey {
            src: self.src_ip,
            dest: self.dest_ip,
            src_port: self.src_port,
            dest_port: self.dest_port,
            proto: self.proto,
            ip_version: self.ip_version,
            one_way: self.one_way,
        }
    }

    /// Nanoseconds from the first to the last packet.
    pub fn duration(&self) -> u64 {
        u64::try_from(self.end.since(self.start)).unwrap_or(0)
    }

    /// The Community ID 1.0 with seed 0; `None` without IP.
    pub fn community_id(&self) -> Option<String> {
        if self.ip_version == 0 { None } else { packet::community_id(&self.key(), 0) }
    }

    /// Type of an ICMP or ICMPv6 message, the client's.
    pub fn icmp_type(&self) -> Option<u8> {
        self.is_icmp().then_some(self.src_port as u8)
    }

    /// Code of an ICMP or ICMPv6 message; requests and replies that have a counterpart have none.
    pub fn icmp_code(&self) -> Option<u8> {
        self.is_icmp().then_some(if self.one_way { self.dest_port as u8 } else { 0 })
    }

    /// EtherType of a flow without IP.
    pub fn ether_type(&self) -> Option<u16> {
        (self.ip_version == 0).then_some(self.src_port)
    }

    /// The lane of its head: the first of client, server, transit that has any of it, else junk or bulk.
    pub fn lane(&self) -> Option<Lane> {
        self.lanes.iter().next()
    }

    /// How much of it is kept, given the lanes whose packets from its time are still there.
    pub fn kept(&self, available: LaneSet) -> Kept {
        let there = self.lanes.intersection(available);
        let wire_bytes = self.bytes_toserver.saturating_add(self.bytes_toclient);
        let packets = self.pkts_toserver.saturating_add(self.pkts_toclient);
        match () {
            () if there.is_empty() => Kept::None,
            () if there == self.lanes && self.captured_bytes >= wire_bytes => Kept::Full,
            () if there == LaneSet::from_iter([Lane::Bulk]) => Kept::Headers,
            () if self.captured_bytes < wire_bytes && self.captured_bytes / HEADERS_BYTES_MAX <= packets => {
                Kept::Headers
            }
            () => Kept::Head,
        }
    }

    /// By start, then by flow id: an order that is the same everywhere.
    pub fn by_start(&self, other: &Self) -> Ordering {
        (self.start, self.flow_id).cmp(&(other.start, other.flow_id))
    }

    fn is_icmp(&self) -> bool {
        matches!((self.ip_version, self.proto), (4, 1) | (6, 58))
    }
}

fn payload_of(part: &FlowPart) -> Option<Box<Payload>> {
    part.payload.as_ref().map(|payload| Box::new(Payload::clone(payload).since(part.first_arrival)))
}

/// Captured bytes a packet on average below which a flow that was cut is headers alone: Ethernet, VLANs, a tunnel,
/// IPv6 and TCP with options fit.
const HEADERS_BYTES_MAX: u64 = 192;
