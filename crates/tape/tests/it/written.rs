//! Tapes on real file systems: who may open them, and what they do when the disk is small, gone or slow.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use flow::FlowTable;
use packet::{Interface, LinkType, Packet, PacketDirection, Timestamp};
use tape::{Error, KeepFree, Lane, Opened, Options, Tape};

/// A tape that appends packets of a kind.
struct Recorder {
    tape: Tape,
    table: FlowTable,
    interface: u32,
    start: Instant,
    ticks: u64,
}

impl Recorder {
    fn open(directory: &Path, budget_bytes: u64) -> Self {
        let mut options = Options::new(budget_bytes);
        options.keep_free = KeepFree::Bytes(0);
        options.sync_interval = Duration::from_millis(200);
        options.wait_max = Duration::from_secs(30);
        options.flows.capacity_flows = 1000;
        let Opened { mut tape, table, .. } = Tape::open(directory, options).unwrap();
        let name = Some("eth0".to_owned());
        let interface = Interface { link_type: LinkType::ETHERNET, snaplen: 262_144, name, description: None };
        let interface = tape.interface(&interface);
        Self { tape, table, interface, start: Instant::now(), ticks: 0 }
    }

    fn append(&mut self, count: usize, bytes: usize) {
        for _ in 0..count {
            let arrival = self.tape.next_arrival();
            let data = noise(arrival, bytes);
            let packet = Packet {
                time: Timestamp(1_700_000_000_000_000_000 + arrival as i64),
                wire_bytes: bytes as u32,
                data: &data,
                interface: self.interface,
                direction: PacketDirection::Inbound,
                arrival: Some(arrival),
            };
            self.tape.append(Lane::ALL[arrival as usize % 5], &packet, u32::MAX);
        }
    }

    /// Lets a second pass for the tape, and a moment for its threads.
    fn tick(&mut self) {
        self.ticks += 1;
        self.tape.tick(self.start + Duration::from_secs(self.ticks)).unwrap();
        std::thread::sleep(Duration::from_millis(40));
    }

    fn close(mut self) {
        self.tape.close(&mut self.table);
    }
}

/// Bytes that do not compress.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// What everything below a directory takes.
fn allocated(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let own = fs::symlink_metadata(directory).map_or(0, |metadata| metadata.blocks() * 512);
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    own + entries.map(|entry| allocated(&entry.path())).sum::<u64>()
}

fn chain(directory: &Path) -> String {
    fs::read_to_string(directory.join("chain/00000001.jsonl")).unwrap()
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
    let mut options = Options::new(10_000_000);
    options.keep_free = KeepFree::Bytes(0);
    let Opened { mut tape, mut table, report } = Tape::open(directory.path(), options).unwrap();
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
    recorder.tick();
    std::thread::sleep(Duration::from_millis(300));
    drop(recorder);
    let Opened { mut tape, mut table, report } = Tape::open(directory.path(), Options::new(10_000_000)).unwrap();
    assert!(!report.was_clean);
    assert_eq!(report.packets_replayed, 1000);
    assert_eq!(tape.next_arrival(), 1001);
    tape.close(&mut table);
    let log = chain(directory.path());
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
fn a_removed_tape_begins_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tape");
    let mut recorder = Recorder::open(&path, 10_000_000);
    recorder.append(500, 500);
    recorder.tick();
    fs::remove_dir_all(&path).unwrap();
    for _ in 0..5 {
        recorder.append(500, 500);
        recorder.tick();
    }
    recorder.close();
    assert!(chain(&path).contains("begins anew"));
    Recorder::open(&path, 10_000_000).close();
    fs::remove_file(path.join("tape.toml")).unwrap();
    Recorder::open(&path, 10_000_000).close();
    assert!(fs::read_dir(path.join("bulk")).unwrap().count() > 0);
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

/// A file system of its own in a file; unmounted when it goes.
struct Mounted {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Mounted {
    fn new(bytes: u64) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let (image, path) = (directory.path().join("image"), directory.path().join("mnt"));
        fs::File::create(&image).unwrap().set_len(bytes).unwrap();
        fs::create_dir(&path).unwrap();
        let run = |program: &str, arguments: &[&str]| {
            Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
        };
        let mounted = run("mkfs.ext4", &["-q", "-F", image.to_str()?])
            && run("mount", &["-o", "loop", image.to_str()?, path.to_str()?]);
        if !mounted {
            assert!(std::env::var_os("WIRETAPE_NO_SKIP").is_none(), "needs root to mount a file system");
            eprintln!("skipped: needs root to mount a file system");
        }
        mounted.then_some(Self { _directory: directory, path })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
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
