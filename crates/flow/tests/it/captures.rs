//! Captures beside the repository, and the flows in them.

use flow::{Config, FlowId, FlowRow, FlowTable, FrameRef, Lane, Place};
use packet::capture::Reader;
use packet::decode;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

#[path = "../../../packet/tests/shared/captures.rs"]
mod shared;

pub(crate) use shared::folder;

/// The rows of a truth file.
pub(crate) fn truth(folder: &Path, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("truth").join(name)).expect("truth file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The flows of a capture, in the order of their first packets.
pub(crate) fn flows(path: &Path) -> Vec<FlowRow> {
    let mut reader = Reader::new(std::fs::File::open(path).expect("capture")).expect("a capture");
    let mut table = FlowTable::new(Config::new([0; 16], [0; 32]));
    let mut arrival = 0;
    while let Ok(Some((packet, interfaces))) = reader.next_with_interfaces() {
        let link_type = interfaces[packet.interface as usize].link_type;
        let headers = decode(link_type, packet.data, packet.wire_bytes);
        let seen = table.observe(&packet, &headers, arrival, 1);
        let lane = if let Place::Lane(lane) = seen.place { lane } else { Lane::Junk };
        table.placed(seen.slot, lane, FrameRef(lane.number() as u32), packet.data.len() as u32);
        arrival += 1;
    }
    let mut rows: HashMap<FlowId, FlowRow> = HashMap::new();
    for part in &table.checkpoint().parts {
        rows.entry(part.flow_id).and_modify(|row| row.merge(part)).or_insert_with(|| part.into());
    }
    let mut rows: Vec<FlowRow> = rows.into_values().collect();
    rows.sort_by_key(|row| row.first_arrival);
    assert_eq!(rows.iter().map(|row| row.pkts_toserver + row.pkts_toclient).sum::<u64>(), arrival);
    rows
}
