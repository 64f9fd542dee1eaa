//! `wiretape filter`: what an expression compiles to, and which frames of a capture it takes.

use std::io::{BufWriter, Write};
use std::path::Path;

use filter::{Options, Program};
use packet::capture::Reader;
use packet::{Interface, LinkType};

use super::packet_filter;
use crate::args::{FilterArgs, expression};
use crate::errors::{Exit, Failure};
use crate::links;
use crate::names::LocalNames;

/// Shows a program, or tries it on a capture.
pub(crate) fn run(arguments: &FilterArgs) -> Result<Exit, Failure> {
    let text = expression(&arguments.expression).unwrap_or_default();
    packet_filter::look_at(&text)?;
    match &arguments.read {
        Some(path) if arguments.dump == 0 => try_on(path, &text, arguments.count),
        _ => dump(&text, arguments.dump.max(1), arguments.link.as_deref()),
    }
}

/// Prints the program as tcpdump does.
pub(crate) fn dump(text: &str, style: u8, link: Option<&str>) -> Result<Exit, Failure> {
    let link_type = match link {
        Some(name) => links::link_type(name).ok_or_else(|| {
            Failure::call(format!("there is no link type {name:?}"))
                .attempt(format!("did you mean {}?", links::nearest_name(name)))
        })?,
        None => LinkType::ETHERNET,
    };
    let program = compile(text, link_type, &LocalNames::read())?;
    let shown = match style {
        1 => program.disassemble(),
        2 => program.dump_c(),
        _ => program.dump_decimal(),
    };
    super::print(&shown)
}

fn compile(text: &str, link_type: LinkType, names: &LocalNames) -> Result<Program, Failure> {
    let options = Options { resolver: names, ..Options::new(link_type) };
    filter::compile(text, &options).map_err(|error| Failure::expression(text, &error))
}

/// Prints the numbers of the frames that match, or how many they are.
fn try_on(path: &Path, text: &str, count_only: bool) -> Result<Exit, Failure> {
    let input = super::open_input(path)?;
    let mut reader = Reader::new(input).map_err(|error| Failure::capture(path, &error))?;
    let mut programs = Programs { text, names: LocalNames::read(), by_interface: Vec::new() };
    let mut out = BufWriter::new(std::io::stdout().lock());
    let (mut number, mut matched) = (0_u64, 0_u64);
    let ended = loop {
        let (packet, interfaces) = match reader.next_with_interfaces() {
            Ok(Some(next)) => next,
            Ok(None) => break Ok(()),
            Err(error) => break Err(Failure::capture(path, &error)),
        };
        number += 1;
        if programs.of(packet.interface as usize, interfaces)?.matches(packet.data, packet.wire_bytes) {
            matched += 1;
            if !count_only {
                writeln!(out, "{number}").map_err(Failure::output)?;
            }
        }
    };
    if count_only {
        writeln!(out, "{matched}").map_err(Failure::output)?;
    }
    out.flush().map_err(Failure::output)?;
    ended.map(|()| if matched > 0 { Exit::Done } else { Exit::Nothing })
}

/// The same expression, compiled for the link type of each interface.
struct Programs<'t> {
    text: &'t str,
    names: LocalNames,
    by_interface: Vec<Program>,
}

impl Programs<'_> {
    fn of(&mut self, index: usize, interfaces: &[Interface]) -> Result<&Program, Failure> {
        for interface in interfaces.iter().skip(self.by_interface.len()) {
            self.by_interface.push(compile(self.text, interface.link_type, &self.names)?);
        }
        self.by_interface.get(index).ok_or_else(|| Failure::damaged("a packet belongs to no interface"))
    }
}
