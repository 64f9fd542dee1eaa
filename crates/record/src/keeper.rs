//! What a desk hands packets to.

use flow::{FlowTable, FrameRef, Lane};
use packet::{Interface, Packet, Timestamp};

use crate::Error;

/// Keeps packets: a tape, or what a test puts in its place.
pub trait Keeper {
    /// The number of an interface, the same for the same interface.
    fn interface(&mut self, interface: &Interface) -> u32;

    /// The arrival number of the next packet.
    fn next_arrival(&mut self) -> u64;

    /// Keeps a packet whose arrival number is set; `None` if it had to be lost, which the keeper counts.
    fn append(&mut self, lane: Lane, packet: &Packet<'_>) -> Option<FrameRef>;

    /// True if it is time for a checkpoint.
    fn wants_checkpoint(&self) -> bool;

    /// Ends the table's period; no packet waits any more.
    fn checkpoint(&mut self, table: &mut FlowTable);

    /// Brings on the time; at least once a second.
    fn tick(&mut self) -> Result<(), Error>;

    /// Notes what happened besides packets.
    fn note(&mut self, note: Note);
}

/// What happened besides packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// An interface came, went or changed.
    Interface {
        /// The kernel's number for it.
        index: u32,
        /// Its name.
        name: String,
        /// added, gone, back, up, down, renamed from ….
        change: String,
    },
    /// An interface could not be recorded.
    Gap {
        /// From then.
        from: Timestamp,
        /// Until then.
        to: Timestamp,
        /// Why.
        reason: String,
    },
    /// The kernel dropped packets.
    Loss {
        /// Where, as in `kernel eth0`.
        place: String,
        /// How many.
        packets: u64,
        /// The first was lost not before this.
        from: Timestamp,
        /// The last was lost not after this.
        to: Timestamp,
    },
    /// The wall clock was set, by so many nanoseconds.
    ClockStep(i64),
    /// Something that should be recorded and cannot be.
    Trouble {
        /// An interface.
        place: String,
        /// What happened.
        message: String,
    },
}
