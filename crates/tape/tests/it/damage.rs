//! Tapes with files that are missing, cut off or changed: what is answered is right, and what is missing is said.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use tape::format::names::Encoding;
use tape::question::{Query, Source};

use crate::built_tape::{Cut, Owned, build};
use crate::question::{CUT, ask_flows, ask_packets, read_capture, some_captures};
use crate::shared_captures::folder;

/// Every file of a tape.
fn files(tape: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(tape).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.is_dir() {
            true => files.extend(fs::read_dir(entry).unwrap().map(|entry| entry.unwrap().path())),
            false => files.push(entry),
        }
    }
    files.sort();
    files
}

/// Asks a tape that was damaged at `path`, and puts the file back.
fn check(tape: &Path, path: &Path, damaged: Option<&[u8]>, whole: &HashSet<Vec<u8>>, count: usize) {
    let before = fs::read(path).unwrap();
    // What the journals hold nobody else knows of, and neither what is the newest.
    let is_end = path.to_string_lossy().contains("/live/") || is_last_of_lane(path);
    match damaged {
        Some(bytes) => fs::write(path, bytes).unwrap(),
        None => fs::remove_file(path).unwrap(),
    }
    let source = Source::tape(tape);
    let what = format!("{} {:?} of {}", path.display(), damaged.map(<[u8]>::len), before.len());
    let (found, coverage) = ask_packets(&source, &Query::default());
    assert!(found.iter().all(|(packet, _)| whole.contains(&packet.data)), "{what}");
    assert!(found.len() == count || is_end || !coverage.is_complete(), "{what}: {} of {count}", found.len());
    ask_flows(&source, &Query::default());
    fs::write(path, before).unwrap();
}

fn is_last_of_lane(path: &Path) -> bool {
    let lane = path.parent().unwrap();
    lane.ends_with("catalog")
        || files(lane.parent().unwrap()).iter().rfind(|file| file.starts_with(lane)).unwrap() == path
}

#[test]
fn what_is_missing_is_said() {
    let Some(root) = folder() else { return };
    let cuts = [CUT, Cut { encoding: Encoding::Plain, ..CUT }, Cut { without_catalog: true, ..CUT }];
    let mut state = 7_u64;
    for (number, path) in some_captures(&root).into_iter().step_by(37).enumerate() {
        let Some((interfaces, packets)) = read_capture(&path) else { continue };
        let directory = tempfile::tempdir().unwrap();
        build(directory.path(), &interfaces, &packets, cuts[number % cuts.len()]);
        let whole: HashSet<Vec<u8>> = packets.iter().map(|Owned { data, .. }| data.clone()).collect();
        for file in files(directory.path()).iter().filter(|file| !file.ends_with("tape.toml")) {
            let bytes = fs::read(file).unwrap();
            check(directory.path(), file, None, &whole, packets.len());
            for part in [0, 1, 3, 4] {
                let cut = bytes.len() * part / 4;
                check(directory.path(), file, bytes.get(..cut.saturating_sub(1)), &whole, packets.len());
            }
            for _ in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % bytes.len().max(1);
                // A changed byte in a packet is not noticed yet: segments have no checksums.
                let is_segment = file.to_string_lossy().contains(".pcapng");
                if let (false, Some(byte)) = (is_segment, bytes.get(at)) {
                    let mut changed = bytes.clone();
                    changed[at] = byte ^ 0x10;
                    check(directory.path(), file, Some(&changed), &whole, packets.len());
                }
            }
        }
    }
}

#[test]
fn changed_segments_are_read_without_harm() {
    let Some(root) = folder() else { return };
    let (interfaces, packets) = some_captures(&root).iter().find_map(|path| read_capture(path)).unwrap();
    for cut in [CUT, Cut { encoding: Encoding::Plain, without_catalog: true, ..CUT }] {
        let directory = tempfile::tempdir().unwrap();
        build(directory.path(), &interfaces, &packets, cut);
        let mut state = 7_u64;
        for file in files(directory.path()).iter().filter(|file| file.to_string_lossy().contains(".pcapng")) {
            let bytes = fs::read(file).unwrap();
            for _ in 0..10 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let mut changed = bytes.clone();
                changed[(state >> 33) as usize % bytes.len()] ^= 1 << (state >> 30 & 7);
                fs::write(file, changed).unwrap();
                let source = Source::tape(directory.path());
                ask_packets(&source, &Query::default());
                ask_flows(&source, &Query::default());
            }
            fs::write(file, bytes).unwrap();
        }
    }
}

#[test]
fn no_tape_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let ask =
        || tape::question::packets(&Source::tape(directory.path()), &Query::default(), &mut |_, _| unreachable!());
    assert!(matches!(ask(), Err(tape::Error::Missing { .. })));
    fs::write(directory.path().join("tape.toml"), "format = 2\n").unwrap();
    assert!(matches!(ask(), Err(tape::Error::Version { found: 2, .. })));
    fs::write(directory.path().join("tape.toml"), "\0\0").unwrap();
    assert!(matches!(ask(), Err(tape::Error::Damaged { .. })));
}
