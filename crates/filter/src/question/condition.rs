//! The syntax tree of a question.

use super::{Field, Predicate};

/// Which of a question's pcap-filter expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PcapTermIndex(pub usize);

/// What must be true.
#[derive(Clone, Debug)]
pub enum Condition {
    /// Nothing in particular.
    Everything,
    /// All of them.
    And(Vec<Condition>),
    /// Any of them.
    Or(Vec<Condition>),
    /// The opposite.
    Not(Box<Condition>),
    /// A pcap-filter expression accepts the packet.
    Pcap(PcapTermIndex),
    /// A field of the packet's flow is as said.
    Field(Predicate),
}

impl Condition {
    /// Whether it asks for a field that is one of these.
    pub(super) fn asks(&self, is_it: fn(Field) -> bool) -> bool {
        match self {
            Self::Field(predicate) => is_it(predicate.field),
            Self::Not(inner) => inner.asks(is_it),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.asks(is_it)),
            Self::Everything | Self::Pcap(_) => false,
        }
    }
}
