//! Conversations, packet by packet.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::frame::{Endpoint, Segment, Wrapping, frames};
use super::random::Random;
use super::{FlowTruth, Traffic};
use crate::decode::Tunnel;
use crate::{FlowKey, Mac, Timestamp};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// Payload of a full segment: what the handshake's option says.
const SEGMENT_BYTES: u64 = 1400;
/// An answer that needs fragments.
const FRAGMENTED_BYTES: usize = 4000;

/// Host numbers of servers are above, those of clients below.
const SERVER_HOSTS: u32 = 0x80_0000;

/// An open flow.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) number: usize,
    client: Endpoint,
    server: Endpoint,
    wrapping: Wrapping,
    script: Script,
    /// Packets that were sent.
    step: u64,
    /// Next sequence numbers of client and server.
    next: [u32; 2],
    /// Payload bytes that the server still has to send.
    answer_bytes: u64,
    over: bool,
}

#[derive(Clone, Copy, Debug)]
enum Script {
    Tcp(Stage),
    Udp { fragmented: bool },
    Echo,
}

/// What is sent next.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Syn,
    SynAck,
    HandshakeAck,
    Request,
    Answer,
    Acknowledge,
    ClientFin,
    ServerFin,
    LastAck,
}

impl Conversation {
    /// Draws a flow and describes it.
    pub(super) fn begin(traffic: &Traffic, random: &mut Random, number: usize) -> (Self, FlowTruth) {
        let inbound = random.percent(traffic.inbound_percent);
        let ipv6 = random.percent(traffic.ipv6_percent);
        let kind = random.below(100);
        let (udp, icmp) = (u64::from(traffic.udp_percent), u64::from(traffic.icmp_percent));
        let (script, proto, port) = if kind < udp {
            (Script::Udp { fragmented: random.percent(traffic.fragment_percent) }, 17, 53)
        } else if kind < udp + icmp {
            (Script::Echo, if ipv6 { 58 } else { 1 }, 0)
        } else {
            (Script::Tcp(Stage::Syn), 6, [443, 80, 22, 25][random.below(4) as usize])
        };
        let wrapping = Wrapping {
            vlan: random.percent(traffic.vlan_percent).then(|| 100 + random.below(50) as u16),
            tunnel: random.percent(traffic.tunnel_percent).then(|| match random.below(3) {
                0 => Tunnel::Vxlan(1 + random.below(1000) as u32),
                1 => Tunnel::Gre(1 + random.below(1000) as u32),
                _ => Tunnel::IpIp,
            }),
        };
        let client = endpoint(!inbound, ipv6, number as u32 & 0xffff, 30_000 + (number % 30_000) as u16);
        let server = endpoint(inbound, ipv6, SERVER_HOSTS + random.below(500) as u32, port);
        let conversation = Self {
            number,
            client,
            server,
            wrapping,
            script,
            step: 0,
            next: [random.next() as u32, random.next() as u32],
            answer_bytes: random.heavy_tailed(u64::from(traffic.flow_bytes_max)),
            over: false,
        };
        let (src_port, dest_port) = match proto {
            1 => (8, 0),
            58 => (128, 129),
            _ => (client.port, server.port),
        };
        let key = FlowKey {
            src: client.ip.into(),
            dest: server.ip.into(),
            src_port,
            dest_port,
            proto,
            ip_version: if ipv6 { 6 } else { 4 },
            one_way: false,
        };
        let Wrapping { vlan, tunnel } = wrapping;
        let (start, end) = (Timestamp::default(), Timestamp::default());
        (conversation, FlowTruth { key, inbound, vlan, tunnel, packets: [0; 2], bytes: [0; 2], start, end })
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Appends the frames of the flow's next packet; true if it goes to the server.
    pub(super) fn send(&mut self, random: &mut Random, out: &mut VecDeque<Vec<u8>>) -> bool {
        let (to_server, segment, payload_bytes) = match self.script {
            Script::Tcp(stage) => self.tcp(stage, random),
            Script::Udp { fragmented } => self.udp(fragmented, random),
            Script::Echo => self.echo(random),
        };
        self.step += 1;
        let mut payload = vec![0; payload_bytes];
        random.fill(&mut payload);
        let (from, to) = if to_server { (&self.client, &self.server) } else { (&self.server, &self.client) };
        let id = (self.number as u64 * 31 + self.step) as u16;
        out.extend(frames(from, to, segment, &payload, self.wrapping, id));
        to_server
    }

    fn tcp(&mut self, stage: Stage, random: &mut Random) -> (bool, Segment, usize) {
        let (to_server, flags, payload_bytes, next) = match stage {
            Stage::Syn => (true, SYN, 0, Stage::SynAck),
            Stage::SynAck => (false, SYN | ACK, 0, Stage::HandshakeAck),
            Stage::HandshakeAck => (true, ACK, 0, Stage::Request),
            Stage::Request => (true, PSH | ACK, 1 + random.below(600), Stage::Answer),
            Stage::Answer => {
                let bytes = self.answer_bytes.min(SEGMENT_BYTES);
                self.answer_bytes -= bytes;
                (false, PSH | ACK, bytes, Stage::Acknowledge)
            }
            Stage::Acknowledge if self.answer_bytes > 0 => (true, ACK, 0, Stage::Answer),
            Stage::Acknowledge => (true, ACK, 0, Stage::ClientFin),
            Stage::ClientFin => (true, FIN | ACK, 0, Stage::ServerFin),
            Stage::ServerFin => (false, FIN | ACK, 0, Stage::LastAck),
            Stage::LastAck => {
                self.over = true;
                (true, ACK, 0, Stage::LastAck)
            }
        };
        let (own, other) = if to_server { (0, 1) } else { (1, 0) };
        let seq = self.next[own];
        let ack = if flags & ACK == 0 { 0 } else { self.next[other] };
        let counted = payload_bytes as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[own] = seq.wrapping_add(counted);
        self.script = Script::Tcp(next);
        (to_server, Segment::Tcp { flags, seq, ack }, payload_bytes as usize)
    }

    fn udp(&mut self, fragmented: bool, random: &mut Random) -> (bool, Segment, usize) {
        if self.step.is_multiple_of(2) {
            return (true, Segment::Udp, 20 + random.below(100) as usize);
        }
        let bytes = self.answer_bytes.min(SEGMENT_BYTES);
        self.answer_bytes -= bytes;
        self.over = self.answer_bytes == 0 || self.step > 20;
        (false, Segment::Udp, if fragmented { FRAGMENTED_BYTES } else { bytes as usize })
    }

    fn echo(&mut self, random: &mut Random) -> (bool, Segment, usize) {
        let reply = !self.step.is_multiple_of(2);
        self.over = reply && (self.step > 20 || random.percent(30));
        (!reply, Segment::Echo { reply, number: (self.step / 2) as u16 }, 56)
    }
}

/// Our host or another one: in 10.0.0.0/8 or 198.18.0.0/15, fd00::/8 or 2001:db8::/32.
fn endpoint(ours: bool, ipv6: bool, host: u32, port: u16) -> Endpoint {
    let [_, a, b, c] = host.to_be_bytes();
    let ip = match (ours, ipv6) {
        (true, false) => IpAddr::V4(Ipv4Addr::new(10, a, b, c)),
        (false, false) => IpAddr::V4(Ipv4Addr::new(198, 18 + (a >> 7), b, c)),
        (true, true) => IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, (host >> 16) as u16, host as u16)),
        (false, true) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, (host >> 16) as u16, host as u16)),
    };
    // On the wire others are behind one router.
    let mac = if ours { Mac([2, 0, 10, a, b, c]) } else { Mac([2, 0, 0, 0, 0, 1]) };
    Endpoint { mac, ip, port }
}
