//! EXPR: a question and who knows the names in it.

use std::fmt;
use std::sync::Arc;

use filter::{Error, Question, Resolver, parse_question};
use packet::Timestamp;

/// An expression that at least one link type can have.
#[derive(Clone)]
pub struct Expression {
    pub(super) question: Question,
    pub(super) resolver: Arc<dyn Resolver + Send + Sync>,
}

impl Expression {
    /// Parses an expression; names are looked up with `resolver`, times are read with `time`.
    ///
    /// # Errors
    /// What is wrong, with its place; of what only some link types can be asked, what is wrong for Ethernet, if no
    /// other usual one can be asked it either.
    pub fn new(
        text: &str,
        resolver: Arc<dyn Resolver + Send + Sync>,
        time: &dyn Fn(&str) -> Option<Timestamp>,
    ) -> Result<Self, Error> {
        let question = parse_question(text, time)?;
        question.check(resolver.as_ref())?;
        Ok(Self { question, resolver })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        self.question.text()
    }

    /// Whether it says itself after or before when.
    pub fn has_times(&self) -> bool {
        self.question.after().is_some() || self.question.before().is_some()
    }

    /// How `and` and `or` without parentheses were understood, where that may not be what was meant.
    pub fn notice(&self) -> Option<&str> {
        self.question.notice()
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}
