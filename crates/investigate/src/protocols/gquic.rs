//! Google's QUIC before the standard, versions 24 to 50: the client's hello in the open or nearly so (Chromium, "QUIC Crypto").

use packet::Cursor;

use super::{Opening, Probe, Protocol, Recognised, Step, quic};
use crate::{At, Ends, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "gquic", probe, begin: |_| Box::new(Gquic { datagrams: 0 }) };

/// Datagrams in which the hello is looked for.
const DATAGRAMS_MAX: u8 = 16;
/// Values of a hello that are read.
const VALUES_MAX: usize = 128;

struct Gquic {
    datagrams: u8,
}

impl Protocol for Gquic {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        self.datagrams += 1;
        if let Some(version) = version(data).filter(|_| side == Side::Client) {
            sink.fact(at, Field::Version, &format!("QUIC {}", String::from_utf8_lossy(&version)));
        }
        // That of version 50 is sealed as the standard's.
        let opened = (side == Side::Client).then(|| quic::opened(data)).flatten();
        let data = opened.as_deref().unwrap_or(data);
        let hello = memchr::memmem::find(data, b"CHLO").and_then(|start| data.get(start..));
        if hello.and_then(|hello| tell(at, hello, sink)).is_some() || self.datagrams >= DATAGRAMS_MAX {
            return Step::Done;
        }
        Step::Go
    }

    fn end(&mut self, _side: Side, _at: At, _ends: Ends, _sink: &mut dyn Sink) {}
}

/// Tags with the ends of their values, then the values.
fn tell(at: At, hello: &[u8], sink: &mut dyn Sink) -> Option<()> {
    let mut cursor = Cursor::new(hello);
    cursor.skip(4)?;
    let count = usize::from(u16::from_le_bytes(cursor.array()?));
    cursor.skip(2)?;
    let values = Cursor::new(cursor.rest().get(count.checked_mul(8)?..)?).rest();
    let mut start = 0;
    for _ in 0..count.min(VALUES_MAX) {
        let tag: [u8; 4] = cursor.array()?;
        let end = u32::from_le_bytes(cursor.array()?) as usize;
        let value = || values.get(start..end).map(|value| String::from_utf8_lossy(value).into_owned());
        match &tag {
            b"SNI\0" => value().into_iter().for_each(|name| sink.fact(at, Field::TlsSni, &name)),
            b"UAID" => value().into_iter().for_each(|name| sink.fact(at, Field::HttpUserAgent, &name)),
            _ => {}
        }
        start = end;
    }
    Some(())
}

/// The version, behind flags and a connection identifier of eight bytes or after the first byte.
fn version(data: &[u8]) -> Option<[u8; 4]> {
    let first = *data.first()?;
    let is_version = |version: &[u8; 4]| version[0] == b'Q' && version[1..].iter().all(u8::is_ascii_digit);
    let at = |offset: usize| data.get(offset..)?.first_chunk::<4>().copied().filter(is_version);
    match first {
        _ if first & 0x80 != 0 => at(1),
        _ if first & 0x09 == 0x09 => at(9),
        _ => None,
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    if !opening.is_stream && version(opening.client).is_some() { Probe::Yes } else { Probe::No }
}
