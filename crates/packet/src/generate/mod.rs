//! Synthetic traffic for tests and benchmarks: whole conversations, many at a time, the same for the same seed.
//!
//! All lengths, checksums, sequence numbers and fragments are right, and what each flow holds is told, so that what is
//! made of the packets can be checked against something else than itself.

mod flow;
mod frame;
mod random;

use std::collections::VecDeque;
use std::io::Write;

use self::flow::Conversation;
use self::random::Random;
use crate::capture::block::Section;
use crate::capture::{Error, PcapngWriter};
use crate::decode::Tunnel;
use crate::{FlowKey, Interface, LinkType, Packet, PacketDirection, Timestamp};

/// What traffic to make. Shares are in percent of flows.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// The same seed gives the same packets.
    pub seed: u64,
    /// Flows in all; the first 65,536 all have different keys.
    pub flows: u32,
    /// Flows that are open at a time.
    pub concurrent: u32,
    /// Most bytes of payload from the server of a flow; most flows have far fewer.
    pub flow_bytes_max: u32,
    /// Time of the first packet.
    pub start: Timestamp,
    /// Mean time between packets.
    pub gap_ns: u64,
    /// Flows that others begin to our hosts; the rest ours begin. Ours are in 10.0.0.0/8 and fd00::/8.
    pub inbound_percent: u8,
    /// UDP; those that begin inside a tunnel or a VLAN too.
    pub udp_percent: u8,
    /// ICMP or ICMPv6 echo; what is neither UDP nor this is TCP.
    pub icmp_percent: u8,
    /// IPv6 instead of IPv4.
    pub ipv6_percent: u8,
    /// In an 802.1Q VLAN.
    pub vlan_percent: u8,
    /// In VXLAN, GRE or IP in IP, over IPv4.
    pub tunnel_percent: u8,
    /// Of the UDP flows, those whose answers come in fragments.
    pub fragment_percent: u8,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            seed: 1,
            flows: 1000,
            concurrent: 100,
            flow_bytes_max: 200_000,
            start: Timestamp(1_750_000_000_000_000_000),
            gap_ns: 20_000,
            inbound_percent: 30,
            udp_percent: 35,
            icmp_percent: 5,
            ipv6_percent: 20,
            vlan_percent: 0,
            tunnel_percent: 0,
            fragment_percent: 0,
        }
    }
}

/// What a flow holds, as far as its packets have been made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowTruth {
    /// From who began the flow.
    pub key: FlowKey,
    /// True if our host is the server.
    pub inbound: bool,
    /// The 802.1Q tag.
    pub vlan: Option<u16>,
    /// What it travels in.
    pub tunnel: Option<Tunnel>,
    /// Frames to the server and to the client, fragments each for itself.
    pub packets: [u64; 2],
    /// Bytes on the wire, link layer included, to the server and to the client.
    pub bytes: [u64; 2],
    /// Time of the first frame.
    pub start: Timestamp,
    /// Time of the last frame.
    pub end: Timestamp,
}

/// Makes Ethernet packets one after the other.
#[derive(Debug)]
pub struct Generator {
    traffic: Traffic,
    random: Random,
    open: Vec<Conversation>,
    truths: Vec<FlowTruth>,
    /// Frames of the packet that was made last, and whose they are.
    frames: VecDeque<Vec<u8>>,
    flow: usize,
    to_server: bool,
    current: Vec<u8>,
    time: Timestamp,
    started: bool,
}

impl Generator {
    /// Begins with the first packet of the first flow.
    pub fn new(traffic: Traffic) -> Self {
        Self {
            traffic,
            random: Random::new(traffic.seed),
            open: Vec::new(),
            truths: Vec::new(),
            frames: VecDeque::new(),
            flow: 0,
            to_server: true,
            current: Vec::new(),
            time: traffic.start,
            started: false,
        }
    }

    /// The next packet, with the flow's number; `None` after the end of the last flow.
    pub fn next_of_flow(&mut self) -> Option<(usize, Packet<'_>)> {
        if self.frames.is_empty() {
            self.make_packet()?;
        }
        self.current = self.frames.pop_front()?;
        if std::mem::replace(&mut self.started, true) {
            self.time.0 += self.random.below(2 * self.traffic.gap_ns).cast_signed();
        }
        let truth = self.truths.get_mut(self.flow)?;
        let way = usize::from(!self.to_server);
        if truth.packets == [0, 0] {
            truth.start = self.time;
        }
        truth.end = self.time;
        truth.packets[way] += 1;
        truth.bytes[way] += self.current.len() as u64;
        let direction =
            if truth.inbound == self.to_server { PacketDirection::Inbound } else { PacketDirection::Outbound };
        let wire_bytes = self.current.len() as u32;
        let packet =
            Packet { time: self.time, wire_bytes, data: &self.current, interface: 0, direction, arrival: None };
        Some((self.flow, packet))
    }

    /// The next packet; `None` after the end of the last flow.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Option<Packet<'_>> {
        self.next_of_flow().map(|(_, packet)| packet)
    }

    /// The flows that have begun, by their numbers.
    pub fn flows(&self) -> &[FlowTruth] {
        &self.truths
    }

    /// The interface of the packets.
    pub fn interface() -> Interface {
        Interface { link_type: LinkType::ETHERNET, snaplen: 0, name: Some("synthetic0".into()), description: None }
    }

    /// Writes all packets that are left as pcapng.
    pub fn write_pcapng<W: Write>(&mut self, output: W) -> Result<W, Error> {
        let mut writer = PcapngWriter::new(output, &Section::default());
        writer.interface(&Self::interface(), None)?;
        while let Some(packet) = self.next() {
            writer.packet(&packet)?;
        }
        writer.finish()
    }

    /// Lets one of the open flows send.
    fn make_packet(&mut self) -> Option<()> {
        while self.open.len() < self.traffic.concurrent as usize && self.truths.len() < self.traffic.flows as usize {
            let (conversation, truth) = Conversation::begin(&self.traffic, &mut self.random, self.truths.len());
            self.open.push(conversation);
            self.truths.push(truth);
        }
        let chosen = self.random.below(self.open.len() as u64) as usize;
        let conversation = self.open.get_mut(chosen)?;
        self.flow = conversation.number;
        self.to_server = conversation.send(&mut self.random, &mut self.frames);
        if conversation.is_over() {
            self.open.swap_remove(chosen);
        }
        Some(())
    }
}
