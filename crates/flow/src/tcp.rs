//! The state of a TCP connection, as Zeek sees it, and the proof that its client hears us.

use crate::history::{Event, History};
use packet::decode::Transport;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const ACK: u8 = 0x10;

/// How a connection went, in Zeek's words (`conn_state`; scripts/base/protocols/conn/main.zeek).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ConnState {
    /// Attempt seen, no reply.
    S0,
    /// Established, not ended.
    S1,
    /// Established, the client closed, the server did not answer that.
    S2,
    /// Established, the server closed, the client did not answer that.
    S3,
    /// Established and closed by both; with UDP, both sent.
    SF,
    /// Attempt rejected.
    Rej,
    /// Established, the client aborted.
    Rsto,
    /// The server aborted.
    Rstr,
    /// SYN and RST from the client, nothing from the server.
    Rstos0,
    /// SYN-ACK and RST from the server, nothing from the client.
    Rstrh,
    /// SYN and FIN from the client, nothing from the server.
    SH,
    /// SYN-ACK and FIN from the server, nothing from the client; with UDP, only the server sent.
    Shr,
    /// Midstream or something else.
    Oth,
}

impl ConnState {
    /// Every state.
    pub const ALL: [Self; 13] = [
        Self::S0,
        Self::S1,
        Self::S2,
        Self::S3,
        Self::SF,
        Self::Rej,
        Self::Rsto,
        Self::Rstr,
        Self::Rstos0,
        Self::Rstrh,
        Self::SH,
        Self::Shr,
        Self::Oth,
    ];

    /// Zeek's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::S0 => "S0",
            Self::S1 => "S1",
            Self::S2 => "S2",
            Self::S3 => "S3",
            Self::SF => "SF",
            Self::Rej => "REJ",
            Self::Rsto => "RSTO",
            Self::Rstr => "RSTR",
            Self::Rstos0 => "RSTOS0",
            Self::Rstrh => "RSTRH",
            Self::SH => "SH",
            Self::Shr => "SHR",
            Self::Oth => "OTH",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What one end has done so far (Zeek's TCPSessionAdapter.cc, `EndpointState`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum End {
    #[default]
    Inactive,
    SynSent,
    SynAckSent,
    Partial,
    Established,
    Closed,
    Reset,
    /// Reset after it had closed: a FIN of the peer makes it closed again.
    ResetAfterClose,
}

impl End {
    pub(crate) const ALL: [Self; 8] = [
        Self::Inactive,
        Self::SynSent,
        Self::SynAckSent,
        Self::Partial,
        Self::Established,
        Self::Closed,
        Self::Reset,
        Self::ResetAfterClose,
    ];

    #[inline]
    pub(crate) fn is_reset(self) -> bool {
        matches!(self, Self::Reset | Self::ResetAfterClose)
    }
}

/// The fields of a TCP header that matter here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    pub(crate) payload_bytes: u32,
}

impl Segment {
    #[inline]
    pub(crate) fn of(transport: Transport, payload_bytes: u32) -> Option<Self> {
        match transport {
            Transport::Tcp { seq, ack, flags, window } => Some(Self { seq, ack, flags, window, payload_bytes }),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// A SYN that starts a connection.
    #[inline]
    pub(crate) fn opens(&self) -> bool {
        self.flags & (SYN | ACK | RST | FIN) == SYN
    }

    /// A SYN that answers one.
    #[inline]
    pub(crate) fn answers(&self) -> bool {
        self.flags & (SYN | ACK | RST | FIN) == SYN | ACK
    }

    /// The sequence number after this segment; the data of an RST is not part of the stream.
    #[inline]
    pub(crate) fn seq_end(&self) -> u32 {
        let data = if self.has(RST) { 0 } else { self.payload_bytes };
        self.seq.wrapping_add(data).wrapping_add(u32::from(self.has(SYN)) + u32::from(self.has(FIN)))
    }
}

/// The signed distance from `b` to `a` in sequence space (RFC 9293, 3.4).
#[inline]
pub(crate) fn seq_distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

/// A connection's state: index 0 is the client, 1 the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Connection {
    /// The highest sequence number after what each end sent, once it is not inactive.
    pub(crate) seq_end: [u32; 2],
    /// Sequence number of the first segment of the end that has to be acknowledged.
    pub(crate) ours_first: u32,
    pub(crate) history: History,
    /// Bits of [`History::once`], and above them how it opened.
    pub(crate) seen: u32,
    /// Retransmissions of client and server, zero windows of client and server.
    pub(crate) repeats: [u8; 4],
    pub(crate) ends: [End; 2],
    pub(crate) flags: [u8; 2],
}

/// Bytes that an RST may be off (a window without scaling, RFC 9293 3.10.7.4).
const RESET_WINDOW: u32 = 1 << 16;
/// A jump in sequence space that no SYN or RST is trusted with.
const SEQ_JUMP_MAX: i32 = 1 << 20;

impl Connection {
    /// One end asks, and the other has not said anything.
    #[inline]
    pub(crate) fn is_attempt(&self) -> bool {
        self.ends == [End::SynSent, End::Inactive]
    }

    /// Takes in a segment.
    #[inline]
    pub(crate) fn observe(&mut self, segment: &Segment, from_client: bool) {
        let end = usize::from(!from_client);
        self.flags[end] |= segment.flags;
        self.note_flags(segment, from_client);
        self.note_window(segment, from_client);
        self.note_sequence(segment, from_client);
        self.step(segment, from_client);
    }

    /// A datagram: what UDP and its like have instead of all this.
    #[inline]
    pub(crate) fn observe_datagram(&mut self, from_client: bool) {
        self.history.once(&mut self.seen, Event::Data, from_client);
        self.ends[usize::from(!from_client)] = End::Established;
    }

    /// True once both ends closed.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.ends == [End::Closed; 2]
    }

    /// True if an RST is near what its sender or, in answer to a SYN, its receiver sent last: whoever does not see the
    /// connection cannot know that. It has to be called before the connection takes the segment in.
    pub(crate) fn is_reset_by(&self, segment: &Segment, from_client: bool) -> bool {
        let (end, peer) = sides(from_client);
        let near = |number, end: usize| seq_distance(number, self.seq_end[end]).unsigned_abs() <= RESET_WINDOW;
        let knows = |end: usize| self.ends[end] != End::Inactive;
        segment.has(RST)
            && match knows(end) {
                true => near(segment.seq, end),
                false => segment.has(ACK) && knows(peer) && near(segment.ack, peer),
            }
    }

    /// Zeek's `conn_state` of a TCP connection.
    pub(crate) fn state(&self) -> ConnState {
        let [client, server] = self.ends;
        let passive = |end: End| matches!(end, End::Inactive | End::Partial);
        let both_reset_without_data = || client.is_reset() && self.seen & DATA_SEEN == 0;
        match (client, server) {
            _ if server.is_reset() => match client {
                End::SynSent | End::SynAckSent => ConnState::Rej,
                _ if both_reset_without_data() => ConnState::Rej,
                _ if passive(client) => ConnState::Rstrh,
                _ => ConnState::Rstr,
            },
            _ if client.is_reset() && passive(server) => ConnState::Rstos0,
            _ if client.is_reset() => ConnState::Rsto,
            (End::Closed, End::Closed) => ConnState::SF,
            (End::Closed, _) if passive(server) => ConnState::SH,
            (End::Closed, _) => ConnState::S2,
            (_, End::Closed) if passive(client) => ConnState::Shr,
            (_, End::Closed) => ConnState::S3,
            (End::SynSent, End::Inactive) => ConnState::S0,
            (End::Established, End::Established) => ConnState::S1,
            _ => ConnState::Oth,
        }
    }

    /// Zeek's `conn_state` of UDP.
    pub(crate) fn datagram_state(&self) -> ConnState {
        match self.ends.map(|end| end != End::Inactive) {
            [true, true] => ConnState::SF,
            [true, false] => ConnState::S0,
            [false, true] => ConnState::Shr,
            [false, false] => ConnState::Oth,
        }
    }

    #[inline]
    fn note_flags(&mut self, segment: &Segment, from_client: bool) {
        let event = match segment.flags & (SYN | FIN | RST) {
            0 if segment.payload_bytes > 0 => Event::Data,
            0 if segment.has(ACK) => Event::Ack,
            0 => return,
            SYN if segment.has(ACK) => Event::SynAck,
            SYN => Event::Syn,
            FIN => Event::Fin,
            RST => Event::Reset,
            both if both & (FIN | RST) == FIN | RST => Event::FinReset,
            _ => Event::MultipleFlags,
        };
        self.history.once(&mut self.seen, event, from_client);
    }

    #[inline]
    fn note_window(&mut self, segment: &Segment, from_client: bool) {
        let (end, peer) = sides(from_client);
        let interesting = !segment.has(RST) && self.ends[peer] != End::Closed && !self.ends[end].is_reset();
        if segment.window == 0 && interesting {
            self.history.scaled(&mut self.repeats[2 + end], Event::ZeroWindow, from_client);
        }
    }

    #[inline]
    fn note_sequence(&mut self, segment: &Segment, from_client: bool) {
        let (end, _) = sides(from_client);
        let after = segment.seq_end();
        let state = self.ends[end];
        if state == End::Inactive
            || (segment.has(SYN) && !matches!(state, End::Closed | End::Reset | End::ResetAfterClose))
        {
            self.seq_end[end] = after;
            return;
        }
        let step = seq_distance(after, self.seq_end[end]);
        let outlandish = step.unsigned_abs() > SEQ_JUMP_MAX.unsigned_abs() && segment.flags & (SYN | RST) != 0;
        if outlandish || state.is_reset() {
            return;
        }
        if step > 0 {
            self.seq_end[end] = after;
        } else if segment.payload_bytes > 0 {
            self.history.scaled(&mut self.repeats[end], Event::Retransmission, from_client);
        }
    }

    #[inline]
    fn step(&mut self, segment: &Segment, from_client: bool) {
        let (end, peer) = sides(from_client);
        match self.ends[end] {
            End::Inactive => self.step_inactive(segment, from_client),
            End::SynSent | End::SynAckSent | End::Established | End::Partial => {
                let syn_sent = matches!(self.ends[end], End::SynSent | End::SynAckSent);
                if segment.opens() && self.ends[end] == End::Partial && self.ends[peer] == End::Inactive {
                    self.ends[end] = End::SynSent;
                }
                if segment.has(FIN) && (syn_sent || !segment.has(RST)) {
                    self.ends[end] = End::Closed;
                    if self.ends[peer] == End::ResetAfterClose {
                        self.ends[peer] = End::Closed;
                    }
                }
                if segment.has(RST) {
                    self.ends[end] = End::Reset;
                }
            }
            End::Closed if segment.has(RST) && self.ends[peer] != End::Closed => self.ends[end] = End::ResetAfterClose,
            End::Closed | End::Reset | End::ResetAfterClose => {}
        }
    }

    fn step_inactive(&mut self, segment: &Segment, from_client: bool) {
        let (end, peer) = sides(from_client);
        if segment.has(SYN) && from_client {
            self.ends[end] = if segment.has(ACK) { End::SynAckSent } else { End::SynSent };
        } else if segment.has(SYN) {
            if self.ends[peer] == End::SynSent {
                self.ends[peer] = End::Established;
            }
            self.ends[end] = End::Established;
        }
        if segment.has(FIN) {
            self.ends[end] = End::Closed;
        }
        if segment.has(RST) {
            self.ends[end] = End::Reset;
        }
        if self.ends[end] != End::Inactive {
            return;
        }
        // Some acknowledge a SYN before they answer it: that is not midstream.
        let early_ack = !from_client && segment.payload_bytes == 0 && self.ends[peer] == End::SynSent;
        if !early_ack {
            let syn_missed = segment.has(ACK) && self.ends[peer] == End::Established;
            self.ends[end] = if syn_missed { End::Established } else { End::Partial };
        }
    }
}

/// Bits of [`History::once`] for data of either end.
const DATA_SEEN: u32 = 0b11 << (Event::Data as u32 * 2);

#[inline]
fn sides(from_client: bool) -> (usize, usize) {
    if from_client { (0, 1) } else { (1, 0) }
}
