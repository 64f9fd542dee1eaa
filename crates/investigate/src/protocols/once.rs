//! What is told once of a conversation, however often it is said.

use crate::{At, Field, Sink};

/// Different things that are told of one conversation; there is no room to know of more that they were told.
const TOLD_MAX: usize = 128;

/// Tells each thing once.
#[derive(Default)]
pub(super) struct Once(Vec<(Field, String)>);

impl Once {
    /// Tells something, unless it was told or too much was.
    pub(super) fn tell(&mut self, at: At, field: Field, text: &str, sink: &mut dyn Sink) {
        let is_told = self.0.iter().any(|(of, told)| *of == field && told == text);
        if self.0.len() < TOLD_MAX && !is_told {
            sink.fact(at, field, text);
            self.0.push((field, text.to_owned()));
        }
    }

    /// Bytes that it holds on to.
    pub(super) fn held_bytes(&self) -> usize {
        self.0.iter().map(|(_, text)| text.len() + size_of::<(Field, String)>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;

    #[test]
    fn what_is_said_again_is_no_news() {
        let (mut once, mut sink) = (Once::default(), Collected::default());
        for _ in 0..2 {
            once.tell(At::default(), Field::User, "a", &mut sink);
            once.tell(At::default(), Field::Detail, "a", &mut sink);
        }
        assert_eq!(sink.facts.len(), 2);
        for number in 0..2 * TOLD_MAX {
            once.tell(At::default(), Field::Detail, &number.to_string(), &mut sink);
        }
        assert_eq!(sink.facts.len(), TOLD_MAX);
        assert!(once.held_bytes() >= TOLD_MAX);
    }
}
