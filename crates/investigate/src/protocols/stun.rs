//! STUN and TURN: who asks for a path, and what address is seen of him (RFC 8489, RFC 8656).

use packet::{Address, Cursor};

use super::{Opening, Probe, Protocol, Recognised, Step, dtls};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "stun", probe, begin: |_| Box::new(Stun) };

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER_BYTES: usize = 20;

mod attribute {
    pub(super) const USER: u16 = 0x0006;
    pub(super) const PEER: u16 = 0x0012;
    pub(super) const REALM: u16 = 0x0014;
    pub(super) const RELAYED: u16 = 0x0016;
    pub(super) const MAPPED: u16 = 0x0020;
    pub(super) const SOFTWARE: u16 = 0x8022;
}

struct Stun;

impl Protocol for Stun {
    fn data(&mut self, _side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        // The same path carries media, too, and the handshake for its keys (RFC 7983).
        match is_message(data) {
            true if tell(at, data, sink).is_none() => sink.oddity(at, "malformed or cut STUN message"),
            false if dtls::is_handshake(data) => return Step::Turns(0),
            _ => {}
        }
        Step::Go
    }
}

fn tell(at: At, data: &[u8], sink: &mut dyn Sink) -> Option<()> {
    let transaction = *data.get(4..)?.first_chunk::<16>()?;
    let mut cursor = Cursor::new(data.get(HEADER_BYTES..)?);
    while !cursor.is_empty() {
        let (kind, length) = (cursor.u16()?, usize::from(cursor.u16()?));
        let value = cursor.take(length)?;
        cursor.skip((4 - length % 4) % 4);
        let text = || String::from_utf8_lossy(value).trim_end_matches('\0').to_owned();
        let address = |name: &str| address(value, &transaction).map(|address| format!("{name}={address}"));
        let detail = match kind {
            attribute::USER => {
                sink.fact(at, Field::User, &text());
                None
            }
            attribute::SOFTWARE => {
                sink.fact(at, Field::Software, &text());
                None
            }
            attribute::REALM => Some(format!("realm={}", text())),
            attribute::MAPPED => address("mapped_address"),
            attribute::RELAYED => address("relayed_address"),
            attribute::PEER => address("peer_address"),
            _ => None,
        };
        detail.into_iter().for_each(|detail| sink.fact(at, Field::Detail, &detail));
    }
    Some(())
}

/// An address that is hidden from those who rewrite addresses (RFC 8489, 14.2).
fn address(value: &[u8], transaction: &[u8; 16]) -> Option<String> {
    let (family, bytes) = (*value.get(1)?, value.get(2..)?);
    let mut cursor = Cursor::new(bytes);
    let port = cursor.u16()? ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
    let mut plain = [0; 16];
    plain.iter_mut().zip(cursor.rest().iter().zip(transaction)).for_each(|(plain, (byte, mask))| *plain = byte ^ mask);
    match (family, cursor.len()) {
        (1, 4) => Some(format!("{}:{port}", Address::v4(*plain.first_chunk()?))),
        (2, 16) => Some(format!("[{}]:{port}", Address::v6(plain))),
        _ => None,
    }
}

fn is_message(data: &[u8]) -> bool {
    let Some([kind, _, high, low]) = data.first_chunk() else { return false };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    kind & 0xc0 == 0
        && length.is_multiple_of(4)
        && data.get(4..).is_some_and(|rest| rest.starts_with(&COOKIE))
        && length + HEADER_BYTES <= data.len()
}

fn probe(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    if !opening.is_stream && is_message(said) { Probe::Yes } else { Probe::No }
}
