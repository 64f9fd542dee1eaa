//! TDS of Microsoft SQL Server: who logs in, or the TLS hellos that are wrapped in it (MS-TDS 2.2).

use packet::Cursor;

use super::cutter::{Length, Talk, Talking};
use super::{Opening, Parties, Probe, Protocol, Recognised, Step, tls};
use crate::{At, Ends, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "tds", probe, begin: |parties| Box::new(Talking::new(Tds::new(parties))) };

const HEADER_BYTES: usize = 8;

/// Kinds of packets (2.2.3.1.1).
mod kind {
    pub(super) const ANSWER: u8 = 4;
    pub(super) const LOGIN: u8 = 0x10;
    pub(super) const BEFORE_LOGIN: u8 = 0x12;
}

struct Tds {
    tls: Box<dyn Protocol>,
    has_tls: bool,
    has_answered: bool,
}

impl Tds {
    fn new(parties: &Parties) -> Self {
        Self { tls: (tls::RECOGNISED.begin)(parties), has_tls: false, has_answered: false }
    }
}

impl Talk for Tds {
    const KEPT_BYTES_MAX: usize = 40 << 10;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        match (head.first(), head.get(2..).and_then(<[u8]>::first_chunk)) {
            (Some(1..=0x12), Some(bytes)) => match usize::from(u16::from_be_bytes(*bytes)) {
                length if length >= HEADER_BYTES => Length::Whole(length),
                _ => Length::Broken,
            },
            (Some(1..=0x12), None) => Length::More,
            // TLS without a wrapping, once it is agreed on
            _ => Length::Broken,
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], _is_whole: bool, sink: &mut dyn Sink) -> Step {
        let (kind, body) = (message.first().copied(), message.get(HEADER_BYTES..).unwrap_or_default());
        match (side, kind) {
            (_, Some(kind::BEFORE_LOGIN | kind::ANSWER)) if self.has_tls || matches!(body, [0x16, 3, ..]) => {
                self.has_tls = true;
                return match self.tls.data(side, at, body, sink) {
                    Step::Go => Step::Go,
                    _ => Step::Done,
                };
            }
            (Side::Client, Some(kind::LOGIN)) => {
                if login(at, body, sink).is_none() {
                    sink.oddity(at, "TDS login that cannot be read");
                }
                return Step::Done;
            }
            (Side::Server, Some(kind::ANSWER)) if !self.has_answered => {
                self.has_answered = true;
                if let Some(version) = version(body) {
                    sink.fact(at, Field::Software, &format!("Microsoft SQL Server {version}"));
                }
            }
            _ => {}
        }
        Step::Go
    }

    fn end(&mut self, side: Side, at: At, sink: &mut dyn Sink) {
        self.tls.end(side, at, Ends::CutOff, sink);
    }

    fn held_bytes(&self) -> usize {
        self.tls.held_bytes()
    }
}

/// The version among the options before the login.
fn version(body: &[u8]) -> Option<String> {
    let mut options = Cursor::new(body);
    let (0, offset, 6) = (options.u8()?, options.u16()?, options.u16()?) else { return None };
    let mut value = Cursor::new(body.get(usize::from(offset)..)?);
    Some(format!("{}.{}.{}", value.u8()?, value.u8()?, value.u16()?))
}

/// Offsets and lengths of texts, then the texts (2.2.6.4).
fn login(at: At, body: &[u8], sink: &mut dyn Sink) -> Option<()> {
    const FIXED_BYTES: usize = 36;
    let mut offsets = Cursor::new(body.get(FIXED_BYTES..)?);
    let names = ["host", "user", "password", "program", "server", "extension", "library", "language", "database"];
    for name in names {
        let offset = usize::from(u16::from_le_bytes(offsets.array()?));
        let units = usize::from(u16::from_le_bytes(offsets.array()?));
        if units == 0 || matches!(name, "password" | "extension" | "language") {
            continue;
        }
        let bytes = body.get(offset..)?.get(..2 * units)?;
        let units = bytes.as_chunks::<2>().0.iter().copied().map(u16::from_le_bytes);
        let text: String = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        match name {
            "host" => sink.fact(at, Field::HostName, &text),
            "user" => sink.fact(at, Field::User, &text),
            "program" => sink.fact(at, Field::Software, &text),
            name => sink.fact(at, Field::Detail, &format!("{name}={text}")),
        }
    }
    Some(())
}

/// A packet before the login, whose first option is the version; or whatever it is that was caught in the middle.
fn probe(opening: &Opening<'_>) -> Probe {
    let said = opening.client;
    let begins = |fixed: &[(usize, u8)]| fixed.iter().all(|(place, byte)| said.get(*place).is_none_or(|is| is == byte));
    if !opening.is_stream {
        return Probe::No;
    }
    if !begins(&[(0, kind::BEFORE_LOGIN), (1, 1), (4, 0), (5, 0), (8, 0), (11, 0), (12, 6)]) || said.is_empty() {
        return caught(opening);
    }
    if said.len() > 12 { Probe::Yes } else { Probe::More }
}

/// Requests (SQL, calls, attention, bulk, transactions) and answers with their length, and no window.
fn caught(opening: &Opening<'_>) -> Probe {
    const PORT: u16 = 1433;
    const FLAGS: u8 = 0x1f;
    let fits = |said: &[u8], kinds: &[u8]| match said {
        [kind, flags, high, low, _, _, _, 0, ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            kinds.contains(kind) && flags & !FLAGS == 0 && length > HEADER_BYTES && length <= said.len()
        }
        _ => false,
    };
    let asks = fits(opening.client, &[1, 3, 6, 7, 14]);
    match asks || fits(opening.server, &[kind::ANSWER]) {
        true if asks && fits(opening.server, &[kind::ANSWER]) => Probe::Yes,
        true if opening.server_port == PORT => Probe::Maybe,
        _ if opening.client.is_empty() || opening.server.is_empty() => match opening.server_port {
            PORT => Probe::More,
            _ => Probe::No,
        },
        _ => Probe::No,
    }
}
