//! The packets of many frames in arrival order, with as many frames in memory as overlap in arrival numbers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use packet::capture::block::{Block, Blocks};
use packet::{Interface, Packet};

use super::ahead::Loaded;
use super::order::{Arrived, Frames};
use super::{Frame, Tape};
use crate::Error;

/// Walks the packets of frames in arrival order.
///
/// A frame is opened as soon as its least arrival number is due.
pub(crate) struct Merge<'t> {
    tape: &'t mut Tape,
    frames: Frames,
    open: Vec<OpenFrame>,
    /// The next arrival number of each open frame but the current one, and its place in `open`.
    next: BinaryHeap<Reverse<(u64, usize)>>,
    /// The open frame whose packets are handed out as long as they are before all others.
    current: Option<usize>,
    free: Vec<usize>,
}

/// A packet and the frame it came from.
pub(crate) struct Merged<'a> {
    /// `interface` is an index into [`Tape::interfaces`], `arrival` is always set.
    pub(crate) packet: Packet<'a>,
    pub(crate) interface: &'a Interface,
    pub(crate) arrival: u64,
    pub(crate) frame: &'a Frame,
}

struct OpenFrame {
    /// Its place among the frames.
    frame: usize,
    loaded: Loaded,
    position: usize,
    /// From the segment's numbering of interfaces to the tape's.
    interfaces: Arc<Vec<u32>>,
}

impl OpenFrame {
    #[inline]
    fn next_arrival(&self) -> Option<u64> {
        self.loaded.packets.get(self.position).map(|(arrival, _)| *arrival)
    }
}

impl<'t> Merge<'t> {
    /// The packets of `frames`, in whatever order these are.
    pub(crate) fn new(tape: &'t mut Tape, frames: Vec<Frame>) -> Self {
        let frames = Frames::new(frames);
        Self { tape, frames, open: Vec::new(), next: BinaryHeap::new(), current: None, free: Vec::new() }
    }

    /// The tape that is read, for its interfaces and what it noticed.
    pub(crate) fn tape(&self) -> &Tape {
        self.tape
    }

    /// The arrival number of the next packet.
    pub(crate) fn peek(&mut self) -> Result<Option<u64>, Error> {
        let place = self.next_place()?;
        Ok(place.and_then(|place| self.open[place].next_arrival()))
    }

    /// The next packet. A frame that is gone or cannot be read is noted in the tape's notes and passed over.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Merged<'_>>, Error> {
        let Some(place) = self.next_place()? else { return Ok(None) };
        let open = &mut self.open[place];
        let (arrival, offset) = open.loaded.packets[open.position];
        open.position += 1;
        let open = &self.open[place];
        let block = open.loaded.bytes.as_slice().get(offset as usize..).and_then(|rest| Blocks::new(rest).next());
        let Some((_, Block::Packet(mut packet))) = block else {
            unreachable!("the block at {offset} was a packet when the frame was opened");
        };
        packet.interface = open.interfaces[packet.interface as usize];
        packet.arrival = Some(arrival);
        let interface = &self.tape.interfaces()[packet.interface as usize];
        Ok(Some(Merged { packet, interface, arrival, frame: self.frames.frame(open.frame) }))
    }

    /// The open frame whose next packet is due.
    #[inline]
    fn next_place(&mut self) -> Result<Option<usize>, Error> {
        if let Some(place) = self.current {
            let arrival = self.open[place].next_arrival();
            let others = self.next.peek().map(|Reverse((arrival, _))| *arrival);
            if arrival.is_some_and(|arrival| {
                others.is_none_or(|other| arrival < other) && self.frames.due().is_none_or(|due| arrival < due)
            }) {
                return Ok(Some(place));
            }
            self.current = None;
            match arrival {
                Some(arrival) => self.next.push(Reverse((arrival, place))),
                None => self.close(place),
            }
        }
        while let Some(due) = self.frames.due()
            && self.next.peek().is_none_or(|Reverse((arrival, _))| due <= *arrival)
        {
            if let Some(arrived) = self.frames.next(self.tape)? {
                self.open(arrived);
            }
        }
        self.current = self.next.pop().map(|Reverse((_, place))| place);
        Ok(self.current)
    }

    fn open(&mut self, arrived: Arrived) {
        let Arrived { place: frame, interfaces, mut loaded } = arrived;
        if loaded.interfaces as usize > interfaces.len() {
            self.tape.note_torn(self.frames.frame(frame));
            drop_undescribed(&mut loaded, interfaces.len());
        }
        let Some((arrival, _)) = loaded.packets.first().copied() else { return self.frames.give_back(loaded) };
        let open = OpenFrame { frame, loaded, position: 0, interfaces };
        let place = match self.free.pop() {
            Some(place) => {
                self.open[place] = open;
                place
            }
            None => {
                self.open.push(open);
                self.open.len() - 1
            }
        };
        self.next.push(Reverse((arrival, place)));
    }

    fn close(&mut self, place: usize) {
        self.frames.give_back(std::mem::take(&mut self.open[place].loaded));
        self.free.push(place);
    }
}

/// Drops the packets whose interface the segment does not describe: nothing says what their bytes are.
fn drop_undescribed(loaded: &mut Loaded, interfaces: usize) {
    let bytes = loaded.bytes.as_slice();
    loaded.packets.retain(|(_, offset)| {
        let block = bytes.get(*offset as usize..).and_then(|rest| Blocks::new(rest).next());
        matches!(block, Some((_, Block::Packet(packet))) if (packet.interface as usize) < interfaces)
    });
}
