//! The columns of a flow file: each with how it is told from a part, and how a part is made of it.

use std::net::IpAddr;

use flow::{ConnState, Direction, EndReason, FlowId, History, Lane, LaneSet};
use packet::decode::{Tunnel, Vlans};
use packet::{Address, Mac, Timestamp, protocol_name};

use super::cells::Coding::{Few, Packed, Plain, Repeating, Steps};
use super::cells::{Cells, Coding, Column};
use super::words::Word;
use super::{Given, Stored};

/// Every column, in the order of the file. Names are those of the flow fields, as far as there is a field.
#[rustfmt::skip]
pub(super) const COLUMNS: &[Column] = &[
    column("flow_id", Plain, Cells::Unsigned64(|row| row.part.flow_id.0, |row, id| row.part.flow_id = FlowId(id))),
    column("start", Steps, Cells::Time(|row| row.part.start.0, |row, time| row.part.start = Timestamp(time))),
    column("part_start", Steps, Cells::Time(|row| row.part.first.0, |row, time| row.part.first = Timestamp(time))),
    column("end", Steps, Cells::Time(|row| row.part.end.0, |row, time| row.part.end = Timestamp(time))),
    column("start_seen", Plain, Cells::Flag(|row| row.part.start_seen, |row, seen| row.part.start_seen = seen)),
    column("end_reason", Few, Cells::Text(
        |row| row.part.end_reason.map(|reason| Word::Name(reason.name())),
        |row, text| { row.part.end_reason = Some(EndReason::from_name(text)?); Some(()) },
    )),
    column("proto", Few, Cells::Text(tell_proto, |_, _| Some(()))),
    column("proto_number", Few, Cells::Unsigned32(
        |row| row.part.key.proto.into(),
        |row, number| { row.part.key.proto = number.try_into().ok()?; Some(()) },
    )),
    column("ip_version", Few, Cells::Unsigned32(
        |row| row.part.key.ip_version.into(),
        |row, version| { row.part.key.ip_version = version.try_into().ok()?; Some(()) },
    )),
    column("src_ip", Packed, Cells::Text(
        |row| tell_ip(row, row.part.key.src, row.part.src_mac),
        |row, text| { row.src_ip = Some(text.parse().ok()?); Some(()) },
    )),
    column("src_port", Packed, Cells::Unsigned32(
        |row| row.part.key.src_port.into(),
        |row, port| { row.part.key.src_port = port.try_into().ok()?; Some(()) },
    )),
    column("dest_ip", Packed, Cells::Text(
        |row| tell_ip(row, row.part.key.dest, row.part.dest_mac),
        |row, text| { row.dest_ip = Some(text.parse().ok()?); Some(()) },
    )),
    column("dest_port", Repeating, Cells::Unsigned32(
        |row| row.part.key.dest_port.into(),
        |row, port| { row.part.key.dest_port = port.try_into().ok()?; Some(()) },
    )),
    column("one_way", Plain, Cells::Flag(|row| row.part.key.one_way, |row, one_way| row.part.key.one_way = one_way)),
    column("direction", Few, Cells::Text(
        |row| Some(Word::Name(row.part.direction.name())),
        |row, text| { row.part.direction = Direction::from_name(text)?; Some(()) },
    )),
    column("plain", Plain, Cells::Flag(|row| row.part.is_plain, |row, plain| row.part.is_plain = plain)),
    column("vlan", Few, Cells::List(
        |row, out| out.extend(row.part.vlan.as_slice().iter().map(|id| i32::from(*id))),
        set_vlan,
    )),
    column("tunnel", Few, Cells::Text(
        |row| row.part.tunnel.map(|tunnel| Word::Name(tunnel.name())),
        |row, text| { row.tunnel = Some(tunnel(text, 0)?); Some(()) },
    )),
    column("tunnel_id", Few, Cells::Unsigned32OrNull(
        |row| row.part.tunnel.and_then(Tunnel::id),
        |row, id| { row.tunnel = Some(tunnel(row.tunnel?.name(), id)?); Some(()) },
    )),
    column("outer_ip_low", Repeating, Cells::Text(
        |row| row.part.outer.map(|[low, _]| Word::Address(low)),
        |row, text| { row.part.outer = Some([address(Some(text.parse().ok()?), None); 2]); Some(()) },
    )),
    column("outer_ip_high", Repeating, Cells::Text(
        |row| row.part.outer.map(|[_, high]| Word::Address(high)),
        |row, text| { row.part.outer = Some([row.part.outer?[0], address(Some(text.parse().ok()?), None)]); Some(()) },
    )),
    column("in_iface", Few, Cells::Text(
        |row| row.interface().map(Word::Given),
        |row, text| { row.in_iface = Some(text.to_owned()); Some(()) },
    )),
    column("in_iface_number", Few, Cells::Unsigned32(
        |row| row.part.in_iface,
        |row, number| { row.part.in_iface = number; Some(()) },
    )),
    column("src_mac", Packed, Cells::Text(
        |row| row.part.src_mac.map(Word::Mac),
        |row, text| { row.part.src_mac = Some(mac(text)?); Some(()) },
    )),
    column("dest_mac", Packed, Cells::Text(
        |row| row.part.dest_mac.map(Word::Mac),
        |row, text| { row.part.dest_mac = Some(mac(text)?); Some(()) },
    )),
    column("pkts_toserver", Repeating, Cells::Unsigned64(|row| row.part.pkts_toserver, |row, count| row.part.pkts_toserver = count)),
    column("pkts_toclient", Repeating, Cells::Unsigned64(|row| row.part.pkts_toclient, |row, count| row.part.pkts_toclient = count)),
    column("bytes_toserver", Repeating, Cells::Unsigned64(|row| row.part.bytes_toserver, |row, bytes| row.part.bytes_toserver = bytes)),
    column("bytes_toclient", Repeating, Cells::Unsigned64(|row| row.part.bytes_toclient, |row, bytes| row.part.bytes_toclient = bytes)),
    column("wire_segments", Repeating, Cells::Unsigned64(|row| row.part.wire_segments, |row, count| row.part.wire_segments = count)),
    column("captured_bytes", Repeating, Cells::Unsigned64(|row| row.part.captured_bytes, |row, bytes| row.part.captured_bytes = bytes)),
    column("tcp_flags_ts", Few, Cells::Unsigned32(
        |row| row.part.tcp_flags_ts.into(),
        |row, flags| { row.part.tcp_flags_ts = flags.try_into().ok()?; Some(()) },
    )),
    column("tcp_flags_tc", Few, Cells::Unsigned32(
        |row| row.part.tcp_flags_tc.into(),
        |row, flags| { row.part.tcp_flags_tc = flags.try_into().ok()?; Some(()) },
    )),
    column("conn_state", Few, Cells::Text(
        |row| Some(Word::Name(row.part.conn_state.name())),
        |row, text| { row.part.conn_state = ConnState::from_name(text)?; Some(()) },
    )),
    column("history", Repeating, Cells::Text(
        |row| Some(row.part.history).filter(|history| !history.is_empty()).map(Word::History),
        |row, text| { row.part.history = History::parse(text)?; Some(()) },
    )),
    column("proven", Plain, Cells::Flag(|row| row.part.proven, |row, proven| row.part.proven = proven)),
    column("lane", Few, Cells::Text(
        |row| Some(row.part.lanes).filter(|lanes| !lanes.is_empty()).map(Word::Lanes),
        set_lanes,
    )),
    column("sensor", Few, Cells::Text(|row| Some(Word::Given(&row.metadata.sensor)), |_, _| Some(()))),
    column("first_arrival", Steps, Cells::Unsigned64(|row| row.part.first_arrival, |row, number| row.part.first_arrival = number)),
    column("last_arrival", Steps, Cells::Unsigned64(|row| row.part.last_arrival, |row, number| row.part.last_arrival = number)),
    column("frames", Repeating, Cells::List(
        |row, out| out.extend(row.frames.iter().map(|frame| frame.cast_signed())),
        |row, frames| { row.frames = frames.iter().map(|frame| frame.cast_unsigned()).collect(); Some(()) },
    )),
    column("payload", Plain, Cells::WasRead),
    column("app_proto", Repeating, Cells::Said),
    column("tls_sni", Repeating, Cells::Said),
    column("tls_alpn", Repeating, Cells::SaidList),
    column("tls_version", Repeating, Cells::Said),
    column("ja3", Repeating, Cells::Said),
    column("ja3s", Repeating, Cells::Said),
    column("ja4", Repeating, Cells::Said),
    column("hassh", Repeating, Cells::Said),
    column("cert_sha256", Repeating, Cells::Said),
    column("http_hostname", Repeating, Cells::Said),
    column("http_user_agent", Repeating, Cells::Said),
    column("dns_queries", Repeating, Cells::SaidList),
    column("dns_answers", Repeating, Cells::SaidList),
    column("dest_name", Repeating, Cells::Said),
    column("cert_subject", Repeating, Cells::SaidList),
    column("cert_issuer", Repeating, Cells::SaidList),
    column("cert_chain", Repeating, Cells::SaidList),
    column("mail_from", Repeating, Cells::SaidList),
    column("mail_to", Repeating, Cells::SaidList),
    column("mail_subject", Repeating, Cells::SaidList),
    column("file_name", Repeating, Cells::SaidList),
    column("file_sha256", Repeating, Cells::SaidList),
    column("user", Repeating, Cells::SaidList),
    column("host_name", Repeating, Cells::SaidList),
    column("software", Repeating, Cells::SaidList),
    column("detail", Repeating, Cells::SaidList),
    column("more_values", Few, Cells::SaidList),
];

const fn column(name: &'static str, coding: Coding, cells: Cells) -> Column {
    Column { name, coding, cells }
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

fn tell_ip<'a>(row: &Given, address: Address, mac: Option<Mac>) -> Option<Word<'a>> {
    match row.part.key.ip_version {
        0 if address == hardware(mac) => None,
        6 => Some(Word::V6(address)),
        _ => Some(Word::Address(address)),
    }
}

fn tell_proto<'a>(row: &Given<'a>) -> Option<Word<'a>> {
    match protocol_name(row.part.key.proto) {
        _ if row.part.key.ip_version == 0 => None,
        Some(name) => Some(Word::Name(name)),
        None => Some(Word::Number(row.part.key.proto)),
    }
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
        "pim" => Tunnel::PimRegister,
        "lisp" => Tunnel::Lisp(id),
        "capwap" => Tunnel::Capwap,
        _ => return None,
    })
}

fn mac(text: &str) -> Option<Mac> {
    let mut bytes = [0; 6];
    let mut digits = text.split(':');
    for byte in &mut bytes {
        *byte = u8::from_str_radix(digits.next()?, 16).ok()?;
    }
    digits.next().is_none().then_some(Mac(bytes))
}

fn set_lanes(row: &mut Stored, text: &str) -> Option<()> {
    row.part.lanes = text.split(',').map(Lane::from_name).collect::<Option<LaneSet>>()?;
    Some(())
}
