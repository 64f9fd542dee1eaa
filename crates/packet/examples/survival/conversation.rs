//! A conversation, a packet at a time: handshake, messages in segments with acknowledgements, and the end.

use crate::frame::{ACK, FIN, PSH, RST, Records, SEGMENT_BYTES, SYN, Side};
use crate::random::Random;
use crate::truth::FlowNumber;

/// Time between a segment and the next of the same message.
const SEGMENT_GAP_NS: u64 = 60_000;

/// Something that a side says.
#[derive(Clone, Copy)]
pub(crate) struct Message {
    pub(crate) pause_ns: u64,
    pub(crate) from_client: bool,
    pub(crate) bytes: u32,
}

/// Random bytes for payloads, as of an encrypted conversation.
pub(crate) struct Pool(Vec<u8>);

impl Pool {
    const BYTES: usize = 1 << 20;
    /// The longest payload.
    pub(crate) const PAYLOAD_BYTES_MAX: usize = 1 << 16;

    pub(crate) fn new() -> Self {
        let mut random = Random::new(77);
        Self((0..(Self::BYTES + Self::PAYLOAD_BYTES_MAX) / 8).flat_map(|_| random.next().to_le_bytes()).collect())
    }

    pub(crate) fn payload(&self, random: &mut Random, bytes: usize) -> &[u8] {
        let start = random.below(Self::BYTES as u32) as usize;
        &self.0[start..start + bytes]
    }
}

enum Stage {
    Syn,
    SynAck,
    Established,
    Messages,
    /// The client's FIN, the server's, the last acknowledgement.
    End(u8),
}

/// A conversation that goes on.
pub(crate) struct Conversation {
    pub(crate) flow: FlowNumber,
    pub(crate) next_time: u64,
    client: Side,
    server: Side,
    is_tcp: bool,
    messages: Vec<Message>,
    at: usize,
    said: u32,
    unacknowledged: u8,
    sequences: [u32; 2],
    round_trip_ns: u64,
    stage: Stage,
}

impl Conversation {
    pub(crate) fn new(
        flow: FlowNumber,
        protocol: u8,
        ends: (Side, Side),
        start: u64,
        messages: Vec<Message>,
        random: &mut Random,
    ) -> Self {
        let is_tcp = protocol == 6;
        Self {
            flow,
            next_time: start,
            client: ends.0,
            server: ends.1,
            is_tcp,
            messages,
            at: 0,
            said: 0,
            unacknowledged: 0,
            sequences: [random.next() as u32, random.next() as u32],
            round_trip_ns: random.around(20e6, 0.7) as u64,
            stage: if is_tcp { Stage::Syn } else { Stage::Messages },
        }
    }

    /// Makes the next packet; false when there is none any more.
    pub(crate) fn step(&mut self, records: &mut Records, random: &mut Random, pool: &Pool) -> bool {
        let half = self.round_trip_ns / 2;
        match self.stage {
            Stage::Syn => self.control(records, true, SYN, Stage::SynAck, half),
            Stage::SynAck => self.control(records, false, SYN | ACK, Stage::Established, half),
            Stage::Established => self.control(records, true, ACK, Stage::Messages, self.pause()),
            Stage::Messages => return self.message(records, random, pool),
            Stage::End(0) => self.control(records, true, FIN | ACK, Stage::End(1), half),
            Stage::End(1) => self.control(records, false, FIN | ACK, Stage::End(2), half),
            Stage::End(_) => {
                self.control(records, true, ACK, Stage::End(3), 0);
                return false;
            }
        }
        true
    }

    fn control(&mut self, records: &mut Records, from_client: bool, flags: u8, next: Stage, after_ns: u64) {
        self.tcp(records, from_client, flags, &[]);
        self.stage = next;
        self.next_time += after_ns;
    }

    fn message(&mut self, records: &mut Records, random: &mut Random, pool: &Pool) -> bool {
        let Some(&message) = self.messages.get(self.at) else {
            // One in twenty is cut off.
            if random.chance(0.05) {
                self.tcp(records, true, RST | ACK, &[]);
                return false;
            }
            self.stage = Stage::End(0);
            return self.step(records, random, pool);
        };
        if self.unacknowledged == 2 {
            self.unacknowledged = 0;
            self.tcp(records, !message.from_client, ACK, &[]);
            self.next_time += SEGMENT_GAP_NS;
            return true;
        }
        let bytes = (message.bytes - self.said).min(SEGMENT_BYTES as u32);
        let payload = pool.payload(random, bytes as usize);
        self.said += bytes;
        let is_last = self.said >= message.bytes;
        if self.is_tcp {
            self.tcp(records, message.from_client, if is_last { PSH | ACK } else { ACK }, payload);
            self.unacknowledged += 1;
        } else {
            let (from, to) = self.ends(message.from_client);
            records.udp(from, to, &named(self.sequences[0] as u16, message.from_client, payload));
        }
        if is_last {
            self.at += 1;
            self.said = 0;
            self.unacknowledged = 0;
            self.next_time += self.pause().max(SEGMENT_GAP_NS) + if self.is_tcp { self.round_trip_ns / 2 } else { 0 };
        } else {
            self.next_time += SEGMENT_GAP_NS;
        }
        self.is_tcp || self.at < self.messages.len()
    }

    fn pause(&self) -> u64 {
        self.messages.get(self.at).map_or(1_000_000, |message| message.pause_ns)
    }

    fn ends(&self, from_client: bool) -> (Side, Side) {
        if from_client { (self.client, self.server) } else { (self.server, self.client) }
    }

    fn tcp(&mut self, records: &mut Records, from_client: bool, flags: u8, payload: &[u8]) {
        let (from, to) = self.ends(from_client);
        let [own, others] = if from_client { [0, 1] } else { [1, 0] };
        let acknowledged = if flags & ACK != 0 { self.sequences[others] } else { 0 };
        records.tcp(from, to, flags, self.sequences[own], acknowledged, payload);
        let length = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.sequences[own] = self.sequences[own].wrapping_add(length);
    }
}

/// A DNS message as long as the payload: a question for a name made of it, and in the answer the rest as text.
fn named(id: u16, is_question: bool, payload: &[u8]) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let name_bytes = if is_question { payload.len().saturating_sub(18).clamp(1, 60) } else { 8 };
    let mut message = id.to_be_bytes().to_vec();
    message.extend_from_slice(if is_question {
        &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    } else {
        &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]
    });
    message.push(name_bytes as u8);
    message.extend(payload.iter().take(name_bytes).map(|byte| HEX[usize::from(byte & 15)]));
    message.extend_from_slice(&[0, 0, 16, 0, 1]);
    if !is_question {
        let text = &payload[..payload.len().saturating_sub(message.len() + 13).min(255)];
        message.extend_from_slice(&[
            0xc0,
            12,
            0,
            16,
            0,
            1,
            0,
            0,
            0,
            60,
            ((text.len() + 1) >> 8) as u8,
            (text.len() + 1) as u8,
            text.len() as u8,
        ]);
        message.extend_from_slice(text);
    }
    message
}
