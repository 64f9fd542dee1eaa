//! What a flow's row says for certain of its packets, without looking at them.
//!
//! Of plain packets ([`Headers::is_plain`](packet::Headers::is_plain)) the addresses, ports and the protocol that
//! pcap-filter tests are those of the row. A term that asks for anything else stays unknown as a whole: what looks
//! beyond the end of a packet makes the program give it up, whatever the rest of the term says. So does one that moves
//! the place where the rest of it is tested.

use packet::Address;

use super::Question;
use super::field::{Field, Fields, Value};
use super::term::PcapTerm;
use super::truth::{Truth, decide};
use crate::expression::{Connector, Direction, Id, IdKind, Node, Primitive, Protocol, Qualifiers};
use crate::names;

/// True only if every packet of a flow's client, or of its server, matches, where all of them are plain.
pub fn every_plain_packet_matches(question: &Question, row: &dyn Fields, from_client: bool) -> bool {
    let Some(plain) = Plain::of(row, from_client) else { return false };
    let mut verdict = |index: super::PcapTermIndex| match question.terms.get(index.0) {
        Some(term) if !term.shifts_what_follows() => plain.term(term),
        _ => Truth::Unknown,
    };
    decide(&question.root, row, &mut verdict) == Truth::True
}

/// What all plain packets of one side of a flow have in common.
struct Plain {
    source: u128,
    destination: u128,
    ports: Option<[u64; 2]>,
    protocol: u64,
    is_v6: bool,
}

/// Protocols that pcap-filter knows ports of.
const WITH_PORTS: &[u64] = &[6, 17, 132];

impl Plain {
    fn of(row: &dyn Fields, from_client: bool) -> Option<Self> {
        let address = |field| match row.field(field) {
            Value::Address(address) => Some(address),
            _ => None,
        };
        let number = |field| match row.field(field) {
            Value::Number(number) => Some(number),
            _ => None,
        };
        let mut fields = [(Field::SrcIp, Field::SrcPort), (Field::DestIp, Field::DestPort)];
        if !from_client {
            fields.reverse();
        }
        let [(source, source_port), (destination, destination_port)] = fields;
        let ends = [address(source)?, address(destination)?];
        let is_v6 = match ends.map(|end: Address| end.as_v4().is_some()) {
            [true, true] => false,
            [false, false] => true,
            _ => return None,
        };
        let ports = number(source_port).zip(number(destination_port)).map(<[u64; 2]>::from);
        let [source, destination] = ends.map(|end| u128::from_be_bytes(end.0));
        Some(Self { source, destination, ports, protocol: number(Field::Proto)?, is_v6 })
    }

    fn term(&self, term: &PcapTerm) -> Truth {
        term.node().map_or(Truth::True, |node| self.node(node))
    }

    /// Recursion is as deep as parentheses, which parsing bounds.
    fn node(&self, node: &Node) -> Truth {
        match node {
            Node::Primitive(primitive, _) => self.primitive(primitive),
            Node::Not(inner) => !self.node(inner),
            Node::Chain(first, rest) => {
                rest.iter().fold(self.node(first), |left, (connector, node)| match (left, connector, self.node(node)) {
                    (Truth::Unknown, ..) | (.., Truth::Unknown) => Truth::Unknown,
                    (left, Connector::And, right) => left.and(right),
                    (left, Connector::Or, right) => left.or(right),
                })
            }
        }
    }

    fn primitive(&self, primitive: &Primitive) -> Truth {
        match primitive {
            Primitive::Protocol(protocol) => self.protocol(*protocol),
            Primitive::Id(qualifiers, id) => self.id(*qualifiers, id),
            _ => Truth::Unknown,
        }
    }

    fn protocol(&self, protocol: Protocol) -> Truth {
        let is = |number, may_be: bool| Truth::from(self.protocol == number && may_be);
        match protocol {
            Protocol::Ip => (!self.is_v6).into(),
            Protocol::Ip6 => self.is_v6.into(),
            Protocol::Arp | Protocol::Rarp => Truth::False,
            Protocol::Tcp => is(6, true),
            Protocol::Udp => is(17, true),
            Protocol::Sctp => is(132, true),
            Protocol::Icmp => is(1, !self.is_v6),
            Protocol::Icmp6 => is(58, self.is_v6),
            _ => Truth::Unknown,
        }
    }

    fn id(&self, qualifiers: Qualifiers, id: &Id) -> Truth {
        let is_of_version = match qualifiers.protocol {
            None => true,
            Some(Protocol::Ip) => !self.is_v6,
            Some(Protocol::Ip6) => self.is_v6,
            Some(_) => false,
        };
        match qualifiers.kind.unwrap_or(IdKind::Host) {
            IdKind::Host | IdKind::Net if matches!(qualifiers.protocol, None | Some(Protocol::Ip | Protocol::Ip6)) => {
                self.address(qualifiers, id).and(is_of_version.into())
            }
            IdKind::Port | IdKind::PortRange => self.port(qualifiers, id),
            IdKind::Protocol if matches!(qualifiers.protocol, None | Some(Protocol::Ip | Protocol::Ip6)) => {
                let number = match id {
                    Id::Number(number) => Some(*number),
                    Id::Name(name) => names::ip_protocol(name).map(u32::from),
                    _ => None,
                };
                let is = |number| Truth::from(is_of_version && self.protocol == u64::from(number));
                number.map_or(Truth::Unknown, is)
            }
            _ => Truth::Unknown,
        }
    }

    fn address(&self, qualifiers: Qualifiers, id: &Id) -> Truth {
        // A mask can have holes.
        let network = id.network(qualifiers.kind).filter(|_| !matches!(id, Id::DottedMask(..)));
        let Some((network, bits)) = network else { return Truth::Unknown };
        if matches!(id, Id::V6(..)) != self.is_v6 {
            return Truth::False;
        }
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        let is_in = |address: u128| address & mask == network & mask;
        by_direction(qualifiers.direction, is_in(self.source), is_in(self.destination))
    }

    fn port(&self, qualifiers: Qualifiers, id: &Id) -> Truth {
        // A service can have one transport only.
        let range = id.ports().filter(|_| !matches!(id, Id::Name(_)));
        let transport = match qualifiers.protocol {
            None => WITH_PORTS.contains(&self.protocol),
            Some(Protocol::Tcp) => self.protocol == 6,
            Some(Protocol::Udp) => self.protocol == 17,
            Some(Protocol::Sctp) => self.protocol == 132,
            Some(_) => return Truth::Unknown,
        };
        let (Some((first, last)), Some([source, destination])) = (range, self.ports) else {
            return if transport { Truth::Unknown } else { Truth::False };
        };
        let range = u64::from(first)..=u64::from(last);
        by_direction(qualifiers.direction, range.contains(&source), range.contains(&destination)).and(transport.into())
    }
}

fn by_direction(direction: Option<Direction>, source: bool, destination: bool) -> Truth {
    match direction {
        None | Some(Direction::Either) => (source || destination).into(),
        Some(Direction::Source) => source.into(),
        Some(Direction::Destination) => destination.into(),
        Some(Direction::Both) => (source && destination).into(),
        Some(_) => Truth::Unknown,
    }
}
