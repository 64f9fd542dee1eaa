//! Packets by hand.

use flow::{Config, FlowTable, Seen};
use packet::decode::Transport;
use packet::{Address, FlowKey, Headers, LinkType, Packet, PacketDirection, Timestamp};

pub(crate) const SECOND: i64 = 1_000_000_000;
pub(crate) const START: i64 = 1_700_000_000 * SECOND;
pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const ACK: u8 = 16;

/// One of ours, by the default home networks.
pub(crate) const OURS: [u8; 4] = [10, 0, 0, 1];
/// Somebody else.
pub(crate) const OTHER: [u8; 4] = [198, 51, 100, 7];

/// A table and what feeds it.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) table: FlowTable,
    pub(crate) time: i64,
    pub(crate) arrival: u64,
}

pub(crate) fn config() -> Config {
    Config { capacity_flows: 1024, ..Config::new([7; 16], [9; 32]) }
}

impl Bench {
    pub(crate) fn new(config: Config) -> Self {
        Self { table: FlowTable::new(config), time: START, arrival: 0 }
    }

    /// A packet a millisecond after the last one.
    pub(crate) fn send(&mut self, headers: &Headers, wire_bytes: u32) -> Seen {
        self.send_bytes(headers, wire_bytes, &[])
    }

    /// A frame as it was on the wire.
    pub(crate) fn send_frame(&mut self, frame: &[u8]) -> Seen {
        let wire_bytes = frame.len() as u32;
        self.send_bytes(&packet::decode(LinkType::ETHERNET, frame, wire_bytes), wire_bytes, frame)
    }

    fn send_bytes(&mut self, headers: &Headers, wire_bytes: u32, data: &[u8]) -> Seen {
        self.time += SECOND / 1000;
        let packet = Packet {
            time: Timestamp(self.time),
            wire_bytes,
            data,
            interface: 0,
            direction: PacketDirection::Unknown,
            arrival: Some(self.arrival),
        };
        self.arrival += 1;
        self.table.observe(&packet, headers, self.arrival - 1, 1)
    }

    pub(crate) fn tcp(&mut self, key: FlowKey, flags: u8, seq: u32, ack: u32, payload_bytes: u32) -> Seen {
        let transport = Transport::Tcp { seq, ack, flags, window: 1000 };
        self.send(&Headers { key: Some(key), transport, payload_bytes, ..Headers::default() }, 54 + payload_bytes)
    }

    pub(crate) fn other(&mut self, key: FlowKey, transport: Transport, payload_bytes: u32) -> Seen {
        self.send(&Headers { key: Some(key), transport, payload_bytes, ..Headers::default() }, 42 + payload_bytes)
    }
}

pub(crate) fn key(proto: u8, src: ([u8; 4], u16), dest: ([u8; 4], u16)) -> FlowKey {
    let (src_port, dest_port) = (src.1, dest.1);
    let (src, dest) = (Address::v4(src.0), Address::v4(dest.0));
    FlowKey { src, dest, src_port, dest_port, proto, ip_version: 4, one_way: false }
}
