//! Indicators looked for on tapes: by rows, by the packets of those that rows do not tell of, and by nobody's guess.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::sharing::capture;
use crate::support::{Ran, captures, has, run, run_with, shell, skip};
use crate::wire::Wire;

/// Of each indicator that was seen, the fields that told it.
fn fields_of(ran: &Ran) -> BTreeMap<String, Vec<String>> {
    let lines = ran.text().lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")).collect::<Vec<_>>();
    let seen = lines.iter().filter(|line| line["record"] == "indicator");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    seen.map(|line| (text(&line["value"]), line["fields"].as_array().expect("fields").iter().map(text).collect()))
        .collect()
}

/// A tape of what is in a capture.
fn tape_of(folder: &Path, capture: &Path) -> String {
    let tape = folder.join("t.tape").display().to_string();
    run_with(&["import", "--tape", &tape, &capture.to_string_lossy()]).ended_with(0);
    tape
}

/// Writes a list and sweeps for it.
fn sweep(folder: &Path, list: &str, source: &[&str], more: &[&str]) -> Ran {
    let path = folder.join("list.txt");
    std::fs::write(&path, list).expect("written");
    run_with(&[&["sweep", &path.to_string_lossy(), "--format", "json"], source, more].concat())
}

const LIST: &str = "type,indicator\nuser_agent,Evil/1.0\ndomain,evil.example\nurl,http://c2.example/other\n\
    domain,c2.example\nip,198.51.100.9\ndomain,nothing.example\n";

#[test]
fn a_tape_answers_as_the_capture_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = capture(folder.path());
    let tape = tape_of(folder.path(), &source);
    let source = source.display().to_string();
    let (tape, read) = (["--tape", tape.as_str()], ["-r", source.as_str()]);
    for list in [LIST, "evil.example\n", "198.51.100.9\n", "http://c2.example/<script>x\n", "c2.example\n"] {
        let of_tape = sweep(folder.path(), list, &tape, &[]).ended_with(0);
        let of_capture = sweep(folder.path(), list, &read, &[]).ended_with(0);
        assert_eq!(fields_of(&of_tape).keys().collect::<Vec<_>>(), fields_of(&of_capture).keys().collect::<Vec<_>>());
        assert!(of_tape.text().contains("\"host\":\"10.0.0.5\""), "{list}: {}", of_tape.text());
    }
    let seen = fields_of(&sweep(folder.path(), LIST, &tape, &[]));
    assert_eq!(seen["evil.example"], ["dns_queries"]);
    assert_eq!(seen["Evil/1.0"], ["http_user_agent"]);
    assert_eq!(seen.len(), 4, "{seen:?}");
    sweep(folder.path(), "nothing.example\n", &tape, &[]).ended_with(1);
    sweep(folder.path(), "secret=1.example\nsecret.example\n", &tape, &["--from", "2001-01-01T00:00:00Z"])
        .ended_with(5);
    let deep = sweep(folder.path(), "type,indicator\nuser_agent,secret=1\n", &tape, &["--deep"]).ended_with(0);
    assert_eq!(fields_of(&deep)["secret=1"], ["payload"]);
    let values = |source: [&str; 2], more: &[&str]| {
        let ran = run_with(&[&["iocs", source[0], source[1], "--format", "csv"], more].concat()).ended_with(0);
        let first = |line: &str| line.splitn(3, ',').take(2).collect::<Vec<_>>().join(",");
        ran.text().lines().map(first).collect::<Vec<_>>()
    };
    for more in [&[][..], &["--only", "domain,user_agent,email"], &["--only", "address"], &["--only", "url,sha256"]] {
        assert_eq!(values(tape, more), values(read, more), "{more:?}");
    }
    assert_eq!(values(tape, &["--only", "user_agent"])[1..], ["user_agent,Evil/1.0"]);
    run_with(&["iocs", tape[0], tape[1], "--only", "md5"]).ended_with(2);
}

/// What rows tell needs no packet: it is told though they are gone.
#[test]
fn rows_tell_what_packets_do_not_any_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let tape = tape_of(folder.path(), &capture(folder.path()));
    shell(&format!("rm -v {tape}/*/*.pcapng.zst")).ended_with(0);
    let seen = fields_of(&sweep(folder.path(), LIST, &["--tape", &tape], &[]).ended_with(3));
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["198.51.100.9", "Evil/1.0", "c2.example", "evil.example"]);
    let seen = run(&format!("iocs --tape {tape} --format csv")).ended_with(3).text();
    assert!(seen.contains("c2.example") && seen.contains("Evil/1.0"), "{seen}");
}

/// What is being recorded has no rows yet, and what a crash left has rows without what was said: their packets are read.
#[test]
fn what_rows_do_not_tell_is_read() {
    let Some(wire) = Wire::make("sweep") else { return };
    let source = capture(wire.scratch.path());
    let (tape, log) = (wire.place("s.tape"), wire.place("log"));
    let tape_text = tape.display().to_string();
    let arguments = ["record", "-i", "w1", "--tape", &tape_text, "--budget", "1GB", "--keep-free", "0"];
    let replay = || {
        let mut command = wire.inside(env!("CARGO_BIN_EXE_wiretape"));
        command.args(["replay", "-r", &source.to_string_lossy(), "-i", "w0", "--topspeed"]);
        assert!(command.output().expect("the binary runs").status.success());
        std::thread::sleep(std::time::Duration::from_millis(2500));
    };
    let seen = |list: &str| fields_of(&sweep(wire.scratch.path(), list, &["--tape", &tape_text], &[]).ended_with(0));
    let recorder = wire.record(&arguments, &tape, &log);
    replay();
    assert_eq!(seen(LIST).len(), 4, "while it is being recorded");
    recorder.kill();
    assert_eq!(seen("evil.example\n").len(), 1, "after a crash");
    wire.record(&arguments, &tape, &log).stop();
    assert_eq!(seen(LIST).len(), 4, "salvaged");
    let iocs = run(&format!("iocs --tape {tape_text} --only domain,user_agent --format csv")).ended_with(0).text();
    assert!(iocs.contains("evil.example") && iocs.contains("Evil/1.0"), "{iocs}");
}

#[test]
fn certificates_are_met_by_both_of_their_hashes() {
    let Some(folder) = captures() else { return };
    if !has("tshark") || !has("xxd") {
        return;
    }
    let path = folder.join("arkime+arkime/tests/pcap/openssl-tls1_2.pcap").display().to_string();
    let scratch = tempfile::tempdir().expect("a folder");
    let tape = tape_of(scratch.path(), Path::new(&path));
    for (tool, kind) in [("sha1sum", "cert_sha1"), ("sha256sum", "cert_sha256")] {
        let hashes = shell(&format!(
            "tshark -r {path} -T fields -e tls.handshake.certificate 2>/dev/null | tr , '\\n' | grep . | sort -u | \
             while read der; do echo $der | xxd -r -p | {tool} | cut -d' ' -f1; done"
        ))
        .text();
        assert!(!hashes.is_empty());
        for source in [["-r", path.as_str()], ["--tape", tape.as_str()]] {
            let list: String = hashes.lines().map(|hash| format!("{kind},{hash}\n")).collect();
            let seen = fields_of(&sweep(scratch.path(), &list, &source, &[]).ended_with(0));
            assert_eq!(seen.len(), hashes.lines().count(), "{kind} {source:?}");
        }
    }
}

/// A pipe can be read once; what has to be read twice is put aside, where nobody else sees it.
#[test]
fn captures_come_by_a_pipe_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, place) = (capture(folder.path()), folder.path().display());
    let list = folder.path().join("list.txt");
    std::fs::write(&list, LIST).expect("written");
    let (source, list) = (source.display(), list.display());
    for call in [
        format!("sweep {list} -r -"),
        "iocs -r -".to_owned(),
        "iocs -r - port 53".to_owned(),
        format!("case export -r - -o {place}/c.zip"),
    ] {
        let ran = shell(&format!("mkdir -p {place}/tmp; cat {source} | TMPDIR={place}/tmp $WIRETAPE {call}"));
        let ran = ran.ended_with(0);
        assert!(ran.stderr.contains("were put aside"), "{call}: {}", ran.stderr);
        assert!(shell(&format!("ls -A {place}/tmp")).text().is_empty(), "{call}");
    }
    let both = shell(&format!("cat {list} | $WIRETAPE sweep - -r -")).ended_with(2);
    assert!(both.stderr.contains("two things are to be read from standard input"), "{}", both.stderr);
    let refused = Command::new("bash")
        .args(["-c", &format!("cat {source} | TMPDIR=/nowhere {} iocs -r -", env!("CARGO_BIN_EXE_wiretape"))])
        .output()
        .expect("a shell");
    assert_eq!(refused.status.code(), Some(4), "{}", String::from_utf8_lossy(&refused.stderr));
}

/// What goes out is what others take in: STIX 2.1 by OASIS' validator, MISP by PyMISP.
#[test]
fn others_read_the_indicators_that_go_out() {
    let given = std::env::var_os("PYTHON_INDICATORS").map(PathBuf::from);
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../build/indicators/bin/python");
    let Some(python) = given.or(Some(made)).filter(|python| python.exists()) else {
        return skip("stix2-validator and PyMISP (tools/install)");
    };
    const PROGRAM: &str = "\
import sys
from stix2validator import ValidationOptions, validate_file
from pymisp import MISPEvent
results = validate_file(sys.argv[1], ValidationOptions(version='2.1', strict=True, disabled=['202', '216']))
assert results.is_valid, [str(error) for result in results.object_results for error in result.errors]
event = MISPEvent()
event.load_file(sys.argv[2])
print(len(event.attributes) + sum(len(one.attributes) for one in event.objects))";
    let folder = tempfile::tempdir().expect("a folder");
    let mut sources = vec![capture(folder.path())];
    if let Some(captures) = captures() {
        sources.push(captures.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap"));
        sources.push(captures.join("arkime+arkime/tests/pcap/openssl-tls1_2.pcap"));
    }
    for (number, source) in sources.iter().enumerate() {
        let tape = folder.path().join(format!("{number}.tape")).display().to_string();
        run_with(&["import", "--tape", &tape, &source.to_string_lossy()]).ended_with(0);
        for source in [["-r", &source.to_string_lossy()], ["--tape", &tape]] {
            let [stix, misp] = ["stix", "misp"].map(|format| {
                let ran = run_with(&["iocs", source[0], source[1], "--format", format]).ended_with(0);
                let path = folder.path().join(format!("{format}.json"));
                std::fs::write(&path, ran.stdout).expect("written");
                path
            });
            let output =
                Command::new(&python).args(["-c", PROGRAM]).args([&stix, &misp]).output().expect("python runs");
            let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{source:?}: {errors}");
            assert!(told.trim().parse::<u32>().is_ok_and(|count| count > 1), "{source:?}: {told}");
        }
    }
}
