//! DHCP for IPv6 (RFC 8415).

use std::net::Ipv6Addr;

use packet::Cursor;

use super::{Opening, Probe, Protocol, Recognised, Step};
use crate::fingerprint::hexadecimal;
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "dhcpv6", probe, begin: |_| Box::new(Dhcpv6) };

const PORTS: [u16; 2] = [546, 547];
/// Messages inside of relayed messages, options inside of options.
const DEPTH_MAX: u8 = 8;

mod message {
    pub(super) const LAST: u8 = 13;
    pub(super) const RELAY_FORWARD: u8 = 12;
}

struct Dhcpv6;

impl Protocol for Dhcpv6 {
    fn data(&mut self, _side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        if self::message(at, data, 0, sink).is_none() {
            sink.oddity(at, "malformed or cut DHCPv6 message");
        }
        Step::Go
    }
}

fn message(at: At, data: &[u8], depth: u8, sink: &mut dyn Sink) -> Option<()> {
    const NAMES: [&str; 14] = [
        "",
        "SOLICIT",
        "ADVERTISE",
        "REQUEST",
        "CONFIRM",
        "RENEW",
        "REBIND",
        "REPLY",
        "RELEASE",
        "DECLINE",
        "RECONFIGURE",
        "INFORMATION-REQUEST",
        "RELAY-FORW",
        "RELAY-REPL",
    ];
    let kind = *data.first()?;
    sink.fact(at, Field::Detail, &format!("message={}", NAMES.get(usize::from(kind))?));
    options(at, data.get(header_bytes(kind)..)?, depth, sink)
}

fn header_bytes(kind: u8) -> usize {
    if kind >= message::RELAY_FORWARD { 34 } else { 4 }
}

fn options(at: At, data: &[u8], depth: u8, sink: &mut dyn Sink) -> Option<()> {
    let mut cursor = Cursor::new(data);
    while !cursor.is_empty() {
        let (kind, length) = (cursor.u16()?, cursor.u16()?);
        option(at, kind, cursor.take(usize::from(length))?, depth, sink);
    }
    Some(())
}

fn option(at: At, kind: u16, value: &[u8], depth: u8, sink: &mut dyn Sink) -> Option<()> {
    const ADDRESS_BYTES: usize = 24;
    if depth >= DEPTH_MAX {
        return None;
    }
    let text = match kind {
        1 => format!("client_duid={}", hexadecimal(value)),
        2 => format!("server_duid={}", hexadecimal(value)),
        // An association of addresses, and one of addresses that are given up soon
        3 => return options(at, value.get(12..)?, depth + 1, sink),
        4 => return options(at, value.get(4..)?, depth + 1, sink),
        5 => {
            let address = Ipv6Addr::from(*value.first_chunk::<16>()?);
            sink.fact(at, Field::Detail, &format!("leased_address={address}"));
            return options(at, value.get(ADDRESS_BYTES..)?, depth + 1, sink);
        }
        9 => return message(at, value, depth + 1, sink),
        // After the vendor's number, the first of its classes
        16 => format!("vendor_class={}", String::from_utf8_lossy(value.get(6..)?)),
        39 => {
            sink.fact(at, Field::HostName, &domain(value.get(1..)?)?);
            return Some(());
        }
        _ => return Some(()),
    };
    sink.fact(at, Field::Detail, &text);
    Some(())
}

/// A name in the form of DNS, the last zero perhaps left out.
fn domain(bytes: &[u8]) -> Option<String> {
    let mut cursor = Cursor::new(bytes);
    let mut labels = Vec::new();
    while let Some(length @ 1..) = cursor.u8() {
        labels.push(String::from_utf8_lossy(cursor.take(usize::from(length))?).into_owned());
    }
    Some(labels.join("."))
}

/// Options that fill the datagram, on one of its ports.
fn probe(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    let is_port = PORTS.contains(&opening.client_port) || PORTS.contains(&opening.server_port);
    let Some(&kind @ 1..=message::LAST) = said.first() else { return Probe::No };
    if opening.is_stream || !is_port {
        return Probe::No;
    }
    let Some(options) = said.get(header_bytes(kind)..) else { return Probe::No };
    let mut cursor = Cursor::new(options);
    while let (Some(_), Some(length)) = (cursor.u16(), cursor.u16()) {
        if cursor.skip(usize::from(length)).is_none() {
            return Probe::Maybe;
        }
    }
    if cursor.is_empty() { Probe::Yes } else { Probe::Maybe }
}
