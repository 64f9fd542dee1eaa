//! Recording on real interfaces: restarts, budgets, disks that say no, signals.

use std::time::{Duration, Instant};

use crate::support::{run, run_with, shell};
use crate::wire::{PORT, Wire, disk_bytes, numbers_on};

/// SIGKILL at moments that no one chose: every tape opens, at most the last second of each run is lost, what is kept is
/// in order and there once, and every break is in the log.
#[test]
fn a_hundred_kills_lose_a_second_each_at_most() {
    let Some(wire) = Wire::make("kills") else { return };
    let (tape, log) = (wire.place("k.tape"), wire.place("log"));
    let tape_text = tape.to_string_lossy().into_owned();
    let arguments =
        ["record", "-i", "w0", "--tape", &tape_text, "--budget", "1GB", "--keep-free", "1MB", "--buffer", "4MB"];
    let rounds: u32 = std::env::var("KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let sender = wire.numbers(500);
    let mut runs = Vec::new();
    let mut random = 0x2545_f491_4f6c_dd1d_u64 ^ u64::from(std::process::id());
    eprintln!("seed {random:#x}");
    for _ in 0..rounds {
        let recorder = wire.record(&arguments, &tape, &log);
        let began = now();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_millis(random % 1500));
        let ended = now();
        recorder.kill();
        runs.push((began, ended));
    }
    wire.record(&arguments, &tape, &log).stop();
    drop(sender);

    let found = numbers_on(&tape);
    assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0), "each number once, in order");
    for (began, ended) in &runs {
        // What was sent while it was at work, but for its last second (and the time a signal takes).
        let safe = ended - 1_100_000_000;
        let inside: Vec<u32> =
            found.iter().filter(|(_, time)| (*began..safe).contains(time)).map(|(n, _)| *n).collect();
        let Some((first, last)) = inside.first().zip(inside.last()) else {
            assert!(safe - began < 50_000_000, "nothing is left of a run of {} ms", (ended - began) / 1_000_000);
            continue;
        };
        assert_eq!((last - first + 1) as usize, inside.len(), "a hole inside a run");
        let (until, _) = *found.iter().rfind(|(n, _)| n == last).expect("it is there");
        let time = found.iter().find(|(n, _)| *n == until).expect("it is there").1;
        assert!(safe - time < 50_000_000, "more than the last second is lost: {} ms", (ended - time) / 1_000_000);
    }
    let status: serde_json::Value =
        serde_json::from_str(&run_with(&["status", "--tape", &tape_text, "--format", "json"]).text()).expect("JSON");
    let gaps = status["gaps"].as_array().expect("gaps");
    assert!(gaps.len() >= rounds as usize, "{} gaps of {rounds} breaks are in the log", gaps.len());
    // Whatever is missing came within a gap: one packet each 2 ms was sent.
    let gaps: Vec<_> = gaps.iter().map(|gap| (nanoseconds(&gap["from"]), nanoseconds(&gap["to"]))).collect();
    for pair in found.windows(2).filter(|pair| pair[0].0 + 1 < pair[1].0) {
        let (lost, back) = (pair[0].1 + 10_000_000, pair[1].1 - 10_000_000);
        let covered =
            gaps.iter().any(|(from, to)| *from <= lost && *to > lost) && gaps.iter().any(|(_, to)| *to >= back);
        assert!(covered || back < lost, "packets behind {} are missing outside of all gaps", pair[0].0);
    }
    assert_eq!(status["damaged"].as_array().expect("damaged").len(), 0);
    in_order_of_age(&tape);
}

/// The numbers of the segments of a lane that are left have no hole: nothing went out of the order of age.
fn in_order_of_age(tape: &std::path::Path) {
    for lane in ["client", "server", "transit", "junk", "bulk"] {
        let names = std::fs::read_dir(tape.join(lane)).expect("a lane").flatten();
        let number = |name: String| name.split('-').next().and_then(|digits| digits.parse::<u64>().ok());
        let mut numbers: Vec<u64> =
            names.filter_map(|entry| number(entry.file_name().to_string_lossy().into_owned())).collect();
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{lane}: {numbers:?}");
    }
}

#[test]
fn the_budget_is_never_exceeded() {
    let Some(wire) = Wire::make("budget") else { return };
    let (file, log) = (wire.place("dump.pcap"), wire.place("log"));
    let tape = wire.place("dump.tape");
    let arguments = ["-i", "w0", "-n", "-s", "0", "-C", "1", "-W", "10", "-B", "4096", "-w", &file.to_string_lossy()];
    let recorder = wire.record(&arguments, &tape, &log);
    let script = "import socket,os\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\nfor p in range(4000):\n for i in range(10): s.sendto(os.urandom(1400),('10.77.0.2',1024+p))\n";
    let mut sender = wire.inside("python3").args(["-c", script]).spawn().expect("python3 runs");
    let (start, mut most) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(12) {
        most = most.max(disk_bytes(&tape));
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = sender.wait();
    recorder.stop();
    most = most.max(disk_bytes(&tape));
    assert!(most <= 10_000_000, "{most} bytes on the disk");
    assert!(most > 5_000_000, "only {most} bytes: the budget is not used");
    in_order_of_age(&tape);
    run(&format!("packets --tape {} --limit 5", tape.display())).ended_with(0);
}

#[test]
fn tcpdumps_signals_and_counters() {
    let Some(wire) = Wire::make("signals") else { return };
    let (file, tape, log) = (wire.place("d.pcap"), wire.place("d.tape"), wire.place("log"));
    let recorder = wire.record(&["-i", "w0", "-w", &file.to_string_lossy(), "udp"], &tape, &log);
    let sender = wire.numbers(200);
    std::thread::sleep(Duration::from_millis(700));
    recorder.signal("USR1");
    recorder.signal("USR2");
    std::thread::sleep(Duration::from_millis(300));
    drop(sender);
    recorder.signal("INT");
    assert_eq!(recorder.wait(), Some(0));
    let said = std::fs::read_to_string(&log).expect("a log");
    assert_eq!(said.matches(" captured\n").count(), 2, "{said}");
    assert_eq!(said.matches(" received by filter\n").count(), 2, "{said}");
    assert_eq!(said.matches("0 packets dropped by kernel\n").count(), 2, "{said}");
    let captured: usize = said
        .lines()
        .rfind(|line| line.ends_with("captured"))
        .expect("a line")
        .split(' ')
        .next()
        .and_then(|n| n.parse().ok())
        .expect("a number");
    assert_eq!(numbers_on(&tape).len(), captured);
    for expected in ["interfaces  w0", "to ask", "unprotected"] {
        assert!(said.contains(expected), "{expected} is missing in:\n{said}");
    }
}

#[test]
fn it_ends_by_itself_after_packets_or_time() {
    let Some(wire) = Wire::make("ends") else { return };
    let sender = wire.numbers(200);
    let log = wire.place("log");
    let (file, tape) = (wire.place("c.pcap"), wire.place("c.tape"));
    let recorder = wire.record(
        &["-i", "w0", "-c", "300", "-w", &file.to_string_lossy(), &format!("udp port {PORT}")],
        &tape,
        &log,
    );
    assert_eq!(recorder.wait(), Some(0));
    assert_eq!(numbers_on(&tape).len(), 300);
    let (file, tape) = (wire.place("g.pcap"), wire.place("g.tape"));
    let start = Instant::now();
    let recorder = wire.record(&["-i", "w0", "-G", "1", "-W", "3", "-w", &file.to_string_lossy()], &tape, &log);
    assert_eq!(recorder.wait(), Some(0));
    assert!((Duration::from_secs(2)..Duration::from_secs(8)).contains(&start.elapsed()), "{:?}", start.elapsed());
    drop(sender);
}

/// A packet can be found a second after it came, while recording goes on.
#[test]
fn packets_are_found_while_recording_goes_on() {
    let Some(wire) = Wire::make("live") else { return };
    let (tape, log) = (wire.place("l.tape"), wire.place("log"));
    let tape_text = tape.to_string_lossy().into_owned();
    let recorder = wire.record(&["record", "-i", "w0", "--tape", &tape_text, "--budget", "100MB"], &tape, &log);
    let sender = wire.numbers(100);
    std::thread::sleep(Duration::from_millis(2500));
    let asked = now();
    let newest = numbers_on(&tape).last().map(|(_, time)| *time).expect("packets");
    assert!(
        asked - newest < 1_100_000_000,
        "the newest packet that can be found is {} ms old",
        (asked - newest) / 1_000_000
    );
    let flows =
        run_with(&["flows", "--tape", &tape_text, "--last", "5m", "--format", "json", &format!("udp port {PORT}")]);
    assert_eq!(flows.text().lines().count(), 1, "{}", flows.stderr);
    drop(sender);
    recorder.stop();
    let second =
        wire.inside(env!("CARGO_BIN_EXE_wiretape")).args(["flows", "--tape", &tape_text]).output().expect("runs");
    assert!(second.status.success());
}

/// A disk that others have filled is said before evidence is missed.
#[test]
fn a_disk_without_room_is_told() {
    let Some(wire) = Wire::make("room") else { return };
    let (tape, log) = (wire.place("r.tape"), wire.place("log"));
    let text = tape.to_string_lossy().into_owned();
    let arguments = ["record", "-i", "w0", "--tape", &text, "--budget", "100MB", "--keep-free", "100%"];
    let recorder = wire.record(&arguments, &tape, &log);
    let greeting = std::fs::read_to_string(&log).expect("a log");
    assert!(greeting.contains("next to nothing will be kept"), "{greeting}");
    std::thread::sleep(Duration::from_millis(1500));
    let check = run_with(&["status", "--check", "--tape", &text]).ended_with(1);
    assert!(check.stderr.contains("next to nothing is kept: 0 B"), "{}", check.stderr);
    assert!(run_with(&["status", "--tape", &text]).text().contains("of 100 MB (0 %); only 0 B can be used"));
    recorder.stop();
}

#[test]
fn one_recorder_a_tape() {
    let Some(wire) = Wire::make("lock") else { return };
    let (tape, log) = (wire.place("o.tape"), wire.place("log"));
    let tape_text = tape.to_string_lossy().into_owned();
    let recorder = wire.record(&["record", "-i", "w0", "--tape", &tape_text, "--budget", "100MB"], &tape, &log);
    let second = wire
        .inside(env!("CARGO_BIN_EXE_wiretape"))
        .args(["record", "-i", "w0", "--tape", &tape_text])
        .output()
        .expect("runs");
    assert_eq!(second.status.code(), Some(4));
    assert!(
        String::from_utf8_lossy(&second.stderr).contains("another recorder"),
        "{}",
        String::from_utf8_lossy(&second.stderr)
    );
    recorder.stop();
}

/// A time of the JSON, as `date` reads it.
pub(crate) fn nanoseconds(time: &serde_json::Value) -> i64 {
    let text = time.as_str().expect("a time");
    shell(&format!("date -d {text} +%s%N")).text().trim().parse().expect("a number")
}

pub(crate) fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_nanos()).expect("before 2262")
}
