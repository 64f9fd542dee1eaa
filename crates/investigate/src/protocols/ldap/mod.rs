//! LDAP over TCP and UDP: who binds, what is searched for (RFC 4511).

mod filter;

use packet::Cursor;

use super::ber;
use super::cutter::{Length, Talk, Talking};
use super::{Opening, Probe, Protocol, Recognised, Step, ntlm};
use crate::{At, Field, Side, Sink};

pub(crate) const STREAM: Recognised =
    Recognised { name: "ldap", probe: probe_stream, begin: |_| Box::new(Talking::new(Ldap::default())) };
/// As Active Directory's clients ask for a domain controller (MS-ADTS 6.3.3).
pub(crate) const DATAGRAM: Recognised =
    Recognised { name: "ldap", probe: probe_datagram, begin: |_| Box::new(Datagrams(Ldap::default())) };

/// Tags of what is asked and answered.
mod operation {
    pub(super) const BIND: u8 = 0x60;
    pub(super) const BIND_ANSWER: u8 = 0x61;
    pub(super) const SEARCH: u8 = 0x63;
    pub(super) const SEARCH_ENTRY: u8 = 0x64;
    pub(super) const SEARCH_DONE: u8 = 0x65;
    pub(super) const MODIFY: u8 = 0x66;
    pub(super) const ADD: u8 = 0x68;
    pub(super) const DELETE: u8 = 0x4a;
    pub(super) const RENAME: u8 = 0x6c;
    pub(super) const COMPARE: u8 = 0x6e;
    pub(super) const EXTENDED: u8 = 0x77;
    pub(super) const EXTENDED_ANSWER: u8 = 0x78;
    pub(super) const ALL: [u8; 21] = [
        BIND,
        BIND_ANSWER,
        0x42,
        SEARCH,
        SEARCH_ENTRY,
        SEARCH_DONE,
        0x73,
        MODIFY,
        0x67,
        ADD,
        0x69,
        DELETE,
        0x6b,
        RENAME,
        0x6d,
        COMPARE,
        0x6f,
        0x50,
        EXTENDED,
        EXTENDED_ANSWER,
        0x79,
    ];
}

const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// Bytes of the length before what SASL has sealed (RFC 4422, 3.7).
const SEALED_LENGTH_BYTES: usize = 4;

#[derive(Default)]
struct Ldap {
    /// A client has asked for TLS.
    asks_tls: bool,
    /// A client has bound with SASL: what follows can be sealed.
    has_sasl: bool,
}

impl Talk for Ldap {
    const KEPT_BYTES_MAX: usize = 64 << 10;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        match head.first() {
            Some(&ber::SEQUENCE) => match ber::whole_length(head) {
                Ok(Some(length)) => Length::Whole(length),
                Ok(None) => Length::More,
                Err(ber::Malformed) => Length::Broken,
            },
            Some(0) if self.has_sasl => match head.first_chunk() {
                Some(bytes) => Length::Head(SEALED_LENGTH_BYTES + u32::from_be_bytes(*bytes) as usize),
                None => Length::More,
            },
            _ => Length::Broken,
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Step {
        if message.first() != Some(&ber::SEQUENCE) {
            sink.fact(at, Field::Detail, "sealed=yes");
            return Step::Go;
        }
        if !is_whole {
            return Step::Go;
        }
        match self.tell(side, at, message, sink) {
            Some(Step::Turns(_)) => Step::Turns(message.len()),
            Some(step) => step,
            None => {
                sink.oddity(at, "malformed LDAP message");
                Step::Go
            }
        }
    }
}

impl Ldap {
    fn tell(&mut self, side: Side, at: At, message: &[u8], sink: &mut dyn Sink) -> Option<Step> {
        let mut cursor = ber::tagged(&mut Cursor::new(message), ber::SEQUENCE)?;
        ber::number(&mut cursor)?;
        let element = ber::element(&mut cursor)?;
        let mut body = Cursor::new(element.content);
        let body = &mut body;
        match element.tag {
            operation::BIND => self.bind(at, body, sink)?,
            operation::BIND_ANSWER => {
                // A server's challenge is a part of the answer (NTLM).
                ntlm::tell(element.content, at, sink);
                result(at, body, sink)?;
            }
            operation::SEARCH => search(at, body, sink)?,
            operation::SEARCH_DONE => {
                result(at, body, sink)?;
            }
            operation::MODIFY => changed(at, "modify", body, sink)?,
            operation::ADD => changed(at, "add", body, sink)?,
            operation::RENAME => changed(at, "rename", body, sink)?,
            operation::COMPARE => changed(at, "compare", body, sink)?,
            operation::DELETE => {
                sink.fact(at, Field::Detail, &format!("delete={}", String::from_utf8_lossy(element.content)));
            }
            operation::EXTENDED => {
                let name = ber::element(body)?.content;
                self.asks_tls |= name == START_TLS;
                sink.fact(at, Field::Detail, &format!("extended={}", String::from_utf8_lossy(name)));
            }
            operation::EXTENDED_ANSWER if side == Side::Server => {
                let is_granted = result(at, body, sink)? == 0;
                if std::mem::take(&mut self.asks_tls) && is_granted {
                    return Some(Step::Turns(0));
                }
            }
            _ => {}
        }
        Some(Step::Go)
    }

    fn bind(&mut self, at: At, body: &mut Cursor<'_>, sink: &mut dyn Sink) -> Option<()> {
        const SASL: u8 = 0xa3;
        let version = ber::number(body)?;
        let name = ber::text(body)?;
        let authentication = ber::element(body)?;
        sink.fact(at, Field::Version, &format!("LDAPv{version}"));
        if !name.is_empty() {
            sink.fact(at, Field::User, &name);
        }
        if authentication.tag == SASL {
            self.has_sasl = true;
            let mechanism = ber::text(&mut Cursor::new(authentication.content))?;
            sink.fact(at, Field::Detail, &format!("mechanism={mechanism}"));
            ntlm::tell(authentication.content, at, sink);
        }
        Some(())
    }
}

fn search(at: At, body: &mut Cursor<'_>, sink: &mut dyn Sink) -> Option<()> {
    let base = ber::text(body)?;
    sink.fact(at, Field::Detail, &format!("search_base={base}"));
    // Scope, aliases, limits of size and time, types only
    for _ in 0..5 {
        ber::element(body)?;
    }
    sink.fact(at, Field::Detail, &format!("search_filter={}", filter::shown(body)?));
    Some(())
}

fn changed(at: At, what: &str, body: &mut Cursor<'_>, sink: &mut dyn Sink) -> Option<()> {
    sink.fact(at, Field::Detail, &format!("{what}={}", ber::text(body)?));
    Some(())
}

/// Tells a result that is not success, with what the server says of it.
fn result(at: At, body: &mut Cursor<'_>, sink: &mut dyn Sink) -> Option<i64> {
    const IN_PROGRESS: i64 = 14;
    let code = ber::number(body)?;
    ber::element(body)?;
    let diagnosis = ber::text(body)?;
    if code != 0 && code != IN_PROGRESS {
        let text = format!("result={code} {}", diagnosis.trim_end_matches('\0'));
        sink.fact(at, Field::Detail, text.trim_end());
    }
    Some(code)
}

struct Datagrams(Ldap);

impl Protocol for Datagrams {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let length = ber::whole_length(data).ok().flatten().unwrap_or(usize::MAX);
        self.0.message(side, at, data.get(..length).unwrap_or(data), length <= data.len(), sink)
    }
}

fn probe_stream(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    if opening.is_stream { begins(said) } else { Probe::No }
}

fn probe_datagram(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    if !opening.is_stream && begins(said) == Probe::Yes { Probe::Yes } else { Probe::No }
}

/// A sequence with a number and an operation that there is, whose length fits into it.
fn begins(said: &[u8]) -> Probe {
    let mut cursor = Cursor::new(said);
    match cursor.u8() {
        None => return Probe::More,
        Some(ber::SEQUENCE) => {}
        Some(_) => return Probe::No,
    }
    let Ok(length) = ber::whole_length(said) else { return Probe::No };
    let Some(length) = length else { return Probe::More };
    let head = said.len() - said.get(2..).map_or(0, <[u8]>::len);
    let long = said.get(1).filter(|first| **first & 0x80 != 0).map_or(0, |first| usize::from(first & 0x7f));
    let mut cursor = Cursor::new(said.get(head + long..).unwrap_or_default());
    let Some(identifier) = cursor.u8() else { return Probe::More };
    let Some(bytes) = cursor.u8() else { return if identifier == ber::INTEGER { Probe::More } else { Probe::No } };
    if identifier != ber::INTEGER || !(1..=4).contains(&bytes) {
        return Probe::No;
    }
    let Some(()) = cursor.skip(usize::from(bytes)) else { return Probe::More };
    let Some(tag) = cursor.peek_u8(0) else { return Probe::More };
    if !operation::ALL.contains(&tag) {
        return Probe::No;
    }
    match ber::whole_length(cursor.rest()) {
        Ok(None) => Probe::More,
        Ok(Some(inner)) if said.len() - cursor.len() + inner <= length => Probe::Yes,
        _ => Probe::No,
    }
}
