//! One side of a connection: heads and bodies, one behind the other.

use super::chunked::Next;
use super::framing::Framing;
use super::start_line;
use crate::protocols::http::{Body, end_of_lines};
use crate::{At, Ends, Sink};

/// A start line with its header fields.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// The last bytes before a piece among which a message may begin.
const SOUGHT_BYTES_MAX: usize = 4 << 10;

/// One side.
#[derive(Default)]
pub(super) struct Half {
    pub(super) state: State,
    /// What there is of a head.
    held: Vec<u8>,
    /// The thread was lost since the last message.
    pub(super) was_lost: bool,
}

/// What comes next.
#[derive(Default)]
pub(super) enum State {
    #[default]
    Head,
    Body {
        framing: Framing,
        body: Box<Body>,
        is_empty: bool,
    },
    /// Anything, until a message begins.
    Seeking,
}

/// How far one step came.
pub(super) enum Passed {
    /// So many bytes went by.
    Bytes(usize),
    /// A head is there, with so many bytes of this piece.
    Head { head: Vec<u8>, taken: usize },
}

impl Half {
    /// Takes some of the next bytes.
    pub(super) fn pass(&mut self, at: At, rest: &[u8], sink: &mut dyn Sink) -> Passed {
        match &mut self.state {
            State::Head => self.head(at, rest, sink),
            State::Seeking => Passed::Bytes(self.seek(rest)),
            State::Body { framing, body, is_empty } => match framing.next(rest) {
                Next::Data(bytes) => {
                    *is_empty = false;
                    body.data(at, rest.get(..bytes).unwrap_or_default(), sink);
                    if framing.body_bytes().is_some() && framing.is_at_end() {
                        self.end_body(at, Ends::Whole, sink);
                    }
                    Passed::Bytes(bytes)
                }
                Next::Frame(bytes) => Passed::Bytes(bytes),
                Next::End(bytes) => {
                    self.end_body(at, Ends::Whole, sink);
                    Passed::Bytes(bytes)
                }
                Next::Broken => {
                    sink.oddity(at, "malformed chunk");
                    self.end_body(at, Ends::CutOff, sink);
                    self.lose();
                    Passed::Bytes(0)
                }
            },
        }
    }

    /// A head was understood: its body comes, or the next head.
    pub(super) fn begin_body(&mut self, body: Option<(Framing, Box<Body>)>) {
        if let Some((framing, body)) = body {
            self.state = State::Body { framing, body, is_empty: true };
        }
    }

    /// The client had asked for leave to send its body, and got none.
    pub(super) fn forget_unsent_body(&mut self) {
        if matches!(self.state, State::Body { is_empty: true, .. }) {
            self.state = State::Head;
        }
    }

    /// Bytes are missing; gives back a head that they cut off.
    pub(super) fn gap(&mut self, at: At, bytes: u64, sink: &mut dyn Sink) -> Option<Vec<u8>> {
        if let State::Body { framing, body, is_empty } = &mut self.state {
            *is_empty = false;
            let (missed, goes_on) = framing.gap(bytes);
            body.gap(at, missed, sink);
            if framing.body_bytes().is_some() && framing.is_at_end() {
                self.end_body(at, Ends::Whole, sink);
            } else if !goes_on {
                self.end_body(at, Ends::CutOff, sink);
            }
            if goes_on {
                return None;
            }
        }
        let head = matches!(self.state, State::Head).then(|| std::mem::take(&mut self.held));
        self.lose();
        head
    }

    /// The side has ended; gives back a head that this cut off.
    pub(super) fn end(&mut self, at: At, ends: Ends, sink: &mut dyn Sink) -> Option<Vec<u8>> {
        if let State::Body { framing, .. } = &self.state {
            let ends = if framing.is_at_end() { ends } else { Ends::CutOff };
            self.end_body(at, ends, sink);
            return None;
        }
        matches!(self.state, State::Head).then(|| std::mem::take(&mut self.held))
    }

    pub(super) fn held_bytes(&self) -> usize {
        let body = match &self.state {
            State::Body { framing, .. } => framing.held_bytes() + size_of::<Body>(),
            _ => 0,
        };
        self.held.capacity() + body
    }

    fn head(&mut self, at: At, rest: &[u8], sink: &mut dyn Sink) -> Passed {
        if self.held.is_empty() {
            let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if blank > 0 {
                return Passed::Bytes(blank);
            }
            if !start_line::begins(rest) {
                self.lose();
                return Passed::Bytes(0);
            }
            if let Some(bytes) = end_of_lines(rest) {
                return Passed::Head { head: rest.get(..bytes).unwrap_or_default().to_vec(), taken: bytes };
            }
        }
        let before = self.held.len();
        self.held.extend(rest.iter().take(HEAD_BYTES_MAX.saturating_sub(before)));
        if before > 0 && !start_line::begins(&self.held) {
            self.held.truncate(before);
            self.was_lost = true;
            self.state = State::Seeking;
            return Passed::Bytes(0);
        }
        let from = before.saturating_sub(3);
        if let Some(bytes) = self.held.get(from..).and_then(end_of_lines) {
            let mut head = std::mem::take(&mut self.held);
            head.truncate(from + bytes);
            return Passed::Head { head, taken: (from + bytes).saturating_sub(before) };
        }
        if self.held.len() >= HEAD_BYTES_MAX {
            sink.oddity(at, "endless headers");
            self.held.clear();
            self.lose();
        }
        Passed::Bytes(rest.len())
    }

    fn end_body(&mut self, at: At, ends: Ends, sink: &mut dyn Sink) {
        if let State::Body { mut body, .. } = std::mem::take(&mut self.state) {
            body.end(at, ends, sink);
        }
    }

    fn lose(&mut self) {
        self.held.clear();
        self.was_lost = true;
        self.state = State::Seeking;
    }

    /// Looks for a message; what could be the start of one is held.
    fn seek(&mut self, rest: &[u8]) -> usize {
        let before = self.held.len();
        self.held.extend_from_slice(rest);
        if let Some(start) = start_line::find(&self.held) {
            let taken = start.saturating_sub(before);
            self.held.truncate(before);
            self.held.drain(..start.min(before));
            self.state = State::Head;
            return taken;
        }
        let line = memchr::memrchr(b'\n', &self.held).map_or(0, |end| end + 1);
        let kept = (self.held.len() - line).min(SOUGHT_BYTES_MAX);
        self.held.drain(..self.held.len() - kept);
        rest.len()
    }
}
