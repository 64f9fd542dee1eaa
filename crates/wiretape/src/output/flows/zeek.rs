//! Zeek's conn.log (<https://docs.zeek.org/en/master/logs/conn.html>), with the fields of its scripts for VLANs,
//! hardware addresses and Community ID. Bytes of payload and of IP packets, which Zeek has there, are not known.

use std::io::{self, Write};

use packet::Timestamp;

use super::FlowRecord;
use crate::units::now;

/// Name and Zeek type of the columns.
const FIELDS: [(&str, &str); 26] = [
    ("ts", "time"),
    ("uid", "string"),
    ("id.orig_h", "addr"),
    ("id.orig_p", "port"),
    ("id.resp_h", "addr"),
    ("id.resp_p", "port"),
    ("proto", "enum"),
    ("service", "string"),
    ("duration", "interval"),
    ("orig_bytes", "count"),
    ("resp_bytes", "count"),
    ("conn_state", "string"),
    ("local_orig", "bool"),
    ("local_resp", "bool"),
    ("missed_bytes", "count"),
    ("history", "string"),
    ("orig_pkts", "count"),
    ("orig_ip_bytes", "count"),
    ("resp_pkts", "count"),
    ("resp_ip_bytes", "count"),
    ("tunnel_parents", "set[string]"),
    ("vlan", "int"),
    ("inner_vlan", "int"),
    ("orig_l2_addr", "string"),
    ("resp_l2_addr", "string"),
    ("community_id", "string"),
];

/// Prints the header.
pub(super) fn header(out: &mut impl Write) -> io::Result<()> {
    write!(out, "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n")?;
    writeln!(out, "#open\t{}", log_time(now()))?;
    writeln!(out, "#fields\t{}", FIELDS.map(|(name, _)| name).join("\t"))?;
    writeln!(out, "#types\t{}", FIELDS.map(|(_, kind)| kind).join("\t"))
}

/// Prints the last line.
pub(super) fn footer(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "#close\t{}", log_time(now()))
}

/// Prints one flow; what is no IP has no place in a conn.log.
pub(super) fn line(out: &mut impl Write, flow: &FlowRecord) -> io::Result<()> {
    let (Some(src_ip), Some(dest_ip)) = (&flow.src_ip, &flow.dest_ip) else { return Ok(()) };
    let (local_orig, local_resp) = match flow.direction {
        "outbound" => ("T", "F"),
        "inbound" => ("F", "T"),
        "internal" => ("T", "T"),
        _ => ("F", "F"),
    };
    let icmp_ports = flow.icmp_type.map(u16::from).zip(Some(u16::from(flow.icmp_code.unwrap_or(0))));
    let (orig_p, resp_p) = flow.src_port.zip(flow.dest_port).or(icmp_ports).unwrap_or((0, 0));
    let unset = || "-".to_owned();
    let or_unset = |text: &Option<String>| text.clone().unwrap_or_else(unset);
    let vlan = |index: usize| flow.vlan.get(index).map_or_else(unset, u16::to_string);
    let history = if flow.history.is_empty() { unset() } else { flow.history.clone() };
    let cells = [
        epoch(flow.start),
        format!("C{}", flow.flow_id),
        src_ip.clone(),
        orig_p.to_string(),
        dest_ip.clone(),
        resp_p.to_string(),
        transport(flow.proto_number).to_owned(),
        flow.payload.first("app_proto").map_or_else(unset, service),
        format!("{:.6}", flow.duration),
        unset(),
        unset(),
        flow.conn_state.to_owned(),
        local_orig.to_owned(),
        local_resp.to_owned(),
        unset(),
        history,
        flow.pkts_toserver.to_string(),
        unset(),
        flow.pkts_toclient.to_string(),
        unset(),
        unset(),
        vlan(0),
        vlan(1),
        or_unset(&flow.src_mac),
        or_unset(&flow.dest_mac),
        or_unset(&flow.community_id),
    ];
    writeln!(out, "{}", cells.join("\t"))
}

/// Zeek's name for an application protocol.
fn service(app_proto: &str) -> String {
    match app_proto {
        "tls" => "ssl",
        "krb5" => "krb",
        other => other,
    }
    .to_owned()
}

fn transport(proto: u8) -> &'static str {
    match proto {
        1 | 58 => "icmp",
        6 => "tcp",
        17 => "udp",
        _ => "unknown_transport",
    }
}

fn epoch(time: Timestamp) -> String {
    let microseconds = time.0.div_euclid(1000);
    format!("{}.{:06}", microseconds.div_euclid(1_000_000), microseconds.rem_euclid(1_000_000))
}

fn log_time(time: Timestamp) -> String {
    crate::units::second_text(time).replace([' ', ':'], "-")
}
