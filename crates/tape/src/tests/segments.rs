//! Segments as other tools read them.

use std::path::Path;
use std::process::{Command, Stdio};

use super::faulty_disk::FaultyDisk;
use super::generator::{Random, Record, Recorder, options, packet_bytes};
use super::inspect::{all_packets, segments_of};
use crate::Lane;
use crate::options::Compression;

/// Bytes of packets that tcpdump and capinfos find in the lanes' segments are those that were appended.
#[test]
fn other_tools_read_segments() {
    if !["zstd", "tcpdump", "tshark"].into_iter().all(is_there) {
        return;
    }
    for compression in [Compression::Zstd(1), Compression::None] {
        let disk = FaultyDisk::new(1);
        let mut random = Random::new(1);
        let mut record = Record::default();
        let mut recorder = Recorder::open(&disk, options(20_000_000, compression), &record).unwrap();
        for _ in 0..20 {
            recorder.append_some(&mut random, 100, &mut record);
            recorder.tick(&mut random, &mut record);
        }
        let Recorder { tape, mut table, .. } = recorder;
        tape.close(&mut table);
        let directory = tempfile::tempdir().unwrap();
        disk.export(directory.path());
        let (mut by_tcpdump, mut by_tshark) = (0, Vec::new());
        for lane in Lane::ALL {
            for name in segments_of(&disk, lane) {
                let path = directory.path().join(name.path(lane));
                by_tcpdump += lines(&path, &["tcpdump", "-nqtr", "-"]).len();
                by_tshark.extend(lines(
                    &path,
                    &["tshark", "-r", "-", "-Tfields", "-e", "frame.packet_id", "-e", "frame.len"],
                ));
            }
        }
        let found = all_packets(&disk);
        assert_eq!(found.len(), record.appended.len());
        assert_eq!(by_tcpdump, found.len());
        let mut by_tshark: Vec<(u64, usize)> = by_tshark
            .iter()
            .map(|line| {
                let (arrival, length) = line.split_once('\t').unwrap();
                (arrival.parse().unwrap(), length.parse().unwrap())
            })
            .collect();
        by_tshark.sort_unstable();
        let expected: Vec<_> = found.iter().map(|arrival| (*arrival, packet_bytes(*arrival).len())).collect();
        assert_eq!(by_tshark, expected);
    }
}

/// What a tool says about a segment on its standard input, line by line.
fn lines(segment: &Path, tool: &[&str]) -> Vec<String> {
    let mut unpack = if segment.extension().is_some_and(|ending| ending == "zst") {
        let mut zstd = Command::new("zstd");
        zstd.arg("-dc");
        zstd
    } else {
        Command::new("cat")
    };
    let mut unpack = unpack.arg(segment).stdout(Stdio::piped()).spawn().unwrap();
    let input = unpack.stdout.take().unwrap();
    let output = Command::new(tool[0]).args(&tool[1..]).stdin(input).output().unwrap();
    assert!(unpack.wait().unwrap().success(), "{}", segment.display());
    assert!(output.status.success(), "{}: {}", segment.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn is_there(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").output().is_ok();
    assert!(there || std::env::var_os("WIRETAPE_NO_SKIP").is_none(), "{tool} is needed");
    if !there {
        eprintln!("skipped: needs {tool}");
    }
    there
}
