//! Packets that go through the desk together.

use packet::{Headers, Packet, PacketDirection, Timestamp};

/// Packets in a batch: as many as the flow table warms its memory for at once.
pub const BATCH_MAX: usize = 32;

/// Some packets, each with the payload of the wire segments that it stands for.
#[derive(Clone, Debug)]
pub struct Batch<'b> {
    packets: [Packet<'b>; BATCH_MAX],
    segment_payload_bytes: [u16; BATCH_MAX],
    /// Of packets that have been decoded already.
    headers: [Option<&'b Headers>; BATCH_MAX],
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
        Self {
            packets: [none; BATCH_MAX],
            segment_payload_bytes: [0; BATCH_MAX],
            headers: [None; BATCH_MAX],
            length: 0,
        }
    }

    /// Adds a packet; true if that was the last one that fits. One beyond that is not taken.
    #[inline]
    pub fn push(&mut self, packet: Packet<'b>, segment_payload_bytes: u16) -> bool {
        self.push_decoded(packet, segment_payload_bytes, None)
    }

    /// The same for a packet whose headers may have been decoded already.
    #[inline]
    pub(crate) fn push_decoded(
        &mut self,
        packet: Packet<'b>,
        segment_payload_bytes: u16,
        decoded: Option<&'b Headers>,
    ) -> bool {
        if let (Some(slot), Some(bytes), Some(headers)) = (
            self.packets.get_mut(self.length),
            self.segment_payload_bytes.get_mut(self.length),
            self.headers.get_mut(self.length),
        ) {
            *slot = packet;
            *bytes = segment_payload_bytes;
            *headers = decoded;
            self.length += 1;
        }
        self.length >= BATCH_MAX
    }

    /// For each packet its headers, if they have been decoded already.
    #[inline]
    pub(crate) fn decoded(&self) -> impl Iterator<Item = Option<&'b Headers>> {
        self.headers.iter().copied().take(self.length)
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
