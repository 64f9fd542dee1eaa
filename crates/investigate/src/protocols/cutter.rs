//! Cuts a stream into messages.

use super::{Protocol, Step};
use crate::{At, Ends, Side, Sink};

/// How long the message is that begins with these bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// More bytes will tell.
    More,
    /// So long; it is wanted whole.
    Whole(usize),
    /// So long, of which what is there now is enough.
    Head(usize),
    /// No message begins like this.
    Broken,
}

/// A conversation in messages, or in lines.
pub(crate) trait Talk: Send {
    /// Bytes of a message that are kept: of a longer one only so much is told.
    const KEPT_BYTES_MAX: usize;
    /// The byte after which a message begins, if there is one that never stands inside: where to go on after a gap.
    const ENDS_WITH: Option<u8> = None;

    /// How long the message is that begins with these bytes, of which there is at least one.
    fn length(&self, side: Side, head: &[u8]) -> Length;

    /// A message; if it isn't whole, its beginning. `Turns` counts from its start.
    fn message(&mut self, side: Side, at: At, message: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Step;

    /// One side has ended.
    fn end(&mut self, _side: Side, _at: At, _sink: &mut dyn Sink) {}

    /// Bytes that it holds on to.
    fn held_bytes(&self) -> usize {
        0
    }
}

/// One side of a stream, on its way to messages.
#[derive(Default)]
pub(crate) struct Cutter {
    /// The beginning of a message.
    held: Vec<u8>,
    /// Bytes still to come of a message that was told already.
    passing: u64,
    state: State,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Cutting,
    /// Bytes are missing: the next message begins after the byte that ends one.
    Seeking,
    /// Bytes are missing, and nothing tells where the next message begins.
    Deaf,
}

impl Cutter {
    /// The next bytes.
    pub(crate) fn feed<T: Talk>(&mut self, talk: &mut T, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let passed = usize::try_from(self.passing).unwrap_or(usize::MAX).min(data.len());
        self.passing -= passed as u64;
        let passed = passed + self.sought::<T>(data.get(passed..).unwrap_or_default());
        let data = data.get(passed..).unwrap_or_default();
        if data.is_empty() || self.state != State::Cutting {
            return Step::Go;
        }
        let mut held = std::mem::take(&mut self.held);
        let before = held.len();
        let (used, step) = if before == 0 {
            let (used, step) = self.cut(talk, (side, at), data, sink);
            held.extend_from_slice(data.get(used..).unwrap_or_default());
            (used, step)
        } else {
            held.extend_from_slice(data);
            let (used, step) = self.cut(talk, (side, at), &held, sink);
            held.drain(..used.min(held.len()));
            (used, step)
        };
        if step == Step::Go {
            self.held = held;
        }
        match step {
            Step::Turns(_) => Step::Turns((passed + used).saturating_sub(before)),
            step => step,
        }
    }

    /// So many bytes are missing.
    pub(crate) fn gap<T: Talk>(&mut self, talk: &mut T, side: Side, at: At, bytes: u64, sink: &mut dyn Sink) -> Step {
        let passed = self.passing.min(bytes);
        self.passing -= passed;
        let bytes = bytes - passed;
        if bytes == 0 || self.state != State::Cutting {
            return Step::Go;
        }
        let held = std::mem::take(&mut self.held);
        let length = if held.is_empty() { Length::More } else { talk.length(side, &held) };
        match length {
            Length::Whole(length) | Length::Head(length) if (length - held.len().min(length)) as u64 >= bytes => {
                self.passing = (length - held.len().min(length)) as u64 - bytes;
            }
            _ => self.state = if T::ENDS_WITH.is_some() { State::Seeking } else { State::Deaf },
        }
        if held.is_empty() {
            return Step::Go;
        }
        match talk.message(side, at, &held, false, sink) {
            Step::Turns(_) => Step::Lost,
            step => step,
        }
    }

    /// Nothing more comes.
    pub(crate) fn end<T: Talk>(&mut self, talk: &mut T, side: Side, at: At, sink: &mut dyn Sink) {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            talk.message(side, at, &held, false, sink);
        }
    }

    /// Whether bytes are missing, and nothing tells where to go on.
    pub(crate) fn is_deaf(&self) -> bool {
        self.state == State::Deaf
    }

    /// Bytes that are kept.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.len()
    }

    /// Bytes up to where a message begins after a gap.
    fn sought<T: Talk>(&mut self, data: &[u8]) -> usize {
        let (State::Seeking, Some(ending)) = (self.state, T::ENDS_WITH) else { return 0 };
        let Some(position) = memchr::memchr(ending, data) else { return data.len() };
        self.state = State::Cutting;
        position + 1
    }

    /// Tells the messages of `bytes`; how many bytes that were, and how it goes on.
    fn cut<T: Talk>(
        &mut self,
        talk: &mut T,
        (side, at): (Side, At),
        bytes: &[u8],
        sink: &mut dyn Sink,
    ) -> (usize, Step) {
        let mut used = 0;
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            let (length, is_enough) = match talk.length(side, rest) {
                Length::Whole(length) if length > 0 => (length, false),
                Length::Head(length) if length > 0 => (length, true),
                Length::More if rest.len() < T::KEPT_BYTES_MAX => break,
                _ => return (used, Step::Lost),
            };
            let there = rest.len().min(length);
            if there < length && !is_enough && there < T::KEPT_BYTES_MAX {
                break;
            }
            let message = rest.get(..there).unwrap_or_default();
            let step = talk.message(side, at, message, there == length, sink);
            self.passing = (length - there) as u64;
            match step {
                Step::Go => used += there,
                Step::Turns(bytes) => return (used + bytes, step),
                step => return (used + there, step),
            }
        }
        (used, Step::Go)
    }
}

/// The length of a line, its end included.
pub(crate) fn line(head: &[u8]) -> Length {
    memchr::memchr(b'\n', head).map_or(Length::More, |position| Length::Whole(position + 1))
}

/// A protocol that is a talk in both directions.
pub(crate) struct Talking<T> {
    talk: T,
    client: Cutter,
    server: Cutter,
}

impl<T: Talk> Talking<T> {
    /// Begins with it.
    pub(crate) fn new(talk: T) -> Self {
        Self { talk, client: Cutter::default(), server: Cutter::default() }
    }

    /// It can be followed no longer: what waits to be known better is told as it is.
    fn finish(&mut self, at: At, sink: &mut dyn Sink) {
        Side::BOTH.into_iter().for_each(|side| self.talk.end(side, at, sink));
    }

    fn side(&mut self, side: Side) -> (&mut T, &mut Cutter) {
        match side {
            Side::Client => (&mut self.talk, &mut self.client),
            Side::Server => (&mut self.talk, &mut self.server),
        }
    }
}

impl<T: Talk> Protocol for Talking<T> {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let (talk, cutter) = self.side(side);
        let step = cutter.feed(talk, side, at, data, sink);
        if step == Step::Lost {
            self.finish(at, sink);
        }
        step
    }

    fn gap(&mut self, side: Side, at: At, bytes: u64, sink: &mut dyn Sink) -> Step {
        let (talk, cutter) = self.side(side);
        let step = cutter.gap(talk, side, at, bytes, sink);
        if step == Step::Lost || (self.client.is_deaf() && self.server.is_deaf()) {
            self.finish(at, sink);
            return Step::Lost;
        }
        step
    }

    fn end(&mut self, side: Side, at: At, _ends: Ends, sink: &mut dyn Sink) {
        let (talk, cutter) = self.side(side);
        cutter.end(talk, side, at, sink);
        talk.end(side, at, sink);
    }

    fn held_bytes(&self) -> usize {
        self.client.held_bytes() + self.server.held_bytes() + self.talk.held_bytes()
    }
}
