//! Everything that goes in comes out: captures imported and read back, beside what tcpdump reads.

use std::collections::BTreeMap;
use std::path::Path;

use packet::{LinkType, Timestamp};
use serde_json::{Map, Value};

use crate::capture::{all_captures, as_tcpdump_reads, capture_of, first_difference, packets_of};
use crate::support::{captures, has, run, run_with, shell};

#[test]
fn every_capture_comes_out_as_tcpdump_reads_it() {
    let Some(folder) = captures() else { return };
    if !has("tcpdump") {
        return;
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let mut compared = 0;
    for (number, path) in all_captures(&folder).into_iter().enumerate() {
        let Some(expected) = as_tcpdump_reads(&path) else { continue };
        let tape = scratch.path().join(number.to_string());
        let tape_text = tape.to_string_lossy();
        let imported = run_with(&["import", "--tape", &tape_text, &path.to_string_lossy()]);
        assert!([0, 3].contains(&imported.status), "{}: {}", path.display(), imported.stderr);
        let out = scratch.path().join("out.pcapng");
        let ran = run_with(&["packets", "--tape", &tape_text, "-w", &out.to_string_lossy()]);
        let found = packets_of(&std::fs::read(&out).expect("written"));
        let difference = first_difference(&found, &expected);
        assert_eq!(difference, None, "{}: {}{}", path.display(), imported.stderr, ran.stderr);
        std::fs::remove_dir_all(&tape).expect("removed");
        compared += 1;
    }
    assert!(compared > 100, "only {compared} captures were compared");
}

#[test]
fn several_captures_go_onto_one_tape_compressed_ones_too() {
    let Some(folder) = captures() else { return };
    if !has("zstd") || !has("gzip") {
        return;
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let place = scratch.path().display();
    let path = folder.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap").display().to_string();
    let ran = shell(&format!(
        "gzip -c {path} >{place}/a.gz; zstd -qc {path} >{place}/b.zst; \
         cat {path} | $WIRETAPE import --tape {place}/t --compress none {place}/a.gz - {place}/b.zst"
    ));
    assert!(ran.stderr.contains("2,754 packets"), "{}", ran.stderr);
    let read = run(&format!("packets --tape {place}/t")).ended_with(0);
    assert_eq!(read.text().lines().count(), 3 * 918);
    assert!(Path::new(&format!("{place}/t/README.txt")).exists());
    run(&format!("import --tape {place}/t /nowhere.pcap")).ended_with(4);
    run(&format!("import --tape {place} {path}")).ended_with(2);
}

#[test]
fn captures_as_live_keep_a_budget_and_age_by_their_own_times() {
    let Some(folder) = captures() else { return };
    let scratch = tempfile::tempdir().expect("a folder");
    let place = scratch.path().display();
    let path = folder.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap").display().to_string();
    run(&format!("import --tape {place}/t --as-live --budget 4MB --keep-free 0 {path}")).ended_with(0);
    assert_eq!(run(&format!("packets --tape {place}/t")).ended_with(0).text().lines().count(), 918);
    run(&format!("import --tape {place}/u --budget 4MB {path}")).ended_with(2);
}

#[test]
fn a_damaged_capture_leaves_what_was_whole() {
    let Some(folder) = captures() else { return };
    let scratch = tempfile::tempdir().expect("a folder");
    let place = scratch.path().display();
    let bytes = std::fs::read(folder.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap")).expect("read");
    std::fs::write(scratch.path().join("cut.pcap"), &bytes[..50_000]).expect("written");
    let ran = run(&format!("import --tape {place}/t {place}/cut.pcap")).ended_with(3);
    assert!(ran.stderr.contains("480 packets before it are whole"), "{}", ran.stderr);
    assert_eq!(run(&format!("packets --tape {place}/t")).ended_with(0).text().lines().count(), 480);
}

#[test]
fn the_same_question_to_a_capture_and_its_tape_gives_the_same_answer() {
    let Some(folder) = captures() else { return };
    let scratch = tempfile::tempdir().expect("a folder");
    let tape = scratch.path().join("t").display().to_string();
    let path = folder.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap").display().to_string();
    run(&format!("import --tape {tape} {path}")).ended_with(0);
    for expression in ["", "tcp port 80", "ip6 and udp", "vlan"] {
        let keys = |source: [&str; 2]| {
            let ran = run_with(&["flows", source[0], source[1], "--format", "json", expression]);
            let field = |line: &str, name: &str| {
                let flow: serde_json::Value = serde_json::from_str(line).expect("JSON");
                flow[name].to_string()
            };
            let key =
                |line: &str| ["community_id", "start", "end", "pkts_toserver", "history"].map(|name| field(line, name));
            let mut keys: Vec<_> = ran.text().lines().map(key).collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(["--tape", &tape]), keys(["-r", &path]), "{expression:?}");
    }
}

#[test]
fn tapes_that_cannot_be_used_are_named_as_what_they_are() {
    let scratch = tempfile::tempdir().expect("a folder");
    let tape = scratch.path().join("t");
    std::fs::create_dir(&tape).expect("made");
    let version =
        "format = 99\nid = \"00000000000000000000000000000000\"\nsensor = \"x\"\ncreated = \"2026-01-01T00:00:00Z\"\n";
    std::fs::write(tape.join("tape.toml"), version).expect("written");
    let tape_text = tape.display().to_string();
    let ran = run(&format!("flows --tape {tape_text}")).ended_with(3);
    assert!(ran.stderr.contains("a tape of format 99"), "{}", ran.stderr);
    let ran = run(&format!("record -i lo --tape {tape_text}"));
    assert!(ran.status == 3 || ran.stderr.contains("CAP_NET_RAW"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(tape.join("tape.toml")).expect("read"), version, "it was not touched");

    let empty = scratch.path().join("empty.tape").display().to_string();
    let none = scratch.path().join("none.pcap");
    std::fs::write(&none, [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0])
        .expect("written");
    run(&format!("import --tape {empty} {}", none.display())).ended_with(0);
    run(&format!("flows --tape {empty}")).ended_with(1);
    run(&format!("packets --tape {empty} -w -")).ended_with(1);
    run(&format!("status --tape {empty}")).ended_with(0);
    run(&format!("status --check --tape {empty}")).ended_with(1);
}

/// A tape knows what was imported onto it: a second time is refused, and times between imports are no gaps.
#[test]
fn the_same_capture_is_not_imported_twice() {
    let Some(folder) = captures() else { return };
    let scratch = tempfile::tempdir().expect("a folder");
    let place = scratch.path().display();
    let path = folder.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap").display().to_string();
    shell(&format!("cp {path} {place}/a.pcap; cp {path} {place}/copy.pcap; head -c 50000 {path} >{place}/cut.pcap"));
    let count = || run(&format!("packets --tape {place}/t")).ended_with(0).text().lines().count();
    let ran = run(&format!("import --tape {place}/t {place}/a.pcap {place}/copy.pcap")).ended_with(2);
    assert!(ran.stderr.contains("it is the same as"), "{}", ran.stderr);
    run(&format!("import --tape {place}/t {place}/a.pcap")).ended_with(0);
    run(&format!("import --tape {place}/t {place}/cut.pcap")).ended_with(3);
    assert_eq!(count(), 918 + 480);
    for again in ["a.pcap", "copy.pcap", "cut.pcap"] {
        let ran = run(&format!("import --tape {place}/t {place}/{again}")).ended_with(2);
        let packets =
            if again == "cut.pcap" { "480 packets were imported from" } else { "918 packets were imported from" };
        assert!(ran.stderr.contains("is on the tape already") && ran.stderr.contains(packets), "{}", ran.stderr);
    }
    assert_eq!(count(), 918 + 480);
    let ran = shell(&format!("cat {path} | $WIRETAPE import --tape {place}/t -"));
    assert!(ran.status == 0 && ran.stderr.contains("was on the tape already"), "{}", ran.stderr);
    run(&format!("import --tape {place}/t --again {place}/copy.pcap")).ended_with(0);
    assert_eq!(count(), 3 * 918 + 480);
    let status = run(&format!("status --tape {place}/t --format json")).ended_with(0).text();
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["gaps"], serde_json::json!([]), "{status}");
    assert_eq!(status["retention_unknown"], "no recorder is at work");
    // b3sum(1) and other tools name the same hash; this one is of the file's 50,000 first bytes.
    let log = std::fs::read_to_string(scratch.path().join("t/chain/00000001.jsonl")).expect("a log");
    let hash = shell(&format!("b3sum --no-names {place}/cut.pcap 2>&- || true")).text();
    assert!(log.contains("\"kind\":\"import\"") && log.contains(hash.trim()), "{hash} {log}");
    assert!(log.contains("\"import\":true") && !log.contains("-0.0"), "{log}");
}

/// What short flows say is in the rows of a tape as it is in their packets, wherever a capture ends.
#[test]
fn rows_tell_what_packets_say() {
    let Some(folder) = captures() else { return };
    let scratch = tempfile::tempdir().expect("a folder");
    let mut told = 0;
    for (number, path) in all_captures(&folder).into_iter().enumerate() {
        let tape = scratch.path().join(number.to_string()).display().to_string();
        let path = path.display().to_string();
        run_with(&["import", "--tape", &tape, &path]);
        let (of_tape, of_capture) = (said(&["--tape", &tape]), said(&["-r", &path]));
        for (flow, said) in &of_capture {
            assert_eq!(of_tape.get(flow), Some(said), "{path}: {flow:?}");
            told += said.matches("app_proto").count();
        }
        std::fs::remove_dir_all(&tape).expect("removed");
    }
    assert!(told > 1000, "only {told} flows said anything");
}

/// Names that are asked for behind a flow's head are not in its row: an answer says that it did not read them.
#[test]
fn what_is_said_behind_heads_is_not_said_to_be_missing() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("long.pcap");
    let packets = (0..400_i64).map(|number| {
        let name = if number < 399 { "early" } else { "late" };
        (Timestamp::from_seconds(1_700_000_000 + number / 10, 0), question(name))
    });
    std::fs::write(&path, capture_of(LinkType::RAW, packets)).expect("written");
    let (tape, path) = (scratch.path().join("t").display().to_string(), path.display().to_string());
    run_with(&["import", "--tape", &tape, &path]).ended_with(0);
    let ask = |source: &[&str], name: &str| {
        run_with(&[&["flows"][..], source, &[&format!("dns_queries = {name}.example")]].concat())
    };
    ask(&["-r", &path], "late").ended_with(0);
    ask(&["-r", &path], "never").ended_with(1);
    ask(&["--tape", &tape], "early").ended_with(0);
    assert!(
        run_with(&["flows", "--tape", &tape, "not dns_queries = late.example"]).stderr.contains("behind their heads")
    );
    let ran = ask(&["--tape", &tape], "late").ended_with(5);
    assert!(ran.stderr.contains("behind their heads"), "{}", ran.stderr);
}

/// A question of DNS for an address, padded with an option (RFC 7830), from 10.0.0.1 to 10.0.0.2.
fn question(name: &str) -> Vec<u8> {
    let name = [&[name.len() as u8], name.as_bytes(), b"\x07example\0"].concat();
    let header = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    let option = [&[0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 104, 0, 12, 0, 100][..], &[0; 100]].concat();
    let message = [&header[..], &name, &[0, 1, 0, 1], &option].concat();
    let (udp_bytes, ip_bytes) = (message.len() as u16 + 8, message.len() as u16 + 28);
    let ip = [&[0x45, 0][..], &ip_bytes.to_be_bytes(), &[0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]].concat();
    let udp = [&[0x9c, 0x40, 0, 53][..], &udp_bytes.to_be_bytes(), &[0, 0]].concat();
    [ip, udp, message].concat()
}

/// By flow, what those say that are shorter than a head.
fn said(source: &[&str]) -> BTreeMap<(String, String), String> {
    let ran = run_with(&[&["flows", "--format", "json"][..], source].concat());
    let mut said = BTreeMap::new();
    for line in ran.text().lines() {
        let row: Map<String, Value> = serde_json::from_str(line).expect("JSON");
        let bytes = |name: &str| row.get(name).and_then(Value::as_u64).unwrap_or(0);
        if bytes("bytes_toserver") + bytes("bytes_toclient") > 16_000 {
            continue;
        }
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let fields = row.iter().filter(|(name, _)| !OF_SOURCE.contains(&name.as_str()));
        said.insert((text("community_id"), text("start")), format!("{:?}", fields.collect::<Vec<_>>()));
    }
    said
}

/// What a tape and a capture say each in their own way.
const OF_SOURCE: &[&str] = &["flow_id", "lane", "kept", "sensor", "end_reason", "in_iface"];
