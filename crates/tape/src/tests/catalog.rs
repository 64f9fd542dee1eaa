//! The catalog of flow files as a recorder keeps it: indexes and roll-ups that say what the rows say.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use flow::FlowPart;
use packet::Address;

use super::faulty_disk::FaultyDisk;
use super::generator::{Random, Record, Recorder, options};
use crate::disk::Disk;
use crate::format::names;
use crate::index::{Catalog, Key};
use crate::options::Compression;
use crate::rows::FlowFile;

/// Records so many periods with one or two flows each, and stops.
fn record(disk: &FaultyDisk, periods: u64, budget_bytes: u64, record: &mut Record) {
    let mut random = Random::new(3);
    let mut recorder = Recorder::open(disk, options(budget_bytes, Compression::Zstd(1)), record).unwrap();
    for _ in 0..periods {
        recorder.append_some(&mut random, 2, record);
        recorder.tape.checkpoint(&mut recorder.table);
        recorder.tick(&mut random, record);
    }
    let Recorder { tape, mut table, .. } = recorder;
    tape.close(&mut table);
}

fn numbers_of<T: Ord>(disk: &FaultyDisk, directory: &str, parse: impl Fn(&str) -> Option<T>) -> BTreeSet<T> {
    disk.list(Path::new(directory)).unwrap().iter().filter_map(|entry| parse(&entry.name)).collect()
}

fn flow_files(disk: &FaultyDisk) -> BTreeSet<u64> {
    numbers_of(disk, names::FLOWS, |name| Some(names::FlowFileName::parse(name)?.number))
}

type Matches = fn(&FlowPart) -> bool;

/// Keys that a few, many or no rows have, each with what is a match.
fn keys() -> Vec<(Key<'static>, Matches)> {
    let address = |last| Address::v4([10, 0, 0, last]);
    vec![
        (Key::Address(address(7)), |part| part.key.src == Address::v4([10, 0, 0, 7])),
        (Key::Address(address(200)), |_| false),
        (Key::Address(Address::v4([192, 0, 2, 1])), |_| true),
        (Key::Net(address(0), 96 + 29), |part| part.key.src.0[15] < 8),
        (Key::Port(0x3009), |part| part.key.src_port == 0x3009),
        (Key::Port(53), |_| true),
        (Key::Port(54), |_| false),
    ]
}

/// What a catalog says beside what is in the rows; `exact` unless a file of it is damaged.
fn check(tape: &Path, exact: bool) {
    let catalog = Catalog::open(tape).unwrap();
    let parts: Vec<Vec<FlowPart>> = catalog
        .files()
        .iter()
        .map(|name| {
            let file = FlowFile::of(File::open(tape.join(name.path())).unwrap()).unwrap();
            (0..file.row_groups()).flat_map(|group| file.read(group).unwrap()).map(|row| row.part).collect()
        })
        .collect();
    for (key, matches) in keys() {
        let holding = catalog.holding(&key);
        for (place, parts) in (0..).zip(&parts) {
            let expected: Vec<u32> = (0..).zip(parts).filter(|(_, part)| matches(part)).map(|(row, _)| row).collect();
            assert!(holding.contains(place) || expected.is_empty(), "{key:?}");
            assert!(!exact || holding.contains(place) != expected.is_empty(), "{key:?}");
            let rows = catalog.index(place).unwrap().rows_of(&key);
            assert_eq!(
                rows.unwrap_or_else(|_| catalog.rebuild(place).unwrap().rows_of(&key).unwrap()).to_vec(),
                expected
            );
        }
    }
}

#[test]
fn a_catalog_says_what_the_rows_say() {
    let disk = FaultyDisk::new(1);
    record(&disk, 150, 400_000_000, &mut Record::default());
    let rollups = numbers_of(&disk, names::CATALOG, names::parse_rollup);
    assert_eq!(rollups.into_iter().collect::<Vec<_>>(), [(1, 64), (65, 128)]);
    assert_eq!(numbers_of(&disk, names::CATALOG, names::parse_flow_index), flow_files(&disk));
    let tape = tempfile::tempdir().unwrap();
    disk.export(tape.path());
    check(tape.path(), true);
    // A damaged roll-up, one byte at a time in places far apart, a missing index, a missing roll-up.
    let rollup = tape.path().join(names::rollup_path(1, 64));
    let whole = fs::read(&rollup).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&rollup, damaged).unwrap();
        check(tape.path(), false);
    }
    fs::remove_file(&rollup).unwrap();
    fs::remove_file(tape.path().join(names::flow_index_path(70))).unwrap();
    check(tape.path(), true);
    fs::remove_dir_all(tape.path().join(names::CATALOG)).unwrap();
    check(tape.path(), false);
}

#[test]
fn what_is_missing_is_made_again() {
    let disk = FaultyDisk::new(2);
    let mut before = Record::default();
    record(&disk, 70, 400_000_000, &mut before);
    let rollup = names::rollup_path(1, 64);
    disk.remove(&names::flow_index_path(3)).unwrap();
    disk.remove(&names::flow_index_path(69)).unwrap();
    disk.open(&rollup).unwrap().set_length(500).unwrap();
    // Of no flow file.
    disk.create(&names::flow_index_path(900)).unwrap();
    disk.create(&names::rollup_path(900, 901)).unwrap();
    record(&disk, 1, 400_000_000, &mut before);
    assert_eq!(numbers_of(&disk, names::CATALOG, names::parse_flow_index), flow_files(&disk));
    assert_eq!(numbers_of(&disk, names::CATALOG, names::parse_rollup).into_iter().collect::<Vec<_>>(), [(1, 64)]);
    // The next run finds all of it in order.
    disk.remove(&names::flow_index_path(5)).unwrap();
    record(&disk, 1, 400_000_000, &mut before);
    assert_eq!(numbers_of(&disk, names::CATALOG, names::parse_flow_index), flow_files(&disk));
    let tape = tempfile::tempdir().unwrap();
    disk.export(tape.path());
    check(tape.path(), true);
}

#[test]
fn indexes_and_roll_ups_go_with_their_flow_files() {
    let disk = FaultyDisk::new(4);
    disk.set_budget(12_000_000);
    record(&disk, 1200, 12_000_000, &mut Record::default());
    let files = flow_files(&disk);
    let oldest = *files.first().unwrap();
    assert!(oldest > 64, "nothing has aged");
    assert_eq!(numbers_of(&disk, names::CATALOG, names::parse_flow_index), files);
    let rollups = numbers_of(&disk, names::CATALOG, names::parse_rollup);
    assert!(rollups.iter().all(|(_, last)| *last >= oldest), "{oldest} {rollups:?}");
    let tape = tempfile::tempdir().unwrap();
    disk.export(tape.path());
    check(tape.path(), true);
}
