//! A live flow in bytes.

use super::Input;
use crate::Error;
use crate::clock::Tick;
use crate::entry::{Entry, Facts, Link, NONE, Tally};
use crate::history::History;
use crate::key::PackedKey;
use crate::part::FlowId;
use crate::path::{Path, VlanIds};
use crate::tcp::{Connection, End};
use packet::decode::Tunnel;
use packet::{Address, Mac};

/// The least that a flow takes.
pub(super) const BYTES_MIN: usize = 40 + 16 + 16 + 3 + 40 + 20;

/// Appends a flow and its path.
pub(super) fn put(out: &mut Vec<u8>, entry: &Entry, path: &Path) {
    entry.key.to_words().iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
    out.extend_from_slice(&entry.flow_id.0.to_be_bytes());
    out.extend_from_slice(&entry.start.to_be_bytes());
    for word in [entry.head_used, entry.head_since.0, entry.active.0, entry.link.since.0] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    out.extend_from_slice(&entry.facts.to_bits().to_be_bytes());
    out.push(entry.facts.queue);
    put_connection(out, &entry.connection);
    put_path(out, path);
}

/// The next flow and its path; its part, frame and links are empty.
pub(super) fn take(input: &mut Input<'_>) -> Result<(Entry, Path), Error> {
    let mut words = [0; 5];
    for word in &mut words {
        *word = input.u64()?;
    }
    let (flow_id, start) = (FlowId(input.u64()?), input.u64()? as i64);
    let [head_used, head_since, active, since] = [input.u32()?, input.u32()?, input.u32()?, input.u32()?];
    let facts = Facts::from_parts(input.u16()?, input.u8()?);
    let entry = Entry {
        key: PackedKey::from_words(words),
        flow_id,
        start,
        tally: Tally::default(),
        connection: connection(input)?,
        head_used,
        head_since: Tick(head_since),
        active: Tick(active),
        link: Link { previous: NONE, next: NONE, since: Tick(since) },
        path: NONE,
        part: NONE,
        frame: NONE,
        facts,
    };
    Ok((entry, path(input)?))
}

fn put_connection(out: &mut Vec<u8>, connection: &Connection) {
    let Connection { seq_end, ours_first, history, seen, repeats, ends, flags } = connection;
    for word in [seq_end[0], seq_end[1], *ours_first, *seen].into_iter().chain(history.to_words()) {
        out.extend_from_slice(&word.to_be_bytes());
    }
    out.extend_from_slice(repeats);
    out.extend(ends.map(|end| end as u8));
    out.extend_from_slice(flags);
}

fn connection(input: &mut Input<'_>) -> Result<Connection, Error> {
    let seq_end = [input.u32()?, input.u32()?];
    let (ours_first, seen) = (input.u32()?, input.u32()?);
    let history = History::from_words([input.u32()?, input.u32()?, input.u32()?, input.u32()?]);
    let repeats = input.array()?;
    let mut end = || {
        let number = usize::from(input.u8()?);
        End::ALL.get(number).copied().ok_or(Error::Impossible { field: "ends" })
    };
    let ends = [end()?, end()?];
    Ok(Connection { seq_end, ours_first, history, seen, repeats, ends, flags: input.array()? })
}

fn put_path(out: &mut Vec<u8>, path: &Path) {
    out.extend_from_slice(&path.interface.to_be_bytes());
    out.extend_from_slice(&path.vlans.to_bits().to_be_bytes());
    for mac in [path.client_mac, path.server_mac] {
        out.push(u8::from(mac.is_some()));
        out.extend_from_slice(&mac.map(|mac| mac.0).unwrap_or_default()[..if mac.is_some() { 6 } else { 0 }]);
    }
    let (kind, id) = match path.tunnel {
        None => (0, 0),
        Some(Tunnel::Vxlan(id)) => (1, id),
        Some(Tunnel::Geneve(id)) => (2, id),
        Some(Tunnel::Gre(id)) => (3, id),
        Some(Tunnel::Erspan(id)) => (4, u32::from(id)),
        Some(Tunnel::GtpU(id)) => (5, id),
        Some(Tunnel::IpIp) => (6, 0),
        Some(Tunnel::Pppoe(id)) => (7, u32::from(id)),
        Some(Tunnel::Mpls(id)) => (8, id),
        Some(Tunnel::Teredo) => (9, 0),
        Some(Tunnel::L2tp(id)) => (10, id),
        Some(Tunnel::EtherIp) => (11, 0),
        Some(Tunnel::MacInMac(id)) => (12, id),
        Some(Tunnel::PimRegister) => (13, 0),
        Some(Tunnel::Lisp(id)) => (14, id),
        Some(Tunnel::Capwap) => (15, 0),
    };
    out.push(kind);
    out.extend_from_slice(&u32::to_be_bytes(id));
    out.push(u8::from(path.outer.is_some()));
    path.outer.iter().flatten().for_each(|address| out.extend_from_slice(&address.0));
}

fn path(input: &mut Input<'_>) -> Result<Path, Error> {
    let interface = input.u32()?;
    let vlans = VlanIds::from_bits(input.u64()?);
    let mut mac = || Ok::<_, Error>(if input.u8()? == 0 { None } else { Some(Mac(input.array()?)) });
    let (client_mac, server_mac) = (mac()?, mac()?);
    let (kind, id) = (input.u8()?, input.u32()?);
    let tunnel = match kind {
        0 => None,
        1 => Some(Tunnel::Vxlan(id)),
        2 => Some(Tunnel::Geneve(id)),
        3 => Some(Tunnel::Gre(id)),
        4 => Some(Tunnel::Erspan(id as u16)),
        5 => Some(Tunnel::GtpU(id)),
        6 => Some(Tunnel::IpIp),
        7 => Some(Tunnel::Pppoe(id as u16)),
        8 => Some(Tunnel::Mpls(id)),
        9 => Some(Tunnel::Teredo),
        10 => Some(Tunnel::L2tp(id)),
        11 => Some(Tunnel::EtherIp),
        12 => Some(Tunnel::MacInMac(id)),
        13 => Some(Tunnel::PimRegister),
        14 => Some(Tunnel::Lisp(id)),
        15 => Some(Tunnel::Capwap),
        _ => return Err(Error::Impossible { field: "tunnel" }),
    };
    let outer = if input.u8()? == 0 { None } else { Some([Address(input.array()?), Address(input.array()?)]) };
    Ok(Path { interface, client_mac, server_mac, vlans, tunnel, outer })
}
