//! The grammar, as libpcap's grammar.y has it, its conflicts resolved as yacc resolves them.

use super::{
    Arithmetic, Connector, Id, IdKind, Keyword, Node, Primitive, Protocol, Qualifiers, Scanner, Span, Symbol, Token,
    TokenKind, keyword,
};
use crate::Error;

/// Parentheses, brackets, signs and right operands nest no deeper than this.
const DEPTH_MAX: usize = 100;

/// Longer expressions are refused, so that memory is bounded.
const EXPRESSION_BYTES_MAX: usize = 1 << 20;

/// Parses an expression; `None` if it is empty.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, Error> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(Error::new(
            &(0..text.len()),
            format!("the expression is longer than {EXPRESSION_BYTES_MAX} bytes"),
        ));
    }
    let mut parser = Parser::new(text)?;
    if parser.token.kind == TokenKind::End {
        return Ok(None);
    }
    let parsed = parser.expression(None)?;
    match parser.token.kind {
        TokenKind::End => Ok(Some(parsed.node)),
        _ => Err(parser.unexpected("\"and\", \"or\" or the end")),
    }
}

/// A condition and the qualifiers that a bare address, number or name after it inherits.
#[derive(Clone, Debug)]
pub(crate) struct Parsed {
    pub(crate) node: Node,
    pub(crate) qualifiers: Option<Qualifiers>,
}

/// What may stand at a place, in the words of the grammar's nonterminals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// `term`: the start of an expression.
    Term,
    /// `term` or `nid`: the start of parentheses that may hold either.
    TermOrName,
    /// `term` or `id`: after `and` and `or`.
    TermOrId,
    /// `id`: after qualifiers.
    Id,
    /// `nid` or a number: the start of parentheses after qualifiers.
    NameOrNumber,
    /// `pnum`: in further parentheses there.
    Number,
}

impl Place {
    fn takes_term(self) -> bool {
        matches!(self, Self::Term | Self::TermOrName | Self::TermOrId)
    }

    fn takes_name(self) -> bool {
        matches!(self, Self::TermOrName | Self::TermOrId | Self::Id | Self::NameOrNumber)
    }

    /// What may stand right after an opening parenthesis here.
    fn inside(self) -> Self {
        match self {
            Self::Term | Self::TermOrName => Self::Term,
            Self::TermOrId => Self::TermOrName,
            Self::Id => Self::NameOrNumber,
            Self::NameOrNumber | Self::Number => Self::Number,
        }
    }

    /// What may stand after `not` here.
    fn negated(self) -> Self {
        match self {
            Self::Term => Self::Term,
            Self::TermOrName | Self::TermOrId => Self::TermOrId,
            Self::Id | Self::NameOrNumber | Self::Number => Self::Id,
        }
    }
}

/// What was found there.
enum Operand {
    /// A term, with the qualifiers that it leaves to what follows.
    Term(Parsed),
    /// An address, a number or a name that took the qualifiers from before it.
    Id(Node),
    /// A number, perhaps in parentheses: what it is depends on what follows.
    Number(u32, Span),
    /// Arithmetic other than a number, before its comparison.
    Arithmetic(Arithmetic),
}

pub(super) struct Parser<'t> {
    scanner: Scanner<'t>,
    pub(super) token: Token<'t>,
    /// Where the word before the current one ended.
    pub(super) last_end: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Result<Self, Error> {
        let mut scanner = Scanner::new(text);
        let token = scanner.next()?;
        Ok(Self { scanner, token, last_end: 0, depth: 0 })
    }

    /// Takes the current word and reads the next.
    pub(super) fn advance(&mut self) -> Result<Token<'t>, Error> {
        let next = self.scanner.next()?;
        self.last_end = self.token.span.end;
        Ok(std::mem::replace(&mut self.token, next))
    }

    pub(super) fn at(&self, symbol: Symbol) -> bool {
        self.token.kind == TokenKind::Symbol(symbol)
    }

    pub(super) fn at_keyword(&self, keyword: Keyword) -> bool {
        self.token.kind == TokenKind::Keyword(keyword)
    }

    pub(super) fn expect(&mut self, symbol: Symbol, shown: &str) -> Result<Span, Error> {
        if self.at(symbol) { Ok(self.advance()?.span) } else { Err(self.unexpected(shown)) }
    }

    /// Goes one level deeper for as long as `inner` takes.
    pub(super) fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth >= DEPTH_MAX {
            return Err(Error::new(&self.token.span, format!("nested more than {DEPTH_MAX} levels deep")));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// The current word is not what the grammar asks for.
    pub(super) fn unexpected(&self, expected: &str) -> Error {
        let error = |message: String| Error::new(&self.token.span, format!("syntax error: {message}"));
        match &self.token.kind {
            TokenKind::End => error(format!("the expression ends where {expected} should follow")),
            TokenKind::Name(name) => {
                let error = error(format!("\"{name}\" stands where {expected} should"));
                match keyword::similar(name) {
                    Some(similar) => error.hint(format!("did you mean \"{similar}\"?")),
                    None => error.hint(format!("a name needs a qualifier before it, as in \"host {name}\"")),
                }
            }
            TokenKind::Dotted(address) => error(format!("{address} stands where {expected} should"))
                .hint(format!("an address needs a qualifier before it, as in \"host {address}\"")),
            TokenKind::V6(address) => error(format!("{address} stands where {expected} should"))
                .hint(format!("an address needs a qualifier before it, as in \"host {address}\"")),
            TokenKind::Hardware(_) => error(format!("a hardware address stands where {expected} should"))
                .hint("write \"ether host\" before it"),
            TokenKind::Number(number) => error(format!("{number} stands where {expected} should"))
                .hint(format!("a number needs a qualifier before it, as in \"port {number}\"")),
            _ => error(format!("{expected} should stand here")),
        }
    }

    /// `expr`: operands joined by `and` and `or`.
    pub(super) fn expression(&mut self, inherited: Option<Qualifiers>) -> Result<Parsed, Error> {
        let start = self.token.span.start;
        let first = match self.operand(Place::Term, inherited)? {
            Operand::Term(term) => term,
            operand => self.finish_term(operand, start)?,
        };
        self.chain(first)
    }

    /// What follows the first term of an expression.
    fn chain(&mut self, first: Parsed) -> Result<Parsed, Error> {
        let Parsed { node, mut qualifiers } = first;
        let mut rest = Vec::new();
        while let Some(connector) = self.connector() {
            self.advance()?;
            let start = self.token.span.start;
            let next = match self.operand(Place::TermOrId, qualifiers)? {
                Operand::Term(term) => term,
                Operand::Id(node) => Parsed { node, qualifiers },
                Operand::Number(number, span) if !self.at_arithmetic() => {
                    Parsed { node: id(qualifiers, Id::Number(number), span)?, qualifiers }
                }
                operand => self.finish_term(operand, start)?,
            };
            qualifiers = next.qualifiers;
            rest.push((connector, next.node));
        }
        Ok(Parsed { node: joined(node, rest), qualifiers })
    }

    fn connector(&self) -> Option<Connector> {
        match self.token.kind {
            TokenKind::Keyword(Keyword::And) => Some(Connector::And),
            TokenKind::Keyword(Keyword::Or) => Some(Connector::Or),
            _ => None,
        }
    }

    /// The comparison that a number or other arithmetic starts.
    fn finish_term(&mut self, operand: Operand, start: usize) -> Result<Parsed, Error> {
        let left = match operand {
            Operand::Term(term) => return Ok(term),
            Operand::Id(_) => return Err(self.unexpected("a condition")),
            Operand::Number(number, _) => Arithmetic::constant(number),
            Operand::Arithmetic(arithmetic) => arithmetic,
        };
        let left = self.arithmetic_after(left)?;
        self.comparison(left, start)
    }

    /// `relop arth` after its left side.
    fn comparison(&mut self, left: Arithmetic, start: usize) -> Result<Parsed, Error> {
        let Some(relation) = self.relation()? else {
            return Err(self.unexpected("a comparison (=, !=, <, <=, >, >=) or an arithmetic operation"));
        };
        let right = self.arithmetic()?;
        let span = start..self.last_end;
        Ok(Parsed { node: Node::Primitive(Primitive::Relation { relation, left, right }, span), qualifiers: None })
    }

    /// One operand of `and`, `or` and `not`, or what can stand in its place.
    fn operand(&mut self, place: Place, inherited: Option<Qualifiers>) -> Result<Operand, Error> {
        let start = self.token.span.start;
        match self.token.kind.clone() {
            TokenKind::Keyword(Keyword::Not) if place != Place::Number => self.negation(place, inherited),
            TokenKind::Symbol(Symbol::ParenOpen) => self.parentheses(place, inherited),
            TokenKind::Number(number) => {
                let span = self.advance()?.span;
                Ok(Operand::Number(number, span))
            }
            TokenKind::Name(_)
            | TokenKind::Dotted(_)
            | TokenKind::V6(_)
            | TokenKind::Hardware(_)
            | TokenKind::Arcnet(_)
                if place.takes_name() =>
            {
                self.address(inherited).map(Operand::Id)
            }
            TokenKind::Keyword(Keyword::Len) | TokenKind::Symbol(Symbol::Minus) if place.takes_term() => {
                let first = self.arithmetic_operand()?;
                self.arithmetic_after(first).map(Operand::Arithmetic)
            }
            TokenKind::Keyword(Keyword::Protocol(protocol)) if place.takes_term() => {
                let span = self.advance()?.span;
                if self.at(Symbol::BracketOpen) {
                    let first = self.load(protocol, span)?;
                    return self.arithmetic_after(first).map(Operand::Arithmetic);
                }
                self.qualified(Some(protocol), start).map(Operand::Term)
            }
            TokenKind::Keyword(_) if place.takes_term() => self.qualified(None, start).map(Operand::Term),
            _ => Err(self.unexpected(match place {
                Place::Id | Place::NameOrNumber => "an address, a number or a name",
                Place::Number => "a number",
                Place::Term | Place::TermOrName | Place::TermOrId => "a condition",
            })),
        }
        .and_then(|operand| self.finish_arithmetic(place, operand, start))
    }

    /// Arithmetic that has a comparison after it is a term, wherever a term may stand.
    fn finish_arithmetic(&mut self, place: Place, operand: Operand, start: usize) -> Result<Operand, Error> {
        match operand {
            Operand::Number(number, span) if place.takes_term() && self.at_arithmetic() => {
                let _ = span;
                let left = self.arithmetic_after(Arithmetic::constant(number))?;
                self.finish_arithmetic(place, Operand::Arithmetic(left), start)
            }
            Operand::Arithmetic(left) if self.at_comparison() => self.comparison(left, start).map(Operand::Term),
            other => Ok(other),
        }
    }

    /// `not` and what it negates.
    fn negation(&mut self, place: Place, inherited: Option<Qualifiers>) -> Result<Operand, Error> {
        self.advance()?;
        let start = self.token.span.start;
        let inner = self.nested(|parser| parser.operand(place.negated(), inherited))?;
        let not = |node: Node| match node {
            Node::Not(inner) => *inner,
            node => Node::Not(Box::new(node)),
        };
        Ok(match inner {
            Operand::Term(Parsed { node, qualifiers }) => Operand::Term(Parsed { node: not(node), qualifiers }),
            Operand::Id(node) => Operand::Id(not(node)),
            Operand::Number(number, span) if place.negated() != Place::Term => {
                Operand::Id(not(id(inherited, Id::Number(number), span)?))
            }
            operand => {
                let Parsed { node, qualifiers } = self.finish_term(operand, start)?;
                Operand::Term(Parsed { node: not(node), qualifiers })
            }
        })
    }

    /// `( … )`: an expression, a list of addresses, arithmetic or a number.
    fn parentheses(&mut self, place: Place, inherited: Option<Qualifiers>) -> Result<Operand, Error> {
        let open = self.advance()?.span.start;
        self.nested(|parser| {
            let start = parser.token.span.start;
            let inside = place.inside();
            let operand = match parser.operand(inside, inherited)? {
                Operand::Term(first) => {
                    let Parsed { node, .. } = parser.chain(first)?;
                    Operand::Term(Parsed { node, qualifiers: inherited })
                }
                Operand::Id(first) => Operand::Id(parser.id_chain(first, inherited)?),
                Operand::Number(number, span) if parser.connector().is_some() && inside.takes_name() => {
                    let first = id(inherited, Id::Number(number), span)?;
                    Operand::Id(parser.id_chain(first, inherited)?)
                }
                operand @ (Operand::Number(..) | Operand::Arithmetic(_)) if parser.at(Symbol::ParenClose) => operand,
                operand => {
                    let first = parser.finish_term(operand, start)?;
                    let Parsed { node, .. } = parser.chain(first)?;
                    Operand::Term(Parsed { node, qualifiers: inherited })
                }
            };
            let close = parser.expect(Symbol::ParenClose, "\")\"")?;
            let span = open..close.end;
            Ok(match operand {
                Operand::Number(number, _) => Operand::Number(number, span),
                Operand::Arithmetic(arithmetic) if place.takes_term() => {
                    Operand::Arithmetic(parser.arithmetic_after(arithmetic)?)
                }
                other => other,
            })
        })
    }

    /// Further addresses, numbers and names in parentheses, after the first.
    fn id_chain(&mut self, first: Node, inherited: Option<Qualifiers>) -> Result<Node, Error> {
        let mut rest = Vec::new();
        while let Some(connector) = self.connector() {
            self.advance()?;
            rest.push((connector, self.id(inherited)?));
        }
        Ok(joined(first, rest))
    }

    /// `id`: an address, a number or a name, or several in parentheses.
    pub(super) fn id(&mut self, qualifiers: Option<Qualifiers>) -> Result<Node, Error> {
        match self.operand(Place::Id, qualifiers)? {
            Operand::Id(node) => Ok(node),
            Operand::Number(number, span) => id(qualifiers, Id::Number(number), span),
            Operand::Term(_) | Operand::Arithmetic(_) => Err(self.unexpected("an address, a number or a name")),
        }
    }

    /// `nid` without `not`.
    fn address(&mut self, qualifiers: Option<Qualifiers>) -> Result<Node, Error> {
        let token = self.advance()?;
        let mut span = token.span;
        let value = match token.kind {
            TokenKind::Name(name) => Id::Name(name.to_owned()),
            TokenKind::Hardware(address) => Id::Hardware(address),
            TokenKind::Arcnet(address) => Id::Arcnet(address),
            TokenKind::Dotted(address) if self.at_keyword(Keyword::Mask) => {
                self.advance()?;
                let TokenKind::Dotted(mask) = self.token.kind else {
                    return Err(self.unexpected("a mask with dots, as 255.255.0.0"));
                };
                span.end = self.advance()?.span.end;
                Id::DottedMask(address.to_owned(), mask.to_owned())
            }
            TokenKind::Dotted(address) if self.at(Symbol::Slash) => {
                let (length, end) = self.prefix_length()?;
                span.end = end;
                Id::DottedLength(address.to_owned(), length)
            }
            TokenKind::Dotted(address) => Id::Dotted(address.to_owned()),
            TokenKind::V6(address) if self.at(Symbol::Slash) => {
                let (length, end) = self.prefix_length()?;
                span.end = end;
                Id::V6(address, length)
            }
            TokenKind::V6(address) => Id::V6(address, 128),
            _ => return Err(self.unexpected("an address, a number or a name")),
        };
        id(qualifiers, value, span)
    }

    fn prefix_length(&mut self) -> Result<(u32, usize), Error> {
        self.advance()?;
        let TokenKind::Number(length) = self.token.kind else {
            return Err(self.unexpected("the length of a prefix"));
        };
        Ok((length, self.advance()?.span.end))
    }

    /// A term that starts with a keyword; `protocol` and where it started have been read.
    fn qualified(&mut self, protocol: Option<Protocol>, start: usize) -> Result<Parsed, Error> {
        if let Some(qualifiers) = self.head(protocol)? {
            let node = self.id(Some(qualifiers))?;
            return Ok(Parsed { node, qualifiers: Some(qualifiers) });
        }
        let primitive = self.primitive(protocol)?;
        let span = start..self.last_end;
        Ok(Parsed { node: Node::Primitive(primitive, span), qualifiers: None })
    }

    /// `head`: direction and kind before an address, a number or a name.
    fn head(&mut self, protocol: Option<Protocol>) -> Result<Option<Qualifiers>, Error> {
        let kind = match self.token.kind {
            TokenKind::Keyword(Keyword::Proto) => Some(IdKind::Protocol),
            TokenKind::Keyword(Keyword::ProtoChain) => Some(IdKind::ProtocolChain),
            TokenKind::Keyword(Keyword::Gateway) => Some(IdKind::Gateway),
            _ => None,
        };
        if kind.is_some() {
            self.advance()?;
            return Ok(Some(Qualifiers { protocol, direction: None, kind }));
        }
        let direction = self.direction()?;
        let kind = match self.token.kind {
            TokenKind::Keyword(Keyword::Host) => Some(IdKind::Host),
            TokenKind::Keyword(Keyword::Net) => Some(IdKind::Net),
            TokenKind::Keyword(Keyword::Port) => Some(IdKind::Port),
            TokenKind::Keyword(Keyword::PortRange) => Some(IdKind::PortRange),
            _ => None,
        };
        if kind.is_some() {
            self.advance()?;
        } else if direction.is_none() {
            return Ok(None);
        }
        Ok(Some(Qualifiers { protocol, direction, kind }))
    }
}

/// An address, a number or a name with its qualifiers, which it must have.
fn id(qualifiers: Option<Qualifiers>, value: Id, span: Span) -> Result<Node, Error> {
    match qualifiers {
        Some(qualifiers) => Ok(Node::Primitive(Primitive::Id(qualifiers, value), span)),
        None => Err(Error::new(&span, "syntax error: nothing before this says what it is")
            .hint("write a qualifier before it, such as \"host\", \"net\" or \"port\"")),
    }
}

fn joined(first: Node, rest: Vec<(Connector, Node)>) -> Node {
    if rest.is_empty() { first } else { Node::Chain(Box::new(first), rest) }
}
