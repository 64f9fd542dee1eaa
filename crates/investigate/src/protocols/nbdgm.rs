//! NetBIOS datagrams: who calls himself what (RFC 1002, 4.4).

use packet::Cursor;

use super::{Opening, Probe, Protocol, Recognised, Step, dns};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "nbdgm", probe, begin: |_| Box::new(Nbdgm) };

/// Kind, flags, identifier, address, port, length, offset.
const HEADER_BYTES: usize = 14;
/// A name in letters, with the length before it and the zero behind it.
const NAME_BYTES: usize = 34;

struct Nbdgm;

impl Protocol for Nbdgm {
    fn data(&mut self, _side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        if let Some((source, target)) = names(data) {
            // The kind of the name is no part of it.
            sink.fact(at, Field::HostName, source.split('<').next().unwrap_or(&source));
            sink.fact(at, Field::Detail, &format!("source={source}"));
            sink.fact(at, Field::Detail, &format!("target={target}"));
        }
        Step::Go
    }
}

fn names(data: &[u8]) -> Option<(String, String)> {
    let mut cursor = Cursor::new(data);
    if !(0x10..=0x12).contains(&cursor.u8()?) {
        return None;
    }
    cursor.skip(HEADER_BYTES - 1)?;
    let mut name = || {
        let bytes = cursor.take(NAME_BYTES)?.strip_prefix(&[32])?;
        dns::netbios_name(std::str::from_utf8(bytes.get(..32)?).ok()?)
    };
    Some((name()?, name()?))
}

fn probe(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    if !opening.is_stream && names(said).is_some() { Probe::Yes } else { Probe::No }
}
