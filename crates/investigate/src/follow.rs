//! One conversation alone, whatever is spoken in it.

use packet::decode::Transport;
use packet::{Headers, Packet};

use crate::clock::Clock;
use crate::fragments::{Arrived, Fragments};
use crate::investigation::captured;
use crate::tcp::{Connection, Listener, Segment};
use crate::{At, Side};

/// Follows one flow: what its sides say goes to a [`Listener`]. A stream ends on both sides, datagrams just stop.
#[derive(Debug, Default)]
pub struct Follow {
    connection: Connection,
    fragments: Fragments,
    clock: Clock,
    packets: u64,
    /// Its last packet, if it is a stream.
    last: Option<At>,
}

impl Follow {
    /// Takes in a packet that `side` sent, in the order of arrival.
    pub fn packet(&mut self, side: Side, packet: &Packet<'_>, headers: &Headers, listener: &mut impl Listener) {
        self.clock.advance(packet.time);
        let at = At { flow: 0, time: packet.time, arrival: packet.arrival.unwrap_or(self.packets) };
        self.packets += 1;
        let Some(fragment) = headers.fragment else {
            return self.payload(side, at, headers, captured(packet.data, headers), listener);
        };
        let arrived = Arrived { at, side, fragment, packet, headers };
        let (whole, differs) = self.fragments.add(&arrived, self.clock.now());
        if differs {
            listener.oddity(at, "fragments overlap with different data");
        }
        if let Some(whole) = whole {
            self.payload(whole.side, at, &whole.headers, captured(&whole.data, &whole.headers), listener);
        }
    }

    /// Nothing more comes.
    pub fn finish(&mut self, listener: &mut impl Listener) {
        if let Some(at) = self.last {
            self.connection.finish(at, listener);
        }
    }

    fn payload(&mut self, side: Side, at: At, headers: &Headers, data: &[u8], listener: &mut impl Listener) {
        if let Some(segment) = Segment::of(headers, data) {
            self.last = Some(at);
            return self.connection.segment(side, at, &segment, listener);
        }
        if !data.is_empty() {
            listener.data(side, at, data);
        }
        let cut_bytes = u64::from(headers.payload_bytes).saturating_sub(data.len() as u64);
        if cut_bytes > 0 && headers.transport != Transport::None {
            listener.gap(side, at, cut_bytes);
        }
    }
}
