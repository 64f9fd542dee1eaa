//! Formats of flows, held against what their readers expect.

use flow::{ConnState, Direction, EndReason, FlowId, FlowRow, History, Kept, Lane, LaneSet};
use packet::decode::{Tunnel, Vlans};
use packet::{Address, Mac, Timestamp};

use super::{FlowPrinter, FlowRecord, Look};
use crate::args::FlowFormat;

/// A flow with a value in most fields.
pub(crate) fn row() -> FlowRow {
    let mut vlan = Vlans::default();
    vlan.push(42);
    FlowRow {
        flow_id: FlowId(0x0123_4567_89ab_cdef),
        start: Timestamp(1_795_428_000_000_000_001),
        end: Timestamp(1_795_428_001_500_000_001),
        start_seen: true,
        end_reason: Some(EndReason::Closed),
        proto: 6,
        ip_version: 4,
        src_ip: Address::v4([10, 0, 0, 1]),
        src_port: 49_152,
        dest_ip: Address::v4([192, 0, 2, 7]),
        dest_port: 443,
        one_way: false,
        direction: Direction::Outbound,
        proven: true,
        is_plain: false,
        vlan,
        tunnel: Some(Tunnel::Vxlan(7)),
        in_iface: 0,
        src_mac: Some(Mac([2, 0, 0, 0, 0, 1])),
        dest_mac: Some(Mac([2, 0, 0, 0, 0, 2])),
        pkts_toserver: 10,
        pkts_toclient: 12,
        bytes_toserver: 1_000,
        bytes_toclient: 20_000,
        wire_segments: 30,
        captured_bytes: 21_000,
        tcp_flags_ts: 0x1b,
        tcp_flags_tc: 0x1a,
        conn_state: ConnState::SF,
        history: History::parse("ShADadFf").unwrap_or_default(),
        lanes: LaneSet::from_iter([Lane::Client]),
        first_arrival: 1,
        last_arrival: 22,
        payload: None,
        is_unread: false,
    }
}

fn printed(format: FlowFormat, columns: usize, rows: &[FlowRow]) -> String {
    let mut out = Vec::new();
    let mut printer = FlowPrinter::new(&mut out, format, Look { columns, colour: false, rows_ahead: 10 }).unwrap();
    for row in rows {
        printer.flow(&FlowRecord::new(row, Some("eth\x1b0"), Kept::Full, Some("web-1"))).unwrap();
    }
    printer.finish().unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn json_has_the_names_of_the_contract() {
    let line = printed(FlowFormat::Json, 80, &[row()]);
    let expected = r#"{"flow_id":"0123456789abcdef","community_id":"1:gmbqPevOcAZkhVwhwihWZm5MQWo=","start":"2026-11-23T10:00:00.000000001Z","end":"2026-11-23T10:00:01.500000001Z","duration":1.5,"start_seen":true,"end_reason":"closed","proto":"TCP","src_ip":"10.0.0.1","src_port":49152,"dest_ip":"192.0.2.7","dest_port":443,"direction":"outbound","vlan":[42],"tunnel":"vxlan","tunnel_id":7,"in_iface":"eth\u001b0","src_mac":"02:00:00:00:00:01","dest_mac":"02:00:00:00:00:02","pkts_toserver":10,"pkts_toclient":12,"bytes_toserver":1000,"bytes_toclient":20000,"wire_segments":30,"tcp_flags_ts":"1b","tcp_flags_tc":"1a","conn_state":"SF","history":"ShADadFf","lane":"client","kept":"full","sensor":"web-1"}"#;
    assert_eq!(line, format!("{expected}\n"));
}

#[test]
fn csv_quotes_what_has_to_be_quoted() {
    let text = printed(FlowFormat::Csv, 80, &[row()]);
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert!(lines[0].starts_with("flow_id,community_id,start,end,duration,"));
    assert_eq!(lines[0].split(',').count(), lines[1].split(',').count());
    assert_eq!(lines.len(), 3);
}

#[test]
fn zeek_columns_agree_with_its_header() {
    let text = printed(FlowFormat::Zeek, 80, &[row()]);
    let count = |start: &str| text.lines().find(|line| line.starts_with(start)).map(|line| line.split('\t').count());
    assert_eq!(count("#fields"), count("#types"));
    assert_eq!(count("1795428000.000000"), count("#fields").map(|fields| fields - 1));
    assert!(
        text.contains("\tC0123456789abcdef\t10.0.0.1\t49152\t192.0.2.7\t443\ttcp\t-\t1.500000\t-\t-\tSF\tT\tF\t-\t")
    );
    assert!(text.starts_with("#separator \\x09\n"));
    assert!(text.lines().last().is_some_and(|line| line.starts_with("#close\t")));
}

#[test]
fn eve_is_a_flow_event() {
    let event: serde_json::Value = serde_json::from_str(&printed(FlowFormat::Eve, 80, &[row()])).unwrap();
    assert_eq!(event["event_type"], "flow");
    assert_eq!(event["timestamp"], "2026-11-23T10:00:01.500000+0000");
    assert_eq!(event["flow_id"], 0x0003_4567_89ab_cdef_u64);
    assert_eq!(event["flow"]["state"], "closed");
    assert_eq!(event["flow"]["age"], 1);
    assert_eq!(event["tcp"]["tcp_flags"], "1b");
    assert_eq!(event["tcp"]["psh"], true);
    assert_eq!(event["tcp"].get("rst"), None);
}

#[test]
fn a_table_fits_its_terminal_and_keeps_what_tells_most() {
    for columns in [80, 100, 120, 160, 200] {
        let text = printed(FlowFormat::Table, columns, &[row(), row()]);
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= columns, "{columns}: {widest}\n{text}");
        for shown in ["10.0.0.1:49152", "192.0.2.7:443", "TCP", "2026-11-23 10:00:00"] {
            assert!(text.contains(shown), "{columns}: {shown} is missing in\n{text}");
        }
        assert!(!text.contains('\x1b'));
    }
    assert!(printed(FlowFormat::Table, 200, &[row()]).contains("eth\\u{1b}0"));
    assert_eq!(printed(FlowFormat::Table, 80, &[]), "");
}
