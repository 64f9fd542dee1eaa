//! Suricata's EVE: flow events (<https://docs.suricata.io/en/latest/output/eve/eve-json-format.html>).

use std::io::{self, Write};

use packet::Timestamp;
use serde_json::{Map, Value, json};

use super::FlowRecord;
use super::json::write_value;

/// JSON readers hold numbers as IEEE 754 doubles: only so many bits of an id survive.
const ID_BITS: u64 = (1 << 53) - 1;

/// Prints one flow.
pub(super) fn line(out: &mut impl Write, flow: &FlowRecord) -> io::Result<()> {
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            event.insert(name.to_owned(), value);
        }
    };
    put("timestamp", json!(time(flow.end)));
    put("flow_id", json!(flow.id & ID_BITS));
    put("in_iface", json!(flow.in_iface));
    put("event_type", json!("flow"));
    if !flow.vlan.is_empty() {
        put("vlan", json!(flow.vlan));
    }
    put("src_ip", json!(flow.src_ip));
    put("src_port", json!(flow.src_port));
    put("dest_ip", json!(flow.dest_ip));
    put("dest_port", json!(flow.dest_port));
    put("proto", json!(flow.proto));
    put("icmp_type", json!(flow.icmp_type));
    put("icmp_code", json!(flow.icmp_code));
    put("community_id", json!(flow.community_id));
    put("app_proto", json!(flow.payload.first("app_proto")));
    put("host", json!(flow.sensor));
    put("flow", conversation(flow));
    put("tcp", tcp(flow));
    put(
        "wiretape",
        json!({
            "flow_id": flow.flow_id,
            "direction": flow.direction,
            "lane": flow.lane,
            "kept": flow.kept,
            "payload": flow.payload,
        }),
    );
    write_value(out, &event)
}

fn conversation(flow: &FlowRecord) -> Value {
    let state = match (flow.end_reason, flow.pkts_toclient) {
        (Some("closed" | "reset"), _) => "closed",
        (_, 0) => "new",
        _ => "established",
    };
    let reason = match flow.end_reason {
        Some("closed" | "reset" | "idle") => "timeout",
        Some("reused") => "tcp_reuse",
        Some(_) => "forced",
        None => "unknown",
    };
    json!({
        "pkts_toserver": flow.pkts_toserver,
        "pkts_toclient": flow.pkts_toclient,
        "bytes_toserver": flow.bytes_toserver,
        "bytes_toclient": flow.bytes_toclient,
        "start": time(flow.start),
        "end": time(flow.end),
        "age": flow.duration as u64,
        "state": state,
        "reason": reason,
        "alerted": false,
    })
}

fn tcp(flow: &FlowRecord) -> Value {
    const NAMES: [(u8, &str); 8] = [
        (0x01, "fin"),
        (0x02, "syn"),
        (0x04, "rst"),
        (0x08, "psh"),
        (0x10, "ack"),
        (0x20, "urg"),
        (0x40, "ecn"),
        (0x80, "cwr"),
    ];
    let (Some(toserver), Some(toclient)) = (&flow.tcp_flags_ts, &flow.tcp_flags_tc) else { return Value::Null };
    let bits = |flags: &str| u8::from_str_radix(flags, 16).unwrap_or(0);
    let all = bits(toserver) | bits(toclient);
    let mut tcp = Map::new();
    tcp.insert("tcp_flags".to_owned(), json!(format!("{all:02x}")));
    tcp.insert("tcp_flags_ts".to_owned(), json!(toserver));
    tcp.insert("tcp_flags_tc".to_owned(), json!(toclient));
    for (bit, name) in NAMES {
        if all & bit != 0 {
            tcp.insert(name.to_owned(), Value::Bool(true));
        }
    }
    Value::Object(tcp)
}

/// Suricata's timestamps: microseconds and a numeric zone without a colon.
fn time(time: Timestamp) -> String {
    crate::units::clock_text(time).replace(' ', "T") + "+0000"
}
