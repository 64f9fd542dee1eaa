//! MySQL and MariaDB: greeting and login (chapter "Connection Phase" of the server's internals).

use packet::Cursor;

use super::cutter::{Length, Talk, Talking};
use super::{Opening, Probe, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "mysql", probe, begin: |_| Box::new(Talking::new(Mysql::default())) };

/// Length in three bytes, and a number in one.
const HEADER_BYTES: usize = 4;
/// Bytes of a request for TLS: the beginning of a login.
const TLS_REQUEST_BYTES: usize = HEADER_BYTES + 32;

/// What client and server can.
mod ability {
    pub(super) const DATABASE: u32 = 0x8;
    pub(super) const VERSION_41: u32 = 0x200;
    pub(super) const TLS: u32 = 0x800;
    pub(super) const SECURE: u32 = 0x8000;
    pub(super) const PLUGIN: u32 = 0x8_0000;
    pub(super) const LONG_SECRET: u32 = 0x20_0000;
}

const OK: u8 = 0;
const ERROR: u8 = 0xff;

#[derive(Default)]
struct Mysql {
    has_greeted: bool,
    has_login: bool,
}

impl Talk for Mysql {
    const KEPT_BYTES_MAX: usize = 16 << 10;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        match head.first_chunk::<3>() {
            Some([low, middle, high]) => {
                Length::Whole(HEADER_BYTES + u32::from_le_bytes([*low, *middle, *high, 0]) as usize)
            }
            None => Length::More,
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], _is_whole: bool, sink: &mut dyn Sink) -> Step {
        let body = message.get(HEADER_BYTES..).unwrap_or_default();
        match side {
            Side::Server if !self.has_greeted => {
                self.has_greeted = true;
                if body.first() == Some(&ERROR) {
                    error(at, body, sink);
                    return Step::Done;
                }
                greeting(at, body, sink);
            }
            Side::Server if self.has_login => match body.first() {
                Some(&ERROR) => {
                    error(at, body, sink);
                    return Step::Done;
                }
                Some(&OK) => return Step::Done,
                _ => {}
            },
            Side::Server => {}
            Side::Client if self.has_login => {}
            Side::Client => {
                let abilities = body.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
                if message.len() == TLS_REQUEST_BYTES && abilities & ability::TLS != 0 {
                    return Step::Turns(message.len());
                }
                self.has_login = true;
                if login(at, body, sink).is_none() {
                    sink.oddity(at, "MySQL login that cannot be read");
                }
            }
        }
        Step::Go
    }
}

fn greeting(at: At, body: &[u8], sink: &mut dyn Sink) -> Option<()> {
    let (version, rest) = body.split_first()?;
    let server = rest.split(|&byte| byte == 0).next()?;
    sink.fact(at, Field::Version, &format!("MySQL protocol {version}"));
    sink.fact(at, Field::Software, &format!("MySQL {}", String::from_utf8_lossy(server)));
    Some(())
}

fn login(at: At, body: &[u8], sink: &mut dyn Sink) -> Option<()> {
    let mut cursor = Cursor::new(body);
    let abilities = u32::from_le_bytes(cursor.array()?);
    if abilities & ability::VERSION_41 == 0 {
        cursor = Cursor::new(body.get(5..)?);
        sink.fact(at, Field::User, &text(&mut cursor)?);
        return Some(());
    }
    cursor.skip(4 + 1 + 23)?;
    sink.fact(at, Field::User, &text(&mut cursor)?);
    let secret = match abilities {
        _ if abilities & ability::LONG_SECRET != 0 => number(&mut cursor)?,
        _ if abilities & ability::SECURE != 0 => usize::from(cursor.u8()?),
        _ => {
            text(&mut cursor)?;
            0
        }
    };
    cursor.skip(secret)?;
    if abilities & ability::DATABASE != 0 {
        let database = text(&mut cursor)?;
        if !database.is_empty() {
            sink.fact(at, Field::Detail, &format!("database={database}"));
        }
    }
    if abilities & ability::PLUGIN != 0 {
        let name = text(&mut cursor).filter(|name| !name.is_empty());
        name.into_iter().for_each(|name| sink.fact(at, Field::Detail, &format!("authentication={name}")));
    }
    Some(())
}

fn error(at: At, body: &[u8], sink: &mut dyn Sink) -> Option<()> {
    let mut cursor = Cursor::new(body.get(1..)?);
    let code = u16::from_le_bytes(cursor.array()?);
    let text = String::from_utf8_lossy(cursor.rest());
    sink.fact(at, Field::Detail, &format!("error={code} {text}"));
    Some(())
}

/// Text up to a zero, or to the end.
fn text(cursor: &mut Cursor<'_>) -> Option<String> {
    let rest = cursor.rest();
    let length = memchr::memchr(0, rest).unwrap_or(rest.len());
    let text = String::from_utf8_lossy(cursor.take(length)?).into_owned();
    cursor.u8();
    Some(text)
}

/// A number in one, three, four or nine bytes.
fn number(cursor: &mut Cursor<'_>) -> Option<usize> {
    match cursor.u8()? {
        0xfc => Some(usize::from(u16::from_le_bytes(cursor.array()?))),
        0xfd => cursor.array().map(|[low, middle, high]| u32::from_le_bytes([low, middle, high, 0]) as usize),
        0xfe => usize::try_from(u64::from_le_bytes(cursor.array()?)).ok(),
        short => Some(usize::from(short)),
    }
}

/// The server's greeting: number 0, protocol 10 or 9, a version in digits; or an error instead of it.
fn probe(opening: &Opening<'_>) -> Probe {
    let mut cursor = Cursor::new(opening.server);
    if !opening.is_stream || (opening.first == Side::Client && !opening.client.is_empty()) {
        return Probe::No;
    }
    let Some(length) = cursor.array().map(|[low, middle, high]| u32::from_le_bytes([low, middle, high, 0])) else {
        return Probe::More;
    };
    let Some(number) = cursor.u8() else { return Probe::More };
    if number != 0 || !(5..=1024).contains(&length) {
        return Probe::No;
    }
    let Some(version) = cursor.u8() else { return Probe::More };
    let end = memchr::memchr(0, cursor.rest());
    match (version, cursor.rest(), end) {
        (9 | 10, [], _) => Probe::More,
        (9 | 10, [b'0'..=b'9', ..], None) if cursor.len() < 64 => Probe::More,
        (9 | 10, [b'0'..=b'9', ..], Some(end)) if end < 64 => Probe::Yes,
        // Codes of a server's own errors, and of the proxy's (1040 and on)
        (ERROR, [_, 4..=7, ..], _) => Probe::Yes,
        (ERROR, [] | [_], _) => Probe::More,
        _ => Probe::No,
    }
}
