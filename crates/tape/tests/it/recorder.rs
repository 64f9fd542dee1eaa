//! A tape on a real file system, and packets for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use flow::FlowTable;
use packet::{Interface, LinkType, Packet, PacketDirection, Timestamp};
use tape::{Counters, KeepFree, Lane, Opened, Options, Tape};

/// A tape that appends packets of a kind.
pub(crate) struct Recorder {
    pub(crate) tape: Tape,
    table: FlowTable,
    interface: u32,
    start: Instant,
    ticks: u64,
}

impl Recorder {
    pub(crate) fn open(directory: &Path, budget_bytes: u64) -> Self {
        let mut options = Options::new(budget_bytes);
        options.keep_free = KeepFree::Bytes(0);
        options.sync_interval = Duration::from_millis(200);
        options.wait_max = Duration::from_secs(30);
        // Which frames are compressed must not depend on how busy the machine is.
        options.steps_aside = false;
        options.flows.capacity_flows = 1000;
        let Opened { mut tape, table, .. } = Tape::open(directory, options).unwrap();
        let name = Some("eth0".to_owned());
        let interface = Interface { link_type: LinkType::ETHERNET, snaplen: 262_144, name, description: None };
        let interface = tape.interface(&interface);
        Self { tape, table, interface, start: Instant::now(), ticks: 0 }
    }

    pub(crate) fn append(&mut self, count: usize, bytes: usize) {
        for _ in 0..count {
            let arrival = self.tape.next_arrival();
            let data = noise(arrival, bytes);
            let packet = Packet {
                time: Timestamp(1_700_000_000_000_000_000 + arrival as i64),
                wire_bytes: bytes as u32,
                data: &data,
                interface: self.interface,
                direction: PacketDirection::Inbound,
                arrival: Some(arrival),
            };
            self.tape.append(Lane::ALL[arrival as usize % 5], &packet, u32::MAX);
        }
    }

    /// Shows the flow table some packets, as if they had been appended.
    pub(crate) fn observe(&mut self, count: usize) {
        for _ in 0..count {
            let arrival = self.tape.next_arrival();
            let mut data = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
            data.extend([0x45, 0, 0, 32, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, arrival as u8, 192, 0, 2, 1]);
            data.extend([0x30, arrival as u8, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4]);
            let packet = Packet {
                time: Timestamp(1_700_000_000_000_000_000 + arrival as i64),
                wire_bytes: data.len() as u32,
                data: &data,
                interface: self.interface,
                direction: PacketDirection::Inbound,
                arrival: Some(arrival),
            };
            let headers = packet::decode(LinkType::ETHERNET, &data, packet.wire_bytes);
            let seen = self.table.observe(&packet, &headers, arrival, 1);
            if let Some(frame) = self.tape.append(Lane::Client, &packet, u32::MAX) {
                self.table.placed(seen.slot, Lane::Client, frame, data.len() as u32);
            }
        }
        self.tape.checkpoint(&mut self.table);
    }

    /// Appends packets of one time to one lane.
    pub(crate) fn append_at(&mut self, lane: Lane, time_ns: i64, count: usize, bytes: usize) {
        for _ in 0..count {
            let arrival = self.tape.next_arrival();
            let data = noise(arrival, bytes);
            let packet = Packet {
                time: Timestamp(time_ns),
                wire_bytes: bytes as u32,
                data: &data,
                interface: self.interface,
                direction: PacketDirection::Inbound,
                arrival: Some(arrival),
            };
            self.tape.append(lane, &packet, u32::MAX);
        }
    }

    /// Lets a second pass for the tape, and a moment for its threads.
    pub(crate) fn tick(&mut self) {
        self.ticks += 1;
        self.tape.tick(self.start + Duration::from_secs(self.ticks)).unwrap();
        std::thread::sleep(Duration::from_millis(40));
        if self.tape.is_replaced() {
            self.tape.take_up(&mut self.table).unwrap();
        }
    }

    pub(crate) fn close(mut self) -> Counters {
        self.tape.close(&mut self.table)
    }
}

/// Bytes that do not compress.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// What everything below a directory takes.
pub(crate) fn allocated(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let own = fs::symlink_metadata(directory).map_or(0, |metadata| metadata.blocks() * 512);
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    own + entries.map(|entry| allocated(&entry.path())).sum::<u64>()
}

pub(crate) fn chain(directory: &Path) -> String {
    fs::read_to_string(directory.join("chain/00000001.jsonl")).unwrap()
}

/// A file system of its own in a file; unmounted when it goes.
pub(crate) struct Mounted {
    directory: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

impl Mounted {
    pub(crate) fn new(bytes: u64) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let (image, path) = (directory.path().join("image"), directory.path().join("mnt"));
        fs::File::create(&image).unwrap().set_len(bytes).unwrap();
        fs::create_dir(&path).unwrap();
        let run = |program: &str, arguments: &[&str]| {
            Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
        };
        let mounted = run("mkfs.ext4", &["-q", "-F", image.to_str()?])
            && run("mount", &["-o", "loop", image.to_str()?, path.to_str()?]);
        if !mounted {
            assert!(std::env::var_os("WIRETAPE_NO_SKIP").is_none(), "needs root to mount a file system");
            eprintln!("skipped: needs root to mount a file system");
        }
        mounted.then_some(Self { directory, path })
    }

    /// Takes it away, whoever uses it.
    pub(crate) fn unmount(&self) {
        assert!(Command::new("umount").arg("-l").arg(&self.path).status().unwrap().success());
    }

    /// Puts it back.
    pub(crate) fn mount_again(&self) {
        let image = self.directory.path().join("image");
        let mounted = Command::new("mount").args(["-o", "loop"]).args([&image, &self.path]).status();
        assert!(mounted.unwrap().success());
    }

    /// Puts an empty one in its place.
    pub(crate) fn mount_another(&self) {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64m", "tape"]).arg(&self.path).status();
        assert!(mounted.unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        while Command::new("umount").arg("-l").arg(&self.path).output().is_ok_and(|output| output.status.success()) {}
    }
}

pub(crate) fn now_ns() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_nanos()).unwrap()
}
