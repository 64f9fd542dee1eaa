//! Indicators in and out, packets that others may see, packets sent again, and cases.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use packet::capture::{PcapWriter, Resolution};
use packet::{LinkType, Packet, PacketDirection, Timestamp};

use crate::capture::{all_captures, packets_of};
use crate::files::{HELLO_SHA256, talk};
use crate::support::{captures, has, run, run_with, shell, wiretape};
use crate::wire::Wire;

/// A DNS question for www.evil.example from 10.0.0.5 to 198.51.100.4, and what a web server at 198.51.100.9 was asked.
pub(crate) fn capture(folder: &Path) -> PathBuf {
    let mut question = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in ["www", "evil", "example"] {
        question.push(label.len() as u8);
        question.extend(label.as_bytes());
    }
    question.extend([0, 0, 1, 0, 1]);
    let request = b"GET /<script>x HTTP/1.1\r\nHost: c2.example\r\nUser-Agent: Evil/1.0\r\nCookie: secret=1\r\n\r\n";
    let packets =
        [udp([10, 0, 0, 5], [198, 51, 100, 4], 53, &question), tcp([10, 0, 0, 5], [198, 51, 100, 9], request)];
    write(folder.join("seen.pcap"), &packets)
}

/// Writes packets, 300 ms apart.
fn write(path: PathBuf, packets: &[Vec<u8>]) -> PathBuf {
    let mut writer = PcapWriter::new(Vec::new(), LinkType::ETHERNET, 0, Resolution::NANOSECONDS);
    for (index, data) in packets.iter().enumerate() {
        let packet = Packet {
            time: Timestamp(1_700_000_000_000_000_000 + index as i64 * 300_000_000),
            wire_bytes: data.len() as u32,
            data,
            interface: 0,
            direction: PacketDirection::Unknown,
            arrival: None,
        };
        writer.packet(&packet).expect("written");
    }
    std::fs::write(&path, writer.finish().expect("written")).expect("written");
    path
}

fn udp(from: [u8; 4], to: [u8; 4], port: u16, payload: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(40_000_u16.to_be_bytes());
    header.extend(port.to_be_bytes());
    header.extend((payload.len() as u16 + 8).to_be_bytes());
    header.extend([0, 0]);
    frame(from, to, 17, 6, [header, payload.to_vec()].concat())
}

fn tcp(from: [u8; 4], to: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(40_001_u16.to_be_bytes());
    header.extend(80_u16.to_be_bytes());
    header.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    frame(from, to, 6, 16, [header, payload.to_vec()].concat())
}

/// Ethernet and IPv4 around a segment, with checksums.
fn frame(from: [u8; 4], to: [u8; 4], protocol: u8, sum_at: usize, mut segment: Vec<u8>) -> Vec<u8> {
    let pseudo = [&from[..], &to[..], &[0, protocol], &(segment.len() as u16).to_be_bytes()].concat();
    let sum = checksum(&[pseudo, segment.clone()].concat());
    segment[sum_at..sum_at + 2].copy_from_slice(&sum.to_be_bytes());
    let mut ip = vec![0x45, 0];
    ip.extend((segment.len() as u16 + 20).to_be_bytes());
    ip.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
    ip.extend(from.iter().chain(&to));
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let ethernet = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    [ethernet.to_vec(), ip, segment].concat()
}

/// RFC 1071.
fn checksum(data: &[u8]) -> u16 {
    let mut sum: u32 = data.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[test]
fn a_report_is_swept_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = capture(folder.path()).display().to_string();
    let sweep = |report: &str, more: &[&str]| {
        let path = folder.path().join("report.txt");
        std::fs::write(&path, report).expect("written");
        run_with(&[&["sweep", &path.to_string_lossy(), "-r", &source, "--format", "json"], more].concat())
    };
    let ran = sweep("They used hxxp://c2[.]example/ and evil[.]example, at 198.51.100[.]9 and 192.0.2[.]1.", &[])
        .ended_with(0);
    let values: Vec<String> = ran
        .text()
        .lines()
        .filter(|line| line.contains("\"record\":\"indicator\""))
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["value"].as_str().expect("text").to_owned()
        })
        .collect();
    assert_eq!(values, ["http://c2.example/", "evil.example", "198.51.100.9"]);
    assert!(ran.text().contains("\"host\":\"10.0.0.5\""), "{}", ran.text());
    sweep("nothing.example\n", &[]).ended_with(1);
    sweep("secret.example\n", &["--from", "2001-01-01T00:00:00Z"]).ended_with(5);
    sweep("no indicator\n", &[]).ended_with(2);
}

#[test]
fn indicators_go_out_the_same_each_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = capture(folder.path()).display().to_string();
    let allow = folder.path().join("allow.txt");
    std::fs::write(&allow, "evil.example\n").expect("written");
    let iocs =
        |format: &str| run(&format!("iocs -r {source} --allow {} --format {format}", allow.display())).ended_with(0);
    let csv = iocs("csv").text();
    for value in ["198.51.100.4", "198.51.100.9", "c2.example", "Evil/1.0"] {
        assert!(csv.contains(value), "{csv}");
    }
    assert!(!csv.contains("10.0.0.5") && !csv.contains("evil.example"), "{csv}");
    assert!(iocs("csv").stderr.contains("1 of private or reserved networks, 1 that are allowed"));
    assert_eq!(iocs("stix").stdout, iocs("stix").stdout);
    for format in ["stix", "misp"] {
        let value: serde_json::Value = serde_json::from_slice(&iocs(format).stdout).expect("JSON");
        assert!(value.is_object());
    }
}

/// Whether tshark finds every checksum right that it can check.
fn checksums_are_right(path: &Path) -> bool {
    let output = Command::new("tshark")
        .args(["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"])
        .args([
            "-T",
            "fields",
            "-e",
            "ip.checksum.status",
            "-e",
            "tcp.checksum.status",
            "-e",
            "udp.checksum.status",
            "-r",
        ])
        .arg(path)
        .output()
        .expect("tshark runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    !text.is_empty() && text.split_whitespace().all(|status| status != "0")
}

#[test]
fn others_see_neither_addresses_nor_payload() {
    if !has("tshark") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let source = capture(folder.path()).display().to_string();
    let (key, out) = (folder.path().join("key"), folder.path().join("out.pcapng"));
    std::fs::write(&key, "1522178d33a4cf80130a5b1649907d10d8988f8379796527624c2d2a84220002\n").expect("written");
    let line = format!("packets -r {source} -w {} --anonymise --anonymise-key {}", out.display(), key.display());
    run(&line).ended_with(0);
    let first = std::fs::read(&out).expect("read");
    let packets = packets_of(&first);
    assert_eq!(packets.iter().map(|packet| packet.data.len()).collect::<Vec<_>>(), [42, 54]);
    assert!(packets[0].wire_bytes > 70, "the length on the wire stays");
    assert_eq!(packets[0].data[26..30], packets[1].data[26..30], "one host stays one host");
    assert_eq!(packets[0].data[30..33], packets[1].data[30..33], "one network stays one network");
    let hidden = |needle: &[u8]| !first.windows(needle.len()).any(|window| window == needle);
    assert!(hidden(&[10, 0, 0, 5]) && hidden(&[198, 51, 100, 9]) && hidden(b"evil") && hidden(b"secret"));
    assert!(checksums_are_right(&out));
    run(&line).ended_with(0);
    assert_eq!(std::fs::read(&out).expect("read"), first, "the same key gives the same");
}

/// No name that tshark finds in a capture, no cookie and no credential, is anywhere in what others see of it.
#[test]
fn names_in_kept_payload_are_others() {
    let Some(folder) = captures() else { return };
    if !has("tshark") {
        return;
    }
    let fields = [
        "http.host",
        "http.cookie",
        "http.authorization",
        "http.set_cookie",
        "tls.handshake.extensions_server_name",
        "dns.qry.name",
        "x509sat.uTF8String",
        "x509sat.printableString",
    ];
    let scratch = tempfile::tempdir().expect("a folder");
    let out = scratch.path().join("out.pcapng");
    let (mut names_of_all, mut kept) = (0, 0);
    for path in all_captures(&folder).into_iter().step_by(9) {
        let tshark = Command::new("tshark")
            .args(["-n", "-T", "fields", "-r"])
            .arg(&path)
            .args(fields.iter().flat_map(|field| ["-e", field]))
            .output();
        let told = String::from_utf8_lossy(&tshark.expect("tshark runs").stdout).into_owned();
        // Shorter ones are in anything; what tshark itself would not write plainly cannot be looked for.
        let is_name = |name: &&str| name.len() >= 10 && !name.contains('\\') && name.contains(['.', '=']);
        let names: BTreeSet<&str> = told.split(['\t', '\n', ',']).filter(is_name).collect();
        let line = ["packets", "-r", &path.to_string_lossy(), "-w", &out.to_string_lossy(), "--anonymise"];
        if run_with(&[&line[..], &["--anonymise-payload", "keep"]].concat()).status != 0 {
            continue;
        }
        let bytes = std::fs::read(&out).expect("read");
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        for name in &names {
            assert!(!text.contains(&name.to_lowercase()), "{name:?} of {}", path.display());
        }
        names_of_all += names.len();
        kept += packets_of(&bytes).iter().filter(|packet| packet.data.len() > 100).count();
    }
    assert!(names_of_all > 20 && kept > 100, "{names_of_all} names, {kept} packets with payload");
    let source = capture(scratch.path()).display().to_string();
    run(&format!("packets -r {source} -w {} --anonymise --anonymise-payload keep", out.display())).ended_with(0);
    let packets = packets_of(&std::fs::read(&out).expect("read"));
    assert!(packets.iter().all(|packet| packet.data.len() == packet.wire_bytes as usize), "all of it is there");
    assert!(checksums_are_right(&out));
    let tape = scratch.path().join("t.tape").display().to_string();
    run(&format!("import --tape {tape} {source}")).ended_with(0);
    run(&format!("packets --tape {tape} -w {} --anonymise --anonymise-payload keep", out.display())).ended_with(0);
    assert_eq!(packets_of(&std::fs::read(&out).expect("read")).len(), 2);
    assert!(checksums_are_right(&out));
}

#[test]
fn packets_are_sent_again() {
    let Some(wire) = Wire::make("replay") else { return };
    if !has("tcpdump") || !has("tshark") {
        return;
    }
    let source = capture(wire.scratch.path());
    let heard = wire.place("heard.pcap");
    let mut listener = wire
        .inside("tcpdump")
        .args(["-i", "w1", "-U", "-w", &heard.to_string_lossy(), "udp port 53 or tcp port 80"])
        .stderr(Stdio::null())
        .spawn()
        .expect("tcpdump runs");
    std::thread::sleep(Duration::from_secs(2));
    let replay = |more: &[&str]| {
        let mut command = wire.inside(env!("CARGO_BIN_EXE_wiretape"));
        command.args(["replay", "-r", &source.to_string_lossy(), "-i", "w0"]).args(more);
        command.output().expect("the binary runs")
    };
    let begun = std::time::Instant::now();
    let output = replay(&["--rewrite", "10.0.0.0/24=192.0.2.0/24", "--rewrite", "02:00:00:00:00:01=02:00:00:00:00:09"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(begun.elapsed() >= Duration::from_millis(300), "they keep their distance");
    std::thread::sleep(Duration::from_secs(1));
    listener.kill().expect("killed");
    listener.wait().expect("ended");
    let packets = packets_of(&std::fs::read(&heard).expect("read"));
    assert_eq!(packets.len(), 2);
    assert!(packets.iter().all(|packet| packet.data[26..30] == [192, 0, 2, 5] && packet.data[5] == 9));
    assert!(checksums_are_right(&heard));
    let route = Command::new("ip").args(["-n", wire.name(), "route", "add", "default", "dev", "w0"]).status();
    assert!(route.is_ok_and(|status| status.success()));
    let refused = replay(&[]);
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(replay(&["--force", "--topspeed"]).status.success());
}

/// What a sender leaves to its hardware: a segment longer than any interface takes, with no checksum but the pseudo header's.
#[test]
fn what_was_left_to_hardware_is_done_when_packets_are_sent_again() {
    let Some(wire) = Wire::make("offload") else { return };
    if !has("tcpdump") || !has("tshark") {
        return;
    }
    let said: Vec<u8> = (0..4000_u32).map(|byte| (byte % 251) as u8).collect();
    let mut large = tcp([10, 0, 0, 5], [198, 51, 100, 9], &said);
    let mut pseudo = vec![10, 0, 0, 5, 198, 51, 100, 9, 0, 6];
    pseudo.extend((4000_u16 + 20).to_be_bytes());
    let left = !checksum(&pseudo);
    large[50..52].copy_from_slice(&left.to_be_bytes());
    let mut small = tcp([10, 0, 0, 5], [198, 51, 100, 9], b"wrong, and stays so");
    small[50] ^= 0xff;
    let source = write(wire.place("large.pcap"), &[large, small]);
    let tape = wire.place("t.tape").display().to_string();
    run(&format!("import --tape {tape} {}", source.display())).ended_with(0);
    let heard = wire.place("heard.pcap");
    let mut listener = wire
        .inside("tcpdump")
        .args(["-i", "w1", "-U", "-w", &heard.to_string_lossy(), "tcp port 80"])
        .stderr(Stdio::null())
        .spawn()
        .expect("tcpdump runs");
    std::thread::sleep(Duration::from_secs(2));
    let mut command = wire.inside(env!("CARGO_BIN_EXE_wiretape"));
    let output = command
        .args(["replay", "--tape", &tape, "-i", "w0", "--topspeed", "--rewrite", "10.0.0.0/24=192.0.2.0/24"])
        .output()
        .expect("the binary runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert!(told.contains("1 packets got the checksums") && told.contains("were sent as 3 segments"), "{told}");
    std::thread::sleep(Duration::from_secs(1));
    listener.kill().expect("killed");
    listener.wait().expect("ended");
    let packets = packets_of(&std::fs::read(&heard).expect("read"));
    assert_eq!(packets.iter().map(|packet| packet.data.len()).collect::<Vec<_>>(), [1514, 1514, 1134, 73]);
    let heard_said: Vec<u8> = packets.iter().take(3).flat_map(|packet| packet.data[54..].to_vec()).collect();
    assert_eq!(heard_said, said);
    assert!(!checksums_are_right(&heard), "what was wrong stays wrong");
    let right = write_some(&wire.place("right.pcap"), &packets[..3]);
    assert!(checksums_are_right(&right));
}

fn write_some(path: &Path, packets: &[crate::capture::Whole]) -> PathBuf {
    write(path.to_path_buf(), &packets.iter().map(|packet| packet.data.clone()).collect::<Vec<_>>())
}

#[test]
fn a_case_is_whole_and_harmless() {
    if !has("unzip") || !has("sha256sum") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let source = capture(folder.path()).display().to_string();
    let zip = folder.path().join("case.zip").display().to_string();
    run_with(&["case", "export", "-r", &source, "-o", &zip, "--title", "<script>1</script>", "host 10.0.0.5"])
        .ended_with(0);
    let inside = folder.path().join("case");
    let unzipped = Command::new("unzip").args(["-q", &zip, "-d", &inside.to_string_lossy()]).status();
    assert!(unzipped.is_ok_and(|status| status.success()));
    let sums = Command::new("sha256sum").args(["--quiet", "-c", "SHA256SUMS"]).current_dir(&inside).status();
    assert!(sums.is_ok_and(|status| status.success()));
    assert_eq!(packets_of(&std::fs::read(inside.join("packets.pcapng")).expect("read")).len(), 2);
    let report = std::fs::read_to_string(inside.join("report.html")).expect("a page");
    assert!(
        report.contains("c2.example") && report.contains("&lt;script&gt;") && !report.contains("<script"),
        "{report}"
    );
    for name in ["flows.jsonl", "files.jsonl", "indicators.csv", "indicators.stix.json", "holds.json", "coverage.json"]
    {
        assert!(inside.join(name).is_file(), "{name}");
    }
    let again = wiretape().args(["case", "export", "-r", &source, "-o", &zip]).output().expect("the binary runs");
    assert_eq!(again.status.code(), Some(2), "what is there is not written over");
}

/// What was transferred goes into a case by its hash, whatever it was called, and nothing of it can be run; holds go with it.
#[test]
fn a_case_of_a_tape_has_its_files_and_holds() {
    if !has("unzip") || !has("sha256sum") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (capture, place) = (talk(folder.path()), folder.path().display());
    let tape = format!("{place}/t.tape");
    run(&format!("import --tape {tape} {}", capture.display())).ended_with(0);
    run_with(&["hold", "add", "--tape", &tape, "--name", "kept", "--reason", "case 17", "--owner", "soc", "port 80"])
        .ended_with(0);
    let exported = |source: &str, name: &str, more: &str| {
        let inside = folder.path().join(name);
        run(&format!("case export {source} -o {place}/{name}.zip {more}")).ended_with(0);
        shell(&format!("unzip -q {place}/{name}.zip -d {place}/{name}")).ended_with(0);
        shell(&format!("cd {place}/{name} && sha256sum --quiet -c SHA256SUMS")).ended_with(0);
        inside
    };
    let held = format!("--tape {tape}/held/kept");
    for (name, source) in
        [("tape", format!("--tape {tape}")), ("hold", held), ("capture", format!("-r {}", capture.display()))]
    {
        let inside = exported(&source, name, "port 80");
        let file = inside.join("files").join(HELLO_SHA256);
        assert_eq!(std::fs::read(&file).expect("the file"), b"hello", "{name}");
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().expect("it is there").permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(inside.join("files")).expect("a folder").count(), 2);
        let list = std::fs::read_to_string(inside.join("files.jsonl")).expect("a list");
        assert!(list.contains(&format!("\"kept_as\":\"{HELLO_SHA256}\"")), "{list}");
        assert_eq!(std::fs::read_to_string(inside.join("flows.jsonl")).expect("flows").lines().count(), 1);
        let report = std::fs::read_to_string(inside.join("report.html")).expect("a page");
        assert!(report.contains(HELLO_SHA256) && report.contains("a.example"), "{report}");
        let holds = std::fs::read_to_string(inside.join("holds.json")).expect("holds");
        assert_eq!(holds.contains("case 17"), name != "capture", "{holds}");
    }
    let inside = exported(&format!("--tape {tape}"), "listed", "--no-files");
    assert!(!inside.join("files").exists() && inside.join("files.jsonl").metadata().expect("a list").len() > 0);
    let left = shell(&format!("ls -A {place} | grep part || true")).text();
    assert!(left.is_empty(), "{left}");
}
