//! The language of pcap-filter(7): words, grammar and syntax tree.

mod arithmetic;
mod keyword;
mod literal;
mod parse;
mod primitive;
mod scan;
mod syntax;

pub(crate) use keyword::Keyword;
pub(crate) use parse::parse;
pub(crate) use scan::{Scanner, Symbol, Token, TokenKind};
pub(crate) use syntax::*;
