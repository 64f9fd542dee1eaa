//! The recorder's sign of life: until when it wrote, and which segments are on stable storage.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use packet::Timestamp;
use serde::{Deserialize, Serialize};

use crate::disk::{Disk, DiskFile, read_file, write_all_at};
use crate::format::time::{optional_rfc3339, serde_rfc3339};
use crate::format::{checksum, names};

/// Its length, filled up with spaces.
const BYTES: usize = 3072;
/// Most bytes of a reason, so that it fits.
const REASON_BYTES_MAX: usize = 200;

/// What `live/heartbeat` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Beat {
    /// Wall clock.
    #[serde(with = "serde_rfc3339")]
    pub(crate) time: Timestamp,
    /// `CLOCK_BOOTTIME`.
    pub(crate) boot_ns: u64,
    /// The first arrival number that had not been given out.
    pub(crate) next_arrival: u64,
    /// What the tape may take on the disk.
    #[serde(default)]
    pub(crate) budget_bytes: u64,
    /// What it can come to now: less than its budget while others have filled the file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) usable_bytes: Option<u64>,
    /// What holds may take of it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) hold_budget_bytes: u64,
    /// By lane: segments with smaller numbers were on stable storage.
    pub(crate) synced: BTreeMap<String, u64>,
    /// Every packet that was recorded before this time had reached the kernel; none before the first recording.
    #[serde(default, with = "optional_rfc3339", skip_serializing_if = "Option::is_none")]
    pub(crate) complete: Option<Timestamp>,
    /// The same for stable storage.
    #[serde(default, with = "optional_rfc3339", skip_serializing_if = "Option::is_none")]
    pub(crate) durable: Option<Timestamp>,
    /// By lane: what it may hold, and how fast it may fill.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) lanes: BTreeMap<String, LanePace>,
    /// The disk takes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failing: Option<Failing>,
    /// Checksum of the other fields: what is torn must not be believed.
    #[serde(default)]
    pub(crate) check: String,
}

/// What a lane may hold, and how fast it may fill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LanePace {
    /// Bytes that it may hold of a full tape.
    pub share_bytes: u64,
    /// Bytes a second that it may fill with for long; unknown before it had its share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace_bytes_a_second: Option<u64>,
    /// Hundredths of its burst allowance that are left.
    pub burst_left_percent: u8,
    /// Seconds for which it has been above its pace, so that heads are cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above_for_seconds: Option<u64>,
    /// Source prefixes of whose heads 4 KiB, headers, nothing is kept.
    pub sources_cut: [u32; 3],
    /// Packets that were cut or became junk meanwhile.
    pub packets_cut: u64,
    /// Their bytes on the wire.
    pub bytes_cut: u64,
}

impl From<&flow::LaneReport> for LanePace {
    fn from(report: &flow::LaneReport) -> Self {
        Self {
            share_bytes: 0,
            pace_bytes_a_second: report.pace_bytes_a_second.map(|pace| pace as u64),
            burst_left_percent: (report.burst_left * 100.0) as u8,
            above_for_seconds: report.is_judged.then_some(report.judged_for_ns / 1_000_000_000),
            sources_cut: report.sources,
            packets_cut: report.packets_cut,
            bytes_cut: report.bytes_cut,
        }
    }
}

/// Packets are lost because the disk does not take them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Since when.
    #[serde(with = "serde_rfc3339")]
    pub since: Timestamp,
    /// Why.
    pub reason: String,
}

/// The line of a recorder that says nothing of holds has the checksum that it always had.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

impl Beat {
    /// The line, filled up.
    fn encode(mut self) -> io::Result<String> {
        if let Some(failing) = &mut self.failing {
            failing.reason.truncate(failing.reason.floor_char_boundary(REASON_BYTES_MAX));
        }
        self.check = self.checksum();
        let mut line = serde_json::to_string(&self).map_err(io::Error::other)?;
        line.extend(std::iter::repeat_n(' ', BYTES.saturating_sub(line.len() + 1)));
        line.push('\n');
        Ok(line)
    }

    fn checksum(&self) -> String {
        let text = serde_json::to_vec(&Self { check: String::new(), ..self.clone() }).unwrap_or_default();
        checksum::<8>(&[&text]).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Writes it.
#[derive(Default)]
pub(crate) struct Heartbeat {
    file: Option<Arc<dyn DiskFile>>,
}

impl Heartbeat {
    /// Writes it in place.
    pub(crate) fn beat(&mut self, disk: &dyn Disk, beat: Beat) -> io::Result<()> {
        let line = beat.encode()?;
        let file = match &self.file {
            // One that was removed would be written to without anybody seeing it.
            Some(file) if disk.status(&names::heartbeat_path()).is_ok() => file.clone(),
            _ => open(disk)?,
        };
        let result = write_all_at(file.as_ref(), line.as_bytes(), 0);
        self.file = result.is_ok().then_some(file);
        result
    }

    /// The file, to be brought to stable storage now and then.
    pub(crate) fn file(&self) -> Option<Arc<dyn DiskFile>> {
        self.file.clone()
    }
}

/// What it says, if it is there and whole.
pub(crate) fn read(disk: &dyn Disk) -> Option<Beat> {
    let bytes = read_file(disk, &names::heartbeat_path(), 64 << 10).ok()?;
    decode(&bytes).filter(|beat| beat.check == beat.checksum())
}

/// What it says, believed or not.
pub(crate) fn decode(bytes: &[u8]) -> Option<Beat> {
    let end = bytes.iter().rposition(|byte| !matches!(byte, 0 | b' ' | b'\n')).map_or(0, |last| last + 1);
    serde_json::from_slice(bytes.get(..end)?).ok()
}

fn open(disk: &dyn Disk) -> io::Result<Arc<dyn DiskFile>> {
    disk.create_directory(Path::new(names::LIVE))?;
    match disk.create(&names::heartbeat_path()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.open(&names::heartbeat_path()),
        other => other,
    }
}
