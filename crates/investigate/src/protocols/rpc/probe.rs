//! How RPC is told: by a call of version 2, or an accepted reply.

use super::records::{is_message, is_record};
use crate::protocols::{Opening, Probe};

pub(super) fn stream(opening: &Opening<'_>) -> Probe {
    if !opening.is_stream {
        return Probe::No;
    }
    match (side(opening.client), side(opening.server)) {
        (Probe::No, _) | (_, Probe::No) => Probe::No,
        (client, server) => client.max(server),
    }
}

pub(super) fn datagram(opening: &Opening<'_>) -> Probe {
    // NFS clients call from privileged ports: a flow may have them for the server.
    let sides = [opening.client, opening.server];
    let is_call = |side: &[u8]| side.get(4..12) == Some(&[0, 0, 0, 0, 0, 0, 0, 2]) && side.len() >= 40;
    let is_reply = |side: &[u8]| side.get(4..12) == Some(&[0, 0, 0, 1, 0, 0, 0, 0]);
    let is_known = matches!(opening.server_port, 111 | 2049);
    if opening.is_stream || !sides.iter().all(|side| side.is_empty() || is_message(side)) {
        Probe::No
    } else if sides.iter().any(|side| is_call(side) || is_known && is_reply(side)) {
        Probe::Yes
    } else {
        Probe::No
    }
}

fn side(bytes: &[u8]) -> Probe {
    if bytes.len() >= 24 {
        return if is_record(bytes) { Probe::Yes } else { Probe::No };
    }
    // A mark of a last fragment of less than 16 MiB, a number, then a call or reply.
    let may_be = bytes.first().is_none_or(|&byte| byte == 0x80)
        && bytes.get(8..).is_none_or(|kind| kind.iter().zip([0, 0, 0]).all(|(got, right)| *got == right))
        && bytes.get(11).is_none_or(|&kind| kind <= 1);
    if may_be { Probe::More } else { Probe::No }
}
