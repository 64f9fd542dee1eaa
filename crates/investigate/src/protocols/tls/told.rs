//! From hellos to facts, the same for TLS, DTLS and QUIC.

use super::{ClientHello, ServerHello, kind};
use crate::fingerprint::{Carrier, ja3, ja3s, ja4};
use crate::{At, Field, Sink};

/// Client hellos of one conversation that are told: the first, the one after a retry, renegotiations.
const HELLOS_MAX: u8 = 8;

/// What has been told of a handshake.
pub(crate) struct Told {
    carrier: Carrier,
    /// The application protocol that the client would like best, until one is chosen.
    offered: Option<String>,
    hellos: u8,
    /// The version that the server chose, as its hello has it.
    chosen: Option<u16>,
}

impl Told {
    /// Nothing has been told.
    pub(crate) fn new(carrier: Carrier) -> Self {
        Self { carrier, offered: None, hellos: 0, chosen: None }
    }

    /// A client's hello; `is_whole` if all of it was there.
    pub(crate) fn client(&mut self, at: At, hello: &ClientHello<'_>, is_whole: bool, sink: &mut dyn Sink) {
        if self.is_too_many(at, sink) {
            return;
        }
        if let Some(name) = hello.server_name() {
            sink.fact(at, Field::TlsSni, &String::from_utf8_lossy(name));
        }
        if hello.has(kind::ENCRYPTED_CLIENT_HELLO) {
            sink.fact(at, Field::Detail, "encrypted_client_hello=offered");
        }
        if hello.has(kind::ENCRYPTED_SERVER_NAME) {
            sink.fact(at, Field::Detail, "encrypted_server_name=offered");
        }
        if let Some(name) = hello.applications().next() {
            self.offered = Some(String::from_utf8_lossy(name).into_owned());
        }
        if !is_whole {
            sink.oddity(at, "TLS client hello that is not whole: no fingerprint");
            return;
        }
        if !hello.is_whole {
            sink.oddity(at, "TLS client hello with malformed extensions");
        }
        sink.fact(at, Field::Ja3, &ja3(hello));
        sink.fact(at, Field::Ja4, &ja4(hello, self.carrier));
    }

    /// A client's hello in SSL 2's form, which has no fingerprint.
    pub(crate) fn ssl2(&mut self, at: At, version: u16, sink: &mut dyn Sink) {
        if self.is_too_many(at, sink) {
            return;
        }
        sink.fact(at, Field::Detail, "hello=SSL 2 form");
        if version == 0x0002 {
            sink.fact(at, Field::TlsVersion, &version_name(version));
        }
    }

    /// A server's hello.
    pub(crate) fn server(&mut self, at: At, hello: &ServerHello<'_>, is_whole: bool, sink: &mut dyn Sink) {
        if self.is_too_many(at, sink) {
            return;
        }
        if is_whole {
            sink.fact(at, Field::Ja3s, &ja3s(hello));
        } else {
            sink.oddity(at, "TLS server hello that is not whole: no fingerprint");
        }
        if !hello.is_whole {
            sink.oddity(at, "TLS server hello with malformed extensions");
        }
        if hello.is_retry {
            return;
        }
        let version = hello.chosen_version();
        self.chosen = Some(version);
        sink.fact(at, Field::TlsVersion, &version_name(version));
        sink.fact(at, Field::Detail, &format!("cipher=0x{:04x}", hello.cipher));
        if let Some(name) = hello.application() {
            self.offered = Some(String::from_utf8_lossy(name).into_owned());
        }
        self.finish(at, sink);
    }

    /// Nothing more will be known: tells what was waiting to be known better.
    pub(crate) fn finish(&mut self, at: At, sink: &mut dyn Sink) {
        if let Some(name) = self.offered.take() {
            sink.fact(at, Field::TlsAlpn, &name);
        }
    }

    /// Whether all that follows is encrypted, since the version is 1.3 or a draft of it.
    pub(crate) fn is_sealed(&self) -> bool {
        self.chosen.is_some_and(|version| matches!(version, 0x0304 | 0x7e00..=0x7fff | 0xfefc))
    }

    fn is_too_many(&mut self, at: At, sink: &mut dyn Sink) -> bool {
        self.hellos = self.hellos.saturating_add(1);
        if self.hellos == HELLOS_MAX + 1 {
            sink.oddity(at, "more TLS hellos than are told");
        }
        self.hellos > HELLOS_MAX
    }
}

fn version_name(version: u16) -> String {
    match version {
        0x0002 => "SSL 2.0".to_owned(),
        0x0300 => "SSL 3.0".to_owned(),
        0x0301..=0x0304 => format!("TLS 1.{}", version - 0x0301),
        0x7f00..=0x7fff => format!("TLS 1.3 draft {}", version & 0xff),
        0xfeff => "DTLS 1.0".to_owned(),
        0xfefd => "DTLS 1.2".to_owned(),
        0xfefc => "DTLS 1.3".to_owned(),
        _ => format!("0x{version:04x}"),
    }
}
