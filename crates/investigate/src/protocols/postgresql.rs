//! PostgreSQL's protocol 3: who connects to which database (chapter "Frontend/Backend Protocol" of its manual).

use packet::Cursor;

use super::cutter::{Length, Talk, Talking};
use super::{Opening, Probe, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "pgsql", probe, begin: |_| Box::new(Talking::new(Postgresql::default())) };

/// Bytes of the longest message with which a client begins.
const START_BYTES_MAX: usize = 10_000;
/// Parameters of one message that are read.
const PARAMETERS_MAX: usize = 64;

/// What a client begins with, in the place of the version.
mod begins {
    pub(super) const CANCEL: u32 = 80_877_102;
    pub(super) const TLS: u32 = 80_877_103;
    pub(super) const GSS: u32 = 80_877_104;
    pub(super) const VERSION_3: u32 = 0x0003_0000;
    pub(super) const VERSION_3_LAST: u32 = 0x0003_ffff;
}

#[derive(Default)]
struct Postgresql {
    /// The client asked whether the server can encrypt: the answer is one byte.
    asks: bool,
    has_started: bool,
}

impl Talk for Postgresql {
    const KEPT_BYTES_MAX: usize = 16 << 10;

    fn length(&self, side: Side, head: &[u8]) -> Length {
        match side {
            Side::Client if !self.has_started => match word(head, 0) {
                None => Length::More,
                Some(length) if (8..=START_BYTES_MAX).contains(&(length as usize)) => Length::Whole(length as usize),
                Some(_) => Length::Broken,
            },
            Side::Server if self.asks => Length::Whole(1),
            _ => match word(head, 1) {
                None => Length::More,
                Some(length) if length >= 4 && head.first().is_some_and(u8::is_ascii_alphanumeric) => {
                    let length = 1 + length as usize;
                    // Errors, parameters, authentication; data is passed over.
                    let is_wanted = side == Side::Server && matches!(head.first(), Some(b'E' | b'S' | b'R'));
                    if is_wanted { Length::Whole(length) } else { Length::Head(length) }
                }
                Some(_) => Length::Broken,
            },
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Step {
        match side {
            Side::Client if !self.has_started => self.begins(at, message, sink),
            Side::Client => Step::Go,
            Side::Server if self.asks => {
                self.asks = false;
                match message.first() {
                    Some(b'S') => Step::Turns(message.len()),
                    Some(b'G') => Step::Done,
                    _ => Step::Go,
                }
            }
            Side::Server => answered(at, message, is_whole, sink),
        }
    }
}

impl Postgresql {
    fn begins(&mut self, at: At, message: &[u8], sink: &mut dyn Sink) -> Step {
        match word(message, 4) {
            Some(begins::TLS | begins::GSS) => self.asks = true,
            Some(begins::CANCEL) => {
                sink.fact(at, Field::Detail, "request=cancel");
                return Step::Done;
            }
            Some(version @ begins::VERSION_3..=begins::VERSION_3_LAST) => {
                self.has_started = true;
                sink.fact(at, Field::Version, &format!("PostgreSQL protocol {}.{}", version >> 16, version & 0xffff));
                parameters(at, message.get(8..).unwrap_or_default(), sink);
            }
            _ => return Step::Lost,
        }
        Step::Go
    }
}

fn parameters(at: At, bytes: &[u8], sink: &mut dyn Sink) {
    let mut texts = bytes.split(|&byte| byte == 0).map(String::from_utf8_lossy);
    for _ in 0..PARAMETERS_MAX {
        let (Some(name), Some(value)) = (texts.next(), texts.next()) else { return };
        match name.as_ref() {
            "" => return,
            "user" => sink.fact(at, Field::User, &value),
            "application_name" => sink.fact(at, Field::Software, &value),
            "database" | "replication" => sink.fact(at, Field::Detail, &format!("{name}={value}")),
            _ => {}
        }
    }
}

fn answered(at: At, message: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Step {
    let body = message.get(5..).unwrap_or_default();
    let mut texts = body.split(|&byte| byte == 0);
    match message.first() {
        Some(b'S') if is_whole => {
            let (name, value) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
            if name == b"server_version" {
                sink.fact(at, Field::Software, &format!("PostgreSQL {}", String::from_utf8_lossy(value)));
            }
        }
        Some(b'R') => {
            if let Some(name) = word(body, 0).and_then(authentication_name) {
                sink.fact(at, Field::Detail, &format!("authentication={name}"));
            }
        }
        Some(b'E') => {
            let field = |kind: u8| body.split(|&byte| byte == 0).find_map(|field| field.strip_prefix(&[kind]));
            let (code, text) = (field(b'C').unwrap_or_default(), field(b'M').unwrap_or_default());
            let (code, text) = (String::from_utf8_lossy(code), String::from_utf8_lossy(text));
            sink.fact(at, Field::Detail, &format!("error={code} {text}"));
        }
        // Ready for queries: all that identifies has been said.
        Some(b'Z') => return Step::Done,
        _ => {}
    }
    Step::Go
}

fn authentication_name(kind: u32) -> Option<&'static str> {
    Some(match kind {
        2 => "kerberos",
        3 => "password",
        5 => "md5",
        7 => "gss",
        9 => "sspi",
        10 => "sasl",
        _ => return None,
    })
}

fn word(bytes: &[u8], offset: usize) -> Option<u32> {
    Cursor::new(bytes.get(offset..)?).u32()
}

/// A length and one of the words with which a client begins.
fn probe(opening: &Opening<'_>) -> Probe {
    if !opening.is_stream {
        return Probe::No;
    }
    let (Some(length), Some(version)) = (word(opening.client, 0), word(opening.client, 4)) else {
        return if opening.client.iter().take(2).all(|&byte| byte == 0) { Probe::More } else { Probe::No };
    };
    match version {
        begins::TLS | begins::GSS if length == 8 => Probe::Yes,
        begins::CANCEL if (16..=268).contains(&length) => Probe::Yes,
        begins::VERSION_3..=begins::VERSION_3_LAST if (8..=START_BYTES_MAX).contains(&(length as usize)) => {
            match opening.client.get(8..) {
                Some([]) | None => Probe::More,
                Some([0 | b'a'..=b'z' | b'_', ..]) => Probe::Yes,
                Some(_) => Probe::No,
            }
        }
        _ => Probe::No,
    }
}
