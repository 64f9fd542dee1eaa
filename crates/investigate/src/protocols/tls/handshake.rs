//! Handshake messages of a stream (RFC 8446, 4).

use packet::Cursor;

use super::{ClientHello, ServerHello, Told, certificates, ssl2};
use crate::fingerprint::Carrier;
use crate::protocols::Step;
use crate::protocols::cutter::{Length, Talk};
use crate::{At, Side, Sink};

/// Kinds of messages.
pub(crate) mod message {
    pub(crate) const CLIENT_HELLO: u8 = 1;
    pub(crate) const SERVER_HELLO: u8 = 2;
    pub(crate) const CERTIFICATE: u8 = 11;
    /// The highest number that is in use: what is above it is no handshake.
    pub(crate) const LAST: u8 = 26;

    /// The first message of `bytes`: its kind, its body, and its length with the header.
    pub(crate) fn split(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
        let mut cursor = packet::Cursor::new(bytes);
        let [kind, high, middle, low] = cursor.array()?;
        let body = cursor.take(u32::from_be_bytes([0, high, middle, low]) as usize)?;
        Some((kind, body, super::HEADER_BYTES + body.len()))
    }
}

/// Bytes of a message's header.
const HEADER_BYTES: usize = 4;

/// Takes messages of both sides, and tells what is in them.
pub(super) struct Handshake {
    pub(super) told: Told,
}

impl Handshake {
    pub(super) fn new(carrier: Carrier) -> Self {
        Self { told: Told::new(carrier) }
    }

    /// A hello in SSL 2's form.
    pub(super) fn ssl2(&mut self, at: At, message: &[u8], sink: &mut dyn Sink) {
        if let Some(hello) = ssl2::read(message) {
            self.told.ssl2(at, hello.version, sink);
        }
    }
}

impl Talk for Handshake {
    const KEPT_BYTES_MAX: usize = 256 << 10;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        let Some([kind, high, middle, low]) = head.first_chunk::<4>().copied() else { return Length::More };
        let length = HEADER_BYTES + u32::from_be_bytes([0, high, middle, low]) as usize;
        match kind {
            message::CLIENT_HELLO | message::SERVER_HELLO | message::CERTIFICATE => Length::Whole(length),
            0..=message::LAST | 67 | 254 => Length::Head(length),
            _ => Length::Broken,
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Step {
        let mut cursor = Cursor::new(message);
        let (Some(kind), Some(())) = (cursor.u8(), cursor.skip(3)) else { return Step::Go };
        let body = cursor.rest();
        match kind {
            message::CLIENT_HELLO => match ClientHello::read(body, false) {
                Some(hello) => self.told.client(at, &hello, is_whole, sink),
                None => sink.oddity(at, "TLS client hello that cannot be read"),
            },
            message::SERVER_HELLO => match ServerHello::read(body) {
                Some(hello) => self.told.server(at, &hello, is_whole, sink),
                None => sink.oddity(at, "TLS server hello that cannot be read"),
            },
            message::CERTIFICATE => certificates(side, at, body, is_whole, sink),
            _ => {}
        }
        Step::Go
    }
}
