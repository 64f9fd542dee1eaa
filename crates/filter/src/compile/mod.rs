//! From a syntax tree to a program.
//!
//! What each primitive tests, in which order and at which offsets, is libpcap 1.10.3's (gencode.c): the order decides
//! which loads a short packet fails, and a failed load rejects the packet whatever stands around the primitive.

mod address;
mod arithmetic;
mod assemble;
mod broadcast;
mod capture;
mod encapsulation;
mod generator;
mod graph;
mod hardware;
mod host;
mod layout;
mod link_type;
mod load;
mod optimise;
mod peephole;
mod port;
mod prologue;
mod protochain;
mod protocol;
mod telephony;
mod tunnel;
mod value;
mod vlan;
mod wireless;

use packet::LinkType;

use crate::bpf::Program;
use crate::expression::Node;
use crate::{Error, NoNames, Resolver, expression};

/// What an expression is compiled for.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The link type of the packets.
    pub link_type: LinkType,
    /// How many bytes the program keeps of a packet that it accepts; 0 means 262144.
    pub snaplen: u32,
    /// The network's mask, most significant octet first, for `ip broadcast`.
    pub netmask: Option<u32>,
    /// Looks up names.
    pub resolver: &'a dyn Resolver,
    /// The program is for the kernel's packet sockets (or `Program::run_with`): it may ask the kernel for the
    /// direction, the interface, and the VLAN tag that the kernel takes out of the packet.
    pub linux_ancillary: bool,
}

impl Options<'static> {
    /// For packets of a capture file: no names of hosts, no netmask, whole packets.
    pub fn new(link_type: LinkType) -> Self {
        Self { link_type, snaplen: 0, netmask: None, resolver: &NoNames, linux_ancillary: false }
    }
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("link_type", &self.link_type)
            .field("snaplen", &self.snaplen)
            .field("netmask", &self.netmask)
            .field("linux_ancillary", &self.linux_ancillary)
            .finish_non_exhaustive()
    }
}

/// Compiles a pcap-filter(7) expression; an empty one accepts every packet.
pub fn compile(expression: &str, options: &Options<'_>) -> Result<Program, Error> {
    let node = expression::parse(expression)?;
    generate(node.as_ref(), &(0..expression.len()), options)
}

/// Compiles a syntax tree; `span` is the whole expression.
pub(crate) fn generate(node: Option<&Node>, span: &expression::Span, options: &Options<'_>) -> Result<Program, Error> {
    const SNAPLEN_DEFAULT: u32 = 262_144;
    let snaplen = if options.snaplen == 0 { SNAPLEN_DEFAULT } else { options.snaplen };
    let mut generator = generator::Generator::new(options, span)?;
    let Some(node) = node else { return Ok(Program::accepting(snaplen)) };
    let condition = generator.node(node)?;
    let condition = generator.prologue(condition)?;
    let mut graph = generator.graph;
    graph.finish(&condition);
    let first = optimise::optimise(&mut graph, condition.first);
    let program = match first {
        graph::Target::Block(first) => assemble::assemble(&graph, first, snaplen),
        graph::Target::Accept => Program::accepting(snaplen),
        graph::Target::Reject | graph::Target::Open => return Err(rejects_all(span)),
    };
    if options.linux_ancillary && program.instructions.len() > Program::KERNEL_INSTRUCTIONS_MAX {
        let message = format!(
            "the expression takes {} instructions, and the kernel runs at most {}",
            program.instructions.len(),
            Program::KERNEL_INSTRUCTIONS_MAX
        );
        return Err(
            Error::new(span, message).hint("name networks instead of single hosts, or record more and ask later")
        );
    }
    Ok(program)
}

fn rejects_all(span: &expression::Span) -> Error {
    Error::new(span, "expression rejects all packets")
        .hint("no packet of this link type can satisfy all of its conditions")
}
