//! IKE: what a VPN's ends are (RFC 2408, RFC 7296).

use packet::Cursor;

use super::{Opening, Probe, Protocol, Recognised, Step};
use crate::fingerprint::hexadecimal;
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "ike", probe, begin: |_| Box::new(Ike) };

const HEADER_BYTES: usize = 28;
/// Before a message on the port where packets of ESP go, too (RFC 3948, 2.2).
const MARKER: [u8; 4] = [0; 4];
const ESP_PORT: u16 = 4500;
/// Payloads of one message that are read.
const PAYLOADS_MAX: usize = 32;

struct Ike;

impl Protocol for Ike {
    fn data(&mut self, _side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        if let Some(header) = Header::read(data).or_else(|| Header::read(data.strip_prefix(&MARKER)?)) {
            sink.fact(at, Field::Version, &format!("IKEv{}", header.version >> 4));
            sink.fact(at, Field::Detail, &format!("exchange={}", exchange_name(header.exchange)));
            vendors(at, &header, sink);
        }
        Step::Go
    }
}

/// A message's header, and what follows it.
struct Header<'a> {
    next: u8,
    version: u8,
    exchange: u8,
    is_encrypted: bool,
    body: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(data);
        let initiator = cursor.u64()?;
        cursor.skip(8)?;
        let (next, version, exchange, flags) = (cursor.u8()?, cursor.u8()?, cursor.u8()?, cursor.u8()?);
        cursor.skip(4)?;
        let length = cursor.u32()? as usize;
        let is_exchange = match version {
            0x10 => matches!(exchange, 1..=6 | 32..=33),
            0x20..=0x22 => (34..=44).contains(&exchange),
            _ => false,
        };
        let fits = initiator != 0 && is_exchange && length == data.len() && length >= HEADER_BYTES;
        let is_encrypted = version == 0x10 && flags & 1 != 0;
        fits.then_some(Self { next, version, exchange, is_encrypted, body: cursor.rest() })
    }
}

/// Tells the vendors that a message names: well-known hashes, or text.
fn vendors(at: At, header: &Header<'_>, sink: &mut dyn Sink) -> Option<()> {
    const VENDOR_1: u8 = 13;
    const VENDOR_2: u8 = 43;
    const ENCRYPTED_2: u8 = 46;
    let (mut cursor, mut next) = (Cursor::new(header.body), header.next);
    for _ in 0..PAYLOADS_MAX {
        if next == 0 || next == ENCRYPTED_2 || header.is_encrypted {
            break;
        }
        let (following, _, length) = (cursor.u8()?, cursor.u8()?, cursor.u16()?);
        let body = cursor.take(usize::from(length).checked_sub(4)?)?;
        if matches!((header.version >> 4, next), (1, VENDOR_1) | (2, VENDOR_2)) {
            let is_text = body.iter().all(|byte| (0x20..0x7f).contains(byte));
            let name = if is_text { String::from_utf8_lossy(body).into_owned() } else { hexadecimal(body) };
            sink.fact(at, Field::Detail, &format!("vendor={name}"));
        }
        next = following;
    }
    Some(())
}

fn exchange_name(exchange: u8) -> String {
    match exchange {
        2 => "identity protection".to_owned(),
        4 => "aggressive".to_owned(),
        5 => "informational".to_owned(),
        32 => "quick".to_owned(),
        34 => "IKE_SA_INIT".to_owned(),
        35 => "IKE_AUTH".to_owned(),
        36 => "CREATE_CHILD_SA".to_owned(),
        37 => "INFORMATIONAL".to_owned(),
        _ => exchange.to_string(),
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    let is_esp_port = opening.client_port == ESP_PORT || opening.server_port == ESP_PORT;
    let marked = said.strip_prefix(&MARKER).filter(|_| is_esp_port);
    let is_ike = !opening.is_stream && (Header::read(said).is_some() || marked.and_then(Header::read).is_some());
    if is_ike { Probe::Yes } else { Probe::No }
}
