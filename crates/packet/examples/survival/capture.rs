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

/// The first packet is the client's; who is at home is not known here.
fn flow_of(protocol: u8, client: Side, server: Side) -> Flow {
    Flow { group: "ordinary", is_inbound: false, protocol, client, server, start: 0, packets: 0, bytes: 0 }
}

/// Of TCP and UDP without VLAN tags; the rest counts as junk.
fn key_of(frame: &[u8]) -> Option<(u8, Side, Side)> {
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
