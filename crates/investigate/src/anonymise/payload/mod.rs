//! Payload with other names in it, as long as before: DNS, HTTP/1 and TLS. What cannot be read is not kept.

mod dns;
mod http;
mod names;
mod tls;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use packet::decode::Transport;
use packet::{FlowKey, LinkType};

use self::http::Http;
use self::names::Names;
use self::tls::Tls;
use crate::rewrite::{Mapping, Place, TCP, UDP};

/// Sides of connections that are remembered; beyond, all are forgotten, and begin anew with what can be recognised.
const SIDES_MAX: usize = 1 << 16;
const SYN: u8 = 0x02;
/// DNS, mDNS, LLMNR.
const DNS_PORTS: [u16; 3] = [53, 5353, 5355];

/// Replaces names, cookies and credentials in payload.
pub(super) struct Payloads {
    names: Names,
    sides: HashMap<FlowKey, Side>,
}

/// What one side of a connection speaks.
enum Side {
    Http(Http),
    Tls(Tls),
    /// Something that is not read any further.
    Hidden,
}

impl Payloads {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self { names: Names::new(key), sides: HashMap::new() }
    }

    /// Replaces names in a packet's payload. Returns where what can be shown of it ends; `None` if nothing can.
    pub(super) fn replace(
        &mut self,
        link_type: LinkType,
        data: &mut [u8],
        addresses: &mut dyn Mapping,
    ) -> Option<usize> {
        let place = Place::of(link_type, data)?;
        let headers = packet::decode(link_type, data, u32::try_from(data.len()).ok()?);
        let key = headers.key?;
        let at = usize::try_from(headers.payload_offset).ok()?;
        let mut payload = data.get(at..place.end)?.to_vec();
        let kept = match (place.protocol, headers.transport) {
            (UDP, _) if [key.src_port, key.dest_port].iter().any(|port| DNS_PORTS.contains(port)) => {
                dns::replace(&mut payload, &self.names, addresses).then_some(payload.len())?
            }
            (TCP, Transport::Tcp { seq, flags, .. }) => {
                if flags & SYN != 0 {
                    self.sides.remove(&key);
                }
                self.segment(key, seq, &mut payload)?
            }
            _ => return None,
        };
        place.change(data, at, &payload);
        Some(at + kept)
    }

    /// How many bytes of a segment can be shown.
    fn segment(&mut self, key: FlowKey, seq: u32, payload: &mut [u8]) -> Option<usize> {
        if payload.is_empty() {
            return None;
        }
        if self.sides.len() >= SIDES_MAX {
            self.sides.clear();
        }
        let side = match self.sides.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Side::of(seq, payload)?),
        };
        let kept = match side {
            Side::Http(http) => http.replace(seq, payload, &self.names),
            Side::Tls(tls) => tls.replace(seq, payload, &self.names),
            Side::Hidden => None,
        };
        if kept.is_none() && side.is_lost() {
            *side = Side::Hidden;
        }
        if side.is_tunnel() {
            // What follows is another protocol, on both sides.
            *side = Side::Hidden;
            self.sides.insert(key.reversed(), Side::Hidden);
        }
        kept
    }
}

impl Side {
    /// By its first bytes.
    fn of(seq: u32, payload: &[u8]) -> Option<Self> {
        if http::is_http(payload) {
            return Some(Self::Http(Http::new(seq)));
        }
        payload.starts_with(&[0x16, 0x03]).then(|| Self::Tls(Tls::new(seq)))
    }

    fn is_lost(&self) -> bool {
        matches!(self, Self::Tls(tls) if tls.is_lost())
    }

    fn is_tunnel(&self) -> bool {
        matches!(self, Self::Http(http) if http.is_tunnel())
    }
}

/// Whether a sequence number is before another.
fn is_before(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) < 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use packet::Address;

    fn key() -> FlowKey {
        let (src, dest) = (Address::v4([10, 0, 0, 1]), Address::v4([10, 0, 0, 2]));
        FlowKey { src, dest, src_port: 40_000, dest_port: 80, proto: 6, ip_version: 4, ..FlowKey::default() }
    }

    /// What is left of a stream that comes in pieces of this size, with what cannot be shown as `-`.
    fn shown(stream: &[u8], piece_bytes: usize) -> Vec<u8> {
        let mut payloads = Payloads::new(&[7; 32]);
        let mut seq = u32::MAX - 10;
        let mut shown = Vec::new();
        for piece in stream.chunks(piece_bytes) {
            let mut payload = piece.to_vec();
            let kept = payloads.segment(key(), seq, &mut payload).unwrap_or(0);
            payload[kept..].fill(b'-');
            shown.extend(payload);
            seq = seq.wrapping_add(piece.len() as u32);
        }
        shown
    }

    fn has(text: &[u8], part: &[u8]) -> bool {
        text.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn names_and_cookies_go_however_a_message_is_cut() {
        let message =
            b"GET http://www.secret.example:8080/path HTTP/1.1\r\nHost: www.secret.example\r\nAccept: */*\r\n\
            cookie: id=hidden1\r\nAuthorization: Basic hidden2\r\nReferer: https://user@other.example/x\r\n\r\nbody";
        for piece_bytes in 12..=message.len() {
            let shown = shown(message, piece_bytes);
            assert_eq!(shown.len(), message.len());
            for gone in [&b"hidden1"[..], b"hidden2", b"Basic"] {
                assert!(!has(&shown, gone), "{piece_bytes}: {}", String::from_utf8_lossy(&shown));
            }
        }
        let shown = shown(message, message.len());
        for gone in [&b"secret"[..], b"other", b"user"] {
            assert!(!has(&shown, gone), "{}", String::from_utf8_lossy(&shown));
        }
        for stays in [&b"/path HTTP/1.1\r\n"[..], b"Accept: */*\r\n", b"\r\n\r\nbody"] {
            assert!(has(&shown, stays), "{}", String::from_utf8_lossy(&shown));
        }
    }

    #[test]
    fn what_is_not_known_or_comes_again_is_not_shown() {
        let mut payloads = Payloads::new(&[7; 32]);
        let mut show = |key: FlowKey, seq, text: &[u8]| payloads.segment(key, seq, &mut text.to_vec());
        assert_eq!(show(key(), 1, b"\x00\x01binary"), None);
        assert_eq!(show(key(), 9, b"CONNECT host.example:443 HTTP/1.1\r\n\r\n"), Some(37));
        assert_eq!(show(key(), 46, b"\x16\x03\x01 hello"), None, "behind a CONNECT");
        assert_eq!(show(key().reversed(), 1, b"HTTP/1.1 200 OK\r\n\r\n"), None);
        let other = FlowKey { src_port: 40_001, ..key() };
        assert_eq!(show(other, 1, b"GET / HTTP/1.1\r\n\r\n"), Some(18));
        assert_eq!(show(other, 1, b"GET / HTTP/1.1\r\n\r\n"), None, "again");
    }
}
