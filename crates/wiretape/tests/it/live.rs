//! `--live`: what is recorded, as it comes.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::capture::packets_of;
use crate::support::{captures, run, shell, wiretape};
use crate::wire::{PORT, Wire};

#[test]
fn live_needs_a_recorder() {
    let Some(folder) = captures() else { return };
    let source = folder.join("arkime+arkime/tests/pcap/bigendian.pcap").display().to_string();
    let scratch = tempfile::tempdir().expect("a folder");
    let tape = scratch.path().join("t.tape").display().to_string();
    run(&format!("import --tape {tape} {source}")).ended_with(0);
    for command in ["flows", "packets"] {
        let ran = run(&format!("{command} --live --tape {tape}"));
        assert!(ran.stderr.contains("no recorder is at work on"), "{}", ran.stderr);
        ran.ended_with(4);
        let ran = run(&format!("{command} --live -r {source}"));
        assert!(ran.stderr.contains("a capture does not grow"), "{}", ran.stderr);
        ran.ended_with(2);
    }
}

/// What waits for more ends when no more can come, and what a signal ends is whole.
#[test]
fn live_ends_with_the_recorder_or_a_signal() {
    let Some(wire) = Wire::make("live") else { return };
    let (tape, log) = (wire.place("l.tape"), wire.place("log"));
    let tape_text = tape.to_string_lossy().into_owned();
    let recorder = wire.record(
        &["record", "-i", "w0", "--tape", &tape_text, "--budget", "100MB", "--keep-free", "1MB"],
        &tape,
        &log,
    );
    let sender = wire.numbers(100);
    let (by_signal, by_recorder) = (wire.place("signal.pcapng"), wire.place("recorder.pcap"));
    let live = |out: &std::path::Path| -> Child {
        let mut command = wiretape();
        command.args(["packets", "--live", "--tape", &tape_text, "-w", &out.to_string_lossy()]);
        command.arg(format!("udp port {PORT}"));
        command.stderr(Stdio::piped()).spawn().expect("the binary runs")
    };
    let (first, second) = (live(&by_signal), live(&by_recorder));
    std::thread::sleep(Duration::from_secs(4));
    shell(&format!("kill -INT {}", first.id())).ended_with(0);
    let said = ended(first, 0);
    assert!(!said.contains("recorder has stopped"), "{said}");
    assert!(packets_of(&std::fs::read(&by_signal).expect("a file")).len() > 50);
    drop(sender);
    recorder.stop();
    let said = ended(second, 0);
    assert!(said.contains("the recorder has stopped"), "{said}");
    assert!(packets_of(&std::fs::read(&by_recorder).expect("a file")).len() > 50);
}

/// What is said in a flow is read when it comes, long before its row is written.
#[test]
fn live_flows_are_found_by_what_is_said_in_them() {
    let Some(wire) = Wire::make("said") else { return };
    let (tape, log) = (wire.place("l.tape"), wire.place("log"));
    let tape_text = tape.to_string_lossy().into_owned();
    let recorder = wire.record(
        &["record", "-i", "w0", "--tape", &tape_text, "--budget", "100MB", "--keep-free", "1MB"],
        &tape,
        &log,
    );
    let mut command = wiretape();
    command.args(["flows", "--live", "--tape", &tape_text, "--format", "json", "--limit", "1"]);
    command.arg("dns_queries = live.example").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut live = command.spawn().expect("the binary runs");
    let script = "import socket,time\n\
                  for n in range(100):\n\
                  \x20 s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n\
                  \x20 name=b'\\5other' if n%2 else b'\\4live'\n\
                  \x20 s.sendto(bytes([0,n,1,0,0,1,0,0,0,0,0,0])+name+b'\\7example\\0\\0\\1\\0\\1',('10.77.0.2',53))\n\
                  \x20 time.sleep(0.1)\n";
    let mut sender = wire.inside("python3").args(["-c", script]).spawn().expect("python3 runs");
    let start = Instant::now();
    while live.try_wait().expect("a child").is_none() && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = live.kill();
    let said = live.wait_with_output().expect("it has ended");
    let rows = String::from_utf8_lossy(&said.stdout).into_owned();
    let _ = sender.kill();
    let _ = sender.wait();
    recorder.stop();
    assert!(rows.contains("\"dns_queries\":[\"live.example\"]"), "{rows} {}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(rows.lines().count(), 1, "{rows}");
}

fn ended(mut child: Child, status: i32) -> String {
    let start = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = child.wait_with_output().expect("it has ended");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{said}");
    said
}
