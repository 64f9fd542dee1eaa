//! `wiretape files`, on conversations made up here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::capture::all_captures;
use crate::support::{captures, has, run, run_with, shell};

/// `printf hello | sha256sum`
pub(crate) const HELLO_SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// Who sends a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Client,
    Server,
}

/// A capture of one conversation over TCP: what is said, each piece as a packet, none of more than 1000 bytes.
fn capture(folder: &Path, said: &[(From, &[u8])]) -> PathBuf {
    let mut bytes =
        [&0xa1b2_c3d4_u32.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 8], &65_535_u32.to_le_bytes(), &[1, 0, 0, 0]].concat();
    let mut next = [1000_u32, 5000];
    let mut add = |from: From, flags: u8, data: &[u8]| {
        let (own, other) = if from == From::Client { (0, 1) } else { (1, 0) };
        let frame = frame(from, flags, next[own], next[other], data);
        let length = u32::try_from(frame.len()).expect("short").to_le_bytes();
        bytes.extend([&1_700_000_000_u32.to_le_bytes()[..], &[0; 4], &length, &length, &frame].concat());
        next[own] += u32::try_from(data.len()).expect("short") + u32::from(flags & (SYN | FIN) != 0);
    };
    add(From::Client, SYN, &[]);
    add(From::Server, SYN | ACK, &[]);
    add(From::Client, ACK, &[]);
    for (from, data) in said {
        data.chunks(1000).for_each(|piece| add(*from, ACK, piece));
    }
    add(From::Server, FIN | ACK, &[]);
    add(From::Client, FIN | ACK, &[]);
    let path = folder.join("talk.pcap");
    fs::write(&path, bytes).expect("written");
    path
}

/// 10.0.0.1:40000 talks to 10.0.0.2:80.
fn frame(from: From, flags: u8, seq: u32, ack: u32, data: &[u8]) -> Vec<u8> {
    let (addresses, ports) = match from {
        From::Client => ([10, 0, 0, 1, 10, 0, 0, 2], [0x9c, 0x40, 0, 80]),
        From::Server => ([10, 0, 0, 2, 10, 0, 0, 1], [0, 80, 0x9c, 0x40]),
    };
    let length = u16::try_from(40 + data.len()).expect("short").to_be_bytes();
    let ip = [&[0x45, 0], &length[..], &[0, 0, 0x40, 0, 64, 6, 0, 0], &addresses].concat();
    let tcp = [&ports[..], &seq.to_be_bytes(), &ack.to_be_bytes(), &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]].concat();
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0][..], &ip, &tcp, data].concat()
}

fn files(arguments: &[&str]) -> Vec<Value> {
    let ran = run_with(&[&["files"], arguments, &["--format", "json"]].concat()).ended_with(0);
    ran.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    entries.map(|name| name.into_string().expect("plain names")).collect()
}

/// A download with a name that no file should get, and an upload.
pub(crate) fn talk(folder: &Path) -> PathBuf {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/x\r\n\
        Content-Disposition: attachment; filename=\"../../\x1b[2Ka\0b.sh\"\r\n\r\nhello";
    let upload = b"POST /up/b.bin HTTP/1.1\r\nContent-Length: 9\r\n\r\nMZ\0\0\0\0\0\0\0";
    let said: [(From, &[u8]); 4] = [
        (From::Client, b"GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        (From::Server, answer),
        (From::Client, upload),
        (From::Server, b"HTTP/1.1 204 No Content\r\n\r\n"),
    ];
    capture(folder, &said)
}

#[test]
fn files_are_told_with_all_their_fields() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = talk(folder.path());
    let found = files(&["-r", path.to_str().expect("plain")]);
    assert_eq!(found.len(), 2);
    let file = &found[0];
    let expected = [
        ("sha256", Value::from(HELLO_SHA256)),
        ("sha1", Value::from("aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d")),
        ("md5", Value::from("5d41402abc4b2a76b9719d911017c592")),
        ("size", Value::from(5)),
        ("complete", Value::from(true)),
        ("filename", Value::from("../../\u{1b}[2Ka\0b.sh")),
        ("mime", Value::from("text/plain")),
        ("mime_said", Value::from("text/x")),
        ("protocol", Value::from("http")),
        ("direction", Value::from("toclient")),
        ("src_ip", Value::from("10.0.0.1")),
        ("dest_port", Value::from(80)),
        ("time", Value::from("2023-11-14T22:13:20.000000000Z")),
    ];
    for (name, value) in expected {
        assert_eq!(file[name], value, "{name}");
    }
    assert!(file.get("wire_sha256").is_none() && file.get("missing").is_none());
    assert_eq!((&found[1]["direction"], &found[1]["filename"]), (&Value::from("toserver"), &Value::from("b.bin")));
    let flows = run(&format!("flows -r {} --format json", path.display())).ended_with(0).text();
    let flow: Value = serde_json::from_str(flows.lines().next().expect("a flow")).expect("JSON");
    assert_eq!((&flow["flow_id"], &flow["community_id"]), (&file["flow_id"], &file["community_id"]));
    let table = run(&format!("files -r {}", path.display())).ended_with(0).text();
    assert!(table.contains(HELLO_SHA256) && !table.contains('\x1b') && !table.contains('\0'), "{table}");
}

#[test]
fn files_are_kept_by_their_hashes_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = talk(folder.path());
    let out = folder.path().join("found/here");
    let found = files(&["-r", path.to_str().expect("plain"), "--out", out.to_str().expect("plain")]);
    let hashes: Vec<&str> = found.iter().map(|file| file["sha256"].as_str().expect("a hash")).collect();
    let expected: BTreeSet<String> =
        hashes.iter().flat_map(|hash| [(*hash).to_owned(), format!("{hash}.json")]).collect();
    assert_eq!(names(&out), expected);
    assert_eq!(fs::read(out.join(HELLO_SHA256)).expect("kept"), b"hello");
    for name in &expected {
        let mode = fs::metadata(out.join(name)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let beside = fs::read_to_string(out.join(format!("{HELLO_SHA256}.json"))).expect("beside");
    let beside: Value = serde_json::from_str(&beside).expect("JSON");
    assert_eq!((&beside["filename"], &beside["kept_as"]), (&found[0]["filename"], &Value::from(HELLO_SHA256)));
}

#[test]
fn archives_have_the_usual_password() {
    if !has("unzip") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = talk(folder.path());
    let out = folder.path().join("found");
    files(&["-r", path.to_str().expect("plain"), "--zip", "--out", out.to_str().expect("plain")]);
    assert!(!out.join(HELLO_SHA256).exists());
    let archive = out.join(format!("{HELLO_SHA256}.zip"));
    let unzip = |password: &str| shell(&format!("unzip -P {password} -p {}", archive.display()));
    assert_eq!(unzip("infected").ended_with(0).stdout, b"hello");
    assert_ne!(unzip("wrong").status, 0);
}

#[test]
fn rules_are_matched() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = talk(folder.path());
    let rules = folder.path().join("rules.yar");
    fs::write(&rules, "rule says_hello { strings: $a = \"hell\" condition: $a and filesize == 5 }").expect("written");
    let found = files(&["-r", path.to_str().expect("plain"), "--yara", rules.to_str().expect("plain")]);
    assert_eq!((&found[0]["yara"][0], found[1].get("yara")), (&Value::from("says_hello"), None));
    fs::write(&rules, "rule broken {").expect("written");
    let ran = run(&format!("files -r {} --yara {}", path.display(), rules.display())).ended_with(2);
    assert!(ran.stderr.contains("cannot use the rules"), "{}", ran.stderr);
}

/// Flows are found by what they moved: by their rows, by their packets where a head has not all of it, and in captures.
#[test]
fn flows_are_found_by_hashes_of_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let answer =
        |body: &[u8]| [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat();
    let bodies = [&b"hello"[..], &[b'x'; 60_000], b"behind the head"];
    let answers = bodies.map(answer);
    let request = &b"GET /some HTTP/1.1\r\nHost: a.example\r\n\r\n"[..];
    let said: Vec<(From, &[u8])> =
        answers.iter().flat_map(|answer| [(From::Client, request), (From::Server, answer)]).collect();
    let capture = capture(folder.path(), &said).display().to_string();
    let tape = folder.path().join("t.tape").display().to_string();
    run_with(&["import", "--tape", &tape, &capture]).ended_with(0);
    let sum = |tool: &str, body: &[u8]| {
        let path = folder.path().join("body");
        fs::write(&path, body).expect("written");
        shell(&format!("{tool} < {} | cut -d' ' -f1", path.display())).text().trim().to_owned()
    };
    let sources = [["-r", capture.as_str()], ["--tape", tape.as_str()]];
    let asked = |command: &str, [place, name]: [&str; 2], hash: &str| {
        run_with(&[command, place, name, &format!("file_sha256 = {hash}"), "--format", "json"])
    };
    let sweep = |[place, name]: [&str; 2], hash: &str| {
        let list = folder.path().join("list.txt");
        fs::write(&list, hash).expect("written");
        run_with(&["sweep", &list.to_string_lossy(), place, name])
    };
    for source in sources {
        for body in bodies {
            let hash = sum("sha256sum", body).to_uppercase();
            assert_eq!(asked("flows", source, &hash).ended_with(0).text().lines().count(), 1, "{source:?} {hash}");
            let packets = run_with(&["packets", source[0], source[1], &format!("file_sha256 = {hash}")]).ended_with(0);
            assert!(packets.text().lines().count() > 60, "{source:?} {hash}");
            for tool in ["sha256sum", "sha1sum", "md5sum"] {
                sweep(source, &sum(tool, body)).ended_with(0);
            }
        }
        let none = sum("sha256sum", b"nobody moved this");
        asked("flows", source, &none).ended_with(1);
        for tool in ["sha256sum", "sha1sum", "md5sum"] {
            sweep(source, &sum(tool, b"nor this")).ended_with(1);
        }
    }
    let row = run_with(&["flows", "--tape", &tape, "--format", "json"]).ended_with(0).text();
    let row: Value = serde_json::from_str(&row).expect("JSON");
    assert_eq!(row["file_sha256"], serde_json::json!([HELLO_SHA256]));
    assert_eq!(row["more_values"], serde_json::json!(["file_sha256"]));
    // Of a file that was not moved to its end the hash is not known.
    shell(&format!("head -c 20000 {capture} > {capture}.cut")).ended_with(0);
    sweep(["-r", &format!("{capture}.cut")], &sum("md5sum", b"nor this")).ended_with(3);
    let cut = sweep(["-r", &format!("{capture}.cut")], &sum("md5sum", b"nor this"));
    assert!(cut.stderr.contains("1 flow may match"), "{}", cut.stderr);
    // What heads had whole is known without packets; of what was behind them nothing is.
    shell(&format!("rm {tape}/*/*.pcapng.zst")).ended_with(0);
    assert!(asked("flows", sources[1], HELLO_SHA256).text().contains(HELLO_SHA256));
    let gone = asked("flows", sources[1], &sum("sha256sum", bodies[2]));
    assert!(gone.text().is_empty() && gone.stderr.contains("may match"), "{}", gone.stderr);
    assert!(sweep(sources[1], HELLO_SHA256).text().contains(HELLO_SHA256));
}

/// What is told when a conversation ends is of that conversation, whoever sent the last packet.
/// By the layouts of C706, 12.6.4: a bind to the service control manager, its answer, and a call that makes a service.
#[test]
fn flows_are_found_by_what_else_was_said() {
    const SVCCTL: &[u8] = b"\x81\xbb\x7a\x36\x44\x98\xf1\x35\xad\x32\x98\xf0\x38\0\x10\x03\x02\0\0\0";
    let message = |kind: u8, body: &[u8]| {
        let bytes = (16 + body.len() as u16).to_le_bytes();
        [&[5, 0, kind, 3, 0x10, 0, 0, 0], &bytes[..], &[0; 2], b"\x01\0\0\0", body].concat()
    };
    let bind = message(11, &[&b"\xb8\x10\xb8\x10\0\0\0\0\x01\0\0\0\0\0\x01\0"[..], SVCCTL, &[0; 20]].concat());
    let bound = message(12, &[&b"\xb8\x10\xb8\x10\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0"[..], &[0; 20]].concat());
    let call = message(0, b"\0\0\0\0\0\0\x0c\0arguments");
    let folder = tempfile::tempdir().expect("a folder");
    let said = [(From::Client, &bind[..]), (From::Server, &bound), (From::Client, &call)];
    let capture = capture(folder.path(), &said).display().to_string();
    let tape = folder.path().join("t.tape").display().to_string();
    run_with(&["import", "--tape", &tape, &capture]).ended_with(0);
    for source in [["-r", capture.as_str()], ["--tape", tape.as_str()]] {
        let asked = |expression: &str| run_with(&["flows", source[0], source[1], expression, "--format", "json"]);
        let row = asked("detail = \"call=svcctl.CreateServiceW\"").ended_with(0).text();
        let row: Value = serde_json::from_str(&row).expect("JSON");
        assert_eq!(row["app_proto"], "dcerpc");
        assert_eq!(row["detail"][0], "interface=svcctl");
        asked("detail like \"interface=drsuapi\"").ended_with(1);
    }
}

#[test]
fn files_are_those_of_their_flows() {
    let Some(folder) = captures() else { return };
    let mut told = 0;
    for path in all_captures(&folder) {
        let path = path.display().to_string();
        let lines = |command: &str| {
            let text = run_with(&[command, "-r", &path, "--format", "json"]).text();
            text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")).collect::<Vec<_>>()
        };
        let files = lines("files");
        let ids = |line: &Value| (line["flow_id"].clone(), line["community_id"].clone());
        let flows: BTreeMap<String, Value> =
            lines("flows").iter().map(ids).map(|(flow, id)| (flow.to_string(), id)).collect();
        for (flow, id) in files.iter().map(ids) {
            assert_eq!(flows.get(&flow.to_string()), Some(&id), "{path} {flow}");
            told += 1;
        }
    }
    assert!(told > 500, "only {told} files");
}

/// A data connection of FTP is known by what its row says, where the control connection has no part in the question.
#[test]
fn hashes_of_announced_connections_are_found() {
    let Some(captures) = captures() else { return };
    let scratch = tempfile::tempdir().expect("a folder");
    let tape = scratch.path().join("t.tape").display().to_string();
    let path = captures.join("zeek+zeek/testing/btest/Traces/ftp/retr.pcap").display().to_string();
    run_with(&["import", "--tape", &tape, &path]).ended_with(0);
    // What tcpflow makes of the connection, by sha256sum: longer than a head.
    let hash = "202674eba48e832690a4475113acf8b16a3f6c82c04c94b36bb2c7ce457ac8d2";
    let ran = run_with(&["flows", "--tape", &tape, &format!("file_sha256 = {hash}"), "--format", "json"]).ended_with(0);
    assert!(ran.text().contains("\"app_proto\":\"ftp-data\"") && ran.text().lines().count() == 1, "{}", ran.text());
    let list = scratch.path().join("list.txt");
    fs::write(&list, hash).expect("written");
    run_with(&["sweep", &list.to_string_lossy(), "--tape", &tape]).ended_with(0);
    for source in [["--tape", &tape], ["-r", &path]] {
        let alone = files(&[source[0], source[1], "port 38141"]);
        assert_eq!((&alone[0]["wire_sha256"], &alone[0]["filename"]), (&Value::from(hash), &Value::from("/README")));
        let with_its_control = files(&source);
        assert_eq!((&with_its_control[0]["sha256"], alone.len()), (&Value::from(hash), 1));
    }
}

#[test]
fn what_is_not_whole_is_not_hashed() {
    let folder = tempfile::tempdir().expect("a folder");
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 2100000\r\n\r\n";
    let answer = [&head[..], &[b'x'; 16_384]].concat();
    let path = capture(folder.path(), &[(From::Client, b"GET /big HTTP/1.1\r\n\r\n"), (From::Server, &answer)]);
    let out = folder.path().join("found");
    let found = files(&["-r", path.to_str().expect("plain"), "--out", out.to_str().expect("plain")]);
    assert_eq!(
        (&found[0]["complete"], &found[0]["size"], &found[0]["bytes"]),
        (&false.into(), &2_100_000.into(), &16_384.into())
    );
    assert_eq!(found[0]["missing"], serde_json::json!([{"offset": 16_384, "bytes": 2_083_616}]));
    assert!(found[0].get("sha256").is_none() && found[0].get("wire_sha256").is_none());
    let kept = found[0]["kept_as"].as_str().expect("kept");
    assert!(kept.starts_with("incomplete-"), "{kept}");
    assert_eq!(fs::metadata(out.join(kept)).expect("there").len(), 16_384);
    let table = run(&format!("files -r {}", path.display())).ended_with(0).text();
    assert!(table.contains("head only, 16.4 kB of 2.10 MB"), "{table}");
}

#[test]
fn what_does_not_fit_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\n\x1f\x8bnot!";
    let path = capture(folder.path(), &[(From::Client, b"GET / HTTP/1.1\r\n\r\n"), (From::Server, answer)]);
    let ran = run(&format!("files -r {} --format json", path.display())).ended_with(0);
    assert!(ran.stderr.contains("body is not encoded as it says: once, first in flow"), "{}", ran.stderr);
    let file: Value = serde_json::from_str(&ran.text()).expect("JSON");
    assert!(file.get("sha256").is_none() && file["wire_sha256"].is_string(), "{file}");
}

#[test]
fn nothing_found_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = capture(folder.path(), &[(From::Client, b"GET / HTTP/1.1\r\n\r\n")]);
    run(&format!("files -r {}", path.display())).ended_with(1);
    run(&format!("files -r {} --zip", path.display())).ended_with(2);
}
