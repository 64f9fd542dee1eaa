//! Holds: what is kept, once; what ageing, crashes and small room do to it; alerts that become holds.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::capture::packets_of;
use crate::support::{captures, has, run, run_with, shell};
use crate::wire::{PORT, Wire, numbers_on};

const CAPTURE: &str = "arkime+arkime/tests/pcap/arkime_synthetic.pcap";

/// A tape with a capture on it.
fn imported() -> Option<(tempfile::TempDir, String, String)> {
    let folder = captures()?;
    let scratch = tempfile::tempdir().expect("a folder");
    let tape = scratch.path().join("t").display().to_string();
    let path = folder.join(CAPTURE).display().to_string();
    run(&format!("import --tape {tape} {path}")).ended_with(0);
    Some((scratch, tape, path))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn add(tape: &str, name: &str, more: &[&str]) -> crate::support::Ran {
    let mut arguments = vec![
        "hold", "add", "--tape", tape, "--reason", "case 17", "--owner", "soc", "--format", "json", "--name", name,
    ];
    arguments.extend(more);
    run_with(&arguments)
}

fn times_of(tape: &str, expression: &str) -> Vec<(i64, Vec<u8>)> {
    let ran = run_with(&["packets", "--tape", tape, expression, "-w", "-"]);
    assert!([0, 1, 3, 5].contains(&ran.status), "{}", ran.stderr);
    packets_of(&ran.stdout).into_iter().map(|packet| (packet.time, packet.data)).collect()
}

#[test]
fn a_hold_is_a_tape_of_its_own_and_counts_once() {
    let Some((_scratch, tape, path)) = imported() else { return };
    if !has("tcpdump") {
        return;
    }
    let before = times_of(&tape, "");
    let flows = run_with(&["flows", "--tape", &tape, "--format", "json"]).ended_with(0).text();
    let held = json(&add(&tape, "web", &["--to", "now", "tcp port 80"]).ended_with(0).text());
    let counted = shell(&format!("tcpdump -nr {path} 'tcp port 80' 2>/dev/null | wc -l")).text();
    assert_eq!(held["packets"].to_string(), counted.trim());
    assert_eq!((held["state"].as_str(), held["owner"].as_str()), (Some("kept"), Some("soc")));
    let place = format!("{tape}/held/web");
    assert_eq!(times_of(&place, "").len().to_string(), counted.trim());
    assert_eq!(times_of(&place, ""), times_of(&tape, "tcp port 80"));
    // Twice held, and on the tape: once in answers, in the same order.
    add(&tape, "again", &["--to", "now", "port 80 or port 53"]).ended_with(0);
    assert_eq!(times_of(&tape, ""), before);
    assert_eq!(run_with(&["flows", "--tape", &tape, "--format", "json"]).ended_with(0).text(), flows);
    assert_eq!(run(&format!("hold list --tape {tape}")).ended_with(0).text().lines().count(), 2);
    assert!(run(&format!("hold show --tape {tape} web")).ended_with(0).text().contains("case 17"));
    assert!(run(&format!("status --tape {tape}")).ended_with(0).text().contains("holds      2, "));
    let log = std::fs::read_to_string(format!("{tape}/chain/00000001.jsonl")).expect("the log");
    for change in ["asked", "kept"] {
        let found = log.lines().map(json).filter(|line| line["kind"] == "hold" && line["change"] == change);
        assert_eq!(found.count(), 2, "{change}");
    }
    run(&format!("hold release --tape {tape} web --reason over")).ended_with(0);
    assert!(!Path::new(&place).exists());
    assert_eq!(times_of(&tape, ""), before);
    run(&format!("hold release --tape {tape} web")).ended_with(2);
    run(&format!("hold show --tape {tape} web")).ended_with(2);
    if has("zstd") && has("tshark") {
        let read = shell(&format!("cat {tape}/held/again/*/*.zst | zstd -dc | tshark -r - | wc -l"));
        let expected = shell(&format!("tcpdump -nr {path} 'port 80 or port 53' 2>/dev/null | wc -l"));
        assert_eq!(read.text(), expected.text(), "{}", read.stderr);
    }
}

#[test]
fn what_is_not_on_the_tape_any_more_comes_from_the_hold() {
    let Some((_scratch, tape, _)) = imported() else { return };
    let (whole, web) = (times_of(&tape, "").len(), times_of(&tape, "tcp port 80"));
    let opened = |expression: &str| {
        let ran = run_with(&["packets", "--whole-flows", "--tape", &tape, expression, "-w", "-"]);
        packets_of(&ran.stdout).len()
    };
    let begun = opened("tcp port 80 and tcp[tcpflags] & tcp-syn != 0");
    add(&tape, "web", &["--to", "now", "tcp port 80"]).ended_with(0);
    for lane in ["client", "server", "transit", "junk", "bulk", "flows"] {
        for entry in std::fs::read_dir(format!("{tape}/{lane}")).expect("a lane").flatten() {
            std::fs::remove_file(entry.path()).expect("removed");
        }
    }
    let left = times_of(&tape, "");
    assert!(left == web && web.len() < whole, "{} of {}", left.len(), web.len());
    for expression in ["tcp port 80", "dest_port = 80", "port_any = 80"] {
        assert_eq!(times_of(&tape, expression).len(), web.len(), "{expression}");
    }
    assert_eq!(opened("tcp[tcpflags] & tcp-syn != 0"), begun);
    let rows = run_with(&["flows", "--tape", &tape, "--format", "json"]).text();
    assert!(rows.lines().count() > 0 && rows.lines().all(|row| json(row)["kept"] == "full"), "{rows}");
}

#[test]
fn wrong_holds_are_refused() {
    let Some((_scratch, tape, _)) = imported() else { return };
    add(&tape, "../x", &[]).ended_with(2);
    add(&tape, "a", &["tcp", "port"]).ended_with(2);
    add(&tape, "a", &["after 2020-01-01"]).ended_with(2);
    run(&format!("hold add --tape {tape} tcp")).ended_with(2);
    // Nothing matches: nothing is left behind.
    add(&tape, "a", &["--to", "now", "host 198.51.100.77"]).ended_with(1);
    assert!(!Path::new(&format!("{tape}/held/a")).exists());
    add(&tape, "a", &["--to", "now", "udp"]).ended_with(0);
    add(&tape, "a", &["--to", "now", "tcp"]).ended_with(2);
    // What one may keep at most ends it.
    let small = json(&add(&tape, "small", &["--to", "now", "--max-size", "10KB"]).ended_with(0).text());
    assert!(small["captured_bytes"].as_u64().is_some_and(|bytes| (10_000..80_000).contains(&bytes)), "{small}");
    assert!(small["why"].is_string(), "{small}");
}

/// An order that nobody saw, a copy that was cut off, and files that do not count: the next one who writes makes it whole.
#[test]
fn an_interrupted_copy_is_made_whole() {
    let Some((_scratch, tape, _)) = imported() else { return };
    let web = times_of(&tape, "tcp port 80");
    let place = format!("{tape}/held/web");
    add(&tape, "web", &["--to", "now", "tcp port 80"]).ended_with(0);
    // As if it had crashed before anything counted.
    let progress = format!("{place}/progress.json");
    std::fs::write(&progress, r#"{"state":"copying","flow_file":0,"rows_file":0,"flows":0,"packets":0,"captured_bytes":0,"incomplete_flows":0,"updated":"2026-11-23T10:00:00.000000000Z"}"#).expect("written");
    let shown = json(&run(&format!("hold show --tape {tape} web --format json")).ended_with(0).text());
    assert_eq!(shown["state"], "copying");
    // Any other order makes somebody write.
    add(&tape, "other", &["--to", "now", "udp"]).ended_with(0);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        add(&tape, &format!("n{}", begun.elapsed().as_millis()), &["--to", "now", "udp"]).ended_with(0);
        let shown = json(&run(&format!("hold show --tape {tape} web --format json")).ended_with(0).text());
        if shown["state"] == "kept" {
            break;
        }
    }
    assert_eq!(times_of(&place, ""), web);
    assert_eq!(times_of(&tape, "tcp port 80"), web);
}

#[test]
fn a_kill_at_any_moment_leaves_nothing_half() {
    let Some((_scratch, tape, _)) = imported() else { return };
    let web = times_of(&tape, "tcp port 80");
    for round in 0..8 {
        let name = format!("k{round}");
        let arguments =
            ["hold", "add", "--tape", &tape, "--reason", "r", "--owner", "o", "--to", "now", "--name", &name];
        let mut child = crate::support::wiretape().args(arguments).arg("tcp port 80").spawn().expect("it runs");
        std::thread::sleep(Duration::from_millis(20 + 45 * round));
        let _ = child.kill();
        let _ = child.wait();
    }
    // Whoever writes next makes whole what was asked for.
    let begun = Instant::now();
    let lists = || run(&format!("hold list --tape {tape} --format json")).text();
    let is_whole = |list: &str| list.lines().map(json).all(|hold| hold["state"] == "kept");
    while !is_whole(&lists()) && begun.elapsed() < Duration::from_secs(30) {
        add(&tape, &format!("n{}", begun.elapsed().as_millis()), &["--to", "now", "udp"]).ended_with(0);
    }
    let list = lists();
    assert!(is_whole(&list) && list.lines().count() > 1, "{list}");
    for hold in list.lines().map(json).filter(|hold| hold["expression"] == "tcp port 80") {
        let place = hold["path"].as_str().expect("a path").to_owned();
        assert_eq!(times_of(&place, ""), web, "{hold}");
    }
    assert_eq!(times_of(&tape, "tcp port 80"), web);
    let leftovers = std::fs::read_dir(format!("{tape}/held")).expect("holds").flatten();
    let hidden = leftovers.filter(|entry| entry.file_name().to_string_lossy().starts_with(".released"));
    assert_eq!(hidden.count(), 0);
}

fn progress(tape: &Path, name: &str) -> Value {
    let ran = run(&format!("hold show --format json --tape {} {name}", tape.display()));
    json(&ran.ended_with(0).text())
}

/// A conversation goes on while others push everything else off the tape, and the recorder is killed: all of it is held.
#[test]
fn what_is_held_outlives_ageing_and_crashes() {
    let Some(wire) = Wire::make("holds") else { return };
    let (tape, log) = (wire.place("h.tape"), wire.place("log"));
    let text = tape.to_string_lossy().into_owned();
    let arguments = ["record", "-i", "w0", "--tape", &text, "--budget", "6MB", "--keep-free", "1MB", "--buffer", "4MB"];
    let hold_budget = ["--hold-budget", "3MB"];
    let arguments: Vec<&str> = arguments.iter().chain(&hold_budget).copied().collect();
    let recorder = wire.record(&arguments, &tape, &log);
    let sender = wire.numbers(200);
    std::thread::sleep(Duration::from_secs(2));
    let expression = format!("udp dst port {PORT}");
    let held = json(&add(&text, "numbers", &[&expression]).ended_with(0).text());
    assert_eq!(held["state"], "following", "{held}");
    assert!(held["packets"].as_u64().is_some_and(|packets| packets > 100), "{held}");
    let first = numbers_on(&tape)[0];
    let flood = "import socket,os,time\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\nfor p in range(700):\n for i in range(10): s.sendto(os.urandom(1400),('10.77.0.2',10000+p))\n time.sleep(0.012)\n";
    let push = || assert!(wire.inside("python3").args(["-c", flood]).status().is_ok_and(|done| done.success()));
    push();
    recorder.kill();
    let recorder = wire.record(&arguments, &tape, &log);
    push();
    drop(sender);
    std::thread::sleep(Duration::from_secs(1));
    recorder.stop();
    // What was recorded last is held by whoever writes next.
    let recorder = wire.record(&arguments, &tape, &log);
    let begun = Instant::now();
    let mut last = 0;
    while begun.elapsed() < Duration::from_secs(15) {
        let packets = progress(&tape, "numbers")["packets"].as_u64().unwrap_or(0);
        if packets == last && begun.elapsed() > Duration::from_secs(4) {
            break;
        }
        last = packets;
        std::thread::sleep(Duration::from_millis(500));
    }
    let status = json(&run(&format!("status --tape {text} --format json")).text());
    let found = numbers_on(&tape.join("held/numbers"));
    assert_eq!(found[0], first, "its beginning");
    assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0), "each once, in order");
    let missing: u32 = found.windows(2).map(|pair| pair[1].0 - pair[0].0 - 1).sum();
    let gaps = status["gaps"].as_array().map_or(0, Vec::len);
    // At 200 a second, what was sent while no recorder was at work.
    assert!(missing < 200 * 3 && gaps >= 1, "{missing} of {} are missing", found.len());
    let on_tape = numbers_on(&tape);
    assert_eq!(on_tape, found, "the tape's answer has what is held");
    assert_eq!(progress(&tape, "numbers")["incomplete_flows"], 0);
    assert!(status["bytes"].as_u64().is_some_and(|bytes| bytes <= 6_000_000), "{}", status["bytes"]);
    recorder.stop();
}

#[test]
fn a_hold_that_does_not_fit_is_refused_and_one_that_grows_too_much_is_full() {
    let Some(wire) = Wire::make("full") else { return };
    let (tape, log) = (wire.place("f.tape"), wire.place("log"));
    let text = tape.to_string_lossy().into_owned();
    let arguments = [
        "record",
        "-i",
        "w0",
        "--tape",
        &text,
        "--budget",
        "20MB",
        "--keep-free",
        "1MB",
        "--buffer",
        "4MB",
        "--hold-budget",
        "300KB",
    ];
    let recorder = wire.record(&arguments, &tape, &log);
    let flood = "import socket,os\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\nfor i in range(1000): s.sendto(os.urandom(1400),('10.77.0.2',7000))\n";
    let push = || assert!(wire.inside("python3").args(["-c", flood]).status().is_ok_and(|done| done.success()));
    push();
    std::thread::sleep(Duration::from_millis(300));
    let refused = add(&text, "much", &["udp dst port 7000"]).ended_with(4);
    assert!(refused.stderr.contains("refused"), "{}", refused.stderr);
    assert!(!tape.join("held/much").exists());
    add(&text, "grows", &["udp dst port 7000", "--from", "now"]).ended_with(0);
    push();
    std::thread::sleep(Duration::from_millis(300));
    // Each new order has rows written, which the others are looked at with.
    let begun = Instant::now();
    while progress(&tape, "grows")["state"] != "full" && begun.elapsed() < Duration::from_secs(20) {
        let name = format!("n{}", begun.elapsed().as_millis());
        assert!([1, 5].contains(&add(&text, &name, &["--to", "now", "host 198.51.100.1"]).status));
    }
    assert_eq!(progress(&tape, "grows")["state"], "full");
    let check = run(&format!("status --check --tape {text}")).ended_with(1);
    assert!(check.stderr.contains("hold grows is full"), "{}", check.stderr);
    recorder.stop();
}

#[test]
fn alerts_become_holds_once() {
    let Some((scratch, tape, path)) = imported() else { return };
    if !has("tcpdump") {
        return;
    }
    // The first conversation of the capture, as an alert would name it, server first.
    let row = json(run(&format!("flows --tape {tape} --format json tcp")).text().lines().next().expect("a flow"));
    let (client, server, start) = (&row["src_ip"], &row["dest_ip"], &row["start"]);
    let eve = scratch.path().join("eve.json");
    let line = format!(
        r#"{{"timestamp":{start},"event_type":"alert","src_ip":{server},"dest_ip":{client},"alert":{{"signature_id":1,"signature":"TEST","severity":1}}}}"#
    );
    std::fs::write(&eve, format!("{line}\n{line}\n{{\"event_type\":\"flow\"}}\n")).expect("written");
    let call = format!("watch --tape {tape} --eve {} --once --before 5000d --after 5000d", eve.display());
    run(&call).ended_with(0);
    let holds = run(&format!("hold list --tape {tape} --format json")).ended_with(0).text();
    assert_eq!(holds.lines().count(), 1, "{holds}");
    let hold = json(&holds);
    let (one, other) = (client.as_str().expect("an address"), server.as_str().expect("an address"));
    let counted = shell(&format!("tcpdump -nr {path} 'host {one} and host {other}' 2>/dev/null | wc -l")).text();
    assert_eq!(hold["packets"].to_string(), counted.trim(), "{hold}");
    assert!(hold["reason"].as_str().is_some_and(|reason| reason.contains("TEST (sid 1)")), "{hold}");
    // The same lines again, and the same alert once more: nothing new.
    run(&call).ended_with(0);
    std::fs::write(scratch.path().join("two.json"), format!("{line}\n")).expect("written");
    run(&call.replace("eve.json", "two.json")).ended_with(0);
    assert_eq!(run(&format!("hold list --tape {tape} --format json")).text().lines().count(), 1);
    // Any number of them makes no more than an hour may have.
    let many: String = (0..300)
        .map(|number| {
            format!(
                "{{\"time\":{start},\"src_ip\":\"198.{}.{}.9\",\"dest_ip\":{client},\"reason\":\"r{number}\"}}\n",
                number % 250,
                number / 2
            )
        })
        .collect();
    std::fs::write(scratch.path().join("many.json"), many).expect("written");
    let ran = run(&(call.replace("eve.json", "many.json") + " --per-hour 5")).ended_with(0);
    assert!(ran.stderr.contains("295 alerts were not held"), "{}", ran.stderr);
}
