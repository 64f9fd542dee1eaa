//! Streams of a connection: a request, its answer, and a body of each.

use std::collections::BTreeMap;

use super::NAME;
use crate::protocols::http::{self, Asked, Body, Headers};
use crate::{At, Ends, Side, Sink};

/// Streams at once; beyond, the oldest is given up.
const STREAMS_MAX: usize = 1024;

#[derive(Default)]
pub(super) struct Streams {
    streams: BTreeMap<u32, Stream>,
}

#[derive(Default)]
struct Stream {
    asked: Option<Asked>,
    client: Said,
    server: Said,
}

/// How far one side of a stream is.
#[derive(Default)]
enum Said {
    #[default]
    Nothing,
    Body(Box<Body>),
    /// In a tunnel, or without a body.
    NoBody,
    Ended,
}

impl Streams {
    /// What was asked before the connection was HTTP/2.
    pub(super) fn ask(&mut self, stream: u32, asked: Asked) {
        self.streams.insert(stream, Stream { asked: Some(asked), client: Said::Ended, server: Said::Nothing });
    }

    #[expect(clippy::too_many_arguments, reason = "a message has that many parts")]
    pub(super) fn request(
        &mut self,
        id: u32,
        side: Side,
        at: At,
        method: &str,
        headers: &Headers<'_>,
        ends: bool,
        sink: &mut dyn Sink,
    ) {
        let host = headers.text(":authority").or_else(|| headers.text("host"));
        let target = headers.text(":path").unwrap_or_default();
        let asked = http::tell_request(at, method, &target, host.as_deref(), headers, sink);
        let body = http::request_body(NAME, side, &asked, headers, headers.content_length());
        let is_tunnel = asked.is_connect;
        let stream = self.stream(id, at, sink);
        stream.asked = Some(asked);
        stream.begin(side, Some(body).filter(|_| !is_tunnel), at, sink);
        if ends {
            self.data(id, side, at, &[], true, sink);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a message has that many parts")]
    pub(super) fn answer(
        &mut self,
        id: u32,
        side: Side,
        at: At,
        status: u16,
        headers: &Headers<'_>,
        ends: bool,
        sink: &mut dyn Sink,
    ) {
        http::tell_answer(at, status, headers, sink);
        if status < 200 {
            return;
        }
        let stream = self.stream(id, at, sink);
        let is_bodiless = stream.asked.as_ref().is_some_and(|asked| asked.is_head || asked.is_connect);
        let body = http::answer_body(NAME, side, status, stream.asked.as_ref(), headers, headers.content_length());
        stream.begin(side, Some(body).filter(|_| !is_bodiless), at, sink);
        if ends {
            self.data(id, side, at, &[], true, sink);
        }
    }

    pub(super) fn data(&mut self, id: u32, side: Side, at: At, bytes: &[u8], ends: bool, sink: &mut dyn Sink) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if let Said::Body(body) = stream.said(side)
            && !bytes.is_empty()
        {
            body.data(at, bytes, sink);
        }
        if ends {
            stream.end(side, Ends::Whole, at, sink);
        }
        self.forget_ended(id);
    }

    pub(super) fn gap(&mut self, id: u32, side: Side, at: At, bytes: u64, ends: bool, sink: &mut dyn Sink) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if let Said::Body(body) = stream.said(side) {
            body.gap(at, bytes, sink);
        }
        if ends {
            stream.end(side, Ends::Whole, at, sink);
        }
        self.forget_ended(id);
    }

    /// A stream was given up by one of its sides.
    pub(super) fn reset(&mut self, id: u32, at: At, sink: &mut dyn Sink) {
        if let Some(mut stream) = self.streams.remove(&id) {
            Side::BOTH.into_iter().for_each(|side| stream.end(side, Ends::CutOff, at, sink));
        }
    }

    /// Nothing more comes of one side.
    pub(super) fn end_side(&mut self, side: Side, at: At, sink: &mut dyn Sink) {
        for stream in self.streams.values_mut() {
            stream.end(side, Ends::CutOff, at, sink);
        }
        self.streams.retain(|_, stream| !stream.has_ended());
    }

    pub(super) fn held_bytes(&self) -> usize {
        let asked: usize = self.streams.values().filter_map(|stream| Some(stream.asked.as_ref()?.url.capacity())).sum();
        asked + self.streams.len() * (size_of::<Stream>() + size_of::<Body>())
    }

    fn stream(&mut self, id: u32, at: At, sink: &mut dyn Sink) -> &mut Stream {
        if self.streams.len() >= STREAMS_MAX && !self.streams.contains_key(&id) {
            sink.oddity(at, "too many streams at once");
            if let Some(oldest) = self.streams.keys().next().copied() {
                self.reset(oldest, at, sink);
            }
        }
        self.streams.entry(id).or_default()
    }

    fn forget_ended(&mut self, id: u32) {
        if self.streams.get(&id).is_some_and(Stream::has_ended) {
            self.streams.remove(&id);
        }
    }
}

impl Stream {
    fn said(&mut self, side: Side) -> &mut Said {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn begin(&mut self, side: Side, body: Option<Body>, at: At, sink: &mut dyn Sink) {
        self.end(side, Ends::CutOff, at, sink);
        *self.said(side) = body.map_or(Said::NoBody, |body| Said::Body(Box::new(body)));
    }

    fn end(&mut self, side: Side, ends: Ends, at: At, sink: &mut dyn Sink) {
        if let Said::Body(mut body) = std::mem::replace(self.said(side), Said::Ended) {
            body.end(at, ends, sink);
        }
    }

    fn has_ended(&self) -> bool {
        matches!((&self.client, &self.server), (Said::Ended, Said::Ended))
    }
}
