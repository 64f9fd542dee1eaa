//! A capture of somebody else's as the ordinary traffic, its flows told by addresses and ports.

use std::collections::HashMap;
use std::io::{self, Read};

use packet::capture::Reader;

use crate::frame::{Records, Side};
use crate::ordinary::VICTIM;
use crate::truth::{Flow, FlowNumber, JUNK, Truth};

type Key = (u8, Side, Side);

/// The packets of a capture, one after the other.
pub(crate) struct Capture {
    reader: Reader<Box<dyn Read>>,
    flows: HashMap<Key, FlowNumber>,
    /// The next packet.
    next: Option<(u64, Vec<u8>)>,
    /// Whether every other flow is begun by a stranger to one of us, instead of by one of us.
    turns: bool,
}

impl Capture {
    pub(crate) fn new(input: impl Read + 'static, turns: bool) -> io::Result<Self> {
        let reader = Reader::new(Box::new(input) as Box<dyn Read>).map_err(io::Error::other)?;
        let mut capture = Self { reader, flows: HashMap::new(), next: None, turns };
        capture.advance()?;
        Ok(capture)
    }

    pub(crate) fn next_time(&self) -> u64 {
        self.next.as_ref().map_or(u64::MAX, |(time, _)| *time)
    }

    /// Takes the packet of `next_time`; its flow.
    pub(crate) fn step(&mut self, records: &mut Records, truth: &mut Truth) -> io::Result<FlowNumber> {
        let Some((_, mut frame)) = self.next.take() else { return Ok(JUNK) };
        if self.turns {
            turn(&mut frame);
        }
        records.raw(&frame);
        self.advance()?;
        Ok(key_of(&frame).map_or(JUNK, |key| self.flow(key, truth)))
    }

    fn advance(&mut self) -> io::Result<()> {
        let packet = self.reader.next().map_err(io::Error::other)?;
        self.next = packet.map(|packet| (packet.time.0 as u64, packet.data.to_vec()));
        Ok(())
    }

    /// The first packet is the client's.
    fn flow(&mut self, (protocol, client, server): Key, truth: &mut Truth) -> FlowNumber {
        let reversed = (protocol, server, client);
        if let Some(known) = self.flows.get(&(protocol, client, server)).or_else(|| self.flows.get(&reversed)) {
            return *known;
        }
        let is_inbound = crate::frame::is_ours(server.0);
        let flow = Flow { group: "ordinary", is_inbound, protocol, client, server, start: 0, packets: 0, bytes: 0 };
        let number = truth.flow(flow);
        self.flows.insert((protocol, client, server), number);
        number
    }
}

/// Gives the flow of an IPv4 packet another client, out of 45.0.0.0/8, and a server of ours, if it is one to be turned.
fn turn(frame: &mut [u8]) {
    let Some((protocol, source, destination)) = key_of(frame).filter(|_| frame[12] == 8) else { return };
    let is_client = |side: Side| side.0 >> 24 == 10;
    let (client, server) = if is_client(source) { (source, destination) } else { (destination, source) };
    if !is_client(client) || is_client(server) || (client.0 ^ server.0 ^ u32::from(client.1)) & 1 == 0 {
        return;
    }
    let turned = |side: Side| if side == client { side.0 ^ 0x2700_0000 } else { VICTIM + (side.0 & 7) };
    let before = words(&frame[26..34]);
    frame[26..30].copy_from_slice(&turned(source).to_be_bytes());
    frame[30..34].copy_from_slice(&turned(destination).to_be_bytes());
    let after = words(&frame[26..34]);
    for at in [24, if protocol == 6 { 50 } else { 40 }] {
        let Some(checksum) = frame.get_mut(at..at + 2) else { return };
        // RFC 1624.
        let mut sum = u32::from(!u16::from_be_bytes([checksum[0], checksum[1]])) + 4 * 0xffff - before + after;
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        checksum.copy_from_slice(&(!(sum as u16)).to_be_bytes());
    }
}

fn words(bytes: &[u8]) -> u32 {
    bytes.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum()
}

/// Of TCP and UDP without VLAN tags; the rest counts as junk.
fn key_of(frame: &[u8]) -> Option<Key> {
    let (protocol, addresses, ports) = match frame.get(12..15)? {
        [8, 0, 0x45] => (frame.get(23)?, frame.get(26..34)?, frame.get(34..38)?),
        [0x86, 0xdd, _] => (frame.get(20)?, frame.get(22..54)?, frame.get(54..58)?),
        _ => return None,
    };
    let (source, destination) = addresses.split_at(addresses.len() / 2);
    let side = |address, port: &[u8]| Side(short(address), u16::from_be_bytes([port[0], port[1]]));
    matches!(protocol, 6 | 17).then(|| (*protocol, side(source, &ports[..2]), side(destination, &ports[2..])))
}

/// An IPv4 address as it is, or a number that stands for an IPv6 address.
pub(crate) fn short(address: &[u8]) -> u32 {
    address.chunks_exact(4).fold(0, |number: u32, part| {
        number.wrapping_mul(0x9e37_79b1).rotate_left(7) ^ u32::from_be_bytes([part[0], part[1], part[2], part[3]])
    })
}
