//! What a conversation in DNS messages begins with. The same form has several names; the port says which.

use super::LENGTH_BYTES;
use super::message::{Message, NETBIOS, NETBIOS_STATUS};
use crate::protocols::{Opening, Probe};

const DNS_PORT: u16 = 53;
const MDNS_PORT: u16 = 5353;
const LLMNR_PORT: u16 = 5355;
/// Bytes of a message's header.
const HEADER_BYTES: usize = 12;

pub(super) fn dns(opening: &Opening<'_>) -> Probe {
    match opening {
        _ if opening.is_stream || has_port(opening, LLMNR_PORT) => Probe::No,
        _ if has_port(opening, MDNS_PORT) && !has_port(opening, DNS_PORT) => Probe::No,
        _ => datagram(opening, has_port(opening, DNS_PORT), |message| !is_netbios(message)),
    }
}

pub(super) fn mdns(opening: &Opening<'_>) -> Probe {
    on_port(opening, MDNS_PORT)
}

pub(super) fn llmnr(opening: &Opening<'_>) -> Probe {
    on_port(opening, LLMNR_PORT)
}

pub(super) fn nbns(opening: &Opening<'_>) -> Probe {
    if opening.is_stream { Probe::No } else { datagram(opening, false, is_netbios) }
}

pub(super) fn dns_stream(opening: &Opening<'_>) -> Probe {
    if !opening.is_stream || has_port(opening, LLMNR_PORT) { Probe::No } else { stream(opening) }
}

pub(super) fn llmnr_stream(opening: &Opening<'_>) -> Probe {
    if opening.is_stream && has_port(opening, LLMNR_PORT) { stream(opening) } else { Probe::No }
}

fn on_port(opening: &Opening<'_>, port: u16) -> Probe {
    if opening.is_stream || !has_port(opening, port) || has_port(opening, DNS_PORT) {
        return Probe::No;
    }
    datagram(opening, true, |message| !is_netbios(message))
}

fn has_port(opening: &Opening<'_>, port: u16) -> bool {
    opening.client_port == port || opening.server_port == port
}

fn said<'a>(opening: &Opening<'a>) -> &'a [u8] {
    if opening.client.is_empty() { opening.server } else { opening.client }
}

/// A whole message, or on the right port one that could be.
fn datagram(opening: &Opening<'_>, is_expected: bool, accepts: impl Fn(&Message<'_>) -> bool) -> Probe {
    let Some(message) = Message::read(said(opening)) else { return Probe::No };
    if !accepts(&message) || !is_plausible(&message) {
        return Probe::No;
    }
    match (message.is_malformed || message.rest > 0, is_expected) {
        (false, _) => Probe::Yes,
        (true, true) => Probe::Maybe,
        (true, false) => Probe::No,
    }
}

fn stream(opening: &Opening<'_>) -> Probe {
    let said = said(opening);
    let Some(length) = said.first_chunk().map(|bytes| usize::from(u16::from_be_bytes(*bytes))) else {
        return Probe::More;
    };
    if length <= HEADER_BYTES {
        return Probe::No;
    }
    let there = said.get(LENGTH_BYTES..).unwrap_or_default();
    if there.len() <= HEADER_BYTES {
        return Probe::More;
    }
    let bytes = there.get(..length).unwrap_or(there);
    let Some(message) = Message::read(bytes) else { return Probe::More };
    let is_plausible = is_plausible(&message);
    match (message.is_malformed, bytes.len() == length) {
        (false, true) if is_plausible && message.rest == 0 => Probe::Yes,
        // Its first question is there, the rest is still to come.
        (true, false) if is_plausible && !message.questions.is_empty() => {
            if has_port(opening, DNS_PORT) {
                Probe::Yes
            } else {
                Probe::More
            }
        }
        (true, false) if message.is_empty() && message.operation <= 1 && bytes.len() < HEADER_BYTES + 256 => {
            Probe::More
        }
        _ => Probe::No,
    }
}

/// Asks or tells something, of a class and with an operation that there are.
fn is_plausible(message: &Message<'_>) -> bool {
    /// The bit with which mDNS asks for an answer to the asker alone (RFC 6762, 5.4).
    const UNICAST: u16 = 0x8000;
    let is_class = |class: u16| matches!(class & !UNICAST, 1 | 3 | 4 | 254 | 255);
    let is_saying = message.questions.first().map_or(!message.records.is_empty(), |question| is_class(question.class));
    is_saying && message.operation <= 8 && message.operation != 3 && (message.is_response || message.code == 0)
}

/// Names are in NetBIOS's form, and kinds are its own.
fn is_netbios(message: &Message<'_>) -> bool {
    let is_kind = |kind: u16| matches!(kind, NETBIOS | NETBIOS_STATUS);
    let names = message.questions.iter().map(|question| (question.kind, &question.name));
    let mut names = names.chain(message.records.iter().map(|record| (record.kind, &record.name)));
    names.next().is_some_and(|(kind, name)| is_kind(kind) && name.ends_with('>'))
}
