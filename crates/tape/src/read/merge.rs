//! The packets of many frames in arrival order, with as many frames in memory as overlap in arrival numbers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use packet::capture::block::{Block, Blocks};
use packet::{Interface, Packet};

use super::{Frame, FrameBytes, Tape};
use crate::Error;

/// Walks the packets of frames in arrival order.
///
/// Inside a lane packets are nearly, not exactly, in that order: parked ones come late. So each frame is sorted when it
/// is opened, and it is opened as soon as its least arrival number is due.
pub(crate) struct Merge<'t> {
    tape: &'t mut Tape,
    /// Not opened yet, by least arrival number.
    waiting: VecDeque<Frame>,
    open: Vec<OpenFrame>,
    /// The next arrival number of each open frame, and its place in `open`.
    next: BinaryHeap<Reverse<(u64, usize)>>,
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
    frame: Frame,
    bytes: FrameBytes,
    /// Arrival numbers and where the blocks begin, in order.
    packets: Vec<(u64, u32)>,
    position: usize,
    /// From the segment's numbering of interfaces to the tape's.
    interfaces: Vec<u32>,
}

impl<'t> Merge<'t> {
    /// The packets of `frames`, in whatever order these are.
    pub(crate) fn new(tape: &'t mut Tape, mut frames: Vec<Frame>) -> Self {
        frames.retain(|frame| frame.packets > 0);
        frames.sort_by_key(|frame| frame.arrivals.0);
        Self { tape, waiting: frames.into(), open: Vec::new(), next: BinaryHeap::new(), free: Vec::new() }
    }

    /// The tape that is read, for its interfaces and what it noticed.
    pub(crate) fn tape(&self) -> &Tape {
        self.tape
    }

    /// The next packet. A frame that is gone or cannot be read is noted in the tape's notes and passed over.
    pub(crate) fn next(&mut self) -> Result<Option<Merged<'_>>, Error> {
        while let Some(due) = self.waiting.front()
            && self.next.peek().is_none_or(|Reverse((arrival, _))| due.arrivals.0 <= *arrival)
        {
            if let Some(frame) = self.waiting.pop_front() {
                self.open(frame)?;
            }
        }
        let Some(Reverse((arrival, place))) = self.next.pop() else { return Ok(None) };
        let open = &mut self.open[place];
        let offset = open.packets[open.position].1;
        open.position += 1;
        match open.packets.get(open.position) {
            Some((arrival, _)) => self.next.push(Reverse((*arrival, place))),
            None => self.free.push(place),
        }
        let open = &self.open[place];
        let block = open.bytes.as_slice().get(offset as usize..).and_then(|rest| Blocks::new(rest).next());
        let Some((_, Block::Packet(mut packet))) = block else {
            unreachable!("the block at {offset} was a packet when the frame was opened");
        };
        packet.interface = open.interfaces[packet.interface as usize];
        packet.arrival = Some(arrival);
        let interface = &self.tape.interfaces()[packet.interface as usize];
        Ok(Some(Merged { packet, interface, arrival, frame: &open.frame }))
    }

    fn open(&mut self, frame: Frame) -> Result<(), Error> {
        let place = self.free.pop().unwrap_or(self.open.len());
        let recycled =
            self.open.get_mut(place).map(|open| (std::mem::take(&mut open.bytes), std::mem::take(&mut open.packets)));
        let (mut bytes, mut packets) = recycled.unwrap_or_default();
        let Some(interfaces) = self.tape.read_frame(&frame, &mut bytes)? else {
            self.free.extend((place < self.open.len()).then_some(place));
            return Ok(());
        };
        if !index(&bytes, interfaces.len(), &frame, &mut packets) {
            self.tape.note_torn(&frame);
        }
        if let Some((arrival, _)) = packets.first() {
            self.next.push(Reverse((*arrival, place)));
        } else {
            self.free.push(place);
        }
        let open = OpenFrame { frame, bytes, packets, position: 0, interfaces };
        match self.open.get_mut(place) {
            Some(slot) => *slot = open,
            None => self.open.push(open),
        }
        Ok(())
    }
}

/// Where the packets of a frame are, in arrival order; false if not all of it could be taken: a block is damaged, or
/// the segment does not describe a packet's interface, so that nothing says what its bytes are.
fn index(bytes: &FrameBytes, interfaces: usize, frame: &Frame, packets: &mut Vec<(u64, u32)>) -> bool {
    packets.clear();
    let mut last = frame.arrivals.0;
    let mut described = true;
    let mut blocks = Blocks::new(bytes.as_slice());
    for (offset, block) in &mut blocks {
        if let Block::Packet(packet) = block {
            if offset < frame.skip as usize {
                continue;
            }
            if (packet.interface as usize) < interfaces {
                last = packet.arrival.unwrap_or(last);
                packets.push((last, offset as u32));
            } else {
                described = false;
            }
        }
    }
    if !packets.is_sorted() {
        packets.sort_unstable();
    }
    described && !blocks.is_torn()
}
