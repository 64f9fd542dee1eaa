//! SOCKS 4, 4a and 5: whom a proxy is asked for; what comes through it is recognised anew (RFC 1928, RFC 1929).

use std::net::{Ipv4Addr, Ipv6Addr};

use packet::Cursor;

use super::cutter::{Length, Talk, Talking};
use super::{Opening, Probe, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "socks", probe, begin: |_| Box::new(Talking::new(Socks::default())) };

const CONNECT: u8 = 1;

/// What is expected next of each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Methods of version 5, or a whole request of version 4.
    #[default]
    Begin,
    /// The server chooses a method.
    Method,
    /// The client gives a name and a password.
    Password,
    /// The server takes it or not.
    Login,
    /// The client names its target.
    Request,
    /// The server has connected, or not.
    Answer { is_fifth: bool },
//! SOCKS 4, 4a and 5 (RFC 1928, 1929): who asked for which connection, up to where it is made; what is in it is recognised anew.
use packet::{Address, Cursor};
use super::{Opening, Parties, Probe, Protocol, Recognised, Step};
use crate::{At, Ends, Field, Side, Sink};
/// Bytes that one side may say before the connection is made.
const HELD_BYTES_MAX: usize = 4 << 10;
const PORT: u16 = 1080;
/// SOCKS, by the first words of both sides.
pub(crate) const RECOGNISED: Recognised = Recognised { name: "socks", probe, begin: |_: &Parties| Box::new(Socks::default()) };
pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "socks", probe, begin: |_: &Parties| Box::new(Socks::default()) };

fn probe(opening: &Opening<'_>) -> Probe {
    if !opening.is_stream {
        return Probe::No;
    }
    let looks_right = match opening.client {
        [] if opening.server.is_empty() => return Probe::More,
        [5] | [4] | [4, ..] if opening.server.is_empty() && opening.client.len() < 9 => return Probe::More,
        [5, count, methods @ ..] => *count > 0 && methods.len() >= usize::from(*count),
        [4, 1 | 2, ..] => request4(opening.client).is_some(),
        _ => false,
    };
    if !looks_right {
        return Probe::No;
    }
    match (opening.client, opening.server) {
        (_, []) if opening.server_port == PORT => Probe::Yes,
        (_, []) => Probe::More,
        ([5, ..], [5, 0..=9 | 0xff, ..]) => Probe::Yes,
        ([4, ..], [0, 0x5a..=0x5d, ..]) => Probe::Yes,
        _ => Probe::No,
    }
}

#[derive(Default)]
struct Socks {
    stage: Stage,
    is_connect: bool,
}

impl Talk for Socks {
    const KEPT_BYTES_MAX: usize = 4096;

    fn length(&self, side: Side, head: &[u8]) -> Length {
        let length = match (side, self.stage) {
            (Side::Client, Stage::Begin) if head.first() == Some(&4) => return fourth_length(head),
            (Side::Client, Stage::Begin) => head.get(1).map(|methods| 2 + usize::from(*methods)),
            (Side::Client, Stage::Password) => password_length(head),
            (Side::Client, Stage::Request) => address_length(head),
            (Side::Server, Stage::Method | Stage::Login) => Some(2),
            (Side::Server, Stage::Answer { is_fifth: false }) => Some(8),
            (Side::Server, Stage::Answer { is_fifth: true }) => address_length(head),
            // A client that does not wait for the answer
            (Side::Client, _) => return if head.len() < Self::KEPT_BYTES_MAX { Length::More } else { Length::Broken },
            (Side::Server, _) => return Length::Broken,
        };
        length.map_or(Length::More, Length::Whole)
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Step {
        if !is_whole {
            return Step::Lost;
        }
        match (side, self.stage) {
            (Side::Client, Stage::Begin) if message.first() == Some(&4) => {
                self.stage = Stage::Answer { is_fifth: false };
                sink.fact(at, Field::Version, "SOCKS 4");
                self.is_connect = message.get(1) == Some(&CONNECT);
                fourth(at, message, sink);
            }
            (Side::Client, Stage::Begin) => {
                sink.fact(at, Field::Version, "SOCKS 5");
                self.stage = Stage::Method;
            }
            (Side::Server, Stage::Method) => {
                self.stage = match message {
                    [5, 0] => Stage::Request,
                    [5, 2] => Stage::Password,
                    _ => return Step::Done,
                };
            }
            (Side::Client, Stage::Password) => {
                let user = message.get(1).and_then(|length| message.get(2..2 + usize::from(*length)));
                sink.fact(at, Field::User, &String::from_utf8_lossy(user.unwrap_or_default()));
                self.stage = Stage::Login;
            }
            (Side::Server, Stage::Login) => match message {
                [_, 0] => self.stage = Stage::Request,
                _ => {
                    sink.fact(at, Field::Detail, "login=refused");
                    return Step::Done;
                }
            },
            (Side::Client, Stage::Request) => {
                self.is_connect = message.get(1) == Some(&CONNECT);
                self.stage = Stage::Answer { is_fifth: true };
                if let Some(target) = fifth_target(message) {
                    sink.fact(at, Field::Detail, &format!("target={target}"));
                }
            }
            (Side::Server, Stage::Answer { is_fifth }) => return self.answered(is_fifth, at, message, sink),
            _ => return Step::Lost,
        }
        Step::Go
    }
}

impl Socks {
    fn answered(&self, is_fifth: bool, at: At, message: &[u8], sink: &mut dyn Sink) -> Step {
        let granted = if is_fifth { 0 } else { 90 };
        match message.get(1) {
            Some(code) if *code == granted => {
                if self.is_connect {
                    Step::Turns(message.len())
                } else {
                    Step::Done
                }
            }
            code => {
                sink.fact(at, Field::Detail, &format!("refused={}", code.copied().unwrap_or_default()));
                Step::Done
            }
        }
    }
}

/// Version, command, port, address, a user up to a zero, and in 4a a name up to a zero.
fn fourth_length(head: &[u8]) -> Length {
    const FIXED_BYTES: usize = 8;
    let Some(rest) = head.get(FIXED_BYTES..) else { return Length::More };
    let Some(user) = memchr::memchr(0, rest) else { return Length::More };
    if !has_name(head) {
        return Length::Whole(FIXED_BYTES + user + 1);
    }
    let name = rest.get(user + 1..).and_then(|rest| memchr::memchr(0, rest));
    name.map_or(Length::More, |name| Length::Whole(FIXED_BYTES + user + 1 + name + 1))
}

/// An address that cannot be says that a name follows.
fn has_name(message: &[u8]) -> bool {
    matches!(message.get(4..8), Some([0, 0, 0, last]) if *last != 0)
}

fn fourth(at: At, message: &[u8], sink: &mut dyn Sink) -> Option<()> {
    let mut cursor = Cursor::new(message);
    cursor.skip(2)?;
    let port = cursor.u16()?;
    let address = Ipv4Addr::from(cursor.array::<4>()?);
    let mut texts = cursor.rest().split(|&byte| byte == 0).map(String::from_utf8_lossy);
    let user = texts.next().filter(|user| !user.is_empty());
    user.into_iter().for_each(|user| sink.fact(at, Field::User, &user));
    match texts.next().filter(|_| has_name(message)) {
        Some(name) => sink.fact(at, Field::Detail, &format!("target={name}:{port}")),
        None => sink.fact(at, Field::Detail, &format!("target={address}:{port}")),
    }
    Some(())
}

fn password_length(head: &[u8]) -> Option<usize> {
    let user = usize::from(*head.get(1)?);
    let password = usize::from(*head.get(2 + user)?);
    Some(3 + user + password)
}

/// Version, command or code, reserved, kind of address, address, port.
fn address_length(head: &[u8]) -> Option<usize> {
    Some(match head.get(3)? {
        1 => 10,
        4 => 22,
        _ => 7 + usize::from(*head.get(4)?),
    })
}

fn fifth_target(message: &[u8]) -> Option<String> {
    let mut cursor = Cursor::new(message);
    cursor.skip(3)?;
    Some(match cursor.u8()? {
        1 => format!("{}:{}", Ipv4Addr::from(cursor.array::<4>()?), cursor.u16()?),
        4 => format!("[{}]:{}", Ipv6Addr::from(cursor.array::<16>()?), cursor.u16()?),
        _ => {
            let length = cursor.u8()?;
            format!("{}:{}", String::from_utf8_lossy(cursor.take(usize::from(length))?), cursor.u16()?)
        }
    })
}

/// A request of version 4 whole, or methods of version 5 and the server's choice.
fn probe(opening: &Opening<'_>) -> Probe {
    let client = opening.client;
    if !opening.is_stream {
        return Probe::No;
    }
    match client {
        [] | [5] | [4] => Probe::More,
        [5, 1..=8, ..] => {
            let methods = 2 + usize::from(client.get(1).copied().unwrap_or_default());
            let offered = client.get(2..methods.min(client.len())).unwrap_or_default();
            let is_offer = offered.iter().all(|method| *method <= 9 || *method >= 0x80);
            match opening.server {
                _ if !is_offer || (client.len() > methods && opening.server.is_empty()) => Probe::No,
                [] | [5] => Probe::More,
                [5, method, ..] if offered.contains(method) || *method == 0xff => Probe::Yes,
                _ => Probe::No,
            }
        }
        [4, 1 | 2, ..] => match fourth_length(client) {
            Length::More if client.len() < 512 => Probe::More,
            Length::Whole(length) if length == client.len() => match opening.server {
                [] => Probe::Maybe,
                [0] => Probe::More,
                [0, 90..=93, ..] => Probe::Yes,
                _ => Probe::No,
            },
            Length::Whole(_) if matches!(opening.server, [0, 90..=93, ..]) => Probe::Yes,
            _ => Probe::No,
        },
        _ => Probe::No,
    client: Vec<u8>,
    server: Vec<u8>,
/// What the next word is; of version 5 the server's answers choose what the client says next.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Hello,
    /// The client offered its methods.
    Method,
    /// The client says who it is.
    Login,
    /// The server says whether it believes that.
    Verdict,
    Request5,
    Answer5,
    Answer4,
    Refused,
impl Protocol for Socks {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let held = self.held(side);
        let before = held.len();
        held.extend_from_slice(data);
        while let Some(taken) = self.word(at, sink) {
            if self.stage == Stage::Refused {
                return Step::Done;
            if taken.is_last {
                // What came before this piece was this side's word as well.
                return Step::Turns(taken.bytes.saturating_sub(before).min(data.len()));
            self.held(taken.side).drain(..taken.bytes);
        if self.held(side).len() > HELD_BYTES_MAX { Step::Lost } else { Step::Go }
    fn gap(&mut self, _: Side, _: At, _: u64, _: &mut dyn Sink) -> Step {
        Step::Lost
    fn end(&mut self, _: Side, _: At, _: Ends, _: &mut dyn Sink) {}
/// A word that was understood.
struct Taken {
    side: Side,
    bytes: usize,
    /// The connection is made.
    is_last: bool,
    fn held(&mut self, side: Side) -> &mut Vec<u8> {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
    fn word(&mut self, at: At, sink: &mut dyn Sink) -> Option<Taken> {
        let is_said_by_client = matches!(self.stage, Stage::Hello | Stage::Login | Stage::Request5);
        let side = if is_said_by_client { Side::Client } else { Side::Server };
        let held = if is_said_by_client { &self.client } else { &self.server };
        let mut cursor = Cursor::new(held);
        let next = match self.stage {
            Stage::Hello => hello(&mut cursor, at, sink)?,
            Stage::Login => login(&mut cursor, at, sink)?,
            Stage::Request5 => request5(&mut cursor, at, sink)?,
            Stage::Method => match cursor.array()? {
                [_, 0] => Stage::Request5,
                [_, 2] => Stage::Login,
                _ => Stage::Refused,
            Stage::Verdict => match cursor.array()? {
                [_, 0] => Stage::Request5,
                _ => Stage::Refused,
            Stage::Answer4 => match cursor.array::<8>()? {
                [_, 0x5a, ..] => Stage::Answer4,
                _ => Stage::Refused,
            Stage::Answer5 => match cursor.array::<3>()? {
                [5, 0, _] => {
                    address(&mut cursor)?;
                    Stage::Answer5
                _ => Stage::Refused,
            Stage::Refused => return None,
        let bytes = held.len() - cursor.len();
        let is_last = next == self.stage;
        self.stage = next;
        Some(Taken { side, bytes, is_last })
fn hello(cursor: &mut Cursor<'_>, at: At, sink: &mut dyn Sink) -> Option<Stage> {
    let version = cursor.peek_u8(0)?;
    if version == 4 {
        let (user, target, bytes) = request4(cursor.rest())?;
        cursor.skip(bytes)?;
        sink.fact(at, Field::Version, "4");
        tell(at, Field::User, &user, sink);
        tell(at, Field::Detail, &format!("target={target}"), sink);
        return Some(Stage::Answer4);
    cursor.skip(1)?;
    let methods = cursor.u8()?;
    cursor.skip(usize::from(methods))?;
    sink.fact(at, Field::Version, "5");
    Some(Stage::Method)
/// User name and password (RFC 1929).
fn login(cursor: &mut Cursor<'_>, at: At, sink: &mut dyn Sink) -> Option<Stage> {
    cursor.skip(1)?;
    let user = counted(cursor)?;
    counted(cursor)?;
    tell(at, Field::User, &user, sink);
    Some(Stage::Verdict)
fn request5(cursor: &mut Cursor<'_>, at: At, sink: &mut dyn Sink) -> Option<Stage> {
    let target = address(cursor)?;
    tell(at, Field::Detail, &format!("target={target}"), sink);
    Some(Stage::Answer5)
/// User, target and length of a request of version 4; the name of 4a stands behind an address of 0.0.0.x.
fn request4(bytes: &[u8]) -> Option<(String, String, usize)> {
    let mut cursor = Cursor::new(bytes);
    let address = cursor.array::<4>()?;
    let user = terminated(&mut cursor)?;
    let host = match address {
        [0, 0, 0, last] if last != 0 => terminated(&mut cursor)?,
        address => Address::v4(address).to_string(),
    };
    Some((user, format!("{host}:{port}"), bytes.len() - cursor.len()))
fn address(cursor: &mut Cursor<'_>) -> Option<String> {
    let host = match cursor.u8()? {
        1 => Address::v4(cursor.array()?).to_string(),
        4 => format!("[{}]", Address::v6(cursor.array()?)),
        3 => counted(cursor)?,
        _ => return None,
    };
    Some(format!("{host}:{}", cursor.u16()?))
fn counted(cursor: &mut Cursor<'_>) -> Option<String> {
    let bytes = cursor.u8()?;
    cursor.take(usize::from(bytes)).map(|text| String::from_utf8_lossy(text).into_owned())
fn terminated(cursor: &mut Cursor<'_>) -> Option<String> {
    let end = memchr::memchr(0, cursor.rest())?;
    let text = cursor.take(end)?;
    cursor.skip(1)?;
    Some(String::from_utf8_lossy(text).into_owned())
fn tell(at: At, field: Field, text: &str, sink: &mut dyn Sink) {
    if !text.is_empty() {
        sink.fact(at, field, text);
#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::Said::{self, Client, Server};
    fn check(script: &[Said<'_>], facts: &[(Field, &str)], is_made: bool) {
        let told = Collected::cut_everywhere(RECOGNISED.begin, script);
        let expected: Vec<(Field, String)> = facts.iter().map(|(field, text)| (*field, (*text).to_owned())).collect();
        assert_eq!((told.facts, told.turned.is_some()), (expected, is_made));
    #[test]
    fn targets_and_users_are_told() {
        check(
            &[
                Client(b"\x05\x02\x00\x02"),
                Server(b"\x05\x02"),
                Client(b"\x01\x02me\x06secret"),
                Server(b"\x01\x00"),
                Client(b"\x05\x01\x00\x03\x09a.example\x01\xbb"),
                Server(b"\x05\x00\x00\x01\x0a\x00\x00\x01\x04\x00"),
            ],
            &[(Field::Version, "5"), (Field::User, "me"), (Field::Detail, "target=a.example:443")],
            true,
        );
        check(
            &[Client(b"\x04\x01\x00\x50\x00\x00\x00\x01me\0a.example\0"), Server(b"\x00\x5a\0\0\0\0\0\0")],
            &[(Field::Version, "4"), (Field::User, "me"), (Field::Detail, "target=a.example:80")],
            true,
        );
        check(
            &[Client(b"\x04\x01\x00\x50\x0a\x00\x00\x01\0"), Server(b"\x00\x5b\0\0\0\0\0\0")],
            &[(Field::Version, "4"), (Field::Detail, "target=10.0.0.1:80")],
            false,
        );
    #[test]
    fn what_follows_in_the_same_piece_is_not_its_own() {
        let (mut socks, mut sink, at) = (Socks::default(), Collected::default(), At::default());
        socks.data(Side::Client, at, b"\x05\x01\x00", &mut sink);
        socks.data(Side::Server, at, b"\x05\x00", &mut sink);
        socks.data(Side::Client, at, b"\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x50", &mut sink);
        let step = socks.data(Side::Server, at, b"\x05\x00\x00\x01\x0a\x00\x00\x01\x04\x00SSH-2.0", &mut sink);
        assert_eq!(step, Step::Turns(10));
    }
}
