//! Reads everything on a tape and compares it with what was appended.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use packet::capture::block::{Block, Blocks};

use super::faulty_disk::FaultyDisk;
use super::generator::{Record, by_lane, packet_bytes};
use crate::Lane;
use crate::catalog::FrameWalk;
use crate::disk::{Disk, read_file};
use crate::format::catalog::{FrameRecord, STORED, decode};
use crate::format::chain::{self, Event};
use crate::format::names::{self, SegmentName};

/// How much may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Nothing of the first so many packets, but what ageing took from the front of a lane.
    NothingOf(usize),
    /// Anything: faults lost packets and counted them.
    Counted,
}

/// Every packet on the tape is whole and in the order in which it was appended, none is there twice, and none is
/// missing that must not be.
pub(super) fn check_packets(disk: &FaultyDisk, record: &Record, missing: Missing, floors: &BTreeMap<Lane, u64>) {
    let appended = by_lane(&record.appended);
    let safe = match missing {
        Missing::NothingOf(count) => by_lane(&record.appended[..count.min(record.appended.len())]),
        Missing::Counted => by_lane(&[]),
    };
    let evicted = evicted_lanes(disk);
    for lane in Lane::ALL {
        let found = packets_of(disk, lane);
        let all = appended.get(&lane).map_or(&[][..], Vec::as_slice);
        let mut expected = all.iter();
        for arrival in &found {
            assert!(
                expected.any(|other| other == arrival),
                "packet {arrival} in lane {lane} is there twice, out of order, or was never appended"
            );
        }
        let first = match found.first() {
            _ if !evicted.contains(lane.name()) => 0,
            Some(first) => all.iter().position(|arrival| arrival == first).unwrap(),
            None => all.len(),
        };
        // What ageing had removed may come back in part when the removal was not durable.
        let floor = floors.get(&lane).and_then(|floor| all.iter().position(|arrival| arrival == floor)).unwrap_or(0);
        let first = first.max(floor);
        let found: BTreeSet<u64> = found.into_iter().collect();
        let safe_count = safe.get(&lane).map_or(0, Vec::len);
        for arrival in all[..safe_count].iter().skip(first) {
            assert!(found.contains(arrival), "packet {arrival} in lane {lane} is missing, although it was safe");
        }
    }
}

/// Every closed segment has an index that fits; a whole one, unless its disk failed at times.
pub(super) fn check_indexes(disk: &FaultyDisk, are_whole: bool) {
    for lane in Lane::ALL {
        for name in segments_of(disk, lane) {
            let catalog = read_file(disk, &names::catalog_path(lane, name.number), 1 << 20).unwrap_or_default();
            let records = decode(&catalog, name.number);
            let length = disk.status(&name.path(lane)).unwrap().length;
            let end = records.last().map(FrameRecord::cend);
            assert!(!are_whole || end == Some(length), "{}", name.path(lane).display());
            let file = disk.open(&name.path(lane)).unwrap();
            let mut walk = FrameWalk::new(file.as_ref(), name.encoding);
            for record in records {
                let Some((walked, _)) = walk.next(Some(record.ubytes)).unwrap() else {
                    assert!(!are_whole, "{} has less than its index says", name.path(lane).display());
                    break;
                };
                // What could not be compressed is stored without having been meant to be.
                let flags = walked.flags & !STORED | record.flags & STORED;
                assert_eq!(FrameRecord { flags, ..walked }, record);
            }
        }
    }
}

/// The events of the log; every line is whole and numbered on.
pub(super) fn events(disk: &FaultyDisk) -> Vec<Event> {
    let mut entries = disk.list(Path::new(names::CHAIN)).unwrap();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let mut events = Vec::new();
    for entry in entries {
        let text = read_file(disk, &Path::new(names::CHAIN).join(entry.name), 1 << 30).unwrap();
        for line in chain::decode(&text) {
            let line = line.expect("a line of the log can be read");
            events.push(line.event);
        }
    }
    events
}

/// The lanes' segments by number.
pub(super) fn segments_of(disk: &FaultyDisk, lane: Lane) -> Vec<SegmentName> {
    let entries = disk.list(Path::new(lane.name())).unwrap();
    let mut segments: Vec<_> = entries.iter().filter_map(|entry| SegmentName::parse(&entry.name)).collect();
    segments.sort_by_key(|name| name.number);
    segments
}

fn evicted_lanes(disk: &FaultyDisk) -> BTreeSet<String> {
    // What was removed after the last line of the log is known by the numbers that are missing.
    let by_number =
        Lane::ALL.into_iter().filter(|lane| segments_of(disk, *lane).first().is_none_or(|name| name.number > 1));
    let by_log = events(disk).into_iter().filter_map(|event| match event {
        Event::Evict(eviction) => Some(eviction.lane),
        _ => None,
    });
    by_log.chain(by_number.map(|lane| lane.name().to_owned())).collect()
}

fn packets_of(disk: &FaultyDisk, lane: Lane) -> Vec<u64> {
    let mut packets = Vec::new();
    for name in segments_of(disk, lane) {
        let file = disk.open(&name.path(lane)).unwrap();
        let mut walk = FrameWalk::new(file.as_ref(), name.encoding);
        while let Some((_, content)) = walk.next(None).unwrap() {
            for (_, block) in Blocks::new(content) {
                if let Block::Packet(packet) = block {
                    let arrival = packet.arrival.unwrap();
                    assert!(packet.data == packet_bytes(arrival), "packet {arrival} is not what was appended");
                    packets.push(arrival);
                }
            }
        }
        assert_eq!(walk.coffset(), disk.status(&name.path(lane)).unwrap().length, "{}", name.path(lane).display());
    }
    packets
}

/// The arrival numbers of all packets on the tape.
pub(super) fn all_packets(disk: &FaultyDisk) -> BTreeSet<u64> {
    Lane::ALL.into_iter().flat_map(|lane| packets_of(disk, lane)).collect()
}

/// The first packet of each lane that ageing has not removed.
pub(super) fn floors(disk: &FaultyDisk) -> BTreeMap<Lane, u64> {
    let mut floors = BTreeMap::new();
    for lane in Lane::ALL {
        let Some(name) = segments_of(disk, lane).first().copied() else { continue };
        let file = disk.open(&name.path(lane)).unwrap();
        let mut walk = FrameWalk::new(file.as_ref(), name.encoding);
        while let Some((_, content)) = walk.next(None).unwrap() {
            let first = Blocks::new(content).find_map(|(_, block)| match block {
                Block::Packet(packet) => packet.arrival,
                _ => None,
            });
            if let Some(first) = first {
                floors.entry(lane).or_insert(first);
                break;
            }
        }
    }
    floors
}
