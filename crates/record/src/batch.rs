//! Packets that go through the desk together.

use packet::{Packet, PacketDirection, Timestamp};

/// Packets in a batch: as many as the flow table warms its memory for at once.
pub const BATCH_MAX: usize = 32;

/// Some packets, each with the payload of the wire segments that it stands for.
#[derive(Clone, Debug)]
pub struct Batch<'b> {
    packets: [Packet<'b>; BATCH_MAX],
    segment_payload_bytes: [u16; BATCH_MAX],
    length: usize,
}

impl<'b> Batch<'b> {
    /// Without packets.
    pub fn new() -> Self {
        let none = Packet {
            time: Timestamp(0),
            wire_bytes: 0,
            data: &[],
            interface: 0,
            direction: PacketDirection::Unknown,
            arrival: None,
        };
        Self { packets: [none; BATCH_MAX], segment_payload_bytes: [0; BATCH_MAX], length: 0 }
    }

    /// Adds a packet; true if that was the last one that fits. One beyond that is not taken.
    #[inline]
    pub fn push(&mut self, packet: Packet<'b>, segment_payload_bytes: u16) -> bool {
        if let (Some(slot), Some(bytes)) =
            (self.packets.get_mut(self.length), self.segment_payload_bytes.get_mut(self.length))
        {
            *slot = packet;
            *bytes = segment_payload_bytes;
            self.length += 1;
        }
        self.length >= BATCH_MAX
    }

    /// The packets, with the payload of each wire segment, 0 for a single one.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (&Packet<'b>, u16)> {
        self.packets.iter().zip(self.segment_payload_bytes).take(self.length)
    }

    /// Number of packets.
    pub fn len(&self) -> usize {
        self.length
    }

    /// True without packets.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Forgets the packets.
    pub fn clear(&mut self) {
        self.length = 0;
    }
}

impl Default for Batch<'_> {
    fn default() -> Self {
        Self::new()
    }
}
