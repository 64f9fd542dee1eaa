//! SMTP and LMTP (RFC 5321, RFC 2033): who sends mail to whom, and the mails themselves. PIPELINING (RFC 2920), CHUNKING
//! (RFC 3030), STARTTLS (RFC 3207), AUTH (RFC 4954).

mod command;
mod probe;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use self::command::Command;
use super::dotted::Dotted;
use super::line::Lines;
use super::mime::Message;
use super::sasl::Exchange;
use super::{Protocol, Recognised, Step};
use crate::{At, Ends, Field, Side, Sink};

/// SMTP, as it is recognised.
pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "smtp", probe: probe::probe, begin: |_| Box::new(Smtp::new()) };

/// A command line or reply (RFC 5321 4.5.3.1 allows 512, RFC 4954 more for AUTH).
const LINE_BYTES_MAX: usize = 16 << 10;

/// Commands that wait for their reply.
const WAITING_MAX: usize = 1024;

struct Smtp {
    client: Lines,
    server: Lines,
    mode: Mode,
    message: Option<Message>,
    dotted: Dotted,
    waiting: VecDeque<Waiting>,
    is_greeted: bool,
    has_gap: bool,
}

/// What the client's next bytes are.
enum Mode {
    Commands,
    /// Responses to challenges.
    Login(Exchange),
    /// A mail up to its dot.
    Text,
    /// A part of a mail, of a known size (BDAT).
    Chunk {
        left: u64,
        is_last: bool,
    },
}

/// What a reply will answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Data,
    StartTls,
    Login,
    Other,
}

impl Smtp {
    fn new() -> Self {
        Self {
            client: Lines::new(LINE_BYTES_MAX),
            server: Lines::new(LINE_BYTES_MAX),
            mode: Mode::Commands,
            message: None,
            dotted: Dotted::default(),
            waiting: VecDeque::new(),
            is_greeted: false,
            has_gap: false,
        }
    }

    /// Takes some of the client's bytes; how many.
    fn client(&mut self, at: At, data: &[u8], sink: &mut dyn Sink) -> usize {
        match &mut self.mode {
            Mode::Commands | Mode::Login(_) => {
                let (taken, line) = self.client.take(data);
                if let Some(line) = line.map(<[u8]>::to_vec) {
                    self.line(at, &line, sink);
                }
                taken
            }
            Mode::Text => {
                let message = self.message.get_or_insert_with(|| Message::begin(at, "smtp", Side::Client, sink));
                let Some(end) = self.dotted.data(data, |text| message.data(at, text, sink)) else { return data.len() };
                if self.dotted.ends_bare() {
                    sink.oddity(at, "a mail that ends with a bare line feed");
                }
                self.end_message(at, Ends::Whole, sink);
                self.wait(Waiting::Other);
                end
            }
            Mode::Chunk { left, is_last } => {
                let message = self.message.get_or_insert_with(|| Message::begin(at, "smtp", Side::Client, sink));
                let taken = usize::try_from(*left).map_or(data.len(), |left| left.min(data.len()));
                message.data(at, data.get(..taken).unwrap_or_default(), sink);
                *left = left.saturating_sub(taken as u64);
                let (is_done, is_last) = (*left == 0, *is_last);
                self.end_chunk(at, is_done, is_last, sink);
                taken
            }
        }
    }

    fn end_chunk(&mut self, at: At, is_done: bool, is_last: bool, sink: &mut dyn Sink) {
        if is_done && is_last {
            self.end_message(at, Ends::Whole, sink);
        } else if is_done {
            self.mode = Mode::Commands;
        }
    }

    fn line(&mut self, at: At, line: &[u8], sink: &mut dyn Sink) {
        if let Mode::Login(exchange) = &mut self.mode {
            if !command::is_command(line) {
                exchange.response(line, at, sink);
                return;
            }
            self.mode = Mode::Commands;
        }
        match command::read(line) {
            Command::Hello(name) => fact(at, Field::HostName, name, sink),
            Command::From(address) => fact(at, Field::MailFrom, address, sink),
            Command::To(address) => fact(at, Field::MailTo, address, sink),
            Command::Login { mechanism, initial } => {
                let mut exchange = Exchange::new(mechanism);
                exchange.response(initial, at, sink);
                self.mode = Mode::Login(exchange);
                return self.wait(Waiting::Login);
            }
            Command::StartTls => return self.wait(Waiting::StartTls),
            Command::Data => {
                self.mode = Mode::Text;
                self.dotted = Dotted::default();
                return self.wait(Waiting::Data);
            }
            Command::Chunk { bytes, is_last } => {
                self.mode = Mode::Chunk { left: bytes, is_last };
                self.end_chunk(at, bytes == 0, is_last, sink);
            }
            Command::Reset => self.end_message(at, Ends::CutOff, sink),
            Command::Other => {}
        }
        self.wait(Waiting::Other);
    }

    /// A reply's line; true when both sides turn to TLS.
    fn reply(&mut self, at: At, line: &[u8], sink: &mut dyn Sink) -> bool {
        let Some((code, is_last, text)) = command::reply(line) else { return false };
        if !self.is_greeted {
            self.is_greeted = true;
            if code == 220 && self.waiting.front() != Some(&Waiting::StartTls) {
                fact(at, Field::Software, text, sink);
                if is_last {
                    return false;
                }
            }
        }
        if !is_last {
            return false;
        }
        match self.waiting.pop_front() {
            Some(Waiting::StartTls) => return code == 220,
            Some(Waiting::Login) if code == 334 => self.waiting.push_front(Waiting::Login),
            Some(Waiting::Login) => {
                if matches!(self.mode, Mode::Login(_)) {
                    self.mode = Mode::Commands;
                }
                if code == 235 {
                    sink.fact(at, Field::Detail, "login=accepted");
                }
            }
            // Refused: what comes is no mail. After a gap it may be the answer to one whose end was lost.
            Some(Waiting::Data)
                if code != 354 && matches!(self.mode, Mode::Text) && (self.message.is_none() || self.has_gap) =>
            {
                self.end_message(at, Ends::CutOff, sink);
            }
            None if matches!(self.mode, Mode::Text) && self.has_gap => self.end_message(at, Ends::CutOff, sink),
            _ => {}
        }
        false
    }

    fn end_message(&mut self, at: At, ends: Ends, sink: &mut dyn Sink) {
        if let Some(message) = self.message.take() {
            message.end(at, ends, sink);
        }
        self.mode = Mode::Commands;
        self.has_gap = false;
    }

    fn wait(&mut self, waiting: Waiting) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(waiting);
        }
    }
}

impl Protocol for Smtp {
    fn held_bytes(&self) -> usize {
        self.message.as_ref().map_or(0, Message::held_bytes) + self.client.held_bytes() + self.server.held_bytes()
    }

    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let mut rest = data;
        while !rest.is_empty() {
            let taken = match side {
                Side::Client => self.client(at, rest, sink),
                Side::Server => {
                    let (taken, line) = self.server.take(rest);
                    if let Some(line) = line.map(<[u8]>::to_vec)
                        && self.reply(at, &line, sink)
                    {
                        sink.fact(at, Field::Detail, "starttls");
                        return Step::Turns(data.len() - rest.len() + taken);
                    }
                    taken
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        Step::Go
    }

    fn gap(&mut self, side: Side, at: At, bytes: u64, sink: &mut dyn Sink) -> Step {
        if side == Side::Server {
            self.server.gap();
            self.waiting.clear();
            self.is_greeted = true;
            return Step::Go;
        }
        match &mut self.mode {
            Mode::Commands | Mode::Login(_) => {
                self.client.gap();
                self.waiting.clear();
                self.mode = Mode::Commands;
            }
            Mode::Text => {
                self.has_gap = true;
                self.dotted.gap();
                let message = self.message.get_or_insert_with(|| Message::begin(at, "smtp", Side::Client, sink));
                message.gap(at, bytes, sink);
            }
            Mode::Chunk { left, is_last } => {
                let within = bytes.min(*left);
                *left -= within;
                let (is_done, is_last) = (*left == 0, *is_last);
                let message = self.message.get_or_insert_with(|| Message::begin(at, "smtp", Side::Client, sink));
                message.gap(at, within, sink);
                self.end_chunk(at, is_done, is_last, sink);
                if bytes > within {
                    self.client.gap();
                }
            }
        }
        Step::Go
    }

    fn end(&mut self, side: Side, at: At, _ends: Ends, sink: &mut dyn Sink) {
        if side == Side::Client {
            self.end_message(at, Ends::CutOff, sink);
        }
    }
}

fn fact(at: At, field: Field, text: &[u8], sink: &mut dyn Sink) {
    let text = String::from_utf8_lossy(text);
    if !text.trim().is_empty() {
        sink.fact(at, field, text.trim());
    }
}
