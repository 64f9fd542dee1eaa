//! The fields of a flow, as expressions ask for them.

use filter::question::{Field, Fields, Value};
use flow::{FlowRow, Kept};
use packet::{Address, Mac};

use super::Flow;
use super::gather::Gathered;

/// The fields of a flow's row, and what its source adds to them.
pub(super) struct RowFields<'a> {
    pub(super) flow: &'a Gathered,
    pub(super) kept: Kept,
    pub(super) sensor: Option<&'a str>,
}

impl Fields for RowFields<'_> {
    fn field(&self, field: Field) -> Value<'_> {
        let (row, in_iface) = (&self.flow.row, self.flow.in_iface.as_deref());
        Flow { row, in_iface, kept: self.kept, sensor: self.sensor }.value(field)
    }
}

impl Fields for Flow<'_> {
    fn field(&self, field: Field) -> Value<'_> {
        self.value(field)
    }
}

/// The fields that all parts of a flow share: what can be said of it before all of them are known.
pub(super) struct SharedFields<'a>(pub(super) RowFields<'a>);

impl Fields for SharedFields<'_> {
    fn field(&self, field: Field) -> Value<'_> {
        match field {
            Field::FlowId
            | Field::CommunityId
            | Field::Proto
            | Field::SrcIp
            | Field::DestIp
            | Field::SrcPort
            | Field::DestPort
            | Field::IcmpType
            | Field::IcmpCode
            | Field::Direction
            | Field::Vlan
            | Field::InIface
            | Field::SrcMac
            | Field::DestMac
            | Field::Sensor => self.0.field(field),
            // A part without one says nothing of those to come, which are chosen by themselves.
            Field::Tunnel | Field::TunnelId => self.0.field(field),
            _ => Value::Unknown,
        }
    }
}

/// The fields of a packet whose flow is not known.
pub(super) struct NoFields;

impl Fields for NoFields {
    fn field(&self, _: Field) -> Value<'_> {
        Value::Unknown
    }
}

impl<'a> Flow<'a> {
    fn value(&self, field: Field) -> Value<'a> {
        let row = self.row;
        match field {
            Field::FlowId => Value::Text(row.flow_id.to_string().into()),
            Field::CommunityId => row.community_id().map_or(Value::Missing, |id| Value::Text(id.into())),
            Field::Start => Value::Time(row.start),
            Field::End => Value::Time(row.end),
            Field::Duration => Value::Duration(row.duration()),
            Field::StartSeen => Value::Boolean(row.start_seen),
            Field::EndReason => text(row.end_reason.map(flow::EndReason::name)),
            Field::Direction => Value::Text(row.direction.name().into()),
            Field::Tunnel => text(row.tunnel.map(packet::decode::Tunnel::name)),
            Field::TunnelId => number(row.tunnel.and_then(packet::decode::Tunnel::id)),
            Field::Vlan => Value::List(row.vlan.as_slice().iter().map(|id| Value::Number((*id).into())).collect()),
            Field::InIface => interfaces(self.in_iface),
            Field::SrcMac => row.src_mac.map_or(Value::Missing, Value::Mac),
            Field::DestMac => row.dest_mac.map_or(Value::Missing, Value::Mac),
            Field::IcmpType => number(row.icmp_type()),
            Field::IcmpCode => number(row.icmp_code()),
            Field::Lane => Value::List(row.lanes.iter().map(|lane| Value::Text(lane.name().into())).collect()),
            Field::Kept => Value::Text(self.kept.name().into()),
            Field::Sensor => text(self.sensor),
            field if field.is_of_payload() => said(row, field),
            field => endpoint(row, field).or_else(|| count(row, field)).unwrap_or(Value::Unknown),
        }
    }
}

/// What payload says, as far as it was read.
fn said(row: &FlowRow, field: Field) -> Value<'_> {
    let Some(payload) = &row.payload else { return Value::Unknown };
    let mut values: Vec<Value> = payload.values(field.name()).map(|value| Value::Text(value.into())).collect();
    if row.is_unread || payload.may_lack(field.name()) {
        values.push(Value::Unknown);
    }
    match values.len() {
        0 => Value::Missing,
        1 => values.swap_remove(0),
        _ => Value::List(values),
    }
}

/// Who talks to whom.
fn endpoint(row: &FlowRow, field: Field) -> Option<Value<'static>> {
    let has_ip = row.ip_version != 0;
    Some(match field {
        Field::Proto if has_ip => Value::Number(row.proto.into()),
        Field::Proto => Value::Missing,
        Field::SrcIp => address(row, row.src_ip, row.src_mac),
        Field::DestIp => address(row, row.dest_ip, row.dest_mac),
        Field::SrcPort if has_ports(row) => Value::Number(row.src_port.into()),
        Field::DestPort if has_ports(row) => Value::Number(row.dest_port.into()),
        Field::SrcPort | Field::DestPort => Value::Missing,
        _ => return None,
    })
}

fn count(row: &FlowRow, field: Field) -> Option<Value<'static>> {
    Some(Value::Number(match field {
        Field::PktsToserver => row.pkts_toserver,
        Field::PktsToclient => row.pkts_toclient,
        Field::BytesToserver => row.bytes_toserver,
        Field::BytesToclient => row.bytes_toclient,
        Field::WireSegments => row.wire_segments,
        Field::TcpFlagsTs if row.proto == 6 => row.tcp_flags_ts.into(),
        Field::TcpFlagsTc if row.proto == 6 => row.tcp_flags_tc.into(),
        Field::TcpFlagsTs | Field::TcpFlagsTc => return Some(Value::Missing),
        Field::ConnState => return Some(Value::Text(row.conn_state.name().into())),
        Field::History => return Some(Value::Text(row.history.to_string().into())),
        _ => return None,
    }))
}

fn text(value: Option<&str>) -> Value<'_> {
    value.map_or(Value::Missing, |text| Value::Text(text.into()))
}

/// One packet seen on several interfaces has the names of all of them.
fn interfaces(value: Option<&str>) -> Value<'_> {
    match value {
        Some(names) if names.contains(',') => {
            Value::List(names.split(',').chain([names]).map(|name| Value::Text(name.into())).collect())
        }
        name => text(name),
    }
}

fn number(value: Option<impl Into<u64>>) -> Value<'static> {
    value.map_or(Value::Missing, |number| Value::Number(number.into()))
}

/// TCP, UDP, DCCP, SCTP and UDP-Lite have ports; for ICMP the row has type and code there.
fn has_ports(row: &FlowRow) -> bool {
    row.ip_version != 0 && matches!(row.proto, 6 | 17 | 33 | 132 | 136)
}

/// A flow without IP has hardware addresses in the place of addresses, unless it is ARP.
fn address(row: &FlowRow, address: Address, mac: Option<Mac>) -> Value<'static> {
    let [a, b, c, d, e, f] = mac.unwrap_or_default().0;
    let hardware = Address([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d, e, f]);
    if row.ip_version == 0 && address == hardware { Value::Missing } else { Value::Address(address) }
}
