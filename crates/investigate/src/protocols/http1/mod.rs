//! HTTP/1.0 and 1.1 (RFC 9112): requests and answers, and the files in their bodies.

mod chunked;
mod framing;
mod half;
mod start_line;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use self::framing::Framing;
use self::half::{Half, Passed, State};
use self::start_line::StartLine;
use super::http::{self, Asked, Headers};
use super::http2::{self, Http2};
use super::websocket::{self, WebSocket};
use super::{Opening, Parties, Probe, Protocol, Recognised, Step};
use crate::{At, Ends, Field, Side, Sink};

/// Requests that may wait for their answers.
const ASKED_MAX: usize = 512;

/// HTTP/1, by its start lines.
pub(crate) const RECOGNISED: Recognised =
    Recognised { name: NAME, probe, begin: |_: &Parties| Box::new(Http1::default()) };

const NAME: &str = "http";

fn probe(opening: &Opening<'_>) -> Probe {
    if !opening.is_stream {
        return Probe::No;
    }
    let sides = [opening.client, opening.server].map(start_line::probe);
    let caught_within = || [opening.client, opening.server].into_iter().any(|side| start_line::find(side).is_some());
    match sides {
        _ if sides.contains(&Probe::Yes) => Probe::Yes,
        _ if sides.contains(&Probe::Maybe) => Probe::Maybe,
        _ if sides.contains(&Probe::More) && !sides.contains(&Probe::No) => Probe::More,
        _ if caught_within() => Probe::Maybe,
        _ => Probe::No,
    }
}

/// One connection.
#[derive(Default)]
struct Http1 {
    client: Half,
    server: Half,
    /// Requests whose answers have not begun, the oldest first.
    asked: VecDeque<Asked>,
    /// What the connection turned into, where that is known from the upgrade.
    turned: Option<Box<dyn Protocol>>,
    has_version: bool,
}

/// What a head leads to.
enum Leads {
    /// A body, or none.
    Body(Option<(Framing, Box<http::Body>)>),
    /// Another protocol, which is recognised anew.
    Turn,
}

impl Protocol for Http1 {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let mut rest = data;
        while !rest.is_empty() {
            if let Some(turned) = &mut self.turned {
                return shifted(turned.data(side, at, rest, sink), data.len() - rest.len());
            }
            let passed = self.half(side).pass(at, rest, sink);
            match passed {
                Passed::Bytes(taken) => rest = rest.get(taken..).unwrap_or_default(),
                Passed::Head { head, taken } => {
                    rest = rest.get(taken..).unwrap_or_default();
                    match self.head(side, at, &head, sink) {
                        Leads::Body(body) => self.half(side).begin_body(body),
                        Leads::Turn => return Step::Turns(data.len() - rest.len()),
                    }
                }
            }
        }
        Step::Go
    }

    fn gap(&mut self, side: Side, at: At, bytes: u64, sink: &mut dyn Sink) -> Step {
        if let Some(turned) = &mut self.turned {
            return turned.gap(side, at, bytes, sink);
        }
        if let Some(head) = self.half(side).gap(at, bytes, sink) {
            self.partial_head(side, at, &head, sink);
        }
        Step::Go
    }

    fn end(&mut self, side: Side, at: At, ends: Ends, sink: &mut dyn Sink) {
        if let Some(turned) = &mut self.turned {
            return turned.end(side, at, ends, sink);
        }
        if let Some(head) = self.half(side).end(at, ends, sink) {
            self.partial_head(side, at, &head, sink);
        }
    }

    fn held_bytes(&self) -> usize {
        let asked: usize = self.asked.iter().map(|asked| asked.url.capacity()).sum();
        let turned = self.turned.as_ref().map_or(0, |turned| turned.held_bytes());
        self.client.held_bytes() + self.server.held_bytes() + asked + turned
    }
}

impl Http1 {
    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn head(&mut self, side: Side, at: At, head: &[u8], sink: &mut dyn Sink) -> Leads {
        let Some((line, headers)) = start_line::parse(head) else {
            self.half(side).state = State::Seeking;
            return Leads::Body(None);
        };
        if !self.has_version {
            self.has_version = true;
            sink.fact(at, Field::Version, &line.version());
        }
        match line {
            StartLine::Request { method, target, .. } => {
                Leads::Body(self.request(side, at, &method, &target, &headers, sink))
            }
            StartLine::Answer { status, .. } => self.answer(side, at, status, &headers, sink),
        }
    }

    fn request(
        &mut self,
        side: Side,
        at: At,
        method: &str,
        target: &str,
        headers: &Headers<'_>,
        sink: &mut dyn Sink,
    ) -> Option<(Framing, Box<http::Body>)> {
        let host = headers.text("host");
        let asked = http::tell_request(at, method, target, host.as_deref(), headers, sink);
        let framing = Framing::of_request(headers);
        let body = framing.map(|framing| {
            let size = framing.body_bytes();
            (framing, Box::new(http::request_body(NAME, side, &asked, headers, size)))
        });
        if self.asked.len() < ASKED_MAX {
            self.asked.push_back(asked);
        } else {
            sink.oddity(at, "too many requests without an answer");
        }
        body
    }

    fn answer(&mut self, side: Side, at: At, status: u16, headers: &Headers<'_>, sink: &mut dyn Sink) -> Leads {
        http::tell_answer(at, status, headers, sink);
        if status == 101 {
            return self.upgrade(side, at, headers, sink);
        }
        if status < 200 {
            return Leads::Body(None);
        }
        if std::mem::take(&mut self.half(side).was_lost) {
            // How many answers were lost nobody knows: a client that does not pipeline waits for its last request's.
            let answered = self.asked.len().saturating_sub(1);
            self.asked.drain(..answered);
        }
        let asked = self.asked.pop_front();
        if let Some(asked) = &asked {
            if asked.is_connect && status < 300 {
                self.half(side.other()).end(at, Ends::CutOff, sink);
                return Leads::Turn;
            }
            if asked.expects && status >= 300 {
                self.half(side.other()).forget_unsent_body();
            }
        }
        let framing = Framing::of_answer(status, asked.as_ref().is_some_and(|asked| asked.is_head), headers);
        Leads::Body(framing.map(|framing| {
            let size = framing.body_bytes();
            let body = http::answer_body(NAME, side, status, asked.as_ref(), headers, size);
            (framing.of_unasked(asked.is_none()), Box::new(body))
        }))
    }

    /// What the upgrade itself tells is what the next protocol needs; the others are recognised anew.
    fn upgrade(&mut self, side: Side, at: At, headers: &Headers<'_>, sink: &mut dyn Sink) -> Leads {
        let asked = self.asked.pop_front();
        self.half(side.other()).end(at, Ends::CutOff, sink);
        let (name, turned): (_, Box<dyn Protocol>) = match headers.text("upgrade") {
            Some(to) if to.eq_ignore_ascii_case("websocket") => {
                websocket::tell(at, headers.text("sec-websocket-protocol").as_deref(), sink);
                let extensions: Vec<_> = headers.list("sec-websocket-extensions").collect();
                (websocket::NAME, Box::new(WebSocket::new(&extensions.join(","))))
            }
            Some(to) if to.eq_ignore_ascii_case("h2c") => {
                (http2::NAME, Box::new(Http2::upgraded(asked.unwrap_or_default())))
            }
            _ => return Leads::Turn,
        };
        sink.protocol(at, name);
        self.turned = Some(turned);
        Leads::Body(None)
    }

    /// A head of which the rest is missing still says something.
    fn partial_head(&mut self, side: Side, at: At, head: &[u8], sink: &mut dyn Sink) {
        let whole_lines = memchr::memrchr(b'\n', head).and_then(|end| head.get(..=end));
        if let Some(lines) = whole_lines.filter(|lines| start_line::parse(lines).is_some()) {
            self.head(side, at, lines, sink);
        }
    }
}

/// What a protocol said that was given the end of a piece, of the whole piece.
fn shifted(step: Step, before: usize) -> Step {
    match step {
        Step::Turns(bytes) => Step::Turns(before + bytes),
        step => step,
    }
}
