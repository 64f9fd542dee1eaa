//! What the fuzzer runs: hostile packets and snapshots must neither panic, nor hang, nor take memory without bounds.

use crate::{Config, FlowRow, FlowTable, FrameRef, Lane, Parking, Place};
use packet::{Cursor, LinkType, Packet, PacketDirection, Timestamp, decode};
use std::collections::HashMap;

/// Any bytes as a snapshot: it is refused, or gives a table that takes packets and makes snapshots.
pub fn fuzz_snapshot(data: &[u8]) {
    let tape_id = data.get(10..26).and_then(|id| id.try_into().ok()).unwrap_or_default();
    let config = Config { tape_id, ..config() };
    if let Ok(table) = FlowTable::restore(config.clone(), data) {
        table.snapshot(&mut Vec::new());
        feed(table, &config, data);
    }
}

/// Any bytes as packets, times and directions: every packet is counted, whatever they are.
pub fn fuzz_table(data: &[u8]) {
    let config = config();
    feed(FlowTable::new(config.clone()), &config, data);
}

fn config() -> Config {
    let config = Config::new([7; 16], [9; 32]);
    Config { capacity_flows: 16, head_bytes: 500, period_parts_max: 8, period_locations_max: 8, ..config }
}

/// Cuts `data` into packets and sends them the way a recorder does, with a new life of the table now and then.
fn feed(mut table: FlowTable, config: &Config, data: &[u8]) {
    let mut parking = Parking::new(1000);
    let (mut cursor, mut time, mut arrival, mut parked, mut left) = (Cursor::new(data), 0, 0, 0, 0);
    let rowless = table.counters().packets_rowless;
    let mut rows: HashMap<_, FlowRow> = HashMap::new();
    let mut counted = 0;
    while let Some(packet) = next_packet(&mut cursor, &mut time) {
        let headers = decode(LinkType::RAW, packet.data, packet.wire_bytes);
        table.warm([&headers]);
        let seen = table.observe(&packet, &headers, arrival, 1);
        let frame = FrameRef(arrival as u32 / 4);
        arrival += 1;
        if let Some(lane) = seen.release {
            parking.release(seen.slot, |slot, packet| {
                left += 1;
                table.placed(slot, lane, frame, packet.data.len() as u32);
            });
        }
        match seen.place {
            Place::Lane(lane) => table.placed(seen.slot, lane, frame, packet.data.len() as u32),
            Place::Park => {
                parked += 1;
                parking.push(seen.slot, &packet, table.clock(), |_, _| left += 1);
            }
        }
        parking.expire(table.clock(), |_, _| left += 1);
        if table.wants_checkpoint() || arrival % 16 == 0 {
            parking.drain(|slot, packet| {
                left += 1;
                table.placed(slot, Lane::Junk, frame, packet.data.len() as u32);
            });
            for part in &table.checkpoint().parts {
                counted += part.pkts_toserver + part.pkts_toclient;
                rows.entry(part.flow_id).and_modify(|row| row.merge(part)).or_insert_with(|| part.into());
            }
            let mut snapshot = Vec::new();
            table.snapshot(&mut snapshot);
            table = FlowTable::restore(config.clone(), &snapshot).expect("its own snapshot");
        }
    }
    parking.drain(|_, _| left += 1);
    assert_eq!(parked, left, "a parked packet comes out once");
    assert!(table.live_flows() <= config.capacity_flows);
    counted += table.checkpoint().parts.iter().map(|part| part.pkts_toserver + part.pkts_toclient).sum::<u64>();
    assert_eq!(counted + table.counters().packets_rowless - rowless, arrival, "every packet is counted");
}

/// A length, a time step and a direction before each packet.
fn next_packet<'a>(cursor: &mut Cursor<'a>, time: &mut i64) -> Option<Packet<'a>> {
    let (length, step, direction) = (cursor.u8()?, cursor.u32()?, cursor.u8()?);
    let data = cursor.take(usize::from(length).min(cursor.len()))?;
    *time = time.wrapping_add(i64::from(step.cast_signed()) << (direction % 31));
    let (wire_bytes, direction) = match direction & 3 {
        0 => (u32::MAX, PacketDirection::Unknown),
        1 => (0, PacketDirection::Inbound),
        _ => (length.into(), PacketDirection::Outbound),
    };
    Some(Packet { time: Timestamp(*time), wire_bytes, data, interface: 0, direction, arrival: None })
}
