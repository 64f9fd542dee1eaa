//! Arithmetic: `tcp[13] & 7`, `len - 4`, `(ip[0] & 0xf) << 2`.
//!
//! The grammar gives `%` and `^` no precedence, and yacc then lets them take everything to their right, and binds
//! them tighter than what is to their left.

use super::parse::Parser;
use super::{Arithmetic, Comparison, Keyword, Operation, Protocol, Relation, Span, Step, Symbol, TokenKind};
use crate::Error;

/// Binds tighter than every operation.
const NEGATION: u8 = 6;

impl Arithmetic {
    pub(super) fn constant(value: u32) -> Self {
        Self { steps: vec![Step::Constant(value)] }
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn binary(mut self, right: Self, operation: Operation, span: Span) -> Self {
        self.steps.extend(right.steps);
        self.then(Step::Binary(operation, span))
    }
}

impl Parser<'_> {
    /// `arth`.
    pub(super) fn arithmetic(&mut self) -> Result<Arithmetic, Error> {
        let first = self.arithmetic_operand()?;
        self.arithmetic_after(first)
    }

    /// The operations that follow a first operand.
    pub(super) fn arithmetic_after(&mut self, first: Arithmetic) -> Result<Arithmetic, Error> {
        self.operations(first, 0)
    }

    fn operations(&mut self, mut left: Arithmetic, binding_min: u8) -> Result<Arithmetic, Error> {
        while let Some((operation, binding)) = self.operation() {
            let right_binding = match binding {
                Some(binding) if binding < binding_min => break,
                Some(binding) => binding + 1,
                None => 0,
            };
            let span = self.advance()?.span;
            let right = self.nested(|parser| {
                let first = parser.arithmetic_operand()?;
                parser.operations(first, right_binding)
            })?;
            left = left.binary(right, operation, span);
        }
        Ok(left)
    }

    /// The operation that the current word stands for, and how tight it binds, if the grammar says so.
    fn operation(&self) -> Option<(Operation, Option<u8>)> {
        let TokenKind::Symbol(symbol) = self.token.kind else { return None };
        Some(match symbol {
            Symbol::Bar => (Operation::Or, Some(1)),
            Symbol::Ampersand => (Operation::And, Some(2)),
            Symbol::ShiftLeft => (Operation::ShiftLeft, Some(3)),
            Symbol::ShiftRight => (Operation::ShiftRight, Some(3)),
            Symbol::Plus => (Operation::Add, Some(4)),
            Symbol::Minus => (Operation::Subtract, Some(4)),
            Symbol::Star => (Operation::Multiply, Some(5)),
            Symbol::Slash => (Operation::Divide, Some(5)),
            Symbol::Percent => (Operation::Modulo, None),
            Symbol::Caret => (Operation::Xor, None),
            _ => return None,
        })
    }

    /// A number, a load, `len`, a negation, or any of them in parentheses.
    pub(super) fn arithmetic_operand(&mut self) -> Result<Arithmetic, Error> {
        match self.token.kind {
            TokenKind::Number(number) => {
                self.advance()?;
                Ok(Arithmetic::constant(number))
            }
            TokenKind::Keyword(Keyword::Len) => {
                self.advance()?;
                Ok(Arithmetic { steps: vec![Step::Length] })
            }
            TokenKind::Keyword(Keyword::Protocol(protocol)) => {
                let span = self.advance()?.span;
                self.load(protocol, span)
            }
            TokenKind::Symbol(Symbol::Minus) => {
                self.advance()?;
                let inner = self.nested(|parser| {
                    let first = parser.arithmetic_operand()?;
                    parser.operations(first, NEGATION)
                })?;
                Ok(inner.then(Step::Negate))
            }
            TokenKind::Symbol(Symbol::ParenOpen) => {
                self.advance()?;
                let inner = self.nested(Self::arithmetic)?;
                self.expect(Symbol::ParenClose, "\")\" or an arithmetic operation")?;
                Ok(inner)
            }
            _ => Err(self.unexpected("a number, \"len\" or a load such as tcp[13]")),
        }
    }

    /// `[offset]` or `[offset:size]` after a protocol.
    pub(super) fn load(&mut self, protocol: Protocol, start: Span) -> Result<Arithmetic, Error> {
        self.expect(Symbol::BracketOpen, "\"[\"")?;
        let offset = self.nested(Self::arithmetic)?;
        let mut size = 1;
        if self.at(Symbol::Colon) {
            self.advance()?;
            let TokenKind::Number(number) = self.token.kind else {
                return Err(self.unexpected("the number of bytes to load (1, 2 or 4)"));
            };
            size = number;
            let span = self.advance()?.span;
            if !matches!(size, 1 | 2 | 4) {
                return Err(Error::new(&span, "data size must be 1, 2, or 4"));
            }
        }
        let close = self.expect(Symbol::BracketClose, "\"]\"")?;
        Ok(offset.then(Step::Load { protocol, size, span: start.start..close.end }))
    }

    /// True at an arithmetic operation or a comparison.
    pub(super) fn at_arithmetic(&self) -> bool {
        self.operation().is_some() || self.at_comparison()
    }

    pub(super) fn at_comparison(&self) -> bool {
        self.peek_relation().is_some()
    }

    /// Takes a comparison, if there is one.
    pub(super) fn relation(&mut self) -> Result<Option<Relation>, Error> {
        let relation = self.peek_relation();
        if relation.is_some() {
            self.advance()?;
        }
        Ok(relation)
    }

    fn peek_relation(&self) -> Option<Relation> {
        let TokenKind::Symbol(symbol) = self.token.kind else { return None };
        let (test, negated) = match symbol {
            Symbol::Greater => (Comparison::Greater, false),
            Symbol::GreaterOrEqual => (Comparison::GreaterOrEqual, false),
            Symbol::Equal => (Comparison::Equal, false),
            Symbol::LessOrEqual => (Comparison::Greater, true),
            Symbol::Less => (Comparison::GreaterOrEqual, true),
            Symbol::NotEqual => (Comparison::Equal, true),
            _ => return None,
        };
        Some(Relation { test, negated })
    }
}
