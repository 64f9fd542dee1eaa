//! What a pcap-filter term asks of a packet's outermost network layer, as far as a flow's row can contradict it.

use crate::expression::{Connector, Node, Primitive};

/// What must hold of each packet that a term accepts.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Claim<'n> {
    /// Nothing that a row tells.
    Anything,
    /// A primitive, tested on the network header behind the packet's VLAN tags.
    Primitive(&'n Primitive),
    /// All of them.
    All(Vec<Self>),
    /// One of them.
    Any(Vec<Self>),
}

/// How a condition moves the place that what follows is tested at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shift {
    /// Not at all.
    None,
    /// Behind VLAN tags that are there if the condition holds.
    Tags,
    /// Into a tunnel, or behind something that need not be there.
    Unsure,
}

impl<'n> Claim<'n> {
    /// What a term claims.
    pub(super) fn of(node: &'n Node) -> Self {
        claim(node, true).0
    }
}

/// `certain`: where the condition is looked at, its tests are those of the outermost network header.
///
/// Recursion is as deep as parentheses, which parsing bounds.
fn claim(node: &Node, certain: bool) -> (Claim<'_>, Shift) {
    match node {
        Node::Primitive(primitive, _) => match shift(primitive) {
            Shift::None if certain => (Claim::Primitive(primitive), Shift::None),
            shift => (Claim::Anything, shift),
        },
        Node::Not(inner) => match claim(inner, certain).1 {
            Shift::None => (Claim::Anything, Shift::None),
            Shift::Tags | Shift::Unsure => (Claim::Anything, Shift::Unsure),
        },
        Node::Chain(first, rest) => {
            let (mut left, mut shift) = claim(first, certain);
            for (connector, node) in rest {
                let (right, next) = match connector {
                    // It counts only where the left side holds, tags and all.
                    Connector::And => claim(node, certain && shift != Shift::Unsure),
                    Connector::Or => claim(node, certain && shift == Shift::None),
                };
                shift = shift.joined(*connector, next);
                left = left.joined(*connector, right);
            }
            (left, shift)
        }
    }
}

fn shift(primitive: &Primitive) -> Shift {
    match primitive {
        Primitive::Vlan(_) => Shift::Tags,
        Primitive::Mpls(_)
        | Primitive::PppoeSession(_)
        | Primitive::Geneve(_)
        | Primitive::Vxlan(_)
        | Primitive::Atm(_)
        | Primitive::Llc(_) => Shift::Unsure,
        _ => Shift::None,
    }
}

impl Shift {
    fn joined(self, connector: Connector, other: Self) -> Self {
        match (self, connector, other) {
            (Self::None, _, Self::None) => Self::None,
            (Self::Unsure, _, _) | (_, Connector::Or, _) | (_, _, Self::Unsure) => Self::Unsure,
            _ => Self::Tags,
        }
    }
}

impl<'n> Claim<'n> {
    fn joined(self, connector: Connector, other: Claim<'n>) -> Self {
        match (self, connector, other) {
            (Self::Anything, Connector::And, claim) | (claim, Connector::And, Self::Anything) => claim,
            (Self::Anything, Connector::Or, _) | (_, Connector::Or, Self::Anything) => Self::Anything,
            (one, Connector::And, other) => Self::All(vec![one, other]),
            (one, Connector::Or, other) => Self::Any(vec![one, other]),
        }
    }
}
