//! SSH: banners, what both sides offer, and the server's key (RFC 4253).

use packet::Cursor;
use sha2::{Digest, Sha256};

use super::cutter::{Length, Talk, Talking, line};
use super::{Opening, Probe, Recognised, Step};
use crate::fingerprint::hassh;
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "ssh", probe, begin: |_| Box::new(Talking::new(Ssh::default())) };

/// Lines that a server may say before its banner (RFC 4253, 4.2).
const LINES_MAX: u8 = 64;
/// Messages of one side that are looked at.
const MESSAGES_MAX: u8 = 8;

#[derive(Default)]
struct Ssh {
    client: Half,
    server: Half,
}

/// What one side has said so far.
#[derive(Default)]
struct Half {
    has_banner: bool,
    has_offered: bool,
    has_new_keys: bool,
    said: u8,
}

mod message {
    pub(super) const OFFER: u8 = 20;
    pub(super) const NEW_KEYS: u8 = 21;
    /// The answer of a key exchange, with the server's key first.
    pub(super) const KEY_REPLY: u8 = 31;
    /// The same, where the group was negotiated before (RFC 4419).
    pub(super) const GROUP_KEY_REPLY: u8 = 33;
}

impl Talk for Ssh {
    const KEPT_BYTES_MAX: usize = 256 << 10;

    fn length(&self, side: Side, head: &[u8]) -> Length {
        let half = if side == Side::Client { &self.client } else { &self.server };
        if !half.has_banner {
            return if head.len() > 8192 { Length::Broken } else { line(head) };
        }
        match head.first_chunk().map(|bytes| u32::from_be_bytes(*bytes) as usize) {
            None => Length::More,
            Some(length @ 2..Self::KEPT_BYTES_MAX) => Length::Whole(4 + length),
            Some(_) => Length::Broken,
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Step {
        let half = if side == Side::Client { &mut self.client } else { &mut self.server };
        half.said += 1;
        if !half.has_banner {
            half.has_banner = banner(at, message, sink);
            return if !half.has_banner && half.said >= LINES_MAX { Step::Lost } else { Step::Go };
        }
        if !is_whole {
            sink.oddity(at, "SSH message that is not whole");
            return Step::Lost;
        }
        half.said = if half.has_offered { half.said } else { 0 };
        let mut cursor = Cursor::new(message);
        if let (Some(()), Some(kind)) = (cursor.skip(5), cursor.u8()) {
            match kind {
                message::OFFER if !half.has_offered => {
                    half.has_offered = true;
                    offered(side, at, cursor, sink);
                }
                message::KEY_REPLY | message::GROUP_KEY_REPLY if side == Side::Server => {
                    host_key(at, cursor, sink);
                }
                message::NEW_KEYS => half.has_new_keys = true,
                _ => {}
            }
        }
        let is_over = |half: &Half| half.has_new_keys || half.said >= MESSAGES_MAX;
        if is_over(&self.server) && self.client.has_offered || is_over(&self.client) && self.server.has_offered {
            return Step::Done;
        }
        Step::Go
    }
}

/// Tells the banner, if the line is one.
fn banner(at: At, line: &[u8], sink: &mut dyn Sink) -> bool {
    let Some(rest) = line.strip_prefix(b"SSH-") else { return false };
    let version = rest.split(|&byte| byte == b'-').next().unwrap_or_default();
    sink.fact(at, Field::Version, &format!("SSH {}", String::from_utf8_lossy(version)));
    sink.fact(at, Field::Software, &String::from_utf8_lossy(line.trim_ascii_end()));
    true
}

/// Tells the fingerprint of an offer (RFC 4253, 7.1).
fn offered(side: Side, at: At, mut cursor: Cursor<'_>, sink: &mut dyn Sink) -> Option<()> {
    const COOKIE_BYTES: usize = 16;
    cursor.skip(COOKIE_BYTES)?;
    let [exchange, _host_key] = [string(&mut cursor)?, string(&mut cursor)?];
    let pairs: [[&[u8]; 2]; 3] = [
        [string(&mut cursor)?, string(&mut cursor)?],
        [string(&mut cursor)?, string(&mut cursor)?],
        [string(&mut cursor)?, string(&mut cursor)?],
    ];
    match side {
        Side::Client => {
            let [ciphers, codes, compressions] = pairs.map(|[client, _]| client);
            sink.fact(at, Field::Hassh, &hassh([exchange, ciphers, codes, compressions]));
        }
        Side::Server => {
            let [ciphers, codes, compressions] = pairs.map(|[_, server]| server);
            sink.fact(at, Field::HasshServer, &hassh([exchange, ciphers, codes, compressions]));
        }
    }
    Some(())
}

/// Tells the server's key as `ssh-keygen -l` does.
fn host_key(at: At, mut cursor: Cursor<'_>, sink: &mut dyn Sink) -> Option<()> {
    let key = string(&mut cursor)?;
    let kind = string(&mut Cursor::new(key))?;
    let is_key = [&b"ssh-"[..], b"ecdsa-", b"sk-", b"rsa-"].iter().any(|prefix| kind.starts_with(prefix));
    if is_key {
        let digest = base64(&Sha256::digest(key));
        sink.fact(at, Field::Detail, &format!("host_key={} SHA256:{digest}", String::from_utf8_lossy(kind)));
    }
    Some(())
}

fn string<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = cursor.u32()?;
    cursor.take(length as usize)
}

/// RFC 4648, 4, without padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group.iter_mut().skip(1).zip(chunk).for_each(|(to, from)| *to = *from);
        let bits = u32::from_be_bytes(group);
        for digit in 0..=chunk.len() {
            let index = bits >> (18 - 6 * digit) & 63;
            text.push(DIGITS.get(index as usize).copied().map_or('=', char::from));
        }
    }
    text
}

fn probe(opening: &Opening<'_>) -> Probe {
    if !opening.is_stream {
        return Probe::No;
    }
    let begins = |said: &[u8]| match said.len() {
        0 => Probe::More,
        4.. if said.starts_with(b"SSH-") => Probe::Yes,
        1..4 if b"SSH-".starts_with(said) => Probe::More,
        _ => Probe::No,
    };
    match (begins(opening.client), begins(opening.server)) {
        (Probe::Yes, _) | (_, Probe::Yes) => Probe::Yes,
        (Probe::More, _) => Probe::More,
        (client, _) => client,
    }
}
