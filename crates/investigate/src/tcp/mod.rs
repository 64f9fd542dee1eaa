//! TCP: what each side said, in order (RFC 9293).
//!
//! How it is decided what was said stands in docs/streams.md.

mod fuzz;
mod half;
mod recent;
#[cfg(test)]
mod tests;

pub use fuzz::fuzz_tcp;

use half::Half;
use packet::Headers;
use packet::decode::Transport;

use crate::{At, Ends, Side};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Hears what is said in a connection, or by datagrams.
pub trait Listener {
    /// The next bytes of a side, all of one packet.
    fn data(&mut self, side: Side, at: At, data: &[u8]);

    /// Bytes of a side that are missing here.
    fn gap(&mut self, side: Side, at: At, bytes: u64);

    /// A side has ended.
    fn end(&mut self, side: Side, at: At, ends: Ends);

    /// Something that does not fit.
    fn oddity(&mut self, at: At, what: &'static str);
}

/// A segment, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number, valid with the ACK flag.
    pub ack: u32,
    /// Flags, as in the header.
    pub flags: u8,
    /// What was captured of the payload.
    pub data: &'a [u8],
    /// Length of the payload on the wire.
    pub wire_bytes: u32,
}

impl<'a> Segment<'a> {
    /// The segment of a packet whose payload was found; `None` if it is not TCP.
    #[inline]
    pub(crate) fn of(headers: &Headers, data: &'a [u8]) -> Option<Self> {
        match headers.transport {
            Transport::Tcp { seq, ack, flags, .. } => {
                Some(Self { seq, ack, flags, data, wire_bytes: headers.payload_bytes })
            }
            _ => None,
        }
    }

    /// Whether anything begins with it, where nothing was before.
    #[inline]
    pub(crate) fn begins(&self) -> bool {
        self.flags & SYN != 0 || (self.wire_bytes > 0 && self.flags & RST == 0)
    }
}

/// Both sides of a connection.
#[derive(Debug, Default)]
pub struct Connection {
    client: Half,
    server: Half,
}

impl Connection {
    /// Takes in a segment, in the order of arrival.
    pub fn segment(&mut self, side: Side, at: At, segment: &Segment<'_>, listener: &mut impl Listener) {
        let (mine, other) = match side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        };
        let Segment { mut seq, ack, flags, data, wire_bytes } = *segment;
        if flags & SYN != 0 {
            seq = seq.wrapping_add(1);
            mine.opens_at(seq);
            if flags & ACK != 0 {
                other.opens_at(ack);
            }
        }
        if flags & ACK != 0 {
            other.acknowledged(ack);
        }
        if flags & RST != 0 {
            mine.reset(seq);
            other.settle(side.other(), listener);
            return;
        }
        if wire_bytes > 0 {
            mine.take((side, at), seq, data, wire_bytes, listener);
        }
        if flags & FIN != 0 {
            mine.closes_at(seq.wrapping_add(wire_bytes), at);
        }
        mine.settle(side, listener);
        other.settle(side.other(), listener);
    }

    /// Nothing more comes: what waited for something is told, and each side ends. `at` is the last packet.
    pub fn finish(&mut self, at: At, listener: &mut impl Listener) {
        self.client.finish(Side::Client, at, listener);
        self.server.finish(Side::Server, at, listener);
    }

    /// Whether both sides have closed.
    pub fn has_ended(&self) -> bool {
        self.client.has_ended() && self.server.has_ended()
    }

    /// Whether something came that others have to come before.
    pub fn is_waiting(&self) -> bool {
        self.client.is_waiting() || self.server.is_waiting()
    }

    /// Bytes that it holds on to.
    pub fn held_bytes(&self) -> usize {
        self.client.held_bytes() + self.server.held_bytes()
    }
}
