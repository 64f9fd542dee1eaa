//! Disks that are full, broken, gone or read-only: what is lost is counted, and recording goes on when it can.

use std::io::ErrorKind;

use super::crash::each_seed;
use super::faulty_disk::{Fault, FaultyDisk};
use super::generator::{Random, Record, Recorder, options};
use super::inspect::{Missing, check_indexes, check_packets, events};
use crate::format::chain::Event;
use crate::options::{Compression, KeepFree};

/// Records for some seconds with something wrong, and for some more without it.
fn check(seed: u64, break_it: impl Fn(&FaultyDisk, &mut Random), mend_it: impl Fn(&FaultyDisk)) {
    let mut random = Random::new(seed);
    let compression = if random.one_in(3) { Compression::None } else { Compression::Zstd(1) };
    let budget_bytes = 2_000_000 + random.below(4_000_000);
    let disk = FaultyDisk::new(seed);
    disk.set_budget(budget_bytes);
    let mut record = Record::default();
    let mut recorder = Recorder::open(&disk, options(budget_bytes, compression), &record).unwrap();
    for second in 0..60 {
        match second {
            10 => break_it(&disk, &mut random),
            25 => mend_it(&disk),
            _ => {}
        }
        let count = random.below(60);
        recorder.append_some(&mut random, count, &mut record);
        recorder.tick(&mut random, &mut record);
    }
    let counters = recorder.tape.counters();
    let first_after = record.appended.len();
    recorder.append_some(&mut random, 20, &mut record);
    let Recorder { tape, mut table, .. } = recorder;
    tape.close(&mut table);
    check_packets(&disk, &record, Missing::Counted, &super::inspect::floors(&disk));
    check_indexes(&disk, false);
    // What came after the fault is there, and what is missing was counted.
    let found = super::inspect::all_packets(&disk);
    assert!(record.appended[first_after..].iter().all(|(arrival, _)| found.contains(arrival)));
    let losses: u64 = events(&disk)
        .iter()
        .map(|event| match event {
            Event::Loss(loss) => loss.packets,
            _ => 0,
        })
        .sum();
    assert_eq!(losses, counters.packets_lost, "the log has every loss that was counted");
    let evicted = events(&disk).iter().any(|event| matches!(event, Event::Evict(_)));
    let missing = (record.appended.len() - found.len()) as u64;
    // What could not be cut off after a fault is still there, although it is not believed.
    assert!(evicted || missing <= losses, "{missing} packets are missing, {losses} were counted");
}

#[test]
fn writes_that_fail_set_the_segment_aside() {
    each_seed(|seed| {
        let break_it = |disk: &FaultyDisk, random: &mut Random| {
            let (from, count) = (disk.operations() + random.below(50), 1 + random.below(60));
            disk.inject(Fault::Error(from, count, ErrorKind::Other));
        };
        check(seed, break_it, FaultyDisk::heal);
    });
}

#[test]
fn syncs_that_fail_are_not_believed() {
    each_seed(|seed| {
        let break_it = |disk: &FaultyDisk, random: &mut Random| {
            disk.inject(Fault::Sync(disk.operations(), 10 + random.below(200)));
        };
        check(seed, break_it, FaultyDisk::heal);
    });
}

#[test]
fn short_writes_are_gone_on_with() {
    each_seed(|seed| check(seed, |disk, _| disk.inject(Fault::Short(disk.operations())), FaultyDisk::heal));
}

#[test]
fn a_full_disk_is_made_room_on_or_waited_for() {
    each_seed(|seed| {
        let fill =
            |disk: &FaultyDisk, random: &mut Random| disk.set_capacity(Some(disk.used() + random.below(100_000)));
        check(seed, fill, |disk| disk.set_capacity(None));
    });
}

#[test]
fn a_read_only_file_system_is_waited_for() {
    each_seed(|seed| check(seed, |disk, _| disk.set_read_only(true), |disk| disk.set_read_only(false)));
}

#[test]
fn the_floor_of_free_disk_holds_while_others_fill_it() {
    let disk = FaultyDisk::new(1);
    let mut random = Random::new(1);
    let mut record = Record::default();
    let mut options = options(8_000_000, Compression::Zstd(1));
    options.keep_free = KeepFree::Bytes(10_000_000);
    disk.set_capacity(Some(20_000_000));
    let mut recorder = Recorder::open(&disk, options, &record).unwrap();
    for _ in 0..40 {
        recorder.append_some(&mut random, 300, &mut record);
        recorder.tick(&mut random, &mut record);
    }
    assert!(disk.used() > 5_000_000);
    // Others take four megabytes: what is free falls to less than the floor, so the tape shrinks.
    disk.set_capacity(Some(14_000_000));
    for _ in 0..5 {
        recorder.append_some(&mut random, 30, &mut record);
        recorder.tick(&mut random, &mut record);
    }
    assert!(disk.used() <= 4_100_000, "{}", disk.used());
    let Recorder { tape, mut table, .. } = recorder;
    tape.close(&mut table);
    let reasons: Vec<String> = events(&disk)
        .into_iter()
        .filter_map(|event| match event {
            Event::Evict(eviction) => Some(eviction.why),
            _ => None,
        })
        .collect();
    assert!(reasons.iter().any(|why| why == "keep-free"), "{reasons:?}");
}

#[test]
fn evictions_are_in_age_order_and_in_the_log() {
    let disk = FaultyDisk::new(2);
    disk.set_budget(1_500_000);
    let mut random = Random::new(2);
    let mut record = Record::default();
    let mut recorder = Recorder::open(&disk, options(1_500_000, Compression::Zstd(1)), &record).unwrap();
    for _ in 0..130 {
        recorder.append_some(&mut random, 60, &mut record);
        recorder.tick(&mut random, &mut record);
    }
    let Recorder { tape, mut table, .. } = recorder;
    tape.close(&mut table);
    let mut next = std::collections::BTreeMap::new();
    for event in events(&disk) {
        if let Event::Evict(eviction) = event {
            let expected = next.insert(eviction.lane.clone(), eviction.last + 1).unwrap_or(1);
            assert_eq!(eviction.first, expected, "{eviction:?}");
            assert_eq!(eviction.segments, eviction.last + 1 - eviction.first);
            assert!(eviction.from <= eviction.to);
        }
    }
    assert!(next.len() >= 5, "{next:?}");
    check_packets(&disk, &record, Missing::NothingOf(record.appended.len()), &super::inspect::floors(&disk));
}
