//! What a flow's row must have for one of its packets to match: what an index can be asked.

use std::fmt;

use packet::Address;

use super::claim::Claim;
use super::field::Field;
use super::operand::Operand;
use super::predicate::{Operator, Predicate, With};
use super::{Condition, PcapTermIndex, Question};
use crate::expression::{Id, IdKind, Primitive, Protocol, Qualifiers};
use crate::{Resolver, names};

/// What an index of flows can look up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// One of a row's addresses, in its 16-byte form.
    Address(Address),
    /// One of a row's addresses begins with these bits, of its 16-byte form: an IPv4 /8 has 104.
    Net(Address, u8),
    /// One of a row's ports.
    Port(u16),
    /// A field has this text.
    Text(Field, String),
}

/// A formula over keys that holds for every flow with a matching packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Any flow can match.
    Everything,
    /// None can.
    Nothing,
    /// The flow's row has the key.
    Key(Key),
    /// Pcap-filter terms on a layer cannot be held against the row: the outermost headers of its packets are not the
    /// innermost ones ([`is_opaque`](super::is_opaque)), and what they are is not known.
    Opaque(Layer),
    /// What is said in it was not read, or not all of it: fields of payload cannot be held against the row.
    Unread,
    /// All of them.
    And(Vec<Needs>),
    /// One of them.
    Or(Vec<Needs>),
}

/// A layer of a packet's outermost headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Its addresses are asked for.
    Network,
    /// Its ports are.
    Transport,
}

/// What can be there: a leaf of [`Needs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need<'n> {
    /// A key.
    Key(&'n Key),
    /// That a layer is not known.
    Opaque(Layer),
    /// That what is said was not read.
    Unread,
}

/// Ports of a range that are looked up one by one.
const RANGE_PORTS_MAX: u32 = 16;

impl Question {
    /// What a flow must have to match; names are looked up as for compiling.
    pub fn needs(&self, resolver: &dyn Resolver) -> Needs {
        self.needs_of(&self.root, resolver)
    }

    fn needs_of(&self, condition: &Condition, resolver: &dyn Resolver) -> Needs {
        match condition {
            // What a row does not show cannot be denied of it.
            Condition::Everything | Condition::Not(_) => Needs::Everything,
            Condition::And(parts) => Needs::all(parts.iter().map(|part| self.needs_of(part, resolver))),
            Condition::Or(parts) => Needs::any(parts.iter().map(|part| self.needs_of(part, resolver))),
            Condition::Field(predicate) => of_predicate(predicate),
            Condition::Pcap(PcapTermIndex(index)) => match self.terms.get(*index).and_then(|term| term.node()) {
                Some(node) => of_claim(&Claim::of(node), resolver),
                None => Needs::Everything,
            },
        }
    }
}

impl Needs {
    /// All of some needs.
    pub fn all(needs: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for need in needs {
            match need {
                Self::Everything => {}
                Self::Nothing => return Self::Nothing,
                Self::And(parts) => all.extend(parts),
                need => all.push(need),
            }
        }
        if all.len() > 1 { Self::And(all) } else { all.pop().unwrap_or(Self::Everything) }
    }

    /// One of some needs.
    pub fn any(needs: impl IntoIterator<Item = Self>) -> Self {
        let mut any = Vec::new();
        for need in needs {
            match need {
                Self::Nothing => {}
                Self::Everything => return Self::Everything,
                Self::Or(parts) => parts.into_iter().for_each(|need| add_once(&mut any, need)),
                need => add_once(&mut any, need),
            }
        }
        if any.len() > 1 { Self::Or(any) } else { any.pop().unwrap_or(Self::Nothing) }
    }

    /// Whether they ask for what payload tells: one row of a flow can have it and the next one not.
    pub fn ask_payload(&self) -> bool {
        match self {
            Self::Unread | Self::Key(Key::Text(..)) => true,
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::ask_payload),
            Self::Everything | Self::Nothing | Self::Key(_) | Self::Opaque(_) => false,
        }
    }

    /// What is left of them where what payload tells cannot be looked up.
    pub fn without_payload(self) -> Self {
        match self {
            Self::And(parts) => Self::all(parts.into_iter().map(Self::without_payload)),
            needs if needs.ask_payload() => Self::Everything,
            needs => needs,
        }
    }

    /// Whether many flows have what is asked for, as far as can be told without looking.
    pub fn is_broad(&self) -> bool {
        match self {
            Self::Key(Key::Text(field, _)) => matches!(field, Field::AppProto | Field::TlsAlpn | Field::TlsVersion),
            Self::And(parts) => parts.iter().all(Self::is_broad),
            Self::Or(parts) => parts.iter().any(Self::is_broad),
            Self::Everything => true,
            Self::Nothing | Self::Key(_) | Self::Opaque(_) | Self::Unread => false,
        }
    }

    /// Whether they can hold where `has` says what can be there.
    pub fn may_hold(&self, has: &mut dyn FnMut(Need<'_>) -> bool) -> bool {
        match self {
            Self::Everything => true,
            Self::Nothing => false,
            Self::Key(key) => has(Need::Key(key)),
            Self::Opaque(layer) => has(Need::Opaque(*layer)),
            Self::Unread => has(Need::Unread),
            Self::And(parts) => parts.iter().all(|part| part.may_hold(has)),
            Self::Or(parts) => parts.iter().any(|part| part.may_hold(has)),
        }
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("any flow"),
            Self::Nothing => f.write_str("no flow"),
            Self::Opaque(_) => f.write_str("a tunnel"),
            Self::Unread => f.write_str("payload that was not read"),
            Self::Key(Key::Address(address)) => write!(f, "address {}", address.to_ip()),
            Self::Key(Key::Net(address, bits)) => {
                let bits = if address.as_v4().is_some() { bits.saturating_sub(96) } else { *bits };
                write!(f, "net {}/{bits}", address.to_ip())
            }
            Self::Key(Key::Port(port)) => write!(f, "port {port}"),
            Self::Key(Key::Text(field, text)) => write!(f, "{} {text:?}", field.name()),
            Self::And(parts) => joined(f, parts, " and "),
            Self::Or(parts) => joined(f, parts, " or "),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Needs], connector: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        f.write_str(if index > 0 { connector } else { "" })?;
        match part {
            Needs::And(_) | Needs::Or(_) => write!(f, "({part})")?,
            part => write!(f, "{part}")?,
        }
    }
    Ok(())
}

fn add_once(needs: &mut Vec<Needs>, need: Needs) {
    if !needs.contains(&need) {
        needs.push(need);
    }
}

fn of_claim(claim: &Claim<'_>, resolver: &dyn Resolver) -> Needs {
    match claim {
        Claim::Anything => Needs::Everything,
        Claim::Primitive(Primitive::Id(qualifiers, id)) => of_id(*qualifiers, id, resolver),
        Claim::Primitive(_) => Needs::Everything,
        Claim::All(claims) => Needs::all(claims.iter().map(|claim| of_claim(claim, resolver))),
        Claim::Any(claims) => Needs::any(claims.iter().map(|claim| of_claim(claim, resolver))),
    }
}

fn of_id(qualifiers: Qualifiers, id: &Id, resolver: &dyn Resolver) -> Needs {
    let is_ip = matches!(qualifiers.protocol, None | Some(Protocol::Ip | Protocol::Ip6));
    let is_transport = matches!(qualifiers.protocol, None | Some(Protocol::Tcp | Protocol::Udp | Protocol::Sctp));
    match (qualifiers.kind.unwrap_or(IdKind::Host), id) {
        (IdKind::Host, Id::Name(name)) if is_ip => or_opaque(of_name(name, resolver), Layer::Network),
        (IdKind::Host | IdKind::Net, id) if is_ip => id
            .network(qualifiers.kind)
            .map_or(Needs::Everything, |(address, bits)| or_opaque(network(address, bits), Layer::Network)),
        (IdKind::Port | IdKind::PortRange, id) if is_transport => {
            id.ports().map_or(Needs::Everything, |range| or_opaque(ports(range), Layer::Transport))
        }
        _ => Needs::Everything,
    }
}

fn or_opaque(needs: Needs, layer: Layer) -> Needs {
    Needs::any([needs, Needs::Opaque(layer)])
}

/// A name without addresses compiles for no packet: that is said elsewhere.
fn of_name(name: &str, resolver: &dyn Resolver) -> Needs {
    // Names that are numbers are read in ways of their own.
    let is_number = name.starts_with(|c: char| c.is_ascii_digit()) || name.contains(':');
    let addresses = if is_number { Vec::new() } else { resolver.host(name) };
    match addresses.as_slice() {
        [] => Needs::Everything,
        addresses => Needs::any(addresses.iter().map(|address| Needs::Key(Key::Address((*address).into())))),
    }
}

fn network(address: u128, bits: u32) -> Needs {
    let address = Address(address.to_be_bytes());
    match u8::try_from(bits) {
        Ok(0) => Needs::Everything,
        Ok(bits @ 1..=127) => Needs::Key(Key::Net(address, bits)),
        _ => Needs::Key(Key::Address(address)),
    }
}

fn ports((first, last): (u32, u32)) -> Needs {
    if last.saturating_sub(first) >= RANGE_PORTS_MAX {
        return Needs::Everything;
    }
    let ports = (first..=last).filter_map(|port| u16::try_from(port).ok());
    Needs::any(ports.map(|port| Needs::Key(Key::Port(port))))
}

fn of_predicate(predicate: &Predicate) -> Needs {
    let With::Operands(operands) = &predicate.with else { return Needs::Everything };
    if !matches!(predicate.operator, Operator::Equal | Operator::In) {
        return Needs::Everything;
    }
    let field = predicate.field;
    Needs::any(operands.iter().map(|operand| match (field, operand) {
        (Field::SrcIp | Field::DestIp | Field::Addr, Operand::Network(address, mask)) => {
            network(*address, mask.leading_ones())
        }
        (Field::SrcPort | Field::DestPort | Field::PortAny, Operand::Number(port)) => {
            u16::try_from(*port).map_or(Needs::Nothing, |port| Needs::Key(Key::Port(port)))
        }
        (_, Operand::Text(text)) if field.is_of_payload() => {
            let text = Needs::Key(Key::Text(field, text.to_ascii_lowercase()));
            // That a list had more values than are kept stands in a field of its own.
            let more = field.is_list().then(|| Needs::Key(Key::Text(Field::MoreValues, field.name().to_owned())));
            Needs::any([text, Needs::Unread].into_iter().chain(more))
        }
        _ => Needs::Everything,
    }))
}

impl Id {
    /// The network that it stands for, as an address in its 16-byte form and how many bits of that count. A mask with
    /// holes counts up to the first of them.
    pub(super) fn network(&self, kind: Option<IdKind>) -> Option<(u128, u32)> {
        let v4 = |address: u32, bits: u32| {
            let mapped = Address::from(std::net::IpAddr::from(address.to_be_bytes()));
            (u128::from_be_bytes(mapped.0), 96 + bits)
        };
        Some(match self {
            Self::V6(address, length) => (address.to_bits(), (*length).min(128)),
            Self::Dotted(text) => {
                let (address, bits) = dotted(text)?;
                v4(address, bits)
            }
            Self::DottedLength(text, length) => v4(dotted(text)?.0, (*length).min(32)),
            Self::DottedMask(text, mask) => v4(dotted(text)?.0, dotted(mask)?.0.leading_ones()),
            Self::Number(number) if kind == Some(IdKind::Net) => {
                let bytes = (1..=3).find(|bytes| number >> (8 * bytes) == 0).unwrap_or(4);
                v4(number.checked_shl(32 - 8 * bytes).unwrap_or(0), if *number == 0 { 32 } else { 8 * bytes })
            }
            Self::Number(number) => v4(*number, 32),
            _ => return None,
        })
    }

    /// The ports that it stands for, the first and the last.
    pub(super) fn ports(&self) -> Option<(u32, u32)> {
        let named = |name: &str| names::service(name).map(|service| service.port);
        match self {
            Self::Number(number) => Some((*number, *number)),
            Self::Name(name) => match (named(name), name.split_once('-')) {
                (Some(port), _) => Some((port, port)),
                (None, Some((from, to))) => {
                    let (from, to) = (named(from)?, named(to)?);
                    Some((from.min(to), from.max(to)))
                }
                (None, None) => None,
            },
            _ => None,
        }
    }
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
