//! The pcap-filter expressions within a question.

use packet::LinkType;

use super::condition::PcapTermIndex;
use super::truth::Truth;
use crate::bpf::{Program, Verdict};
use crate::compile::{Options, generate};
use crate::expression::{Node, Primitive, Span};
use crate::{Error, Resolver, expression};

/// A pcap-filter expression: one or several pieces of a question, joined as they are joined there.
#[derive(Clone, Debug)]
pub struct PcapTerm {
    text: String,
    /// Where each piece starts in `text`, and where it stands in the question.
    pieces: Vec<(usize, Span)>,
    node: Option<Node>,
}

impl PcapTerm {
    /// Joins pieces of a question and parses them.
    pub(super) fn join(question: &str, pieces: &[Span], connector: &str) -> Result<Self, Error> {
        let mut text = String::new();
        let mut placed = Vec::new();
        for piece in pieces {
            if !text.is_empty() {
                text.push_str(connector);
            }
            placed.push((text.len(), piece.clone()));
            text.push_str(question.get(piece.clone()).unwrap_or(""));
        }
        let mut term = Self { text, pieces: placed, node: None };
        term.node = expression::parse(&term.text).map_err(|error| term.placed(error))?;
        Ok(term)
    }

    /// The expression as libpcap would take it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where its pieces stand in the question.
    pub fn spans(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        self.pieces.iter().map(|(_, span)| span.clone())
    }

    pub(super) fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    /// True if what follows is tested behind a tag, a label or within a tunnel.
    pub(super) fn shifts_what_follows(&self) -> bool {
        self.node.as_ref().is_some_and(shifts)
    }

    /// Compiles it for a link type; an error's place is in the question.
    ///
    /// # Errors
    /// What a packet of this link type cannot be asked.
    pub fn compile(&self, link_type: LinkType, resolver: &dyn Resolver) -> Result<Program, Error> {
        let options = Options { resolver, ..Options::new(link_type) };
        generate(self.node.as_ref(), &(0..self.text.len()), &options).map_err(|error| self.placed(error))
    }

    pub(super) fn check(&self, resolver: &dyn Resolver) -> Result<(), Error> {
        const OTHERS: [LinkType; 7] = [
            LinkType::LINUX_SLL,
            LinkType::LINUX_SLL2,
            LinkType::RAW,
            LinkType::NULL,
            LinkType::IEEE802_11,
            LinkType::IEEE802_11_RADIOTAP,
            // pf's log.
            LinkType(117),
        ];
        let Err(error) = self.compile(LinkType::ETHERNET, resolver) else { return Ok(()) };
        let compiles = |link_type: &LinkType| self.compile(*link_type, resolver).is_ok();
        if OTHERS.iter().any(compiles) { Ok(()) } else { Err(error) }
    }

    /// With the place in the question instead of in the expression.
    fn placed(&self, mut error: Error) -> Error {
        let place = |at: usize| {
            let piece = self.pieces.iter().rev().find(|(start, _)| *start <= at);
            piece.map_or(at, |(start, span)| (span.start + at - start).min(span.end))
        };
        let (start, end) = (place(error.span.start), place(error.span.end));
        error.span = start..end.max(start);
        error
    }
}

fn shifts(node: &Node) -> bool {
    match node {
        Node::Primitive(primitive, _) => matches!(
            primitive,
            Primitive::Vlan(_)
                | Primitive::Mpls(_)
                | Primitive::PppoeSession(_)
                | Primitive::Geneve(_)
                | Primitive::Vxlan(_)
                | Primitive::Atm(_)
                | Primitive::Llc(_)
        ),
        Node::Not(inner) => shifts(inner),
        Node::Chain(first, rest) => shifts(first) || rest.iter().any(|(_, node)| shifts(node)),
    }
}

/// The programs of a question's pcap-filter expressions for one link type.
#[derive(Clone, Debug)]
pub struct Programs {
    programs: Vec<Result<Program, Error>>,
}

impl Programs {
    pub(super) fn new(terms: &[PcapTerm], link_type: LinkType, resolver: &dyn Resolver) -> Self {
        Self { programs: terms.iter().map(|term| term.compile(link_type, resolver)).collect() }
    }

    /// An expression's program, or why packets of this link type cannot be asked; `None` if there is no such expression.
    pub fn program(&self, index: PcapTermIndex) -> Option<Result<&Program, &Error>> {
        self.programs.get(index.0).map(Result::as_ref)
    }

    /// Why packets of this link type cannot be asked one of the expressions.
    pub fn refusal(&self) -> Option<&Error> {
        self.programs.iter().find_map(|program| program.as_ref().err())
    }

    /// An expression's verdict on a packet; unknown where it does not compile for the link type, and where it asks for bytes
    /// that were cut off.
    pub fn verdict(&self, index: PcapTermIndex, packet: &[u8], wire_bytes: u32) -> Truth {
        match self.programs.get(index.0) {
            Some(Ok(program)) => match program.verdict(packet, wire_bytes) {
                Verdict::Accepted => Truth::True,
                Verdict::Rejected => Truth::False,
                Verdict::Cut => Truth::Unknown,
            },
            Some(Err(_)) | None => Truth::Unknown,
        }
    }
}
