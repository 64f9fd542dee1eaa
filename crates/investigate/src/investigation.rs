//! From packets to what was said in them.

use packet::decode::{Fragment, Transport};
use packet::{Headers, Packet};

use crate::clock::Clock;
use crate::conversation::Conversation;
use crate::expectations::{Expectations, Overheard};
use crate::fragments::{Arrived, Fragments, Whole};
use crate::protocols::Parties;
use crate::table::{Seat, Table};
use crate::tcp::Segment;
use crate::{At, Expected, Side, Sink};

/// What an investigation may keep.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Conversations that are followed at once; beyond, the one that was silent for the longest ends.
    pub conversations_max: usize,
    /// Bytes that all of them hold on to; beyond, the same.
    pub held_bytes_max: usize,
    /// Nanoseconds after which a silent conversation ends.
    pub idle_ns: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { conversations_max: 1 << 16, held_bytes_max: 192 << 20, idle_ns: 900_000_000_000 }
    }
}

/// Follows the conversations of many flows at once. What it keeps is bounded by its [`Limits`].
pub struct Investigation {
    limits: Limits,
    conversations: Table,
    fragments: Fragments,
    expectations: Expectations,
    held_bytes: usize,
    packets: u64,
    clock: Clock,
}

/// A packet's payload, on its way to its conversation.
struct Payload<'a> {
    side: Side,
    at: At,
    headers: &'a Headers,
    /// What was captured of it.
    data: &'a [u8],
}

impl Investigation {
    /// Without conversations.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            conversations: Table::default(),
            fragments: Fragments::default(),
            expectations: Expectations::default(),
            held_bytes: 0,
            packets: 0,
            clock: Clock::default(),
        }
    }

    /// Takes in a packet, in the order of arrival. `flow` is a number that the packets of a flow have in common, and no
    /// other flow has; `side` sent it.
    pub fn packet(&mut self, flow: u64, side: Side, packet: &Packet<'_>, headers: &Headers, sink: &mut dyn Sink) {
        self.clock.advance(packet.time);
        let at = At { flow, time: packet.time, arrival: packet.arrival.unwrap_or(self.packets) };
        self.packets += 1;
        let data = captured(packet.data, headers);
        // The first of several that was not captured whole is told as it is: they cannot be put together.
        let is_cut = |fragment: &Fragment| fragment.offset == 0 && data.len() < headers.payload_bytes as usize;
        if let Some(fragment) = headers.fragment.filter(|fragment| !is_cut(fragment)) {
            let arrived = Arrived { at, side, fragment, packet, headers };
            let (whole, differs) = self.fragments.add(&arrived, self.clock.now());
            if differs {
                sink.oddity(at, "fragments overlap with different data");
            }
            let Some(whole) = whole else { return };
            let data = captured(&whole.data, &whole.headers);
            let at = At { flow: whole.at.flow, ..at };
            self.payload(&Payload { side: whole.side, at, headers: &whole.headers, data }, sink);
        } else {
            self.payload(&Payload { side, at, headers, data }, sink);
        }
        self.make_room(sink);
    }

    /// Says what announced the conversation whose first payload comes next, for the case that it was not heard.
    pub fn expect(&mut self, expected: Expected) {
        self.expectations.add_unheard(expected, self.clock.now());
    }

    /// A flow has ended.
    pub fn end(&mut self, flow: u64, sink: &mut dyn Sink) {
        if let Some((mut conversation, held_bytes)) = self.conversations.remove(flow) {
            self.held_bytes -= held_bytes;
            let parties = Some(*conversation.parties());
            let (expectations, now) = (&mut self.expectations, self.clock.now());
            conversation.finish(&mut Overheard { sink, expectations, now, parties });
        }
    }

    /// Whether something was said in a flow that cannot be told before more of it comes: it is out of order, or it is not
    /// known yet who speaks.
    pub fn is_waiting(&self, flow: u64) -> bool {
        self.conversations.of(flow).is_some_and(Conversation::is_waiting)
    }

    /// Every flow has ended.
    pub fn finish(&mut self, sink: &mut dyn Sink) {
        while let Some(Whole { at, side, data, headers }) = self.fragments.take_begun(self.clock.now()) {
            self.payload(&Payload { side, at, headers: &headers, data: captured(&data, &headers) }, sink);
        }
        while let Some((flow, _)) = self.conversations.oldest() {
            self.end(flow, sink);
        }
    }

    /// Bytes that the conversations hold on to.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Conversations that are followed.
    pub fn conversations(&self) -> usize {
        self.conversations.len()
    }

    fn payload(&mut self, payload: &Payload<'_>, sink: &mut dyn Sink) {
        let is_stream = match payload.headers.transport {
            Transport::Tcp { .. } => true,
            Transport::Udp => false,
            _ => return,
        };
        let flow = payload.at.flow;
        if self.conversations.active(flow, self.clock.now()).is_none() {
            let begins = match Segment::of(payload.headers, payload.data) {
                Some(segment) => segment.begins(),
                None => payload.headers.payload_bytes > 0,
            };
            let parties = Parties::of(payload.headers, payload.side, is_stream).filter(|_| begins);
            let Some(parties) = parties else { return };
            self.conversations.add(flow, self.clock.now(), Conversation::new(parties, payload.at));
        }
        let Self { conversations, expectations, clock, held_bytes, .. } = self;
        let Some(seat) = conversations.active(flow, clock.now()) else { return };
        hear(seat, payload, &mut Overheard { sink, expectations, now: clock.now(), parties: None }, held_bytes);
    }

    /// Ends what has been silent for long, or for the longest if there is too much.
    fn make_room(&mut self, sink: &mut dyn Sink) {
        while let Some((flow, active)) = self.conversations.oldest() {
            let is_full = self.conversations.len() > self.limits.conversations_max
                || self.held_bytes > self.limits.held_bytes_max;
            if !is_full && self.clock.now() - active <= self.limits.idle_ns {
                return;
            }
            self.end(flow, sink);
        }
    }
}

/// Tells a conversation what was said, and counts what it holds then.
fn hear(seat: &mut Seat, payload: &Payload<'_>, overheard: &mut Overheard<'_>, held_bytes: &mut usize) {
    let Payload { side, at, headers, data } = *payload;
    let Some(conversation) = seat.conversation.as_mut().filter(|conversation| !conversation.is_over()) else { return };
    overheard.parties = Some(*conversation.parties());
    if headers.payload_bytes > 0
        && conversation.is_untouched()
        && let Some(expected) = overheard.expectations.take(conversation.parties(), overheard.now)
    {
        conversation.announced(at, &expected, overheard);
    }
    match Segment::of(headers, data) {
        Some(segment) => conversation.segment(side, at, &segment, overheard),
        None => {
            let cut_bytes = u64::from(headers.payload_bytes).saturating_sub(data.len() as u64);
            conversation.datagram(side, at, data, cut_bytes, overheard);
        }
    }
    let before = std::mem::replace(&mut seat.held_bytes, conversation.held_bytes());
    *held_bytes = *held_bytes - before + seat.held_bytes;
}

/// What was captured of a packet's payload.
#[inline]
pub(crate) fn captured<'a>(packet: &'a [u8], headers: &Headers) -> &'a [u8] {
    let rest = packet.get(headers.payload_offset as usize..).unwrap_or_default();
    rest.get(..headers.payload_bytes as usize).unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Field;
    use crate::collected::Collected;

    /// The first of two fragments of a DNS answer, of which 58 bytes were captured: the question is in them. It does not
    /// matter whether the capture says that there was more on the wire.
    #[test]
    fn a_first_fragment_that_was_cut_is_told() {
        let data = [
            &b"\x45\0\x05\xdc\x12\x34\x20\0\x40\x11\0\0\xc0\0\x02\x01\xc6\x33\x64\x01"[..],
            b"\0\x35\x9c\x40\x06\xb5\0\0",
            b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x07example\x03com\0\0\x01\0\x01\xc0",
        ]
        .concat();
        for wire_bytes in [1500, data.len() as u32] {
            let headers = packet::decode(packet::LinkType::RAW, &data, wire_bytes);
            let packet = Packet {
                time: packet::Timestamp::default(),
                wire_bytes,
                data: &data,
                interface: 0,
                direction: packet::PacketDirection::Unknown,
                arrival: None,
            };
            let (mut investigation, mut told) = (Investigation::new(Limits::default()), Collected::default());
            investigation.packet(1, Side::Server, &packet, &headers, &mut told);
            investigation.finish(&mut told);
            assert_eq!(told.all(Field::DnsQuery), ["example.com"]);
        }
    }
}
