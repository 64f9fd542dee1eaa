//! Finding the frames of a segment that has no index, or is longer than its index.

use std::fs::File;
use std::os::unix::fs::FileExt;

use packet::Timestamp;
use packet::capture::block::{Block, Blocks};

use crate::format::catalog::{FrameRecord, HOLDS_INTERFACES, HOLDS_STATISTICS};

/// What a frame holds, as the index says it; offsets and sizes in the file are left to the caller.
pub(super) fn contents(bytes: &[u8], interfaces_before: u32) -> FrameRecord {
    let mut record = FrameRecord { interfaces: interfaces_before, ..FrameRecord::default() };
    let mut arrivals: Option<(u64, u64)> = None;
    let mut times: Option<(Timestamp, Timestamp)> = None;
    let mut blocks = Blocks::new(bytes);
    for (_, block) in &mut blocks {
        match block {
            Block::Section => record.flags |= HOLDS_INTERFACES,
            Block::Interface(_) => {
                record.flags |= HOLDS_INTERFACES;
                record.interfaces += 1;
            }
            Block::Statistics { .. } => record.flags |= HOLDS_STATISTICS,
            Block::Packet(packet) => {
                record.packets += 1;
                let arrival = packet.arrival.unwrap_or(arrivals.map_or(0, |(_, last)| last));
                let (first, last) = arrivals.unwrap_or((arrival, arrival));
                arrivals = Some((first.min(arrival), last.max(arrival)));
                let (first, last) = times.unwrap_or((packet.time, packet.time));
                times = Some((first.min(packet.time), last.max(packet.time)));
            }
            Block::Other { .. } => {}
        }
    }
    (record.first_arrival, record.last_arrival) = arrivals.unwrap_or_default();
    (record.first_time, record.last_time) = times.unwrap_or_default();
    record.ubytes = blocks.whole_bytes() as u32;
    record
}

/// At most `bytes` bytes of a file from `offset` on: fewer at its end.
pub(super) fn read_up_to(file: &File, offset: u64, bytes: usize) -> std::io::Result<Vec<u8>> {
    let mut out = vec![0; bytes];
    let mut filled = 0;
    while filled < bytes {
        match file.read_at(&mut out[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    out.truncate(filled);
    Ok(out)
}
