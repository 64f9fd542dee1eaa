//! What an IMAP client says: commands, literals within them, responses to challenges.

use super::fetched::Fetched;
use super::section::literal;
use super::{LINE_BYTES_MAX, RECOGNISED, tell, tell_product};
use crate::protocols::line::Lines;
use crate::protocols::mime::Message;
use crate::protocols::sasl::Exchange;
use crate::{At, Ends, Field, Side, Sink};

/// A command whose literals are longer is not looked at.
const COMMAND_BYTES_MAX: usize = 8 << 10;

/// One side of the conversation.
pub(super) struct Client {
    lines: Lines,
    /// The command as far as it has come, literals as quoted strings.
    command: Vec<u8>,
    mode: Mode,
    /// A command that changes what is spoken, until it is answered.
    pub(super) pending: Option<Pending>,
}

enum Mode {
    Lines,
    Literal { left: u64, content: Literal, is_immediate: bool },
    Login(Exchange),
}

enum Literal {
    Mail(Option<Box<Message>>),
    Text(Vec<u8>),
}

/// Whose answer matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) tag: Vec<u8>,
    pub(super) what: Asked,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Tls,
    Compression,
    Login,
}

impl Default for Client {
    fn default() -> Self {
        Self { lines: Lines::new(LINE_BYTES_MAX), command: Vec::new(), mode: Mode::Lines, pending: None }
    }
}

impl Client {
    /// Takes some of the bytes; how many.
    pub(super) fn data(&mut self, at: At, data: &[u8], fetched: &mut Fetched, sink: &mut dyn Sink) -> usize {
        match &mut self.mode {
            Mode::Lines | Mode::Login(_) => {
                let (taken, line) = self.lines.take(data);
                if let Some(line) = line.map(<[u8]>::to_vec) {
                    self.line(at, &line, fetched, sink);
                }
                taken
            }
            Mode::Literal { left, content, .. } => {
                let taken = usize::try_from(*left).map_or(data.len(), |left| left.min(data.len()));
                let piece = data.get(..taken).unwrap_or_default();
                match content {
                    Literal::Mail(message) => {
                        let message = message
                            .get_or_insert_with(|| Box::new(Message::begin(at, RECOGNISED.name, Side::Client, sink)));
                        message.data(at, piece, sink);
                    }
                    Literal::Text(text) => {
                        let room = COMMAND_BYTES_MAX.saturating_sub(text.len());
                        text.extend_from_slice(piece.get(..room).unwrap_or(piece));
                    }
                }
                *left -= taken as u64;
                if *left == 0 {
                    self.end_literal(at, Ends::Whole, sink);
                }
                taken
            }
        }
    }

    /// Bytes are missing.
    pub(super) fn gap(&mut self, at: At, bytes: u64, sink: &mut dyn Sink) {
        if let Mode::Literal { left, content, .. } = &mut self.mode {
            let within = bytes.min(*left);
            *left -= within;
            let is_done = *left == 0;
            if let Literal::Mail(message) = content {
                let message =
                    message.get_or_insert_with(|| Box::new(Message::begin(at, RECOGNISED.name, Side::Client, sink)));
                message.gap(at, within, sink);
            }
            if is_done {
                self.end_literal(at, Ends::Whole, sink);
            }
            if bytes == within {
                return;
            }
        }
        self.mode = Mode::Lines;
        self.command.clear();
        self.lines.gap();
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self, at: At, sink: &mut dyn Sink) {
        if matches!(self.mode, Mode::Literal { .. }) {
            self.end_literal(at, Ends::CutOff, sink);
        }
    }

    /// The server has answered the command with this tag.
    pub(super) fn answered(&mut self, tag: &[u8]) -> Option<Asked> {
        let is_refused = matches!(&self.mode, Mode::Literal { content: Literal::Mail(None), is_immediate: false, .. });
        if is_refused && self.command.starts_with(tag) {
            self.mode = Mode::Lines;
            self.command.clear();
        }
        let pending = self.pending.take_if(|pending| pending.tag == tag)?;
        if pending.what == Asked::Login && matches!(self.mode, Mode::Login(_)) {
            self.mode = Mode::Lines;
        }
        Some(pending.what)
    }

    pub(super) fn held_bytes(&self) -> usize {
        let literal = match &self.mode {
            Mode::Literal { content: Literal::Mail(Some(message)), .. } => message.held_bytes(),
            Mode::Literal { content: Literal::Text(text), .. } => text.capacity(),
            _ => 0,
        };
        self.lines.held_bytes() + self.command.capacity() + literal
    }

    fn line(&mut self, at: At, line: &[u8], fetched: &mut Fetched, sink: &mut dyn Sink) {
        if let Mode::Login(exchange) = &mut self.mode {
            exchange.response(line, at, sink);
            return;
        }
        if let Some(literal) = literal(line) {
            self.extend(literal.before);
            let is_mail = verb(&self.command).eq_ignore_ascii_case(b"APPEND") && !is_name_missing(&self.command);
            let content = if is_mail { Literal::Mail(None) } else { Literal::Text(Vec::new()) };
            self.mode = Mode::Literal { left: literal.bytes, content, is_immediate: literal.is_immediate };
            if literal.bytes == 0 {
                self.end_literal(at, Ends::Whole, sink);
            }
            return;
        }
        self.extend(line);
        let command = std::mem::take(&mut self.command);
        self.command(at, &command, fetched, sink);
    }

    fn extend(&mut self, text: &[u8]) {
        let room = LINE_BYTES_MAX.saturating_sub(self.command.len());
        self.command.extend_from_slice(text.get(..room).unwrap_or(text));
    }

    fn end_literal(&mut self, at: At, ends: Ends, sink: &mut dyn Sink) {
        let Mode::Literal { content, .. } = std::mem::replace(&mut self.mode, Mode::Lines) else { return };
        match content {
            Literal::Mail(Some(message)) => message.end(at, ends, sink),
            Literal::Mail(None) => {}
            Literal::Text(text) => {
                let mut quoted = vec![b'"'];
                for byte in text {
                    if matches!(byte, b'"' | b'\\') {
                        quoted.push(b'\\');
                    }
                    quoted.push(byte);
                }
                quoted.push(b'"');
                self.extend(&quoted);
            }
        }
    }

    fn command(&mut self, at: At, command: &[u8], fetched: &mut Fetched, sink: &mut dyn Sink) {
        let tag = command.split(|&byte| byte == b' ').next().unwrap_or_default();
        let rest = arguments(command);
        let mut pending = None;
        match verb(command).to_ascii_uppercase().as_slice() {
            b"LOGIN" => {
                tell(at, Field::User, strings(rest).first().map(Vec::as_slice).unwrap_or_default(), sink);
                pending = Some(Asked::Login);
            }
            b"AUTHENTICATE" => {
                let words = strings(rest);
                let mut exchange = Exchange::new(words.first().map(Vec::as_slice).unwrap_or_default());
                exchange.response(words.get(1).map(Vec::as_slice).unwrap_or_default(), at, sink);
                self.mode = Mode::Login(exchange);
                pending = Some(Asked::Login);
            }
            b"STARTTLS" => pending = Some(Asked::Tls),
            b"COMPRESS" => pending = Some(Asked::Compression),
            b"SELECT" | b"EXAMINE" => {
                fetched.clear(at, sink);
                if let Some(name) = strings(rest).first() {
                    sink.fact(at, Field::Detail, &format!("mailbox={}", String::from_utf8_lossy(name)));
                }
            }
            b"CLOSE" | b"UNSELECT" | b"LOGOUT" => fetched.clear(at, sink),
            b"FETCH" => fetched.asked(piece_bytes(rest)),
            b"UID" => {
                let rest = rest.trim_ascii_start();
                if rest.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"FETCH")) {
                    fetched.asked(piece_bytes(rest));
                }
            }
            b"ID" => tell_product(at, rest, sink),
            _ => {}
        }
        if let Some(what) = pending {
            self.pending = Some(Pending { tag: tag.to_vec(), what });
        }
    }
}

/// The words of a list of atoms and quoted strings; parentheses are passed over.
pub(super) fn strings(text: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'(' | b')' => {}
            b'"' => {
                let mut word = Vec::new();
                while let Some(byte) = bytes.next().filter(|&byte| byte != b'"') {
                    word.extend(if byte == b'\\' { bytes.next() } else { Some(byte) });
                }
                words.push(word);
            }
            _ => {
                let mut word = vec![byte];
                while let Some(byte) = bytes.next_if(|byte| !matches!(byte, b' ' | b'(' | b')')) {
                    word.push(byte);
                }
                words.push(word);
            }
        }
    }
    words
}

/// The second word of a command.
fn verb(command: &[u8]) -> &[u8] {
    command.split(|&byte| byte == b' ').nth(1).unwrap_or_default()
}

/// What follows the verb.
fn arguments(command: &[u8]) -> &[u8] {
    let mut spaces = command.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(at, _)| at);
    spaces.nth(1).and_then(|at| command.get(at + 1..)).unwrap_or_default()
}

/// Of an APPEND whose mailbox is still to come as a literal.
fn is_name_missing(command: &[u8]) -> bool {
    arguments(command).trim_ascii().is_empty()
}

/// How many bytes a FETCH asks for: `BODY.PEEK[]<0.20000>`.
fn piece_bytes(text: &[u8]) -> Option<u64> {
    let start = memchr::memmem::find(text, b"]<")? + 2;
    let inner = text.get(start..)?;
    let inner = inner.get(..inner.iter().position(|&byte| byte == b'>')?)?;
    let (_, bytes) = std::str::from_utf8(inner).ok()?.split_once('.')?;
    bytes.parse().ok()
}
