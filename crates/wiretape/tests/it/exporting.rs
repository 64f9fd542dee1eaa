//! Captures that `packets -w` writes: formats by name, whole or not at all, one link type where there can be only one.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use packet::capture::PcapngWriter;
use packet::capture::block::Section;
use packet::{Interface, LinkType, Packet, PacketDirection, Timestamp};

use crate::capture::packets_of;
use crate::support::{captures, has, run, run_with, shell, wiretape};

#[test]
fn the_name_says_the_format() {
    let Some(folder) = captures() else { return };
    if !has("tcpdump") || !has("tshark") || !has("zstd") {
        return;
    }
    let source = folder.join("arkime+arkime/tests/pcap/bigendian.pcap");
    let scratch = tempfile::tempdir().expect("a folder");
    let cases = [
        ("x.pcap", "pcap", "cat"),
        ("x.pcapng", "pcapng", "cat"),
        ("x", "pcapng", "cat"),
        ("x.pcap.gz", "pcap", "gzip -dc"),
        ("x.pcapng.zst", "pcapng", "zstd -dc"),
    ];
    for (name, format, unpack) in cases {
        let path = scratch.path().join(name);
        run(&format!("packets -r {} -w {}", source.display(), path.display())).ended_with(0);
        let unpacked = scratch.path().join("unpacked");
        shell(&format!("{unpack} {} > {}", path.display(), unpacked.display())).ended_with(0);
        let first = std::fs::read(&unpacked).expect("read").first().copied();
        assert_eq!(first, Some(if format == "pcapng" { 0x0a } else { 0x4d }), "{name}");
        let read = shell(&format!("{unpack} {} | tcpdump -nr - 2>/dev/null | wc -l", path.display()));
        assert_eq!(read.text().trim(), "2", "{name}");
        assert!(shell(&format!("tshark -r {}", path.display())).ended_with(0).text().lines().count() == 2, "{name}");
    }
    let refused = run(&format!("packets -r {} -w {}/x.pcap.xz", source.display(), scratch.path().display()));
    assert!(refused.stderr.contains(".zst or .gz"), "{}", refused.stderr);
    refused.ended_with(2);
    assert_eq!(names_in(scratch.path()).len(), 6, "{:?}", names_in(scratch.path()));
}

#[test]
fn a_broken_run_leaves_what_was_there() {
    let scratch = tempfile::tempdir().expect("a folder");
    let (fifo, out) = (scratch.path().join("fifo"), scratch.path().join("out.pcap"));
    assert!(shell(&format!("mkfifo {}", fifo.display())).status == 0);
    for before in [None, Some("the answer before")] {
        if let Some(text) = before {
            std::fs::write(&out, text).expect("written");
        }
        let mut child = wiretape()
            .args(["packets", "-r", &fifo.to_string_lossy(), "-w", &out.to_string_lossy()])
            .spawn()
            .expect("the binary runs");
        let mut feed = std::fs::File::options().write(true).open(&fifo).expect("a reader");
        feed.write_all(&capture(&[(LinkType::ETHERNET, 3)])).expect("taken");
        wait_for(|| names_in(scratch.path()).iter().any(|name| name.ends_with(".part")));
        assert!(shell(&format!("kill -TERM {}", child.id())).status == 0);
        let status = child.wait().expect("it ends");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15));
        assert_eq!(std::fs::read_to_string(&out).ok().as_deref(), before);
        assert!(!names_in(scratch.path()).iter().any(|name| name.ends_with(".part")), "{:?}", names_in(scratch.path()));
    }
    run(&format!("packets -r /nowhere.pcap -w {}", out.display())).ended_with(4);
    assert_eq!(std::fs::read_to_string(&out).expect("there"), "the answer before");
}

#[test]
fn what_is_no_file_is_written_into() {
    let Some(folder) = captures() else { return };
    let source = folder.join("arkime+arkime/tests/pcap/bigendian.pcap");
    run(&format!("packets -r {} -w /dev/null", source.display())).ended_with(0);
    assert!(!Path::new("/dev/null").is_file());
    let scratch = tempfile::tempdir().expect("a folder");
    let (real, link) = (scratch.path().join("real.pcap"), scratch.path().join("link.pcap"));
    std::fs::write(&real, "").expect("written");
    std::os::unix::fs::symlink(&real, &link).expect("linked");
    run(&format!("packets -r {} -w {}", source.display(), link.display())).ended_with(0);
    assert_eq!(packets_of(&std::fs::read(&real).expect("read")).len(), 2);
    assert!(link.is_symlink());
}

/// A second link type far behind the first: a tape knows of it beforehand, a capture does not and says what to do.
#[test]
fn a_late_link_type_is_never_lost_silently() {
    if !has("tcpdump") {
        return;
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let (late, tape) = (scratch.path().join("late.pcapng"), scratch.path().join("t.tape"));
    std::fs::write(&late, capture(&[(LinkType::ETHERNET, 6000), (LinkType::RAW, 3)])).expect("written");
    let piped = shell(&format!("$WIRETAPE packets -r {} -w - >/dev/null", late.display()));
    assert!(
        piped.stderr.contains("packet 6,001 has link type RAW") && piped.stderr.contains("--link sll2"),
        "{}",
        piped.stderr
    );
    piped.ended_with(2);
    let read = |arguments: &str| {
        let script = format!("$WIRETAPE packets {arguments} -w - 2>/dev/null | tcpdump -nr - 2>/dev/null | wc -l");
        shell(&script).ended_with(0).text().trim().to_owned()
    };
    assert_eq!(read(&format!("-r {} --link sll2", late.display())), "6003");
    run(&format!("import --tape {} {}", tape.display(), late.display())).ended_with(0);
    assert_eq!(read(&format!("--tape {}", tape.display())), "6003");
    let out = scratch.path().join("x.pcap");
    let ran = run(&format!("packets --tape {} -w {}", tape.display(), out.display())).ended_with(0);
    assert!(ran.stderr.contains("a pcap file can have only one"), "{}", ran.stderr);
    assert_eq!(packets_of(&std::fs::read(&out).expect("read")).len(), 6003);
}

#[test]
fn ids_that_are_not_there_are_named() {
    let Some(folder) = captures() else { return };
    let source = folder.join("arkime+arkime/tests/pcap/bigendian.pcap").display().to_string();
    let flow = run(&format!("flows -r {source} --format json --limit 1")).text();
    let flow: serde_json::Value = serde_json::from_str(&flow).expect("JSON");
    let known = flow["flow_id"].as_str().expect("an id").to_owned();
    let ran = run(&format!("packets -r {source} --flows {known},00000000000000aa")).ended_with(0);
    assert!(ran.stderr.contains("not in the capture: 00000000000000aa"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(&known), "{}", ran.stderr);
    let ran = run(&format!("packets -r {source} --flows 00000000000000aa,00000000000000ab")).ended_with(1);
    assert!(ran.stderr.contains("00000000000000aa, 00000000000000ab"), "{}", ran.stderr);
}

#[test]
fn a_damaged_flow_file_is_said_in_words() {
    let Some(folder) = captures() else { return };
    let scratch = tempfile::tempdir().expect("a folder");
    let tape = scratch.path().join("t.tape").display().to_string();
    let source = folder.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap").display().to_string();
    run(&format!("import --tape {tape} {source}")).ended_with(0);
    let flows = names_in(&Path::new(&tape).join("flows"));
    let file = Path::new(&tape).join("flows").join(&flows[0]);
    let whole = std::fs::read(&file).expect("read");
    let mut damaged = 0;
    for round in 0..60_usize {
        let mut bytes = whole.clone();
        // The footer, whose damage leads readers furthest astray, more often than the rest.
        let at =
            if round % 3 == 0 { bytes.len() * round / 60 } else { bytes.len() - 12 - round * 37 % (bytes.len() / 4) };
        bytes[at] ^= 1 << (round % 8);
        bytes[at + 1] ^= 0xff;
        std::fs::write(&file, &bytes).expect("written");
        let ran = run_with(&["flows", "--tape", &tape, "--format", "json"]);
        assert!(!ran.stderr.contains("panicked") && !ran.stderr.contains("a fault in Wiretape"), "{}", ran.stderr);
        assert!([0, 3].contains(&ran.status), "{}: {}", ran.status, ran.stderr);
        damaged += usize::from(ran.status == 3);
    }
    assert!(damaged > 20, "only {damaged} were noticed");
}

/// A pcapng of so many packets of each link type, of 1000 bytes.
pub(crate) fn capture(parts: &[(LinkType, u32)]) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new(), &Section::default());
    let mut time = Timestamp(1_795_428_000_000_000_000);
    for (link_type, count) in parts {
        let description = Interface { link_type: *link_type, snaplen: 0, name: None, description: None };
        let interface = writer.interface(&description, None).expect("written");
        for _ in 0..*count {
            time.0 += 1_000_000;
            let data = datagram(*link_type);
            let packet = Packet {
                time,
                wire_bytes: data.len() as u32,
                data: &data,
                interface,
                direction: PacketDirection::Unknown,
                arrival: None,
            };
            writer.packet(&packet).expect("written");
        }
    }
    writer.finish().expect("written")
}

/// A UDP datagram from 10.0.0.1 to 10.0.0.2.
pub(crate) fn datagram(link_type: LinkType) -> Vec<u8> {
    let mut data = Vec::new();
    if link_type == LinkType::ETHERNET {
        data.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
    }
    data.extend([0x45, 0, 0x03, 0xe8, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    data.extend([0x10, 0, 0x20, 0, 0x03, 0xd4, 0, 0]);
    data.resize(data.len() + 972, 0);
    data
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Waits until something is so.
pub(crate) fn wait_for(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}
