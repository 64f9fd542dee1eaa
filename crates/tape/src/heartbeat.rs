//! The recorder's sign of life: until when it wrote, and which segments are on stable storage.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use packet::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Lane;
use crate::clock::Moment;
use crate::disk::{Disk, DiskFile, read_file, write_all_at};
use crate::format::time::serde_rfc3339;
use crate::format::{checksum, names};

/// Its length, filled up with spaces.
const BYTES: usize = 512;

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
    /// By lane: segments with smaller numbers were on stable storage.
    pub(crate) synced: BTreeMap<String, u64>,
    /// Checksum of the other fields: what is torn must not be believed.
    #[serde(default)]
    pub(crate) check: String,
}

impl Beat {
    fn checksum(&self) -> String {
        let Self { time, boot_ns, next_arrival, budget_bytes, synced, .. } = self;
        let text = format!("{time:?} {boot_ns} {next_arrival} {budget_bytes} {synced:?}");
        checksum::<8>(&[text.as_bytes()]).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Writes it.
#[derive(Default)]
pub(crate) struct Heartbeat {
    file: Option<Arc<dyn DiskFile>>,
}

impl Heartbeat {
    /// Writes it in place.
    pub(crate) fn beat(
        &mut self,
        disk: &dyn Disk,
        moment: Moment,
        next_arrival: u64,
        budget_bytes: u64,
        synced: impl Iterator<Item = (Lane, u64)>,
    ) -> io::Result<()> {
        let synced = synced.map(|(lane, number)| (lane.name().to_owned(), number)).collect();
        let (time, boot_ns) = (moment.time, moment.boot_ns);
        let mut beat = Beat { time, boot_ns, next_arrival, budget_bytes, synced, check: String::new() };
        beat.check = beat.checksum();
        let mut line = serde_json::to_string(&beat).map_err(io::Error::other)?;
        line.extend(std::iter::repeat_n(' ', BYTES.saturating_sub(line.len() + 1)));
        line.push('\n');
        let file = match &self.file {
            Some(file) => file.clone(),
            None => open(disk)?,
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
    let beat: Beat = serde_json::from_slice(&bytes).ok()?;
    (beat.check == beat.checksum()).then_some(beat)
}

fn open(disk: &dyn Disk) -> io::Result<Arc<dyn DiskFile>> {
    disk.create_directory(Path::new(names::LIVE))?;
    match disk.create(&names::heartbeat_path()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.open(&names::heartbeat_path()),
        other => other,
    }
}
