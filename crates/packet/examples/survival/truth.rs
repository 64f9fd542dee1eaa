//! What was sent and is not junk: flows, their packets, and in which file of other recorders' rings each packet went.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::frame::Side;
use crate::ring::Rings;

/// Number of a flow, or junk.
pub(crate) type FlowNumber = u32;
pub(crate) const JUNK: FlowNumber = u32::MAX;

/// A flow that is not junk.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) group: &'static str,
    pub(crate) is_inbound: bool,
    pub(crate) protocol: u8,
    pub(crate) client: Side,
    pub(crate) server: Side,
    pub(crate) start: u64,
    pub(crate) packets: u32,
    pub(crate) bytes: u64,
}

/// A packet of a flow that is not junk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) hash: u64,
    pub(crate) flow: FlowNumber,
    pub(crate) bytes: u32,
    /// Of those, the ones in the flow's head.
    pub(crate) head_bytes: u32,
    /// Number of the file that holds it in each ring of `Rings`.
    pub(crate) files: [u32; Rings::COUNT],
}

const SENT_BYTES: usize = 20 + 4 * Rings::COUNT;

/// Collects the truth while packets are made.
pub(crate) struct Truth {
    head_bytes: u64,
    pub(crate) flows: Vec<Flow>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) junk_packets: u64,
    pub(crate) junk_bytes: u64,
}

impl Truth {
    pub(crate) fn new(head_bytes: u64) -> Self {
        Self { head_bytes, flows: Vec::new(), sent: Vec::new(), junk_packets: 0, junk_bytes: 0 }
    }

    pub(crate) fn flow(&mut self, flow: Flow) -> FlowNumber {
        self.flows.push(flow);
        self.flows.len() as u32 - 1
    }

    pub(crate) fn packet(&mut self, flow: FlowNumber, time: u64, frame: &[u8], files: [u32; Rings::COUNT]) {
        let bytes = frame.len() as u64;
        let Some(known) = self.flows.get_mut(flow as usize) else {
            self.junk_packets += 1;
            self.junk_bytes += bytes;
            return;
        };
        if known.packets == 0 {
            known.start = time;
        }
        let head_bytes = self.head_bytes.saturating_sub(known.bytes).min(bytes) as u32;
        known.packets += 1;
        known.bytes += bytes;
        self.sent.push(Sent { hash: identity(frame), flow, bytes: bytes as u32, head_bytes, files });
    }

    /// Writes PREFIX.json and PREFIX.sent.
    pub(crate) fn write(&self, prefix: &Path, rings: &Rings, about: Value) -> io::Result<()> {
        // The last flow may begin after the end.
        let begun = self.flows.iter().take_while(|flow| flow.packets > 0);
        let flows: Vec<Value> = begun.map(to_json).collect();
        let text = json!({
            "about": about, "flows": flows, "rings": rings.newest(),
            "junk_packets": self.junk_packets, "junk_bytes": self.junk_bytes,
        });
        serde_json::to_writer(BufWriter::new(File::create(prefix.with_extension("json"))?), &text)?;
        let mut file = BufWriter::new(File::create(prefix.with_extension("sent"))?);
        for sent in &self.sent {
            file.write_all(&sent.hash.to_le_bytes())?;
            for number in [sent.flow, sent.bytes, sent.head_bytes].iter().chain(&sent.files) {
                file.write_all(&number.to_le_bytes())?;
            }
        }
        file.flush()
    }
}

/// What `Truth::write` wrote.
pub(crate) struct Known {
    pub(crate) flows: Vec<Flow>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) about: Value,
    /// The newest file's number of each ring.
    pub(crate) newest: Vec<u64>,
    pub(crate) junk_packets: u64,
}

impl Known {
    pub(crate) fn read(prefix: &Path) -> io::Result<Self> {
        let text: Value = serde_json::from_reader(BufReader::new(File::open(prefix.with_extension("json"))?))?;
        let list = |name: &str| text[name].as_array().cloned().unwrap_or_default();
        let mut bytes = Vec::new();
        File::open(prefix.with_extension("sent"))?.read_to_end(&mut bytes)?;
        Ok(Self {
            flows: list("flows").iter().map(from_json).collect(),
            sent: bytes.chunks_exact(SENT_BYTES).map(sent_of).collect(),
            about: text["about"].clone(),
            newest: list("rings").iter().filter_map(Value::as_u64).collect(),
            junk_packets: text["junk_packets"].as_u64().unwrap_or(0),
        })
    }
}

fn sent_of(bytes: &[u8]) -> Sent {
    let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let hash = u64::from(number(0)) | u64::from(number(4)) << 32;
    let files = std::array::from_fn(|ring| number(20 + 4 * ring));
    Sent { hash, flow: number(8), bytes: number(12), head_bytes: number(16), files }
}

fn to_json(flow: &Flow) -> Value {
    json!([
        flow.group,
        flow.is_inbound,
        flow.protocol,
        flow.client.0,
        flow.client.1,
        flow.server.0,
        flow.server.1,
        flow.start,
        flow.packets,
        flow.bytes
    ])
}

fn from_json(value: &Value) -> Flow {
    let number = |at: usize| value[at].as_u64().unwrap_or(0);
    let side = |at: usize| Side(number(at) as u32, number(at + 1) as u16);
    Flow {
        group: GROUPS.into_iter().find(|group| value[0] == **group).unwrap_or("unknown"),
        is_inbound: value[1].as_bool().unwrap_or(false),
        protocol: number(2) as u8,
        client: side(3),
        server: side(5),
        start: number(7),
        packets: number(8) as u32,
        bytes: number(9),
    }
}

/// Names of what flows belong to.
pub(crate) const GROUPS: [&str; 3] = ["before", "during", "ordinary"];

/// Tells packets apart, whole or cut behind their headers: IP identification, sequence numbers and the checksum, which
/// covers the payload, are in what is hashed.
pub(crate) fn identity(frame: &[u8]) -> u64 {
    let transport = match frame.get(12..14) {
        Some([8, 0]) => 34,
        Some([0x86, 0xdd]) => 54,
        _ => 14,
    };
    let header = match frame.get(if transport == 54 { 20 } else { 23 }) {
        Some(6) => 20,
        _ => 8,
    };
    let end = (transport + header).min(frame.len());
    frame[14.min(end)..end].chunks(8).fold(0x51_7c_c1_b7_27_22_0a_95, |hash: u64, part| {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        let mixed = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    })
}
