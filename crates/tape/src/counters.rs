//! What a tape counts.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::shared::Shared;

/// What has happened since a tape was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets appended.
    pub packets: u64,
    /// The first so many of them have reached the kernel.
    pub packets_in_kernel: u64,
    /// The first so many of them are on stable storage.
    pub packets_durable: u64,
    /// Packets that could not be kept.
    pub packets_lost: u64,
    /// Packets of heads whose payload there was no time to read for the rows of their flows.
    pub packets_unread: u64,
    /// Frames that were compressed.
    pub frames_compressed: u64,
    /// What they held.
    pub bytes_compressed_from: u64,
    /// What they became.
    pub bytes_compressed_to: u64,
    /// Frames that were stored as they are because compressing would have fallen behind.
    pub frames_stored: u64,
    /// Bytes that were written as they are.
    pub bytes_stored: u64,
    /// Those of them that went around the page cache.
    pub bytes_direct: u64,
    /// Segments that were closed.
    pub segments_closed: u64,
    /// Files that ageing removed, as far as it is in the log.
    pub files_evicted: u64,
    /// Flow files written.
    pub flow_files: u64,
    /// What the tape takes on the disk.
    pub bytes_used: u64,
    /// What it may take.
    pub bytes_budget: u64,
}

impl Counters {
    pub(crate) fn of(shared: &Shared, packets: u64) -> Self {
        let tallies = &shared.tallies;
        let of = |tally: &AtomicU64| tally.load(Ordering::Relaxed);
        Self {
            packets,
            packets_in_kernel: shared.sync.in_kernel(),
            packets_durable: shared.sync.durable(),
            packets_lost: of(&tallies.packets_lost),
            packets_unread: of(&tallies.packets_unread),
            frames_compressed: of(&tallies.frames_compressed),
            bytes_compressed_from: of(&tallies.bytes_compressed_from),
            bytes_compressed_to: of(&tallies.bytes_compressed_to),
            frames_stored: of(&tallies.frames_stored),
            bytes_stored: of(&tallies.bytes_stored),
            bytes_direct: of(&tallies.bytes_direct),
            segments_closed: of(&tallies.segments_closed),
            files_evicted: of(&tallies.files_evicted),
            flow_files: of(&tallies.flow_files),
            bytes_used: shared.room.used(),
            bytes_budget: shared.room.budget_bytes(),
        }
    }
}
