//! What the writer is asked to do, besides writing frames.

use std::sync::mpsc::SyncSender;
use std::time::Instant;

use flow::Period;
use packet::Interface;
use packet::Timestamp;
use packet::capture::Statistics;

use crate::Lane;
use crate::clock::Moment;
use crate::format::chain::Event;
use crate::sync::Synced;

/// What the writer is asked to do; jobs and frames are done in the order in which they were handed over.
#[derive(Debug)]
pub(crate) enum Job {
    /// Bring the beginning of an open frame to the journal.
    Journal(JournalBatch),
    /// Frames that follow may hold packets of another interface.
    Interface(Interface),
    /// Counters of an interface, for the end of segments.
    Statistics(u32, Statistics),
    /// Everything appended before has been handed over or journaled.
    Tick(Tick),
    /// End the open segments; there is no journaled open frame.
    Roll,
    /// Write rows and state; there is no open frame.
    Checkpoint(Box<Checkpoint>),
    /// Write a line of the log.
    Event(Event),
    /// Files have reached stable storage, or have failed to.
    Synced(Vec<Synced>),
    /// Leave everything as it is.
    Abandon,
    /// Close everything and say so.
    Stop { next_arrival: u64, done: SyncSender<()> },
}

/// Bytes of an open frame that the journal does not have.
#[derive(Debug)]
pub(crate) struct JournalBatch {
    pub(crate) lane: Lane,
    /// Where in the frame they belong.
    pub(crate) offset: u32,
    pub(crate) packets: u32,
    /// Time of the frame's first packet.
    pub(crate) first_time: Timestamp,
    pub(crate) bytes: Vec<u8>,
}

/// The state of the caller at a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    pub(crate) now: Instant,
    pub(crate) moment: Moment,
    /// Packets appended before it.
    pub(crate) appended: u64,
    pub(crate) next_arrival: u64,
    /// All packets that were captured before this time have been appended.
    pub(crate) settled: Timestamp,
}

/// What is needed for flow files.
#[derive(Debug, Default)]
pub(crate) struct Checkpoint {
    pub(crate) period: Period,
    pub(crate) snapshot: Vec<u8>,
    pub(crate) next_arrival: u64,
    /// The tape is closed with it.
    pub(crate) is_last: bool,
}
