//! Three values, since evidence may be gone.

use std::ops::Not;

use super::{Condition, Fields, PcapTermIndex, Question};

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// What would decide it is not there.
    Unknown,
}

impl Truth {
    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }

    /// One of them holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        !(!self).and(!other)
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// Whether the question's condition holds, for a packet with these fields. `packet_verdict` is asked for the verdict of
/// a pcap-filter expression, at most once each time it stands in the condition; `after` and `before` are the caller's.
pub fn evaluate(
    question: &Question,
    fields: &dyn Fields,
    mut packet_verdict: impl FnMut(PcapTermIndex) -> Truth,
) -> Truth {
    decide(&question.root, fields, &mut packet_verdict)
}

/// Recursion is as deep as parentheses, which parsing bounds.
pub(super) fn decide(
    condition: &Condition,
    fields: &dyn Fields,
    packet_verdict: &mut dyn FnMut(PcapTermIndex) -> Truth,
) -> Truth {
    match condition {
        Condition::Everything => Truth::True,
        Condition::Not(inner) => !decide(inner, fields, packet_verdict),
        Condition::Pcap(index) => packet_verdict(*index),
        Condition::Field(predicate) => predicate.holds(fields),
        Condition::And(parts) => {
            let mut truth = Truth::True;
            for part in parts {
                truth = truth.and(decide(part, fields, packet_verdict));
                if truth == Truth::False {
                    break;
                }
            }
            truth
        }
        Condition::Or(parts) => {
            let mut truth = Truth::False;
            for part in parts {
                truth = truth.or(decide(part, fields, packet_verdict));
                if truth == Truth::True {
                    break;
                }
            }
            truth
        }
    }
}
