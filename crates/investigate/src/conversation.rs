//! One conversation: who speaks in it, and what they are told.

use crate::announced::Announced;
use crate::opening::{Beginning, Piece, Verdict};
use crate::protocols::{KNOWN, Parties, Protocol, Recognised, Step};
use crate::tcp::{Connection, Listener, Segment};
use crate::{At, Ends, Expected, Side, Sink};

/// How often a conversation can turn into another protocol.
const TURNS_MAX: u32 = 8;

/// A conversation, by a stream or by datagrams.
pub(crate) struct Conversation {
    parties: Parties,
    connection: Option<Box<Connection>>,
    talk: Talk,
    /// Its last packet.
    last: At,
}

/// What is said in it.
enum Talk {
    /// It is not known yet who speaks.
    Opening(Box<Beginning>, u32),
    /// A protocol follows it; how often it has turned.
    Speaking(Box<dyn Protocol>, u32),
    /// Nobody follows it any more.
    Over,
}

impl Conversation {
    pub(crate) fn new(parties: Parties, at: At) -> Self {
        let connection = parties.is_stream.then(Box::default);
        Self { parties, connection, talk: Talk::Opening(Box::default(), 0), last: at }
    }

    pub(crate) fn parties(&self) -> &Parties {
        &self.parties
    }

    /// Whether nobody follows it any more.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.talk, Talk::Over)
    }

    /// Whether nothing was said yet.
    #[inline]
    pub(crate) fn is_untouched(&self) -> bool {
        matches!(&self.talk, Talk::Opening(beginning, 0) if beginning.is_empty())
    }

    /// Whether something was said that nobody was told yet.
    pub(crate) fn is_waiting(&self) -> bool {
        let is_opening = matches!(&self.talk, Talk::Opening(beginning, _) if beginning.has_data());
        is_opening || (!self.is_over() && self.connection.as_ref().is_some_and(|connection| connection.is_waiting()))
    }

    /// A segment of its stream.
    #[inline]
    pub(crate) fn segment(&mut self, side: Side, at: At, segment: &Segment<'_>, sink: &mut dyn Sink) {
        self.last = at;
        let Some(mut connection) = self.connection.take() else { return };
        connection.segment(side, at, segment, &mut Told { conversation: self, sink });
        self.connection = Some(connection).filter(|connection| !self.is_over() && !connection.has_ended());
    }

    /// A datagram, of which `data` was captured and `cut_bytes` were not.
    pub(crate) fn datagram(&mut self, side: Side, at: At, data: &[u8], cut_bytes: u64, sink: &mut dyn Sink) {
        self.last = at;
        self.data(side, at, data, sink);
        if cut_bytes > 0 {
            self.gap(side, at, cut_bytes, sink);
        }
    }

    /// It was announced by another one: what speaks is known before anything is said.
    pub(crate) fn announced(&mut self, at: At, expected: &Expected, sink: &mut dyn Sink) {
        sink.protocol(at, expected.protocol);
        let known = KNOWN.iter().find(|known| known.name == expected.protocol);
        let mut protocol = match known {
            Some(known) => (known.begin)(&self.parties),
            None => Box::new(Announced::new(&self.parties)),
        };
        protocol.expected(at, expected, sink);
        self.talk = Talk::Speaking(protocol, 0);
    }

    /// Nothing more comes.
    pub(crate) fn finish(&mut self, sink: &mut dyn Sink) {
        let at = self.last;
        match self.connection.take() {
            Some(mut connection) => connection.finish(at, &mut Told { conversation: self, sink }),
            None if self.parties.is_stream => {}
            None => Side::BOTH.into_iter().for_each(|side| self.end(side, at, Ends::CutOff, sink)),
        }
        self.talk = Talk::Over;
    }

    /// Bytes that it takes, of a protocol those that it holds on to.
    #[inline]
    pub(crate) fn held_bytes(&self) -> usize {
        let talk_bytes = match &self.talk {
            Talk::Opening(beginning, _) => size_of::<Beginning>() + beginning.held_bytes(),
            Talk::Speaking(protocol, _) => protocol.held_bytes(),
            Talk::Over => 0,
        };
        let of_connection = |connection: &Connection| size_of::<Connection>() + connection.held_bytes();
        size_of::<Self>() + talk_bytes + self.connection.as_deref().map_or(0, of_connection)
    }

    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) {
        match &mut self.talk {
            Talk::Over => {}
            Talk::Opening(beginning, _) => {
                let verdict = beginning.data(side, at, data, &self.parties);
                if self.decide(verdict, at, sink) {
                    self.data(side, at, data, sink);
                }
            }
            Talk::Speaking(protocol, turns) => {
                let turns = *turns + 1;
                match protocol.data(side, at, data, sink) {
                    Step::Go => {}
                    Step::Turns(told) if turns <= TURNS_MAX => {
                        self.talk = Talk::Opening(Box::default(), turns);
                        match data.get(told..) {
                            None | Some([]) => {}
                            Some(rest) => self.data(side, at, rest, sink),
                        }
                    }
                    Step::Done | Step::Lost | Step::Turns(_) => self.talk = Talk::Over,
                }
            }
        }
    }

    fn gap(&mut self, side: Side, at: At, bytes: u64, sink: &mut dyn Sink) {
        match &mut self.talk {
            Talk::Over => {}
            Talk::Opening(beginning, _) => {
                let verdict = beginning.gap(side, at, bytes, &self.parties);
                if self.decide(verdict, at, sink) {
                    self.gap(side, at, bytes, sink);
                }
            }
            Talk::Speaking(protocol, turns) => {
                let turns = *turns + 1;
                match protocol.gap(side, at, bytes, sink) {
                    Step::Go => {}
                    Step::Turns(_) if turns <= TURNS_MAX => self.talk = Talk::Opening(Box::default(), turns),
                    Step::Done | Step::Lost | Step::Turns(_) => self.talk = Talk::Over,
                }
            }
        }
    }

    fn end(&mut self, side: Side, at: At, ends: Ends, sink: &mut dyn Sink) {
        match &mut self.talk {
            Talk::Over => {}
            Talk::Opening(beginning, _) => {
                let verdict = beginning.end(side, at, ends, &self.parties);
                self.decide(verdict, at, sink);
            }
            Talk::Speaking(protocol, _) => protocol.end(side, at, ends, sink),
        }
    }

    /// Lets the protocol begin that was recognised, with what was said so far; true if there is one.
    fn decide(&mut self, verdict: Verdict, at: At, sink: &mut dyn Sink) -> bool {
        let known: &Recognised = match verdict {
            Verdict::Wait => return false,
            Verdict::Nobody => {
                self.talk = Talk::Over;
                return false;
            }
            Verdict::Known(known) => known,
        };
        sink.protocol(at, known.name);
        let before = std::mem::replace(&mut self.talk, Talk::Over);
        let Talk::Opening(beginning, turns) = before else { return false };
        self.talk = Talk::Speaking((known.begin)(&self.parties), turns);
        beginning.replay(|side, at, piece, data| match piece {
            Piece::Data(_) => self.data(side, at, data, sink),
            Piece::Gap(bytes) => self.gap(side, at, bytes, sink),
            Piece::End(ends) => self.end(side, at, ends, sink),
        });
        true
    }
}

/// A connection tells its conversation.
struct Told<'a> {
    conversation: &'a mut Conversation,
    sink: &'a mut dyn Sink,
}

impl Listener for Told<'_> {
    #[inline]
    fn data(&mut self, side: Side, at: At, data: &[u8]) {
        self.conversation.data(side, at, data, self.sink);
    }

    fn gap(&mut self, side: Side, at: At, bytes: u64) {
        self.conversation.gap(side, at, bytes, self.sink);
    }

    fn end(&mut self, side: Side, at: At, ends: Ends) {
        self.conversation.end(side, at, ends, self.sink);
    }

    fn oddity(&mut self, at: At, what: &'static str) {
        self.sink.oddity(at, what);
    }
}
