//! Where a byte came from.

use packet::Timestamp;

/// The packet that brought what is being looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// The flow, as whoever hands in packets numbers them.
    pub flow: u64,
    /// When the packet was captured.
    pub time: Timestamp,
    /// Its arrival number.
    pub arrival: u64,
}
