//! Random expressions.

use super::term;
use crate::random::Random;

/// Always true, and uses all offsets.
pub(crate) const OFFSETS_FIRST: &str = "(ip host 10.0.0.1 or not ip host 10.0.0.1)";

/// Builds expressions for a link type.
pub(crate) struct Expressions<'r> {
    pub(crate) random: &'r mut Random,
    pub(crate) link_type: u16,
    /// What an address, a number or a name after `and` or `or` would mean.
    pub(crate) inherits: Option<IdForm>,
    /// Arithmetic has been used.
    pub(crate) has_arithmetic: bool,
    /// A tunnel has been entered.
    pub(crate) has_tunnel: bool,
}

/// What stands after qualifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdForm {
    V4,
    V6,
    Net,
    Net6,
    Port,
    PortRange,
    Protocol,
    EtherProtocol,
    Mac,
    Decnet,
}

impl Expressions<'_> {
    /// An expression of a few terms.
    pub(crate) fn expression(&mut self) -> String {
        let terms = 1 + self.random.below(4) / (1 + self.random.below(2));
        let text = self.chain(terms, 0);
        // libpcap computes offsets into registers that arithmetic before the first use of the offsets overwrites.
        if self.has_arithmetic && term::has_variable_offsets(self.link_type) {
            return format!("{OFFSETS_FIRST} and {text}");
        }
        text
    }

    fn chain(&mut self, terms: usize, depth: usize) -> String {
        let mut text = self.operand(depth);
        for _ in 1..terms {
            text.push_str(self.random.pick(&[" and ", " or ", " && ", " || ", " and ", " or "]));
            if let Some(form) = self.inherits
                && self.random.once_in(3)
            {
                text.push_str(&self.id_or_list(form));
            } else {
                text.push_str(&self.operand(depth));
            }
        }
        text
    }

    fn operand(&mut self, depth: usize) -> String {
        let not = if self.random.once_in(5) { self.random.pick(&["not ", "!", "! "]) } else { "" };
        if depth < 3 && self.random.once_in(7) {
            let outside = self.inherits;
            let terms = 1 + self.random.below(3);
            let inner = self.chain(terms, depth + 1);
            self.inherits = outside;
            return format!("{not}({inner})");
        }
        format!("{not}{}", self.term())
    }

    /// An address, a number or a name; sometimes negated, sometimes several in parentheses.
    pub(crate) fn id_or_list(&mut self, form: IdForm) -> String {
        let not = if self.random.once_in(8) { "not " } else { "" };
        if self.random.once_in(6) {
            let (first, second) = (self.id(form), self.id(form));
            let joint = self.random.pick(&["or", "and"]);
            return format!("{not}({first} {joint} {second})");
        }
        format!("{not}{}", self.id(form))
    }

    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.random.once_in(times)
    }

    pub(crate) fn pick<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        self.random.pick(choices)
    }
}
