//! MongoDB: who asks what of which database (its wire protocol: OP_QUERY, OP_MSG).

use packet::Cursor;

use super::cutter::{Length, Talk, Talking};
use super::once::Once;
use super::{Opening, Probe, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "mongodb", probe, begin: |_| Box::new(Talking::new(Mongodb::default())) };

const HEADER_BYTES: usize = 16;
const MESSAGE_BYTES_MAX: usize = 48_000_000;
/// Kinds of messages.
const REPLY: u32 = 1;
const QUERY: u32 = 2004;
const COMPRESSED: u32 = 2012;
const MESSAGE: u32 = 2013;
/// Documents within each other that are looked into, and members of one.
const DEPTH_MAX: u32 = 4;
const MEMBERS_MAX: usize = 64;

#[derive(Default)]
struct Mongodb {
    told: Once,
}

/// A value, as far as it matters.
enum Value<'a> {
    Text(String),
    Bytes(&'a [u8]),
    Document(&'a [u8]),
    Other,
}

impl Talk for Mongodb {
    const KEPT_BYTES_MAX: usize = 16 << 10;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        match header(head) {
            Err(Probe::More) => Length::More,
            Err(_) => Length::Broken,
            Ok((bytes, _)) => Length::Whole(bytes),
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], _is_whole: bool, sink: &mut dyn Sink) -> Step {
        let Ok((_, kind)) = header(message) else { return Step::Lost };
        let mut cursor = Cursor::new(message.get(HEADER_BYTES..).unwrap_or_default());
        // What is cut short is told as far as it goes.
        let _ = match (side, kind) {
            (Side::Client, QUERY) => self.query(at, &mut cursor, sink),
            (_, MESSAGE) => self.sections(side, at, &mut cursor, sink),
            (Side::Server, REPLY) => cursor.skip(20).map(|()| self.document(Side::Server, at, cursor.rest(), sink)),
            (_, COMPRESSED) => {
                self.told.tell(at, Field::Detail, "compressed", sink);
                None
            }
            _ => None,
        };
        Step::Go
    }

    fn held_bytes(&self) -> usize {
        self.told.held_bytes()
    }
}

impl Mongodb {
    /// Of a namespace such as "shop.$cmd" or "shop.orders".
    fn query(&mut self, at: At, cursor: &mut Cursor<'_>, sink: &mut dyn Sink) -> Option<()> {
        cursor.skip(4)?;
        let name = cstring(cursor)?;
        let (database, collection) = name.split_once('.')?;
        self.told.tell(at, Field::Detail, &format!("database={database}"), sink);
        cursor.skip(8)?;
        if collection == "$cmd" {
            self.document(Side::Client, at, cursor.rest(), sink);
        } else {
            self.told.tell(at, Field::Detail, &format!("command=find {collection}"), sink);
        }
        Some(())
    }

    /// The first section is a command, or its answer.
    fn sections(&mut self, side: Side, at: At, cursor: &mut Cursor<'_>, sink: &mut dyn Sink) -> Option<()> {
        const BODY: u8 = 0;
        cursor.skip(4)?;
        while let Some(kind) = cursor.u8() {
            if kind == BODY {
                self.document(side, at, cursor.rest(), sink);
                return Some(());
            }
            let bytes = usize::try_from(u32::from_le_bytes(cursor.array()?)).ok()?;
            cursor.skip(bytes.checked_sub(4)?)?;
        }
        Some(())
    }

    fn document(&mut self, side: Side, at: At, document: &[u8], sink: &mut dyn Sink) {
        let mut is_first = true;
        let mut mechanism = String::new();
        each_member(document, "", DEPTH_MAX, &mut |name, value| {
            let is_command = std::mem::take(&mut is_first) && side == Side::Client;
            match (side, name, value) {
                (Side::Client, "$db", Value::Text(database)) => {
                    self.told.tell(at, Field::Detail, &format!("database={database}"), sink);
                }
                (Side::Client, "mechanism" | "speculativeAuthenticate.mechanism", Value::Text(text)) => {
                    mechanism = text
                }
                (Side::Client, "payload" | "speculativeAuthenticate.payload", Value::Bytes(payload)) => {
                    if let Some(user) = scram_user(payload) {
                        self.told.tell(at, Field::User, &user, sink);
                    }
                }
                (
                    Side::Client,
                    "client.application.name" | "client.os.name" | "client.os.version",
                    Value::Text(text),
                ) => {
                    let of = if name.contains("os") { "os" } else { "application" };
                    self.told.tell(at, Field::Detail, &format!("{of}={text}"), sink);
                }
                (Side::Client, "client.driver.name", Value::Text(text)) => {
                    self.told.tell(at, Field::Software, &text, sink)
                }
                (Side::Server, "errmsg", Value::Text(text)) => {
                    self.told.tell(at, Field::Detail, &format!("error={text}"), sink);
                }
                (Side::Server, "version", Value::Text(text)) => {
                    self.told.tell(at, Field::Software, &format!("MongoDB {text}"), sink);
                }
                (_, name, Value::Text(collection)) if is_command => {
                    self.told.tell(at, Field::Detail, &format!("command={name} {collection}"), sink);
                }
                (_, name, _) if is_command => self.told.tell(at, Field::Detail, &format!("command={name}"), sink),
                _ => {}
            }
        });
        if !mechanism.is_empty() {
            self.told.tell(at, Field::Detail, &format!("authentication={mechanism}"), sink);
        }
    }
}

/// Each member of a document and of those within it, by its path (BSON 1.1).
fn each_member(document: &[u8], path: &str, depth: u32, tell: &mut impl FnMut(&str, Value<'_>)) -> Option<()> {
    let mut cursor = Cursor::new(document);
    cursor.skip(4)?;
    for _ in 0..MEMBERS_MAX {
        let kind = cursor.u8().filter(|kind| *kind != 0)?;
        let name = cstring(&mut cursor)?;
        let name = if path.is_empty() { name } else { format!("{path}.{name}") };
        let mut sized = |less: usize| {
            let bytes = usize::try_from(u32::from_le_bytes(cursor.array()?)).ok()?;
            cursor.take(bytes.checked_sub(less)?)
        };
        let value = match kind {
            0x02 | 0x0d | 0x0e => {
                let text = sized(0)?;
                Value::Text(String::from_utf8_lossy(text.strip_suffix(b"\0").unwrap_or(text)).into_owned())
            }
            0x03 | 0x04 => Value::Document(sized(4)?),
            0x05 => {
                let bytes = usize::try_from(u32::from_le_bytes(cursor.array()?)).ok()?;
                cursor.skip(1)?;
                Value::Bytes(cursor.take(bytes)?)
            }
            0x01 | 0x09 | 0x11 | 0x12 => cursor.skip(8).map(|()| Value::Other)?,
            0x07 => cursor.skip(12).map(|()| Value::Other)?,
            0x08 => cursor.skip(1).map(|()| Value::Other)?,
            0x10 => cursor.skip(4).map(|()| Value::Other)?,
            0x13 => cursor.skip(16).map(|()| Value::Other)?,
            0x06 | 0x0a | 0x7f | 0xff => Value::Other,
            _ => return None,
        };
        match value {
            Value::Document(inner) if depth > 1 => {
                tell(&name, Value::Other);
                // Its length stands before it.
                let inner = [&[0; 4], inner].concat();
                each_member(&inner, &name, depth - 1, tell);
            }
            value => tell(&name, value),
        }
    }
    Some(())
}

/// The user of a first message of SCRAM (RFC 5802), or of PLAIN.
fn scram_user(payload: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(payload);
    let (_, user) = text.split_once("n=").filter(|_| text.starts_with("n,") || text.starts_with("y,"))?;
    user.split(',').next().map(str::to_owned)
}

fn cstring(cursor: &mut Cursor<'_>) -> Option<String> {
    let end = memchr::memchr(0, cursor.rest())?;
    let text = String::from_utf8_lossy(cursor.take(end)?).into_owned();
    cursor.skip(1)?;
    Some(text)
}

/// Length and kind of a message: [`Probe::More`] if it goes on, [`Probe::No`] if it is none.
fn header(head: &[u8]) -> Result<(usize, u32), Probe> {
    let number = |place: usize| head.get(place..).and_then(<[u8]>::first_chunk).copied().map(u32::from_le_bytes);
    let bytes = number(0).ok_or(Probe::More)?;
    let bytes = usize::try_from(bytes).ok().filter(|bytes| (HEADER_BYTES..=MESSAGE_BYTES_MAX).contains(bytes));
    let bytes = bytes.ok_or(Probe::No)?;
    match number(12) {
        None => Err(Probe::More),
        Some(kind @ (REPLY | QUERY | COMPRESSED | MESSAGE)) => Ok((bytes, kind)),
        Some(_) => Err(Probe::No),
    }
}

/// A query of a namespace, or a message whose first section is a document.
fn probe(opening: &Opening<'_>) -> Probe {
    let client = opening.client;
    if !opening.is_stream {
        return Probe::No;
    }
    if client.is_empty() {
        return Probe::More;
    }
    match header(client) {
        Err(probe) => probe,
        Ok((bytes, QUERY)) => {
            match client.get(20..).and_then(|rest| memchr::memchr(0, rest.get(..128).unwrap_or(rest))) {
                None if client.len() < 148 => Probe::More,
                Some(end) if bytes >= 20 + end + 9 => {
                    let name = client.get(20..20 + end).unwrap_or_default();
                    let is_name = name.iter().all(u8::is_ascii_graphic) && name.contains(&b'.');
                    if is_name { Probe::Yes } else { Probe::No }
                }
                _ => Probe::No,
            }
        }
        Ok((bytes, MESSAGE)) => match client.get(16..26) {
            None => Probe::More,
            Some([_, 0, _, 0, kind, length @ ..]) if *kind <= 1 => {
                let inner = length.first_chunk().copied().map_or(0, u32::from_le_bytes);
                let is_within = usize::try_from(inner).is_ok_and(|inner| inner >= 5 && inner + 21 <= bytes);
                if is_within { Probe::Yes } else { Probe::No }
            }
            Some(_) => Probe::No,
        },
        Ok(_) => Probe::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Said;
    use crate::protocols::vectors::check;

    fn text(name: &str, text: &str) -> Vec<u8> {
        [&[2][..], name.as_bytes(), b"\0", &(text.len() as u32 + 1).to_le_bytes(), text.as_bytes(), b"\0"].concat()
    }

    fn number(name: &str) -> Vec<u8> {
        [&[0x10][..], name.as_bytes(), b"\0\x01\0\0\0"].concat()
    }

    fn binary(name: &str, bytes: &[u8]) -> Vec<u8> {
        [&[5][..], name.as_bytes(), b"\0", &(bytes.len() as u32).to_le_bytes(), b"\0", bytes].concat()
    }

    fn document(members: &[Vec<u8>]) -> Vec<u8> {
        let members = members.concat();
        [&(members.len() as u32 + 5).to_le_bytes(), &members[..], b"\0"].concat()
    }

    fn inner(name: &str, members: &[Vec<u8>]) -> Vec<u8> {
        [&[3][..], name.as_bytes(), b"\0", &document(members)].concat()
    }

    fn message(kind: u32, body: &[&[u8]]) -> Vec<u8> {
        let body = body.concat();
        [&(body.len() as u32 + 16).to_le_bytes()[..], b"\x01\0\0\0\0\0\0\0", &kind.to_le_bytes(), &body].concat()
    }

    /// By the manual of its wire protocol and the specification of BSON.
    #[test]
    fn who_asks_what() {
        let client = inner(
            "client",
            &[
                inner("driver", &[text("name", "PyMongo"), text("version", "3.7")]),
                inner("os", &[text("type", "Linux"), text("name", "Ubuntu")]),
                inner("application", &[text("name", "shop")]),
            ],
        );
        let hello = document(&[number("ismaster"), client]);
        let hello = message(QUERY, &[b"\0\0\0\0admin.$cmd\0\0\0\0\0\xff\xff\xff\xff", &hello]);
        let login = [
            number("saslStart"),
            text("mechanism", "SCRAM-SHA-1"),
            binary("payload", b"n,,n=bob,r=abc"),
            text("$db", "admin"),
        ];
        let login = message(MESSAGE, &[b"\0\0\0\0\0", &document(&login)]);
        let drop = message(MESSAGE, &[b"\0\0\0\0\0", &document(&[text("drop", "orders"), text("$db", "shop")])]);
        let failed = message(MESSAGE, &[b"\0\0\0\0\0", &document(&[number("ok"), text("errmsg", "no")])]);
        check(
            &RECOGNISED,
            &[Said::Client(&hello), Said::Client(&login), Said::Client(&drop), Said::Server(&failed)],
            &[
                (Field::Detail, "database=admin"),
                (Field::Detail, "command=ismaster"),
                (Field::Software, "PyMongo"),
                (Field::Detail, "os=Ubuntu"),
                (Field::Detail, "application=shop"),
                (Field::Detail, "command=saslStart"),
                (Field::User, "bob"),
                (Field::Detail, "authentication=SCRAM-SHA-1"),
                (Field::Detail, "command=drop orders"),
                (Field::Detail, "database=shop"),
                (Field::Detail, "error=no"),
            ],
        );
    }
}
