//! STUN and TURN: who asks for a path, and what address is seen of him (RFC 8489, RFC 8656).

use packet::{Address, Cursor};

use super::{Opening, Probe, Protocol, Recognised, Step, dtls};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "stun", probe, begin: |_| Box::new(Stun) };

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER_BYTES: usize = 20;

mod attribute {
    pub(super) const MAPPED_PLAIN: u16 = 0x0001;
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
        match is_message(data) || is_old_message(data) {
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
            attribute::MAPPED_PLAIN => plain_address(value).map(|address| format!("mapped_address={address}")),
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
    let (family, hidden) = value.split_at_checked(2)?;
    let masks = COOKIE.iter().take(2).chain(transaction);
    let plain: Vec<u8> = hidden.iter().zip(masks).map(|(byte, mask)| byte ^ mask).collect();
    plain_address(&[family, &plain].concat())
}

fn plain_address(value: &[u8]) -> Option<String> {
    let mut cursor = Cursor::new(value);
    cursor.skip(1)?;
    let (family, port) = (cursor.u8()?, cursor.u16()?);
    match (family, cursor.len()) {
        (1, 4) => Some(format!("{}:{port}", Address::v4(cursor.array()?))),
        (2, 16) => Some(format!("[{}]:{port}", Address::v6(cursor.array()?))),
        _ => None,
    }
}

fn is_message(data: &[u8]) -> bool {
    let Some([kind, _, _, low]) = data.first_chunk() else { return false };
    kind & 0xc0 == 0 && low.is_multiple_of(4) && data.get(4..).is_some_and(|rest| rest.starts_with(&COOKIE))
}

/// A message from before there was a cookie (RFC 3489): binding or secret, and attributes that fill it to its end.
fn is_old_message(data: &[u8]) -> bool {
    let Some(([0, 0x01 | 0x02, high, low] | [1, 0x01 | 0x02 | 0x11 | 0x12, high, low], rest)) =
        data.split_first_chunk()
    else {
        return false;
    };
    let Some((_, attributes)) = rest.split_at_checked(HEADER_BYTES - 4) else { return false };
    let mut cursor = Cursor::new(attributes);
    while !cursor.is_empty() {
        let passed = cursor.skip(2).and_then(|()| cursor.u16()).and_then(|length| cursor.skip(usize::from(length)));
        if passed.is_none() {
            return false;
        }
    }
    attributes.len() == usize::from(u16::from_be_bytes([*high, *low]))
}

fn probe(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    let transaction = |said: &[u8]| said.get(4..HEADER_BYTES).map(<[u8]>::to_vec);
    match opening.server {
        _ if opening.is_stream => Probe::No,
        _ if is_message(said) => Probe::Yes,
        _ if !is_old_message(said) => Probe::No,
        answer if is_old_message(answer) && transaction(answer) == transaction(opening.client) => Probe::Yes,
        _ => Probe::Maybe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::{Collected, Said};
    use crate::protocols::Parties;

    fn probed(client: &[u8], server: &[u8]) -> Probe {
        probe(&Opening { client, server, first: Side::Client, client_port: 1, server_port: 2, is_stream: false })
    }

    /// RFC 3489, 11: no cookie, and addresses as they are.
    #[test]
    fn messages_without_a_cookie_are_read() {
        let request = b"\0\x01\0\x080123456789abcdef\0\x03\0\x04\0\0\0\0";
        let answer = b"\x01\x01\0\x0c0123456789abcdef\0\x01\0\x08\0\x01\x1f\x90\xcb\0\x71\x07";
        assert_eq!(probed(request, b""), Probe::Maybe);
        assert_eq!(probed(request, answer), Probe::Yes);
        assert_eq!(probed(request, b"\x01\x01\0\x00fedcba9876543210"), Probe::Maybe);
        assert_eq!(probed(b"\0\x01\0\x080123456789abcdef\0\x03\0\x05\0\0\0\0", b""), Probe::No);
        let told =
            Collected::of((RECOGNISED.begin)(&Parties::default()), &[Said::Client(request), Said::Server(answer)]);
        assert_eq!(told.all(Field::Detail), ["mapped_address=203.0.113.7:8080"]);
        assert!(told.oddities.is_empty());
    }

    /// RFC 5769, 2.2 and 2.3.
    #[test]
    fn hidden_addresses_are_shown() {
        let header = |kind: &[u8]| {
            [kind, &COOKIE, &[0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae]].concat()
        };
        let v4 = [&header(b"\x01\x01\0\x0c")[..], b"\0\x20\0\x08\0\x01\xa1\x47\xe1\x12\xa6\x43"].concat();
        let v6 = [
            &header(b"\x01\x01\0\x18")[..],
            b"\0\x20\0\x14\0\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9",
        ]
        .concat();
        let script = [Said::Server(&v4), Said::Server(&v6)];
        let told = Collected::of((RECOGNISED.begin)(&Parties::default()), &script);
        let expected =
            ["mapped_address=192.0.2.1:32853", "mapped_address=[2001:db8:1234:5678:11:2233:4455:6677]:32853"];
        assert_eq!(told.all(Field::Detail), expected);
    }
}
