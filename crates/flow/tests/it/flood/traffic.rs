//! Ordinary traffic, and floods.

use super::tape::Recorder;
use crate::conversation::{ACK, FIN, SECOND, SYN, key};
use packet::decode::{Fragment, Transport};
use packet::{FlowKey, Headers};

pub(super) const HOST: [u8; 4] = [10, 0, 0, 1];

/// Random numbers that are the same each time.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

impl Recorder {
    pub(super) fn tcp(&mut self, key: FlowKey, flags: u8, seq: u32, ack: u32, payload_bytes: u32) {
        let transport = Transport::Tcp { seq, ack, flags, window: 1000 };
        self.now += 1_000_000;
        self.packet(&Headers { key: Some(key), transport, payload_bytes, ..Headers::default() }, 54 + payload_bytes);
    }

    pub(super) fn udp(&mut self, key: FlowKey, payload_bytes: u32) {
        self.now += 1000;
        let transport = Transport::Udp;
        self.packet(&Headers { key: Some(key), transport, payload_bytes, ..Headers::default() }, 42 + payload_bytes);
    }

    /// A whole connection: the client asks with some bytes, the server answers with more.
    pub(super) fn connection(&mut self, key: FlowKey, asks: u32, answers: u32) {
        let back = key.reversed();
        self.tcp(key, SYN, 99, 0, 0);
        self.tcp(back, SYN | ACK, 499, 100, 0);
        self.tcp(key, ACK, 100, 500, 0);
        let (mut sent, mut seq) = (0, 100);
        while sent < asks {
            let bytes = (asks - sent).min(1400);
            self.tcp(key, ACK, seq, 500, bytes);
            (sent, seq) = (sent + bytes, seq + bytes);
        }
        let (mut got, mut ack) = (0, 500);
        while got < answers {
            let bytes = (answers - got).min(1400);
            self.tcp(back, ACK, ack, seq, bytes);
            (got, ack) = (got + bytes, ack + bytes);
        }
        self.tcp(key, ACK | FIN, seq, ack, 0);
        self.tcp(back, ACK | FIN, ack, seq + 1, 0);
        self.tcp(key, ACK, seq + 1, ack + 1, 0);
    }

    /// A client of ours that comes now and then, or one that never did before; sometimes we are the client.
    pub(super) fn ordinary(&mut self, random: &mut Random) {
        let port = 1024 + random.below(60_000) as u16;
        let (kind, bytes) = (random.below(10), 500 + random.below(15_000) as u32);
        let (one, two) = (random.below(250) as u8, random.below(250) as u8);
        let key = match kind {
            0..=5 => key(6, ([192, 0, (one % 40) + 10, two], port), (HOST, 443)),
            6 => key(6, ([100, one, two, 9], port), (HOST, 443)),
            7 => key(6, ([192, 0, 200, one % 8], port), (HOST, 22)),
            _ => key(6, (HOST, port), ([192, 0, 100 + one % 20, 1], 443)),
        };
        self.connection(key, 400 + bytes / 8, bytes);
    }

    /// What an incident is made of: small flows with one that nobody knows yet.
    pub(super) fn incident(&mut self, number: u16) {
        self.connection(key(6, ([203, 0, 113, 66], 30_000 + number), (HOST, 22)), 1500, 4000);
        self.connection(key(6, (HOST, 40_000 + number), ([203, 0, 113, 99], 443)), 3000, 600);
    }
}

/// A flood: called over and over, it sends something each time.
pub(super) type Flood = fn(&mut Recorder, &mut Random);

fn address(random: &mut Random) -> [u8; 4] {
    let [_, b, c, d] = (random.next() as u32).to_be_bytes();
    [30 + (b % 60), b, c, d]
}

fn port(random: &mut Random) -> u16 {
    1024 + random.below(60_000) as u16
}

fn spoofed_syns(recorder: &mut Recorder, random: &mut Random) {
    let key = key(6, (address(random), port(random)), (HOST, 443));
    recorder.tcp(key, SYN, 7, 0, 0);
    recorder.tcp(key.reversed(), SYN | ACK, 70, 8, 0);
}

fn closed_port(recorder: &mut Recorder, random: &mut Random) {
    let key = key(6, (address(random), port(random)), (HOST, 81));
    recorder.tcp(key, SYN, 7, 0, 0);
    recorder.tcp(key.reversed(), crate::conversation::RST | ACK, 0, 8, 0);
}

/// The service answers, and the spoofer goes on as if it had heard that.
fn spoofed_udp(recorder: &mut Recorder, random: &mut Random) {
    let key = key(17, (address(random), port(random)), (HOST, 53));
    recorder.udp(key, 1200);
    recorder.udp(key.reversed(), 1200);
    (0..4).for_each(|_| recorder.udp(key, 1400));
}

fn one_fast_source(recorder: &mut Recorder, random: &mut Random) {
    recorder.connection(key(6, ([77, 1, 2, 3], port(random)), (HOST, 443)), 14_000, 1000);
}

fn ten_thousand_sources(recorder: &mut Recorder, random: &mut Random) {
    let number = random.below(10_000);
    let from = [60 + (number % 40) as u8, (number / 40) as u8, 5, 5];
    recorder.connection(key(6, (from, port(random)), (HOST, 443)), 13_000, 1000);
}

fn to_one_destination(recorder: &mut Recorder, random: &mut Random) {
    let key = key(17, (HOST, port(random)), ([88, 8, 8, 8], 9));
    (0..8).for_each(|_| recorder.udp(key, 1400));
}

fn to_thousands(recorder: &mut Recorder, random: &mut Random) {
    let key = key(17, (HOST, port(random)), (address(random), port(random)));
    (0..8).for_each(|_| recorder.udp(key, 1400));
}

fn one_long_flow(recorder: &mut Recorder, random: &mut Random) {
    let key = key(6, ([77, 1, 2, 3], 7777), (HOST, 443));
    if random.below(1000) == 0 {
        recorder.connection(key, 100, 100);
    }
    recorder.tcp(key, ACK, 100, 500, 16_000);
}

fn framing(recorder: &mut Recorder, random: &mut Random) {
    // From the incident's own prefix: spoofed, and real from a neighbour.
    let spoofed = key(6, ([203, 0, 113, 66], port(random)), (HOST, 22));
    recorder.tcp(spoofed, SYN, 7, 0, 0);
    recorder.tcp(spoofed.reversed(), SYN | ACK, 70, 8, 0);
    recorder.connection(key(6, ([203, 0, 113, 67], port(random)), (HOST, 443)), 13_000, 1000);
}

fn fragments(recorder: &mut Recorder, random: &mut Random) {
    let key = FlowKey { src_port: 0, dest_port: 0, ..key(17, (address(random), 0), (HOST, 0)) };
    let fragment = Some(Fragment { id: random.next() as u32, offset: 1480, more: random.below(2) == 0 });
    recorder.now += 1000;
    recorder.packet(&Headers { key: Some(key), fragment, payload_bytes: 1400, ..Headers::default() }, 1442);
}

fn tiny_connections(recorder: &mut Recorder, random: &mut Random) {
    let number = random.below(10_000);
    let from = [60 + (number % 40) as u8, (number / 40) as u8, 5, 5];
    recorder.connection(key(6, (from, port(random)), (HOST, 443)), 10, 10);
}

fn all_at_once(recorder: &mut Recorder, random: &mut Random) {
    let flood = FLOODS[random.below(FLOODS.len() as u64 - 1) as usize];
    (flood.1)(recorder, random);
}

/// Every shape of a flood.
pub(super) const FLOODS: [(&str, Flood); 12] = [
    ("spoofed SYNs", spoofed_syns),
    ("a closed port", closed_port),
    ("spoofed UDP that is answered", spoofed_udp),
    ("one fast source", one_fast_source),
    ("ten thousand sources", ten_thousand_sources),
    ("this host to one destination", to_one_destination),
    ("this host to thousands", to_thousands),
    ("one long flow", one_long_flow),
    ("framing the incident's prefix", framing),
    ("fragments", fragments),
    ("tiny connections", tiny_connections),
    ("all at once", all_at_once),
];

/// Lets `span` pass with a connection now and then; `pause` is between two of them, on average.
pub(super) fn ordinary_for(recorder: &mut Recorder, random: &mut Random, span: i64, pause: i64) {
    let end = recorder.now + span;
    while recorder.now < end {
        recorder.ordinary(random);
        recorder.now += random.below(2 * pause as u64) as i64 + SECOND / 10;
    }
}
