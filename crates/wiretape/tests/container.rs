//! The well-known docker line with only the image's name changed, killed and started again in the middle.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use packet::capture::{PcapWriter, Reader, Resolution};
use packet::{LinkType, Packet, Timestamp};

const PACKETS_EACH: u32 = 2000;

#[test]
fn the_docker_line_keeps_the_packets_of_both_runs() {
    if let Some(missing) = missing() {
        assert!(std::env::var_os("WIRETAPE_NO_SKIP").is_none(), "skipped: needs {missing}");
        eprintln!("skipped: needs {missing}");
        return;
    }
    let place = Place::make();
    let container = place.name.as_str();
    let volume = format!("{}:/data", place.folder.display());
    run(
        "docker",
        &[
            &["run", "-d", "--net=host", "-v", &volume, "--restart=always", "--name", container][..],
            &["--read-only", "--cap-drop", "ALL", "--cap-add", "NET_RAW"][..],
            &["-e", "WIRETAPE_KEEP_FREE=0", "wiretape"][..],
            &["-i", &place.inside, "-n", "-s", "0", "-C", "1000", "-W", "10", "-w", "/data/dump.pcap"][..],
        ]
        .concat(),
    );

    wait_until_healthy(container);
    place.send(0);
    sleep(Duration::from_millis(1500));
    run("docker", &["kill", container]);
    run("docker", &["start", container]);
    wait_until_healthy(container);
    place.send(PACKETS_EACH);
    sleep(Duration::from_millis(1500));

    let flows = run("docker", &["exec", container, "/wiretape", "flows", "--last", "5m", "--format", "json"]);
    assert!(text(&flows.stdout).contains("198.51.100.9"), "flows: {}", text(&flows.stdout));
    run("docker", &["stop", container]);
    let log = run("docker", &["logs", container]);
    assert!(text(&log.stderr).contains("packets captured"), "tcpdump's counters: {}", text(&log.stderr));

    let marks = marks_on(&place.folder.join("dump.tape"));
    assert_eq!(marks, (0..2 * PACKETS_EACH).collect::<Vec<_>>(), "each packet of both runs once, in order");
    assert!(place.folder.join("dump.tape/README.txt").exists());
}

fn wait_until_healthy(container: &str) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(30) {
        let check =
            Command::new("docker").args(["exec", container, "/wiretape", "status", "--check"]).output().unwrap();
        if check.status.success() {
            return;
        }
        sleep(Duration::from_millis(200));
    }
    let log = Command::new("docker").args(["logs", container]).output().unwrap();
    panic!("not healthy within 30 s:\n{}{}", text(&log.stdout), text(&log.stderr));
}

/// The numbers that `Place::send` put into its packets, in the order in which the tape gives them back.
fn marks_on(tape: &Path) -> Vec<u32> {
    let tape = tape.to_str().unwrap();
    let output = run(env!("CARGO_BIN_EXE_wiretape"), &["packets", "--tape", tape, "udp port 4321", "-w", "-"]);
    let mut reader = Reader::new(output.stdout.as_slice()).unwrap();
    let mut marks = Vec::new();
    while let Some(packet) = reader.next().unwrap() {
        let mark = packet.data.get(42..46).unwrap();
        marks.push(u32::from_be_bytes(mark.try_into().unwrap()));
    }
    marks
}

/// A veth pair and a folder, both removed at the end, and the container with them.
struct Place {
    name: String,
    outside: String,
    inside: String,
    folder: PathBuf,
}

impl Place {
    fn make() -> Self {
        let number = std::process::id();
        let place = Self {
            name: format!("wiretape-test-{number}"),
            outside: format!("wto{number}"),
            inside: format!("wti{number}"),
            folder: std::env::temp_dir().join(format!("wiretape-container-{number}")),
        };
        fs::create_dir_all(&place.folder).unwrap();
        run("ip", &["link", "add", &place.outside, "type", "veth", "peer", "name", &place.inside]);
        for end in [&place.outside, &place.inside] {
            run("sysctl", &["-qw", &format!("net.ipv6.conf.{end}.disable_ipv6=1")]);
            run("ip", &["link", "set", end, "up"]);
        }
        place
    }

    /// Sends `PACKETS_EACH` UDP packets that carry the numbers from `first` on.
    fn send(&self, first: u32) {
        let capture = self.folder.join("send.pcap");
        let mut writer =
            PcapWriter::new(File::create(&capture).unwrap(), LinkType::ETHERNET, 262_144, Resolution::NANOSECONDS);
        for mark in first..first + PACKETS_EACH {
            let data = udp_packet(mark);
            let wire_bytes = u32::try_from(data.len()).unwrap();
            let time = Timestamp::from_seconds(1_700_000_000, mark);
            let packet =
                Packet { time, wire_bytes, data: &data, interface: 0, direction: Default::default(), arrival: None };
            writer.packet(&packet).unwrap();
        }
        drop(writer.finish().unwrap());
        run("tcpreplay", &["-q", "--pps=5000", "-i", &self.outside, capture.to_str().unwrap()]);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "-f", &self.name]).output();
        let _ = Command::new("ip").args(["link", "del", &self.outside]).output();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Ethernet, IPv4 and UDP from 198.51.100.9:4321 to 10.0.0.1:4321 (RFC 768: checksum 0 is none), carrying `mark`.
fn udp_packet(mark: u32) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    bytes.extend([0x45, 0, 0, 46, 0, 1, 0, 0, 64, 17, 0, 0, 198, 51, 100, 9, 10, 0, 0, 1]);
    bytes.extend([0x10, 0xe1, 0x10, 0xe1, 0, 26, 0, 0]);
    bytes.extend(mark.to_be_bytes());
    bytes.resize(60, 0);
    bytes
}

fn missing() -> Option<&'static str> {
    let works =
        |program: &str, argument: &str| Command::new(program).arg(argument).output().is_ok_and(|o| o.status.success());
    if !fs::read_to_string("/proc/self/status").is_ok_and(|status| status.contains("\nUid:\t0\t")) {
        return Some("root");
    }
    if !works("docker", "info") {
        return Some("a Docker engine (tools/docker-start)");
    }
    if !Command::new("docker").args(["image", "inspect", "wiretape"]).output().is_ok_and(|o| o.status.success()) {
        return Some("the image `wiretape` (make image)");
    }
    if !works("tcpreplay", "--version") {
        return Some("tcpreplay");
    }
    (!works("ip", "-V")).then_some("ip (iproute2)")
}

fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
