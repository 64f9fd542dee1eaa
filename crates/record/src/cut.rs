//! What is left of a packet of which headers are kept.

use packet::{Headers, Packet};

/// A packet up to its payload, and at most so many bytes of it; what could not be decoded has no payload.
#[inline]
pub(crate) fn headers_of<'p>(packet: &Packet<'p>, headers: &Headers, bytes_max: usize) -> Packet<'p> {
    let bytes = match headers.payload_offset as usize {
        0 => packet.data.len(),
        payload => payload,
    };
    Packet { data: packet.data.get(..bytes.min(bytes_max)).unwrap_or(packet.data), ..*packet }
}
