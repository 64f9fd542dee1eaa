//! Tapes built by hand after docs/format.md, not by the code that records: what reading is tested with.

use std::fs;
use std::path::Path;

use flow::{Config, FlowTable, FrameRef, Lane, PayloadReader, Place, Slot};
use packet::capture::block::{Block, Blocks, Section, write_interface_block, write_packet_block, write_section_header};
use packet::{Interface, Packet, Timestamp};
use tape::format::catalog::{self, FrameRecord, HOLDS_INTERFACES};
use tape::format::chain::{Event, Line};
use tape::format::identity::{FORMAT, Identity};
use tape::format::journal::Batch;
use tape::format::names::{self, Encoding, FlowFileName, SegmentName};
use tape::format::segments::{self, SegmentRecord};
use tape::format::state::{self, Covers, Position, StateHead};
use tape::format::zstd_frame;
use tape::rows::{self, FramePlace, Metadata, Rowless};

use crate::said::Speech;

/// A packet of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Owned {
    pub(crate) time: Timestamp,
    pub(crate) wire_bytes: u32,
    pub(crate) data: Vec<u8>,
    pub(crate) interface: u32,
    pub(crate) direction: packet::PacketDirection,
}

impl Owned {
    pub(crate) fn of(packet: &Packet) -> Self {
        let Packet { time, wire_bytes, data, interface, direction, .. } = *packet;
        Self { time, wire_bytes, data: data.to_vec(), interface, direction }
    }

    pub(crate) fn packet(&self, arrival: u64) -> Packet<'_> {
        let Self { time, wire_bytes, ref data, interface, direction } = *self;
        Packet { time, wire_bytes, data, interface, direction, arrival: Some(arrival) }
    }
}

/// How a tape is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) encoding: Encoding,
    /// Every so many packets a checkpoint.
    pub(crate) checkpoint_packets: usize,
    pub(crate) frame_bytes: usize,
    pub(crate) segment_frames: usize,
    /// Parked packets wait for so many packets.
    pub(crate) park_packets: usize,
    /// The indexes of segments are left out.
    pub(crate) without_catalog: bool,
    /// Bytes of a head, beyond which packets are bulk.
    pub(crate) head_bytes: u32,
    /// Rows have what was said, some of them not all of it.
    pub(crate) with_payload: bool,
}

pub(crate) const TAPE_ID: &str = "00112233445566778899aabbccddeeff";

/// Builds a tape of packets that arrived in this order; what is behind the last full frame is left in the journals.
pub(crate) fn build(directory: &Path, interfaces: &[Interface], packets: &[Owned], cut: Cut) {
    let mut builder = Builder::new(directory, interfaces, cut);
    for (arrival, packet) in (1..).zip(packets) {
        builder.take(packet, arrival);
    }
    builder.finish();
}

/// Writes the indexes of a tape's flow files, and what its closed segments hold.
pub(crate) fn index(directory: &Path) {
    let flow_files = tape::index::Catalog::open(directory).unwrap();
    for (place, name) in (0..).zip(flow_files.files()) {
        fs::write(directory.join(names::flow_index_path(name.number)), flow_files.made(place).unwrap()).unwrap();
    }
    for lane in Lane::ALL {
        let Ok(listed) = fs::read_dir(directory.join(lane.name())) else { continue };
        let mut segments: Vec<SegmentName> =
            listed.filter_map(|entry| SegmentName::parse(entry.ok()?.file_name().to_str()?)).collect();
        segments.sort_by_key(|name| name.number);
        // The last one is open.
        segments.pop();
        let mut bytes = segments::MAGIC.to_vec();
        for name in segments {
            let index = fs::read(directory.join(names::catalog_path(lane, name.number))).unwrap_or_default();
            let record = SegmentRecord::of(&name, &catalog::decode(&index, name.number));
            record.iter().for_each(|record| record.encode(&mut bytes));
        }
        fs::write(directory.join(names::segments_path(lane)), bytes).unwrap();
    }
}

/// A tape that grows.
pub(crate) struct Builder<'a> {
    directory: &'a Path,
    interfaces: &'a [Interface],
    cut: Cut,
    lanes: [LaneWriter; Lane::ALL.len()],
    table: FlowTable,
    parked: Vec<(Slot, Owned, u64, usize)>,
    taken: usize,
    frames: Vec<FramePlace>,
    flow_file: u64,
    said: Speech,
}

#[derive(Default)]
struct LaneWriter {
    segment: Option<(SegmentName, Vec<FrameRecord>, Vec<u8>)>,
    number: u64,
    open: Vec<u8>,
    /// Its number among the frames of the period.
    reference: Option<u32>,
}

impl<'a> Builder<'a> {
    /// A tape without packets.
    pub(crate) fn new(directory: &'a Path, interfaces: &'a [Interface], cut: Cut) -> Self {
        let identity = Identity { format: FORMAT, id: TAPE_ID.into(), sensor: "built".into(), created: Timestamp(0) };
        for name in [names::FLOWS, names::CATALOG, names::LIVE, names::CHAIN] {
            fs::create_dir_all(directory.join(name)).unwrap();
        }
        fs::write(directory.join(names::IDENTITY), identity.encode()).unwrap();
        fs::write(directory.join(names::chain_path(1)), log()).unwrap();
        let config = Config { head_bytes: cut.head_bytes, ..Config::new(identity.id_bytes(), [5; 32]) };
        Self {
            directory,
            interfaces,
            cut,
            lanes: Default::default(),
            table: FlowTable::new(config),
            parked: Vec::new(),
            taken: 0,
            frames: Vec::new(),
            flow_file: 0,
            said: Speech::default(),
        }
    }

    /// Records a packet.
    pub(crate) fn take(&mut self, owned: &Owned, arrival: u64) {
        let packet = owned.packet(arrival);
        let interface = &self.interfaces[packet.interface as usize];
        let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
        let seen = self.table.observe(&packet, &headers, arrival, 1);
        if let Some(flow) = self.table.flow_id(seen.slot) {
            self.said.packet(flow, seen.from_client, &packet, &headers);
        }
        let until = self.taken;
        self.taken += 1;
        let park_packets = self.cut.park_packets;
        self.release(Lane::Junk, |_, parked_at| parked_at + park_packets < until);
        if let Some(lane) = seen.release {
            self.release(lane, |slot, _| slot == seen.slot);
        }
        match seen.place {
            Place::Park => self.parked.push((seen.slot, owned.clone(), arrival, until)),
            Place::Lane(lane) => self.append(lane, seen.slot, owned, arrival),
        }
        if self.taken.is_multiple_of(self.cut.checkpoint_packets) {
            self.checkpoint();
        }
    }

    fn release(&mut self, lane: Lane, which: impl Fn(Slot, usize) -> bool) {
        let parked = std::mem::take(&mut self.parked);
        let (released, rest): (Vec<_>, Vec<_>) = parked.into_iter().partition(|(slot, _, _, at)| which(*slot, *at));
        self.parked = rest;
        for (slot, packet, arrival, _) in released {
            self.append(lane, slot, &packet, arrival);
        }
    }

    fn append(&mut self, lane: Lane, slot: Slot, owned: &Owned, arrival: u64) {
        let packet = owned.packet(arrival);
        let mut block = Vec::new();
        write_packet_block(&mut block, &packet, usize::MAX);
        let writer = &self.lanes[lane.number()];
        if !writer.open.is_empty() && writer.open.len() + block.len() > self.cut.frame_bytes {
            self.close_frame(lane);
        }
        self.begin_segment(lane, packet.time);
        let writer = &mut self.lanes[lane.number()];
        let reference = *writer.reference.get_or_insert_with(|| {
            let (name, records, _) = writer.segment.as_ref().unwrap();
            let uoffset = records.last().map_or(0, FrameRecord::uend);
            self.frames.push(FramePlace { lane: Some(lane), segment: name.number, uoffset });
            self.frames.len() as u32 - 1
        });
        writer.open.extend(block);
        self.table.placed(slot, lane, FrameRef(reference), packet.data.len() as u32);
    }

    fn begin_segment(&mut self, lane: Lane, time: Timestamp) {
        if self.lanes[lane.number()].segment.is_some() {
            return;
        }
        let writer = &mut self.lanes[lane.number()];
        writer.number += 1;
        let name = SegmentName { number: writer.number, time, encoding: self.cut.encoding };
        writer.segment = Some((name, Vec::new(), Vec::new()));
        let mut head = Vec::new();
        write_section_header(&mut head, &Section::default());
        self.interfaces.iter().for_each(|interface| write_interface_block(&mut head, interface, None));
        writer.put_frame(&head, self.interfaces.len() as u32);
    }

    fn close_frame(&mut self, lane: Lane) {
        let writer = &mut self.lanes[lane.number()];
        let open = std::mem::take(&mut writer.open);
        writer.reference = None;
        if !open.is_empty() {
            writer.put_frame(&open, self.interfaces.len() as u32);
        }
        if writer.segment.as_ref().is_some_and(|(_, records, _)| records.len() > self.cut.segment_frames) {
            self.close_segment(lane);
        }
    }

    fn close_segment(&mut self, lane: Lane) {
        self.write_segment(lane);
        self.lanes[lane.number()].segment = None;
    }

    fn write_segment(&self, lane: Lane) {
        let Some((name, records, bytes)) = &self.lanes[lane.number()].segment else { return };
        let path = self.directory.join(name.path(lane));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        if !self.cut.without_catalog {
            let mut index = catalog::encode_header(name.number).to_vec();
            records.iter().for_each(|record| index.extend(record.encode()));
            fs::write(self.directory.join(names::catalog_path(lane, name.number)), index).unwrap();
        }
    }

    fn checkpoint(&mut self) {
        self.release(Lane::Junk, |_, _| true);
        Lane::ALL.into_iter().for_each(|lane| self.close_frame(lane));
        let mut period = self.table.checkpoint();
        for part in period.parts.iter_mut().filter(|_| self.cut.with_payload) {
            part.payload = self.said.some_of(part);
        }
        self.said.forget();
        let mut covers = Covers::default();
        for lane in Lane::ALL {
            let writer = &self.lanes[lane.number()];
            let position = match &writer.segment {
                Some((name, records, _)) => {
                    Position { segment: name.number, uoffset: records.last().map_or(0, FrameRecord::uend) }
                }
                None => Position { segment: writer.number + 1, uoffset: 0 },
            };
            covers.set(lane, position);
        }
        self.flow_file += 1;
        let rowless = period.locations.iter().filter(|location| location.part == flow::ROWLESS);
        let rowless =
            rowless.filter_map(|location| Rowless::frame(*self.frames.get(location.frame as usize)?)).collect();
        let metadata = Metadata {
            tape: TAPE_ID.into(),
            sensor: "built".into(),
            covers,
            interfaces: self.interfaces.iter().map(|interface| interface.name.clone().unwrap_or_default()).collect(),
            frames: std::mem::take(&mut self.frames),
            rowless,
            clock_ns: period.clock_ns,
        };
        let locations: Vec<(u32, u32)> =
            period.locations.iter().map(|location| (location.part, location.frame)).collect();
        let bytes = rows::write(Vec::new(), &period.parts, &locations, &metadata).unwrap();
        let name = FlowFileName { number: self.flow_file, time: Timestamp(self.flow_file as i64) };
        fs::write(self.directory.join(name.path()), bytes).unwrap();
        let head = StateHead {
            flow_file: self.flow_file,
            next_arrival: self.taken as u64 + 1,
            covers,
            interfaces: self.interfaces.to_vec(),
        };
        let mut snapshot = Vec::new();
        self.table.snapshot(&mut snapshot);
        let mut state = state::encode_head(&head, &snapshot);
        state.extend(snapshot);
        // As a recorder does: who has the one before open goes on reading that.
        let path = self.directory.join(names::state_path());
        fs::write(path.with_extension("tmp"), state).unwrap();
        fs::rename(path.with_extension("tmp"), path).unwrap();
    }

    /// Leaves open frames in journals and open segments as they are; parked packets become junk.
    pub(crate) fn finish(mut self) {
        self.release(Lane::Junk, |_, _| true);
        self.sync();
    }

    /// Brings everything but parked packets into files.
    pub(crate) fn sync(&mut self) {
        for lane in Lane::ALL {
            let writer = &self.lanes[lane.number()];
            if let Some((name, records, _)) = &writer.segment
                && !writer.open.is_empty()
            {
                let packets = Blocks::new(&writer.open).filter(|(_, block)| matches!(block, Block::Packet(_))).count();
                let batch = Batch {
                    serial: 9,
                    segment: name.number,
                    frame_uoffset: records.last().map_or(0, FrameRecord::uend),
                    offset: 0,
                    packets: packets as u32,
                    bytes: &writer.open,
                };
                let mut journal = batch.encode_header().to_vec();
                journal.extend(&writer.open);
                fs::write(self.directory.join(names::journal_path(lane)), journal).unwrap();
            }
            self.write_segment(lane);
        }
    }
}

impl LaneWriter {
    fn put_frame(&mut self, content: &[u8], interfaces: u32) {
        let (name, records, file) = self.segment.as_mut().unwrap();
        let before = records.last().copied().unwrap_or_default();
        let stored = records.len() % 2 == 1;
        let start = file.len();
        match (name.encoding, stored) {
            (Encoding::Plain, _) => file.extend_from_slice(content),
            (Encoding::Zstd, true) => zstd_frame::store(content, file),
            (Encoding::Zstd, false) => file.extend(zstd::bulk::compress(content, 1).unwrap()),
        }
        let mut record = FrameRecord {
            uoffset: before.uend(),
            coffset: before.cend(),
            ubytes: content.len() as u32,
            cbytes: (file.len() - start) as u32,
            interfaces,
            ..FrameRecord::default()
        };
        let mut least = |arrival: u64, time: Timestamp| {
            let first = record.packets == 0;
            record.packets += 1;
            record.first_arrival = if first { arrival } else { record.first_arrival.min(arrival) };
            record.last_arrival = record.last_arrival.max(arrival);
            record.first_time = if first { time } else { record.first_time.min(time) };
            record.last_time = if first { time } else { record.last_time.max(time) };
        };
        let mut describes = false;
        for (_, block) in Blocks::new(content) {
            match block {
                Block::Packet(packet) => least(packet.arrival.unwrap(), packet.time),
                Block::Section | Block::Interface(_) => describes = true,
                _ => {}
            }
        }
        record.flags = if describes { HOLDS_INTERFACES } else { 0 };
        records.push(record);
    }
}

/// The log of an import that began and ended.
fn log() -> String {
    let start = Event::Start { version: String::new(), pid: 1, boot_id: String::new(), next_arrival: 1, import: true };
    let line = |(seq, event)| Line { seq, time: Timestamp(0), boot_ns: 0, event }.encode();
    (1..).zip([start, Event::Stop { next_arrival: 1 }]).map(line).collect()
}
