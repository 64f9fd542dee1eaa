//! Packets that can be told from each other, and dice that fall the same way for the same seed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use flow::FlowTable;
use packet::{Interface, LinkType, Packet, PacketDirection, Timestamp};

use super::faulty_disk::FaultyDisk;
use crate::Lane;
use crate::open::open_on;
use crate::options::{Compression, KeepFree, Options};
use crate::tape::Tape;

/// A second before midnight (UTC), when the packets of all these tests begin: 2023-11-14T23:59:59Z.
pub(super) const START_NS: i64 = 1_700_006_399_000_000_000;

/// Dice (splitmix64, <https://prng.di.unimi.it/splitmix64.c>).
#[derive(Clone, Debug, Default)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }

    pub(super) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// The bytes of the packet with this arrival number: an IPv4 UDP header for the flow table, then noise.
pub(super) fn packet_bytes(arrival: u64) -> Vec<u8> {
    let mut random = Random::new(arrival);
    let length = match random.below(400) {
        0 => 262_144,
        1..4 => 9000 + random.below(60_000) as usize,
        4..200 => 60 + random.below(200) as usize,
        _ => 1514,
    };
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let flow = (arrival % 50) as u8;
    bytes.extend([0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, flow, 192, 0, 2, 1]);
    bytes.extend([0x30, flow, 0, 53, 0, 26, 0, 0]);
    while bytes.len() < length {
        let word = if arrival.is_multiple_of(3) { 0x2020_2020_2020_2020 } else { random.next() };
        bytes.extend(word.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// What was appended and what the tape said about it.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// Arrival number and lane in the order in which they were appended, over all runs.
    pub(super) appended: Vec<(u64, Lane)>,
    /// The first so many were said to be durable.
    pub(super) durable: usize,
    /// The first so many were said to have reached the kernel.
    pub(super) in_kernel: usize,
    /// Seconds that have passed.
    pub(super) seconds: u64,
}

/// A recorder that is made of dice.
pub(super) struct Recorder {
    pub(super) tape: Tape,
    pub(super) table: FlowTable,
    interfaces: Vec<u32>,
    start: Instant,
    /// `record.appended` had this length when the tape was opened.
    before: usize,
    parked: Vec<u64>,
}

pub(super) fn options(budget_bytes: u64, compression: Compression) -> Options {
    let mut options = Options::new(budget_bytes);
    options.compression = compression;
    options.keep_free = KeepFree::Bytes(0);
    options.flows.capacity_flows = 1024;
    options.flows.secret = [7; 32];
    options.wait_max = Duration::ZERO;
    options
}

impl Recorder {
    pub(super) fn open(disk: &FaultyDisk, options: Options, record: &Record) -> Result<Self, crate::Error> {
        let opened = open_on(std::sync::Arc::new(disk.clone()), None, options, None, true)?;
        let (tape, table) = (opened.tape, opened.table);
        let before = record.appended.len();
        let mut recorder =
            Self { tape, table, interfaces: Vec::new(), start: Instant::now(), before, parked: Vec::new() };
        recorder.add_interface(0);
        Ok(recorder)
    }

    fn add_interface(&mut self, number: u64) {
        let name = Some(format!("eth{number}"));
        let interface = Interface { link_type: LinkType::ETHERNET, snaplen: 262_144, name, description: None };
        self.interfaces.push(self.tape.interface(&interface));
    }

    /// Appends some packets to some lanes.
    pub(super) fn append_some(&mut self, random: &mut Random, count: u64, record: &mut Record) {
        for _ in 0..count {
            let arrival = self.tape.next_arrival();
            // Some come late, as parked packets do.
            if random.one_in(20) {
                self.parked.push(arrival);
            } else {
                self.append(arrival, Lane::ALL[random.below(5) as usize], record);
            }
        }
        for arrival in std::mem::take(&mut self.parked) {
            self.append(arrival, Lane::Server, record);
        }
    }

    fn append(&mut self, arrival: u64, lane: Lane, record: &mut Record) {
        let data = packet_bytes(arrival);
        let interface = self.interfaces[arrival as usize % self.interfaces.len()];
        let packet = Packet {
            time: Timestamp(START_NS + arrival as i64 * 1_000_000),
            wire_bytes: data.len() as u32,
            data: &data,
            interface,
            direction: if arrival.is_multiple_of(2) { PacketDirection::Inbound } else { PacketDirection::Unknown },
            arrival: Some(arrival),
        };
        let headers = packet::decode(LinkType::ETHERNET, &data, packet.wire_bytes);
        let seen = self.table.observe(&packet, &headers, arrival, 1);
        if let Some(frame) = self.tape.append(lane, &packet, u32::MAX) {
            self.table.placed(seen.slot, lane, frame, data.len() as u32);
            record.appended.push((arrival, lane));
        }
    }

    /// A second passes.
    pub(super) fn tick(&mut self, random: &mut Random, record: &mut Record) {
        record.seconds += 1;
        if random.one_in(15) && self.interfaces.len() < 5 {
            self.add_interface(self.interfaces.len() as u64);
        }
        if random.one_in(12) {
            self.tape.checkpoint(&mut self.table);
        }
        if random.one_in(40) {
            self.tape.roll();
        }
        let _ = self.tape.tick(self.start + Duration::from_secs(record.seconds));
    }

    /// Notes what the tape says is safe.
    pub(super) fn note(&self, record: &mut Record) {
        let counters = self.tape.counters();
        record.durable = record.durable.max(self.before + counters.packets_durable as usize);
        record.in_kernel = record.in_kernel.max(self.before + counters.packets_in_kernel as usize);
    }
}

/// The packets of each lane in the order in which they were appended.
pub(super) fn by_lane(appended: &[(u64, Lane)]) -> BTreeMap<Lane, Vec<u64>> {
    let mut lanes: BTreeMap<Lane, Vec<u64>> = BTreeMap::new();
    for (arrival, lane) in appended {
        lanes.entry(*lane).or_default().push(*arrival);
    }
    lanes
}
