//! Clocks that are set while a tape is recorded, and midnight.

use std::time::Duration;

use super::faulty_disk::FaultyDisk;
use super::generator::{Random, Record, Recorder, START_NS, options};
use super::inspect::{Missing, all_packets, check_packets, events, floors, segments_of};
use crate::Lane;
use crate::clock::{Moment, fake};
use crate::format::chain::Event;
use crate::options::Compression;

const HOUR_NS: i64 = 3_600_000_000_000;
const YEAR_NS: i64 = 365 * 24 * HOUR_NS;

/// Each step is told once, and takes nothing from the tape, although a day is the most that it may keep.
#[test]
fn a_clock_that_is_set_is_told_and_takes_nothing() {
    fake::step(START_NS - Moment::now().time.nanoseconds());
    let disk = FaultyDisk::new(1);
    let (mut random, mut record) = (Random::new(1), Record::default());
    let mut options = options(20_000_000, Compression::Zstd(1));
    options.age_max = Some(Duration::from_secs(86_400));
    let mut recorder = Recorder::open(&disk, options, &record).unwrap();
    let steps = [3 * HOUR_NS, -5 * HOUR_NS, YEAR_NS, -YEAR_NS, 10 * YEAR_NS];
    for step in [0].into_iter().chain(steps) {
        fake::step(step);
        // Long enough that ageing looks at the clock some times.
        for _ in 0..90 {
            fake::pass(1);
            recorder.append_some(&mut random, 5, &mut record);
            recorder.tick(&mut random, &mut record);
        }
    }
    let told: Vec<i64> = events(&disk)
        .into_iter()
        .filter_map(|event| match event {
            Event::Clock { reason, step_ns } if reason == "step" => Some(step_ns / 1_000_000_000),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), steps.len(), "{told:?}");
    for (told, step) in told.iter().zip(steps) {
        assert!((told - step / 1_000_000_000).abs() <= 1, "{told} s instead of {step} ns");
    }
    let Recorder { tape, mut table, .. } = recorder;
    tape.close(&mut table);
    assert!(!events(&disk).iter().any(|event| matches!(event, Event::Evict(_))), "nothing is too old");
    check_packets(&disk, &record, Missing::NothingOf(record.appended.len()), &floors(&disk));
    assert_eq!(all_packets(&disk).len(), record.appended.len());
}

/// Files are named by the time of their first packet, and follow each other over midnight.
#[test]
fn midnight_is_a_second_like_others() {
    let disk = FaultyDisk::new(2);
    let (mut random, mut record) = (Random::new(2), Record::default());
    let mut recorder = Recorder::open(&disk, options(20_000_000, Compression::Zstd(1)), &record).unwrap();
    for _ in 0..20 {
        recorder.append_some(&mut random, 100, &mut record);
        recorder.tape.roll();
        recorder.tick(&mut random, &mut record);
    }
    let Recorder { tape, mut table, .. } = recorder;
    tape.close(&mut table);
    check_packets(&disk, &record, Missing::NothingOf(record.appended.len()), &floors(&disk));
    for lane in Lane::ALL {
        let names: Vec<String> =
            segments_of(&disk, lane).iter().map(|name| name.path(lane).to_string_lossy().into_owned()).collect();
        assert!(names.is_sorted(), "{names:?}");
        let days = ["-20231114T2359", "-20231115T0000"];
        for day in days {
            assert!(names.iter().any(|name| name.contains(day)), "{day} in {names:?}");
        }
        assert!(names.iter().all(|name| days.iter().any(|day| name.contains(day))), "{names:?}");
    }
}
