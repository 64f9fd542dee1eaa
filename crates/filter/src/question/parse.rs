//! From text to a question.

use packet::Timestamp;

use super::Question;
use super::condition::{Condition, PcapTermIndex};
use super::field::Field;
use super::group::{Level, word};
use super::operand::Operand;
use super::predicate::{Operator, Predicate, With};
use super::term::PcapTerm;
use super::words::Cursor;
use crate::Error;
use crate::expression::{Connector, Keyword, Scanner, Span, Symbol, TokenKind};
use crate::similar::most_similar;

/// Parentheses nest no deeper than this.
const DEPTH_MAX: usize = 100;
/// Longer questions are refused.
const QUESTION_BYTES_MAX: usize = 1 << 20;
/// Larger regular expressions, compiled, are refused.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Parses a question. `time` reads a time, as the caller's users write it (at least RFC 3339).
///
/// # Errors
/// What is wrong, with its place in the text and what to try.
pub fn parse_question(text: &str, time: &dyn Fn(&str) -> Option<Timestamp>) -> Result<Question, Error> {
    if text.len() > QUESTION_BYTES_MAX {
        return Err(Error::new(&(0..text.len()), format!("the question is longer than {QUESTION_BYTES_MAX} bytes")));
    }
    let mut parser = Parser {
        cursor: Cursor { text, at: 0 },
        time,
        depth: 0,
        terms: Vec::new(),
        after: None,
        before: None,
        notices: Vec::new(),
    };
    parser.cursor.skip_blanks();
    let mut root = Condition::Everything;
    if !parser.cursor.rest().is_empty() {
        let level = parser.level()?;
        if !parser.cursor.rest().is_empty() {
            return Err(Error::new(&parser.here(), "syntax error: \"and\", \"or\" or the end should stand here"));
        }
        root = parser.top(level)?;
    }
    let Parser { terms, after, before, notices, .. } = parser;
    refuse_shifted(&terms)?;
    let notice = (!notices.is_empty()).then(|| notices.join("; "));
    Ok(Question { text: text.to_owned(), root, terms, after, before, notice })
}

/// One operand of `and` and `or`.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) span: Span,
    kind: ItemKind,
}

#[derive(Debug)]
enum ItemKind {
    Pcap,
    Condition(Condition),
    After(Timestamp),
    Before(Timestamp),
}

impl Item {
    pub(super) fn is_pcap(&self) -> bool {
        matches!(self.kind, ItemKind::Pcap)
    }
}

struct Parser<'t> {
    cursor: Cursor<'t>,
    time: &'t dyn Fn(&str) -> Option<Timestamp>,
    depth: usize,
    terms: Vec<PcapTerm>,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
    notices: Vec<String>,
}

impl Parser<'_> {
    fn here(&self) -> Span {
        let length = self.cursor.rest().chars().next().map_or(0, char::len_utf8);
        self.cursor.at..self.cursor.at + length
    }

    /// Operands up to a closing parenthesis or the end.
    fn level(&mut self) -> Result<Level, Error> {
        let mut level = Level::default();
        loop {
            self.cursor.skip_blanks();
            level.items.push(self.item()?);
            self.cursor.skip_blanks();
            let Some(connector) = self.connector() else { break };
            level.connectors.push(connector);
        }
        if level.is_mixed() && level.is_pcap() {
            let text = self.cursor.text;
            let whole = match level.items.as_slice() {
                [first, .., last] => text.get(first.span.start..last.span.end).unwrap_or(""),
                _ => "",
            };
            self.notices.push(format!("\"{whole}\" is read from left to right, as {}", level.left_to_right(text)));
        }
        Ok(level)
    }

    fn connector(&mut self) -> Option<Connector> {
        if self.cursor.takes("&&") || self.cursor.takes_word("and") {
            Some(Connector::And)
        } else if self.cursor.takes("||") || self.cursor.takes_word("or") {
            Some(Connector::Or)
        } else {
            None
        }
    }

    fn item(&mut self) -> Result<Item, Error> {
        let start = self.cursor.at;
        let mut negated = false;
        loop {
            let sign = !self.cursor.rest().starts_with("!=") && self.cursor.takes("!");
            if !sign && !self.cursor.takes_word("not") {
                break;
            }
            negated = !negated;
            self.cursor.skip_blanks();
        }
        let kind = self.positive()?;
        if negated && matches!(kind, ItemKind::After(_) | ItemKind::Before(_)) {
            return Err(Error::new(&(start..self.cursor.at), "\"after\" and \"before\" cannot be negated")
                .hint("write the other of the two"));
        }
        let kind = match kind {
            ItemKind::Condition(condition) if negated => ItemKind::Condition(Condition::Not(Box::new(condition))),
            kind => kind,
        };
        Ok(Item { span: start..self.cursor.at, kind })
    }

    /// An operand without the `not` before it.
    fn positive(&mut self) -> Result<ItemKind, Error> {
        if self.cursor.rest().starts_with('(') {
            return self.parentheses();
        }
        match self.cursor.predicate_start() {
            Some((Ok(field), operator, after)) => {
                let span = self.cursor.at..after.at;
                self.cursor = after;
                return self.predicate(field, operator, &span).map(ItemKind::Condition);
            }
            Some((Err(word), ..)) if is_name(word) => return Err(self.unknown_field(word)),
            _ => {}
        }
        for (name, kind) in [("after", ItemKind::After as fn(Timestamp) -> ItemKind), ("before", ItemKind::Before)] {
            if self.cursor.takes_word(name) {
                return self.point_in_time().map(kind);
            }
        }
        self.pcap()
    }

    fn unknown_field(&self, word: &str) -> Error {
        let error = Error::new(&(self.cursor.at..self.cursor.at + word.len()), format!("there is no field \"{word}\""));
        match most_similar(word, Field::ALL.iter().map(|field| field.name())) {
            Some(similar) => error.hint(format!("did you mean {similar}?")),
            None => error.hint(format!(
                "the fields are {}",
                Field::ALL.iter().map(|field| field.name()).collect::<Vec<_>>().join(", ")
            )),
        }
    }

    fn point_in_time(&mut self) -> Result<Timestamp, Error> {
        let place = self.here();
        let Some((text, span)) = self.cursor.value() else {
            return Err(Error::new(&place, "a time should stand here").hint("for example 2026-11-23T02:00:00Z"));
        };
        (self.time)(&text)
            .ok_or_else(|| Error::new(&span, format!("\"{text}\" is no time")).hint("for example 2026-11-23T02:00:00Z"))
    }

    /// A group: pcap-filter's if nothing in it is a field, and then perhaps the start of its arithmetic.
    fn parentheses(&mut self) -> Result<ItemKind, Error> {
        let open = self.here();
        if self.depth >= DEPTH_MAX {
            return Err(Error::new(&open, format!("nested more than {DEPTH_MAX} levels deep")));
        }
        self.cursor.at += 1;
        self.depth += 1;
        let level = self.level();
        self.depth -= 1;
        let level = level?;
        if !self.cursor.takes(")") {
            return Err(Error::new(&self.here(), "syntax error: \")\" should stand here")
                .hint(format!("it closes the parenthesis at character {}", open.start + 1)));
        }
        if level.is_pcap() { self.pcap() } else { self.condition(level).map(ItemKind::Condition) }
    }

    /// pcap-filter's words up to `and`, `or`, a closing parenthesis or the end.
    fn pcap(&mut self) -> Result<ItemKind, Error> {
        let start = self.cursor.at;
        let mut scanner = Scanner::at(self.cursor.text, start);
        let mut depth = 0usize;
        let mut before = None;
        loop {
            let token = scanner.next()?;
            let direction = |kind: &TokenKind<'_>| matches!(kind, TokenKind::Keyword(Keyword::Src | Keyword::Dst));
            match &token.kind {
                TokenKind::End => break,
                TokenKind::Symbol(Symbol::ParenClose) if depth == 0 => break,
                TokenKind::Keyword(Keyword::And | Keyword::Or) if depth == 0 => {
                    // "src or dst" is one qualifier.
                    let joins = before.as_ref().is_some_and(direction)
                        && scanner.clone().next().is_ok_and(|next| direction(&next.kind));
                    if !joins {
                        break;
                    }
                }
                TokenKind::Symbol(Symbol::ParenOpen | Symbol::BracketOpen) => depth += 1,
                TokenKind::Symbol(Symbol::ParenClose | Symbol::BracketClose) => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.cursor.at = token.span.end;
            before = Some(token.kind);
        }
        let follows_group = self.cursor.text.get(..start).is_some_and(|text| text.ends_with(')'));
        if before.is_none() && !follows_group {
            return Err(Error::new(&self.here(), "syntax error: a condition should stand here"));
        }
        Ok(ItemKind::Pcap)
    }

    fn predicate(&mut self, field: Field, operator: Operator, place: &Span) -> Result<Condition, Error> {
        let (kind, name) = (field.kind(), field.name());
        let refused =
            |what: &str| Error::new(place, format!("{what} does not go with {name}, which is {}", kind.described()));
        match operator {
            Operator::Less | Operator::AtMost | Operator::Greater | Operator::AtLeast if !kind.is_ordered() => {
                return Err(refused("an order"));
            }
            Operator::Matches | Operator::Like if !kind.is_text() => {
                return Err(refused(if operator == Operator::Like { "\"like\"" } else { "a regular expression" }));
            }
            _ => {}
        }
        let with = if operator == Operator::In {
            With::Operands(self.list(field)?)
        } else {
            let Some((text, span)) = self.cursor.value() else {
                return Err(Error::new(&self.here(), format!("a value should follow {name}"))
                    .hint(format!("{name} is {}", kind.described())));
            };
            match operator {
                Operator::Matches => With::Pattern(pattern(&text, &span)?),
                Operator::Like => With::Glob(text),
                _ => With::Operands(vec![self.operand(field, &text, &span)?]),
            }
        };
        let span = place.start..self.cursor.at;
        Ok(Condition::Field(Predicate { field, operator, with, span }))
    }

    /// `(a, b, c)`.
    fn list(&mut self, field: Field) -> Result<Vec<Operand>, Error> {
        self.cursor.skip_blanks();
        let expected = |parser: &Self, what: &str| {
            Error::new(&parser.here(), format!("{what} should stand here")).hint("for example: in (a, b, c)")
        };
        if !self.cursor.takes("(") {
            return Err(expected(self, "\"(\""));
        }
        let mut operands = Vec::new();
        loop {
            let Some((text, span)) = self.cursor.value() else { return Err(expected(self, "a value")) };
            operands.push(self.operand(field, &text, &span)?);
            self.cursor.skip_blanks();
            if self.cursor.takes(")") {
                return Ok(operands);
            }
            if !self.cursor.takes(",") {
                return Err(expected(self, "\",\" or \")\""));
            }
        }
    }

    fn operand(&self, field: Field, text: &str, span: &Span) -> Result<Operand, Error> {
        let (kind, name) = (field.kind(), field.name());
        if let Some(words) = field.words()
            && !words.iter().any(|word| word.eq_ignore_ascii_case(text))
        {
            return Err(
                Error::new(span, format!("{name} is never \"{text}\"")).hint(format!("it is {}", words.join(", ")))
            );
        }
        Operand::parse(kind, text, self.time)
            .ok_or_else(|| Error::new(span, format!("{name} is {}, not \"{text}\"", kind.described())))
    }

    /// The outermost level, where `after` and `before` may stand.
    fn top(&mut self, mut level: Level) -> Result<Condition, Error> {
        let is_time = |item: &Item| matches!(item.kind, ItemKind::After(_) | ItemKind::Before(_));
        if let Some(time) = level.items.iter().find(|item| is_time(item))
            && level.connectors.contains(&Connector::Or)
        {
            let span = time.span.clone();
            return Err(Error::new(&span, "\"after\" and \"before\" are joined with \"and\" only")
                .hint("put the rest in parentheses, as in \"(a or b) and after T\""));
        }
        for item in &level.items {
            match item.kind {
                ItemKind::After(time) => self.after = Some(self.after.map_or(time, |known| known.max(time))),
                ItemKind::Before(time) => self.before = Some(self.before.map_or(time, |known| known.min(time))),
                _ => {}
            }
        }
        let count = level.items.len();
        level.items.retain(|item| !is_time(item));
        if level.items.len() < count {
            level.connectors = vec![Connector::And; level.items.len().saturating_sub(1)];
        }
        if level.items.is_empty() { Ok(Condition::Everything) } else { self.condition(level) }
    }

    /// The condition of a level; its pcap-filter operands become one expression.
    fn condition(&mut self, level: Level) -> Result<Condition, Error> {
        let text = self.cursor.text;
        let connector = level.connectors.first().copied().unwrap_or(Connector::And);
        if level.is_pcap() {
            let span = match (level.items.first(), level.items.last()) {
                (Some(first), Some(last)) => first.span.start..last.span.end,
                _ => return Ok(Condition::Everything),
            };
            // As written if nothing was taken out, so that libpcap's own grouping holds.
            let pieces: Vec<Span> =
                if level.is_mixed() { vec![span] } else { level.items.into_iter().map(|item| item.span).collect() };
            return self.pcap_term(&pieces, connector);
        }
        if level.is_mixed() {
            let span = match (level.items.first(), level.items.last()) {
                (Some(first), Some(last)) => first.span.start..last.span.end,
                _ => 0..text.len(),
            };
            return Err(Error::new(&span, "\"and\" and \"or\" are mixed without parentheses").hint(format!(
                "write {} or {}",
                level.left_to_right(text),
                level.otherwise(text)
            )));
        }
        let mut pieces = Vec::new();
        let mut parts = Vec::new();
        for item in level.items {
            match item.kind {
                ItemKind::Pcap => pieces.push(item.span),
                ItemKind::Condition(condition) => parts.push(condition),
                ItemKind::After(_) | ItemKind::Before(_) => {
                    return Err(Error::new(&item.span, "\"after\" and \"before\" stand outside of all parentheses"));
                }
            }
        }
        if !pieces.is_empty() {
            parts.push(self.pcap_term(&pieces, connector)?);
        }
        Ok(match (parts.len(), connector) {
            (1, _) => parts.remove(0),
            (_, Connector::And) => Condition::And(parts),
            (_, Connector::Or) => Condition::Or(parts),
        })
    }

    fn pcap_term(&mut self, pieces: &[Span], connector: Connector) -> Result<Condition, Error> {
        let term = PcapTerm::join(self.cursor.text, pieces, &format!(" {} ", word(connector)))?;
        self.terms.push(term);
        Ok(Condition::Pcap(PcapTermIndex(self.terms.len() - 1)))
    }
}

/// True for a word that means nothing to pcap-filter.
fn is_name(word: &str) -> bool {
    Scanner::new(word)
        .next()
        .map_or(true, |token| matches!(token.kind, TokenKind::Name(_)) || token.span.len() < word.len())
}

fn pattern(text: &str, span: &Span) -> Result<regex::Regex, Error> {
    let built = regex::RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX).build();
    built.map_err(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            error => error.to_string().lines().last().unwrap_or("").trim_start_matches("error: ").to_owned(),
        };
        Error::new(span, format!("not a regular expression: {reason}"))
    })
}

/// libpcap tests what follows `vlan` behind the tag, also outside of its parentheses; expressions that are compiled
/// apart would not know of it.
fn refuse_shifted(terms: &[PcapTerm]) -> Result<(), Error> {
    for (index, term) in terms.iter().enumerate() {
        let Some(start) = term.spans().next().filter(|_| term.shifts_what_follows()).map(|span| span.start) else {
            continue;
        };
        let others = terms.iter().enumerate().filter(|&(other, _)| other != index).map(|(_, other)| other);
        if let Some(behind) = others.flat_map(PcapTerm::spans).find(|span| span.start > start) {
            return Err(Error::new(&behind, "this comes after vlan, mpls, pppoes or a tunnel, and would be tested inside it")
                .hint("put the pcap-filter terms that belong together into one pair of parentheses, without fields, and this before them"));
        }
    }
    Ok(())
}
