//! How a tape is written.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use filter::Resolver;

use crate::holds::Retained;
use crate::question::BeginPayload;

/// How a tape is written; [`Options::new`] has the usual values.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes that the tape may take on the disk, everything included.
    pub budget_bytes: u64,
    /// How much of the file system stays free, whoever fills it.
    pub keep_free: KeepFree,
    /// Packets older than this go even if there is room.
    pub age_max: Option<Duration>,
    /// Flow rows older than this go even if there is room.
    pub age_max_flows: Option<Duration>,
    /// What segments are compressed with.
    pub compression: Compression,
    /// Compressing steps aside when it would fall behind; otherwise [`crate::Tape::append`] waits for it.
    pub steps_aside: bool,
    /// Most bytes kept of a packet; the same for all interfaces, since libpcap refuses anything else.
    pub snaplen: u32,
    /// A segment is closed when it is this old.
    pub segment_age_max: Duration,
    /// How often what was written is brought to stable storage.
    pub sync_interval: Duration,
    /// Memory for frames on their way to the disk.
    pub buffer_bytes_max: usize,
    /// How long [`crate::Tape::append`] waits for a buffer when the disk is behind, before packets are lost.
    pub wait_max: Duration,
    /// Threads that compress; by default one less than there are processors, at least 1 and at most 4.
    pub workers: Option<usize>,
    /// Packets come as they happen: times without a recorder are gaps. False for an import.
    pub is_live: bool,
    /// Times of packets drive everything that goes by a clock ([`crate::Tape::set_time`]); nobody waits for a real one.
    pub packets_are_clock: bool,
    /// Name of this sensor, for a tape that is made now.
    pub sensor: String,
    /// What holds may take of the budget; a tenth of it unless said otherwise.
    pub hold_budget_bytes: Option<u64>,
    /// What policies have kept for longer than the lanes do.
    pub retained: Vec<Retained>,
    /// Who knows the names in the expressions of holds.
    pub names: Names,
    /// Begins to read what is said in heads, for the rows of flows; without it they do not say.
    pub payload: Option<BeginPayload>,
    /// The flow table; its tape id is the tape's.
    pub flows: flow::Config,
}

/// Knows the names in expressions.
#[derive(Clone)]
pub struct Names(pub Arc<dyn Resolver + Send + Sync>);

impl Default for Names {
    fn default() -> Self {
        Self(Arc::new(filter::NoNames))
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

/// How much of a file system stays free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepFree {
    /// So many hundredths of its size.
    Percent(u8),
    /// So many bytes.
    Bytes(u64),
}

impl KeepFree {
    /// The floor on a file system of `total` bytes.
    pub fn bytes(self, total: u64) -> u64 {
        match self {
            Self::Percent(percent) => total / 100 * u64::from(percent),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// What segments are compressed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// zstd at this level.
    Zstd(i32),
    /// Nothing: segments that Wireshark opens as they are.
    None,
}

impl Options {
    /// The least budget with which a tape works.
    pub const BUDGET_BYTES_MIN: u64 = 1_000_000;
    /// Most bytes of a packet, unless said otherwise: libpcap's greatest snapshot length.
    pub const SNAPLEN: u32 = 262_144;

    /// The usual values with this budget.
    pub fn new(budget_bytes: u64) -> Self {
        Self {
            budget_bytes,
            keep_free: KeepFree::Percent(5),
            age_max: None,
            age_max_flows: None,
            compression: Compression::Zstd(1),
            steps_aside: true,
            snaplen: Self::SNAPLEN,
            segment_age_max: Duration::from_secs(24 * 3600),
            sync_interval: Duration::from_secs(5),
            buffer_bytes_max: 64 << 20,
            wait_max: Duration::from_millis(250),
            workers: None,
            is_live: true,
            packets_are_clock: false,
            sensor: String::from("sensor"),
            hold_budget_bytes: None,
            retained: Vec::new(),
            names: Names::default(),
            payload: None,
            flows: flow::Config::new([0; 16], [0; 32]),
        }
    }
    /// What holds may take.
    pub(crate) fn hold_bytes(&self) -> u64 {
        self.hold_budget_bytes.unwrap_or(self.budget_bytes / 10)
    }
}
