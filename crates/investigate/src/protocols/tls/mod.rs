//! TLS 1.0 to 1.3 and SSL 3 (RFC 8446, RFC 5246): hellos, certificates, alerts.

mod alert;
mod certificate;
mod handshake;
mod hello;
mod probe;
mod ssl2;
mod told;

pub(crate) use certificate::certificates;
pub(crate) use handshake::message;
pub(crate) use hello::{ClientHello, ServerHello, kind};
pub(crate) use told::Told;

use packet::Cursor;

use super::cutter::{Cutter, Length, Talk, Talking};
use super::{Recognised, Step};
use crate::fingerprint::Carrier;
use crate::{At, Side, Sink};
use handshake::Handshake;

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "tls", probe: probe::probe, begin: |_| Box::new(Talking::new(Tls::default())) };

/// Bytes of a record's header.
const HEADER_BYTES: usize = 5;
/// Bytes that a record can have, with the most that encryption adds (RFC 5246, 6.2.3).
const RECORD_BYTES_MAX: usize = (1 << 14) + 2048;

mod record {
    pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(super) const ALERT: u8 = 21;
    pub(super) const HANDSHAKE: u8 = 22;
    pub(super) const APPLICATION_DATA: u8 = 23;
    pub(super) const HEARTBEAT: u8 = 24;
}

/// A conversation in records.
struct Tls {
    handshake: Handshake,
    client: Half,
    server: Half,
}

/// What one side has said so far.
#[derive(Default)]
struct Half {
    messages: Cutter,
    has_spoken: bool,
    is_encrypted: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self { handshake: Handshake::new(Carrier::Tls), client: Half::default(), server: Half::default() }
    }
}

impl Talk for Tls {
    const KEPT_BYTES_MAX: usize = HEADER_BYTES + RECORD_BYTES_MAX;

    fn length(&self, side: Side, head: &[u8]) -> Length {
        let half = if side == Side::Client { &self.client } else { &self.server };
        if !half.has_spoken && side == Side::Client && head.first().is_some_and(|byte| byte & 0x80 != 0) {
            return ssl2::length(head);
        }
        let mut cursor = Cursor::new(head);
        let (Some(content), Some(major), Some(_), Some(bytes)) = (cursor.u8(), cursor.u8(), cursor.u8(), cursor.u16())
        else {
            return Length::More;
        };
        let length = HEADER_BYTES + usize::from(bytes);
        match content {
            _ if major != 3 || length > Self::KEPT_BYTES_MAX => Length::Broken,
            record::HANDSHAKE | record::ALERT if !half.is_encrypted => Length::Whole(length),
            record::CHANGE_CIPHER_SPEC..=record::HEARTBEAT => Length::Head(length),
            _ => Length::Broken,
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Step {
        let half = if side == Side::Client { &mut self.client } else { &mut self.server };
        let is_first = !std::mem::replace(&mut half.has_spoken, true);
        if is_first && side == Side::Client && message.first().is_some_and(|byte| byte & 0x80 != 0) {
            self.handshake.ssl2(at, message, sink);
            return Step::Go;
        }
        let (Some(&content), Some(body)) = (message.first(), message.get(HEADER_BYTES..)) else { return Step::Go };
        match content {
            record::CHANGE_CIPHER_SPEC | record::APPLICATION_DATA => half.is_encrypted = true,
            record::HANDSHAKE if !half.is_encrypted => {
                let step = half.messages.feed(&mut self.handshake, side, at, body, sink);
                if step == Step::Lost {
                    sink.oddity(at, "TLS handshake message that is none");
                    half.is_encrypted = true;
                }
                if !is_whole {
                    half.messages.end(&mut self.handshake, side, at, sink);
                    half.is_encrypted = true;
                }
            }
            record::ALERT if !half.is_encrypted && is_whole => alert::alert(side, at, body, sink),
            _ => {}
        }
        if self.is_done() {
            self.handshake.told.finish(at, sink);
            return Step::Done;
        }
        Step::Go
    }

    fn end(&mut self, side: Side, at: At, sink: &mut dyn Sink) {
        let half = if side == Side::Client { &mut self.client } else { &mut self.server };
        half.messages.end(&mut self.handshake, side, at, sink);
        if side == Side::Server {
            self.handshake.told.finish(at, sink);
        }
    }

    fn held_bytes(&self) -> usize {
        self.client.messages.held_bytes() + self.server.messages.held_bytes()
    }
}

impl Tls {
    /// Nothing more can be read: both sides have begun to encrypt, or will with their next message.
    fn is_done(&self) -> bool {
        self.handshake.told.is_sealed() || (self.client.is_encrypted && self.server.is_encrypted)
    }
}
