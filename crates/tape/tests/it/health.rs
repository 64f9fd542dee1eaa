//! What a status says of a tape that lacks something.

use std::fs;
use std::path::Path;

use tape::question::{Query, Source};
use tape::status::{Problem, Status, Unpredictable, status};

use crate::question::ask_packets;
use crate::recorder::{Recorder, chain};

/// A tape of several segments and flow files in each lane, closed.
fn recorded(directory: &Path) {
    for _ in 0..4 {
        let mut recorder = Recorder::open(directory, 10_000_000);
        for _ in 0..3 {
            recorder.append(500, 500);
            recorder.observe(50);
            recorder.tick();
        }
        recorder.close();
    }
}

fn files(directory: &Path, lane: &str) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory.join(lane)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn damaged(status: &Status) -> Option<usize> {
    status.problems().into_iter().find_map(|problem| match problem {
        Problem::Damaged(count) => Some(count),
        _ => None,
    })
}

/// Takes something away or adds it, looks whether that is said, and puts it back.
#[track_caller]
fn check(directory: &Path, name: &str, expected: &str) {
    let whole = status(directory).unwrap();
    assert_eq!(damaged(&whole), None, "{whole:?}");
    let (there, away) = (directory.join(name), directory.join("away"));
    fs::rename(&there, &away).unwrap();
    let without = status(directory).unwrap();
    fs::rename(&away, &there).unwrap();
    assert!(without.missing.iter().any(|missing| missing.what.contains(expected)), "{name}: {:?}", without.missing);
    assert!(damaged(&without).is_some());
}

#[test]
fn what_is_missing_is_listed() {
    let directory = tempfile::tempdir().unwrap();
    let tape = directory.path();
    recorded(tape);
    let name = |path: &Path| path.strip_prefix(tape).unwrap().to_str().unwrap().to_owned();
    let (segments, flows) = (files(tape, "client"), files(tape, "flows"));
    assert!(segments.len() >= 4 && flows.len() >= 4, "{segments:?} {flows:?}");
    check(tape, &name(&segments[1]), "segments behind it are missing");
    check(tape, &name(segments.last().unwrap()), "segments behind it are missing");
    check(tape, &name(&segments[0]), "segments 1 to 1 are missing");
    let parquet =
        |number: usize| flows.iter().filter(|path| path.extension().is_some_and(|e| e == "parquet")).nth(number);
    check(tape, &name(parquet(1).unwrap()), "flow file 2 is missing");
    check(tape, &name(parquet(3).unwrap()), "flow file 4 is missing");
    check(tape, "chain", "the log is missing");
    fs::create_dir_all(tape.join("damaged")).unwrap();
    fs::write(tape.join("damaged/client-00000001-77"), "torn").unwrap();
    let status = status(tape).unwrap();
    assert_eq!((status.set_aside.len(), damaged(&status)), (1, Some(1)));
    assert_eq!(status.set_aside[0].bytes, 4);
    assert_eq!(status.retention, Err(Unpredictable::Stopped));
    assert!(status.rate.is_none() && status.lanes.iter().all(|lane| lane.rate.is_none()));
}

#[test]
fn a_missing_log_is_no_crash() {
    let directory = tempfile::tempdir().unwrap();
    recorded(directory.path());
    fs::remove_dir_all(directory.path().join("chain")).unwrap();
    fs::remove_file(&files(directory.path(), "client")[0]).unwrap();
    Recorder::open(directory.path(), 10_000_000).close();
    let log = chain(directory.path());
    assert!(log.contains("the log was missing") && !log.contains("crash"), "{log}");
    let (_, coverage) = ask_packets(&Source::tape(directory.path()), &Query::default());
    assert!(coverage.gaps.iter().any(|gap| gap.reason.contains("the log was missing")), "{:?}", coverage.gaps);
    // What was gone by then is told by the gap.
    assert_eq!(damaged(&status(directory.path()).unwrap()), None);
}

/// A lane that forgets quickly fills as fast as it does, however far others reach back.
#[test]
fn rates_are_over_a_lanes_own_span() {
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(directory.path(), 10_000_000);
    let now = crate::recorder::now_ns();
    recorder.append_at(tape::Lane::Client, now - 1_800_000_000_000, 1000, 500);
    recorder.append_at(tape::Lane::Client, now, 1000, 500);
    recorder.append_at(tape::Lane::Junk, now - 10_000_000_000, 1000, 500);
    recorder.append_at(tape::Lane::Junk, now, 1000, 500);
    recorder.tick();
    std::thread::sleep(std::time::Duration::from_millis(200));
    let status = status(directory.path()).unwrap();
    let rate = |lane: tape::Lane| status.lanes[lane as usize].rate.unwrap();
    let (client, junk) = (rate(tape::Lane::Client), rate(tape::Lane::Junk));
    assert!((200.0..500.0).contains(&client.hour) && (8000.0..20_000.0).contains(&client.minute), "{client:?}");
    assert!((40_000.0..130_000.0).contains(&junk.hour) && junk.hour == junk.minute, "{junk:?}");
    assert!(status.retention.is_ok() && status.lanes[tape::Lane::Server as usize].retention_ns.is_none());
    recorder.close();
}

/// The first frame of a segment says which interfaces its packets are of; others know that too.
#[test]
fn packets_are_read_without_their_segments_first_frame() {
    let directory = tempfile::tempdir().unwrap();
    recorded(directory.path());
    let source = Source::tape(directory.path());
    let (whole, _) = ask_packets(&source, &Query::default());
    for lane in ["client", "junk", "bulk"] {
        let path = files(directory.path(), lane)[1].clone();
        let bytes = fs::read(&path).unwrap();
        let mut changed = bytes.clone();
        changed[1] ^= 0x10;
        fs::write(&path, changed).unwrap();
        let (found, coverage) = ask_packets(&source, &Query::default());
        assert!(found == whole, "{} of {} packets", found.len(), whole.len());
        assert!(coverage.damaged.iter().any(|damage| damage.path == path), "{:?}", coverage.damaged);
        fs::write(&path, bytes).unwrap();
    }
}

/// A changed bit of a compressed segment is damage wherever it is, for us and for zstd(1).
#[test]
fn a_changed_bit_of_a_compressed_segment_is_found() {
    let directory = tempfile::tempdir().unwrap();
    recorded(directory.path());
    let source = Source::tape(directory.path());
    let (whole, _) = ask_packets(&source, &Query::default());
    let path = files(directory.path(), "client")[1].clone();
    let bytes = fs::read(&path).unwrap();
    // Behind the interfaces, which are stored, and before the statistics at the end.
    for part in 2..18 {
        let mut changed = bytes.clone();
        changed[bytes.len() * part / 20] ^= 1 << (part % 8);
        fs::write(&path, &changed).unwrap();
        let (found, coverage) = ask_packets(&source, &Query::default());
        assert!(found.len() < whole.len() && found.iter().all(|packet| whole.contains(packet)), "part {part}");
        assert!(coverage.damaged.iter().any(|damage| damage.path == path), "{:?}", coverage.damaged);
        let tested = std::process::Command::new("zstd").arg("-qt").arg(&path).output();
        assert!(tested.is_ok_and(|output| !output.status.success()), "part {part}");
    }
    fs::write(&path, bytes).unwrap();
}
