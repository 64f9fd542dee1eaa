//! A pair of interfaces in a network namespace of its own, numbered traffic over it, and a recorder on it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::support::{KEEP_FREE, has, is_root, run_with, wiretape};

/// The namespace; removed when it is dropped.
pub(crate) struct Wire {
    name: String,
    pub(crate) scratch: tempfile::TempDir,
}

/// The port that numbered packets go to.
pub(crate) const PORT: u16 = 4321;

impl Wire {
    /// Makes the namespace; `None`, which is said, without root or ip(8).
    pub(crate) fn make(test: &str) -> Option<Self> {
        if !is_root() || !has("ip") || !has("python3") {
            return None;
        }
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("cli-{test}-{}-{number}", std::process::id());
        let wire = Self { name, scratch: tempfile::tempdir().expect("a folder") };
        let ns = &wire.name;
        for line in [
            format!("netns add {ns}"),
            format!("-n {ns} link add w0 type veth peer name w1"),
            format!("-n {ns} link set lo up"),
            format!("-n {ns} link set w0 up"),
            format!("-n {ns} link set w1 up"),
            format!("-n {ns} address add 10.77.0.1/24 dev w0"),
            format!("-n {ns} neighbour add 10.77.0.2 lladdr 02:00:00:00:00:02 dev w0"),
        ] {
            let done = Command::new("ip").args(line.split(' ')).status().expect("ip runs");
            assert!(done.success(), "ip {line}");
        }
        Some(wire)
    }

    /// The namespace's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A folder on the disk for tapes.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// A command inside the namespace.
    pub(crate) fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Starts a recorder with these arguments, and waits until it records onto `tape`.
    pub(crate) fn record(&self, arguments: &[&str], tape: &Path, log: &Path) -> Recorder {
        let log_file = std::fs::File::options().create(true).append(true).open(log).expect("a log");
        let child = self
            .inside(env!("CARGO_BIN_EXE_wiretape"))
            .args(arguments)
            .env_remove("WIRETAPE_TAPE")
            .env(KEEP_FREE.0, KEEP_FREE.1)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file)
            .spawn()
            .expect("the recorder starts");
        let mut recorder = Recorder { child };
        recorder.wait_until_at_work(tape, log);
        recorder
    }

    /// Sends numbered packets, at so many a second, until it is dropped.
    pub(crate) fn numbers(&self, rate: u32) -> Sender {
        let script = format!(
            "import socket,struct,time\n\
             s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n\
             n=0\nt=time.monotonic()\n\
             while True:\n\
             \x20 s.sendto(struct.pack('!I',n)+bytes(200),('10.77.0.2',{PORT}))\n\
             \x20 n+=1\n\
             \x20 d=t+n/{rate}-time.monotonic()\n\
             \x20 if d>0: time.sleep(d)\n"
        );
        let child = self.inside("python3").args(["-c", &script]).spawn().expect("python3 runs");
        Sender { child }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}

/// A recorder at work; killed when it is dropped.
pub(crate) struct Recorder {
    child: Child,
}

impl Recorder {
    fn wait_until_at_work(&mut self, tape: &Path, log: &Path) {
        let start = Instant::now();
        let tape = tape.to_string_lossy();
        while start.elapsed() < Duration::from_secs(20) {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("it ended with {status}: {}", std::fs::read_to_string(log).unwrap_or_default());
            }
            let status = run_with(&["status", "--format", "json", "--tape", &tape]);
            if status.text().contains("\"recording\":true") && self.is_owner(&tape) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("not at work after 20 s: {}", std::fs::read_to_string(log).unwrap_or_default());
    }

    /// Whether the sign of life is of this process: a killed one's is fresh for a while.
    fn is_owner(&self, tape: &str) -> bool {
        let lock = std::fs::read_to_string(format!("{tape}/live/lock")).unwrap_or_default();
        lock.trim() == self.child.id().to_string()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(done.is_ok_and(|status| status.success()));
    }

    /// Waits for its end, and gives its exit status.
    pub(crate) fn wait(mut self) -> Option<i32> {
        let status = self.child.wait().expect("it ends");
        status.code()
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ends it with SIGTERM.
    pub(crate) fn stop(self) {
        self.signal("TERM");
        assert_eq!(self.wait(), Some(0));
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A sender; ended when it is dropped.
pub(crate) struct Sender {
    child: Child,
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The numbers and times of the numbered packets on a tape, in the tape's order.
pub(crate) fn numbers_on(tape: &Path) -> Vec<(u32, i64)> {
    let ran = wiretape()
        .args(["packets", "--tape", &tape.to_string_lossy(), &format!("udp dst port {PORT}"), "-w", "-"])
        .output()
        .expect("the binary runs");
    let packets = crate::capture::packets_of(&ran.stdout);
    packets
        .iter()
        .filter_map(|packet| Some((u32::from_be_bytes(packet.data.get(42..46)?.try_into().ok()?), packet.time)))
        .collect()
}

/// Bytes that a folder takes on the disk.
pub(crate) fn disk_bytes(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let own = std::fs::symlink_metadata(folder).map_or(0, |metadata| metadata.blocks() * 512);
    let inside = std::fs::read_dir(folder).into_iter().flatten().flatten();
    own + inside.map(|entry| disk_bytes(&entry.path())).sum::<u64>()
}
