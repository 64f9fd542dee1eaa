//! A frame that is being filled, in memory that can be written to the disk as it is.

use packet::Timestamp;
use packet::capture::block::{packet_block_bytes, put_packet_block};
use packet::{Packet, PacketDirection};

use crate::format::catalog::FrameRecord;
use crate::format::zstd_frame::{
    ALIGNMENT, BLOCK_BYTES_MAX, BLOCK_HEADER_BYTES, FRAME_BYTES_MAX, STORED_HEADER_BYTES, pad, padding_bytes,
    raw_block_header, stored_header,
};
use crate::sys::HalfPage;

/// Where the content of a stored frame begins.
const CONTENT_START: usize = STORED_HEADER_BYTES + BLOCK_HEADER_BYTES;
/// Where the content ends at the latest, so that a frame with its padding has at most 1 MiB.
const CONTENT_END_MAX: usize = FRAME_BYTES_MAX - 2 * ALIGNMENT;
const _: () = assert!(FRAME_BYTES_MAX == HalfPage::BYTES);

/// How the content lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// In one piece: to be compressed, or written as it is.
    Contiguous,
    /// As a stored zstd frame, with room for the headers of its blocks.
    Stored,
}

/// What is in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) packets: u32,
    pub(crate) first_arrival: u64,
    pub(crate) last_arrival: u64,
    pub(crate) first_time: Timestamp,
    pub(crate) last_time: Timestamp,
}

impl Summary {
    #[inline]
    pub(crate) fn add(&mut self, time: Timestamp, arrival: u64) {
        if self.packets == 0 {
            (self.first_arrival, self.last_arrival) = (arrival, arrival);
            (self.first_time, self.last_time) = (time, time);
        }
        self.first_arrival = self.first_arrival.min(arrival);
        self.last_arrival = self.last_arrival.max(arrival);
        self.first_time = self.first_time.min(time);
        self.last_time = self.last_time.max(time);
        self.packets += 1;
    }

    /// Adds the packets of another frame.
    pub(crate) fn merge(&mut self, record: &FrameRecord) {
        if record.packets == 0 {
            return;
        }
        let before = self.packets;
        for (time, arrival) in [(record.first_time, record.first_arrival), (record.last_time, record.last_arrival)] {
            self.add(time, arrival);
        }
        self.packets = before.saturating_add(record.packets);
    }

    /// The record of a frame with these packets; the places are filled in by who writes it.
    pub(crate) fn record(&self) -> FrameRecord {
        let Self { packets, first_arrival, last_arrival, first_time, last_time } = *self;
        FrameRecord { packets, first_arrival, last_arrival, first_time, last_time, ..FrameRecord::default() }
    }
}

/// A frame that is being filled.
#[derive(Debug)]
pub(crate) struct FrameBuffer {
    memory: HalfPage,
    layout: Layout,
    /// Where the next byte goes.
    at: usize,
    /// Where the open piece (a block of a stored frame) began.
    piece_start: usize,
    /// `at` stays at or below it: the end of the open piece.
    piece_end: usize,
    /// `at` stays at or below it: the end of the frame.
    frame_end: usize,
    /// Pieces before the open one.
    pieces: Vec<(usize, usize)>,
    /// Bytes in `pieces`.
    pieces_bytes: usize,
    pub(crate) summary: Summary,
}

impl FrameBuffer {
    /// Two at a time share a huge page.
    pub(crate) fn pair() -> [Self; 2] {
        HalfPage::pair().map(Self::new)
    }

    fn new(memory: HalfPage) -> Self {
        Self {
            memory,
            layout: Layout::Contiguous,
            at: CONTENT_START,
            piece_start: CONTENT_START,
            piece_end: CONTENT_START,
            frame_end: CONTENT_START,
            pieces: Vec::with_capacity(64),
            pieces_bytes: 0,
            summary: Summary::default(),
        }
    }

    /// Empties it, for a frame of at most `content_bytes_max`.
    pub(crate) fn begin(&mut self, layout: Layout, content_bytes_max: usize) {
        self.layout = layout;
        self.at = CONTENT_START;
        self.piece_start = CONTENT_START;
        self.pieces.clear();
        self.pieces_bytes = 0;
        self.frame_end = (CONTENT_START + content_bytes_max).min(CONTENT_END_MAX);
        self.set_piece_end();
        self.summary = Summary::default();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.content_bytes() == 0
    }

    pub(crate) fn content_bytes(&self) -> usize {
        self.pieces_bytes + (self.at - self.piece_start)
    }

    /// Appends a packet if it fits into the open piece.
    #[inline]
    pub(crate) fn append(&mut self, packet: &Packet<'_>, snap: usize, arrival: u64) -> bool {
        let captured = packet.data.len().min(snap);
        let total = packet_block_bytes(captured, packet.direction, packet.arrival.is_some());
        if total > self.piece_end - self.at {
            return false;
        }
        let (at, end) = (self.at, self.piece_end);
        let Some(room) = self.memory.bytes_mut().get_mut(at..end) else { return false };
        self.at += put_packet_block(room, packet, captured);
        self.summary.add(packet.time, arrival);
        true
    }

    /// Begins a new piece; false if the frame has no room for a packet of this length then.
    pub(crate) fn next_piece(&mut self, captured: usize, direction: PacketDirection) -> bool {
        let total = packet_block_bytes(captured, direction, true);
        if self.layout == Layout::Contiguous || self.at + BLOCK_HEADER_BYTES + total > self.frame_end {
            return false;
        }
        self.end_piece();
        total <= self.piece_end - self.at
    }

    /// Appends a whole block of any length up to [`PACKET_BLOCK_BYTES_MAX`], over several pieces if it must be. The
    /// frame's limit gives way only if the frame is empty.
    pub(crate) fn append_long(&mut self, block: &[u8], time: Timestamp, arrival: u64) -> bool {
        let headers = BLOCK_HEADER_BYTES * (block.len() / BLOCK_BYTES_MAX + 1);
        let end = self.at + block.len() + headers;
        if end > CONTENT_END_MAX || (end > self.frame_end && !self.is_empty()) {
            return false;
        }
        self.frame_end = self.frame_end.max(end);
        self.set_piece_end();
        let mut rest = block;
        while !rest.is_empty() {
            if self.at == self.piece_end {
                self.end_piece();
            }
            let (now, later) = rest.split_at(rest.len().min(self.piece_end - self.at));
            self.memory.bytes_mut()[self.at..self.at + now.len()].copy_from_slice(now);
            self.at += now.len();
            rest = later;
        }
        self.summary.add(time, arrival);
        true
    }

    /// The content from `offset` on, in its pieces.
    pub(crate) fn content_from(&self, offset: usize) -> impl Iterator<Item = &[u8]> {
        let open = (self.piece_start, self.at - self.piece_start);
        let pieces = self.pieces.iter().copied().chain([open]);
        pieces.scan(offset, move |skip, (start, length)| {
            let passed = length.min(*skip);
            *skip -= passed;
            Some(&self.memory.bytes()[start + passed..start + length])
        })
    }

    /// The content in one piece; it must not be appended to afterwards.
    pub(crate) fn contiguous(&mut self) -> &[u8] {
        if !self.pieces.is_empty() {
            self.pieces.push((self.piece_start, self.at - self.piece_start));
            let mut to = CONTENT_START;
            for &(start, length) in &self.pieces {
                self.memory.bytes_mut().copy_within(start..start + length, to);
                to += length;
            }
            self.pieces.clear();
            self.pieces_bytes = 0;
            (self.piece_start, self.at) = (CONTENT_START, to);
            self.layout = Layout::Contiguous;
        }
        &self.memory.bytes()[CONTENT_START..self.at]
    }

    pub(crate) fn is_laid_out_as_stored(&self) -> bool {
        self.layout == Layout::Stored || self.content_bytes() <= BLOCK_BYTES_MAX
    }

    /// The frame as a stored zstd frame in place, padded so that it ends at a multiple of [`ALIGNMENT`] if it starts
    /// `Some(offset)` behind one. For frames that are laid out as stored.
    pub(crate) fn stored(&mut self, start_offset: Option<usize>) -> &[u8] {
        assert!(self.is_laid_out_as_stored(), "room for the headers was left when the frame was filled");
        let content_bytes = self.content_bytes();
        let padding = start_offset.map_or(0, |offset| padding_bytes(offset + self.at));
        let (piece_start, at) = (self.piece_start, self.at);
        let bytes = self.memory.bytes_mut();
        bytes[..STORED_HEADER_BYTES].copy_from_slice(&stored_header(content_bytes));
        let header = raw_block_header(at - piece_start, padding == 0);
        bytes[piece_start - BLOCK_HEADER_BYTES..piece_start].copy_from_slice(&header);
        pad(&mut bytes[at..at + padding]);
        &bytes[..at + padding]
    }

    fn end_piece(&mut self) {
        let length = self.at - self.piece_start;
        self.pieces.push((self.piece_start, length));
        self.pieces_bytes += length;
        let header = raw_block_header(length, false);
        self.memory.bytes_mut()[self.piece_start - BLOCK_HEADER_BYTES..self.piece_start].copy_from_slice(&header);
        self.at += BLOCK_HEADER_BYTES;
        self.piece_start = self.at;
        self.set_piece_end();
    }

    fn set_piece_end(&mut self) {
        self.piece_end = match self.layout {
            Layout::Contiguous => self.frame_end,
            Layout::Stored => self.frame_end.min(self.piece_start + BLOCK_BYTES_MAX),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::zstd_frame::{Measure, measure};
    use packet::capture::block::{Block, Blocks};

    fn packet(data: &[u8], arrival: u64) -> Packet<'_> {
        Packet {
            time: Timestamp(arrival as i64 * 1000),
            wire_bytes: data.len() as u32,
            data,
            interface: 0,
            direction: PacketDirection::Inbound,
            arrival: Some(arrival),
        }
    }

    /// Fills a frame with packets of the lengths in turn, and returns how many went in.
    fn fill(frame: &mut FrameBuffer, lengths: &[usize]) -> u64 {
        for arrival in 0.. {
            let data = vec![arrival as u8; lengths[arrival as usize % lengths.len()]];
            let packet = packet(&data, arrival);
            let fits = frame.append(&packet, usize::MAX, arrival)
                || (frame.next_piece(data.len(), packet.direction) && frame.append(&packet, usize::MAX, arrival))
                || {
                    let mut block = vec![0; packet_block_bytes(data.len(), packet.direction, true)];
                    put_packet_block(&mut block, &packet, data.len());
                    frame.append_long(&block, packet.time, arrival)
                };
            if !fits {
                return arrival;
            }
        }
        unreachable!("a frame is full at some time")
    }

    #[track_caller]
    fn check(lengths: &[usize], content_bytes_max: usize) {
        for layout in [Layout::Contiguous, Layout::Stored] {
            let [mut frame, _] = FrameBuffer::pair();
            frame.begin(layout, content_bytes_max);
            let packets = fill(&mut frame, lengths);
            assert!(packets > 0);
            assert_eq!(u64::from(frame.summary.packets), packets);
            let content = frame.content_from(0).collect::<Vec<_>>().concat();
            assert_eq!(content.len(), frame.content_bytes());
            assert!(content.len() <= content_bytes_max.max(300_000));
            let tail = frame.content_from(100).collect::<Vec<_>>().concat();
            assert_eq!(tail, content[100..]);
            let arrivals: Vec<_> = Blocks::new(&content)
                .map(|(_, block)| match block {
                    Block::Packet(packet) => packet.arrival.unwrap(),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(arrivals, (0..packets).collect::<Vec<_>>());
            if frame.is_laid_out_as_stored() {
                for start_offset in [None, Some(0), Some(1), Some(4095), Some(17)] {
                    let stored = frame.stored(start_offset).to_vec();
                    let whole = Measure::Whole { cbytes: stored.len(), ubytes: content.len(), stored: true };
                    assert_eq!(measure(&stored), whole);
                    assert_eq!(zstd::bulk::decompress(&stored, content.len()).unwrap(), content);
                    assert!(start_offset.is_none_or(|offset| (offset + stored.len()).is_multiple_of(ALIGNMENT)));
                    assert!(stored.len() <= FRAME_BYTES_MAX);
                }
            } else {
                assert_eq!(layout, Layout::Contiguous);
            }
            assert_eq!(frame.contiguous(), content);
        }
    }

    #[test]
    fn frames_hold_what_was_put_in() {
        check(&[60], FRAME_BYTES_MAX);
        check(&[1514], FRAME_BYTES_MAX);
        check(&[9000, 64, 0, 1514], FRAME_BYTES_MAX);
        check(&[65_549], FRAME_BYTES_MAX);
        check(&[131_000, 131_072, 140_000], FRAME_BYTES_MAX);
        check(&[262_144, 64], FRAME_BYTES_MAX);
        check(&[262_144], 16_384);
        check(&[1514], 16_384);
    }
}
