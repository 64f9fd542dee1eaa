//! QUIC's Initial packets, whose keys anyone can derive, and the TLS hellos in them (RFC 9000, RFC 9001, RFC 9369).

mod frames;
mod keys;
mod packet;
mod probe;
#[cfg(test)]
mod vectors;

use super::ordered::Ordered;
use super::tls::{ClientHello, ServerHello, Told, message};
use super::{Protocol, Recognised, Step};
use crate::fingerprint::Carrier;
use crate::{At, Ends, Field, Side, Sink};
use keys::InitialKeys;
use packet::{Kind, LongHeader};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "quic", probe: probe::probe, begin: |_| Box::new(Quic::new()) };

/// Connection identifiers for which keys are derived in one conversation: its own, a retry's, a later connection's.
const DERIVED_MAX: u8 = 32;
/// Datagrams that are looked at, until both hellos were there.
const DATAGRAMS_MAX: u16 = 128;

/// The payload of the Initial packet with which a client begins.
pub(super) fn opened(datagram: &[u8]) -> Option<Vec<u8>> {
    let (header, packet, _) = packet::split(datagram)?;
    let Kind::Initial { number_offset } = header.kind else { return None };
    InitialKeys::new(header.destination).open(header.version, true, packet, number_offset)
}

/// A conversation of one or several connections.
struct Quic {
    told: Told,
    /// Keys of the connection, and the side that began it.
    keys: Option<(InitialKeys, Side)>,
    derived: u8,
    datagrams: u16,
    version: Option<u32>,
    client: Flight,
    server: Flight,
}

/// Handshake messages of one end of the connection.
#[derive(Default)]
struct Flight {
    bytes: Ordered,
    /// Bytes of whole messages that were told.
    told: usize,
}

impl Protocol for Quic {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        self.datagrams += 1;
        let mut rest = data;
        while let Some((header, packet, after)) = packet::split(rest) {
            self.packet(side, at, &header, packet, sink);
            rest = after;
        }
        if self.told.is_sealed() || self.datagrams >= DATAGRAMS_MAX {
            self.told.finish(at, sink);
            return Step::Done;
        }
        Step::Go
    }

    fn end(&mut self, _side: Side, at: At, _ends: Ends, sink: &mut dyn Sink) {
        self.told.finish(at, sink);
    }

    fn held_bytes(&self) -> usize {
        self.client.bytes.held_bytes() + self.server.bytes.held_bytes()
    }
}

impl Quic {
    fn new() -> Self {
        Self {
            told: Told::new(Carrier::Quic),
            keys: None,
            derived: 0,
            datagrams: 0,
            version: None,
            client: Flight::default(),
            server: Flight::default(),
        }
    }

    fn packet(&mut self, side: Side, at: At, header: &LongHeader<'_>, packet: &[u8], sink: &mut dyn Sink) {
        if header.version != 0 && self.version != Some(header.version) {
            self.version = Some(header.version);
            sink.fact(at, Field::Version, &keys::version_name(header.version));
        }
        let Kind::Initial { number_offset } = header.kind else { return };
        let Some((is_client, payload)) = self.opened(side, header, packet, number_offset) else { return };
        let flight = if is_client { &mut self.client } else { &mut self.server };
        let mut is_too_much = false;
        frames::crypto(&payload, keys::is_google(header.version), |offset, data| {
            is_too_much |= !flight.bytes.insert(offset, data)
        });
        if is_too_much {
            sink.oddity(at, "QUIC handshake longer than is kept");
        }
        flight.tell(is_client, at, &mut self.told, sink);
    }

    /// The decrypted payload of an Initial packet, and whether the connection's client sent it.
    fn opened(
        &mut self,
        side: Side,
        header: &LongHeader<'_>,
        packet: &[u8],
        number_offset: usize,
    ) -> Option<(bool, Vec<u8>)> {
        if let Some((keys, client)) = &mut self.keys {
            let is_client = side == *client;
            if let Some(payload) = keys.open(header.version, is_client, packet, number_offset) {
                return Some((is_client, payload));
            }
        }
        // The first packet, or the first after a retry, or that of another connection.
        let is_known = self.keys.as_ref().is_some_and(|(keys, _)| keys.connection() == header.destination);
        if is_known || self.derived >= DERIVED_MAX {
            return None;
        }
        self.derived += 1;
        let mut keys = InitialKeys::new(header.destination);
        let payload = keys.open(header.version, true, packet, number_offset)?;
        self.keys = Some((keys, side));
        (self.client, self.server) = (Flight::default(), Flight::default());
        Some((true, payload))
    }
}

impl Flight {
    /// Tells the messages that are whole by now.
    fn tell(&mut self, is_client: bool, at: At, told: &mut Told, sink: &mut dyn Sink) {
        let bytes = self.bytes.beginning();
        while let Some((kind, body, length)) = message::split(bytes.get(self.told..).unwrap_or_default()) {
            self.told += length;
            match kind {
                message::CLIENT_HELLO if is_client => {
                    if let Some(hello) = ClientHello::read(body, false) {
                        told.client(at, &hello, true, sink);
                    }
                }
                message::SERVER_HELLO if !is_client => {
                    if let Some(hello) = ServerHello::read(body) {
                        told.server(at, &hello, true, sink);
                    }
                }
                _ => {}
            }
        }
    }
}
