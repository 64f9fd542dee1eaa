//! Splits an expression into words, exactly where libpcap's scanner does: the longest match, the first rule on a tie.

use std::net::Ipv6Addr;

use super::{Keyword, Span, keyword, literal};
use crate::Error;

/// A word of the expression and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token<'t> {
    pub(crate) kind: TokenKind<'t>,
    pub(crate) span: Span,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind<'t> {
    Keyword(Keyword),
    Symbol(Symbol),
    Number(u32),
    Name(&'t str),
    Dotted(&'t str),
    V6(Ipv6Addr),
    Hardware([u8; 6]),
    Arcnet(u8),
    End,
}

/// Signs other than `!`, `&&` and `||`, which are keywords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Colon,
    BracketOpen,
    BracketClose,
    ParenOpen,
    ParenClose,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    Equal,
    NotEqual,
    Ampersand,
    Bar,
    Caret,
    ShiftLeft,
    ShiftRight,
}

/// Two-character signs first, so that the longest matches.
const SIGNS: &[(&str, TokenKind<'static>)] = {
    use Symbol::*;
    use TokenKind::{Keyword as K, Symbol as S};
    &[
        ("&&", K(Keyword::And)),
        ("||", K(Keyword::Or)),
        (">=", S(GreaterOrEqual)),
        ("<=", S(LessOrEqual)),
        ("!=", S(NotEqual)),
        ("==", S(Equal)),
        ("<<", S(ShiftLeft)),
        (">>", S(ShiftRight)),
        ("!", K(Keyword::Not)),
        ("+", S(Plus)),
        ("-", S(Minus)),
        ("*", S(Star)),
        ("/", S(Slash)),
        ("%", S(Percent)),
        (":", S(Colon)),
        ("[", S(BracketOpen)),
        ("]", S(BracketClose)),
        ("(", S(ParenOpen)),
        (")", S(ParenClose)),
        ("<", S(Less)),
        (">", S(Greater)),
        ("=", S(Equal)),
        ("&", S(Ampersand)),
        ("|", S(Bar)),
        ("^", S(Caret)),
    ]
};

/// Reads words one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self::at(text, 0)
    }

    /// Starts in the midst of a text.
    pub(crate) fn at(text: &'t str, at: usize) -> Self {
        Self { text, at }
    }

    /// The next word; `End` again and again after the last.
    pub(crate) fn next(&mut self) -> Result<Token<'t>, Error> {
        let rest = self.text.get(self.at..).unwrap_or("");
        let blank = rest.len() - rest.trim_start_matches([' ', '\r', '\n', '\t']).len();
        let start = self.at + blank;
        let rest = rest.get(blank..).unwrap_or("");
        if rest.is_empty() {
            return Ok(Token { kind: TokenKind::End, span: start..start });
        }
        let (kind, length) = if let Some(found) = escaped(rest) {
            found
        } else if let Some((_, length, kind)) = longest(rest) {
            let word = rest.get(..length).unwrap_or("");
            (value(kind, word, &(start..start + length))?, length)
        } else if let Some((sign, kind)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            (kind.clone(), sign.len())
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            return Err(Error::new(&(start..start + length), "a filter expression has no such character"));
        };
        self.at = start + length;
        Ok(Token { kind, span: start..self.at })
    }
}

/// `\name`: a name even where it is a keyword.
fn escaped(rest: &str) -> Option<(TokenKind<'_>, usize)> {
    let name = rest.strip_prefix('\\')?;
    let length = name.find([' ', '!', '(', ')', '\n', '\t']).unwrap_or(name.len());
    (length > 0).then(|| (TokenKind::Name(name.get(..length).unwrap_or("")), length + 1))
}

/// The rules that overlap, in the order of libpcap's scanner.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Arcnet,
    Hardware,
    Number,
    Dotted,
    V6,
    BogusHardware,
    Word,
}

/// How many bytes at the start of a text a rule matches.
type Measure = fn(&str) -> usize;

/// The rule that matches most, its number of bytes, and its rank.
fn longest(rest: &str) -> Option<(usize, usize, Rule)> {
    const RULES: [(Rule, Measure); 7] = [
        (Rule::Arcnet, literal::arcnet),
        (Rule::Hardware, literal::hardware),
        (Rule::Number, literal::number),
        (Rule::Dotted, literal::dotted),
        (Rule::V6, literal::v6),
        (Rule::BogusHardware, literal::bogus_hardware),
        (Rule::Word, literal::word),
    ];
    let mut best: Option<(usize, usize, Rule)> = None;
    for (rank, (rule, measure)) in RULES.into_iter().enumerate() {
        let length = measure(rest);
        if length > best.map_or(0, |(_, length, _)| length) {
            best = Some((rank, length, rule));
        }
    }
    // A keyword that is as long as the best match comes before every rule ("bcc" is no hexadecimal number).
    match best {
        Some((_, length, _)) if rest.get(..length).is_some_and(|word| keyword::keyword(word).is_some()) => {
            Some((0, length, Rule::Word))
        }
        other => other,
    }
}

fn value<'t>(rule: Rule, word: &'t str, span: &Span) -> Result<TokenKind<'t>, Error> {
    Ok(match rule {
        Rule::Arcnet => TokenKind::Arcnet(literal::arcnet_value(word)),
        Rule::Hardware => TokenKind::Hardware(literal::hardware_value(word)),
        Rule::Number => TokenKind::Number(literal::number_value(word).map_err(|message| Error::new(span, message))?),
        Rule::Dotted => TokenKind::Dotted(word),
        Rule::V6 => TokenKind::V6(
            word.parse().map_err(|_| Error::new(span, format!("\"{word}\" is not a valid IPv6 address")))?,
        ),
        Rule::BogusHardware => {
            return Err(Error::new(span, format!("\"{word}\" is not a hardware address"))
                .hint("a hardware address has six parts, as in 00:1b:21:3c:4d:5e"));
        }
        Rule::Word => match (keyword::keyword(word), keyword::number(word)) {
            (Some(keyword), _) => TokenKind::Keyword(keyword),
            (None, Some(number)) => TokenKind::Number(number),
            (None, None) => TokenKind::Name(word),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let check = |text: &str, expected: &[TokenKind<'_>]| {
            let mut scanner = Scanner::new(text);
            for expected in expected {
                assert_eq!(&scanner.next().unwrap().kind, expected, "{text}");
            }
            assert_eq!(scanner.next().unwrap().kind, TokenKind::End, "{text}");
        };
        use TokenKind::*;
        check("es-is host1", &[Keyword(super::Keyword::Protocol(super::super::Protocol::Esis)), Name("host1")]);
        check("0x1f 0x1fg 017 12-34", &[Number(31), Name("0x1fg"), Number(15), Name("12-34")]);
        check("123456789012", &[Hardware([0x12, 0x34, 0x56, 0x78, 0x90, 0x12])]);
        check(
            "1.2 1.2.3.4.5.6 1234.5678.9abc",
            &[Dotted("1.2"), Hardware([1, 2, 3, 4, 5, 6]), Hardware([0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc])],
        );
        check("::", &[V6(Ipv6Addr::UNSPECIFIED)]);
        check("1:2:3:4:5:6:7:8", &[V6("1:2:3:4:5:6:7:8".parse().unwrap())]);
        check("fe80::1.2.3.4/64", &[V6("fe80::1.2.3.4".parse().unwrap()), Symbol(super::Symbol::Slash), Number(64)]);
        check(
            "tcp[12:1]",
            &[
                Keyword(super::Keyword::Protocol(super::super::Protocol::Tcp)),
                Symbol(super::Symbol::BracketOpen),
                Number(12),
                Symbol(super::Symbol::Colon),
                Number(1),
                Symbol(super::Symbol::BracketClose),
            ],
        );
        check("\\tcp icmp6-echo", &[Name("tcp"), Number(128)]);
    }

    #[test]
    fn words_that_are_none() {
        let check = |text: &str| assert!(Scanner::new(text).next().is_err(), "{text}");
        check("09");
        check("4294967296");
        check("0x100000000");
        check("ab:cd:ef:0g:00:00");
        check("fe80::256.20.30.40");
        check("\u{e9}");
        check("\\");
    }
}
