//! What is still there of what was sent: packets that come back as a capture, flow rows as JSON lines.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, Read};
use std::net::IpAddr;

use packet::capture::Reader;
use serde_json::{Value, json};

use crate::capture::short;
use crate::frame::Side;
use crate::ring::Rings;
use crate::truth::{Flow, Known, identity};

/// Ordinary flows are also summed by when they began.
const BINS: usize = 256;

/// What of a flow is still there.
#[derive(Clone, Copy, Default)]
struct Kept {
    packets: u32,
    bytes: u64,
    head_bytes: u64,
    has_row: bool,
}

/// Sums over flows.
#[derive(Clone, Copy, Default)]
struct Sum {
    flows: u64,
    flows_any: u64,
    heads_whole: u64,
    rows: u64,
    packets: u64,
    packets_kept: u64,
    head_bytes: u64,
    head_bytes_kept: u64,
}

/// Compares a capture and rows with the truth.
pub(crate) fn judge(known: &Known, capture: impl Read, rows: Option<impl BufRead>) -> io::Result<Value> {
    let heads = heads_of(known);
    let mut kept = vec![Kept::default(); known.flows.len()];
    let (others, captured) = match_packets(known, capture, &mut kept)?;
    let rows = rows.map(|rows| match_rows(known, rows, &mut kept)).transpose()?;
    let mut recorders = serde_json::Map::new();
    recorders.insert("wiretape".into(), sums(known, &heads, &kept));
    for (ring, name) in Rings::NAMES.into_iter().enumerate() {
        let newest = known.newest.get(ring).copied().unwrap_or(0);
        let mut kept = vec![Kept::default(); known.flows.len()];
        for sent in known.sent.iter().filter(|sent| Rings::keeps(ring, sent.files[ring], newest)) {
            kept[sent.flow as usize].add(sent.bytes, sent.head_bytes);
        }
        recorders.insert(name.into(), sums(known, &heads, &kept));
    }
    Ok(json!({
        "about": known.about, "recorders": recorders, "rows": rows,
        "packets": { "back": captured, "junk_back": others, "junk_sent": known.junk_packets },
    }))
}

impl Kept {
    fn add(&mut self, bytes: u32, head_bytes: u32) {
        self.packets += 1;
        self.bytes += u64::from(bytes);
        self.head_bytes += u64::from(head_bytes.min(bytes));
    }
}

/// Bytes of each flow's head.
fn heads_of(known: &Known) -> Vec<u64> {
    let mut heads = vec![0; known.flows.len()];
    for sent in &known.sent {
        heads[sent.flow as usize] += u64::from(sent.head_bytes);
    }
    heads
}

/// How many packets are nobody's, and how many there are.
fn match_packets(known: &Known, capture: impl Read, kept: &mut [Kept]) -> io::Result<(u64, u64)> {
    let mut order: Vec<u32> = (0..known.sent.len() as u32).collect();
    order.sort_unstable_by_key(|at| known.sent[*at as usize].hash);
    let mut is_found = vec![false; order.len()];
    let mut reader = match Reader::new(capture) {
        Ok(reader) => reader,
        // Nothing matched, so there is no capture.
        Err(_) => return Ok((0, 0)),
    };
    let (mut others, mut packets) = (0, 0);
    while let Some(packet) = reader.next().map_err(io::Error::other)? {
        packets += 1;
        let hash = identity(packet.data);
        let first = order.partition_point(|at| known.sent[*at as usize].hash < hash);
        let same = order[first..].iter().take_while(|at| known.sent[**at as usize].hash == hash);
        match same.zip(first..).find(|(_, place)| !is_found[*place]) {
            Some((at, place)) => {
                is_found[place] = true;
                let sent = known.sent[*at as usize];
                let bytes = sent.bytes.min(packet.data.len() as u32);
                kept[sent.flow as usize].add(bytes, sent.head_bytes.min(bytes));
            }
            None => others += 1,
        }
    }
    Ok((others, packets))
}

type Key = (u8, Side, Side);

/// How many rows there are, and how many of them are nobody's.
fn match_rows(known: &Known, rows: impl BufRead, kept: &mut [Kept]) -> io::Result<Value> {
    let mut flows: HashMap<Key, Vec<usize>> = HashMap::new();
    for (number, flow) in known.flows.iter().enumerate() {
        flows.entry((flow.protocol, flow.client, flow.server)).or_default().push(number);
    }
    let (mut count, mut others) = (0, 0);
    for line in rows.lines() {
        let row: Value = serde_json::from_str(&line?)?;
        count += 1;
        let numbers = key_of(&row).and_then(|(protocol, one, other)| {
            flows.get(&(protocol, one, other)).or_else(|| flows.get(&(protocol, other, one)))
        });
        match numbers.and_then(|numbers| numbers.iter().find(|number| !kept[**number].has_row)) {
            Some(number) => kept[*number].has_row = true,
            None => others += 1,
        }
    }
    Ok(json!({ "back": count, "others_back": others }))
}

fn key_of(row: &Value) -> Option<Key> {
    let address = |name: &str| match row[name].as_str()?.parse().ok()? {
        IpAddr::V4(address) => Some(u32::from(address)),
        IpAddr::V6(address) => Some(short(&address.octets())),
    };
    let port = |name: &str| row[name].as_u64().map(|port| port as u16);
    let protocol = match row["proto"].as_str()?.to_ascii_lowercase().as_str() {
        "tcp" => 6,
        "udp" => 17,
        _ => return None,
    };
    Some((protocol, Side(address("src_ip")?, port("src_port")?), Side(address("dest_ip")?, port("dest_port")?)))
}

/// By group and lane, and of the ordinary flows by time.
fn sums(known: &Known, heads: &[u64], kept: &[Kept]) -> Value {
    let start = known.about["start"].as_u64().unwrap_or(0);
    let span = known.about["end"].as_u64().unwrap_or(1).saturating_sub(start).max(1);
    let mut groups: BTreeMap<String, Sum> = BTreeMap::new();
    let mut bins: BTreeMap<&str, Vec<Sum>> = BTreeMap::new();
    for (number, flow) in known.flows.iter().enumerate() {
        let lane = if flow.is_inbound { "server" } else { "client" };
        for name in [flow.group.to_owned(), format!("{} {lane}", flow.group)] {
            groups.entry(name).or_default().add(flow, heads[number], &kept[number]);
        }
        if flow.group == "ordinary" {
            let bin = (u128::from(flow.start.saturating_sub(start)) * BINS as u128 / u128::from(span)) as usize;
            let bins = bins.entry(lane).or_insert_with(|| vec![Sum::default(); BINS]);
            bins[bin.min(BINS - 1)].add(flow, heads[number], &kept[number]);
        }
    }
    let groups: serde_json::Map<_, _> = groups.into_iter().map(|(name, sum)| (name, sum.json())).collect();
    let bins: serde_json::Map<_, _> = bins
        .into_iter()
        .map(|(lane, bins)| {
            let bins = bins
                .iter()
                .map(|sum| json!([sum.flows, sum.heads_whole, sum.rows, sum.head_bytes, sum.head_bytes_kept]));
            (lane.to_owned(), bins.collect())
        })
        .collect();
    json!({ "groups": groups, "bins": bins })
}

impl Sum {
    fn add(&mut self, flow: &Flow, head_bytes: u64, kept: &Kept) {
        self.flows += 1;
        self.flows_any += u64::from(kept.packets > 0);
        self.heads_whole += u64::from(kept.head_bytes >= head_bytes);
        self.rows += u64::from(kept.has_row);
        self.packets += u64::from(flow.packets);
        self.packets_kept += u64::from(kept.packets);
        self.head_bytes += head_bytes;
        self.head_bytes_kept += kept.head_bytes;
    }

    fn json(&self) -> Value {
        json!({
            "flows": self.flows, "flows_any": self.flows_any, "heads_whole": self.heads_whole, "rows": self.rows,
            "packets": self.packets, "packets_kept": self.packets_kept,
            "head_bytes": self.head_bytes, "head_bytes_kept": self.head_bytes_kept,
        })
    }
}
