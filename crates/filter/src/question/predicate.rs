//! `field operator value`.

use regex::Regex;

use super::field::{Field, FieldKind, Fields, Value};
use super::glob;
use super::operand::Operand;
use super::truth::Truth;
use crate::expression::Span;

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=`, `eq`.
    Equal,
    /// `!=`, `ne`.
    NotEqual,
    /// `<`, `lt`.
    Less,
    /// `<=`, `le`.
    AtMost,
    /// `>`, `gt`.
    Greater,
    /// `>=`, `ge`.
    AtLeast,
    /// `~`: a regular expression is found in it.
    Matches,
    /// `like`: it is as a glob says.
    Like,
    /// `in`: it is one of several.
    In,
}

/// What a field is compared with.
#[derive(Clone, Debug)]
pub(super) enum With {
    /// Any of these, for `=`, `!=` and `in`; one for the others.
    Operands(Vec<Operand>),
    Pattern(Regex),
    Glob(String),
}

/// A comparison of a field.
#[derive(Clone, Debug)]
pub struct Predicate {
    pub(super) field: Field,
    pub(super) operator: Operator,
    pub(super) with: With,
    pub(super) span: Span,
}

impl Predicate {
    /// Which field.
    pub fn field(&self) -> Field {
        self.field
    }

    /// How it is compared.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// Where it stands in the question.
    pub fn span(&self) -> std::ops::Range<usize> {
        self.span.clone()
    }

    /// The texts that an equality or `in` asks for: what an index can look up.
    pub fn texts(&self) -> Vec<&str> {
        let With::Operands(operands) = &self.with else { return Vec::new() };
        if !matches!(self.operator, Operator::Equal | Operator::In) {
            return Vec::new();
        }
        operands.iter().filter_map(Operand::text).collect()
    }

    pub(super) fn holds(&self, fields: &dyn Fields) -> Truth {
        match self.field {
            Field::Addr => self.of_either(fields, [Field::SrcIp, Field::DestIp]),
            Field::PortAny => self.of_either(fields, [Field::SrcPort, Field::DestPort]),
            field => self.of(&fields.field(field)),
        }
    }

    /// As of a list of two.
    fn of_either(&self, fields: &dyn Fields, [one, other]: [Field; 2]) -> Truth {
        let (one, other) = (self.of(&fields.field(one)), self.of(&fields.field(other)));
        if self.operator == Operator::NotEqual { one.and(other) } else { one.or(other) }
    }

    fn of(&self, value: &Value<'_>) -> Truth {
        match (self.operator, self.one(value)) {
            (Operator::NotEqual, truth) => !truth,
            (_, truth) => truth,
        }
    }

    /// Whether any value is as the operator says; `!=` is taken for `=`.
    fn one(&self, value: &Value<'_>) -> Truth {
        match value {
            Value::Missing => Truth::False,
            Value::Unknown => Truth::Unknown,
            Value::List(values) => values.iter().fold(Truth::False, |truth, value| truth.or(self.one(value))),
            Value::Text(text) => Truth::from(self.text(text)),
            value => Truth::from(self.other(value)),
        }
    }

    fn text(&self, text: &str) -> bool {
        let ignores_case = self.field.kind() == FieldKind::Name;
        match &self.with {
            With::Pattern(pattern) => pattern.is_match(text),
            With::Glob(glob) => glob::matches(glob, text, ignores_case),
            With::Operands(operands) => operands.iter().any(|operand| operand.is_text(text, ignores_case)),
        }
    }

    fn other(&self, value: &Value<'_>) -> bool {
        let With::Operands(operands) = &self.with else { return false };
        operands.iter().any(|operand| match self.operator {
            Operator::Less => operand.order(value).is_some_and(std::cmp::Ordering::is_lt),
            Operator::AtMost => operand.order(value).is_some_and(std::cmp::Ordering::is_le),
            Operator::Greater => operand.order(value).is_some_and(std::cmp::Ordering::is_gt),
            Operator::AtLeast => operand.order(value).is_some_and(std::cmp::Ordering::is_ge),
            _ => operand.equals(value),
        })
    }
}
