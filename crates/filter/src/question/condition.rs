//! The syntax tree of a question.

use super::Predicate;

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
    pub(super) fn has_fields(&self) -> bool {
        match self {
            Self::Field(_) => true,
            Self::Not(inner) => inner.has_fields(),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::has_fields),
            Self::Everything | Self::Pcap(_) => false,
        }
    }
}
