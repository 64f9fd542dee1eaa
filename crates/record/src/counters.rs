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
    /// Packets that are not to be kept: by a policy, or bulk of interfaces of which heads alone are.
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
    /// What each policy of the configuration has left out; in `policy` too, where whole packets are.
    pub policies: Vec<PolicyCounters>,
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

/// What one policy has left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyCounters {
    /// Its name.
    pub name: String,
    /// Packets of which nothing is kept.
    pub packets_dropped: u64,
    /// Their bytes on the wire.
    pub bytes_dropped: u64,
    /// Packets of which headers are kept.
    pub packets_cut: u64,
    /// What was captured of their payload.
    pub bytes_cut: u64,
}

impl PolicyCounters {
    /// What was left out since `before`, if anything.
    pub(crate) fn since(&self, before: &Self) -> Option<Self> {
        let news = Self {
            name: self.name.clone(),
            packets_dropped: self.packets_dropped - before.packets_dropped,
            bytes_dropped: self.bytes_dropped - before.bytes_dropped,
            packets_cut: self.packets_cut - before.packets_cut,
            bytes_cut: self.bytes_cut - before.bytes_cut,
        };
        (news.packets_dropped > 0 || news.packets_cut > 0).then_some(news)
    }
}
