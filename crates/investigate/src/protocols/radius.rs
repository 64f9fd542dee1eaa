//! RADIUS: who logs in where (RFC 2865, RFC 2866).

use std::net::Ipv4Addr;

use packet::Cursor;

use super::{Opening, Probe, Protocol, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "radius", probe, begin: |_| Box::new(Radius) };

/// Code, identifier, length, authenticator.
const HEADER_BYTES: usize = 20;
const PORTS: [u16; 6] = [1645, 1646, 1812, 1813, 1700, 3799];

struct Radius;

impl Protocol for Radius {
    fn data(&mut self, _side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        if tell(at, data, sink).is_none() {
            sink.oddity(at, "malformed or cut RADIUS message");
        }
        Step::Go
    }
}

fn tell(at: At, data: &[u8], sink: &mut dyn Sink) -> Option<()> {
    sink.fact(at, Field::Detail, &format!("message={}", code_name(*data.first()?)?));
    let mut attributes = Cursor::new(data.get(HEADER_BYTES..length(data)?)?);
    while !attributes.is_empty() {
        let (kind, length) = (attributes.u8()?, attributes.u8()?);
        let value = attributes.take(usize::from(length).checked_sub(2)?)?;
        let text = String::from_utf8_lossy(value);
        let address = value.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes).to_string()).unwrap_or_default();
        match kind {
            1 => sink.fact(at, Field::User, &text),
            4 => sink.fact(at, Field::Detail, &format!("access_server={address}")),
            8 => sink.fact(at, Field::Detail, &format!("framed_address={address}")),
            18 => sink.fact(at, Field::Detail, &format!("reply={text}")),
            30 => sink.fact(at, Field::Detail, &format!("called_station={text}")),
            31 => sink.fact(at, Field::Detail, &format!("calling_station={text}")),
            32 => sink.fact(at, Field::HostName, &text),
            _ => {}
        }
    }
    Some(())
}

fn length(data: &[u8]) -> Option<usize> {
    data.get(2..)?.first_chunk().map(|bytes| usize::from(u16::from_be_bytes(*bytes)))
}

fn code_name(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "Access-Request",
        2 => "Access-Accept",
        3 => "Access-Reject",
        4 => "Accounting-Request",
        5 => "Accounting-Response",
        11 => "Access-Challenge",
        12 => "Status-Server",
        13 => "Status-Client",
        40 => "Disconnect-Request",
        41 => "Disconnect-ACK",
        42 => "Disconnect-NAK",
        43 => "CoA-Request",
        44 => "CoA-ACK",
        45 => "CoA-NAK",
        _ => return None,
    })
}

/// Attributes that fill what the length says, on one of its ports; or the first of them, if it is malformed or cut.
fn probe(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    let is_port = PORTS.contains(&opening.client_port) || PORTS.contains(&opening.server_port);
    if opening.is_stream || !is_port || said.first().and_then(|code| code_name(*code)).is_none() {
        return Probe::No;
    }
    let length = length(said).filter(|length| *length >= HEADER_BYTES).unwrap_or_default();
    let Some(attributes) = said.get(HEADER_BYTES..length.min(said.len())) else { return Probe::No };
    let mut cursor = Cursor::new(attributes);
    let mut fit = 0;
    while !cursor.is_empty() {
        let passed = cursor.skip(1).and_then(|()| cursor.u8()).and_then(|length| usize::from(length).checked_sub(2));
        if passed.and_then(|bytes| cursor.skip(bytes)).is_none() {
            return if fit > 0 { Probe::Maybe } else { Probe::No };
        }
        fit += 1;
    }
    if length <= said.len() { Probe::Yes } else { Probe::Maybe }
}
