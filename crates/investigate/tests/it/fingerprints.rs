//! Fingerprints against the truth beside the captures.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use investigate::{Field, Investigation, Limits};
use packet::{Address, FlowKey, decode};

use crate::captures::{Keying, each_packet};
use crate::collect::Collected;
use crate::shared::folder;

#[test]
fn fingerprints_are_the_truth() {
    let Some(folder) = folder() else { return };
    let Ok(truth) = std::fs::read_to_string(folder.join("truth/ja4.jsonl")) else {
        eprintln!("skipped: needs truth/ja4.jsonl");
        return;
    };
    let mut captures: BTreeMap<String, Vec<serde_json::Value>> = BTreeMap::new();
    for line in truth.lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("a row");
        captures.entry(row["pcap"].as_str().expect("capture").to_owned()).or_default().push(row);
    }
    let (mut agreed, mut missing) = (0, Vec::new());
    for (capture, rows) in captures {
        let path = folder.join(&capture);
        if !path.exists() {
            continue;
        }
        let (ours, flows) = investigate(&path);
        for row in rows {
            let field = match row["kind"].as_str() {
                Some("ja3") => Field::Ja3,
                Some("ja3s") => Field::Ja3s,
                Some("ja4") if row.get("licence").is_none() => Field::Ja4,
                Some("hassh") => Field::Hassh,
                Some("hasshServer") => Field::HasshServer,
                _ => continue,
            };
            // Others' mistakes are among those that nobody confirmed.
            let is_confirmed = row["check"].as_str().is_none_or(|check| check.contains("agrees"));
            let value = row["value"].as_str().expect("value");
            let is_told = ours.facts.iter().any(|(at, of, text)| {
                *of == field && text == value && flows.get(&at.flow).is_none_or(|key| is_between(key, &row))
            });
            match (is_told, is_confirmed) {
                (true, _) => agreed += 1,
                (false, true) => missing.push(row.to_string()),
                (false, false) => eprintln!("not told, and confirmed by nobody: {row}"),
            }
        }
    }
    assert!(missing.is_empty(), "{agreed} agreed, {} missing:\n{}", missing.len(), missing.join("\n"));
    assert!(agreed > 0);
}

fn investigate(path: &std::path::Path) -> (Collected, HashMap<u64, FlowKey>) {
    let (mut ours, mut flows, mut keying) = (Collected::default(), HashMap::new(), Keying::default());
    let mut investigation = Investigation::new(Limits::default());
    each_packet(path, &mut |packet, link_type| {
        let headers = decode(link_type, packet.data, packet.wire_bytes);
        if let (Some(key), Some((flow, side))) = (headers.key, keying.flow(&headers)) {
            flows.entry(flow).or_insert(key);
            investigation.packet(flow, side, packet, &headers, &mut ours);
        }
    });
    investigation.finish(&mut ours);
    (ours, flows)
}

/// Whether a flow is between the two ends that a row names, if it does.
fn is_between(key: &FlowKey, row: &serde_json::Value) -> bool {
    let end = |address: &str, port: &str| {
        let address: IpAddr = row[address].as_str()?.parse().ok()?;
        Some((Address::from(address), u16::try_from(row[port].as_u64()?).ok()?))
    };
    let (Some(source), Some(target)) = (end("src", "sport"), end("dst", "dport")) else { return true };
    let ends = [(key.src, key.src_port), (key.dest, key.dest_port)];
    ends == [source, target] || ends == [target, source]
}
