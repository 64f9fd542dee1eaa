//! SMB 1 (MS-CIFS 2.2.4, MS-SMB 2.2.4): commands, chained by AndX.

use std::collections::BTreeMap;

use super::fields::{slice, u16_at, u32_at};
use super::{Data, Key, PREFIX_BYTES, Talk};
use crate::protocols::carried::{Handle, Way};
use crate::protocols::intake::{Payload, Want};
use crate::protocols::{ntlm, utf16};
use crate::{At, Field, Side, Sink};

/// MS-CIFS 2.2.3.1.
const HEADER_BYTES: usize = 32;

/// What is read of a message that carries no file data.
const MESSAGE_BYTES_MAX: u64 = 16 << 10;

/// Requests whose answers are waited for.
const REQUESTS_MAX: usize = 1024;

/// Commands in one message.
const CHAIN_MAX: usize = 8;

/// Dialects that a client offers.
const DIALECTS_MAX: usize = 32;

/// A longer name of a dialect is cut.
const DIALECT_BYTES_MAX: usize = 64;

const CREATE_DIRECTORY: u8 = 0x00;
const DELETE_DIRECTORY: u8 = 0x01;
const CLOSE: u8 = 0x04;
const DELETE: u8 = 0x06;
const RENAME: u8 = 0x07;
const READ: u8 = 0x0a;
const WRITE: u8 = 0x0b;
const OPEN: u8 = 0x02;
const CREATE: u8 = 0x03;
const WRITE_AND_CLOSE: u8 = 0x2c;
const OPEN_ANDX: u8 = 0x2d;
const READ_ANDX: u8 = 0x2e;
const WRITE_ANDX: u8 = 0x2f;
const TRANSACTION: u8 = 0x25;
const TRANSACTION2: u8 = 0x32;
const NEGOTIATE: u8 = 0x72;
const SESSION_SETUP: u8 = 0x73;
const TREE_CONNECT: u8 = 0x75;
const NT_CREATE: u8 = 0xa2;
const NONE: u8 = 0xff;

/// Writes to a pipe and reads the answer (`TRANS_TRANSACT_NMPIPE`, MS-CIFS 2.2.5.6).
const CALL: u16 = 0x26;

/// What is remembered of the conversation.
#[derive(Default)]
pub(super) struct Smb1 {
    dialects: Vec<String>,
    requests: BTreeMap<u64, Request>,
    /// Shares that are no disks.
    others: BTreeMap<u16, ()>,
}

/// What an answer will be about.
enum Request {
    Open(String),
    Read { fid: u16, offset: u64 },
    Call { fid: u16 },
    Tree(String),
}

/// A header, as far as it matters.
#[derive(Clone, Copy)]
struct Header {
    is_failed: bool,
    is_reply: bool,
    is_unicode: bool,
    tree: u16,
    /// Process and multiplex numbers: an answer has its request's.
    number: u64,
}

/// One command of a chain.
#[derive(Clone, Copy)]
struct Command<'a> {
    code: u8,
    words: &'a [u8],
    bytes: &'a [u8],
    /// Where the bytes begin in the message.
    bytes_at: usize,
}

impl Smb1 {
    pub(super) fn held_bytes(&self) -> usize {
        self.requests.len() * 128 + self.dialects.len() * 64
    }

    fn ask(&mut self, header: &Header, code: u8, request: Request) {
        if self.requests.len() >= REQUESTS_MAX {
            self.requests.pop_first();
        }
        self.requests.insert(header.number << 8 | u64::from(code), request);
    }

    fn answered(&mut self, header: &Header, code: u8) -> Option<Request> {
        self.requests.remove(&(header.number << 8 | u64::from(code)))
    }
}

impl Talk {
    /// A message of `left` bytes.
    pub(super) fn message1(&mut self, side: Side, at: At, head: &[u8], left: u64, sink: &mut dyn Sink) -> Want {
        let all = usize::try_from(left).unwrap_or(usize::MAX);
        let Some(header) = header(head) else {
            return if head.len() < all { Want::More(all.min(HEADER_BYTES + 1)) } else { self.pass(side, head, left) };
        };
        let first = head.get(4).copied().unwrap_or(NONE);
        let words = usize::from(head.get(HEADER_BYTES).copied().unwrap_or(0)) * 2;
        let wanted = match (first, header.is_reply) {
            (READ_ANDX | READ, true) | (WRITE_ANDX | WRITE | WRITE_AND_CLOSE, false) => HEADER_BYTES + words + 6,
            _ => usize::try_from(MESSAGE_BYTES_MAX).unwrap_or(usize::MAX),
        };
        if head.len() < wanted.min(all) {
            return Want::More(wanted.min(all));
        }
        let data = match self.find_data(head, &header, left) {
            Ok(data) => data,
            Err(wanted) if wanted > head.len() && wanted < all => return Want::More(wanted),
            Err(_) => None,
        };
        self.commands(at, head, &header, sink);
        self.half(side).left = 0;
        let (payload, skip) = match data.and_then(|(data, code)| self.settled(data, code, &header)) {
            Some(data) => {
                self.identify1(at, head, &header, &data, sink);
                self.carry(side, at, head, data, left, sink)
            }
            None => (0, left.saturating_sub(head.len() as u64)),
        };
        Want::Next { payload, skip, head: PREFIX_BYTES }
    }

    /// File data within the message; or how many bytes are needed to see where it begins, a few of its own included.
    fn find_data(&self, head: &[u8], header: &Header, left: u64) -> Result<Option<(Data, u8)>, usize> {
        for command in chain(head) {
            let place = match (command.code, header.is_reply) {
                (READ_ANDX, true) => read_andx_data(command.words),
                (READ, true) => u16_at(command.words, 0).map(|bytes| (command.bytes_at + 3, u64::from(bytes))),
                (WRITE_ANDX, false) => write_andx_data(command.words),
                (WRITE, false) => u16_at(command.words, 2).map(|bytes| (command.bytes_at + 3, u64::from(bytes))),
                (WRITE_AND_CLOSE, false) => {
                    u16_at(command.words, 2).map(|bytes| (command.bytes_at + 1, u64::from(bytes)))
                }
                _ => continue,
            };
            let Some((start, bytes)) = place.filter(|_| !(header.is_reply && header.is_failed)) else { continue };
            let bytes = bytes.min(left.saturating_sub(start as u64));
            if bytes == 0 {
                continue;
            }
            let mark = start + usize::try_from(bytes.min(2)).unwrap_or(2);
            if head.len() < mark {
                return Err(mark);
            }
            let offset = write_offset(&command).unwrap_or(0);
            let fid = fid(&command).unwrap_or(u16::MAX);
            let way = if header.is_reply { Way::Read } else { Way::Written };
            return Ok(Some((Data { key: Key::Fid(fid), way, offset, start, bytes }, command.code)));
        }
        Ok(None)
    }

    /// An answer says neither file nor offset: its request did.
    fn settled(&mut self, mut data: Data, code: u8, header: &Header) -> Option<Data> {
        if header.is_reply {
            let Some(Request::Read { fid, offset }) = self.smb1.answered(header, code) else { return None };
            data.key = Key::Fid(fid);
            data.offset = offset;
        }
        Some(data)
    }

    fn identify1(&mut self, at: At, head: &[u8], header: &Header, data: &Data, sink: &mut dyn Sink) {
        if self.carried.handle(&data.key).is_none() {
            let is_call = head.get(data.start..).is_some_and(|bytes| bytes.starts_with(&[5, 0]));
            let is_other = is_call || self.smb1.others.contains_key(&header.tree);
            self.carried.open(at, data.key, Handle { is_other, ..Handle::default() }, sink);
        }
    }

    fn commands(&mut self, at: At, head: &[u8], header: &Header, sink: &mut dyn Sink) {
        for command in chain(head) {
            if header.is_reply {
                self.answer(at, &command, header, sink);
            } else {
                self.request(at, &command, header, sink);
            }
        }
    }

    fn request(&mut self, at: At, command: &Command<'_>, header: &Header, sink: &mut dyn Sink) {
        let Command { code, words, bytes, bytes_at } = *command;
        let mut text = Text { bytes, at: bytes_at, is_unicode: header.is_unicode };
        match code {
            NEGOTIATE => {
                let dialects = bytes.split(|&byte| byte == 0).filter_map(|text| text.strip_prefix(&[2]));
                self.smb1.dialects = dialects
                    .take(DIALECTS_MAX)
                    .map(|text| String::from_utf8_lossy(text.get(..DIALECT_BYTES_MAX).unwrap_or(text)).into_owned())
                    .collect();
            }
            SESSION_SETUP => session_setup(at, words, text, sink),
            TREE_CONNECT => {
                text.skip(usize::from(u16_at(words, 6).unwrap_or(0)));
                let share = text.next();
                sink.fact(at, Field::Detail, &format!("share={share}"));
                self.smb1.ask(header, code, Request::Tree(share));
            }
            NT_CREATE => {
                let name_bytes = usize::from(u16_at(words, 5).unwrap_or(0));
                let name = text.sized(name_bytes);
                self.opens(at, code, header, name, sink);
            }
            OPEN_ANDX => {
                let name = text.next();
                self.opens(at, code, header, name, sink);
            }
            OPEN | CREATE => {
                // A format byte stands before the name.
                text.skip(1);
                let name = text.next();
                self.opens(at, code, header, name, sink);
            }
            CREATE_DIRECTORY | DELETE_DIRECTORY | DELETE | RENAME => {
                let verb = match code {
                    CREATE_DIRECTORY => "mkdir",
                    RENAME => "rename",
                    _ => "remove",
                };
                text.skip(1);
                self.tell(at, verb, &text.next(), sink);
                if code == RENAME {
                    text.skip(1);
                    self.tell(at, "renamed_to", &text.next(), sink);
                }
            }
            READ_ANDX => {
                let high = if words.len() >= 24 { u32_at(words, 20).unwrap_or(0) } else { 0 };
                if let (Some(fid), Some(low)) = (u16_at(words, 4), u32_at(words, 6)) {
                    self.smb1.ask(header, code, Request::Read { fid, offset: u64::from(high) << 32 | u64::from(low) });
                }
            }
            READ => {
                if let (Some(fid), Some(offset)) = (u16_at(words, 0), u32_at(words, 4)) {
                    self.smb1.ask(header, code, Request::Read { fid, offset: u64::from(offset) });
                }
            }
            CLOSE => {
                if let Some(fid) = u16_at(words, 0) {
                    self.closed(at, &Key::Fid(fid), sink);
                }
            }
            TRANSACTION => self.calls(at, command, header, sink),
            TRANSACTION2 => {
                if let Some(name) = open2_name(words, bytes, bytes_at, header.is_unicode) {
                    self.opens(at, code, header, name, sink);
                }
            }
            _ => {}
        }
    }

    /// A call through a pipe.
    fn calls(&mut self, at: At, command: &Command<'_>, header: &Header, sink: &mut dyn Sink) {
        let Command { code, words, .. } = *command;
        if let (Some(CALL), Some(fid)) = (u16_at(words, 28), u16_at(words, 30)) {
            self.smb1.ask(header, code, Request::Call { fid });
            let call = transacted(command, words, 22);
            self.pipes.said(Key::Fid(fid), Way::Written, at, Payload::Bytes(call), sink);
        }
    }

    fn opens(&mut self, at: At, code: u8, header: &Header, name: String, sink: &mut dyn Sink) {
        self.tell(at, "open", &name, sink);
        self.smb1.ask(header, code, Request::Open(name));
    }

    fn answer(&mut self, at: At, command: &Command<'_>, header: &Header, sink: &mut dyn Sink) {
        let Command { code, words, bytes, bytes_at } = *command;
        let mut text = Text { bytes, at: bytes_at, is_unicode: header.is_unicode };
        match code {
            NEGOTIATE => {
                let index = u16_at(words, 0).map(usize::from);
                if let Some(dialect) = index.and_then(|index| self.smb1.dialects.get(index)) {
                    sink.fact(at, Field::Version, dialect);
                }
            }
            SESSION_SETUP => {
                // With extended security a blob stands before the names.
                let blob = if words.len() >= 8 { usize::from(u16_at(words, 6).unwrap_or(0)) } else { 0 };
                ntlm::tell(bytes.get(..blob).unwrap_or_default(), at, sink);
                text.skip(blob);
                tell_software(at, &mut text, sink);
            }
            TREE_CONNECT if !header.is_failed => {
                if let Some(Request::Tree(share)) = self.smb1.answered(header, code) {
                    let is_disk = bytes.starts_with(b"A:") || !(bytes.starts_with(b"IPC") || share.ends_with("IPC$"));
                    if is_disk {
                        self.smb1.others.remove(&header.tree);
                    } else if self.smb1.others.len() < REQUESTS_MAX {
                        self.smb1.others.insert(header.tree, ());
                    }
                }
            }
            TRANSACTION => {
                if let Some(Request::Call { fid }) = self.smb1.answered(header, code) {
                    let answer = transacted(command, words, 12);
                    self.pipes.said(Key::Fid(fid), Way::Read, at, Payload::Bytes(answer), sink);
                }
            }
            NT_CREATE | OPEN_ANDX | OPEN | CREATE | TRANSACTION2 => {
                if let Some(Request::Open(name)) = self.smb1.answered(header, code)
                    && !header.is_failed
                {
                    self.opened1(at, command, header, name, sink);
                }
            }
            _ => {}
        }
    }

    fn opened1(&mut self, at: At, command: &Command<'_>, header: &Header, name: String, sink: &mut dyn Sink) {
        let Command { code, words, bytes, .. } = *command;
        let (fid, size, is_other) = match code {
            NT_CREATE => {
                let size =
                    u32_at(words, 55).zip(u32_at(words, 59)).map(|(low, high)| u64::from(high) << 32 | u64::from(low));
                // Neither a folder nor, by its resource type, a pipe or a printer.
                let is_file = words.get(67) == Some(&0) && u16_at(words, 63) == Some(0);
                (u16_at(words, 5), size, !is_file)
            }
            OPEN_ANDX => (u16_at(words, 4), u32_at(words, 12).map(u64::from), false),
            // The parameters of TRANS2_OPEN2's answer stand behind some padding.
            TRANSACTION2 => (
                u16_at(words, 8).and_then(|at| u16_at(bytes, usize::from(at).checked_sub(command.bytes_at)?)),
                None,
                false,
            ),
            _ => (u16_at(words, 0), None, false),
        };
        let Some(fid) = fid else { return };
        let is_other = is_other || self.smb1.others.contains_key(&header.tree);
        let handle = Handle { name: Some(name), size: size.filter(|size| *size > 0), is_other, ..Handle::default() };
        self.carried.open(at, Key::Fid(fid), handle, sink);
    }
}

fn header(head: &[u8]) -> Option<Header> {
    const REPLY: u8 = 0x80;
    const UNICODE: u16 = 0x8000;
    head.get(HEADER_BYTES)?;
    // A warning, such as more data to come, is no failure.
    let is_failed = u32_at(head, 5)? >= 0xc000_0000;
    let number = u64::from(u16_at(head, 26)?) << 16 | u64::from(u16_at(head, 30)?);
    Some(Header {
        is_failed,
        is_reply: *head.get(9)? & REPLY != 0,
        is_unicode: u16_at(head, 10)? & UNICODE != 0,
        tree: u16_at(head, 24)?,
        number,
    })
}

/// The commands of a message, as far as they are there.
fn chain(head: &[u8]) -> Vec<Command<'_>> {
    let mut commands = Vec::new();
    let mut code = head.get(4).copied().unwrap_or(NONE);
    let mut at = HEADER_BYTES;
    while code != NONE && commands.len() < CHAIN_MAX {
        let Some(count) = head.get(at).map(|count| usize::from(*count) * 2) else { break };
        let Some(words) = slice(head, at + 1, count) else { break };
        let bytes_at = at + 1 + count + 2;
        let length = usize::from(u16_at(head, bytes_at - 2).unwrap_or(0));
        let rest = head.get(bytes_at..).unwrap_or_default();
        commands.push(Command { code, words, bytes: rest.get(..length).unwrap_or(rest), bytes_at });
        let is_chained = matches!(code, OPEN_ANDX | READ_ANDX | WRITE_ANDX | SESSION_SETUP | TREE_CONNECT | NT_CREATE);
        match (words.first(), u16_at(words, 2)) {
            (Some(&next), Some(next_at)) if is_chained && usize::from(next_at) > at => {
                code = next;
                at = usize::from(next_at);
            }
            _ => break,
        }
    }
    commands
}

fn read_andx_data(words: &[u8]) -> Option<(usize, u64)> {
    let high = u32_at(words, 14).filter(|high| *high < 256).unwrap_or(0);
    Some((usize::from(u16_at(words, 12)?), u64::from(high) << 16 | u64::from(u16_at(words, 10)?)))
}

fn write_andx_data(words: &[u8]) -> Option<(usize, u64)> {
    let high = u16_at(words, 18).filter(|high| *high < 256).unwrap_or(0);
    Some((usize::from(u16_at(words, 22)?), u64::from(high) << 16 | u64::from(u16_at(words, 20)?)))
}

fn fid(command: &Command<'_>) -> Option<u16> {
    u16_at(command.words, if command.code == WRITE_ANDX { 4 } else { 0 })
}

fn write_offset(command: &Command<'_>) -> Option<u64> {
    let words = command.words;
    match command.code {
        WRITE_ANDX => {
            let high = if words.len() >= 28 { u32_at(words, 24)? } else { 0 };
            Some(u64::from(high) << 32 | u64::from(u32_at(words, 6)?))
        }
        _ => u32_at(words, 4).map(u64::from),
    }
}

/// MS-CIFS 2.2.4.53.1, MS-SMB 2.2.4.6.1.
fn session_setup(at: At, words: &[u8], mut text: Text<'_>, sink: &mut dyn Sink) {
    if words.len() == 24 {
        let blob = usize::from(u16_at(words, 14).unwrap_or(0));
        ntlm::tell(text.bytes.get(..blob).unwrap_or_default(), at, sink);
        text.skip(blob);
    } else {
        let passwords = if words.len() >= 26 {
            usize::from(u16_at(words, 14).unwrap_or(0)) + usize::from(u16_at(words, 16).unwrap_or(0))
        } else {
            usize::from(u16_at(words, 14).unwrap_or(0))
        };
        text.skip(passwords);
        let (user, domain) = (text.next(), text.next());
        if !user.is_empty() {
            sink.fact(at, Field::User, &user);
        }
        if !domain.is_empty() {
            sink.fact(at, Field::Detail, &format!("domain={domain}"));
        }
    }
    tell_software(at, &mut text, sink);
}

/// Operating system and LAN manager.
fn tell_software(at: At, text: &mut Text<'_>, sink: &mut dyn Sink) {
    for _ in 0..2 {
        let name = text.next();
        if !name.is_empty() {
            sink.fact(at, Field::Software, &name);
        }
    }
}

/// The data of a transaction, whose length and place in the message stand at an offset of its words.
fn transacted<'a>(command: &Command<'a>, words: &[u8], at: usize) -> &'a [u8] {
    let number = |at| u16_at(words, at).map(usize::from).unwrap_or(0);
    let data = number(at + 2).checked_sub(command.bytes_at).and_then(|start| command.bytes.get(start..));
    let data = data.unwrap_or_default();
    data.get(..number(at)).unwrap_or(data)
}

/// The name of a TRANS2_OPEN2 request (MS-CIFS 2.2.6.1.1).
fn open2_name(words: &[u8], bytes: &[u8], bytes_at: usize, is_unicode: bool) -> Option<String> {
    const OPEN2: u16 = 0;
    if words.len() < 30 || u16_at(words, 28)? != OPEN2 {
        return None;
    }
    let parameters = usize::from(u16_at(words, 20)?).checked_sub(bytes_at)?;
    let name_at = parameters + 28;
    Some(Text { bytes: bytes.get(name_at..)?, at: bytes_at + name_at, is_unicode }.next())
}

/// Strings one behind the other.
struct Text<'a> {
    bytes: &'a [u8],
    /// Where they begin in the message: UTF-16 stands at even places.
    at: usize,
    is_unicode: bool,
}

impl Text<'_> {
    fn skip(&mut self, count: usize) {
        self.bytes = self.bytes.get(count..).unwrap_or_default();
        self.at += count;
    }

    fn align(&mut self) {
        if self.is_unicode && !self.at.is_multiple_of(2) {
            self.skip(1);
        }
    }

    /// The next one, which ends with a zero.
    fn next(&mut self) -> String {
        self.align();
        let width = if self.is_unicode { 2 } else { 1 };
        let length = self.bytes.chunks(width).take_while(|unit| unit.iter().any(|&byte| byte != 0)).count() * width;
        let text = self.sized(length);
        self.skip(width);
        text
    }

    /// One of so many bytes.
    fn sized(&mut self, length: usize) -> String {
        self.align();
        let text = self.bytes.get(..length).unwrap_or(self.bytes);
        let text = text.get(..2048).unwrap_or(text);
        let text = if self.is_unicode {
            utf16::text(text)
        } else {
            String::from_utf8_lossy(text).trim_end_matches('\0').to_owned()
        };
        self.skip(length);
        text
    }
}
