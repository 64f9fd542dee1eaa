//! Recording onto disks that fill up, turn read-only, die, and are replaced; directories that are removed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::recording::{nanoseconds, now};
use crate::support::{has, run_with, shell};
use crate::wire::{Wire, numbers_on};

/// A file system in a file, mounted; unmounted when it is dropped.
struct Disk {
    mount: PathBuf,
}

impl Disk {
    fn make(wire: &Wire, options: &str) -> Option<Self> {
        if !has("mkfs.ext4") || !has("losetup") {
            return None;
        }
        let (image, mount) = (wire.place("disk.img"), wire.place("mnt"));
        let made = shell(&format!(
            "truncate -s 40M {0} && mkfs.ext4 -q -F {0} && mkdir {1} && mount -o loop,{options} {0} {1}",
            image.display(),
            mount.display()
        ));
        if made.status != 0 {
            assert!(std::env::var_os("WIRETAPE_NO_SKIP").is_none(), "this test needs loop mounts: {}", made.stderr);
            eprintln!("skipped: needs loop mounts: {}", made.stderr);
            return None;
        }
        Some(Self { mount })
    }

    /// Has it find an error in itself, for which it turns read-only. (A remount is refused while files are written.)
    fn fail(&self) {
        let mount = self.mount.display();
        let done = shell(&format!(
            "device=$(findmnt -no SOURCE {mount}) && echo test > /sys/fs/ext4/$(basename $device)/trigger_fs_error"
        ));
        assert_eq!(done.status, 0, "{}", done.stderr);
    }

    /// Does something here and where the recorder sees it: a process in a network namespace has mounts of its own.
    fn everywhere(&self, recorder: u32, command: &str) {
        let command = command.replace("MOUNT", &self.mount.to_string_lossy());
        let done = shell(&format!("nsenter --target {recorder} --mount -- {command} && {command}"));
        assert_eq!(done.status, 0, "{}", done.stderr);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        shell(&format!("while umount -l {} 2>&-; do :; done", self.mount.display()));
    }
}

/// Asks `status --check` until it says so, and returns its words.
fn wait_for_check(tape: &Path, log: &Path, status: i32) -> String {
    let start = Instant::now();
    loop {
        let ran = run_with(&["status", "--check", "--tape", &tape.to_string_lossy()]);
        if ran.status == status {
            return ran.stderr;
        }
        let said = std::fs::read_to_string(log).unwrap_or_default();
        assert!(start.elapsed() < Duration::from_secs(15), "still {}: {}\n{said}", ran.status, ran.stderr);
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What `status --check` says once it says this.
fn wait_until_told(tape: &Path, what: &str) -> String {
    let start = Instant::now();
    loop {
        let ran = run_with(&["status", "--check", "--tape", &tape.to_string_lossy()]);
        if ran.status == 1 && ran.stderr.contains(what) {
            return ran.stderr;
        }
        assert!(start.elapsed() < Duration::from_secs(15), "still {}: {}", ran.status, ran.stderr);
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The newest packet is there a moment after it came.
fn wait_for_packets(tape: &Path, log: &Path) {
    let start = Instant::now();
    loop {
        let newest = numbers_on(tape).last().map_or(0, |(_, time)| *time);
        if now() - newest < 1_500_000_000 {
            return;
        }
        let said = std::fs::read_to_string(log).unwrap_or_default();
        assert!(start.elapsed() < Duration::from_secs(15), "nothing is recorded:\n{said}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn status_of(tape: &Path) -> serde_json::Value {
    let ran = run_with(&["status", "--tape", &tape.to_string_lossy(), "--format", "json"]);
    serde_json::from_str(&ran.text()).expect("JSON")
}

/// Packets that the console calls kept, and lost, at the end.
fn told(log: &Path) -> (u64, u64) {
    let said = std::fs::read_to_string(log).expect("a log");
    let line = said.lines().rfind(|line| line.contains(" kept")).expect("a line of counters").replace(',', "");
    let words: Vec<&str> = line.split_whitespace().collect();
    let before = |word: &str| {
        let at = words.iter().position(|other| *other == word).expect("a count");
        words[at - 1].parse().expect("a number")
    };
    (before("kept"), before("lost"))
}

#[test]
fn a_full_disk_is_said_while_it_lasts() {
    let Some(wire) = Wire::make("full") else { return };
    let Some(disk) = Disk::make(&wire, "rw") else { return };
    let (tape, log) = (disk.mount.join("f.tape"), wire.place("log"));
    let tape_text = tape.to_string_lossy().into_owned();
    let arguments =
        ["record", "-i", "w0", "--tape", &tape_text, "--budget", "20MB", "--keep-free", "1MB", "--sync", "1s"];
    let recorder = wire.record(&arguments, &tape, &log);
    let sender = wire.numbers(300);
    std::thread::sleep(Duration::from_secs(2));
    let filled = now();
    shell(&format!("head -c 100M /dev/zero > {}/other", disk.mount.display()));
    // That there is no room is known before packets are lost.
    let why = wait_until_told(&tape, "packets are lost since");
    assert!(why.contains("UTC: "), "{why}");
    let failing = &status_of(&tape)["failing"];
    assert!(failing["reason"].as_str().is_some_and(|reason| reason.contains("disk") || reason.contains("room")));
    let gaps = run_with(&["flows", "--tape", &tape_text, "--last", "1m", "udp port 9"]);
    assert!(gaps.status == 5, "an answer knows of the outage: {} {}", gaps.status, gaps.stderr);
    shell(&format!("rm {}/other", disk.mount.display()));
    wait_for_check(&tape, &log, 0);
    wait_for_packets(&tape, &log);
    std::thread::sleep(Duration::from_secs(10));
    drop(sender);
    std::thread::sleep(Duration::from_secs(1));
    let found = numbers_on(&tape);
    recorder.stop();
    let (kept, lost) = told(&log);
    assert!(lost > 0, "the console tells of losses");
    assert!(kept <= found.len() as u64 + 1000, "{kept} are called kept, {} are there, {lost} lost", found.len());
    let state = status_of(&tape);
    assert!(state["losses"].as_array().is_some_and(
        |losses| !losses.is_empty() && losses.iter().all(|loss| loss["bytes"].as_u64() > loss["packets"].as_u64())
    ));
    let from = nanoseconds(&state["gaps"][0]["from"]);
    assert!((filled - 1_000_000_000..filled + 5_000_000_000).contains(&from), "the gap begins with the outage");
}

/// The file system finds an error and turns read-only; it is unmounted, and another one is mounted in its place.
#[test]
fn a_dead_disk_that_is_replaced_is_gone_on_with() {
    let Some(wire) = Wire::make("dead") else { return };
    let Some(disk) = Disk::make(&wire, "errors=remount-ro") else { return };
    let (tape, log) = (disk.mount.join("d.tape"), wire.place("log"));
    let tape_text = tape.to_string_lossy().into_owned();
    let recorder =
        wire.record(&["record", "-i", "w0", "--tape", &tape_text, "--budget", "20MB", "--sync", "1s"], &tape, &log);
    let sender = wire.numbers(300);
    std::thread::sleep(Duration::from_secs(2));
    disk.fail();
    let why = wait_for_check(&tape, &log, 1);
    assert!(why.contains("packets are lost since") && why.contains("read-only"), "{why}");
    disk.everywhere(recorder.id(), "umount -l MOUNT");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(std::fs::read_dir(&disk.mount).expect("a folder").count(), 0, "nothing is written below the mount");
    let other = wire.place("other.img");
    shell(&format!("truncate -s 40M {0} && mkfs.ext4 -q -F {0}", other.display()));
    disk.everywhere(recorder.id(), &format!("mount -o loop {} MOUNT", other.display()));
    wait_for_check(&tape, &log, 0);
    wait_for_packets(&tape, &log);
    drop(sender);
    recorder.stop();
    let said = std::fs::read_to_string(&log).expect("a log");
    assert!(said.contains("recording goes on there, with a new tape"), "{said}");
    assert!(said.lines().count() < 40, "an outage is said once:\n{said}");
    let state = status_of(&tape);
    assert!(state["gaps"][0]["reason"].as_str().is_some_and(|reason| reason.contains("replaced")), "{state}");
    assert!(state["losses"].as_array().is_some_and(|losses| !losses.is_empty()));
    assert!(tape.join("README.txt").exists());
}

/// The same file system, repaired and mounted again: the tape that lies there goes on, with all that was safe. (This
/// kernel lets nobody remount an ext4 that has turned read-only, nor one read-only that is written to.)
#[test]
fn a_dead_disk_that_is_repaired_is_gone_on_with() {
    let Some(wire) = Wire::make("mended") else { return };
    let Some(disk) = Disk::make(&wire, "errors=remount-ro") else { return };
    let (tape, log) = (disk.mount.join("m.tape"), wire.place("log"));
    let tape_text = tape.to_string_lossy().into_owned();
    let recorder =
        wire.record(&["record", "-i", "w0", "--tape", &tape_text, "--budget", "20MB", "--sync", "1s"], &tape, &log);
    let sender = wire.numbers(300);
    std::thread::sleep(Duration::from_secs(4));
    let failed = now();
    disk.fail();
    wait_for_check(&tape, &log, 1);
    let (image, mended) = (wire.place("disk.img"), wire.place("mended.img"));
    shell(&format!("sync; cp {0} {1} && e2fsck -fy {1}", image.display(), mended.display()));
    disk.everywhere(recorder.id(), "umount -l MOUNT");
    disk.everywhere(recorder.id(), &format!("mount -o loop {} MOUNT", mended.display()));
    wait_for_check(&tape, &log, 0);
    wait_for_packets(&tape, &log);
    let resumed = now();
    drop(sender);
    recorder.stop();
    let said = std::fs::read_to_string(&log).expect("a log");
    assert!(said.contains("recording goes on there, with the tape that lies there"), "{said}");
    let found = numbers_on(&tape);
    let before = found.iter().filter(|(_, time)| *time < failed - 2_000_000_000).count();
    assert!(before > 300, "{before} packets of two seconds before the failure");
    assert!(found.is_sorted_by_key(|(number, _)| *number), "in the order in which they came");
    let state = status_of(&tape);
    // Before it, there can be one for the disk that took nothing.
    let gaps = state["gaps"].as_array().expect("gaps");
    let of_directory =
        |gap: &&serde_json::Value| gap["reason"].as_str().is_some_and(|reason| reason.contains("replaced"));
    let gap = gaps.iter().find(of_directory).unwrap_or_else(|| panic!("{state}"));
    let (from, to) = (nanoseconds(&gap["from"]), nanoseconds(&gap["to"]));
    assert!((failed - 4_000_000_000..failed + 3_000_000_000).contains(&from), "{} ms", (from - failed) / 1_000_000);
    assert!(to > failed && to < resumed, "{} ms", (to - failed) / 1_000_000);
}

#[test]
fn a_removed_directory_is_gone_on_with() {
    let Some(wire) = Wire::make("gone") else { return };
    let (tape, log) = (wire.place("g.tape"), wire.place("log"));
    let tape_text = tape.to_string_lossy().into_owned();
    let recorder = wire.record(
        &["record", "-i", "w0", "--tape", &tape_text, "--budget", "20MB", "--keep-free", "1MB"],
        &tape,
        &log,
    );
    let sender = wire.numbers(300);
    std::thread::sleep(Duration::from_secs(1));
    let removed = now();
    std::fs::remove_dir_all(&tape).expect("removed");
    std::thread::sleep(Duration::from_secs(2));
    wait_for_check(&tape, &log, 0);
    wait_for_packets(&tape, &log);
    drop(sender);
    recorder.stop();
    let said = std::fs::read_to_string(&log).expect("a log");
    assert!(said.contains("replaced or removed") && said.contains("with a new tape"), "{said}");
    let first = numbers_on(&tape).first().map(|(_, time)| *time).expect("packets");
    assert!(first - removed < 2_500_000_000, "{} ms are missing", (first - removed) / 1_000_000);
    run_with(&["flows", "--tape", &tape_text]).ended_with(0);
}

/// Datagrams of different bytes, 60 MB of them.
fn write_large_capture(path: &Path) {
    let mut capture = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    let mut random = 1u64;
    for second in 1_700_000_000u32..1_700_040_000 {
        [second, 0, 1514, 1514].iter().for_each(|word| capture.extend_from_slice(&word.to_le_bytes()));
        capture.extend_from_slice(&[
            2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0x05, 0xdc, 0, 1, 0, 0, 64, 17, 0, 0,
        ]);
        capture.extend_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2, 0, 7, 0, 9, 0x05, 0xc8, 0, 0]);
        for _ in 0..184 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            capture.extend_from_slice(&random.to_be_bytes());
        }
    }
    std::fs::write(path, capture).expect("written");
}

#[test]
fn an_import_that_does_not_fit_says_so() {
    let Some(wire) = Wire::make("small") else { return };
    let Some(disk) = Disk::make(&wire, "rw") else { return };
    let capture = wire.place("large.pcap");
    write_large_capture(&capture);
    let (tape, capture) = (disk.mount.join("i.tape"), capture.to_string_lossy().into_owned());
    let ran = run_with(&["import", "--tape", &tape.to_string_lossy(), &capture]);
    assert_eq!(ran.status, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("40,000 packets were read, and not all of them are on"), "{}", ran.stderr);
    assert!(ran.stderr.contains("oldest files were removed again"), "{}", ran.stderr);
}
