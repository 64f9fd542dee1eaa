//! Kerberos 5: who wants a ticket for what (RFC 4120).

mod message;

use super::cutter::{Length, Talk, Talking};
use super::{Opening, Probe, Protocol, Recognised, Step, ber};
use crate::{At, Side, Sink};

pub(crate) const DATAGRAM: Recognised =
    Recognised { name: "krb5", probe: probe_datagram, begin: |_| Box::new(Datagrams) };
pub(crate) const STREAM: Recognised =
    Recognised { name: "krb5", probe: probe_stream, begin: |_| Box::new(Talking::new(Stream)) };

/// Bytes of the length before a message in a stream.
const LENGTH_BYTES: usize = 4;
/// Bytes of the longest message that is believed.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

struct Datagrams;

impl Protocol for Datagrams {
    fn data(&mut self, _side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        message::tell(at, data, sink);
        Step::Go
    }
}

struct Stream;

impl Talk for Stream {
    const KEPT_BYTES_MAX: usize = 128 << 10;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        match head.first_chunk().map(|bytes| u32::from_be_bytes(*bytes) as usize) {
            None => Length::More,
            Some(length @ 1..MESSAGE_BYTES_MAX) => Length::Whole(LENGTH_BYTES + length),
            Some(_) => Length::Broken,
        }
    }

    fn message(&mut self, _side: Side, at: At, message: &[u8], _is_whole: bool, sink: &mut dyn Sink) -> Step {
        message::tell(at, message.get(LENGTH_BYTES..).unwrap_or_default(), sink);
        Step::Go
    }
}

fn probe_datagram(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    if !opening.is_stream && begins(said, said.len()) == Probe::Yes { Probe::Yes } else { Probe::No }
}

fn probe_stream(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    match said.first_chunk().map(|bytes| u32::from_be_bytes(*bytes) as usize) {
        _ if !opening.is_stream => Probe::No,
        None => Probe::More,
        Some(length @ 1..MESSAGE_BYTES_MAX) => begins(said.get(LENGTH_BYTES..).unwrap_or_default(), length),
        Some(_) => Probe::No,
    }
}

/// A message's tag with a sequence in it, both of lengths that fit.
fn begins(said: &[u8], length: usize) -> Probe {
    let Some(tag) = said.first() else { return Probe::More };
    if !message::is_tag(*tag) {
        return Probe::No;
    }
    match ber::whole_length(said) {
        Ok(None) => Probe::More,
        Ok(Some(whole)) if whole == length => {
            let long = said.get(1).filter(|first| **first & 0x80 != 0).map_or(0, |first| usize::from(first & 0x7f));
            match said.get(2 + long) {
                Some(&ber::SEQUENCE) => Probe::Yes,
                Some(_) => Probe::No,
                None => Probe::More,
            }
        }
        _ => Probe::No,
    }
}
