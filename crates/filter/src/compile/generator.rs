//! What is known while code is generated, and the dispatch over primitives.

use super::Options;
use super::graph::{Condition, Graph};
use super::layout::{Layout, Link};
use crate::Error;
use crate::expression::{Connector, Node, Primitive, Span};

/// More tests than this are refused, so that memory is bounded.
const BLOCKS_MAX: usize = 100_000;

/// An offset from the start of the packet: a constant, and perhaps the value of a register on top.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offset {
    pub(super) constant: u32,
    pub(super) is_variable: bool,
    /// The register, once something has needed it.
    pub(super) register: Option<u32>,
}

impl Offset {
    pub(super) fn constant(constant: u32) -> Self {
        Self { constant, ..Self::default() }
    }

    pub(super) fn variable(register: u32) -> Self {
        Self { constant: 0, is_variable: true, register: Some(register) }
    }
}

/// The state of code generation: `vlan`, `mpls`, `pppoes`, `geneve` and `vxlan` shift the offsets for all that follows
/// them in the expression, whatever the parentheses are.
pub(super) struct Generator<'a> {
    pub(super) options: &'a Options<'a>,
    pub(super) graph: Graph,
    /// The primitive that is being compiled, for errors.
    pub(super) span: Span,
    pub(super) link: Link,
    pub(super) link_before: Link,
    pub(super) link_outermost: Link,
    pub(super) header: Offset,
    pub(super) header_before: Offset,
    pub(super) payload: Offset,
    pub(super) type_field: Offset,
    /// Of the network header within the payload.
    pub(super) network: u32,
    pub(super) network_nosnap: u32,
    pub(super) mtp2: u32,
    pub(super) header_outermost: u32,
    /// `geneve` came before: what follows is inside, and may lack a link header.
    pub(super) in_geneve: bool,
    /// `vxlan` came before: what follows is inside.
    pub(super) in_vxlan: bool,
    pub(super) labels: u32,
    pub(super) vlan_tags: u32,
    /// The kernel may have taken the outermost VLAN tag out: offsets are known at run time only.
    pub(super) vlan_offsets_vary: bool,
    /// The outermost link header and its payload, once another has been put on top.
    pub(super) outermost: Option<(Offset, Offset)>,
    /// Scratch registers, one bit each: those that hold an offset throughout, and those that arithmetic uses.
    registers_held: u16,
    registers_lent: u16,
}

impl<'a> Generator<'a> {
    pub(super) fn new(options: &'a Options<'a>, span: &Span) -> Result<Self, Error> {
        let Some(layout) = Layout::of(options.link_type) else {
            return Err(Error::new(span, format!("packets of link type {} cannot be filtered", options.link_type)));
        };
        let mut header = Offset::constant(layout.header);
        let mut payload = Offset::constant(layout.payload);
        match layout.link {
            Link::Wireless(radio) => {
                header.is_variable = radio != super::layout::Radio::None;
                payload.is_variable = true;
            }
            Link::PfLog => payload.is_variable = true,
            _ => {}
        }
        Ok(Self {
            options,
            graph: Graph::default(),
            span: span.clone(),
            link: layout.link,
            link_before: layout.link,
            link_outermost: layout.link,
            header,
            header_before: header,
            payload,
            type_field: Offset::constant(layout.type_field),
            network: layout.network,
            network_nosnap: layout.network_nosnap,
            mtp2: layout.mtp2,
            header_outermost: layout.header,
            in_geneve: false,
            in_vxlan: false,
            labels: 0,
            vlan_tags: 0,
            vlan_offsets_vary: false,
            outermost: None,
            registers_held: 0,
            registers_lent: 0,
        })
    }

    /// The condition of a syntax tree, generated from left to right.
    pub(super) fn node(&mut self, node: &Node) -> Result<Condition, Error> {
        match node {
            Node::Primitive(primitive, span) => {
                self.span = span.clone();
                self.primitive(primitive)
            }
            Node::Not(inner) => {
                let condition = self.node(inner)?;
                Ok(self.graph.not(condition))
            }
            Node::Chain(first, rest) => {
                let mut condition = self.node(first)?;
                for (connector, next) in rest {
                    let next = self.node(next)?;
                    condition = match connector {
                        Connector::And => self.graph.and(condition, next),
                        Connector::Or => self.graph.or(condition, next),
                    };
                }
                Ok(condition)
            }
        }
    }

    fn primitive(&mut self, primitive: &Primitive) -> Result<Condition, Error> {
        if self.graph.blocks.len() > BLOCKS_MAX {
            return Err(self.error("the expression is too large"));
        }
        match primitive {
            Primitive::Protocol(protocol) => self.protocol(*protocol),
            Primitive::Id(qualifiers, id) => self.id(*qualifiers, id),
            Primitive::Relation { relation, left, right } => self.relation(*relation, left, right),
            Primitive::Broadcast(protocol) => self.broadcast(*protocol),
            Primitive::Multicast(protocol) => self.multicast(*protocol),
            Primitive::Less(length) => Ok(self.length_at_most(*length)),
            Primitive::Greater(length) => Ok(self.length_at_least(*length)),
            Primitive::Byte { index, operation, value } => self.byte(*index, *operation, *value),
            Primitive::Inbound => self.direction(false),
            Primitive::Outbound => self.direction(true),
            Primitive::InterfaceIndex(index) => self.interface_index(*index),
            Primitive::InterfaceName(name) => self.interface_name(name),
            Primitive::Vlan(id) => self.vlan(*id),
            Primitive::Mpls(label) => self.mpls(*label),
            Primitive::PppoeDiscovery => self.link_type(super::link_type::PPPOE_DISCOVERY),
            Primitive::PppoeSession(session) => self.pppoe_session(*session),
            Primitive::Geneve(network) => self.geneve(*network),
            Primitive::Vxlan(network) => self.vxlan(*network),
            Primitive::PfRuleset(name) => self.pf_ruleset(name),
            Primitive::PfRule(number) => self.pf_rule(*number),
            Primitive::PfSubrule(number) => self.pf_subrule(*number),
            Primitive::PfReason(reason) => self.pf_reason(*reason),
            Primitive::PfAction(action) => self.pf_action(*action),
            Primitive::WlanType { value, mask } => self.wlan_type(*value, *mask),
            Primitive::WlanDirection(direction) => self.wlan_direction(*direction),
            Primitive::Llc(kind) => self.llc(*kind),
            Primitive::Atm(kind) => self.atm(*kind),
            Primitive::AtmField(field, test) => self.atm_field(*field, test),
            Primitive::Mtp2 { high_speed, kind } => self.mtp2(*high_speed, *kind),
            Primitive::Mtp3 { high_speed, field, test } => self.mtp3(*high_speed, *field, test),
        }
    }

    /// An error at the primitive that is being compiled.
    pub(super) fn error(&self, message: impl Into<String>) -> Error {
        Error::new(&self.span, message)
    }

    /// A register for the whole program.
    pub(super) fn take_register(&mut self) -> Result<u32, Error> {
        let register = (self.registers_held | self.registers_lent).trailing_ones();
        if register >= u16::BITS {
            return Err(self.too_many_registers());
        }
        self.registers_held |= 1 << register;
        Ok(register)
    }

    /// A register for a few statements, other than those of a set.
    pub(super) fn lend_register(&mut self, others: u16) -> Result<u32, Error> {
        let free = !(self.registers_held | others);
        if free == 0 {
            return Err(self.too_many_registers());
        }
        let register = u16::BITS - 1 - free.leading_zeros();
        self.registers_lent |= 1 << register;
        Ok(register)
    }

    fn too_many_registers(&self) -> Error {
        self.error("too many registers needed to evaluate expression").hint("nest arithmetic and tunnels less deep")
    }
}
