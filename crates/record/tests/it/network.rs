//! A network namespace for one test.

use std::fs::File;
use std::io::{BufRead, Read};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use packet::capture::{PcapWriter, Resolution};
use packet::{LinkType, Packet, PacketDirection, Timestamp};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A namespace that the calling thread is in; it goes with the value.
pub(crate) struct Network {
    name: String,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Network {
    /// `None`, said on stderr, where the test cannot run.
    pub(crate) fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return skip("root");
        }
        for tool in ["ip", "tcpreplay", "python3"] {
            let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            if found.is_err() {
                return skip(tool);
            }
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let network = Self { name: format!("record-{}-{number}", std::process::id()) };
        if !run(&["ip", "netns", "add", &network.name]) {
            return skip("network namespaces");
        }
        network.entrance()();
        // Nothing but what the test sends.
        run(&["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"]);
        Some(network)
    }

    /// Moves the thread here that calls the result.
    pub(crate) fn entrance(&self) -> impl FnOnce() + Send + 'static {
        let path = PathBuf::from("/run/netns").join(&self.name);
        move || {
            let file = File::open(path).unwrap();
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        }
    }

    /// Runs `ip` with these words.
    pub(crate) fn ip(&self, words: &str) {
        let words: Vec<&str> = std::iter::once("ip").chain(words.split_whitespace()).collect();
        assert!(run(&words), "{words:?}");
    }

    /// A veth pair that is up; frames of 9000 bytes fit.
    pub(crate) fn veth(&self, one: &str, other: &str) {
        self.ip(&format!("link add {one} mtu 9000 type veth peer name {other} mtu 9000"));
        self.ip(&format!("link set {one} up"));
        self.ip(&format!("link set {other} up"));
    }

    /// Sends frames out of an interface, in order, as they are.
    pub(crate) fn send(&self, interface: &str, frames: &[Vec<u8>]) {
        let path = std::env::temp_dir().join(format!("{}-{interface}.pcap", self.name));
        let mut writer =
            PcapWriter::new(File::create(&path).unwrap(), LinkType::ETHERNET, 262_144, Resolution::NANOSECONDS);
        for data in frames {
            let packet = Packet {
                time: Timestamp::from_seconds(1_700_000_000, 0),
                wire_bytes: data.len() as u32,
                data,
                interface: 0,
                direction: PacketDirection::Unknown,
                arrival: None,
            };
            writer.packet(&packet).unwrap();
        }
        writer.finish().unwrap();
        let file = path.to_str().unwrap();
        assert!(run(&["tcpreplay", "-q", "-K", "--topspeed", "-i", interface, file]));
        std::fs::remove_file(&path).unwrap();
    }

    /// How many packets tcpdump shows of what `traffic` makes pass an interface; `None` without tcpdump.
    pub(crate) fn tcpdump(&self, interface: &str, expression: &str, traffic: impl FnOnce()) -> Option<usize> {
        let words = ["-nn", "-s", "256", "-B", "8192", "-i", interface, expression];
        let tcpdump = Command::new("tcpdump").args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let Ok(mut tcpdump) = tcpdump else { return skip("tcpdump") };
        let mut ready = String::new();
        let mut stderr = std::io::BufReader::new(tcpdump.stderr.take()?);
        while !ready.contains("listening on") && stderr.read_line(&mut ready).ok()? > 0 {}
        traffic();
        // Its ring hands over after a second.
        std::thread::sleep(std::time::Duration::from_millis(1500));
        run(&["kill", "-INT", &tcpdump.id().to_string()]);
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).ok()?;
        let output = tcpdump.wait_with_output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.contains(" IP ")).count())
    }

    /// What tcpdump writes down of so many packets that `traffic` makes pass an interface; `None` without tcpdump.
    pub(crate) fn tcpdump_capture(
        &self,
        interface: &str,
        packets: usize,
        traffic: impl FnOnce(),
    ) -> Option<(LinkType, Vec<Vec<u8>>)> {
        let path = std::env::temp_dir().join(format!("{}-{interface}.tcpdump", self.name));
        let (count, file) = (packets.to_string(), path.to_str()?);
        let words = ["-n", "-Z", "root", "--immediate-mode", "-i", interface, "-c", &count, "-w", file];
        let tcpdump = Command::new("tcpdump").args(words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let Ok(mut tcpdump) = tcpdump else { return skip("tcpdump") };
        let mut ready = String::new();
        let mut stderr = std::io::BufReader::new(tcpdump.stderr.take()?);
        while !ready.contains("listening on") && stderr.read_line(&mut ready).ok()? > 0 {}
        traffic();
        tcpdump.wait().ok()?;
        let bytes = std::fs::read(&path).ok()?;
        std::fs::remove_file(&path).ok()?;
        let mut reader = packet::capture::Reader::new(bytes.as_slice()).ok()?;
        let mut found = Vec::new();
        let mut link_type = LinkType::NULL;
        while let Ok(Some((packet, interfaces))) = reader.next_with_interfaces() {
            link_type = interfaces.get(packet.interface as usize)?.link_type;
            found.push(packet.data.to_vec());
        }
        Some((link_type, found))
    }

    /// Runs a Python program here.
    pub(crate) fn python(&self, program: &str) {
        assert!(run(&["python3", "-c", program]));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        run(&["ip", "netns", "del", &self.name]);
    }
}

pub(crate) fn skip<T>(what: &str) -> Option<T> {
    assert!(std::env::var_os("WIRETAPE_NO_SKIP").is_none(), "needs {what}");
    eprintln!("skipped: needs {what}");
    None
}

/// The child is in the thread's namespace.
fn run(words: &[&str]) -> bool {
    let (program, arguments) = words.split_first().unwrap();
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    if !output.status.success() {
        eprintln!("{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}
