//! The packets of a block as a list, so that those of several rings can be brought into one order.

use packet::decode::decode_into;
use packet::{Headers, Timestamp};

use crate::frame::Frame;
use crate::link::Link;
use crate::ring::Block;

/// The packets of one block; what is listed points into it.
#[derive(Debug, Default)]
pub(crate) struct Run {
    block: Option<Block>,
    records: Vec<Record>,
    /// Of all packets, or of none.
    headers: Vec<Headers>,
    damaged: u32,
}

/// What [`Frame`] says, with the place of the bytes.
#[derive(Clone, Copy, Debug)]
struct Record {
    time: Timestamp,
    start: u32,
    captured_bytes: u32,
    wire_bytes: u32,
    interface_index: u32,
    hardware: u16,
    segment_payload_bytes: u16,
    packet_type: u8,
}

impl Run {
    /// Lists the packets of a block, with the memory of this run; `decodes` their headers too.
    pub(crate) fn list(mut self, mut block: Block, decodes: bool) -> Self {
        self.empty();
        let start = block.bytes().as_ptr().addr();
        self.records.reserve(block.packets() as usize);
        let mut frames = block.frames();
        for frame in frames.by_ref() {
            if decodes {
                self.headers.push(Headers::default());
                if let Some(headers) = self.headers.last_mut() {
                    decode_into(headers, Link::of_hardware(frame.hardware).link_type, frame.data, frame.wire_bytes);
                }
            }
            self.records.push(Record {
                time: frame.time,
                start: (frame.data.as_ptr().addr() - start) as u32,
                captured_bytes: frame.data.len() as u32,
                wire_bytes: frame.wire_bytes,
                interface_index: frame.interface_index,
                hardware: frame.hardware,
                segment_payload_bytes: frame.segment_payload_bytes,
                packet_type: frame.packet_type,
            });
        }
        self.damaged = frames.damaged();
        self.block = Some(block);
        self
    }

    /// Gives the block back to the kernel.
    pub(crate) fn empty(&mut self) {
        self.block = None;
        self.records.clear();
        self.headers.clear();
        self.damaged = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Packets that could not be read.
    pub(crate) fn damaged(&self) -> u32 {
        self.damaged
    }

    #[inline]
    pub(crate) fn time(&self, number: usize) -> Option<Timestamp> {
        self.records.get(number).map(|record| record.time)
    }

    #[inline]
    pub(crate) fn frame(&self, number: usize) -> Option<(Frame<'_>, Option<&Headers>)> {
        let record = self.records.get(number)?;
        let bytes = self.block.as_ref()?.bytes().get(record.start as usize..)?;
        let frame = Frame {
            time: record.time,
            wire_bytes: record.wire_bytes,
            data: bytes.get(..record.captured_bytes as usize)?,
            interface_index: record.interface_index,
            hardware: record.hardware,
            packet_type: record.packet_type,
            segment_payload_bytes: record.segment_payload_bytes,
        };
        Some((frame, self.headers.get(number)))
    }
}
