//! OpenVPN: how its control channel is protected, and the TLS in it (its source's `ssl_pkt.h`, and the draft on its wire
//! protocol).

use std::collections::BTreeMap;

use packet::Cursor;

use super::cutter::{Length, Talk, Talking};
use super::{Opening, Parties, Probe, Protocol, Recognised, Step, tls};
use crate::{At, Ends, Field, Side, Sink};

pub(crate) const STREAM: Recognised =
    Recognised { name: "openvpn", probe: probe_stream, begin: |parties| Box::new(Talking::new(Openvpn::new(parties))) };
pub(crate) const DATAGRAM: Recognised =
    Recognised { name: "openvpn", probe: probe_datagram, begin: |parties| Box::new(Openvpn::new(parties)) };

/// Kinds of packets: the upper five bits of the first byte.
mod kind {
    pub(super) const CONTROL: u8 = 4;
    pub(super) const ACKNOWLEDGED: u8 = 5;
    pub(super) const DATA: u8 = 6;
    pub(super) const CLIENT_BEGINS: u8 = 7;
    pub(super) const SERVER_BEGINS: u8 = 8;
    pub(super) const DATA_2: u8 = 9;
    pub(super) const CLIENT_BEGINS_3: u8 = 10;
}

/// The first packet of a client, unprotected: its kind, its session, no acknowledgement, number 0.
const BEGIN_BYTES: usize = 14;
const SESSION_BYTES: usize = 8;
/// Number and time, against replays.
const REPLAY_BYTES: usize = 8;
/// Authentication codes: MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512.
const CODE_BYTES: [usize; 6] = [16, 20, 28, 32, 48, 64];
/// A packet, and those that are kept until one before them comes.
const PACKET_BYTES_MAX: usize = 4096;
const WAITING_MAX: usize = 16;

/// How a control channel is protected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    Plain,
    /// An authentication code of so many bytes.
    Authenticated(usize),
    Encrypted,
}

struct Openvpn {
    control: Option<Control>,
    tls: Box<dyn Protocol>,
    client: Ordered,
    server: Ordered,
}

/// TLS of one side, in order.
#[derive(Default)]
struct Ordered {
    next: u32,
    waiting: BTreeMap<u32, Vec<u8>>,
}

impl Talk for Openvpn {
    const KEPT_BYTES_MAX: usize = PACKET_BYTES_MAX;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        match head.first_chunk() {
            None => Length::More,
            Some(bytes) => match usize::from(u16::from_be_bytes(*bytes)) {
                0 => Length::Broken,
                bytes => Length::Whole(2 + bytes),
            },
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], _is_whole: bool, sink: &mut dyn Sink) -> Step {
        self.packet(side, at, message.get(2..).unwrap_or_default(), sink)
    }

    fn end(&mut self, side: Side, at: At, sink: &mut dyn Sink) {
        self.tls.end(side, at, Ends::CutOff, sink);
    }

    fn held_bytes(&self) -> usize {
        let waiting = |ordered: &Ordered| ordered.waiting.values().map(Vec::len).sum::<usize>();
        self.tls.held_bytes() + waiting(&self.client) + waiting(&self.server)
    }
}

impl Protocol for Openvpn {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        self.packet(side, at, data, sink)
    }

    fn end(&mut self, side: Side, at: At, ends: Ends, sink: &mut dyn Sink) {
        self.tls.end(side, at, ends, sink);
    }

    fn held_bytes(&self) -> usize {
        Talk::held_bytes(self)
    }
}

impl Openvpn {
    fn new(parties: &Parties) -> Self {
        // Control packets come as they may: to TLS they are a stream.
        let tls = (tls::RECOGNISED.begin)(&Parties { is_stream: true, ..*parties });
        Self { control: None, tls, client: Ordered::default(), server: Ordered::default() }
    }

    fn packet(&mut self, side: Side, at: At, packet: &[u8], sink: &mut dyn Sink) -> Step {
        let kind = packet.first().map_or(0, |byte| byte >> 3);
        if self.control.is_none() && side == Side::Client {
            self.control = control(packet);
            let told = match self.control {
                None => None,
                Some(Control::Plain) => Some("control=plain"),
                Some(Control::Authenticated(_)) => Some("control=tls-auth"),
                Some(Control::Encrypted) => Some("control=tls-crypt"),
            };
            if let Some(told) = told {
                sink.fact(at, Field::Detail, told);
            }
        }
        match (self.control, kind) {
            (None | Some(Control::Encrypted), _) | (_, kind::DATA | kind::DATA_2) => Step::Done,
            (Some(control), kind::CONTROL..=kind::SERVER_BEGINS) => match payload(control, packet) {
                Some((number, payload)) => self.control(side, at, number, payload, sink),
                None => Step::Go,
            },
            _ => Step::Go,
        }
    }

    /// TLS, once it is its turn.
    fn control(&mut self, side: Side, at: At, number: u32, payload: &[u8], sink: &mut dyn Sink) -> Step {
        let ordered = if side == Side::Client { &mut self.client } else { &mut self.server };
        if number >= ordered.next && ordered.waiting.len() < WAITING_MAX {
            let payload = payload.get(..PACKET_BYTES_MAX).unwrap_or(payload);
            ordered.waiting.entry(number).or_insert_with(|| payload.to_vec());
        }
        while let Some(payload) = ordered.waiting.remove(&ordered.next) {
            ordered.next = ordered.next.saturating_add(1);
            if !payload.is_empty() && self.tls.data(side, at, &payload, sink) != Step::Go {
                return Step::Done;
            }
        }
        Step::Go
    }
}

/// How the control channel is protected, by the client's first packet.
fn control(packet: &[u8]) -> Option<Control> {
    let (kind, code_bytes) = (packet.first()? >> 3, packet.len().checked_sub(BEGIN_BYTES)?);
    let number = |place: usize| packet.get(place..)?.first_chunk().copied().map(u32::from_be_bytes);
    let is_bare = packet.ends_with(&[0; 5]);
    match kind {
        kind::CLIENT_BEGINS if is_bare && code_bytes == 0 => Some(Control::Plain),
        kind::CLIENT_BEGINS if is_bare => {
            let code_bytes = code_bytes.checked_sub(REPLAY_BYTES).filter(|bytes| CODE_BYTES.contains(bytes))?;
            (number(1 + SESSION_BYTES + code_bytes) == Some(1)).then_some(Control::Authenticated(code_bytes))
        }
        // A code of 32 bytes; of the third kind, a wrapped key too.
        kind::CLIENT_BEGINS | kind::CLIENT_BEGINS_3 => {
            let is_fit =
                code_bytes == REPLAY_BYTES + 32 || (kind == kind::CLIENT_BEGINS_3 && code_bytes > REPLAY_BYTES + 32);
            let first = number(1 + SESSION_BYTES);
            // The third kind begins with a number of its own.
            (is_fit && (first == Some(1) || first == Some(0x0f00_0001))).then_some(Control::Encrypted)
        }
        _ => None,
    }
}

/// The number of a control packet, and what it carries.
fn payload(control: Control, packet: &[u8]) -> Option<(u32, &[u8])> {
    let mut cursor = Cursor::new(packet);
    let kind = cursor.u8()? >> 3;
    cursor.skip(SESSION_BYTES)?;
    if let Control::Authenticated(code_bytes) = control {
        cursor.skip(code_bytes + REPLAY_BYTES)?;
    }
    let acknowledged = usize::from(cursor.u8()?);
    cursor.skip(4 * acknowledged + if acknowledged > 0 { SESSION_BYTES } else { 0 })?;
    if kind == kind::ACKNOWLEDGED {
        return None;
    }
    Some((cursor.u32()?, cursor.rest()))
}

fn probe_datagram(opening: &Opening<'_>) -> Probe {
    if opening.is_stream { Probe::No } else { first(opening.client, opening.server) }
}

fn probe_stream(opening: &Opening<'_>) -> Probe {
    const BYTES_MAX: usize = 1100;
    let packet = |said: &'_ [u8]| -> Result<Option<usize>, Probe> {
        match said.first_chunk::<2>().map(|bytes| usize::from(u16::from_be_bytes(*bytes))) {
            None => Ok(None),
            Some(BEGIN_BYTES..=BYTES_MAX) => Ok(Some(2)),
            Some(_) => Err(Probe::No),
        }
    };
    match (opening.is_stream, packet(opening.client)) {
        (false, _) | (_, Err(_)) => Probe::No,
        (_, Ok(None)) if opening.server.is_empty() => Probe::More,
        (_, Ok(None)) => Probe::No,
        (_, Ok(Some(start))) => {
            let client = opening.client;
            let bytes = client.first_chunk::<2>().map_or(0, |bytes| usize::from(u16::from_be_bytes(*bytes)));
            match client.get(start..).and_then(|rest| rest.get(..bytes)) {
                Some(packet) => first(packet, opening.server.get(2..).unwrap_or_default()),
                None if matches!(client.get(2), None | Some(0x38 | 0x50)) => Probe::More,
                None => Probe::No,
            }
        }
    }
}

/// A client's first packet; where it has too few marks, the server's answer too.
fn first(client: &[u8], server: &[u8]) -> Probe {
    let is_answer = |server: &[u8]| server.first().is_none_or(|byte| byte >> 3 == kind::SERVER_BEGINS);
    match control(client) {
        Some(_) if client.first().is_some_and(|byte| byte & 7 != 0) || !is_answer(server) => Probe::No,
        Some(Control::Authenticated(_)) => Probe::Yes,
        Some(_) if server.is_empty() => Probe::More,
        Some(_) => Probe::Yes,
        None => Probe::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::{Collected, Said};

    const CLIENT: &[u8] = b"sessionC";
    const SERVER: &[u8] = b"sessionS";
    /// A hello that was cut short, in two packets.
    const HELLO: [&[u8]; 2] =
        [b"\x16\x03\x01\0\x2d\x01\0\0\x29\x03\x03aaaaaaaabbbbbbbb", b"ccccccccdddddddd\0\0\x02\xc0\x2f\x01\0"];

    fn packet(kind: u8, session: &[u8], protection: &[u8], rest: &[u8]) -> Vec<u8> {
        [&[kind << 3], session, protection, rest].concat()
    }

    fn framed(packet: &[u8]) -> Vec<u8> {
        [&(packet.len() as u16).to_be_bytes(), packet].concat()
    }

    fn script(protection: &[u8]) -> [Vec<u8>; 4] {
        [
            packet(7, CLIENT, protection, b"\0\0\0\0\0"),
            packet(8, SERVER, protection, b"\x01\0\0\0\0sessionC\0\0\0\0"),
            packet(4, CLIENT, protection, &[b"\x01\0\0\0\0sessionS\0\0\0\x01", HELLO[0]].concat()),
            packet(4, CLIENT, protection, &[b"\0\0\0\0\x02", HELLO[1]].concat()),
        ]
    }

    #[test]
    fn tls_within_its_packets() {
        for (code_bytes, control) in
            [(None, "control=plain"), (Some(20), "control=tls-auth"), (Some(64), "control=tls-auth")]
        {
            let protection =
                code_bytes.map_or(Vec::new(), |bytes| [&vec![7; bytes][..], b"\0\0\0\x01\x57\x7e\x73\xb3"].concat());
            let [begin, answer, first, second] = script(&protection);
            // Out of order and twice, as datagrams may come.
            let datagrams = [
                Said::Client(&begin),
                Said::Server(&answer),
                Said::Client(&second),
                Said::Client(&begin),
                Said::Client(&first),
                Said::Client(&first),
            ];
            let told = Collected::of((DATAGRAM.begin)(&Parties::default()), &datagrams);
            assert_eq!(told.all(Field::Detail), [control]);
            assert_eq!(told.all(Field::Ja3).len(), 1, "{control}");
            let framed = [begin, answer, first, second].map(|packet| framed(&packet));
            let stream = [
                Said::Client(&framed[0]),
                Said::Server(&framed[1]),
                Said::Client(&framed[2]),
                Said::Client(&framed[3]),
            ];
            assert_eq!(Collected::cut_everywhere(STREAM.begin, &stream).facts, told.facts);
        }
    }

    #[test]
    fn openings() {
        let check = |client: &[u8], server: &[u8], expected: Probe| {
            let opening =
                |is_stream| Opening { client, server, first: Side::Client, client_port: 1, server_port: 2, is_stream };
            assert_eq!(probe_datagram(&opening(false)), expected, "{client:?}");
            let (client, server) = (framed(client), if server.is_empty() { Vec::new() } else { framed(server) });
            let opening = Opening { client: &client, server: &server, ..opening(true) };
            assert_eq!(probe_stream(&opening), expected, "{client:?}");
        };
        let [plain, answer, ..] = script(b"");
        check(&plain, b"", Probe::More);
        check(&plain, &answer, Probe::Yes);
        check(&plain, b"something else", Probe::No);
        let replay = b"\0\0\0\x01\x57\x7e\x73\xb3";
        check(&script(&[&[7; 20][..], replay].concat())[0], b"", Probe::Yes);
        check(&script(&[&[7; 21][..], replay].concat())[0], b"", Probe::No);
        let encrypted = packet(7, CLIENT, replay, &[9; 37]);
        check(&encrypted, &answer, Probe::Yes);
        check(&encrypted, b"", Probe::More);
    }
}
