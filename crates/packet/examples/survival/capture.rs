//! A capture of somebody else's as the ordinary traffic: passed on as it is, its flows by addresses and ports.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use packet::capture::Reader;

use crate::frame::{Records, Side};
use crate::stream::Stream;
use crate::truth::{Flow, FlowNumber, JUNK};

/// Passes the capture on; the times of its first and last packet.
pub(crate) fn pass<W: Write>(input: impl Read, stream: &mut Stream<W>) -> io::Result<(u64, u64)> {
    let mut reader = Reader::new(input).map_err(io::Error::other)?;
    let mut flows: HashMap<(u8, Side, Side), FlowNumber> = HashMap::new();
    let mut records = Records::default();
    let (mut first, mut last) = (u64::MAX, 0);
    while let Some(packet) = reader.next().map_err(io::Error::other)? {
        let time = packet.time.0 as u64;
        (first, last) = (first.min(time), last.max(time));
        let flow = key_of(packet.data).map_or(JUNK, |(protocol, source, destination)| {
            let known =
                flows.get(&(protocol, source, destination)).or_else(|| flows.get(&(protocol, destination, source)));
            known.copied().unwrap_or_else(|| {
                let number = stream.truth.flow(flow_of(protocol, source, destination));
                flows.insert((protocol, source, destination), number);
                number
            })
        });
        records.clear();
        records.raw(packet.data);
        stream.write(&mut records, 0, time, flow)?;
    }
    Ok((first, last))
}

/// The first packet is the client's. 10.0.0.0/8 is ours.
fn flow_of(protocol: u8, client: Side, server: Side) -> Flow {
    let is_ours = |side: Side| side.0 >> 24 == 10;
    let is_inbound = is_ours(server) && !is_ours(client);
    Flow { group: "ordinary", is_inbound, protocol, client, server, start: 0, packets: 0, bytes: 0 }
}

/// Of TCP and UDP over IPv4 without VLAN tags; the rest counts as junk.
fn key_of(frame: &[u8]) -> Option<(u8, Side, Side)> {
    let header = frame.get(14..38).filter(|header| header[0] == 0x45 && frame[12..14] == [8, 0])?;
    let protocol = header[9];
    let address = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let port = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    matches!(protocol, 6 | 17).then_some((protocol, Side(address(12), port(20)), Side(address(16), port(22))))
}
