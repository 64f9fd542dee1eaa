//! The packets that no flow file counts, through the flow table once more.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use flow::{FlowTable, FrameRef};
use packet::capture::block::{Block, Blocks};
use packet::{Interface, decode};

use crate::Lane;
use crate::catalog::FrameWalk;
use crate::checkpoint::FramePosition;
use crate::disk::Disk;
use crate::format::catalog::FrameRecord;
use crate::format::names::SegmentName;
use crate::format::state::Position;

/// A frame that no flow file counts.
#[derive(Clone, Debug)]
pub(super) struct TailFrame {
    pub(super) lane: Lane,
    pub(super) name: SegmentName,
    pub(super) record: FrameRecord,
    /// Its name in the flow table's locations.
    pub(super) serial: u32,
}

impl TailFrame {
    pub(super) fn position(&self) -> FramePosition {
        let position = Position { segment: self.name.number, uoffset: self.record.uoffset };
        FramePosition { lane: self.lane, position }
    }
}

/// A frame whose packets are due.
struct OpenFrame {
    lane: Lane,
    serial: u32,
    content: Vec<u8>,
    /// Arrival numbers and offsets that have not been taken yet, greatest first.
    packets: Vec<(u64, usize)>,
}

/// Shows the table the packets of these frames in the order of arrival, and says how many there were. A frame that
/// cannot be read is passed over.
pub(super) fn replay(
    disk: &dyn Disk,
    mut frames: Vec<TailFrame>,
    interfaces: &[Interface],
    table: &mut FlowTable,
) -> u64 {
    frames.sort_by_key(|frame| Reverse(frame.record.first_arrival));
    let mut open: HashMap<u32, OpenFrame> = HashMap::new();
    let mut due: BinaryHeap<Reverse<(u64, u32)>> = BinaryHeap::new();
    let mut packets = 0;
    loop {
        while let Some(frame) =
            frames.pop_if(|frame| due.peek().is_none_or(|Reverse((arrival, _))| frame.record.first_arrival <= *arrival))
        {
            let serial = frame.serial;
            if let Some(frame) = read(disk, &frame)
                && let Some((arrival, _)) = frame.packets.last()
            {
                due.push(Reverse((*arrival, serial)));
                open.insert(serial, frame);
            }
        }
        let Some(Reverse((arrival, serial))) = due.pop() else { break };
        let Some(frame) = open.get_mut(&serial) else { continue };
        let Some((_, offset)) = frame.packets.pop() else { continue };
        packets += u64::from(observe(frame, offset, arrival, interfaces, table));
        match frame.packets.last() {
            Some((arrival, _)) => due.push(Reverse((*arrival, serial))),
            None => drop(open.remove(&serial)),
        }
    }
    packets
}

fn observe(frame: &OpenFrame, offset: usize, arrival: u64, interfaces: &[Interface], table: &mut FlowTable) -> bool {
    let block = frame.content.get(offset..).and_then(|rest| Blocks::new(rest).next());
    let Some((_, Block::Packet(packet))) = block else { return false };
    let Some(interface) = interfaces.get(packet.interface as usize) else { return false };
    let headers = decode(interface.link_type, packet.data, packet.wire_bytes);
    let seen = table.observe(&packet, &headers, arrival, 1);
    let kept_bytes = u32::try_from(packet.data.len()).unwrap_or(u32::MAX);
    table.placed(seen.slot, frame.lane, FrameRef(frame.serial), kept_bytes);
    true
}

fn read(disk: &dyn Disk, frame: &TailFrame) -> Option<OpenFrame> {
    let file = disk.open(&frame.name.path(frame.lane)).ok()?;
    let mut walk = FrameWalk::new(file.as_ref(), frame.name.encoding);
    walk.begin_at(&frame.record);
    let (_, content) = walk.next(Some(frame.record.ubytes)).ok()??;
    let content = content.to_vec();
    let mut packets: Vec<(u64, usize)> = Blocks::new(&content)
        .filter_map(|(offset, block)| match block {
            Block::Packet(packet) => Some((packet.arrival.unwrap_or(0), offset)),
            _ => None,
        })
        .collect();
    packets.sort_unstable_by_key(|packet| Reverse(*packet));
    Some(OpenFrame { lane: frame.lane, serial: frame.serial, content, packets })
}
