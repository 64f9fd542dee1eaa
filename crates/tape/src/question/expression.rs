//! EXPR, compiled for each link type that turns up.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use filter::{Error, Options, Program, Resolver, compile};
use packet::{Interface, LinkType, Packet};

/// An expression that at least one link type can have.
#[derive(Clone)]
pub struct Expression {
    text: String,
    resolver: Arc<dyn Resolver + Send + Sync>,
}

impl Expression {
    /// Checks an expression; names are looked up with `resolver`, again for each link type.
    ///
    /// # Errors
    /// What is wrong with it for Ethernet, if no other link type can have it either.
    pub fn new(text: &str, resolver: Arc<dyn Resolver + Send + Sync>) -> Result<Self, Error> {
        let expression = Self { text: text.to_owned(), resolver };
        let fault = match expression.program(LinkType::ETHERNET) {
            Ok(_) => return Ok(expression),
            Err(fault) => fault,
        };
        let others = [
            LinkType::LINUX_SLL,
            LinkType::LINUX_SLL2,
            LinkType::RAW,
            LinkType::NULL,
            LinkType::IEEE802_11,
            LinkType::IEEE802_11_RADIOTAP,
        ];
        if others.iter().any(|link_type| expression.program(*link_type).is_ok()) { Ok(expression) } else { Err(fault) }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn program(&self, link_type: LinkType) -> Result<Program, Error> {
        compile(&self.text, &Options { resolver: self.resolver.as_ref(), ..Options::new(link_type) })
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// Runs an expression on packets of all link types.
pub(super) struct Programs {
    expression: Expression,
    /// By link type; `None` where the expression makes no sense, so that no packet matches.
    programs: HashMap<LinkType, Option<Program>>,
}

impl Programs {
    pub(super) fn new(expression: Expression) -> Self {
        Self { expression, programs: HashMap::new() }
    }

    /// Whether a packet matches.
    pub(super) fn matches(&mut self, packet: &Packet, interface: &Interface) -> bool {
        let program = self
            .programs
            .entry(interface.link_type)
            .or_insert_with_key(|link_type| self.expression.program(*link_type).ok());
        program.as_ref().is_some_and(|program| program.matches(packet.data, packet.wire_bytes))
    }
}
