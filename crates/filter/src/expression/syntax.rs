//! The syntax tree.

use std::net::Ipv6Addr;
use std::ops::Range;

/// A place in the expression, in bytes.
pub(crate) type Span = Range<usize>;

/// How two conditions are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connector {
    And,
    Or,
}

/// A condition on a packet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Primitive(Primitive, Span),
    Not(Box<Node>),
    /// `and` and `or` bind equally and group to the left.
    Chain(Box<Node>, Vec<(Connector, Node)>),
}

/// The smallest part of an expression that is true or false.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Primitive {
    Protocol(Protocol),
    Id(Qualifiers, Id),
    Relation { relation: Relation, left: Arithmetic, right: Arithmetic },
    Broadcast(Option<Protocol>),
    Multicast(Option<Protocol>),
    Less(u32),
    Greater(u32),
    Byte { index: u32, operation: ByteOperation, value: u32 },
    Inbound,
    Outbound,
    InterfaceIndex(u32),
    InterfaceName(String),
    Vlan(Option<u32>),
    Mpls(Option<u32>),
    PppoeDiscovery,
    PppoeSession(Option<u32>),
    Geneve(Option<u32>),
    Vxlan(Option<u32>),
    PfRuleset(String),
    PfRule(u32),
    PfSubrule(u32),
    PfReason(u32),
    PfAction(u32),
    WlanType { value: u32, mask: u32 },
    WlanDirection(u32),
    Llc(Option<LlcKind>),
    Atm(AtmKind),
    AtmField(AtmField, FieldTest),
    Mtp2 { high_speed: bool, kind: Mtp2Kind },
    Mtp3 { high_speed: bool, field: Mtp3Field, test: FieldTest },
}

/// What stands before an address, a number or a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Qualifiers {
    pub(crate) protocol: Option<Protocol>,
    pub(crate) direction: Option<Direction>,
    pub(crate) kind: Option<IdKind>,
}

/// What an address, a number or a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdKind {
    Host,
    Net,
    Port,
    PortRange,
    Gateway,
    Protocol,
    ProtocolChain,
}

/// Which of a packet's addresses is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Source,
    Destination,
    Either,
    Both,
    Address1,
    Address2,
    Address3,
    Address4,
    Receiver,
    Transmitter,
}

/// An address, a number or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    Name(String),
    Number(u32),
    /// One to four numbers with dots, as they were written.
    Dotted(String),
    DottedLength(String, u32),
    DottedMask(String, String),
    V6(Ipv6Addr, u32),
    Hardware([u8; 6]),
    Arcnet(u8),
}

/// The protocols that have a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Protocol {
    Link,
    Ip,
    Arp,
    Rarp,
    Sctp,
    Tcp,
    Udp,
    Icmp,
    Igmp,
    Igrp,
    Pim,
    Vrrp,
    Carp,
    Atalk,
    Aarp,
    Decnet,
    Lat,
    Sca,
    Mopdl,
    Moprc,
    Ip6,
    Icmp6,
    Ah,
    Esp,
    Iso,
    Esis,
    Isis,
    IsisL1,
    IsisL2,
    IsisIih,
    IsisLsp,
    IsisSnp,
    IsisPsnp,
    IsisCsnp,
    Clnp,
    Stp,
    Ipx,
    Netbeui,
    Radio,
}

/// A comparison; `negated` turns `>` into `<=`, `>=` into `<`, `=` into `!=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Relation {
    pub(crate) test: Comparison,
    pub(crate) negated: bool,
}

/// The three comparisons that the machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
}

/// An arithmetic expression in postfix order: operands before their operation, so that depth costs no stack.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Arithmetic {
    pub(crate) steps: Vec<Step>,
}

/// One step of a postfix expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Constant(u32),
    Length,
    /// Replaces an offset by the `size` bytes there.
    Load {
        protocol: Protocol,
        size: u32,
        span: Span,
    },
    Negate,
    Binary(Operation, Span),
}

/// The arithmetic operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

/// The operations of `byte N op V`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOperation {
    Equal,
    Less,
    Greater,
    And,
    Or,
}

/// The kinds of 802.2 LLC frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LlcKind {
    Information,
    Supervisory,
    Unnumbered,
    SupervisoryCommand(u32),
    UnnumberedCommand(u32),
}

/// The circuits and messages of ATM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtmKind {
    Lane,
    MetaSignalling,
    Broadcast,
    SegmentOam,
    EndToEndOam,
    Signalling,
    Ilmi,
    Oam,
    OamF4,
    ConnectMessage,
    MetaConnect,
}

/// The fields of an ATM header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtmField {
    Vpi,
    Vci,
}

/// The kinds of MTP2 signal units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mtp2Kind {
    FillIn,
    LinkStatus,
    Message,
}

/// The fields of an MTP3 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mtp3Field {
    ServiceInformation,
    OriginatingPoint,
    DestinationPoint,
    LinkSelection,
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FieldTest {
    Compare(Relation, u32),
    OneOf(Vec<u32>),
}

impl Relation {
    pub(crate) const EQUAL: Self = Self { test: Comparison::Equal, negated: false };
}
