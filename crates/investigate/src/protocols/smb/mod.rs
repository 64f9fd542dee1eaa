//! SMB 1 to 3 over TCP and NetBIOS sessions (MS-CIFS, MS-SMB, MS-SMB2): who logs in from where, which shares and names are
//! opened, the files that are read and written, and what is called through pipes. What is encrypted is said to be so.

mod fields;
mod pipes;
mod probe;
mod smb1;
mod smb2;
#[cfg(test)]
mod tests;

use self::pipes::Pipes;
use self::smb1::Smb1;
use self::smb2::Smb2;
use super::carried::{Carried, Way};
use super::intake::{Carrier, Intake, Payload, Want};
use super::{Protocol, Recognised, Step};
use crate::{At, Ends, Field, Side, Sink};

/// SMB, as it is recognised.
pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "smb", probe: probe::probe, begin: |_| Box::new(Smb::new()) };

/// Header of a NetBIOS session message (RFC 1002 4.3.1), whose length has 24 bits over TCP (MS-SMB2 2.1).
const PREFIX_BYTES: usize = 4;

/// A message of file data and some hundred bytes around it; servers offer 8 MiB.
const MESSAGE_BYTES_MAX: u64 = 1 << 24;

/// Names that are told of one conversation.
const TOLD_MAX: u32 = 1024;

struct Smb {
    client: Intake,
    server: Intake,
    talk: Talk,
}

/// What both versions share.
struct Talk {
    carried: Carried<Key>,
    pipes: Pipes,
    client: Half,
    server: Half,
    told: u32,
    smb1: Smb1,
    smb2: Smb2,
}

/// One side.
#[derive(Default)]
struct Half {
    /// Bytes of the message that are not read yet, from the start of the head at hand.
    left: u64,
    /// What the payload at hand belongs to.
    target: Option<(Key, Way)>,
    is_encrypted_told: bool,
}

/// A handle of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// SMB 1's.
    Fid(u16),
    /// SMB 2's.
    Id([u8; 16]),
    /// SMB 2's, whose opening is not answered yet: the request's number.
    Opening(u64),
}

/// File data within a message.
#[derive(Clone, Copy, Debug)]
struct Data {
    key: Key,
    way: Way,
    /// In the file.
    offset: u64,
    /// From the start of the head.
    start: usize,
    bytes: u64,
}

impl Smb {
    fn new() -> Self {
        let talk = Talk {
            carried: Carried::new(RECOGNISED.name),
            pipes: Pipes::default(),
            client: Half::default(),
            server: Half::default(),
            told: 0,
            smb1: Smb1::default(),
            smb2: Smb2::default(),
        };
        Self { client: Intake::new::<Talk>(), server: Intake::new::<Talk>(), talk }
    }
}

impl Protocol for Smb {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let intake = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        intake.data(&mut self.talk, side, at, data, sink);
        Step::Go
    }

    fn gap(&mut self, side: Side, at: At, bytes: u64, sink: &mut dyn Sink) -> Step {
        let intake = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        intake.gap(&mut self.talk, side, at, bytes, sink);
        Step::Go
    }

    fn end(&mut self, side: Side, _at: At, _ends: Ends, sink: &mut dyn Sink) {
        if side == Side::Server {
            self.talk.carried.clear(sink);
        }
    }

    fn held_bytes(&self) -> usize {
        let Talk { carried, pipes, smb1, smb2, .. } = &self.talk;
        self.client.held_bytes()
            + self.server.held_bytes()
            + carried.held_bytes()
            + pipes.held_bytes()
            + smb1.held_bytes()
            + smb2.held_bytes()
    }
}

impl Carrier for Talk {
    const START_BYTES: usize = PREFIX_BYTES;
    const MARK_BYTES: usize = 8;

    fn head(&mut self, side: Side, at: At, head: &[u8], sink: &mut dyn Sink) -> Want {
        let left = self.half(side).left;
        if left == 0 {
            return self.prefix(side, at, head, sink);
        }
        match head.first_chunk::<4>() {
            Some(b"\xfeSMB") => self.command2(side, at, head, left, sink),
            Some(b"\xffSMB") => self.message1(side, at, head, left, sink),
            Some(b"\xfdSMB" | b"\xfcSMB") => {
                if !std::mem::replace(&mut self.half(side).is_encrypted_told, true) {
                    let what = if head.first() == Some(&0xfd) { "encrypted=smb3" } else { "compressed=smb3" };
                    sink.fact(at, Field::Detail, what);
                }
                self.pass(side, head, left)
            }
            Some(_) => Want::Lost,
            None if left <= head.len() as u64 => self.pass(side, head, left),
            None => Want::More(4.min(usize::try_from(left).unwrap_or(4))),
        }
    }

    fn payload(&mut self, side: Side, at: At, payload: Payload<'_>, sink: &mut dyn Sink) {
        let Some((key, way)) = self.half(side).target else { return };
        match payload {
            _ if self.is_pipe(&key) => self.pipes.said(key, way, at, payload, sink),
            Payload::Bytes(bytes) => self.carried.data(&key, way, bytes, sink),
            Payload::Missing(bytes) => self.carried.gap(&key, way, bytes, sink),
        }
    }

    fn message_bytes(&self, side: Side, head: &[u8]) -> Option<u64> {
        let half = match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        };
        match half.left {
            0 => {
                let (prefix, _) = head.split_first_chunk::<PREFIX_BYTES>()?;
                Some(u64::from(u32::from_be_bytes(*prefix) & 0xff_ffff) + PREFIX_BYTES as u64)
            }
            left => Some(left),
        }
    }

    fn restart(&mut self, side: Side) {
        let half = self.half(side);
        half.left = 0;
        half.target = None;
    }

    fn find(bytes: &[u8]) -> Option<usize> {
        memchr::memmem::find_iter(bytes, b"SMB").find_map(|place| {
            let start = place.checked_sub(PREFIX_BYTES + 1)?;
            let is_start = bytes.get(start) == Some(&0) && matches!(bytes.get(place - 1), Some(0xfc..=0xff));
            is_start.then_some(start)
        })
    }
}

impl Talk {
    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn prefix(&mut self, side: Side, at: At, head: &[u8], sink: &mut dyn Sink) -> Want {
        /// Session request (RFC 1002 4.3.2): the names of both ends.
        const REQUEST: u8 = 0x81;
        let Some((prefix, rest)) = head.split_first_chunk::<PREFIX_BYTES>() else { return Want::More(PREFIX_BYTES) };
        let length = u32::from_be_bytes(*prefix) & 0xff_ffff;
        let skip = u64::from(length);
        let next = |skip| Want::Next { payload: 0, skip, head: PREFIX_BYTES };
        match prefix[0] {
            0 if length >= 4 => {
                let half = self.half(side);
                half.left = skip;
                half.target = None;
                match side {
                    Side::Client => self.smb2.asked = Default::default(),
                    Side::Server => self.smb2.answered = Default::default(),
                }
                Want::Next { payload: 0, skip: 0, head: 4 }
            }
            REQUEST if length == 68 && rest.is_empty() => Want::More(PREFIX_BYTES + 68),
            REQUEST if length == 68 => {
                if let Some(calling) = rest.get(34..).and_then(fields::netbios_name) {
                    sink.fact(at, Field::HostName, &calling);
                }
                next(0)
            }
            0 | 0x81..=0x85 if length < 256 => next(skip),
            _ => Want::Lost,
        }
    }

    /// Nothing more of this message matters.
    fn pass(&mut self, side: Side, head: &[u8], left: u64) -> Want {
        self.half(side).left = 0;
        Want::Next { payload: 0, skip: left.saturating_sub(head.len() as u64), head: PREFIX_BYTES }
    }

    /// Passes on file data that a command of `bytes` carries, as far as it is in the head; the rest of it follows.
    fn carry(&mut self, side: Side, at: At, head: &[u8], data: Data, bytes: u64, sink: &mut dyn Sink) -> (u64, u64) {
        let Data { key, way, offset, start, .. } = data;
        let within = bytes.saturating_sub(start as u64).min(data.bytes);
        let is_taken = within > 0 && (self.is_pipe(&key) || self.carried.place(at, &key, way, offset, sink));
        self.half(side).target = is_taken.then_some((key, way));
        let rest = head.get(start..).unwrap_or_default();
        let here = rest.get(..usize::try_from(within).unwrap_or(usize::MAX)).unwrap_or(rest);
        if !here.is_empty() {
            self.payload(side, at, Payload::Bytes(here), sink);
        }
        let payload = within - here.len() as u64;
        (payload, bytes.saturating_sub(head.len() as u64).saturating_sub(payload))
    }

    /// Whether what goes through a handle is no file.
    fn is_pipe(&self, key: &Key) -> bool {
        self.carried.handle(key).is_some_and(|handle| handle.is_other)
    }

    /// A handle is closed.
    fn closed(&mut self, at: At, key: &Key, sink: &mut dyn Sink) {
        self.carried.close(at, key, sink);
        self.pipes.close(key);
    }

    /// Tells what is done (`open`, `remove`, …) to what has this name.
    fn tell(&mut self, at: At, verb: &str, name: &str, sink: &mut dyn Sink) {
        self.told += 1;
        if self.told <= TOLD_MAX && !name.is_empty() {
            sink.fact(at, Field::Detail, &format!("{verb}={name}"));
        }
    }
}
