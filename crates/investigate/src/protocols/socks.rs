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
    }
}
