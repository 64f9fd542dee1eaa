//! DNS over UDP and TCP, and what has its form: mDNS, LLMNR, NetBIOS names (RFC 1035, RFC 6762, RFC 4795, RFC 1002).

mod data;
mod message;
mod name;
mod probe;

pub(crate) use name::netbios as netbios_name;

use packet::Address;

use super::cutter::{Length, Talk, Talking};
use super::{Parties, Protocol, Recognised, Step};
use crate::{At, Field, Side, Sink};
use message::{Message, Record, Section};

pub(crate) const DNS: Recognised = Recognised { name: "dns", probe: probe::dns, begin: datagrams };
pub(crate) const DNS_STREAM: Recognised = Recognised { name: "dns", probe: probe::dns_stream, begin: stream };
pub(crate) const MDNS: Recognised = Recognised { name: "mdns", probe: probe::mdns, begin: datagrams };
pub(crate) const LLMNR: Recognised = Recognised { name: "llmnr", probe: probe::llmnr, begin: datagrams };
pub(crate) const LLMNR_STREAM: Recognised = Recognised { name: "llmnr", probe: probe::llmnr_stream, begin: stream };
pub(crate) const NBNS: Recognised = Recognised { name: "nbns", probe: probe::nbns, begin: datagrams };

/// Bytes of the length before a message in a stream.
const LENGTH_BYTES: usize = 2;
/// Aliases that are followed from the name that was asked for.
const ALIASES_MAX: usize = 32;

fn datagrams(_: &Parties) -> Box<dyn Protocol> {
    Box::new(Datagrams)
}

fn stream(_: &Parties) -> Box<dyn Protocol> {
    Box::new(Talking::new(Stream))
}

/// A message a datagram.
struct Datagrams;

impl Protocol for Datagrams {
    fn data(&mut self, _side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        match Message::read(data) {
            Some(message) => tell(at, &message, sink),
            None => sink.oddity(at, "DNS message without a header"),
        }
        Step::Go
    }
}

/// Messages with their lengths before them.
struct Stream;

impl Talk for Stream {
    const KEPT_BYTES_MAX: usize = LENGTH_BYTES + u16::MAX as usize;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        match head.first_chunk() {
            Some(bytes) => Length::Whole(LENGTH_BYTES + usize::from(u16::from_be_bytes(*bytes))),
            None => Length::More,
        }
    }

    fn message(&mut self, _side: Side, at: At, message: &[u8], _is_whole: bool, sink: &mut dyn Sink) -> Step {
        match message.get(LENGTH_BYTES..).and_then(Message::read) {
            Some(message) => tell(at, &message, sink),
            None => sink.oddity(at, "DNS message without a header"),
        }
        Step::Go
    }
}

fn tell(at: At, message: &Message<'_>, sink: &mut dyn Sink) {
    for question in &message.questions {
        sink.fact(at, Field::DnsQuery, &question.name);
    }
    if message.is_malformed {
        sink.oddity(at, "malformed or cut DNS message");
    }
    if !message.is_response {
        return;
    }
    if message.code != 0 {
        sink.fact(at, Field::Detail, &format!("rcode={}", message::code_name(message.code)));
    }
    let asked = message.questions.first().map(|question| question.name.as_str());
    let aliases = aliases(asked, &message.records);
    for record in &message.records {
        if record.section == Section::Answer {
            sink.fact(at, Field::DnsAnswer, &data::shown(message.bytes, record));
        }
        if record.kind == message::NETBIOS {
            netbios(at, record, sink);
        }
        if let Some(address) = address(record) {
            let is_asked = aliases.iter().any(|alias| alias.eq_ignore_ascii_case(&record.name));
            sink.resolved(at, asked.filter(|_| is_asked).unwrap_or(&record.name), address);
        }
    }
}

/// The name that was asked for, and those that it is an alias of.
fn aliases<'a>(asked: Option<&'a str>, records: &'a [Record<'_>]) -> Vec<&'a str> {
    let mut aliases: Vec<&str> = asked.into_iter().collect();
    while let Some(last) = aliases.last().copied() {
        let target = records.iter().find_map(|record| match &record.target {
            Some(target) if record.kind == message::CNAME && record.name.eq_ignore_ascii_case(last) => Some(target),
            _ => None,
        });
        match target {
            Some(target) if aliases.len() < ALIASES_MAX && !aliases.contains(&target.as_str()) => aliases.push(target),
            _ => break,
        }
    }
    aliases
}

/// Flags and an address for each place where a NetBIOS name is known; the kind of the name is no part of it.
fn netbios(at: At, record: &Record<'_>, sink: &mut dyn Sink) {
    let name = record.name.split('<').next().unwrap_or(&record.name);
    for [_, _, address @ ..] in record.data.as_chunks::<6>().0 {
        sink.resolved(at, name, Address::v4(*address));
    }
}

fn address(record: &Record<'_>) -> Option<Address> {
    match record.kind {
        message::A => record.data.try_into().ok().map(Address::v4),
        message::AAAA => record.data.try_into().ok().map(Address::v6),
        _ => None,
    }
}
