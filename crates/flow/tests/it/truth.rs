//! Flows of the corpus against what Zeek and Arkime say of them.

use crate::captures::{flows, folder, truth};
use flow::FlowRow;
use serde_json::Value;
use std::collections::BTreeMap;

fn by_capture(rows: Vec<Value>) -> BTreeMap<String, Vec<Value>> {
    let mut captures: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for row in rows {
        captures.entry(text(&row, "pcap")).or_default().push(row);
    }
    captures
}

/// A field as text, without quotes; empty if it is missing.
fn text(row: &Value, field: &str) -> String {
    match &row[field] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Zeek's baselines that were made with another view of the capture than ours.
fn is_another_view(row: &Value) -> bool {
    let history = text(row, "history");
    // Zeek stopped looking in the middle (X, or a packet filter), or listed a flow before its end.
    let stopped = history.contains('X') || text(row, "source").contains("netcontrol.packetfilter") && history == "Sh";
    stopped || text(row, "source").contains("core.expire-all-timers/conn-all.log")
}

#[test]
fn flows_are_those_of_zeek() {
    let Some(folder) = folder() else { return };
    let mut compared = 0;
    for (capture, rows) in by_capture(truth(&folder, "conn_zeek.jsonl")) {
        let ours = flows(&folder.join(&capture));
        for row in rows.iter().filter(|row| !is_another_view(row)) {
            // Gaps are not looked for.
            let history = text(row, "history").replace('g', "");
            let expected = [
                ("id.orig_h", text(row, "id.orig_h")),
                ("id.orig_p", text(row, "id.orig_p")),
                ("id.resp_h", text(row, "id.resp_h")),
                ("id.resp_p", text(row, "id.resp_p")),
                ("conn_state", text(row, "conn_state")),
                ("history", history),
                ("orig_pkts", text(row, "orig_pkts")),
                ("resp_pkts", text(row, "resp_pkts")),
            ];
            let found = ours.iter().any(|flow| {
                let got = zeek_fields(flow);
                expected.iter().zip(&got).all(|((_, expected), got)| expected.is_empty() || expected == got)
            });
            assert!(found, "{capture}: {expected:?}\n{:#?}", ours.iter().map(zeek_fields).collect::<Vec<_>>());
            compared += 1;
        }
    }
    assert_eq!(compared, 25);
}

fn zeek_fields(flow: &FlowRow) -> [String; 8] {
    [
        flow.src_ip.to_string(),
        flow.src_port.to_string(),
        flow.dest_ip.to_string(),
        flow.dest_port.to_string(),
        flow.conn_state.name().to_owned(),
        flow.history.to_string(),
        flow.pkts_toserver.to_string(),
        flow.pkts_toclient.to_string(),
    ]
}

/// Sessions of Arkime that are other flows here, for a reason.
fn differs(row: &Value) -> bool {
    let (proto, src) = (row["proto"].as_u64().unwrap_or(0), text(row, "src"));
    let packets = row["src_packets"].as_u64().unwrap_or(0) + row["dst_packets"].as_u64().unwrap_or(0);
    match src.as_str() {
        // Later fragments join the flow of the first; the two ends of a DHCP exchange stay two.
        "10.9.8.1" | "0.0.0.0" => true,
        // Arkime counts the first packet after fifteen silent minutes to the old session; here it begins a flow.
        "10.0.0.1" if text(row, "pcap").ends_with("long-session.pcap") => true,
        // Without IP Arkime has sessions by EtherType; what is in a tunnel is a flow here.
        _ => src.is_empty() || packets == 0 || matches!(proto, 4 | 41 | 51),
    }
}

#[test]
fn flows_are_those_of_arkime() {
    let Some(folder) = folder() else { return };
    let mut compared = 0;
    for (capture, rows) in by_capture(truth(&folder, "sessions.jsonl")) {
        let mut ours: Vec<[String; 9]> = flows(&folder.join(&capture)).iter().map(arkime_fields).collect();
        for row in rows.iter().filter(|row| !differs(row)) {
            let names =
                ["proto", "src", "sport", "dst", "dport", "src_packets", "dst_packets", "src_bytes", "dst_bytes"];
            let expected = names.map(|name| text(row, name));
            // Arkime's source of a UDP session is whoever sent first, of an answer too.
            let [proto, src, sport, dst, dport, packets, answers, bytes, answer_bytes] = expected.clone();
            let turned = [proto, dst, dport, src, sport, answers, packets, answer_bytes, bytes];
            let found = ours.iter().position(|flow| *flow == expected || (expected[0] == "17" && *flow == turned));
            let found = found.unwrap_or_else(|| panic!("{capture}: {expected:?}\n{ours:#?}"));
            ours.swap_remove(found);
            compared += 1;
        }
    }
    assert_eq!(compared, 243);
}

/// Without the ports of ICMP, which Arkime leaves out.
fn arkime_fields(flow: &FlowRow) -> [String; 9] {
    let ports = if matches!(flow.proto, 1 | 58) { [0; 2] } else { [flow.src_port, flow.dest_port] };
    [
        flow.proto.to_string(),
        flow.src_ip.to_string(),
        ports[0].to_string(),
        flow.dest_ip.to_string(),
        ports[1].to_string(),
        flow.pkts_toserver.to_string(),
        flow.pkts_toclient.to_string(),
        flow.bytes_toserver.to_string(),
        flow.bytes_toclient.to_string(),
    ]
}
