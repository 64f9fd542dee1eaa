//! A flow with all its fields as they are shown: the contract of names that JSON, CSV and the columns share.

use flow::{FlowRow, Kept, PAYLOAD_FIELDS, Payload};
use packet::decode::Tunnel;
use packet::{Address, Mac, Timestamp, protocol_name};
use serde::Serialize;
use serde::ser::SerializeMap;

use crate::units::rfc3339;

/// A flow. Fields that it does not have are left out in JSON and empty in CSV.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FlowRecord {
    pub(crate) flow_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) community_id: Option<String>,
    #[serde(serialize_with = "time")]
    pub(crate) start: Timestamp,
    #[serde(serialize_with = "time")]
    pub(crate) end: Timestamp,
    /// Seconds.
    pub(crate) duration: f64,
    pub(crate) start_seen: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end_reason: Option<&'static str>,
    pub(crate) proto: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) src_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) src_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dest_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dest_port: Option<u16>,
    pub(crate) direction: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) vlan: Vec<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tunnel: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tunnel_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) in_iface: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) src_mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dest_mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) icmp_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) icmp_code: Option<u8>,
    pub(crate) pkts_toserver: u64,
    pub(crate) pkts_toclient: u64,
    pub(crate) bytes_toserver: u64,
    pub(crate) bytes_toclient: u64,
    pub(crate) wire_segments: u64,
    /// Two hex digits, as Suricata writes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tcp_flags_ts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tcp_flags_tc: Option<String>,
    pub(crate) conn_state: &'static str,
    pub(crate) history: String,
    /// What payload says.
    #[serde(flatten)]
    pub(crate) payload: Said,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lane: Option<&'static str>,
    pub(crate) kept: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sensor: Option<String>,
    /// The IP protocol number; 0 without IP.
    #[serde(skip)]
    pub(crate) proto_number: u8,
    /// The flow's id as a number.
    #[serde(skip)]
    pub(crate) id: u64,
}

/// What payload says of a flow, as it is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said(Option<Box<Payload>>);

impl Said {
    /// The first value of a field.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.0.as_ref()?.first(name)
    }

    /// The values of a field, with spaces between.
    pub(crate) fn joined(&self, name: &str) -> String {
        self.0.iter().flat_map(|payload| payload.values(name)).collect::<Vec<_>>().join(" ")
    }

    /// What the flow was about, in a word or two: the name that was asked for, or the one that its server is known by.
    pub(crate) fn about(&self) -> Option<&str> {
        ["tls_sni", "http_hostname", "dns_queries", "file_name", "dest_name"].iter().find_map(|name| self.first(name))
    }
}

impl Serialize for Said {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let Some(payload) = &self.0 else { return map.end() };
        for field in PAYLOAD_FIELDS {
            match payload.first(field.name) {
                None => {}
                Some(_) if field.is_list => {
                    map.serialize_entry(field.name, &payload.values(field.name).collect::<Vec<_>>())?;
                }
                Some(value) => map.serialize_entry(field.name, value)?,
            }
        }
        map.end()
    }
}

impl FlowRecord {
    /// The fields of `row`, whose interface is named `in_iface`.
    pub(crate) fn new(row: &FlowRow, in_iface: Option<&str>, kept: Kept, sensor: Option<&str>) -> Self {
        let with_ip = row.ip_version != 0;
        let is_icmp = row.icmp_type().is_some();
        let with_ports = with_ip && !is_icmp && has_ports(row.proto);
        let is_tcp = with_ip && row.proto == 6;
        let address = |address: Address| with_ip.then(|| address.to_string());
        let mac = |mac: Option<Mac>| mac.map(|mac| mac.to_string());
        Self {
            flow_id: row.flow_id.to_string(),
            community_id: row.community_id(),
            start: row.start,
            end: row.end,
            duration: row.duration() as f64 / 1e9,
            start_seen: row.start_seen,
            end_reason: row.end_reason.map(flow::EndReason::name),
            proto: protocol(row),
            src_ip: address(row.src_ip),
            src_port: with_ports.then_some(row.src_port),
            dest_ip: address(row.dest_ip),
            dest_port: with_ports.then_some(row.dest_port),
            direction: row.direction.name(),
            vlan: row.vlan.as_slice().to_vec(),
            tunnel: row.tunnel.map(Tunnel::name),
            tunnel_id: row.tunnel.and_then(Tunnel::id),
            in_iface: in_iface.map(str::to_owned),
            src_mac: mac(row.src_mac),
            dest_mac: mac(row.dest_mac),
            icmp_type: row.icmp_type(),
            icmp_code: row.icmp_code(),
            pkts_toserver: row.pkts_toserver,
            pkts_toclient: row.pkts_toclient,
            bytes_toserver: row.bytes_toserver,
            bytes_toclient: row.bytes_toclient,
            wire_segments: row.wire_segments,
            tcp_flags_ts: is_tcp.then(|| format!("{:02x}", row.tcp_flags_ts)),
            tcp_flags_tc: is_tcp.then(|| format!("{:02x}", row.tcp_flags_tc)),
            conn_state: row.conn_state.name(),
            history: row.history.to_string(),
            lane: row.lane().map(flow::Lane::name),
            kept: kept.name(),
            sensor: sensor.map(str::to_owned),
            payload: Said(row.payload.clone()),
            proto_number: row.proto,
            id: row.flow_id.0,
        }
    }
}

/// Suricata's word for the protocol; without IP, what the EtherType says.
pub(crate) fn protocol(row: &FlowRow) -> String {
    match row.ether_type() {
        Some(0x0806) => "ARP".to_owned(),
        Some(0x88cc) => "LLDP".to_owned(),
        Some(ether_type) => format!("{ether_type:#06x}"),
        None => protocol_name(row.proto).map_or_else(|| row.proto.to_string(), str::to_owned),
    }
}

/// TCP, UDP, DCCP, SCTP and UDP-Lite.
fn has_ports(proto: u8) -> bool {
    matches!(proto, 6 | 17 | 33 | 132 | 136)
}

fn time<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*time))
}
