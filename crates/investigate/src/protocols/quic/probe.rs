//! What a QUIC conversation begins with.

use super::keys;
use super::packet::{self, Kind};
use crate::protocols::{Opening, Probe};
use packet::LongHeader;

/// Bytes of the smallest datagram in which a client begins (RFC 9000, 14.1).
const CLIENT_BYTES_MIN: usize = 1200;

/// A long header of a known version, whose lengths fit.
pub(super) fn probe(opening: &Opening<'_>) -> Probe {
    if opening.is_stream {
        return Probe::No;
    }
    let (client, server) = (packet::split(opening.client), packet::split(opening.server));
    match (client, server) {
        (Some((header, ..)), _) if keys::is_known(header.version) => Probe::Yes,
        (_, Some((header, ..))) if keys::is_known(header.version) => Probe::Yes,
        // A version that nobody knows, on purpose, and the answer that says so.
        (Some((header, ..)), None) if is_reserved(&header) && opening.client.len() >= CLIENT_BYTES_MIN => Probe::Yes,
        // An experiment's version: it is one if it can be opened as that from which it came.
        (Some((LongHeader { kind: Kind::Initial { .. }, .. }, ..)), _)
            if opening.client.len() >= CLIENT_BYTES_MIN && is_unnamed(opening.client) =>
        {
            Probe::Yes
        }
        (Some(_), Some((LongHeader { kind: Kind::VersionNegotiation, .. }, ..))) => Probe::Yes,
        _ => Probe::No,
    }
}

/// Whether no version of its kind has a name, and still it opens.
fn is_unnamed(client: &[u8]) -> bool {
    let is_named = client.get(1..5).is_some_and(|version| version.starts_with(b"Q") || version.starts_with(b"T"));
    !is_named && super::opened(client).is_some()
}

/// RFC 9000, 15.
fn is_reserved(header: &LongHeader<'_>) -> bool {
    header.version & 0x0f0f_0f0f == 0x0a0a_0a0a
}
