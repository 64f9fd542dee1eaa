//! MQTT 3.1, 3.1.1 and 5: clients and topics (OASIS standards).

use packet::Cursor;

use super::cutter::{Length, Talk, Talking};
use super::{Opening, Probe, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "mqtt", probe, begin: |_| Box::new(Talking::new(Mqtt::default())) };

mod packet_kind {
    pub(super) const CONNECT: u8 = 1;
    pub(super) const CONNECTED: u8 = 2;
    pub(super) const PUBLISH: u8 = 3;
    pub(super) const SUBSCRIBE: u8 = 8;
}

const VERSION_5: u8 = 5;

#[derive(Default)]
struct Mqtt {
    version: u8,
}

impl Talk for Mqtt {
    const KEPT_BYTES_MAX: usize = 16 << 10;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        let mut cursor = Cursor::new(head);
        cursor.u8();
        match number(&mut cursor) {
            Ok(Some(length)) => Length::Whole(head.len() - cursor.len() + length),
            Ok(None) => Length::More,
            Err(TooLong) => Length::Broken,
        }
    }

    fn message(&mut self, _side: Side, at: At, message: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Step {
        if self.tell(at, message, sink).is_none() && is_whole {
            sink.oddity(at, "malformed MQTT packet");
        }
        Step::Go
    }
}

impl Mqtt {
    fn tell(&mut self, at: At, message: &[u8], sink: &mut dyn Sink) -> Option<()> {
        let mut cursor = Cursor::new(message);
        let first = cursor.u8()?;
        number(&mut cursor).ok()??;
        match first >> 4 {
            packet_kind::CONNECT => self.connect(at, &mut cursor, sink)?,
            packet_kind::CONNECTED => {
                cursor.u8()?;
                let code = cursor.u8()?;
                if code != 0 {
                    sink.fact(at, Field::Detail, &format!("refused={code}"));
                }
            }
            packet_kind::PUBLISH => {
                let topic = text(&mut cursor)?;
                if !topic.is_empty() {
                    sink.fact(at, Field::Detail, &format!("topic={topic}"));
                }
            }
            packet_kind::SUBSCRIBE => {
                cursor.skip(2)?;
                self.properties(&mut cursor)?;
                while !cursor.is_empty() {
                    sink.fact(at, Field::Detail, &format!("subscribe={}", text(&mut cursor)?));
                    cursor.skip(1)?;
                }
            }
            _ => {}
        }
        Some(())
    }

    fn connect(&mut self, at: At, cursor: &mut Cursor<'_>, sink: &mut dyn Sink) -> Option<()> {
        const WILL: u8 = 0x04;
        const USER: u8 = 0x80;
        text(cursor)?;
        self.version = cursor.u8()?;
        let flags = cursor.u8()?;
        cursor.skip(2)?;
        self.properties(cursor)?;
        let version = match self.version & 0x7f {
            3 => "MQTT 3.1".to_owned(),
            4 => "MQTT 3.1.1".to_owned(),
            version => format!("MQTT {version}"),
        };
        sink.fact(at, Field::Version, &version);
        sink.fact(at, Field::Detail, &format!("client_id={}", text(cursor)?));
        if flags & WILL != 0 {
            self.properties(cursor)?;
            sink.fact(at, Field::Detail, &format!("will_topic={}", text(cursor)?));
            let length = cursor.u16()?;
            cursor.skip(usize::from(length))?;
        }
        if flags & USER != 0 {
            sink.fact(at, Field::User, &text(cursor)?);
        }
        Some(())
    }

    /// Passes over the properties that version 5 has.
    fn properties(&self, cursor: &mut Cursor<'_>) -> Option<()> {
        if self.version == VERSION_5 {
            let length = number(cursor).ok()??;
            cursor.skip(length)?;
        }
        Some(())
    }
}

struct TooLong;

/// A number in at most four bytes, the low bits first.
fn number(cursor: &mut Cursor<'_>) -> Result<Option<usize>, TooLong> {
    let mut value = 0;
    for shift in [0, 7, 14, 21] {
        let Some(byte) = cursor.u8() else { return Ok(None) };
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(Some(value));
        }
    }
    Err(TooLong)
}

fn text(cursor: &mut Cursor<'_>) -> Option<String> {
    let length = cursor.u16()?;
    cursor.take(usize::from(length)).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// A request to connect, with the protocol's name.
fn probe(opening: &Opening<'_>) -> Probe {
    const CONNECT: u8 = packet_kind::CONNECT << 4;
    let mut cursor = Cursor::new(opening.client);
    match cursor.u8() {
        _ if !opening.is_stream => return Probe::No,
        None => return Probe::More,
        Some(CONNECT) => {}
        Some(_) => return Probe::No,
    }
    match number(&mut cursor) {
        Ok(Some(_)) => {}
        Ok(None) => return Probe::More,
        Err(TooLong) => return Probe::No,
    }
    let name = cursor.rest();
    let names: [&[u8]; 2] = [b"\0\x04MQTT", b"\0\x06MQIsdp"];
    match names {
        names if names.iter().any(|known| name.starts_with(known)) => Probe::Yes,
        names if names.iter().any(|known| known.starts_with(name)) => Probe::More,
        _ => Probe::No,
    }
}
