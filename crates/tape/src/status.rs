//! How a tape does: how far each lane goes back, how fast it fills, what is missing, whether a recorder is at work.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Add;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use packet::Timestamp;

use crate::format::chain::{Event, Eviction, LeftOut};
use crate::format::names;
pub use crate::heartbeat::{Failing, LanePace};
use crate::holds::{Held, Holds, State, holds};
use crate::question::{Damage, Gap, Loss, missing_files};
use crate::read::{Frame, Heartbeat, Stored, Tape, wall_clock};
use crate::{Error, Lane, Options};

/// How a tape does.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The tape's id, 32 hex digits.
    pub id: String,
    /// Where it is recorded.
    pub sensor: String,
    /// When it was made.
    pub created: Timestamp,
    /// A recorder is at work.
    pub recording: bool,
    /// Its process, as seen from where it runs.
    pub recorder_pid: Option<u32>,
    /// A recorder is at work, and loses packets because the disk does not take them.
    pub failing: Option<Failing>,
    /// The last sign of life of a recorder.
    pub last_sign: Option<Timestamp>,
    /// Every lane.
    pub lanes: Vec<LaneStatus>,
    /// What ageing took last of the flow files.
    pub flows_evicted: Option<Eviction>,
    /// More comes than can be written: bulk is cut to headers since then.
    pub overloaded: Option<Timestamp>,
    /// Flow files.
    pub flow_files: u64,
    /// Their bytes on the disk.
    pub flow_bytes: u64,
    /// Bytes of the whole tape on the disk.
    pub bytes: u64,
    /// What it may take, if the recorder left word of it.
    pub budget_bytes: Option<u64>,
    /// What it can come to: less than that while others have filled its file system.
    pub usable_bytes: Option<u64>,
    /// What comes in over all lanes, while a recorder is at work.
    pub rate: Option<Rate>,
    /// How far the tape will reach back at the present rate, in nanoseconds, once it is full.
    pub retention: Result<u64, Unpredictable>,
    /// Times without recording, oldest first.
    pub gaps: Vec<Gap>,
    /// Packets that were seen but not kept, oldest first.
    pub losses: Vec<Loss>,
    /// What could not be read.
    pub damaged: Vec<Damage>,
    /// Files that must be there and are not.
    pub missing: Vec<Damage>,
    /// What salvages set aside in `damaged/`.
    pub set_aside: Vec<SetAside>,
    /// What policies left out, by their names.
    pub policies: Vec<LeftOut>,
    /// What is kept out of the reach of ageing.
    pub holds: Holds,
}

/// A file in `damaged/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// Why nobody can say how far the tape will reach back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpredictable {
    /// No recorder is at work.
    Stopped,
    /// Less than a minute is on the tape.
    TooShort,
    /// The recorder left no word of its budget.
    NoBudget,
    /// Nothing comes in.
    Silent,
}

/// How a lane does.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneStatus {
    /// Which lane.
    pub lane: Lane,
    /// Its segments.
    pub segments: u64,
    /// Their bytes on the disk.
    pub bytes: u64,
    /// What it may hold, and how fast it may fill, as the recorder said last.
    pub pace: Option<LanePace>,
    /// What ageing took from it last.
    pub evicted: Option<Eviction>,
    /// Its packets.
    pub packets: u64,
    /// Time of its oldest packet.
    pub oldest: Option<Timestamp>,
    /// Time of its newest packet.
    pub newest: Option<Timestamp>,
    /// What comes in, while a recorder is at work.
    pub rate: Option<Rate>,
    /// How far it will reach back at the present rate, in nanoseconds, once the tape is full.
    pub retention_ns: Option<u64>,
}

/// What comes in, as bytes on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Bytes a second over the last minute, or as far as the lane goes back.
    pub minute: f64,
    /// Bytes a second over the last hour, or as far as the lane goes back.
    pub hour: f64,
}

/// Why a tape does not do well.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Problem {
    /// No recorder is at work.
    NotRecording {
        /// When there was one last.
        last_sign: Option<Timestamp>,
    },
    /// The disk does not take what the recorder has.
    Failing(Failing),
    /// Others have filled the file system so that next to nothing can be kept.
    NoRoom {
        /// What the tape can come to.
        usable_bytes: u64,
    },
    /// So many things on it cannot be read, are missing, or were set aside.
    Damaged(usize),
    /// A hold has no room for what comes.
    HoldFull(String),
}

/// Looks at the tape in `directory`.
pub fn status(directory: &Path) -> Result<Status, Error> {
    let mut tape = Tape::open(directory)?;
    let frames = tape.frames()?;
    let mut log = log(&mut tape)?;
    let heartbeat = tape.heartbeat();
    let recording = heartbeat.as_ref().is_some_and(|heartbeat| heartbeat.is_fresh) && !log.stopped;
    let failing = heartbeat.as_ref().filter(|_| !log.stopped).and_then(|heartbeat| failing(&tape, heartbeat));
    let now = recording.then(wall_clock);
    let mut lanes = Vec::new();
    for lane in Lane::ALL {
        let mut status = lane_status(&mut tape, lane, &frames, now)?;
        status.pace = heartbeat.as_ref().and_then(|heartbeat| heartbeat.lanes.get(lane.name()).cloned());
        status.evicted = log.evicted.remove(lane.name());
        lanes.push(status);
    }
    let budget_bytes = heartbeat.as_ref().and_then(|heartbeat| heartbeat.budget_bytes);
    let usable_bytes = heartbeat.as_ref().and_then(|heartbeat| heartbeat.usable_bytes).or(budget_bytes);
    let sum = |of: fn(&Rate) -> f64| lanes.iter().filter_map(|lane| lane.rate.as_ref().map(of)).fold(0.0, Add::add);
    let rate = now.map(|_| Rate { minute: sum(|rate| rate.minute), hour: sum(|rate| rate.hour) });
    let retention = retention(&lanes, now, rate, usable_bytes);
    if retention.is_ok() {
        predict(&mut lanes, usable_bytes);
    }
    let flow_files = tape.flow_files()?;
    let identity = tape.identity();
    Ok(Status {
        id: identity.id.clone(),
        sensor: identity.sensor.clone(),
        created: identity.created,
        recording,
        recorder_pid: heartbeat.as_ref().filter(|_| recording).and_then(|heartbeat| heartbeat.pid),
        last_sign: heartbeat.map(|heartbeat| heartbeat.time),
        failing,
        flows_evicted: log.evicted.remove(names::FLOWS),
        overloaded: log.overloaded.filter(|_| recording),
        flow_files: flow_files.len() as u64,
        flow_bytes: flow_files.iter().map(|name| disk_bytes(&directory.join(name.path()))).sum(),
        bytes: tree_bytes(directory),
        budget_bytes,
        usable_bytes,
        rate,
        retention,
        lanes,
        gaps: log.gaps,
        losses: log.losses,
        damaged: std::mem::take(&mut tape.notes.damaged),
        missing: missing_files(directory)?,
        set_aside: set_aside(directory),
        policies: log.policies,
        holds: holds(directory)?,
    })
}

/// Whether a recorder is at work on the tape in `directory`.
pub fn is_recording(directory: &Path) -> Result<bool, Error> {
    let mut tape = Tape::open(directory)?;
    Ok(tape.has_sign_of_life() && !log(&mut tape)?.stopped)
}

impl Status {
    /// What is wrong; nothing in a tape that does well.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.recording && self.failing.is_none() {
            problems.push(Problem::NotRecording { last_sign: self.last_sign });
        }
        problems.extend(self.failing.clone().map(Problem::Failing));
        let usable_bytes = self.usable_bytes.filter(|bytes| self.recording && *bytes < Options::BUDGET_BYTES_MIN);
        problems.extend(usable_bytes.map(|usable_bytes| Problem::NoRoom { usable_bytes }));
        let damaged = self.damaged.len() + self.missing.len() + self.set_aside.len();
        problems.extend((damaged > 0).then_some(Problem::Damaged(damaged)));
        let is_full = |held: &&Held| held.progress.as_ref().is_some_and(|progress| progress.state == State::Full);
        problems.extend(self.holds.holds.iter().filter(is_full).map(|held| Problem::HoldFull(held.name.clone())));
        problems
    }
}

/// What a recorder that is there says of its disk; or that it could not say anything any more.
fn failing(tape: &Tape, heartbeat: &Heartbeat) -> Option<Failing> {
    if heartbeat.is_fresh {
        return heartbeat.failing.clone();
    }
    let pid = tape.holder()?;
    let why = if is_read_only(tape.directory()) { ": its file system is read-only" } else { "" };
    let since = heartbeat.failing.as_ref().map_or(heartbeat.time, |failing| failing.since);
    Some(Failing { since, reason: format!("the recorder (process {pid}) cannot write to the tape any more{why}") })
}

/// Whether the mount that a directory is on takes nothing (proc_pid_mountinfo(5)).
fn is_read_only(directory: &Path) -> bool {
    let directory = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mount = |line: &str| {
        let (mount, file_system) = line.split_once(" - ")?;
        let fields: Vec<&str> = mount.split(' ').collect();
        let (point, options) = (fields.get(4)?, fields.get(5)?);
        // ext4 calls it emergency_ro when it was its own decision.
        let mut options = options.split(',').chain(file_system.rsplit(' ').next()?.split(','));
        let read_only = options.any(|option| option == "ro" || option == "emergency_ro");
        directory.starts_with(point).then_some((point.len(), read_only))
    };
    // The last of several mounts on one place covers the others.
    mounts.lines().filter_map(mount).max_by_key(|(length, _)| *length).is_some_and(|(_, read_only)| read_only)
}

const MINUTE_NS: i64 = 60_000_000_000;
const HOUR_NS: i64 = 60 * MINUTE_NS;

/// How far the tape will reach back, unless that would be a guess.
fn retention(
    lanes: &[LaneStatus],
    now: Option<Timestamp>,
    rate: Option<Rate>,
    budget_bytes: Option<u64>,
) -> Result<u64, Unpredictable> {
    let (Some(now), Some(rate)) = (now, rate) else { return Err(Unpredictable::Stopped) };
    let oldest = lanes.iter().filter_map(|lane| lane.oldest).min();
    if oldest.is_none_or(|oldest| now.since(oldest) < MINUTE_NS) {
        return Err(Unpredictable::TooShort);
    }
    let budget = budget_bytes.ok_or(Unpredictable::NoBudget)?;
    duration_ns(budget as f64, rate.hour).ok_or(Unpredictable::Silent)
}

/// What lies in `damaged/`.
fn set_aside(directory: &Path) -> Vec<SetAside> {
    let entries = fs::read_dir(directory.join(names::DAMAGED)).into_iter().flatten().flatten();
    let mut files: Vec<SetAside> = entries
        .map(|entry| SetAside { path: entry.path(), bytes: entry.metadata().map_or(0, |metadata| metadata.len()) })
        .collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

fn lane_status(tape: &mut Tape, lane: Lane, frames: &[Frame], now: Option<Timestamp>) -> Result<LaneStatus, Error> {
    let names = tape.segment_names(lane)?;
    let of_lane = || frames.iter().filter(move |frame| frame.lane == lane && frame.packets > 0);
    let bytes = names.iter().map(|name| disk_bytes(&tape.directory().join(name.path(lane)))).sum();
    Ok(LaneStatus {
        lane,
        segments: names.len() as u64,
        bytes,
        pace: None,
        evicted: None,
        packets: of_lane().map(|frame| u64::from(frame.packets)).sum(),
        oldest: of_lane().map(|frame| frame.times.0).min(),
        newest: of_lane().map(|frame| frame.times.1).max(),
        rate: now.map(|now| Rate { minute: rate(of_lane, now, MINUTE_NS), hour: rate(of_lane, now, HOUR_NS) }),
        retention_ns: None,
    })
}

/// Bytes a second of a lane's frames over `span_ns` before `now`, or since the oldest packet in them.
fn rate<'f, I: Iterator<Item = &'f Frame>>(frames: impl Fn() -> I, now: Timestamp, span_ns: i64) -> f64 {
    let began = frames().map(|frame| frame.times.0).min();
    let span_ns = began.map_or(span_ns, |began| now.since(began).clamp(1_000_000_000, span_ns));
    let from = Timestamp(now.0.saturating_sub(span_ns));
    let bytes = frames()
        .filter(|frame| frame.times.1 > from)
        .map(|frame| {
            // Of a frame that began earlier only its later part counts.
            let whole = frame.times.1.since(frame.times.0).max(1) as f64;
            let inside = frame.times.1.since(frame.times.0.max(from)).max(1) as f64;
            stored_bytes(frame) as f64 * (inside / whole).min(1.0)
        })
        .fold(0.0, Add::add);
    bytes / (span_ns as f64 / 1e9)
}

fn stored_bytes(frame: &Frame) -> u64 {
    match &frame.stored {
        Stored::File { cbytes, .. } => u64::from(*cbytes),
        Stored::Journal(bytes) => bytes.len() as u64,
    }
}

/// How far lanes reach back in a full tape, in which each of those that fill has its share of the budget.
fn predict(lanes: &mut [LaneStatus], budget_bytes: Option<u64>) {
    let weight = |lane: Lane| match lane {
        Lane::Client | Lane::Bulk => 30.0,
        Lane::Server | Lane::Transit => 20.0,
        Lane::Junk => 10.0,
    };
    const FLOWS_WEIGHT: f64 = 10.0;
    let rate = |lane: &LaneStatus| lane.rate.map_or(0.0, |rate| rate.hour);
    let filling = lanes.iter().filter(|lane| rate(lane) > 0.0).map(|lane| weight(lane.lane));
    let weights = filling.fold(FLOWS_WEIGHT, Add::add);
    for lane in lanes {
        let share = budget_bytes.map(|budget| budget as f64 * weight(lane.lane) / weights);
        lane.retention_ns = share.and_then(|bytes| duration_ns(bytes, rate(lane)));
    }
}

fn duration_ns(bytes: f64, rate: f64) -> Option<u64> {
    (rate > 0.0).then(|| (bytes / rate * 1e9) as u64)
}

#[derive(Default)]
struct Log {
    stopped: bool,
    gaps: Vec<Gap>,
    losses: Vec<Loss>,
    /// The newest of each lane, and of flow files.
    evicted: BTreeMap<String, Eviction>,
    /// Bulk is cut to headers since then.
    overloaded: Option<Timestamp>,
    policies: Vec<LeftOut>,
}

impl Log {
    fn add(&mut self, news: LeftOut) {
        match self.policies.iter_mut().find(|known| known.name == news.name) {
            Some(known) => {
                known.packets_dropped += news.packets_dropped;
                known.bytes_dropped += news.bytes_dropped;
                known.packets_cut += news.packets_cut;
                known.bytes_cut += news.bytes_cut;
            }
            None => self.policies.push(news),
        }
    }
}

fn log(tape: &mut Tape) -> Result<Log, Error> {
    let mut log = Log::default();
    tape.chain(|line| {
        log.stopped = matches!(line.event, Event::Stop { .. });
        match line.event {
            Event::Gap { from, to, reason } => log.gaps.push(Gap { from, to, reason }),
            Event::Loss(loss) => log.losses.push(loss),
            Event::Evict(eviction) => drop(log.evicted.insert(eviction.lane.clone(), eviction)),
            Event::Overload { change, .. } => log.overloaded = change.contains("cut").then_some(line.time),
            Event::Start { .. } => log.overloaded = None,
            Event::Policy(left_out) => log.add(left_out),
            _ => {}
        }
    })?;
    Ok(log)
}

/// What a file takes on the disk; nothing if it has gone meanwhile.
fn disk_bytes(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |metadata| metadata.blocks() * 512)
}

/// What a tape's directories take, one below the other.
pub(crate) fn tree_bytes(directory: &Path) -> u64 {
    const DEPTH_MAX: usize = 4;
    let mut bytes = 0;
    let mut waiting = vec![(directory.to_path_buf(), 0)];
    while let Some((directory, depth)) = waiting.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            bytes += disk_bytes(&path);
            if depth < DEPTH_MAX && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push((path, depth + 1));
            }
        }
    }
    bytes
}
