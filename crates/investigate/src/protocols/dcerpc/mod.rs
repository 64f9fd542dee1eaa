//! DCE/RPC over connections (C706 12.6, MS-RPCE 2.2.2): which interfaces are bound, what is called, and who calls.

mod interfaces;
#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeMap;

use packet::Cursor;

use self::interfaces::{Interface, Uuid};
use super::cutter::{Length, Talk, Talking};
use super::once::Once;
use super::{Opening, Probe, Recognised, Step, ntlm};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "dcerpc", probe, begin: |_| Box::new(Talking::new(Dcerpc::default())) };

const HEADER_BYTES: usize = 16;
/// Of a call, up to the number of what is called; of a fault, up to its status.
const CALL_BYTES: usize = 28;
/// Interfaces that are bound at the same time.
const CONTEXTS_MAX: usize = 64;

/// Kinds of messages (C706 12.6.3.1).
mod kind {
    pub(super) const REQUEST: u8 = 0;
    pub(super) const RESPONSE: u8 = 2;
    pub(super) const FAULT: u8 = 3;
    pub(super) const BIND: u8 = 11;
    pub(super) const BIND_ACK: u8 = 12;
    pub(super) const BIND_NAK: u8 = 13;
    pub(super) const ALTER: u8 = 14;
    pub(super) const ALTERED: u8 = 15;
    pub(super) const AUTHENTICATE: u8 = 16;
    pub(super) const LAST: u8 = 19;
}

#[derive(Default)]
struct Dcerpc {
    /// Interfaces by the numbers under which they were bound.
    contexts: BTreeMap<u16, Uuid>,
    told: Once,
    has_version: bool,
}

/// What stands before each message.
#[derive(Clone, Copy)]
struct Header {
    minor: u8,
    kind: u8,
    is_little: bool,
    bytes: u16,
    token_bytes: u16,
}

/// Numbers in the order of bytes of who wrote them.
struct Numbers<'a> {
    cursor: Cursor<'a>,
    is_little: bool,
}

impl Talk for Dcerpc {
    const KEPT_BYTES_MAX: usize = 16 << 10;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        match header(head) {
            Err(Probe::More) => Length::More,
            Err(_) => Length::Broken,
            Ok(header) => {
                let bytes = usize::from(header.bytes);
                let is_call = matches!(header.kind, kind::REQUEST | kind::RESPONSE | kind::FAULT);
                match is_call {
                    true if head.len() < CALL_BYTES.min(bytes) => Length::More,
                    true => Length::Head(bytes),
                    false => Length::Whole(bytes),
                }
            }
        }
    }

    fn message(&mut self, _side: Side, at: At, message: &[u8], _is_whole: bool, sink: &mut dyn Sink) -> Step {
        let Ok(header) = header(message) else { return Step::Lost };
        if !std::mem::replace(&mut self.has_version, true) {
            sink.fact(at, Field::Version, &format!("DCE/RPC 5.{}", header.minor));
        }
        // What is cut short is told as far as it goes.
        let body = message.get(HEADER_BYTES..).unwrap_or_default();
        let numbers = Numbers { cursor: Cursor::new(body), is_little: header.is_little };
        let _ = match header.kind {
            kind::BIND | kind::ALTER => self.bind(at, numbers, sink),
            kind::BIND_ACK | kind::ALTERED => self.bound(at, numbers, header.kind, sink),
            kind::BIND_NAK => self.refused(at, numbers, sink),
            kind::REQUEST => self.called(at, numbers, sink),
            kind::FAULT => self.failed(at, numbers, sink),
            _ => Some(()),
        };
        if header.token_bytes > 0 && (kind::BIND..=kind::AUTHENTICATE).contains(&header.kind) {
            self.authenticate(at, message, header, sink);
        }
        Step::Go
    }

    fn held_bytes(&self) -> usize {
        self.contexts.len() * 64 + self.told.held_bytes()
    }
}

impl Dcerpc {
    /// The interfaces that a client wants to call (C706 12.6.4.3).
    fn bind(&mut self, at: At, mut numbers: Numbers<'_>, sink: &mut dyn Sink) -> Option<()> {
        numbers.cursor.skip(8)?;
        let contexts = numbers.cursor.u8()?;
        numbers.cursor.skip(3)?;
        for _ in 0..contexts {
            let (number, syntaxes) = (numbers.u16()?, usize::from(numbers.cursor.u8()?));
            numbers.cursor.skip(1)?;
            let (interface, version) = (numbers.uuid()?, numbers.u32()?);
            if self.contexts.len() < CONTEXTS_MAX || self.contexts.contains_key(&number) {
                self.contexts.insert(number, interface);
            }
            if let Some(Interface { name, .. }) = Interface::of(interface) {
                self.tell(at, &format!("interface={name}"), sink);
            }
            self.tell(at, &format!("uuid={interface} {}.{}", version & 0xffff, version >> 16), sink);
            numbers.cursor.skip(20 * syntaxes)?;
        }
        Some(())
    }

    /// The answer: where it is, and whether it serves any of them (C706 12.6.4.4).
    fn bound(&mut self, at: At, mut numbers: Numbers<'_>, kind: u8, sink: &mut dyn Sink) -> Option<()> {
        /// A result that only says which features are understood (MS-RPCE 2.2.2.4).
        const FEATURES: u16 = 3;
        numbers.cursor.skip(8)?;
        let address_bytes = usize::from(numbers.u16()?);
        let address = numbers.cursor.take(address_bytes)?;
        let address = address.split(|byte| *byte == 0).next().unwrap_or_default();
        if kind == kind::BIND_ACK && !address.is_empty() {
            self.tell(at, &format!("endpoint={}", String::from_utf8_lossy(address)), sink);
        }
        // What follows is aligned to four bytes.
        numbers.cursor.skip((10 + address_bytes).next_multiple_of(4) - (10 + address_bytes))?;
        let results = numbers.cursor.u8()?;
        numbers.cursor.skip(3)?;
        let mut refused = None;
        for _ in 0..results {
            match (numbers.u16()?, numbers.u16()?) {
                (0, _) => return Some(()),
                (FEATURES, _) => {}
                (_, reason) => refused = Some(reason),
            }
            numbers.cursor.skip(20)?;
        }
        self.tell(at, &format!("refused={}", refused?), sink);
        Some(())
    }

    fn refused(&mut self, at: At, mut numbers: Numbers<'_>, sink: &mut dyn Sink) -> Option<()> {
        let reason = numbers.u16()?;
        self.tell(at, &format!("refused={reason}"), sink);
        Some(())
    }

    fn called(&mut self, at: At, mut numbers: Numbers<'_>, sink: &mut dyn Sink) -> Option<()> {
        numbers.cursor.skip(4)?;
        let (context, operation) = (numbers.u16()?, numbers.u16()?);
        let interface = *self.contexts.get(&context)?;
        let known = Interface::of(interface);
        let call = match known.map(|known| (known.name, known.operation(operation))) {
            Some((name, Some(operation))) => format!("call={name}.{operation}"),
            Some((name, None)) => format!("call={name}.{operation}"),
            None => format!("call={interface}.{operation}"),
        };
        self.tell(at, &call, sink);
        Some(())
    }

    fn failed(&mut self, at: At, mut numbers: Numbers<'_>, sink: &mut dyn Sink) -> Option<()> {
        numbers.cursor.skip(8)?;
        let status = numbers.u32()?;
        self.tell(at, &format!("fault=0x{status:08x}"), sink);
        Some(())
    }

    /// What stands behind a message (MS-RPCE 2.2.2.11).
    fn authenticate(&mut self, at: At, message: &[u8], header: Header, sink: &mut dyn Sink) {
        const TRAILER_BYTES: usize = 8;
        let Some(start) = usize::from(header.bytes).checked_sub(usize::from(header.token_bytes)) else { return };
        let trailer = start.checked_sub(TRAILER_BYTES).and_then(|place| message.get(place));
        let service = match trailer {
            Some(9) => "negotiate",
            Some(10) => "ntlm",
            Some(14) => "schannel",
            Some(16) => "kerberos",
            Some(68) => "netlogon",
            _ => return,
        };
        self.tell(at, &format!("authentication={service}"), sink);
        ntlm::tell(message.get(start..).unwrap_or_default(), at, sink);
    }

    fn tell(&mut self, at: At, text: &str, sink: &mut dyn Sink) {
        self.told.tell(at, Field::Detail, text, sink);
    }
}

impl Numbers<'_> {
    fn u16(&mut self) -> Option<u16> {
        let bytes = self.cursor.array()?;
        Some(if self.is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.cursor.array()?;
        Some(if self.is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn uuid(&mut self) -> Option<Uuid> {
        let parts = [u128::from(self.u32()?) << 96, u128::from(self.u16()?) << 80, u128::from(self.u16()?) << 64];
        let last = u64::from_be_bytes(self.cursor.array()?);
        Some(Uuid(parts.iter().sum::<u128>() | u128::from(last)))
    }
}

/// The header of a message: [`Probe::More`] if it goes on, [`Probe::No`] if it is none.
fn header(head: &[u8]) -> Result<Header, Probe> {
    let fits = |place: usize, is: fn(u8) -> bool| head.get(place).is_none_or(|byte| is(*byte));
    let is_format = fits(4, |byte| matches!(byte, 0 | 0x10)) && fits(5, |byte| byte <= 3);
    let is_version = fits(0, |byte| byte == 5) && fits(1, |byte| byte <= 1) && fits(2, |byte| byte <= kind::LAST);
    if !is_version || !is_format || !fits(6, |byte| byte == 0) || !fits(7, |byte| byte == 0) {
        return Err(Probe::No);
    }
    let Some(&[_, minor, kind, _, format, _, _, _, a, b, c, d, ..]) = head.first_chunk::<HEADER_BYTES>() else {
        return Err(Probe::More);
    };
    let number = if format == 0 { u16::from_be_bytes } else { u16::from_le_bytes };
    let (bytes, token_bytes) = (number([a, b]), number([c, d]));
    if usize::from(bytes) < HEADER_BYTES || token_bytes > bytes {
        return Err(Probe::No);
    }
    Ok(Header { minor, kind, is_little: format != 0, bytes, token_bytes })
}

/// It begins with a bind; in the middle, with a call and its answer.
fn probe(opening: &Opening<'_>) -> Probe {
    /// Of a bind to one interface.
    const BIND_BYTES: u16 = 72;
    if !opening.is_stream {
        return Probe::No;
    }
    match (header(opening.client), header(opening.server)) {
        (Err(Probe::No), _) | (_, Err(Probe::No)) => Probe::No,
        (Ok(client), _) if client.kind == kind::BIND => match opening.client.get(24..28) {
            None => Probe::More,
            Some([contexts, 0, 0, 0]) if *contexts > 0 && client.bytes >= BIND_BYTES => Probe::Yes,
            Some(_) => Probe::No,
        },
        (Ok(client), Ok(server)) => {
            let is_asked = matches!(client.kind, kind::REQUEST | kind::ALTER | kind::AUTHENTICATE);
            let is_answered = matches!(server.kind, kind::RESPONSE | kind::FAULT | kind::BIND_ACK..=kind::ALTERED);
            if is_asked && is_answered { Probe::Yes } else { Probe::No }
        }
        _ => Probe::More,
    }
}
