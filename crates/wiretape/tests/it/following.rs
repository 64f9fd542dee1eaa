//! `wiretape follow`, and what rows say of what was said.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::support::{captures, has, run, run_with};

/// Fields of rows that payload gives.
const SAID: [&str; 12] = [
    "app_proto",
    "tls_sni",
    "tls_alpn",
    "tls_version",
    "ja3",
    "ja4",
    "cert_sha256",
    "http_hostname",
    "http_user_agent",
    "dns_queries",
    "dns_answers",
    "dest_name",
];

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_conversation_is_told_in_every_format() {
    let Some(folder) = captures() else { return };
    if !has("tshark") {
        return;
    }
    let path = folder.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap").to_string_lossy().into_owned();
    let flow = ["port", "54321", "and", "port", "80"];
    let asked = |options: &[&str]| run_with(&[&["follow", "-r", &path], options, &flow[..]].concat()).ended_with(0);

    let text = asked(&[]).text();
    assert!(text.starts_with("> client 10.0.3.100:54321\n< server 10.0.3.1:80\n"), "{text}");
    assert!(text.contains("\n> GET /path?q=v HTTP/1.1\n"), "{text}");
    assert!(text.contains("\n< HTTP/1.1 200 OK\n"), "{text}");
    assert!(asked(&["--format", "hex"]).text().contains("> 00000000  47 45 54 20 2f 70 61 74  68 3f 71 3d 76"));

    let stream = Command::new("tshark")
        .args(["-n", "-q", "-r", &path, "-z", "follow,tcp,raw,10.0.3.100:54321,10.0.3.1:80"])
        .output()
        .expect("tshark");
    let stream = String::from_utf8_lossy(&stream.stdout).into_owned();
    let hex = |of_server: bool| -> String {
        let lines = stream.lines().skip_while(|line| !line.starts_with("Node 1")).skip(1);
        let lines = lines.filter(|line| !line.starts_with('=') && line.starts_with('\t') == of_server);
        lines.map(str::trim).collect()
    };
    for (side, expected) in [("client", hex(false)), ("server", hex(true))] {
        let raw = asked(&["--format", "raw", "--side", side]).stdout;
        assert_eq!(raw.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), expected, "{side}");
    }
    let pieces = lines(&asked(&["--format", "json"]).text());
    assert_eq!(pieces[0]["side"], "client");
    assert_eq!(pieces[0]["offset"], 0);
    assert!(pieces[0]["data"].as_str().is_some_and(|data| data.starts_with("R0VUIC9wYXRo")), "{pieces:?}");
    assert!(pieces[0]["time"].as_str().is_some_and(|time| time.ends_with('Z')) && pieces[0]["arrival"].is_u64());
}

#[test]
fn one_flow_has_to_be_meant() {
    let Some(folder) = captures() else { return };
    let path = folder.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap").to_string_lossy().into_owned();
    let several = run(&format!("follow -r {path} port 80")).ended_with(2);
    assert!(several.stderr.contains("flows match, and one can be followed"), "{}", several.stderr);
    run(&format!("follow -r {path} port 64999")).ended_with(1);
    run(&format!("follow -r {path} 0123456789abcdef")).ended_with(1);
    let flows = lines(&run(&format!("flows -r {path} --format json port 54321 and port 80")).ended_with(0).text());
    for name in ["flow_id", "community_id"] {
        let id = flows[0][name].as_str().expect("an id");
        let text = run(&format!("follow -r {path} {id}")).ended_with(0).text();
        assert!(text.contains("GET /path?q=v"), "{text}");
    }
}

/// The fields of payload of each flow, by what a tape and a capture have in common.
fn said(source: &[&str]) -> BTreeMap<String, Vec<Value>> {
    let rows = run_with(&[&["flows", "--format", "json"], source].concat()).ended_with(0).text();
    let key = |row: &Value| format!("{} {} {}", row["community_id"], row["start"], row["pkts_toserver"]);
    lines(&rows).iter().map(|row| (key(row), SAID.iter().map(|name| row[name].clone()).collect())).collect()
}

#[test]
fn a_tape_has_what_was_said_in_its_rows() {
    let Some(folder) = captures() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let mut filled = 0;
    for name in ["arkime+arkime/tests/pcap/arkime_synthetic.pcap", "ntop+nDPI/tests/cfgs/default/pcap/teams.pcap"] {
        let path = folder.join(name);
        if !path.is_file() {
            continue;
        }
        let path = path.to_string_lossy().into_owned();
        let tape = directory.path().join(format!("{filled}.tape")).to_string_lossy().into_owned();
        run_with(&["import", "--tape", &tape, &path]).ended_with(0);
        let (of_tape, of_capture) = (said(&["--tape", &tape]), said(&["-r", &path]));
        for (flow, expected) in &of_capture {
            assert_eq!(of_tape.get(flow), Some(expected), "{name} {flow}");
        }
        filled += of_capture.values().filter(|values| !values[0].is_null()).count();
        let sni = run_with(&["flows", "--tape", &tape, "tls_sni like '*.com'", "--format", "json"]);
        let expected = run_with(&["flows", "-r", &path, "tls_sni like '*.com'", "--format", "json"]);
        assert_eq!(lines(&sni.text()).len(), lines(&expected.text()).len());
    }
    assert!(filled > 50, "{filled}");
}
