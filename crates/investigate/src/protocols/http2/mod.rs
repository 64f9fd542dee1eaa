//! HTTP/2 in the clear (RFC 9113): with prior knowledge, or after an upgrade; gRPC is just that.

mod frames;
mod hpack;
mod stream;
#[cfg(test)]
mod tests;

use packet::Cursor;

use self::frames::{END_HEADERS, END_STREAM, Frame, Frames, Kind, Next, PREFACE};
use self::hpack::Decoder;
use self::stream::Streams;
use super::http::{Asked, Headers};
use super::{Opening, Parties, Probe, Protocol, Recognised, Step};
use crate::{At, Ends, Field, Side, Sink};

/// A header block with its continuations.
const BLOCK_BYTES_MAX: usize = 128 << 10;
/// SETTINGS_HEADER_TABLE_SIZE.
const HEADER_TABLE_SIZE: u16 = 1;

/// HTTP/2, by the preface.
pub(crate) const RECOGNISED: Recognised =
    Recognised { name: NAME, probe, begin: |_: &Parties| Box::new(Http2::default()) };

pub(super) const NAME: &str = "http2";

fn probe(opening: &Opening<'_>) -> Probe {
    match opening.client {
        _ if !opening.is_stream => Probe::No,
        client if client.starts_with(PREFACE) => Probe::Yes,
        client if PREFACE.starts_with(client) => Probe::More,
        _ => Probe::No,
    }
}

/// One connection.
pub(super) struct Http2 {
    client: Talker,
    server: Talker,
    streams: Streams,
    has_version: bool,
}

/// What one side says, and how it is read.
#[derive(Default)]
struct Talker {
    frames: Frames,
    headers: Decoder,
    /// A header block that is not whole yet.
    block: Option<Block>,
    is_lost: bool,
}

struct Block {
    stream: u32,
    ends_stream: bool,
    is_promise: bool,
    bytes: Vec<u8>,
}

impl Default for Http2 {
    fn default() -> Self {
        let client = Talker { frames: Frames::with_preface(), ..Talker::default() };
        Self { client, server: Talker::default(), streams: Streams::default(), has_version: false }
    }
}

impl Http2 {
    /// What HTTP/1 was upgraded to: the request that asked for it becomes the first stream's (RFC 7540, section 3.2).
    pub(super) fn upgraded(asked: Asked) -> Self {
        let mut upgraded = Self::default();
        upgraded.streams.ask(1, asked);
        upgraded
    }
}

impl Protocol for Http2 {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let mut rest = data;
        while !rest.is_empty() && !self.talker(side).is_lost {
            let (taken, next) = self.talker(side).frames.next(rest);
            rest = rest.get(taken..).unwrap_or_default();
            match next {
                Next::Nothing => {}
                Next::Malformed => self.lose(side, at, sink),
                Next::Data { stream, bytes, ends } => self.streams.data(stream, side, at, bytes, ends, sink),
                Next::Frame { frame, payload } => self.frame(side, at, frame, &payload, sink),
            }
        }
        self.step()
    }

    fn gap(&mut self, side: Side, at: At, bytes: u64, sink: &mut dyn Sink) -> Step {
        match self.talker(side).frames.gap(bytes) {
            Some(Some((stream, ends))) => self.streams.gap(stream, side, at, bytes, ends, sink),
            Some(None) => {}
            None => self.lose(side, at, sink),
        }
        self.step()
    }

    fn end(&mut self, side: Side, at: At, _: Ends, sink: &mut dyn Sink) {
        self.streams.end_side(side, at, sink);
    }

    fn held_bytes(&self) -> usize {
        let talker = |talker: &Talker| {
            let block = talker.block.as_ref().map_or(0, |block| block.bytes.capacity());
            talker.frames.held_bytes() + talker.headers.held_bytes() + block
        };
        talker(&self.client) + talker(&self.server) + self.streams.held_bytes()
    }
}

impl Http2 {
    fn talker(&mut self, side: Side) -> &mut Talker {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn step(&self) -> Step {
        if self.client.is_lost && self.server.is_lost { Step::Lost } else { Step::Go }
    }

    /// Nothing more of this side can be understood: where frames begin, or what their headers refer to, is not known.
    fn lose(&mut self, side: Side, at: At, sink: &mut dyn Sink) {
        let talker = self.talker(side);
        talker.is_lost = true;
        talker.block = None;
        self.streams.end_side(side, at, sink);
    }

    fn frame(&mut self, side: Side, at: At, frame: Frame, payload: &[u8], sink: &mut dyn Sink) {
        let is_whole = frame.flags & END_HEADERS != 0;
        match frame.kind {
            Kind::Headers | Kind::PushPromise => {
                let is_promise = frame.kind == Kind::PushPromise;
                let mut cursor = Cursor::new(payload);
                let stream = match is_promise {
                    true => cursor.u32().unwrap_or(0) & 0x7fff_ffff,
                    false => frame.stream,
                };
                let ends_stream = !is_promise && frame.flags & END_STREAM != 0;
                self.talker(side).block =
                    Some(Block { stream, ends_stream, is_promise, bytes: cursor.rest().to_vec() });
            }
            Kind::Continuation => match &mut self.talker(side).block {
                Some(block) if block.bytes.len() + payload.len() <= BLOCK_BYTES_MAX => {
                    block.bytes.extend_from_slice(payload)
                }
                Some(_) => {
                    sink.oddity(at, "endless headers");
                    return self.lose(side, at, sink);
                }
                None => return self.lose(side, at, sink),
            },
            Kind::Reset => return self.streams.reset(frame.stream, at, sink),
            Kind::Settings => return self.settings(side, payload),
            Kind::Data | Kind::Other => return,
        }
        if let Some(block) = self.talker(side).block.take_if(|_| is_whole) {
            self.block(side, at, &block, sink);
        }
    }

    fn block(&mut self, side: Side, at: At, block: &Block, sink: &mut dyn Sink) {
        let Ok(headers) = self.talker(side).headers.decode(&block.bytes) else {
            sink.oddity(at, "malformed header block");
            return self.lose(side, at, sink);
        };
        if !std::mem::replace(&mut self.has_version, true) {
            sink.fact(at, Field::Version, "HTTP/2");
        }
        let (stream, ends) = (block.stream, block.ends_stream);
        if let Some(method) = headers.text(":method") {
            // What is promised is asked for by the server, on behalf of the client.
            let asker = if block.is_promise { side.other() } else { side };
            self.streams.request(stream, asker, at, &method, &headers, ends, sink);
        } else if let Some(status) = status(&headers) {
            self.streams.answer(stream, side, at, status, &headers, ends, sink);
        } else if ends {
            self.streams.data(stream, side, at, &[], true, sink);
        }
    }

    /// The size that one side allows is the size of the table by which it reads the other's headers.
    fn settings(&mut self, side: Side, payload: &[u8]) {
        let mut cursor = Cursor::new(payload);
        while let (Some(name), Some(value)) = (cursor.u16(), cursor.u32()) {
            if name == HEADER_TABLE_SIZE {
                self.talker(side.other()).headers.allow(usize::try_from(value).unwrap_or(usize::MAX));
            }
        }
    }
}

fn status(headers: &Headers<'_>) -> Option<u16> {
    headers.text(":status")?.parse().ok()
}
