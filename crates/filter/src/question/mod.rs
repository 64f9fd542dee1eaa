//! EXPR: pcap-filter(7) with predicates on the fields of flows on top.
//!
//! What is pcap-filter stays pcap-filter: all its terms on one level of parentheses are one program, so that they mean
//! what libpcap means. Fields, `and`, `or` and `not` around them are evaluated here, in three values.

mod certain;
mod claim;
mod condition;
mod field;
mod glob;
mod group;
mod needs;
mod operand;
mod parse;
mod predicate;
mod prune;
mod term;
mod truth;
mod words;

pub use certain::every_plain_packet_matches;
pub use condition::{Condition, PcapTermIndex};
pub use field::{Field, FieldKind, Fields, Value};
pub use needs::{Key, Layer, Need, Needs};
pub use parse::parse_question;
pub use predicate::{Operator, Predicate};
pub use prune::{is_opaque, may_match_flow};
pub use term::{PcapTerm, Programs};
pub use truth::{Truth, evaluate};

use packet::{LinkType, Timestamp};

use crate::{Error, Resolver};

/// A question about packets or flows, parsed.
#[derive(Clone, Debug)]
pub struct Question {
    pub(crate) text: String,
    pub(crate) root: Condition,
    pub(crate) terms: Vec<PcapTerm>,
    pub(crate) after: Option<Timestamp>,
    pub(crate) before: Option<Timestamp>,
    pub(crate) notice: Option<String>,
}

impl Question {
    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What must be true of a packet, `after` and `before` aside.
    pub fn condition(&self) -> &Condition {
        &self.root
    }

    /// The pcap-filter expressions in it; `Condition::Pcap` refers to them.
    pub fn pcap_terms(&self) -> &[PcapTerm] {
        &self.terms
    }

    /// Only packets at or after this time (`after T`).
    pub fn after(&self) -> Option<Timestamp> {
        self.after
    }

    /// Only packets before this time (`before T`).
    pub fn before(&self) -> Option<Timestamp> {
        self.before
    }

    /// How `and` and `or` without parentheses are grouped, where that may not be what was meant.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// True if it asks for fields of flows, not for bytes of packets alone.
    pub fn has_fields(&self) -> bool {
        self.asks(|_| true)
    }

    /// True if it asks for a field of flows that is one of these.
    pub fn asks(&self, is_it: fn(Field) -> bool) -> bool {
        self.root.asks(is_it)
    }

    /// True if it asks for bytes of packets, not for fields alone.
    pub fn has_pcap_terms(&self) -> bool {
        !self.terms.is_empty()
    }

    /// The programs of its pcap-filter expressions for a link type; what does not compile is unknown of its packets.
    pub fn compile_for(&self, link_type: LinkType, resolver: &dyn Resolver) -> Programs {
        Programs::new(&self.terms, link_type, resolver)
    }

    /// Checks that each pcap-filter expression compiles for some usual link type.
    ///
    /// # Errors
    /// What is wrong for Ethernet, with its place in the question.
    pub fn check(&self, resolver: &dyn Resolver) -> Result<(), Error> {
        self.terms.iter().try_for_each(|term| term.check(resolver))
    }
}
