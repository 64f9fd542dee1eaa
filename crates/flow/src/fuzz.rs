//! What the fuzzer runs.

use packet::{LinkType, Packet, PacketDirection, Timestamp};

use crate::{Config, FlowTable, Parking, Place};

/// Any bytes as a snapshot: it is refused, or gives a table that takes packets and the same snapshot again.
pub fn fuzz_snapshot(data: &[u8]) {
    let tape_id = data.get(10..26).and_then(|id| id.try_into().ok()).unwrap_or_default();
    let config = Config { capacity_flows: 64, ..Config::new(tape_id, [7; 32]) };
    if let Ok(table) = FlowTable::restore(config, data) {
        let mut again = Vec::new();
        table.snapshot(&mut again);
        feed(table, data);
    }
}

/// Any bytes as packets, times and directions: every packet is counted, whatever they are.
pub fn fuzz_table(data: &[u8]) {
    feed(FlowTable::new(Config { capacity_flows: 16, ..Config::new([1; 16], [2; 32]) }), data);
}

/// Cuts `data` into packets: a length, a time step and a direction before each.
fn feed(mut table: FlowTable, data: &[u8]) {
    let mut cursor = packet::Cursor::new(data);
    let mut parking = Parking::new(4096);
    let (mut time, mut arrival, mut parked, mut left) = (0_i64, 0_u64, 0_u64, 0_u64);
    while let (Some(length), Some(step), Some(direction)) = (cursor.u8(), cursor.u32(), cursor.u8()) {
        let bytes = cursor.take(usize::from(length).min(cursor.len())).unwrap_or_default();
        time = time.wrapping_add(i64::from(step.cast_signed()) << (direction % 31));
        arrival += 1;
        let direction = match direction & 3 {
            0 => PacketDirection::Unknown,
            1 => PacketDirection::Inbound,
            _ => PacketDirection::Outbound,
        };
        let wire_bytes = u32::from(length);
        let packet =
            Packet { time: Timestamp(time), wire_bytes, data: bytes, interface: 0, direction, arrival: Some(arrival) };
        let headers = packet::decode(LinkType::RAW, bytes, wire_bytes);
        let seen = table.observe(&packet, &headers, arrival, 1);
        if seen.release.is_some() {
            parking.release(seen.slot, |_, _| left += 1);
        }
        if seen.place == Place::Park {
            parked += 1;
            parking.push(seen.slot, &packet, table.clock(), |_, _| left += 1);
        }
    }
    parking.drain(|_, _| left += 1);
    assert_eq!(parked, left, "a parked packet comes out once");
    let period = table.checkpoint();
    assert!(period.parts.len() as u64 <= arrival.max(64));
}
