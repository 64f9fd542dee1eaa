//! What is wrong with an expression, and where.

use std::ops::Range;

/// Why an expression was refused, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The bytes of the expression that are at fault.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to try instead, if there is something.
    pub hint: Option<String>,
}

impl Error {
    pub(crate) fn new(span: &Range<usize>, message: impl Into<String>) -> Self {
        Self { span: span.clone(), message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The expression, a line with `^^^^` under the place, and the hint; control characters are shown as spaces.
    pub fn underlined(&self, expression: &str) -> String {
        const SHOWN_BEFORE: usize = 60;
        const SHOWN_AFTER: usize = 40;
        let start = floor(expression, self.span.start.min(expression.len()));
        let end = floor(expression, self.span.end.clamp(start, expression.len()));
        let before = expression.get(..start).unwrap_or("");
        let marked = expression.get(start..end).unwrap_or("");
        let after = expression.get(end..).unwrap_or("");
        let skipped = before.chars().count().saturating_sub(SHOWN_BEFORE);
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let mut shown = String::new();
        if skipped > 0 {
            shown.push('…');
        }
        shown.extend(before.chars().skip(skipped).map(plain));
        let margin = shown.chars().count();
        let length = marked.chars().count().clamp(1, SHOWN_AFTER);
        shown.extend(marked.chars().take(SHOWN_AFTER).map(plain));
        if marked.chars().count() <= SHOWN_AFTER {
            shown.extend(after.chars().take(SHOWN_AFTER).map(plain));
        }
        let mut text = format!("{shown}\n{}{}", " ".repeat(margin), "^".repeat(length));
        if let Some(hint) = &self.hint {
            text.push_str("\nhint: ");
            text.push_str(hint);
        }
        text
    }
}

/// The character boundary at or before `at`.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_underlined() {
        let check = |expression: &str, span: Range<usize>, expected: &str| {
            assert_eq!(Error::new(&span, "wrong").underlined(expression), expected);
        };
        check("tcp prot 80", 4..8, "tcp prot 80\n    ^^^^");
        check("tcp", 3..3, "tcp\n   ^");
        check("a\tö b", 4..6, "a ö b\n   ^^");
        check("ö", 1..2, "ö\n^");
    }
}
