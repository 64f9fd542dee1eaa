//! What a TLS conversation begins with.

use packet::Cursor;

use super::{RECORD_BYTES_MAX, record, ssl2};
use crate::protocols::{Opening, Probe};

/// A record's header, and of a handshake the kind of message in it; or a hello in SSL 2's form.
pub(super) fn probe(opening: &Opening<'_>) -> Probe {
    if !opening.is_stream {
        return Probe::No;
    }
    match (opening.client, opening.server) {
        (client, []) => client_said(client),
        ([], server) => server_said(server),
        (client, server) => match client_said(client) {
            Probe::More => server_said(server).max(Probe::More),
            said => said,
        },
    }
}

fn client_said(bytes: &[u8]) -> Probe {
    const CLIENT_HELLO: u8 = 1;
    match bytes.first() {
        Some(byte) if byte & 0x80 != 0 => ssl2::probe(bytes),
        _ => record_of(bytes, CLIENT_HELLO),
    }
}

fn server_said(bytes: &[u8]) -> Probe {
    const SERVER_HELLO: u8 = 2;
    record_of(bytes, SERVER_HELLO)
}

fn record_of(bytes: &[u8], hello: u8) -> Probe {
    let mut cursor = Cursor::new(bytes);
    let Some(content) = cursor.u8() else { return Probe::More };
    if !(record::CHANGE_CIPHER_SPEC..=record::APPLICATION_DATA).contains(&content) {
        return Probe::No;
    }
    let Some(major) = cursor.u8() else { return Probe::More };
    let Some(minor) = cursor.u8() else { return if major == 3 { Probe::More } else { Probe::No } };
    if major != 3 || minor > 4 {
        return Probe::No;
    }
    let Some(length) = cursor.u16() else { return Probe::More };
    let is_possible = match content {
        record::CHANGE_CIPHER_SPEC => length == 1,
        record::ALERT => length == 2 || (16..=256).contains(&length),
        _ => (1..=RECORD_BYTES_MAX).contains(&usize::from(length)),
    };
    match (is_possible, content) {
        (false, _) => Probe::No,
        (true, record::HANDSHAKE) => match cursor.u8() {
            None => Probe::More,
            Some(kind) if kind == hello => Probe::Yes,
            // In the middle of a conversation: any message, encrypted perhaps.
            Some(_) => followed(cursor.rest(), usize::from(length) - 1),
        },
        (true, _) => followed(cursor.rest(), usize::from(length)),
    }
}

/// Whether another record follows after so many bytes; if that cannot be seen, it may be.
fn followed(rest: &[u8], length: usize) -> Probe {
    match rest.get(length..) {
        Some([content, 3, 0..=4, ..]) if (record::CHANGE_CIPHER_SPEC..=record::HEARTBEAT).contains(content) => {
            Probe::Yes
        }
        Some([]) | None => Probe::Maybe,
        Some([_, _, _, ..]) => Probe::No,
        Some(_) => Probe::More,
    }
}
