//! The words of a question: fields, operators and values of predicates; the rest is pcap-filter's.

use super::field::Field;
use super::predicate::Operator;
use crate::expression::Span;

/// Where reading goes on in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    pub(super) fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    /// A word of letters, digits and `_` here.
    pub(super) fn word(&self) -> &'t str {
        let rest = self.rest();
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        rest.get(..length).unwrap_or("")
    }

    /// Takes a word, if it is this one and ends here.
    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let taken = self.word() == word;
        if taken {
            self.at += word.len();
        }
        taken
    }

    pub(super) fn takes(&mut self, sign: &str) -> bool {
        let taken = self.rest().starts_with(sign);
        if taken {
            self.at += sign.len();
        }
        taken
    }

    /// An operator here.
    pub(super) fn operator(&mut self) -> Option<Operator> {
        const SIGNS: &[(&str, Operator)] = &[
            ("!=", Operator::NotEqual),
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("==", Operator::Equal),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
            ("~", Operator::Matches),
        ];
        const WORDS: &[(&str, Operator)] = &[
            ("eq", Operator::Equal),
            ("ne", Operator::NotEqual),
            ("lt", Operator::Less),
            ("le", Operator::AtMost),
            ("gt", Operator::Greater),
            ("ge", Operator::AtLeast),
            ("like", Operator::Like),
            ("in", Operator::In),
        ];
        // Shifts are pcap-filter's arithmetic.
        if self.rest().starts_with("<<") || self.rest().starts_with(">>") {
            return None;
        }
        let sign = SIGNS.iter().find(|(sign, _)| self.takes(sign));
        let word = || WORDS.iter().find(|(word, _)| self.takes_word(word));
        sign.or_else(word).map(|&(_, operator)| operator)
    }

    /// A predicate's field and operator here, or an unknown word before an operator.
    pub(super) fn predicate_start(mut self) -> Option<(Result<Field, &'t str>, Operator, Self)> {
        let word = self.word();
        if !word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return None;
        }
        self.at += word.len();
        self.skip_blanks();
        let operator = self.operator()?;
        Some((Field::named(word).ok_or(word), operator, self))
    }

    /// A value: in quotes, or up to a blank, a parenthesis, a comma, `&&` or `||`.
    pub(super) fn value(&mut self) -> Option<(String, Span)> {
        self.skip_blanks();
        let start = self.at;
        let rest = self.rest();
        if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let mut value = String::new();
            let mut escaped = false;
            for (offset, c) in rest.char_indices().skip(1) {
                if escaped {
                    // Only quotes and backslashes are escaped: regular expressions have backslashes of their own.
                    if c != quote && c != '\\' {
                        value.push('\\');
                    }
                    value.push(c);
                    escaped = false;
                } else if c == quote {
                    self.at += offset + c.len_utf8();
                    return Some((value, start..self.at));
                } else if c == '\\' {
                    escaped = true;
                } else {
                    value.push(c);
                }
            }
            return None;
        }
        let ends = |(offset, c): (usize, char)| {
            let after = rest.get(offset..).unwrap_or("");
            let stop = c.is_whitespace() || matches!(c, '(' | ')' | ',');
            (stop || after.starts_with("&&") || after.starts_with("||")).then_some(offset)
        };
        let length = rest.char_indices().find_map(ends).unwrap_or(rest.len());
        self.at += length;
        (length > 0).then(|| (rest.get(..length).unwrap_or("").to_owned(), start..self.at))
    }
}
