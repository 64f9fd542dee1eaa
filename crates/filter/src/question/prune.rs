//! What a flow's row says about its packets, without looking at them.
//!
//! A pcap-filter term can be ruled out, never be taken for granted: a packet that is too short fails it, and so does
//! one whose link layer it does not understand. It looks at the outermost network header, and a row holds the
//! innermost: in a tunnel, nothing is ruled out. VLAN tags come before both.

use packet::Address;

use super::Question;
use super::claim::Claim;
use super::field::{Field, Fields, Value};
use super::term::PcapTerm;
use super::truth::{Truth, decide};
use crate::expression::{Id, IdKind, Primitive, Protocol, Qualifiers};
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

/// True if pcap-filter terms cannot be held against a flow's row: its packets are in a tunnel, or not IP.
pub fn is_opaque(row: &dyn Fields) -> bool {
    Outer::of(row).is_none()
}

/// The outermost headers of a flow's packets behind VLAN tags, where they are the innermost too.
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
        let address = |field| match row.field(field) {
            Value::Address(address) => Some(address),
            _ => None,
        };
        let number = |field| match row.field(field) {
            Value::Number(number) => Some(number),
            _ => None,
        };
        if row.field(Field::Tunnel) != Value::Missing {
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
            Some(node) if self.rules_out(&Claim::of(node)) => Truth::False,
            _ => Truth::Unknown,
        }
    }

    /// True only if no packet of the flow can be as claimed.
    fn rules_out(&self, claim: &Claim<'_>) -> bool {
        match claim {
            Claim::Anything => false,
            Claim::Primitive(Primitive::Protocol(protocol)) => self.rules_out_protocol(*protocol),
            Claim::Primitive(Primitive::Id(qualifiers, id)) => self.rules_out_id(*qualifiers, id),
            Claim::Primitive(_) => false,
            Claim::All(claims) => claims.iter().any(|claim| self.rules_out(claim)),
            Claim::Any(claims) => claims.iter().all(|claim| self.rules_out(claim)),
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
            IdKind::Port | IdKind::PortRange => {
                let transport = match qualifiers.protocol {
                    Some(Protocol::Tcp) => self.protocol == 6,
                    Some(Protocol::Udp) => self.protocol == 17,
                    Some(Protocol::Sctp) => self.protocol == 132,
                    _ => WITH_PORTS.contains(&self.protocol),
                };
                let is_other = |(first, last): (u32, u32)| {
                    let range = u64::from(first)..=u64::from(last);
                    !self.ports.iter().any(|port| range.contains(port))
                };
                !transport || id.ports().is_some_and(is_other)
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
        let Some((network, bits)) = id.network(kind) else { return false };
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        !self.addresses.iter().any(|address| u128::from_be_bytes(address.0) & mask == network & mask)
    }
}
