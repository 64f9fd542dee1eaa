//! SIP: who calls whom, with what (RFC 3261).

use super::cutter::{Length, Talk, Talking};
use super::{Opening, Probe, Protocol, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const DATAGRAM: Recognised =
    Recognised { name: "sip", probe: probe_datagram, begin: |_| Box::new(Datagrams) };
pub(crate) const STREAM: Recognised =
    Recognised { name: "sip", probe: probe_stream, begin: |_| Box::new(Talking::new(Stream)) };

const METHODS: [&[u8]; 14] = [
    b"INVITE",
    b"ACK",
    b"BYE",
    b"CANCEL",
    b"OPTIONS",
    b"REGISTER",
    b"PRACK",
    b"SUBSCRIBE",
    b"NOTIFY",
    b"PUBLISH",
    b"INFO",
    b"REFER",
    b"MESSAGE",
    b"UPDATE",
];
const VERSION: &[u8] = b"SIP/2.0";
/// Header lines of one message that are read.
const LINES_MAX: usize = 256;

struct Datagrams;

impl Protocol for Datagrams {
    fn data(&mut self, _side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        // Others than messages are sent to keep a path open.
        if begins(data) == Probe::Yes {
            tell(at, data, sink);
        }
        Step::Go
    }
}

struct Stream;

impl Talk for Stream {
    const KEPT_BYTES_MAX: usize = 64 << 10;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        if matches!(head.first(), Some(b'\r' | b'\n')) {
            return Length::Whole(1);
        }
        match memchr::memmem::find(head, b"\r\n\r\n") {
            None => Length::More,
            Some(end) => {
                let headers = head.get(..end).unwrap_or_default();
                let body = header(headers, b"content-length", b"l").and_then(|length| length.parse().ok()).unwrap_or(0);
                Length::Head(usize::saturating_add(end + 4, body))
            }
        }
    }

    fn message(&mut self, _side: Side, at: At, message: &[u8], _is_whole: bool, sink: &mut dyn Sink) -> Step {
        match begins(message) {
            _ if message.len() == 1 => Step::Go,
            Probe::Yes => {
                tell(at, message, sink);
                Step::Go
            }
            _ => Step::Lost,
        }
    }
}

fn tell(at: At, message: &[u8], sink: &mut dyn Sink) {
    let headers = match memchr::memmem::find(message, b"\r\n\r\n") {
        Some(end) => message.get(..end).unwrap_or(message),
        None => message,
    };
    let first = headers.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    match first.strip_prefix(VERSION) {
        Some(status) => sink.fact(at, Field::Detail, &format!("status={}", text(status))),
        None => {
            let request = first.strip_suffix(VERSION).unwrap_or(first);
            sink.fact(at, Field::Detail, &format!("request={}", text(request)));
        }
    }
    for (name, long, short) in [("from", &b"from"[..], &b"f"[..]), ("to", b"to", b"t"), ("call_id", b"call-id", b"i")] {
        if let Some(value) = header(headers, long, short) {
            let value = if name == "call_id" { value.as_str() } else { address(&value) };
            sink.fact(at, Field::Detail, &format!("{name}={value}"));
        }
    }
    if let Some(software) = header(headers, b"user-agent", b"").or_else(|| header(headers, b"server", b"")) {
        sink.fact(at, Field::Software, &software);
    }
}

/// The address itself, without the name before it and the parameters after it.
fn address(value: &str) -> &str {
    match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or(rest),
        None => value.split(';').next().unwrap_or(value).trim(),
    }
}

/// The value of a header, by its long name or its short one (RFC 3261, 7.3.3).
fn header(headers: &[u8], long: &[u8], short: &[u8]) -> Option<String> {
    headers.split(|&byte| byte == b'\n').take(LINES_MAX).find_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = line.split_at(colon);
        let name = name.trim_ascii();
        let is_it = name.eq_ignore_ascii_case(long) || (!short.is_empty() && name.eq_ignore_ascii_case(short));
        is_it.then(|| text(value.get(1..).unwrap_or_default()))
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii()).into_owned()
}

fn probe_datagram(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    if !opening.is_stream && begins(said) == Probe::Yes { Probe::Yes } else { Probe::No }
}

fn probe_stream(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    if opening.is_stream { begins(said) } else { Probe::No }
}

/// A status line, or a method, and the version at the end of its line.
fn begins(said: &[u8]) -> Probe {
    let (line, is_whole) = match memchr::memchr(b'\n', said) {
        Some(end) => (said.get(..end).unwrap_or_default().trim_ascii_end(), true),
        None => (said, false),
    };
    if line.starts_with(VERSION) {
        return Probe::Yes;
    }
    let mut words = line.splitn(2, |&byte| byte == b' ');
    let (method, rest) = (words.next().unwrap_or_default(), words.next());
    let is_method = match rest {
        Some(_) => METHODS.contains(&method),
        None => METHODS.iter().any(|known| known.starts_with(method)) || VERSION.starts_with(method),
    };
    match (is_method, is_whole) {
        (true, true) if line.ends_with(VERSION) => Probe::Yes,
        (true, false) if said.len() < 1024 => Probe::More,
        _ => Probe::No,
    }
}
