//! The columns of a flow file: each with how it is told from a part, and how a part is made of it.

use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};

use flow::{ConnState, Direction, EndReason, FlowId, History, Lane, LaneSet};
use packet::decode::{Tunnel, Vlans};
use packet::{Address, Mac, Timestamp, community_id, protocol_name};

use super::cells::{Cells, Column};
use super::{Given, Stored};

/// Every column, in the order of the file. Names are those of the flow fields, as far as there is a field.
#[rustfmt::skip]
pub(super) const COLUMNS: &[Column] = &[
    column("flow_id", Cells::Unsigned64(|row| row.part.flow_id.0, |row, id| row.part.flow_id = FlowId(id))),
    column("community_id", Cells::Text(tell_community_id, |_, _| Some(()))),
    column("start", Cells::Time(|row| row.part.start.0, |row, time| row.part.start = Timestamp(time))),
    column("part_start", Cells::Time(|row| row.part.first.0, |row, time| row.part.first = Timestamp(time))),
    column("end", Cells::Time(|row| row.part.end.0, |row, time| row.part.end = Timestamp(time))),
    column("start_seen", Cells::Flag(|row| row.part.start_seen, |row, seen| row.part.start_seen = seen)),
    column("end_reason", Cells::Text(
        |row, out| out.push_str(row.part.end_reason.map_or("", EndReason::name)),
        |row, text| { row.part.end_reason = Some(EndReason::from_name(text)?); Some(()) },
    )),
    column("proto", Cells::Text(tell_proto, |_, _| Some(()))),
    column("proto_number", Cells::Unsigned32(
        |row| row.part.key.proto.into(),
        |row, number| { row.part.key.proto = number.try_into().ok()?; Some(()) },
    )),
    column("ip_version", Cells::Unsigned32(
        |row| row.part.key.ip_version.into(),
        |row, version| { row.part.key.ip_version = version.try_into().ok()?; Some(()) },
    )),
    column("src_ip", Cells::Text(
        |row, out| tell_ip(row, row.part.key.src, row.part.src_mac, out),
        |row, text| { row.src_ip = Some(text.parse().ok()?); Some(()) },
    )),
    column("src_port", Cells::Unsigned32(
        |row| row.part.key.src_port.into(),
        |row, port| { row.part.key.src_port = port.try_into().ok()?; Some(()) },
    )),
    column("dest_ip", Cells::Text(
        |row, out| tell_ip(row, row.part.key.dest, row.part.dest_mac, out),
        |row, text| { row.dest_ip = Some(text.parse().ok()?); Some(()) },
    )),
    column("dest_port", Cells::Unsigned32(
        |row| row.part.key.dest_port.into(),
        |row, port| { row.part.key.dest_port = port.try_into().ok()?; Some(()) },
    )),
    column("one_way", Cells::Flag(|row| row.part.key.one_way, |row, one_way| row.part.key.one_way = one_way)),
    column("direction", Cells::Text(
        |row, out| out.push_str(row.part.direction.name()),
        |row, text| { row.part.direction = Direction::from_name(text)?; Some(()) },
    )),
    column("vlan", Cells::List(
        |row, out| out.extend(row.part.vlan.as_slice().iter().map(|id| i32::from(*id))),
        set_vlan,
    )),
    column("tunnel", Cells::Text(
        |row, out| out.push_str(row.part.tunnel.map_or("", Tunnel::name)),
        |row, text| { row.tunnel = Some(tunnel(text, 0)?); Some(()) },
    )),
    column("tunnel_id", Cells::Unsigned32OrNull(
        |row| row.part.tunnel.and_then(Tunnel::id),
        |row, id| { row.tunnel = Some(tunnel(row.tunnel?.name(), id)?); Some(()) },
    )),
    column("in_iface", Cells::Text(
        |row, out| out.push_str(row.interface()),
        |row, text| { row.in_iface = Some(text.to_owned()); Some(()) },
    )),
    column("in_iface_number", Cells::Unsigned32(
        |row| row.part.in_iface,
        |row, number| { row.part.in_iface = number; Some(()) },
    )),
    column("src_mac", Cells::Text(
        |row, out| tell_mac(row.part.src_mac, out),
        |row, text| { row.part.src_mac = Some(mac(text)?); Some(()) },
    )),
    column("dest_mac", Cells::Text(
        |row, out| tell_mac(row.part.dest_mac, out),
        |row, text| { row.part.dest_mac = Some(mac(text)?); Some(()) },
    )),
    column("icmp_type", Cells::Unsigned32OrNull(
        |row| is_icmp(row).then(|| row.part.key.src_port.into()),
        |_, _| Some(()),
    )),
    column("icmp_code", Cells::Unsigned32OrNull(
        |row| is_icmp(row).then(|| if row.part.key.one_way { row.part.key.dest_port.into() } else { 0 }),
        |_, _| Some(()),
    )),
    column("pkts_toserver", Cells::Unsigned64(|row| row.part.pkts_toserver, |row, count| row.part.pkts_toserver = count)),
    column("pkts_toclient", Cells::Unsigned64(|row| row.part.pkts_toclient, |row, count| row.part.pkts_toclient = count)),
    column("bytes_toserver", Cells::Unsigned64(|row| row.part.bytes_toserver, |row, bytes| row.part.bytes_toserver = bytes)),
    column("bytes_toclient", Cells::Unsigned64(|row| row.part.bytes_toclient, |row, bytes| row.part.bytes_toclient = bytes)),
    column("wire_segments", Cells::Unsigned64(|row| row.part.wire_segments, |row, count| row.part.wire_segments = count)),
    column("captured_bytes", Cells::Unsigned64(|row| row.part.captured_bytes, |row, bytes| row.part.captured_bytes = bytes)),
    column("tcp_flags_ts", Cells::Unsigned32(
        |row| row.part.tcp_flags_ts.into(),
        |row, flags| { row.part.tcp_flags_ts = flags.try_into().ok()?; Some(()) },
    )),
    column("tcp_flags_tc", Cells::Unsigned32(
        |row| row.part.tcp_flags_tc.into(),
        |row, flags| { row.part.tcp_flags_tc = flags.try_into().ok()?; Some(()) },
    )),
    column("conn_state", Cells::Text(
        |row, out| out.push_str(row.part.conn_state.name()),
        |row, text| { row.part.conn_state = ConnState::from_name(text)?; Some(()) },
    )),
    column("history", Cells::Text(
        |row, out| put(out, &row.part.history),
        |row, text| { row.part.history = History::parse(text)?; Some(()) },
    )),
    column("proven", Cells::Flag(|row| row.part.proven, |row, proven| row.part.proven = proven)),
    column("lane", Cells::Text(tell_lanes, set_lanes)),
    column("sensor", Cells::Text(|row, out| out.push_str(&row.metadata.sensor), |_, _| Some(()))),
    column("first_arrival", Cells::Unsigned64(|row| row.part.first_arrival, |row, number| row.part.first_arrival = number)),
    column("last_arrival", Cells::Unsigned64(|row| row.part.last_arrival, |row, number| row.part.last_arrival = number)),
    column("frames", Cells::List(
        |row, out| out.extend(row.frames.iter().map(|frame| frame.cast_signed())),
        |row, frames| { row.frames = frames.iter().map(|frame| frame.cast_unsigned()).collect(); Some(()) },
    )),
];

const fn column(name: &'static str, cells: Cells) -> Column {
    Column { name, cells }
}

/// What the text columns say of the addresses, once all columns of a row have been set: `None` if they cannot be.
pub(super) fn complete(row: &mut Stored) -> Option<()> {
    row.part.key.src = address(row.src_ip, row.part.src_mac);
    row.part.key.dest = address(row.dest_ip, row.part.dest_mac);
    row.part.tunnel = row.tunnel;
    Some(())
}

fn address(ip: Option<IpAddr>, mac: Option<Mac>) -> Address {
    match ip {
        Some(IpAddr::V4(ip)) => Address::v4(ip.octets()),
        Some(IpAddr::V6(ip)) => Address::v6(ip.octets()),
        None => hardware(mac),
    }
}

/// What stands for the address of a frame without IP.
pub(super) fn hardware(mac: Option<Mac>) -> Address {
    let [a, b, c, d, e, f] = mac.unwrap_or_default().0;
    Address([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d, e, f])
}

fn tell_ip(row: &Given, address: Address, mac: Option<Mac>, out: &mut String) {
    if row.part.key.ip_version == 0 && address == hardware(mac) {
        return;
    }
    match (row.part.key.ip_version, address.as_v4()) {
        (6, _) | (_, None) => put(out, &Ipv6Addr::from(address.0)),
        (_, Some(_)) => put(out, &address),
    }
}

fn tell_community_id(row: &Given, out: &mut String) {
    out.push_str(&community_id(&row.part.key, 0).unwrap_or_default());
}

fn tell_proto(row: &Given, out: &mut String) {
    match protocol_name(row.part.key.proto) {
        _ if row.part.key.ip_version == 0 => {}
        Some(name) => out.push_str(name),
        None => put(out, &row.part.key.proto),
    }
}

fn is_icmp(row: &Given) -> bool {
    matches!((row.part.key.ip_version, row.part.key.proto), (4, 1) | (6, 58))
}

fn set_vlan(row: &mut Stored, ids: &[i32]) -> Option<()> {
    let mut vlans = Vlans::default();
    for id in ids {
        vlans.push(u16::try_from(*id).ok()?);
    }
    row.part.vlan = vlans;
    Some(())
}

fn tunnel(name: &str, id: u32) -> Option<Tunnel> {
    Some(match name {
        "vxlan" => Tunnel::Vxlan(id),
        "geneve" => Tunnel::Geneve(id),
        "gre" => Tunnel::Gre(id),
        "erspan" => Tunnel::Erspan(id.try_into().ok()?),
        "gtpu" => Tunnel::GtpU(id),
        "ipip" => Tunnel::IpIp,
        "pppoe" => Tunnel::Pppoe(id.try_into().ok()?),
        "mpls" => Tunnel::Mpls(id),
        "teredo" => Tunnel::Teredo,
        "l2tp" => Tunnel::L2tp(id),
        "etherip" => Tunnel::EtherIp,
        "pbb" => Tunnel::MacInMac(id),
        _ => return None,
    })
}

fn tell_mac(mac: Option<Mac>, out: &mut String) {
    if let Some(mac) = mac {
        put(out, &mac);
    }
}

fn mac(text: &str) -> Option<Mac> {
    let mut bytes = [0; 6];
    let mut digits = text.split(':');
    for byte in &mut bytes {
        *byte = u8::from_str_radix(digits.next()?, 16).ok()?;
    }
    digits.next().is_none().then_some(Mac(bytes))
}

fn tell_lanes(row: &Given, out: &mut String) {
    for lane in row.part.lanes.iter() {
        out.push_str(if out.is_empty() { "" } else { "," });
        out.push_str(lane.name());
    }
}

fn set_lanes(row: &mut Stored, text: &str) -> Option<()> {
    row.part.lanes = text.split(',').map(Lane::from_name).collect::<Option<LaneSet>>()?;
    Some(())
}

fn put(out: &mut String, value: &dyn std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}
