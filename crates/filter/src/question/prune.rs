//! What a flow's row says about its packets, without looking at them.
//!
//! A pcap-filter term can be ruled out, never be taken for granted: a packet that is too short fails it, and so does
//! one whose link layer it does not understand. It looks at the outermost headers, and a row holds the innermost:
//! with a VLAN tag or a tunnel, nothing is ruled out.

use std::net::IpAddr;

use packet::Address;

use super::Question;
use super::field::{Field, Fields, Value};
use super::term::PcapTerm;
use super::truth::{Truth, decide};
use crate::expression::{Connector, Id, IdKind, Node, Primitive, Protocol, Qualifiers};
use crate::names;

/// False only if no packet of the flow can match.
pub fn may_match_flow(question: &Question, row: &dyn Fields) -> bool {
    let outer = Outer::of(row);
    let mut verdict = |index: super::PcapTermIndex| match (&outer, question.terms.get(index.0)) {
        (Some(outer), Some(term)) => outer.term(term),
        _ => Truth::Unknown,
    };
    decide(&question.root, row, &mut verdict) != Truth::False
}

/// The outermost headers of a flow's packets, where they are the innermost too.
struct Outer {
    addresses: [Address; 2],
    ports: [u64; 2],
    protocol: u64,
    is_v6: bool,
}

/// Protocols of which an IP header's number and a row's are the same: no header of another comes between.
const FINAL: &[u64] = &[1, 2, 6, 17, 58, 88, 89, 103, 112, 132];
const WITH_PORTS: &[u64] = &[6, 17, 132];

impl Outer {
    fn of(row: &dyn Fields) -> Option<Self> {
        let none = |field| match row.field(field) {
            Value::Missing => true,
            Value::List(values) => values.is_empty(),
            _ => false,
        };
        let address = |field| match row.field(field) {
            Value::Address(address) => Some(address),
            _ => None,
        };
        let number = |field| match row.field(field) {
            Value::Number(number) => Some(number),
            _ => None,
        };
        if !none(Field::Vlan) || !none(Field::Tunnel) {
            return None;
        }
        let addresses = [address(Field::SrcIp)?, address(Field::DestIp)?];
        let is_v4 = addresses.map(|address| address.as_v4().is_some());
        // A row without IP has no protocol number; mapped addresses on the wire cannot be told from IPv4.
        let protocol = number(Field::Proto).filter(|&protocol| protocol > 0)?;
        let is_v6 = match is_v4 {
            [true, true] => false,
            [false, false] => true,
            _ => return None,
        };
        // Without ports, as for ICMP, a port term is ruled out by the protocol.
        let ports = [Field::SrcPort, Field::DestPort].map(|field| number(field).unwrap_or(0));
        Some(Self { addresses, ports, protocol, is_v6 })
    }

    fn term(&self, term: &PcapTerm) -> Truth {
        match term.node() {
            Some(node) if !term.shifts_what_follows() && self.rules_out(node) => Truth::False,
            _ => Truth::Unknown,
        }
    }

    /// True only if no packet of the flow satisfies it.
    fn rules_out(&self, node: &Node) -> bool {
        match node {
            Node::Primitive(Primitive::Protocol(protocol), _) => self.rules_out_protocol(*protocol),
            Node::Primitive(Primitive::Id(qualifiers, id), _) => self.rules_out_id(*qualifiers, id),
            Node::Primitive(..) | Node::Not(_) => false,
            Node::Chain(first, rest) => {
                rest.iter().fold(self.rules_out(first), |ruled_out, (connector, next)| match connector {
                    Connector::And => ruled_out || self.rules_out(next),
                    Connector::Or => ruled_out && self.rules_out(next),
                })
            }
        }
    }

    fn rules_out_protocol(&self, protocol: Protocol) -> bool {
        let number = match protocol {
            Protocol::Ip => return self.is_v6,
            // Mapped addresses may be IPv6 on the wire.
            Protocol::Ip6 => return false,
            Protocol::Arp | Protocol::Rarp => return true,
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
            Protocol::Sctp => 132,
            Protocol::Icmp => 1,
            Protocol::Icmp6 => 58,
            Protocol::Igmp => 2,
            Protocol::Pim => 103,
            _ => return false,
        };
        self.rules_out_number(number)
    }

    fn rules_out_number(&self, number: u64) -> bool {
        FINAL.contains(&number) && self.protocol != number
    }

    fn rules_out_id(&self, qualifiers: Qualifiers, id: &Id) -> bool {
        let ip = matches!(qualifiers.protocol, None | Some(Protocol::Ip | Protocol::Ip6));
        match qualifiers.kind.unwrap_or(IdKind::Host) {
            IdKind::Host | IdKind::Net if ip => self.rules_out_address(qualifiers.kind, id),
            IdKind::Port => {
                let transport = match qualifiers.protocol {
                    Some(Protocol::Tcp) => self.protocol == 6,
                    Some(Protocol::Udp) => self.protocol == 17,
                    Some(Protocol::Sctp) => self.protocol == 132,
                    _ => WITH_PORTS.contains(&self.protocol),
                };
                let port = match id {
                    Id::Number(number) => Some(u64::from(*number)),
                    Id::Name(name) => names::service(name).map(|service| service.port.into()),
                    _ => None,
                };
                !transport || port.is_some_and(|port| !self.ports.contains(&port))
            }
            IdKind::Protocol if ip => match id {
                Id::Number(number) => self.rules_out_number((*number).into()),
                Id::Name(name) => names::ip_protocol(name).is_some_and(|number| self.rules_out_number(number.into())),
                _ => false,
            },
            _ => false,
        }
    }

    fn rules_out_address(&self, kind: Option<IdKind>, id: &Id) -> bool {
        let (network, mask) = match id {
            Id::V6(address, length) => {
                (address.to_bits(), u128::MAX.checked_shl(128 - (*length).min(128)).unwrap_or(0))
            }
            Id::Dotted(text) => match dotted(text) {
                Some((address, bits)) => mapped(address, u32::MAX << (32 - bits)),
                None => return false,
            },
            Id::DottedLength(text, length) => match dotted(text) {
                Some((address, _)) => mapped(address, u32::MAX.checked_shl(32 - (*length).min(32)).unwrap_or(0)),
                None => return false,
            },
            Id::Number(number) if kind != Some(IdKind::Net) => mapped(*number, u32::MAX),
            _ => return false,
        };
        !self.addresses.iter().any(|address| u128::from_be_bytes(address.0) & mask == network & mask)
    }
}

/// An IPv4 network in the 16-byte form of addresses.
fn mapped(address: u32, mask: u32) -> (u128, u128) {
    let address = Address::from(IpAddr::from(address.to_be_bytes()));
    (u128::from_be_bytes(address.0), u128::MAX << 32 | u128::from(mask))
}

/// One to four numbers, and how many bits they are.
fn dotted(text: &str) -> Option<(u32, u32)> {
    let mut address = 0u32;
    let mut bits = 0;
    for part in text.split('.') {
        let value: u8 = part.parse().ok()?;
        address = address << 8 | u32::from(value);
        bits += 8;
    }
    (1..=32).contains(&bits).then(|| (address << (32 - bits), bits))
}
