//! Comma-separated values (RFC 4180): a header, CRLF, and fields quoted where they have to be.

use std::io::{self, Write};

use flow::PAYLOAD_FIELDS;

use super::FlowRecord;
use crate::terminal::escaped;
use crate::units::rfc3339;

type Cell = fn(&FlowRecord) -> String;

/// The columns that headers give, named as in the JSON; those that payload gives follow.
const COLUMNS: [(&str, Cell); 33] = [
    ("flow_id", |flow| flow.flow_id.clone()),
    ("community_id", |flow| text(&flow.community_id)),
    ("start", |flow| rfc3339(flow.start)),
    ("end", |flow| rfc3339(flow.end)),
    ("duration", |flow| format!("{:.9}", flow.duration)),
    ("start_seen", |flow| flow.start_seen.to_string()),
    ("end_reason", |flow| text(&flow.end_reason)),
    ("proto", |flow| flow.proto.clone()),
    ("src_ip", |flow| text(&flow.src_ip)),
    ("src_port", |flow| text(&flow.src_port)),
    ("dest_ip", |flow| text(&flow.dest_ip)),
    ("dest_port", |flow| text(&flow.dest_port)),
    ("direction", |flow| flow.direction.to_owned()),
    ("vlan", |flow| flow.vlan.iter().map(u16::to_string).collect::<Vec<_>>().join(" ")),
    ("tunnel", |flow| text(&flow.tunnel)),
    ("tunnel_id", |flow| text(&flow.tunnel_id)),
    ("in_iface", |flow| text(&flow.in_iface)),
    ("src_mac", |flow| text(&flow.src_mac)),
    ("dest_mac", |flow| text(&flow.dest_mac)),
    ("icmp_type", |flow| text(&flow.icmp_type)),
    ("icmp_code", |flow| text(&flow.icmp_code)),
    ("pkts_toserver", |flow| flow.pkts_toserver.to_string()),
    ("pkts_toclient", |flow| flow.pkts_toclient.to_string()),
    ("bytes_toserver", |flow| flow.bytes_toserver.to_string()),
    ("bytes_toclient", |flow| flow.bytes_toclient.to_string()),
    ("wire_segments", |flow| flow.wire_segments.to_string()),
    ("tcp_flags_ts", |flow| text(&flow.tcp_flags_ts)),
    ("tcp_flags_tc", |flow| text(&flow.tcp_flags_tc)),
    ("conn_state", |flow| flow.conn_state.to_owned()),
    ("history", |flow| flow.history.clone()),
    ("lane", |flow| text(&flow.lane)),
    ("kept", |flow| flow.kept.to_owned()),
    ("sensor", |flow| text(&flow.sensor)),
];

/// Prints the header.
pub(super) fn header(out: &mut impl Write) -> io::Result<()> {
    let names = COLUMNS.iter().map(|(name, _)| *name).chain(PAYLOAD_FIELDS.iter().map(|field| field.name));
    write!(out, "{}\r\n", names.collect::<Vec<_>>().join(","))
}

/// Prints one flow.
pub(super) fn line(out: &mut impl Write, flow: &FlowRecord) -> io::Result<()> {
    let said = PAYLOAD_FIELDS.iter().map(|field| flow.payload.joined(field.name));
    let cells = COLUMNS.iter().map(|(_, cell)| cell(flow)).chain(said).map(quoted);
    write!(out, "{}\r\n", cells.collect::<Vec<_>>().join(","))
}

fn text<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map(T::to_string).unwrap_or_default()
}

/// Control characters escaped, and nothing that a spreadsheet would take for a formula.
pub(crate) fn quoted(cell: String) -> String {
    let mut cell = escaped(&cell);
    if cell.starts_with(['=', '+', '-', '@']) {
        cell.insert(0, '\'');
    }
    if cell.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}
