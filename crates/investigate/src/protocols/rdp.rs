//! RDP: the cookie, what is negotiated, the client's name if nothing encrypts it (MS-RDPBCGR).

use packet::Cursor;

use super::cutter::{Length, Talk, Talking};
use super::{Opening, Probe, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "rdp", probe, begin: |_| Box::new(Talking::new(Rdp)) };

/// TPKT (RFC 1006): version, reserved, length of it all.
const TPKT_VERSION: u8 = 3;
const TPKT_BYTES: usize = 4;
const COOKIE: &[u8] = b"Cookie: mstshash=";
const TOKEN: &[u8] = b"Cookie: msts=";

/// Kinds of X.224 and of negotiation (2.2.1.1, 2.2.1.2).
mod kind {
    pub(super) const CONNECTION_REQUEST: u8 = 0xe0;
    pub(super) const CONNECTION_CONFIRM: u8 = 0xd0;
    pub(super) const NEGOTIATION_REQUEST: u8 = 1;
    pub(super) const NEGOTIATION_RESPONSE: u8 = 2;
    pub(super) const NEGOTIATION_FAILURE: u8 = 3;
}

struct Rdp;

impl Talk for Rdp {
    const KEPT_BYTES_MAX: usize = 16 << 10;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        let mut cursor = Cursor::new(head);
        match (cursor.u8(), cursor.u8(), cursor.u16()) {
            (Some(TPKT_VERSION), _, Some(length)) if length > 6 => Length::Whole(usize::from(length)),
            (Some(TPKT_VERSION), _, None) => Length::More,
            // What is sent fast needs no TPKT (2.2.9.1.2): nothing that identifies comes any more.
            _ => Length::Broken,
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], _is_whole: bool, sink: &mut dyn Sink) -> Step {
        let kind = message.get(TPKT_BYTES + 1).map(|kind| kind & 0xf0);
        match (side, kind) {
            (Side::Client, Some(kind::CONNECTION_REQUEST)) => {
                request(at, message, sink);
                Step::Go
            }
            (Side::Server, Some(kind::CONNECTION_CONFIRM)) => confirm(at, message, sink),
            (Side::Client, Some(_)) => {
                if client_core(at, message, sink).is_some() {
                    Step::Done
                } else {
                    Step::Go
                }
            }
            _ => Step::Go,
        }
    }
}

fn request(at: At, message: &[u8], sink: &mut dyn Sink) {
    for (prefix, field) in [(COOKIE, Field::User), (TOKEN, Field::Detail)] {
        if let Some(start) = memchr::memmem::find(message, prefix) {
            let value = message.get(start + prefix.len()..).unwrap_or_default();
            let value = value.split(|&byte| byte == b'\r').next().unwrap_or_default();
            let value = String::from_utf8_lossy(value);
            match field {
                Field::User => sink.fact(at, Field::User, &value),
                _ => sink.fact(at, Field::Detail, &format!("routing_token={value}")),
            }
        }
    }
    if let Some((kind::NEGOTIATION_REQUEST, protocols)) = negotiation(message) {
        sink.fact(at, Field::Detail, &format!("requested={}", protocol_names(protocols)));
    }
}

fn confirm(at: At, message: &[u8], sink: &mut dyn Sink) -> Step {
    match negotiation(message) {
        Some((kind::NEGOTIATION_RESPONSE, selected)) => {
            sink.fact(at, Field::Detail, &format!("selected={}", protocol_names(selected)));
            if selected == 0 { Step::Go } else { Step::Turns(message.len()) }
        }
        Some((kind::NEGOTIATION_FAILURE, code)) => {
            sink.fact(at, Field::Detail, &format!("refused={code}"));
            Step::Done
        }
        _ => Step::Go,
    }
}

/// The negotiation at the end of a message: its kind and its number.
fn negotiation(message: &[u8]) -> Option<(u8, u32)> {
    const BYTES: usize = 8;
    let (_, last) = message.split_at_checked(message.len().checked_sub(BYTES)?)?;
    match last {
        [kind @ 1..=3, _, 8, 0, rest @ ..] => Some((*kind, u32::from_le_bytes(*rest.first_chunk()?))),
        _ => None,
    }
}

fn protocol_names(protocols: u32) -> String {
    const NAMES: [(u32, &str); 5] = [(1, "TLS"), (2, "CredSSP"), (4, "RDSTLS"), (8, "CredSSP-EX"), (16, "RDSAAD")];
    let names: Vec<&str> = NAMES.iter().filter(|(bit, _)| protocols & bit != 0).map(|(_, name)| *name).collect();
    if names.is_empty() { "RDP".to_owned() } else { names.join(" ") }
}

/// What the client says of itself in its first message (2.2.1.3.2).
fn client_core(at: At, message: &[u8], sink: &mut dyn Sink) -> Option<()> {
    const CORE: [u8; 2] = [0x01, 0xc0];
    const NAME_UNITS: usize = 16;
    let start = memchr::memmem::find(message, b"Duca")?;
    let data = message.get(start..)?;
    let core = memchr::memmem::find(data.get(..16)?, &CORE)?;
    // Kind, length, version, width, height, colours, keys
    let mut cursor = Cursor::new(data.get(core + 2 + 2 + 4 + 2 + 2 + 2 + 2 + 4..)?);
    let build = u32::from_le_bytes(cursor.array()?);
    let name = cursor.take(2 * NAME_UNITS)?;
    let units = name.as_chunks::<2>().0.iter().copied().map(u16::from_le_bytes).take_while(|unit| *unit != 0);
    let name: String = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    sink.fact(at, Field::HostName, &name);
    sink.fact(at, Field::Software, &format!("RDP client build {build}"));
    Some(())
}

/// A request to connect, with a cookie or a negotiation; without both, one that goes to RDP's port.
fn probe(opening: &Opening<'_>) -> Probe {
    const PORT: u16 = 3389;
    let said = opening.client;
    if !opening.is_stream {
        return Probe::No;
    }
    match said {
        [] | [TPKT_VERSION] | [TPKT_VERSION, 0] => Probe::More,
        [TPKT_VERSION, 0, high, low, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            match rest.get(1) {
                None => return Probe::More,
                Some(&kind::CONNECTION_REQUEST) if length >= 11 => {}
                Some(_) => return Probe::No,
            }
            let Some(message) = said.get(..length) else { return Probe::More };
            let has_cookie = [COOKIE, TOKEN].iter().any(|cookie| memchr::memmem::find(message, cookie).is_some());
            match negotiation(message) {
                _ if has_cookie => Probe::Yes,
                Some((kind::NEGOTIATION_REQUEST, _)) => Probe::Yes,
                _ if opening.server_port == PORT => Probe::Yes,
                _ => Probe::No,
            }
        }
        [TPKT_VERSION, 0, _] => Probe::More,
        _ => Probe::No,
    }
}
