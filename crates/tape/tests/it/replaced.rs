//! A tape whose directory goes away while it is written: removed, unmounted, mounted again, replaced by another.

use std::fs;
use std::path::Path;

use tape::question::{Query, Source};
use tape::status::status;

use crate::question::ask_packets;
use crate::recorder::{Mounted, Recorder, chain};

/// Records for so many seconds; how many packets were appended.
fn record(recorder: &mut Recorder, seconds: usize) -> usize {
    for _ in 0..seconds {
        recorder.append(200, 500);
        recorder.tick();
    }
    200 * seconds
}

/// Packets on the tape and packets that its log calls lost make up all that was appended, and at most what an open frame
/// held of `before`.
#[track_caller]
fn check(tape: &Path, before: usize, appended: usize, lost: u64, gap: &str) {
    let (found, _) = ask_packets(&Source::tape(tape), &Query::default());
    let known = found.len() as u64 + lost;
    assert!((appended as u64..=(before + appended) as u64).contains(&known), "{known} of {appended}");
    let status = status(tape).unwrap();
    assert!(status.gaps.iter().any(|known| known.reason.contains(gap)), "{:?}", status.gaps);
    let in_log: u64 = status.losses.iter().map(|loss| loss.packets).sum();
    assert_eq!(in_log, lost, "{:?}", status.losses);
    assert!(status.losses.iter().all(|loss| loss.bytes > 400 * loss.packets), "{:?}", status.losses);
}

#[test]
fn a_removed_tape_begins_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tape");
    let mut recorder = Recorder::open(&path, 10_000_000);
    let before = record(&mut recorder, 3);
    fs::remove_dir_all(&path).unwrap();
    let after = record(&mut recorder, 6);
    let counters = recorder.close();
    assert!(chain(&path).contains("with a new tape"), "{}", chain(&path));
    // What had been written before is not lost by the recorder.
    assert!(counters.packets_lost > 0 && counters.packets == (before + after) as u64);
    check(&path, before, after, counters.packets_lost, "replaced or removed");
    Recorder::open(&path, 10_000_000).close();
    fs::remove_file(path.join("tape.toml")).unwrap();
    Recorder::open(&path, 10_000_000).close();
    assert!(fs::read_dir(path.join("bulk")).unwrap().count() > 0);
}

#[test]
fn a_new_file_system_in_its_place_is_gone_on_with() {
    let Some(mounted) = Mounted::new(48 << 20) else { return };
    let path = mounted.path.join("tape");
    let mut recorder = Recorder::open(&path, 20_000_000);
    let before = record(&mut recorder, 3);
    mounted.unmount();
    let away = record(&mut recorder, 4);
    assert!(!path.exists(), "nothing is written below the mount point");
    assert!(!recorder.tape.is_replaced());
    mounted.mount_another();
    let after = record(&mut recorder, 6);
    let counters = recorder.close();
    check(&path, before, away + after, counters.packets_lost, "replaced or removed");
    assert!(counters.packets_lost >= away as u64 && counters.packets_lost < (away + after / 2) as u64);
}

#[test]
fn a_file_system_that_comes_back_is_gone_on_with() {
    let Some(mounted) = Mounted::new(48 << 20) else { return };
    let path = mounted.path.join("tape");
    let mut recorder = Recorder::open(&path, 20_000_000);
    let before = record(&mut recorder, 10);
    mounted.unmount();
    let away = record(&mut recorder, 3);
    mounted.mount_again();
    let after = record(&mut recorder, 6);
    let counters = recorder.close();
    let status = status(&path).unwrap();
    let packets: u64 = status.lanes.iter().map(|lane| lane.packets).sum();
    // What was in a journal can be saved and yet be called lost.
    assert!(packets + counters.packets_lost >= (before + away + after) as u64, "{packets} {counters:?}");
    assert!(packets > (before + after / 2) as u64, "{packets} {}", chain(&path));
    assert!(chain(&path).contains("the tape that lies there"), "{}", chain(&path));
    assert!(status.damaged.is_empty(), "{:?}", status.damaged);
    let identity = fs::read_to_string(path.join("tape.toml")).unwrap();
    assert!(identity.contains(&status.id));
}

#[test]
fn parts_of_a_tape_that_are_removed_are_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tape");
    for part in ["chain", "live", "catalog", "tape.toml"] {
        let mut recorder = Recorder::open(&path, 10_000_000);
        record(&mut recorder, 2);
        let removed = path.join(part);
        let gone = if removed.is_dir() { fs::remove_dir_all(&removed) } else { fs::remove_file(&removed) };
        gone.unwrap();
        record(&mut recorder, 5);
        recorder.close();
        assert!(removed.exists(), "{part}");
        let log = fs::read_to_string(path.join("chain/00000001.jsonl")).unwrap();
        assert!(log.ends_with('\n') && log.contains("\"kind\":\"stop\""), "{log}");
    }
}
