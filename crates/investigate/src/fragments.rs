//! Datagrams that came in fragments, whole again (RFC 791, RFC 8200 4.5, RFC 5722).

use std::collections::{HashMap, VecDeque};

use packet::decode::{Fragment, Transport};
use packet::{Address, FlowKey, Headers, LinkType, Packet};

use crate::pieces::Pieces;
use crate::{At, Side};

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;

/// Datagrams under way.
const DATAGRAMS_MAX: usize = 1024;
/// Bytes of all that are under way.
const BYTES_MAX: usize = 8 << 20;
/// Bytes of an IP payload.
const DATAGRAM_BYTES_MAX: u64 = 65_535;
/// How long fragments wait for others (RFC 1122, 3.3.2), in nanoseconds.
const AGE_NS_MAX: u64 = 30_000_000_000;

/// Datagrams of which some fragments have come, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    datagrams: HashMap<Name, Datagram>,
    order: VecDeque<Name>,
    held_bytes: usize,
}

/// What the fragments of one datagram have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Name {
    src: Address,
    dest: Address,
    proto: u8,
    ip_version: u8,
    id: u32,
}

#[derive(Debug, Default)]
struct Datagram {
    pieces: Pieces,
    /// The first fragment, and who sent it.
    origin: Option<(At, Side)>,
    /// Bytes of the whole, once the last fragment has come.
    whole_bytes: Option<u64>,
    since: u64,
}

/// A datagram, as much of it as there is.
pub(crate) struct Whole {
    /// Its first fragment.
    pub(crate) at: At,
    pub(crate) side: Side,
    /// From its IP header on.
    pub(crate) data: Vec<u8>,
    pub(crate) headers: Headers,
}

/// A fragment on its way in.
pub(crate) struct Arrived<'a> {
    pub(crate) at: At,
    pub(crate) side: Side,
    pub(crate) fragment: Fragment,
    pub(crate) packet: &'a Packet<'a>,
    pub(crate) headers: &'a Headers,
}

impl Fragments {
    /// Takes in a fragment; gives the datagram that is whole with it, and whether it differs from what had come.
    pub(crate) fn add(&mut self, arrived: &Arrived<'_>, now: u64) -> (Option<Whole>, bool) {
        let Arrived { at, side, fragment, headers, .. } = *arrived;
        let Some(key) = headers.key.filter(|key| matches!(key.proto, TCP | UDP)) else { return (None, false) };
        let name = Name { src: key.src, dest: key.dest, proto: key.proto, ip_version: key.ip_version, id: fragment.id };
        let (data, wire_bytes) = content(arrived, &key);
        let start = u64::from(fragment.offset);
        let end = start + u64::from(wire_bytes);
        if end > DATAGRAM_BYTES_MAX || data.len() as u64 != u64::from(wire_bytes) {
            return (None, false);
        }
        self.make_room(now);
        let datagram = self.datagrams.entry(name).or_insert_with(|| {
            self.order.push_back(name);
            Datagram { since: now, ..Datagram::default() }
        });
        if fragment.offset == 0 {
            datagram.origin.get_or_insert((at, side));
        }
        if !fragment.more {
            datagram.whole_bytes.get_or_insert(end);
        }
        let held_before = datagram.pieces.held_bytes();
        let differs = datagram.pieces.insert(start, at, data, 0);
        self.held_bytes += datagram.pieces.held_bytes() - held_before;
        let whole = datagram.is_whole().then(|| self.take(&name)).flatten();
        (whole, differs)
    }

    /// What there is of a datagram that is not too old: as much as follows its beginning.
    pub(crate) fn take_begun(&mut self, now: u64) -> Option<Whole> {
        while let Some(oldest) = self.order.front().copied() {
            let is_new = |datagram: &Datagram| now.saturating_sub(datagram.since) <= AGE_NS_MAX;
            let is_new = self.datagrams.get(&oldest).is_some_and(is_new);
            let begun = self.take(&oldest).filter(|_| is_new);
            if begun.is_some() {
                return begun;
            }
        }
        None
    }

    fn take(&mut self, name: &Name) -> Option<Whole> {
        self.order.retain(|other| other != name);
        let mut datagram = self.datagrams.remove(name)?;
        self.held_bytes -= datagram.pieces.held_bytes();
        let (at, side) = datagram.origin?;
        let bytes = datagram.whole_bytes.unwrap_or(datagram.pieces.reach() + 1);
        let mut data = ip_header(name, bytes as usize);
        let header_bytes = data.len();
        while let Some(piece) = datagram.pieces.take_before((data.len() - header_bytes) as u64) {
            data.extend_from_slice(&piece.data);
        }
        let headers = packet::decode(LinkType::RAW, &data, u32::try_from(header_bytes as u64 + bytes).ok()?);
        Some(Whole { at, side, data, headers })
    }

    /// Lets go the oldest, if there are too many, or they are too old.
    fn make_room(&mut self, now: u64) {
        while let Some(oldest) = self.order.front() {
            let since = self.datagrams.get(oldest).map_or(0, |datagram| datagram.since);
            let is_full = self.datagrams.len() >= DATAGRAMS_MAX || self.held_bytes >= BYTES_MAX;
            if !is_full && now.saturating_sub(since) <= AGE_NS_MAX {
                return;
            }
            if let Some(datagram) = self.order.pop_front().and_then(|oldest| self.datagrams.remove(&oldest)) {
                self.held_bytes -= datagram.pieces.held_bytes();
            }
        }
    }
}

impl Datagram {
    fn is_whole(&self) -> bool {
        let is_whole = |bytes: u64| self.pieces.data_bytes() as u64 >= bytes && self.pieces.reach() >= bytes;
        self.origin.is_some() && self.whole_bytes.is_some_and(is_whole)
    }
}

/// What a fragment carries of the IP payload, and how much that is on the wire.
fn content<'a>(arrived: &Arrived<'a>, key: &FlowKey) -> (&'a [u8], u32) {
    let Headers { transport, payload_offset, payload_bytes, .. } = *arrived.headers;
    let payload_offset = payload_offset as usize;
    let header_bytes = match arrived.fragment.offset {
        0 => transport_bytes(arrived.packet.data, payload_offset, key, transport),
        _ => 0,
    };
    let wire_bytes = payload_bytes.saturating_add(header_bytes as u32);
    let data = arrived.packet.data.get(payload_offset.saturating_sub(header_bytes)..).unwrap_or_default();
    (data.get(..wire_bytes as usize).unwrap_or(data), wire_bytes)
}

/// Bytes of the transport header before the payload, of the first fragment: what stands there begins with the ports.
fn transport_bytes(data: &[u8], payload_offset: usize, key: &FlowKey, transport: Transport) -> usize {
    let begins = |bytes: &usize| {
        let header = payload_offset.checked_sub(*bytes).and_then(|start| data.get(start..));
        let Some([s0, s1, d0, d1, q0, q1, q2, q3, ..]) = header.and_then(|header| header.first_chunk::<8>()) else {
            return false;
        };
        let ports = (u16::from_be_bytes([*s0, *s1]), u16::from_be_bytes([*d0, *d1]));
        let seq_fits = match transport {
            Transport::Tcp { seq, .. } => u32::from_be_bytes([*q0, *q1, *q2, *q3]) == seq,
            _ => true,
        };
        ports == (key.src_port, key.dest_port) && seq_fits
    };
    match transport {
        Transport::Udp => 8,
        _ => [20, 32, 8, 16, 24, 28, 36, 40, 44, 48, 52, 56, 60].into_iter().find(begins).unwrap_or(0),
    }
}

/// An IP header before `payload_bytes` of a datagram that was not fragmented.
fn ip_header(name: &Name, payload_bytes: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(40 + payload_bytes);
    match (name.src.as_v4(), name.dest.as_v4()) {
        (Some(src), Some(dest)) if name.ip_version == 4 => {
            // 0 where it does not fit, as of a packet that is yet to be segmented.
            let total_bytes = u16::try_from(payload_bytes + 20).unwrap_or(0).to_be_bytes();
            header.extend_from_slice(&[0x45, 0, total_bytes[0], total_bytes[1], 0, 0, 0, 0, 64, name.proto, 0, 0]);
            header.extend_from_slice(&src);
            header.extend_from_slice(&dest);
        }
        _ => {
            let bytes = u16::try_from(payload_bytes).unwrap_or(0).to_be_bytes();
            header.extend_from_slice(&[0x60, 0, 0, 0, bytes[0], bytes[1], name.proto, 64]);
            header.extend_from_slice(&name.src.0);
            header.extend_from_slice(&name.dest.0);
        }
    }
    header
}
