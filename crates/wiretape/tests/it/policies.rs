//! Policies: what is kept of some packets, and that what is left out is counted.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::capture::packets_of;
use crate::support::{run, run_with};
use crate::wire::Wire;

const CONFIGURATION: &str = r#"
head = "8KiB"

[[policy]]
name = "nothing"
match = "udp dst port 7001"
keep = "none"

[[policy]]
name = "headers"
match = "udp port 7002"
keep = "headers"

[[policy]]
match = "udp port 7003"
keep = "4KiB"

[[policy]]
name = "head"
match = "udp port 7004"
keep = "head"

[[policy]]
name = "long"
match = "udp port 7006"
lane = "transit"
retain = "1h"
"#;

fn sent(wire: &Wire, port: u16, count: u32) {
    let script = format!(
        "import socket,time\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\nfor i in range({count}):\n s.sendto(bytes(1000),('10.77.0.2',{port}))\n if i%50==0: time.sleep(0.005)\n"
    );
    assert!(wire.inside("python3").args(["-c", &script]).status().is_ok_and(|done| done.success()));
}

fn kept(tape: &str, port: u16) -> Vec<usize> {
    let ran = run_with(&["packets", "--tape", tape, &format!("udp port {port}"), "-w", "-"]);
    packets_of(&ran.stdout).iter().map(|packet| packet.data.len()).collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn what_policies_leave_out_is_counted() {
    let Some(wire) = Wire::make("policy") else { return };
    let (tape, log, file) = (wire.place("p.tape"), wire.place("log"), wire.place("wiretape.toml"));
    std::fs::write(&file, CONFIGURATION).expect("written");
    let (text, file) = (tape.to_string_lossy().into_owned(), file.to_string_lossy().into_owned());
    let arguments = [
        "record",
        "-i",
        "w0",
        "--config",
        &file,
        "--tape",
        &text,
        "--budget",
        "50MB",
        "--keep-free",
        "1MB",
        "--buffer",
        "4MB",
    ];
    let recorder = wire.record(&arguments, &tape, &log);
    for port in [7001, 7002, 7003, 7004, 7005] {
        sent(&wire, port, 500);
    }
    sent(&wire, 7006, 100);
    std::thread::sleep(Duration::from_millis(300));
    // An order has rows written, by which what policies retain is copied.
    let begun = Instant::now();
    let held = || json(&run(&format!("hold show --tape {text} --format json policy-long")).ended_with(0).text());
    while held()["packets"] != 100 && begun.elapsed() < Duration::from_secs(20) {
        let add = ["hold", "add", "--tape", &text, "--reason", "r", "--owner", "o", "--to", "now", "host 198.51.100.1"];
        assert!([1, 5].contains(&run_with(&add).status));
    }
    let held = held();
    assert_eq!(
        (&held["packets"], &held["retained"], &held["retain_seconds"]),
        (&100.into(), &true.into(), &3600.into()),
        "{held}"
    );
    recorder.stop();
    // 42 bytes of headers before 1000 of payload.
    assert_eq!(kept(&text, 7001), [0; 0]);
    assert_eq!(kept(&text, 7002), [42; 500]);
    assert_eq!(kept(&text, 7003), [1042; 4]);
    assert_eq!(kept(&text, 7004), [1042; 8]);
    assert_eq!(kept(&text, 7005), [1042; 500]);
    let rows = run_with(&["flows", "--tape", &text, "--format", "json", "udp port 7006"]).ended_with(0).text();
    assert_eq!(json(&rows)["lane"], "transit", "{rows}");
    let status = json(&run(&format!("status --tape {text} --format json")).text());
    let of = |name: &str, field: &str| {
        let policies = status["policies"].as_array().expect("policies");
        policies.iter().find(|policy| policy["name"] == name).map(|policy| policy[field].clone())
    };
    assert_eq!(of("nothing", "packets_dropped"), Some(500.into()), "{status}");
    assert_eq!(of("nothing", "bytes_dropped"), Some((500 * 1042).into()));
    assert_eq!((of("headers", "packets_cut"), of("headers", "bytes_cut")), (Some(500.into()), Some(500_000.into())));
    assert_eq!(of("policy-3", "packets_dropped"), Some(496.into()));
    assert_eq!(of("head", "packets_dropped"), Some(492.into()));
    assert_eq!(status["losses"].as_array().map(Vec::len), Some(0), "{status}");
}

#[test]
fn wrong_policies_are_refused() {
    let scratch = tempfile::tempdir().expect("a folder");
    let file = scratch.path().join("wiretape.toml");
    let check = |text: &str, expected: &str| {
        std::fs::write(&file, text).expect("written");
        let ran = run(&format!("record --tape {} --config {}", scratch.path().join("t").display(), file.display()));
        assert!(ran.status == 2 && ran.stderr.contains(expected), "{text}\n{} {}", ran.status, ran.stderr);
    };
    check("[[policy]]\nmatch = \"udp\"\nkep = \"none\"\n", "kep");
    check("[[policy]]\nmatch = \"udp\"\nkeep = \"some\"\n", "is not full, head, headers, none or a size");
    check("[[policy]]\nmatch = \"udp\"\nlane = \"fast\"\n", "there are client, server, transit");
    check("[[policy]]\nmatch = \"udp port\"\n", "the expression cannot be used");
    check("[[policy]]\nmatch = \"dest_port = 80\"\n", "fields of flows cannot be part");
    check("[[policy]]\nkeep = \"none\"\n", "match");
    check("[[policy]]\nmatch = \"udp\"\nkeep = \"1MB\"\n", "more of a flow than a head has");
    check("[[policy]]\nmatch = \"udp\"\nkeep = \"none\"\nretain = \"1d\"\n", "retains nothing");
    check("[[policy]]\nname = \"a/b\"\nmatch = \"udp\"\n", "letters, digits");
}
