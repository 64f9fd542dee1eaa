//! XMPP: where a client logs in, and the turn to TLS (RFC 6120).

use super::cutter::{Length, Talk, Talking};
use super::{Opening, Probe, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "xmpp", probe, begin: |_| Box::new(Talking::new(Xmpp)) };

const STREAM: &[u8] = b"stream:stream";
const NAMESPACES: [&[u8]; 3] = [b"jabber:client", b"jabber:server", b"http://etherx.jabber.org/streams"];

/// Cut into tags; text between them belongs to the next.
struct Xmpp;

impl Talk for Xmpp {
    const KEPT_BYTES_MAX: usize = 16 << 10;
    const ENDS_WITH: Option<u8> = Some(b'>');

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        match memchr::memchr(b'>', head) {
            Some(end) => Length::Whole(end + 1),
            None if head.len() >= Self::KEPT_BYTES_MAX => Length::Head(head.len()),
            None => Length::More,
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Step {
        let Some(start) = memchr::memchr(b'<', message).filter(|_| is_whole) else { return Step::Go };
        let tag = message.get(start + 1..).unwrap_or_default();
        let name = tag.split(|&byte| byte.is_ascii_whitespace() || byte == b'>' || byte == b'/').next();
        let mut told = |field, key: &str, attribute_name: &[u8]| {
            if let Some(value) = attribute(tag, attribute_name) {
                let text = if key.is_empty() { value.to_string() } else { format!("{key}={value}") };
                sink.fact(at, field, &text);
            }
        };
        match (side, name) {
            (Side::Client, Some(STREAM)) => {
                told(Field::HostName, "", b"to");
                told(Field::User, "", b"from");
            }
            (Side::Client, Some(b"auth")) => told(Field::Detail, "mechanism", b"mechanism"),
            (Side::Server, Some(b"proceed")) => return Step::Turns(message.len()),
            _ => {}
        }
        Step::Go
    }
}

/// The value of an attribute of a tag.
fn attribute<'a>(tag: &'a [u8], name: &[u8]) -> Option<std::borrow::Cow<'a, str>> {
    let mut from = 0;
    loop {
        let start = from + memchr::memmem::find(tag.get(from..)?, name)?;
        let is_word = start.checked_sub(1).and_then(|before| tag.get(before)).is_some_and(u8::is_ascii_whitespace);
        from = start + name.len();
        if let (true, Some([b'=', quote @ (b'"' | b'\''), rest @ ..])) = (is_word, tag.get(from..)) {
            let end = memchr::memchr(*quote, rest)?;
            return rest.get(..end).map(String::from_utf8_lossy);
        }
    }
}

/// An opening tag of a stream, in one of its namespaces.
fn probe(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    let begin = said.trim_ascii_start();
    if !opening.is_stream {
        return Probe::No;
    }
    if !(begin.starts_with(b"<?xml")
        || begin.starts_with(b"<stream")
        || b"<stream".starts_with(begin)
        || b"<?xml".starts_with(begin))
    {
        return Probe::No;
    }
    let has = |needle: &[u8]| memchr::memmem::find(begin.get(..1024).unwrap_or(begin), needle).is_some();
    match has(STREAM) && NAMESPACES.iter().any(|namespace| has(namespace)) {
        true => Probe::Yes,
        false if begin.len() < 1024 => Probe::More,
        false => Probe::No,
    }
}
