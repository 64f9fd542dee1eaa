//! How IMAP is told: by the server's greeting, or by a client's tagged command.

use crate::protocols::{Opening, Probe};

const VERBS: [&[u8]; 20] = [
    b"CAPABILITY",
    b"LOGIN",
    b"AUTHENTICATE",
    b"STARTTLS",
    b"SELECT",
    b"EXAMINE",
    b"FETCH",
    b"UID",
    b"NOOP",
    b"ID",
    b"IDLE",
    b"LIST",
    b"LSUB",
    b"STATUS",
    b"APPEND",
    b"LOGOUT",
    b"SEARCH",
    b"NAMESPACE",
    b"ENABLE",
    b"COMPRESS",
];

pub(super) fn probe(opening: &Opening<'_>) -> Probe {
    if !opening.is_stream {
        return Probe::No;
    }
    match (client(opening.client), server(opening.server)) {
        (Probe::No, _) | (_, Probe::No) => Probe::No,
        (client, server) => client.max(server),
    }
}

fn server(bytes: &[u8]) -> Probe {
    let greetings = [&b"* OK"[..], b"* PREAUTH", b"* BYE"];
    if greetings.iter().any(|greeting| bytes.starts_with(greeting)) {
        Probe::Yes
    } else if bytes.is_empty() || greetings.iter().any(|greeting| greeting.starts_with(bytes)) {
        Probe::More
    } else if bytes.starts_with(b"* ") || bytes.starts_with(b"+ ") {
        // Caught on its way.
        Probe::Maybe
    } else {
        let status = bytes.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
        if [&b"OK"[..], b"NO", b"BAD"].contains(&status) { Probe::Maybe } else { Probe::No }
    }
}

fn client(bytes: &[u8]) -> Probe {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut words = line.trim_ascii_end().split(|&byte| byte == b' ');
    let tag = words.next().unwrap_or_default();
    let is_tag = tag.len() <= 32
        && tag.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'$'));
    if !is_tag {
        return Probe::No;
    }
    let is_whole = bytes.contains(&b'\n');
    match words.next().map(<[u8]>::to_ascii_uppercase) {
        _ if tag.is_empty() => {
            if bytes.is_empty() {
                Probe::More
            } else {
                Probe::No
            }
        }
        None => {
            if is_whole {
                Probe::No
            } else {
                Probe::More
            }
        }
        Some(verb) if VERBS.contains(&verb.as_slice()) && (is_whole || words.next().is_some()) => Probe::Yes,
        Some(verb) if !is_whole && VERBS.iter().any(|known| known.starts_with(&verb)) => Probe::More,
        Some(_) => Probe::No,
    }
}
