//! RTSP: which stream is watched, by whom (RFC 2326, RFC 7826).

use super::cutter::{Length, Talk, Talking};
use super::mime::Base64;
use super::once::Once;
use super::{Opening, Probe, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "rtsp", probe, begin: |_| Box::new(Talking::new(Rtsp::default())) };

const METHODS: [&[u8]; 12] = [
    b"OPTIONS",
    b"DESCRIBE",
    b"ANNOUNCE",
    b"SETUP",
    b"PLAY",
    b"PAUSE",
    b"TEARDOWN",
    b"GET_PARAMETER",
    b"SET_PARAMETER",
    b"REDIRECT",
    b"RECORD",
    b"PLAY_NOTIFY",
];
const VERSIONS: [&[u8]; 2] = [b"RTSP/1.0", b"RTSP/2.0"];
/// Begins what is sent in between: media.
const MEDIA: u8 = b'$';
/// Header lines of one message that are read.
const LINES_MAX: usize = 256;

#[derive(Default)]
struct Rtsp {
    told: Once,
}

impl Talk for Rtsp {
    const KEPT_BYTES_MAX: usize = 16 << 10;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        match head.first() {
            Some(&MEDIA) => match head.get(2..).and_then(<[u8]>::first_chunk) {
                None => Length::More,
                Some(bytes) => Length::Head(4 + usize::from(u16::from_be_bytes(*bytes))),
            },
            Some(b'\r' | b'\n') => Length::Whole(1),
            _ if begins(head) == Probe::No => Length::Broken,
            _ => match memchr::memmem::find(head, b"\r\n\r\n") {
                None => Length::More,
                Some(end) => {
                    let body = header(head.get(..end).unwrap_or_default(), "content-length");
                    let body = body.and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
                    Length::Head(usize::saturating_add(end + 4, body))
                }
            },
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], _is_whole: bool, sink: &mut dyn Sink) -> Step {
        if matches!(message.first(), Some(&MEDIA | b'\r' | b'\n')) {
            return Step::Go;
        }
        let end = memchr::memmem::find(message, b"\r\n\r\n").unwrap_or(message.len());
        let headers = message.get(..end).unwrap_or(message);
        let first = headers.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let words: Vec<&[u8]> = first.trim_ascii().splitn(3, |&byte| byte == b' ').collect();
        match words.as_slice() {
            [version, status @ ..] if VERSIONS.contains(version) => {
                self.told.tell(at, Field::Version, &text(version), sink);
                self.told.tell(at, Field::Detail, &format!("status={}", text(&status.join(&b' '))), sink);
            }
            [method, url, version] => {
                self.told.tell(at, Field::Version, &text(version), sink);
                self.told.tell(at, Field::Detail, &format!("method={}", text(method)), sink);
                if *url != b"*" {
                    self.told.tell(at, Field::Url, &text(url), sink);
                }
            }
            _ => {}
        }
        let software = if side == Side::Client { "user-agent" } else { "server" };
        if let Some(software) = header(headers, software) {
            self.told.tell(at, Field::Software, &software, sink);
        }
        if let Some(user) = header(headers, "authorization").as_deref().and_then(user) {
            self.told.tell(at, Field::User, &user, sink);
        }
        Step::Go
    }

    fn held_bytes(&self) -> usize {
        self.told.held_bytes()
    }
}

/// Who logs in, by Basic or by Digest (RFC 7617, RFC 7616).
fn user(authorization: &str) -> Option<String> {
    let (scheme, rest) = authorization.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("basic") {
        let plain = Base64::whole(rest.trim().as_bytes());
        return plain.split(|&byte| byte == b':').next().map(text).filter(|user| !user.is_empty());
    }
    let (_, user) = rest.split_once("username=\"")?;
    user.split('"').next().map(str::to_owned)
}

fn header(headers: &[u8], name: &str) -> Option<String> {
    headers.split(|&byte| byte == b'\n').take(LINES_MAX).find_map(|line| {
        let (is, value) = line.split_at_checked(memchr::memchr(b':', line)?)?;
        is.trim_ascii().eq_ignore_ascii_case(name.as_bytes()).then(|| text(value.get(1..).unwrap_or_default()))
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii()).into_owned()
}

fn probe(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    if opening.is_stream { begins(said) } else { Probe::No }
}

/// A status line, or a method, and the version at the end of its line.
fn begins(said: &[u8]) -> Probe {
    let (line, is_whole) = match memchr::memchr(b'\n', said) {
        Some(end) => (said.get(..end).unwrap_or_default().trim_ascii_end(), true),
        None => (said, false),
    };
    if VERSIONS.iter().any(|version| line.starts_with(version)) {
        return Probe::Yes;
    }
    let mut words = line.splitn(2, |&byte| byte == b' ');
    let (method, rest) = (words.next().unwrap_or_default(), words.next());
    let is_method = match rest {
        Some(_) => METHODS.contains(&method),
        None => METHODS.iter().chain(&VERSIONS).any(|known| known.starts_with(method)),
    };
    match (is_method, is_whole) {
        (true, true) if VERSIONS.iter().any(|version| line.ends_with(version)) => Probe::Yes,
        (true, false) if said.len() < 2048 => Probe::More,
        _ => Probe::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Said;
    use crate::protocols::vectors::{check, opened};

    /// RFC 2326, 14: what is asked for, with media in between.
    #[test]
    fn what_is_watched_by_whom() {
        check(
            &RECOGNISED,
            &[
                Said::Client(b"DESCRIBE rtsp://cam.example/live RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: vlc\r\n\r\n"),
                Said::Server(b"RTSP/1.0 401 Unauthorized\r\nServer: cam 1\r\nContent-Length: 4\r\n\r\nbody"),
                Said::Client(b"DESCRIBE rtsp://cam.example/live RTSP/1.0\r\nAuthorization: Digest username=\"bob\", realm=\"x\"\r\n\r\n"),
                Said::Server(b"RTSP/1.0 200 OK\r\n\r\n$\0\0\x03rtp$\x01\0\x04rtcp"),
                Said::Client(b"OPTIONS * RTSP/1.0\r\nAuthorization: Basic YWxpY2U6cHc=\r\n\r\n"),
            ],
            &[
                (Field::Version, "RTSP/1.0"),
                (Field::Detail, "method=DESCRIBE"),
                (Field::Url, "rtsp://cam.example/live"),
                (Field::Software, "vlc"),
                (Field::Detail, "status=401 Unauthorized"),
                (Field::Software, "cam 1"),
                (Field::User, "bob"),
                (Field::Detail, "status=200 OK"),
                (Field::Detail, "method=OPTIONS"),
                (Field::User, "alice"),
            ],
        );
    }

    #[test]
    fn openings() {
        let check = |client: &[u8], expected: Probe| {
            assert_eq!(opened(&RECOGNISED, client), expected, "{}", client.escape_ascii());
        };
        check(b"OPTIONS rtsp://x RTSP/1.0\r\n", Probe::Yes);
        check(b"OPTIONS sip:x SIP/2.0\r\n", Probe::No);
        check(b"OPTIONS / HTTP/1.1\r\n", Probe::No);
        check(b"PLA", Probe::More);
    }
}
