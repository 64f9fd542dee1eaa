//! Symbolic values: what a register holds, as a function of the packet.

use std::collections::HashMap;

use crate::bpf::{code, compute};

/// A value; equal numbers mean equal values on every packet.
pub(super) type ValueId = u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Expression {
    Constant(u32),
    /// A load, by its size code, its constant offset, and the value of the index register if that is added.
    Bytes(u16, u32, Option<ValueId>),
    HeaderLength(u32),
    WireLength,
    Binary(u16, ValueId, ValueId),
    /// Something else, different from all others.
    Unknown(u32),
}

/// All values that have been seen.
#[derive(Debug, Default)]
pub(super) struct Values {
    ids: HashMap<Expression, ValueId>,
    expressions: Vec<Expression>,
}

impl Values {
    pub(super) fn id(&mut self, expression: Expression) -> ValueId {
        *self.ids.entry(expression).or_insert_with(|| {
            self.expressions.push(expression);
            (self.expressions.len() - 1) as ValueId
        })
    }

    pub(super) fn unknown(&mut self) -> ValueId {
        self.id(Expression::Unknown(self.expressions.len() as u32))
    }

    pub(super) fn binary(&mut self, operation: u16, left: ValueId, right: ValueId) -> ValueId {
        match (self.constant(left), self.constant(right)) {
            (Some(left), Some(right)) => match compute(operation, left, right) {
                Some(result) => self.id(Expression::Constant(result)),
                None => self.unknown(),
            },
            // A division may reject the packet: it is never taken for done.
            _ if matches!(operation, code::DIV | code::MOD) => self.unknown(),
            (_, Some(0)) if matches!(operation, code::AND | code::MUL) => self.id(Expression::Constant(0)),
            _ => self.id(Expression::Binary(operation, left, right)),
        }
    }

    pub(super) fn constant(&self, id: ValueId) -> Option<u32> {
        match self.expressions.get(id as usize) {
            Some(&Expression::Constant(value)) => Some(value),
            _ => None,
        }
    }
}

/// What is known at a point of the program, on every way that leads there.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) a: Option<ValueId>,
    pub(super) x: Option<ValueId>,
    pub(super) memory: [Option<ValueId>; 16],
    /// Loads that did not fail.
    pub(super) loaded: Vec<ValueId>,
    /// The packet has at least so many bytes.
    pub(super) bytes_min: u64,
    equal: Vec<(ValueId, u32)>,
    outcomes: Vec<(ValueId, u16, Operand, bool)>,
}

/// What a value was compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Constant(u32),
    Value(ValueId),
}

impl Known {
    /// Older knowledge beyond this is forgotten, which is always safe.
    const FACTS_MAX: usize = 48;

    pub(super) fn meet(&mut self, other: &Self) {
        let same = |a: Option<ValueId>, b: Option<ValueId>| if a == b { a } else { None };
        self.a = same(self.a, other.a);
        self.x = same(self.x, other.x);
        for (mine, theirs) in self.memory.iter_mut().zip(other.memory) {
            *mine = same(*mine, theirs);
        }
        self.loaded.retain(|value| other.loaded.contains(value));
        self.bytes_min = self.bytes_min.min(other.bytes_min);
        self.equal.retain(|fact| other.equal.contains(fact));
        self.outcomes.retain(|fact| other.outcomes.contains(fact));
    }

    pub(super) fn loads(&mut self, value: ValueId) {
        if !self.loaded.contains(&value) {
            remember(&mut self.loaded, value);
        }
    }

    /// Notes the outcome of a test.
    pub(super) fn tested(&mut self, value: ValueId, operation: u16, operand: Operand, outcome: bool) {
        if let (code::JEQ, Operand::Constant(constant), true) = (operation, operand, outcome) {
            remember(&mut self.equal, (value, constant));
        }
        remember(&mut self.outcomes, (value, operation, operand, outcome));
    }

    /// The outcome of a test, if it is known.
    pub(super) fn outcome(&self, values: &Values, value: ValueId, operation: u16, operand: Operand) -> Option<bool> {
        let exact = |value| {
            let equal = self.equal.iter().find(|&&(known, _)| known == value).map(|&(_, constant)| constant);
            values.constant(value).or(equal)
        };
        let right = match operand {
            Operand::Constant(constant) => Some(constant),
            Operand::Value(other) if other == value => return same_value(operation),
            Operand::Value(other) => exact(other),
        };
        if let (Some(left), Some(right)) = (exact(value), right) {
            return crate::bpf::test(operation, left, right);
        }
        let asked = (value, operation, operand);
        self.outcomes.iter().find(|&&(v, o, with, _)| (v, o, with) == asked).map(|&(.., outcome)| outcome)
    }
}

fn same_value(operation: u16) -> Option<bool> {
    match operation {
        code::JEQ | code::JGE => Some(true),
        code::JGT => Some(false),
        _ => None,
    }
}

fn remember<T>(facts: &mut Vec<T>, fact: T) {
    if facts.len() >= Known::FACTS_MAX {
        facts.remove(0);
    }
    facts.push(fact);
}
