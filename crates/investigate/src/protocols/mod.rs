//! What speaks in a conversation: recognised by its content, never by its port alone.

use crate::{At, Side, Sink};

/// A protocol at work on one conversation.
///
/// A stream's bytes come in order, each side by itself, in pieces of any size; a datagram comes whole, in one piece.
/// What it keeps is bounded, whatever it is told.
pub trait Protocol: Send {
    /// The next bytes of one side, or one datagram.
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step;

    /// So many bytes of one side are missing here: lost, cut off by the snap length, or beyond the kept head.
    fn gap(&mut self, side: Side, at: At, bytes: u64, sink: &mut dyn Sink) -> Step;

    /// One side has ended, as a close, a reset, idleness or the capture's end has it.
    fn end(&mut self, side: Side, at: At, sink: &mut dyn Sink);
}

/// Whether a protocol goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It does.
    Go,
    /// It has all that it wants: nothing more needs to be told to it.
    Done,
    /// It is not this protocol, or no longer one that can be followed.
    Lost,
    /// What follows on both sides is another protocol, to be recognised anew (STARTTLS, CONNECT, upgrade). The number of
    /// bytes, from the start of the piece, that still belonged to this one.
    Turns(usize),
}

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// It is another protocol.
    No,
    /// Too few bytes to say.
    More,
    /// It could be, where nothing says more; a port may decide between several.
    Maybe,
    /// It is this one.
    Yes,
}

/// The first bytes of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// What the client said first.
    pub client: &'a [u8],
    /// What the server said first.
    pub server: &'a [u8],
    /// Who spoke first; of a stream that began before the capture, whom it caught first.
    pub first: Side,
    /// Port of the client.
    pub client_port: u16,
    /// Port of the server.
    pub server_port: u16,
    /// Whether it is a stream (TCP) or datagrams (UDP).
    pub is_stream: bool,
}

/// A protocol that can be recognised.
pub struct Recognised {
    /// Its name, as `app_proto` says it.
    pub name: &'static str,
    /// What the first bytes say.
    pub probe: fn(&Opening<'_>) -> Probe,
    /// Begins with it.
    pub begin: fn() -> Box<dyn Protocol>,
}

/// Every protocol that can be recognised, the surest to recognise first.
pub const KNOWN: &[Recognised] = &[];
