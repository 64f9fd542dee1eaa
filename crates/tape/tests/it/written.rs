//! Tapes on real file systems: who may open them, and what they do when the disk is small, gone or slow.

use std::fs;
use std::time::Duration;

use packet::Timestamp;
use tape::format::index;
use tape::format::time::rfc3339;
use tape::{Error, KeepFree, Opened, Options, Tape};

use crate::recorder::{Mounted, Recorder, allocated, chain, now_ns};

fn options() -> Options {
    let mut options = Options::new(10_000_000);
    options.keep_free = KeepFree::Bytes(0);
    options
}

#[test]
fn a_tape_has_one_recorder() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = Recorder::open(directory.path(), 10_000_000);
    match Tape::open(directory.path(), Options::new(10_000_000)) {
        Err(Error::Locked { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        _ => panic!("it is locked"),
    }
    recorder.close();
    Recorder::open(directory.path(), 10_000_000).close();
}

#[test]
fn other_things_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("dump.pcap"), "x").unwrap();
    let outcome = Tape::open(directory.path(), Options::new(10_000_000));
    assert!(matches!(outcome, Err(Error::NotATape { ref found, .. }) if found == "dump.pcap"));
    fs::remove_file(directory.path().join("dump.pcap")).unwrap();
    fs::write(directory.path().join("tape.toml"), "format = 2\nnews = true\n").unwrap();
    let outcome = Tape::open(directory.path(), Options::new(10_000_000));
    assert!(matches!(outcome, Err(Error::Version { found: 2, .. })));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let outcome = Tape::open(&directory.path().join("new"), Options::new(1000));
    assert!(matches!(outcome, Err(Error::BudgetTooSmall { .. })));
}

#[test]
fn arrival_numbers_go_on_and_a_clean_stop_leaves_nothing_to_salvage() {
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(directory.path(), 10_000_000);
    recorder.append(100, 200);
    recorder.tick();
    recorder.close();
    let Opened { mut tape, mut table, report } = Tape::open(directory.path(), options()).unwrap();
    assert!(report.was_clean);
    assert_eq!((report.packets_from_journals, report.packets_found, report.packets_replayed), (0, 0, 0));
    assert_eq!(tape.next_arrival(), 101);
    tape.close(&mut table);
    assert!(chain(directory.path()).contains("\"kind\":\"gap\""));
}

#[test]
fn a_recorder_that_ends_without_a_word_is_salvaged() {
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(directory.path(), 10_000_000);
    recorder.append(1000, 300);
    std::thread::sleep(Duration::from_millis(60));
    // Packets that were captured later may not have been appended.
    let settled = Timestamp(now_ns() - 50_000_000);
    recorder.tape.settle(settled);
    recorder.tick();
    std::thread::sleep(Duration::from_millis(300));
    drop(recorder);
    let Opened { mut tape, mut table, report } = Tape::open(directory.path(), options()).unwrap();
    assert!(!report.was_clean);
    assert_eq!(report.packets_replayed, 1000);
    assert_eq!(tape.next_arrival(), 1001);
    tape.close(&mut table);
    let log = chain(directory.path());
    let from = rfc3339(settled);
    assert!(log.contains(&format!("\"kind\":\"gap\",\"from\":\"{from}\"")), "{from}: {log}");
    assert!(log.contains("\"reason\":\"crash\"") && log.contains("\"kind\":\"salvage\""), "{log}");
}

#[test]
fn a_small_budget_is_never_exceeded() {
    let directory = tempfile::tempdir().unwrap();
    for budget_bytes in [1_000_000, 10_000_000] {
        let path = directory.path().join(budget_bytes.to_string());
        let mut recorder = Recorder::open(&path, budget_bytes);
        for _ in 0..40 {
            recorder.append(budget_bytes as usize / 15_000, 1500);
            recorder.tick();
            let bytes = allocated(&path);
            assert!(bytes <= budget_bytes, "{bytes} of {budget_bytes}");
        }
        assert_eq!(recorder.tape.counters().packets_lost, 0, "{:?}", recorder.tape.problems());
        recorder.close();
        assert!(allocated(&path) <= budget_bytes);
        assert!(allocated(&path) > budget_bytes / 2);
        assert!(chain(&path).contains("\"why\":\"budget\""));
    }
}

#[test]
fn a_removed_directory_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(directory.path(), 10_000_000);
    recorder.append(500, 500);
    recorder.tick();
    fs::remove_dir_all(directory.path().join("client")).unwrap();
    for _ in 0..5 {
        recorder.append(500, 500);
        recorder.tick();
    }
    let problems = recorder.tape.problems();
    assert!(problems.iter().any(|problem| problem.starts_with("client/")), "{problems:?}");
    recorder.close();
    assert!(fs::read_dir(directory.path().join("client")).unwrap().count() > 0);
}

#[test]
fn damage_after_a_clean_stop_is_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(directory.path(), 10_000_000);
    recorder.append(2000, 900);
    recorder.tick();
    recorder.close();
    let last = fs::read_dir(directory.path().join("bulk")).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let file = fs::File::options().write(true).open(&last).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    Recorder::open(directory.path(), 10_000_000).close();
    let log = chain(directory.path());
    assert!(log.contains("\"kind\":\"salvage\"") && log.contains("\"reason\":\"damaged\""), "{log}");
}

#[test]
fn a_small_file_system_is_shared_with_others() {
    let Some(mounted) = Mounted::new(48 << 20) else { return };
    let path = mounted.path.join("tape");
    let mut recorder = Recorder::open(&path, 1_000_000_000);
    for second in 0..60 {
        if second == 30 {
            // Others fill the disk to the last byte.
            let _ = fs::write(mounted.path.join("others"), vec![1; 60 << 20]);
        }
        if second == 40 {
            fs::remove_file(mounted.path.join("others")).unwrap();
        }
        recorder.append(1000, 1500);
        recorder.tick();
    }
    let before = recorder.tape.counters();
    for _ in 0..5 {
        recorder.append(100, 1500);
        recorder.tick();
    }
    let after = recorder.tape.counters();
    assert_eq!(after.packets_lost, before.packets_lost, "it goes on when there is room again");
    recorder.close();
    assert!(chain(&path).contains("\"kind\":\"evict\""));
    Recorder::open(&path, 1_000_000_000).close();
}

#[test]
fn a_budget_that_is_large_for_the_disk_keeps_everything_that_fits() {
    let Some(mounted) = Mounted::new(64 << 20) else { return };
    let path = mounted.path.join("tape");
    let mut recorder = Recorder::open(&path, 20_000_000_000);
    for _ in 0..8 {
        recorder.append(1000, 1000);
        recorder.tick();
    }
    recorder.close();
    assert!(allocated(&path) > 8_000_000, "{}", allocated(&path));
    let log = chain(&path);
    assert!(!log.contains("\"kind\":\"evict\""), "{log}");
}

/// Indexes of an earlier version are of no use to questions, which may not write: whoever writes the tape makes them again.
#[test]
fn indexes_of_an_earlier_version_are_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(directory.path(), 50_000_000);
    for _ in 0..12 {
        recorder.observe(20);
        recorder.tick();
    }
    recorder.close();
    let catalog = || fs::read_dir(directory.path().join("catalog")).unwrap().map(|entry| entry.unwrap().path());
    let indexes = || {
        let is_index =
            |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "index" || ending == "rollup");
        catalog().filter(is_index).map(|path| (fs::read(&path).unwrap(), path)).collect::<Vec<_>>()
    };
    let is_of_now = |(bytes, _): &(Vec<u8>, std::path::PathBuf)| bytes.starts_with(index::MAGIC);
    let make_old = || {
        for (mut bytes, path) in indexes() {
            bytes[7] -= 1;
            fs::write(path, bytes).unwrap();
        }
        assert!(!indexes().iter().any(is_of_now));
    };
    let count = indexes().len();
    assert!(count > 5, "{count}");
    make_old();
    let Opened { tape, mut table, .. } = Tape::open(directory.path(), Options { is_live: false, ..options() }).unwrap();
    tape.close(&mut table);
    assert_eq!(indexes().iter().filter(|index| is_of_now(index)).count(), indexes().len(), "by an import");
    assert!(indexes().len() >= count);
    make_old();
    let recorder = Recorder::open(directory.path(), 50_000_000);
    let begun = std::time::Instant::now();
    while (indexes().len() < count || !indexes().iter().all(is_of_now)) && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(indexes().len() >= count && indexes().iter().all(is_of_now), "by a recorder");
    recorder.close();
}
