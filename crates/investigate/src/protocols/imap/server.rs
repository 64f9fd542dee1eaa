//! What an IMAP server says: responses, and the literals within them.

use super::client::{Asked, Client};
use super::fetched::Fetched;
use super::section::{Section, literal, section};
use super::structure::parts;
use super::{LINE_BYTES_MAX, Turn, tell, tell_product};
use crate::protocols::line::Lines;
use crate::{At, Field, Sink};

/// One side of the conversation.
pub(super) struct Server {
    lines: Lines,
    pub(super) fetched: Fetched,
    literal: Option<Literal>,
    /// The mail that the response at hand tells of.
    mail: Option<u64>,
    is_greeted: bool,
}

struct Literal {
    left: u64,
    bytes: u64,
    offset: Option<u64>,
    is_wanted: bool,
}

impl Default for Server {
    fn default() -> Self {
        let lines = Lines::new(LINE_BYTES_MAX);
        Self { lines, fetched: Fetched::default(), literal: None, mail: None, is_greeted: false }
    }
}

impl Server {
    /// Takes some of the bytes: how many, and what they turn the conversation to.
    pub(super) fn data(&mut self, at: At, data: &[u8], client: &mut Client, sink: &mut dyn Sink) -> (usize, Turn) {
        let Some(literal) = &mut self.literal else {
            let (taken, line) = self.lines.take(data);
            let line = line.map(<[u8]>::to_vec);
            let turn = line.map_or(Turn::No, |line| self.line(at, &line, client, sink));
            return (taken, turn);
        };
        let taken = usize::try_from(literal.left).map_or(data.len(), |left| left.min(data.len()));
        literal.left -= taken as u64;
        if literal.is_wanted {
            self.fetched.data(at, data.get(..taken).unwrap_or_default(), sink);
        }
        self.end_literal(at, sink);
        (taken, Turn::No)
    }

    /// Bytes are missing.
    pub(super) fn gap(&mut self, at: At, bytes: u64, sink: &mut dyn Sink) {
        let mut beyond = bytes;
        if let Some(literal) = &mut self.literal {
            let within = bytes.min(literal.left);
            literal.left -= within;
            beyond -= within;
            if literal.is_wanted {
                self.fetched.gap(at, within, sink);
            }
            self.end_literal(at, sink);
        }
        if beyond > 0 {
            self.lines.gap();
            self.mail = None;
            self.is_greeted = true;
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.lines.held_bytes() + self.fetched.held_bytes()
    }

    fn end_literal(&mut self, at: At, sink: &mut dyn Sink) {
        if let Some(literal) = self.literal.take_if(|literal| literal.left == 0)
            && literal.is_wanted
        {
            self.fetched.done(at, literal.offset, literal.bytes, sink);
        }
    }

    /// A line, or what follows a literal of one.
    fn line(&mut self, at: At, line: &[u8], client: &mut Client, sink: &mut dyn Sink) -> Turn {
        let found = literal(line);
        let text = found.map_or(line, |literal| literal.before);
        let mut turn = Turn::No;
        if self.mail.is_none() {
            self.mail = fetch(text);
            if self.mail.is_none() && found.is_none() {
                turn = self.response(at, text, client, sink);
            }
        }
        if let Some(mail) = self.mail {
            self.items(mail, text);
        }
        match found {
            None => self.mail = None,
            Some(literal) => {
                let wanted = self.mail.and_then(|mail| section(literal.before).map(|section| (mail, section)));
                let offset = wanted.as_ref().and_then(|(_, (_, offset))| *offset);
                self.literal =
                    Some(Literal { left: literal.bytes, bytes: literal.bytes, offset, is_wanted: wanted.is_some() });
                if let Some((mail, (section, offset))) = wanted {
                    self.begin(at, mail, section, offset, sink);
                }
                self.end_literal(at, sink);
            }
        }
        turn
    }

    fn begin(&mut self, at: At, mail: u64, section: Section, offset: Option<u64>, sink: &mut dyn Sink) {
        self.fetched.begin(at, mail, section, offset, sink);
    }

    /// What a FETCH response says beside its contents.
    fn items(&mut self, mail: u64, text: &[u8]) {
        let after = |mark: &[u8]| memchr::memmem::find(text, mark).and_then(|at| text.get(at + mark.len()..));
        if let Some(rest) = after(b"RFC822.SIZE ") {
            let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
            let digits = rest.get(..end).and_then(|digits| std::str::from_utf8(digits).ok());
            if let Some(bytes) = digits.and_then(|digits| digits.parse().ok()) {
                self.fetched.size(mail, bytes);
            }
        }
        if let Some(rest) = after(b"BODYSTRUCTURE ") {
            let parts = parts(rest);
            if !parts.is_empty() {
                self.fetched.structure(mail, parts);
            }
        }
    }

    fn response(&mut self, at: At, line: &[u8], client: &mut Client, sink: &mut dyn Sink) -> Turn {
        let mut words = line.splitn(3, |&byte| byte == b' ');
        let (tag, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_ascii_uppercase());
        let text = words.next().unwrap_or_default();
        if tag == b"*" {
            match status.as_slice() {
                b"OK" | b"PREAUTH" | b"BYE" if !self.is_greeted => tell(at, Field::Software, without_code(text), sink),
                b"ID" => tell_product(at, text, sink),
                _ => {}
            }
            self.is_greeted = true;
            return Turn::No;
        }
        let is_ok = status == b"OK";
        if !is_ok && status != b"NO" && status != b"BAD" {
            return Turn::No;
        }
        match client.answered(tag) {
            Some(Asked::Tls) if is_ok => Turn::Tls,
            Some(Asked::Compression) if is_ok => Turn::Compressed,
            Some(Asked::Login) if is_ok => {
                sink.fact(at, Field::Detail, "login=accepted");
                Turn::No
            }
            _ => Turn::No,
        }
    }
}

/// The number of the mail that a response is about: `* 12 FETCH (`.
fn fetch(line: &[u8]) -> Option<u64> {
    let mut words = line.strip_prefix(b"* ")?.splitn(3, |&byte| byte == b' ');
    let number = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    words.next()?.eq_ignore_ascii_case(b"FETCH").then_some(number)
}

/// Text without its response code: `[CAPABILITY IMAP4rev1] ready`.
fn without_code(text: &[u8]) -> &[u8] {
    let end = text.strip_prefix(b"[").and_then(|code| code.iter().position(|&byte| byte == b']'));
    end.and_then(|end| text.get(end + 2..)).unwrap_or(text)
}
