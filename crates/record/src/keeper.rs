//! What a desk hands packets to.

use std::time::Instant;

use flow::{FlowTable, FrameRef, Lane, LaneFill, LaneReport, RowFill};
use packet::capture::Statistics;
use packet::{Interface, Packet, Timestamp};
use tape::Tape;
use tape::format::chain::{Event, LeftOut, Loss};

use crate::{Error, PolicyCounters};

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

    /// False while earlier checkpoints still wait to be written.
    fn takes_checkpoint(&self) -> bool;

    /// Ends the table's period; no packet waits any more.
    fn checkpoint(&mut self, table: &mut FlowTable);

    /// Packets that it could not keep in all, those among them that it had taken first.
    fn lost(&self) -> u64 {
        0
    }

    /// Says that all packets from before `until` were handed over, or never will be.
    fn settle(&mut self, _until: Timestamp) {}

    /// True if it has to go on in another place, with [`Keeper::take_up`].
    fn is_replaced(&self) -> bool {
        false
    }

    /// Goes on in another place, with the flow table that belongs there; no packet waits for its flow. False if it
    /// cannot yet.
    fn take_up(&mut self, _table: &mut FlowTable) -> Result<bool, Error> {
        Ok(false)
    }

    /// Says what time it is by the packets' own clock, where that drives everything.
    fn set_time(&mut self, _time: Timestamp) {}

    /// Brings on the time; at least once a second.
    fn tick(&mut self, now: Instant) -> Result<(), Error>;

    /// What each lane holds and may hold, by its number.
    fn fills(&self) -> [LaneFill; Lane::ALL.len()] {
        Default::default()
    }

    /// What the rows hold and may hold.
    fn row_fill(&self) -> RowFill {
        RowFill::default()
    }

    /// Says how the lanes' admission does.
    fn note_admission(&mut self, _reports: &[(Lane, LaneReport)]) {}

    /// How much of its memory is on its way to the disk, from 0 to 1.
    fn pressure(&self) -> f32 {
        0.0
    }

    /// Packets are lost, or nearly, before they come here: whatever can wait is to wait.
    fn hurry(&mut self, hurried: bool);

    /// What an interface has received and dropped since the recording began.
    fn note_statistics(&mut self, interface: u32, received: u64, dropped: Option<u64>);

    /// Notes what happened besides packets.
    fn note(&mut self, note: Note);
}

/// What happened besides packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// An interface came, went or changed.
    Interface {
        /// The keeper's number for it, if it has shown a packet.
        interface: Option<u32>,
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
    /// Copies of packets were left out, since the last time that this was said.
    Copies {
        /// How many.
        packets: u64,
    },
    /// A lane began to fill faster than its pace, or does not any more.
    Pace {
        /// The lane.
        lane: Lane,
        /// It does.
        above: bool,
        /// Packets that were cut or became junk since it does; 0 at its beginning.
        packets: u64,
        /// Their bytes on the wire.
        bytes: u64,
    },
    /// More came than can be written: bulk was cut to headers, or is not any more.
    Overload {
        /// It is.
        cutting: bool,
        /// Packets that were cut meanwhile.
        packets: u64,
        /// Bytes that were cut off.
        bytes: u64,
    },
    /// A policy left out packets, or parts of them, since the last time that this was said.
    Policy(PolicyCounters),
    /// Something that should be recorded and cannot be.
    Trouble {
        /// An interface.
        place: String,
        /// What happened.
        message: String,
    },
}

impl Keeper for Tape {
    fn interface(&mut self, interface: &Interface) -> u32 {
        Tape::interface(self, interface)
    }

    #[inline]
    fn next_arrival(&mut self) -> u64 {
        Tape::next_arrival(self)
    }

    #[inline]
    fn append(&mut self, lane: Lane, packet: &Packet<'_>) -> Option<FrameRef> {
        Tape::append(self, lane, packet, u32::MAX)
    }

    fn wants_checkpoint(&self) -> bool {
        Tape::wants_checkpoint(self)
    }

    #[inline]
    fn takes_checkpoint(&self) -> bool {
        Tape::takes_checkpoint(self)
    }

    fn checkpoint(&mut self, table: &mut FlowTable) {
        Tape::checkpoint(self, table);
    }

    fn lost(&self) -> u64 {
        self.counters().packets_lost
    }

    fn settle(&mut self, until: Timestamp) {
        Tape::settle(self, until);
    }

    fn is_replaced(&self) -> bool {
        Tape::is_replaced(self)
    }

    fn take_up(&mut self, table: &mut FlowTable) -> Result<bool, Error> {
        Ok(Tape::take_up(self, table)?.is_some())
    }

    fn set_time(&mut self, time: Timestamp) {
        Tape::set_time(self, time);
    }

    fn tick(&mut self, now: Instant) -> Result<(), Error> {
        Ok(Tape::tick(self, now)?)
    }

    fn fills(&self) -> [LaneFill; Lane::ALL.len()] {
        Tape::fills(self)
    }

    fn row_fill(&self) -> RowFill {
        Tape::row_fill(self)
    }

    fn note_admission(&mut self, reports: &[(Lane, LaneReport)]) {
        Tape::note_admission(self, reports);
    }

    fn pressure(&self) -> f32 {
        Tape::pressure(self)
    }

    fn hurry(&mut self, hurried: bool) {
        Tape::hurry(self, hurried);
    }

    fn note_statistics(&mut self, interface: u32, received: u64, dropped: Option<u64>) {
        let statistics = Statistics { received: Some(received), dropped_system: dropped, ..Statistics::default() };
        Tape::note_statistics(self, interface, &statistics);
    }

    fn note(&mut self, note: Note) {
        match note {
            Note::Interface { interface, name, change } => {
                Tape::note(self, Event::Interface { index: interface.unwrap_or(u32::MAX), name, change });
            }
            Note::Gap { from, to, reason } => Tape::note(self, Event::Gap { from, to, reason }),
            Note::Loss { place, packets, from, to } => {
                self.note_loss(Loss { place, reason: "the ring was full".into(), packets, bytes: 0, from, to });
            }
            Note::Copies { packets } => Tape::note(self, Event::Copies { packets }),
            Note::Pace { lane, above, packets, bytes } => {
                let change = if above { "above" } else { "within" };
                let (lane, change) = (lane.name().to_owned(), change.to_owned());
                Tape::note(self, Event::Pace { lane, change, packets, bytes });
            }
            Note::Overload { cutting, packets, bytes } => {
                let change = if cutting { "bulk cut to headers" } else { "bulk whole again" }.to_owned();
                Tape::note(self, Event::Overload { change, packets, bytes });
            }
            Note::Policy(PolicyCounters { name, packets_dropped, bytes_dropped, packets_cut, bytes_cut }) => {
                Tape::note(
                    self,
                    Event::Policy(LeftOut { name, packets_dropped, bytes_dropped, packets_cut, bytes_cut }),
                );
            }
            Note::Trouble { place, message } => Tape::note(self, Event::Error { place, message }),
        }
    }
}
