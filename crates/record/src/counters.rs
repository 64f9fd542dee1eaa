//! What a recorder counts. Every packet that the kernel saw is in exactly one place.

/// `received` = kept + duplicates + unwanted + policy + lost, summed over what is listed here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets that came out of the rings, before anything was decided.
    pub received: u64,
    /// Their bytes on the wire.
    pub received_bytes: u64,
    /// Packets that went onto the tape or wait to.
    pub kept: u64,
    /// Packets that the kernel dropped because a ring was full.
    pub dropped_by_kernel: u64,
    /// Packets that the filter or `-Q` did not want and that the kernel could not sort out.
    pub unwanted: u64,
    /// Second looks at a packet: the same bytes on another interface within 10 ms.
    pub duplicates: u64,
    /// Bulk of interfaces of which heads alone are kept.
    pub policy: u64,
    /// Packets that came out of a ring and could not be read.
    pub damaged: u64,
    /// Packets that the tape could not take.
    pub refused: u64,
    /// Wire segments that the kept packets stand for, as far as it is known: more than packets where GRO or TSO is at
    /// work.
    pub segments: u64,
    /// Packets longer than what was kept of them.
    pub cut: u64,
    /// By lane, in the order of `flow::Lane::ALL`.
    pub lanes: [LaneCounters; 5],
    /// By interface, in the order in which they were first seen.
    pub interfaces: Vec<InterfaceCounters>,
}

impl Counters {
    /// With what the keeper has lost in all: packets that it had taken first were not kept after all.
    pub(crate) fn without_lost(mut self, lost: u64) -> Self {
        let later = lost.saturating_sub(self.refused);
        self.kept = self.kept.saturating_sub(later);
        self.refused += later;
        self
    }
}

/// What one lane got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneCounters {
    /// Packets.
    pub packets: u64,
    /// Their captured bytes.
    pub bytes: u64,
}

/// What one interface delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceCounters {
    /// Its name when it was first seen.
    pub name: String,
    /// Packets.
    pub received: u64,
    /// Their bytes on the wire.
    pub received_bytes: u64,
    /// Of these, packets that another interface had shown before.
    pub duplicates: u64,
    /// Of these, bulk that was not to be kept.
    pub policy: u64,
}
