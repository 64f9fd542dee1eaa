//! DTLS 1.0 to 1.3: hellos and certificates (RFC 6347, RFC 9147).

mod fragments;

use packet::Cursor;

use super::tls::{ClientHello, ServerHello, Told, certificates, message};
use super::{Opening, Probe, Protocol, Recognised, Step};
use crate::fingerprint::Carrier;
use crate::{At, Ends, Side, Sink};
use fragments::Fragments;

pub(crate) const RECOGNISED: Recognised = Recognised { name: "dtls", probe, begin: |_| Box::new(Dtls::new()) };

const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// A conversation in records.
struct Dtls {
    told: Told,
    client: Half,
    server: Half,
}

/// What one side has said so far.
#[derive(Default)]
struct Half {
    fragments: Fragments,
    is_encrypted: bool,
}

impl Protocol for Dtls {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let mut cursor = Cursor::new(data);
        while let Some(record) = Record::read(&mut cursor) {
            let half = if side == Side::Client { &mut self.client } else { &mut self.server };
            // From the second epoch on everything is encrypted.
            half.is_encrypted |= record.content == CHANGE_CIPHER_SPEC || record.epoch > 0;
            if record.content != HANDSHAKE || record.epoch > 0 {
                continue;
            }
            if !half.fragments.insert(record.body) {
                sink.oddity(at, "DTLS handshake longer than is kept");
            }
            while let Some((kind, body)) = half.fragments.whole() {
                tell(&mut self.told, side, at, (kind, &body), sink);
            }
        }
        if self.told.is_sealed() || (self.client.is_encrypted && self.server.is_encrypted) {
            self.told.finish(at, sink);
            return Step::Done;
        }
        Step::Go
    }

    fn end(&mut self, _side: Side, at: At, _ends: Ends, sink: &mut dyn Sink) {
        self.told.finish(at, sink);
    }

    fn held_bytes(&self) -> usize {
        self.client.fragments.held_bytes() + self.server.fragments.held_bytes()
    }
}

impl Dtls {
    fn new() -> Self {
        Self { told: Told::new(Carrier::Dtls), client: Half::default(), server: Half::default() }
    }
}

fn tell(told: &mut Told, side: Side, at: At, (kind, body): (u8, &[u8]), sink: &mut dyn Sink) {
    match kind {
        message::CLIENT_HELLO => match ClientHello::read(body, true) {
            Some(hello) => told.client(at, &hello, true, sink),
            None => sink.oddity(at, "DTLS client hello that cannot be read"),
        },
        message::SERVER_HELLO => match ServerHello::read(body) {
            Some(hello) => told.server(at, &hello, true, sink),
            None => sink.oddity(at, "DTLS server hello that cannot be read"),
        },
        message::CERTIFICATE => certificates(side, at, body, true, sink),
        _ => {}
    }
}

/// A record with a readable header.
struct Record<'a> {
    content: u8,
    epoch: u16,
    body: &'a [u8],
}

impl<'a> Record<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let content = cursor.u8()?;
        let version = cursor.u16()?;
        let epoch = cursor.u16()?;
        cursor.skip(6)?;
        let length = cursor.u16()?;
        let body = cursor.take(usize::from(length))?;
        let fits = (CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&content)
            && matches!(version, 0xfeff | 0xfefd | 0xfefc | 0x0100);
        fits.then_some(Self { content, epoch, body })
    }
}

/// Whether a datagram begins with a handshake that is not encrypted.
pub(crate) fn is_handshake(data: &[u8]) -> bool {
    Record::read(&mut Cursor::new(data)).is_some_and(|record| record.content == HANDSHAKE && record.epoch == 0)
}

/// One or several records that fill the datagram.
fn probe(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    if opening.is_stream {
        return Probe::No;
    }
    let mut cursor = Cursor::new(said);
    let Some(first) = Record::read(&mut cursor) else { return Probe::No };
    while !cursor.is_empty() {
        if Record::read(&mut cursor).is_none() {
            return Probe::No;
        }
    }
    if first.content == HANDSHAKE || !opening.server.is_empty() { Probe::Yes } else { Probe::Maybe }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Field;
    use crate::collected::Collected;

    /// A hello with a name and nothing else.
    fn hello() -> Vec<u8> {
        let mut body = vec![0xfe, 0xfd];
        body.extend([7; 32]);
        body.extend([0, 0, 0, 4, 0xc0, 0x2f, 0xc0, 0x30, 1, 0]);
        body.extend(b"\0\x14\0\0\0\x10\0\x0e\0\0\x0bexample.com");
        body
    }

    /// Part of a hello in a record of its own (RFC 6347, 4.2.2).
    fn datagram(body: &[u8], start: usize, end: usize) -> Vec<u8> {
        let three = |number: usize| u32::try_from(number).unwrap().to_be_bytes()[1..].to_vec();
        let fragment = &body[start..end];
        let handshake = [
            &[message::CLIENT_HELLO][..],
            &three(body.len()),
            &[0, 0],
            &three(start),
            &three(fragment.len()),
            fragment,
        ]
        .concat();
        let length = u16::try_from(handshake.len()).unwrap().to_be_bytes();
        [&[HANDSHAKE, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0][..], &length, &handshake].concat()
    }

    #[test]
    fn fragments_in_any_order_give_one_hello() {
        let body = hello();
        let all = [(0, 20), (10, 40), (40, body.len()), (0, 20)];
        for rotation in 0..all.len() {
            let mut told = Collected::default();
            let mut dtls = Dtls::new();
            for (start, end) in all.iter().cycle().skip(rotation).take(all.len()) {
                dtls.data(Side::Client, At::default(), &datagram(&body, *start, *end), &mut told);
            }
            assert_eq!(told.all(Field::TlsSni), ["example.com"], "from fragment {rotation}");
            // SHA-256 of "c02f,c030", and of no extension but the name.
            assert_eq!(told.all(Field::Ja4), ["dd2d020100_04659ec43a24_000000000000"], "from fragment {rotation}");
            assert!(told.oddities.is_empty(), "{:?}", told.oddities);
        }
    }
}
