//! Questions to captures: what comes out, in which formats, and with which exit status.

use std::path::Path;

use crate::capture::{all_captures, as_tcpdump_reads, first_difference, packets_of};
use crate::support::{captures, has, run, run_with, shell};

#[test]
fn packets_are_what_tcpdump_reads() {
    let Some(folder) = captures() else { return };
    if !has("tcpdump") {
        return;
    }
    let mut compared = 0;
    for path in all_captures(&folder) {
        let Some(expected) = as_tcpdump_reads(&path) else { continue };
        let ran = run_with(&["packets", "-r", &path.to_string_lossy(), "-w", "-"]);
        let difference = first_difference(&packets_of(&ran.stdout), &expected);
        assert_eq!(difference, None, "{}: {}", path.display(), ran.stderr);
        compared += 1;
    }
    assert!(compared > 100, "only {compared} captures were compared");
}

#[test]
fn a_pipe_has_one_link_type_and_a_file_keeps_them() {
    let Some(folder) = captures() else { return };
    if !has("tcpdump") || !has("tshark") {
        return;
    }
    let ethernet = folder.join("arkime+arkime/tests/pcap/bigendian.pcap");
    let mixed = tempfile::tempdir().expect("a folder");
    let raw = mixed.path().join("raw.pcap");
    std::fs::write(&raw, raw_capture()).expect("written");
    let both = format!("-r {} -r {}", ethernet.display(), raw.display());

    let piped = shell(&format!("$WIRETAPE packets {both} -w - | tcpdump -nr - 2>&1"));
    assert!(piped.text().contains("LINUX_SLL2"), "{}", piped.text());
    assert!(piped.stderr.contains("several link types"), "{}", piped.stderr);
    assert_eq!(piped.text().matches(" IP ").count(), 3, "{}", piped.text());

    let file = mixed.path().join("out.pcapng");
    run(&format!("packets {both} -w {}", file.display())).ended_with(0);
    let kept: Vec<u16> =
        packets_of(&std::fs::read(&file).expect("read")).iter().map(|packet| packet.link_type).collect();
    assert_eq!(kept, [1, 1, 101]);
    let seen = shell(&format!("tshark -r {} -T fields -e frame.protocols", file.display()));
    assert_eq!(seen.text().lines().count(), 3);

    run(&format!("packets {both} -w {} --format pcap --link ether", file.display())).ended_with(0);
    let kept: Vec<u16> =
        packets_of(&std::fs::read(&file).expect("read")).iter().map(|packet| packet.link_type).collect();
    assert_eq!(kept, [1, 1, 1]);
    assert!(shell(&format!("tcpdump -nr {}", file.display())).ended_with(0).text().contains("10.0.0.1 > 10.0.0.2"));
}

/// A capture of one raw IP packet: an ICMP echo request from 10.0.0.1 to 10.0.0.2.
fn raw_capture() -> Vec<u8> {
    use packet::capture::{PcapWriter, Resolution};
    let mut data = vec![0x45, 0, 0, 28, 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    data.extend([8, 0, 0, 0, 0, 1, 0, 1]);
    let packet = packet::Packet {
        time: packet::Timestamp(1_700_000_000_123_456_789),
        wire_bytes: 28,
        data: &data,
        interface: 0,
        direction: packet::PacketDirection::Unknown,
        arrival: None,
    };
    let mut writer = PcapWriter::new(Vec::new(), packet::LinkType::RAW, 0, Resolution::NANOSECONDS);
    writer.packet(&packet).expect("written");
    writer.finish().expect("written")
}

#[test]
fn what_the_link_type_cannot_be_asked_is_a_wrong_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let raw = folder.path().join("raw.pcap");
    std::fs::write(&raw, raw_capture()).expect("written");
    for command in ["packets", "flows"] {
        let ran = run(&format!("{command} -r {} not vlan", raw.display())).ended_with(2);
        assert!(ran.stderr.contains("cannot be asked of RAW packets"), "{}", ran.stderr);
    }
    if has("tcpdump") {
        assert_ne!(shell(&format!("tcpdump -r {} not vlan", raw.display())).status, 0);
    }
}

#[test]
fn every_format_of_flows_is_read_by_its_readers() {
    let Some(folder) = captures() else { return };
    let path = folder.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap");
    let flows = |format: &str| run(&format!("flows -r {} --format {format}", path.display())).ended_with(0).text();
    let json = flows("json");
    let count = json.lines().count();
    assert!(count > 100);
    if has("jq") {
        let script = format!(
            "$WIRETAPE flows -r {} --format json 2>/dev/null | jq -r .flow_id | sort -u | wc -l",
            path.display()
        );
        assert_eq!(shell(&script).text().trim(), count.to_string());
        let script =
            format!("$WIRETAPE flows -r {} --format eve 2>/dev/null | jq -r .flow.start | wc -l", path.display());
        assert_eq!(shell(&script).text().trim(), count.to_string());
    }
    if has("python3") {
        let reader = "import csv, sys; rows = list(csv.DictReader(sys.stdin)); print(len(rows), len({r['flow_id'] for r in rows}))";
        let script =
            format!("$WIRETAPE flows -r {} --format csv 2>/dev/null | python3 -c \"{reader}\"", path.display());
        assert_eq!(shell(&script).text().trim(), format!("{count} {count}"));
    }
    let zeek = flows("zeek");
    assert!(zeek.lines().filter(|line| !line.starts_with('#')).all(|line| line.split('\t').count() == 26));
    assert_eq!(flows("table").lines().count(), count + 1);
}

#[test]
fn community_ids_are_those_of_tshark() {
    let Some(folder) = captures() else { return };
    if !has("tshark") {
        return;
    }
    let path = folder.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap");
    let theirs = shell(&format!(
        "tshark -r {0} -Y 'tcp or udp' -o communityid.ja:x 2>/dev/null; \
         tshark -r {0} --enable-protocol communityid -Y 'tcp and not icmp and not gre and not vxlan' -T fields -e communityid | sort -u",
        path.display()
    ));
    let ours = run(&format!("flows -r {} --format json", path.display())).text();
    let known = theirs.text().lines().filter(|line| line.starts_with("1:") && !line.contains(',')).count();
    let found = theirs
        .text()
        .lines()
        .filter(|line| line.starts_with("1:") && !line.contains(',') && ours.contains(*line))
        .count();
    assert!(known > 10 && found == known, "{found} of {known}");
}

#[test]
fn exit_statuses_of_questions() {
    let Some(folder) = captures() else { return };
    let good = folder.join("arkime+arkime/tests/pcap/bigendian.pcap").display().to_string();
    let scratch = tempfile::tempdir().expect("a folder");
    let cut = scratch.path().join("cut.pcap");
    let bytes = std::fs::read(&good).expect("read");
    std::fs::write(&cut, &bytes[..bytes.len() - 10]).expect("written");
    let cut = cut.display().to_string();
    let text = scratch.path().join("text.pcap");
    std::fs::write(&text, "no capture at all\n").expect("written");
    let text = text.display().to_string();
    let empty = Path::new("/dev/null").display().to_string();

    run(&format!("flows -r {good}")).ended_with(0);
    run(&format!("flows -r {good} host 203.0.113.254")).ended_with(1);
    run(&format!("flows -r {good} --to 2001-01-01T00:00:00Z")).ended_with(5);
    run(&format!("packets -r {good} --from 2030-01-01T00:00:00Z")).ended_with(5);
    run(&format!("packets -r {good} --last 5m")).ended_with(5);
    run(&format!("packets -r {good} --from now --to -1h")).ended_with(2);
    run(&format!("packets -r {cut}")).ended_with(3);
    run(&format!("flows -r {text}")).ended_with(3);
    run(&format!("flows -r {empty}")).ended_with(3);
    run("flows -r /nowhere/x.pcap").ended_with(4);
    run(&format!("flows --tape {}", scratch.path().display())).ended_with(4);
    run("packets -r x.pcap -w /nowhere/y.pcap").ended_with(4);
    let kept = run(&format!("packets -r {cut}")).text();
    assert_eq!(kept.lines().count(), 1, "what is whole of a cut capture is given");
}

#[test]
fn standard_input_is_a_capture_too() {
    let Some(folder) = captures() else { return };
    let good = folder.join("arkime+arkime/tests/pcap/bigendian.pcap").display().to_string();
    let ran = shell(&format!("gzip -c {good} | $WIRETAPE packets -r - | wc -l"));
    assert_eq!(ran.text().trim(), "2");
}

#[test]
fn expressions_choose_the_frames_that_tcpdump_chooses() {
    let Some(folder) = captures() else { return };
    if !has("tcpdump") {
        return;
    }
    let path = folder.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap").display().to_string();
    for expression in ["tcp port 80", "ip6 and udp", "vlan", "host 10.0.1.1 or arp"] {
        let expected = shell(&format!("tcpdump -r {path} -w - '{expression}' 2>/dev/null")).stdout;
        let found = run_with(&["packets", "-r", &path, expression, "-w", "-"]);
        assert_eq!(packets_of(&found.stdout), packets_of(&expected), "{expression}");
    }
    run_with(&["flows", "-r", &path, "tcp prot 80"]).ended_with(2);
    run_with(&["flows", "-r", &path, "host 203.0.113.254"]).ended_with(1);
    let flows = run_with(&["flows", "-r", &path, "tcp port 80", "--format", "json"]).ended_with(0).text();
    assert!(flows.lines().count() > 0 && flows.lines().all(|line| line.contains("\"proto\":\"TCP\"")), "{flows}");
}

#[test]
fn flows_lead_to_their_packets() {
    let Some(folder) = captures() else { return };
    let path = folder.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap").display().to_string();
    let script = format!(
        "$WIRETAPE flows -r {path} --limit 3 --format json | tee /dev/stderr | $WIRETAPE packets -r {path} --flows - | wc -l"
    );
    let ran = shell(&script);
    let packets: u64 = ran
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .map(|flow| flow["pkts_toserver"].as_u64().unwrap_or(0) + flow["pkts_toclient"].as_u64().unwrap_or(0))
        .sum();
    assert!(packets > 0);
    assert_eq!(ran.text().trim(), packets.to_string(), "{}", ran.stderr);
}

#[test]
fn evidence_is_not_written_over_by_its_own_answer() {
    let Some(folder) = captures() else { return };
    let scratch = tempfile::tempdir().expect("a folder");
    let (file, link) = (scratch.path().join("x.pcap"), scratch.path().join("link.pcap"));
    std::fs::copy(folder.join("arkime+arkime/tests/pcap/bigendian.pcap"), &file).expect("copied");
    std::os::unix::fs::symlink(&file, &link).expect("linked");
    let before = std::fs::read(&file).expect("read");
    for target in [&file, &link] {
        run(&format!("packets -r {} -w {}", file.display(), target.display())).ended_with(2);
        assert_eq!(std::fs::read(&file).expect("read"), before);
    }
}

#[test]
fn an_answer_without_packets_is_a_capture_all_the_same() {
    let Some(folder) = captures() else { return };
    if !has("tcpdump") {
        return;
    }
    let path = folder.join("arkime+arkime/tests/pcap/bigendian.pcap").display().to_string();
    for format in ["pcap", "pcapng"] {
        let ran = shell(&format!(
            "$WIRETAPE packets -r {path} host 203.0.113.9 -w - --format {format} 2>/dev/null | tcpdump -nr -"
        ));
        assert!(ran.stderr.contains("reading from file -, link-type EN10MB"), "{}", ran.stderr);
    }
}
