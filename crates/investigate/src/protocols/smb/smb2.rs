//! SMB 2 and 3 (MS-SMB2 2.2): commands, alone or compounded.

use std::collections::BTreeMap;

use super::fields::{path, slice, u16_at, u32_at, u64_at};
use super::{Data, Key, PREFIX_BYTES, Talk};
use crate::protocols::carried::{Handle, Way};
use crate::protocols::intake::{Payload, Want};
use crate::protocols::ntlm;
use crate::{At, Field, Side, Sink};

/// MS-SMB2 2.2.1.
const HEADER_BYTES: usize = 64;

/// What is read of a command that carries no file data: its security blob, its name.
const COMMAND_BYTES_MAX: u64 = 64 << 10;

/// Requests whose answers are waited for.
const REQUESTS_MAX: usize = 1024;

/// Shares that are connected to at the same time.
const TREES_MAX: usize = 256;

const NEGOTIATE: u16 = 0;
const SESSION_SETUP: u16 = 1;
const TREE_CONNECT: u16 = 3;
const TREE_DISCONNECT: u16 = 4;
const CREATE: u16 = 5;
const CLOSE: u16 = 6;
const READ: u16 = 8;
const WRITE: u16 = 9;
const IOCTL: u16 = 11;
const SET_INFO: u16 = 17;

const STATUS_PENDING: u32 = 0x103;
const STATUS_BUFFER_OVERFLOW: u32 = 0x8000_0005;

/// Writes to a pipe and reads the answer (`FSCTL_PIPE_TRANSCEIVE`, MS-FSCC 2.3.49).
const TRANSCEIVE: u32 = 0x0011_c017;

/// `FILE_DELETE_ON_CLOSE` of what is created.
const DELETE_ON_CLOSE: u32 = 0x1000;

/// Classes of what is set of a file: `FileRenameInformation`, `FileDispositionInformation` and its `Ex`.
const RENAME: u8 = 10;
const DISPOSITION: [u8; 2] = [13, 64];

/// `FILE_ATTRIBUTE_DIRECTORY`.
const DIRECTORY: u32 = 0x10;

/// What is remembered of the conversation.
#[derive(Default)]
pub(super) struct Smb2 {
    requests: BTreeMap<u64, Request>,
    trees: BTreeMap<u32, Tree>,
    /// What the commands before this one in its message were about, of requests and of answers.
    pub(super) asked: Related,
    pub(super) answered: Related,
}

/// What an answer will be about.
enum Request {
    Tree(String),
    Create { name: String, tree: u32 },
    Read { key: Key, offset: u64 },
    Close(Key),
}

struct Tree {
    share: String,
    is_disk: bool,
}

/// See MS-SMB2 3.3.5.2.7.2.
#[derive(Clone, Copy, Default)]
pub(super) struct Related {
    key: Option<Key>,
    tree: Option<u32>,
}

/// A header, as far as it matters.
#[derive(Clone, Copy)]
struct Header {
    command: u16,
    status: u32,
    is_reply: bool,
    message: u64,
    tree: u32,
    /// Bytes of the command, header included.
    bytes: u64,
}

impl Smb2 {
    pub(super) fn held_bytes(&self) -> usize {
        self.requests.len() * 128 + self.trees.len() * 256
    }

    /// The handle of a request; if its opening was compounded with it, that is answered by now.
    fn opened(&self, key: Key) -> Option<Key> {
        match key {
            Key::Opening(_) => self.answered.key,
            key => Some(key),
        }
    }

    fn ask(&mut self, message: u64, request: Request) {
        if self.requests.len() >= REQUESTS_MAX {
            self.requests.pop_first();
        }
        self.requests.insert(message, request);
    }
}

impl Talk {
    /// A command of a message of which `left` bytes are still to be read.
    pub(super) fn command2(&mut self, side: Side, at: At, head: &[u8], left: u64, sink: &mut dyn Sink) -> Want {
        if left < HEADER_BYTES as u64 {
            return self.pass(side, head, left);
        }
        let Some(header) = header(head, left) else { return Want::More(HEADER_BYTES) };
        let wanted = usize::try_from(wanted(&header).min(header.bytes)).unwrap_or(usize::MAX);
        if head.len() < wanted {
            return Want::More(wanted);
        }
        let data = match (header.command, header.is_reply) {
            (WRITE, false) => self.write(head, &header),
            (READ, true) => self.read_reply(head, &header),
            _ => {
                self.command(at, head, &header, sink);
                None
            }
        };
        let (payload, skip) = match data {
            None => (0, header.bytes.saturating_sub(head.len() as u64)),
            Some(data) => {
                if head.len() < data.start && (data.start as u64) < header.bytes {
                    return Want::More(data.start);
                }
                if let Err(wanted) = self.identify(at, head, &header, &data, sink) {
                    return Want::More(wanted);
                }
                if header.is_reply {
                    self.smb2.requests.remove(&header.message);
                }
                self.carry(side, at, head, data, header.bytes, sink)
            }
        };
        let left = left - header.bytes;
        self.half(side).left = left;
        let next =
            if left > 0 { HEADER_BYTES.min(usize::try_from(left).unwrap_or(HEADER_BYTES)) } else { PREFIX_BYTES };
        Want::Next { payload, skip, head: next }
    }

    /// A handle that was opened before the capture began: a file, unless what goes through it is a call of DCE/RPC, as it
    /// goes through pipes. How many bytes tell that, if they are not there yet.
    fn identify(
        &mut self,
        at: At,
        head: &[u8],
        header: &Header,
        data: &Data,
        sink: &mut dyn Sink,
    ) -> Result<(), usize> {
        if self.carried.handle(&data.key).is_some() || data.bytes == 0 {
            return Ok(());
        }
        let mark = data.start + usize::try_from(data.bytes.min(2)).unwrap_or(2);
        if head.len() < mark && (mark as u64) <= header.bytes {
            return Err(mark);
        }
        let tree = self.smb2.trees.get(&header.tree);
        let is_call = head.get(data.start..).is_some_and(|bytes| bytes.starts_with(&[5, 0]));
        let is_other = tree.map_or(is_call, |tree| !tree.is_disk);
        self.carried.open(at, data.key, Handle { is_other, ..Handle::default() }, sink);
        Ok(())
    }

    fn command(&mut self, at: At, head: &[u8], header: &Header, sink: &mut dyn Sink) {
        let body = head.get(HEADER_BYTES..).unwrap_or_default();
        match (header.command, header.is_reply) {
            (NEGOTIATE, true) => {
                if let Some(dialect) = u16_at(body, 4).and_then(dialect) {
                    sink.fact(at, Field::Version, dialect);
                }
            }
            (SESSION_SETUP, is_reply) => {
                let place = if is_reply { 4 } else { 12 };
                if let Some(blob) = buffer(head, body, place) {
                    ntlm::tell(blob, at, sink);
                }
            }
            (TREE_CONNECT, false) => {
                if let Some(share) = buffer(head, body, 4).map(path) {
                    sink.fact(at, Field::Detail, &format!("share={share}"));
                    self.smb2.ask(header.message, Request::Tree(share));
                }
            }
            (TREE_CONNECT, true) if header.status == 0 => {
                if let Some(Request::Tree(share)) = self.smb2.requests.remove(&header.message) {
                    if self.smb2.trees.len() >= TREES_MAX {
                        self.smb2.trees.pop_first();
                    }
                    let is_disk = body.get(2) == Some(&1);
                    self.smb2.trees.insert(header.tree, Tree { share, is_disk });
                }
            }
            (TREE_DISCONNECT, false) => {
                self.smb2.trees.remove(&header.tree);
            }
            (CREATE, false) => self.create(at, head, body, header, sink),
            (CREATE, true) if header.status != STATUS_PENDING => self.created(at, body, header, sink),
            (CLOSE, false) => {
                if let Some(key) = self.key(body, 8) {
                    self.smb2.ask(header.message, Request::Close(key));
                }
            }
            (CLOSE, true) if header.status != STATUS_PENDING => {
                if let Some(Request::Close(key)) = self.smb2.requests.remove(&header.message)
                    && let Some(key) = self.smb2.opened(key)
                {
                    self.closed(at, &key, sink);
                }
            }
            (IOCTL, is_reply) => {
                let _ = self.transceive(at, head, body, is_reply, sink);
            }
            (READ, false) => {
                if let (Some(key), Some(offset)) = (self.key(body, 16), u64_at(body, 8)) {
                    self.smb2.ask(header.message, Request::Read { key, offset });
                }
            }
            (SET_INFO, false) => self.set_info(at, head, body, sink),
            _ => {}
        }
    }

    /// What removes a file, or gives it another name (MS-SMB2 2.2.39, MS-FSCC 2.4).
    fn set_info(&mut self, at: At, head: &[u8], body: &[u8], sink: &mut dyn Sink) {
        const FILE: u8 = 1;
        let (Some([FILE, class]), Some(key)) = (slice(body, 2, 2), self.key(body, 16)) else { return };
        let name = self.carried.handle(&key).and_then(|handle| handle.name.clone()).unwrap_or_default();
        let place = u16_at(body, 8).map(usize::from).and_then(|start| head.get(start..)).unwrap_or_default();
        if DISPOSITION.contains(class) && place.first().is_some_and(|flags| flags & 1 != 0) {
            self.tell(at, "remove", &name, sink);
        } else if *class == RENAME {
            let bytes = u32_at(place, 16).and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
            self.tell(at, "rename", &name, sink);
            self.tell(at, "renamed_to", &slice(place, 20, bytes).map(path).unwrap_or_default(), sink);
        }
    }

    /// A call through a pipe, or its answer (MS-SMB2 2.2.31, 2.2.32).
    fn transceive(&mut self, at: At, head: &[u8], body: &[u8], is_reply: bool, sink: &mut dyn Sink) -> Option<()> {
        let (way, place) = if is_reply { (Way::Read, 32) } else { (Way::Written, 24) };
        if u32_at(body, 4)? != TRANSCEIVE {
            return None;
        }
        let key = self.key(body, 8)?;
        let start = usize::try_from(u32_at(body, place)?).ok()?;
        let rest = head.get(start..).filter(|_| start >= HEADER_BYTES)?;
        let bytes = usize::try_from(u32_at(body, place + 4)?).ok()?;
        let call = rest.get(..bytes).unwrap_or(rest);
        if !call.is_empty() {
            self.pipes.said(key, way, at, Payload::Bytes(call), sink);
        }
        Some(())
    }

    fn create(&mut self, at: At, head: &[u8], body: &[u8], header: &Header, sink: &mut dyn Sink) {
        let name = buffer(head, body, 44).map(path).unwrap_or_default();
        let tree = self.tree(header.tree);
        self.tell(at, "open", &name, sink);
        if u32_at(body, 40).is_some_and(|options| options & DELETE_ON_CLOSE != 0) {
            self.tell(at, "remove", &name, sink);
        }
        let key = Key::Opening(header.message);
        let is_other = self.smb2.trees.get(&tree).is_some_and(|tree| !tree.is_disk);
        self.carried.open(at, key, Handle { name: Some(name.clone()), is_other, ..Handle::default() }, sink);
        self.smb2.asked.key = Some(key);
        self.smb2.ask(header.message, Request::Create { name, tree });
    }

    fn created(&mut self, at: At, body: &[u8], header: &Header, sink: &mut dyn Sink) {
        let opening = Key::Opening(header.message);
        let Some(Request::Create { name, tree }) = self.smb2.requests.remove(&header.message) else { return };
        let id = slice(body, 64, 16).and_then(|id| <[u8; 16]>::try_from(id).ok()).filter(|_| header.status == 0);
        let Some(id) = id else {
            self.carried.close(at, &opening, sink);
            return;
        };
        let tree = self.smb2.trees.get(&tree);
        let is_folder = u32_at(body, 56).is_some_and(|attributes| attributes & DIRECTORY != 0);
        let (size, written) = (u64_at(body, 48), u64_at(body, 24).unwrap_or(0));
        // On a share that is not known, what is empty and was never written is a pipe.
        let is_pipe = (size, written) == (Some(0), 0);
        let handle = Handle {
            joins: tree.zip(size).map(|(tree, size)| format!("smb {} {name} {size} {written}", tree.share)),
            name: Some(name),
            size,
            is_other: is_folder || tree.map_or(is_pipe, |tree| !tree.is_disk),
        };
        self.carried.settle(at, &opening, Key::Id(id), handle, sink);
        self.smb2.answered.key = Some(Key::Id(id));
    }

    fn write(&mut self, head: &[u8], header: &Header) -> Option<Data> {
        let body = head.get(HEADER_BYTES..)?;
        let key = self.key(body, 16)?;
        let start = usize::from(u16_at(body, 2)?).max(HEADER_BYTES + 48);
        let bytes = u64::from(u32_at(body, 4)?).min(header.bytes.saturating_sub(start as u64));
        Some(Data { key, way: Way::Written, offset: u64_at(body, 8)?, start, bytes })
    }

    fn read_reply(&mut self, head: &[u8], header: &Header) -> Option<Data> {
        if header.status == STATUS_PENDING {
            return None;
        }
        if header.status != 0 && header.status != STATUS_BUFFER_OVERFLOW {
            self.smb2.requests.remove(&header.message);
            return None;
        }
        let body = head.get(HEADER_BYTES..)?;
        let Request::Read { key, offset, .. } = *self.smb2.requests.get(&header.message)? else { return None };
        let key = self.smb2.opened(key)?;
        let start = usize::from(*body.get(2)?).max(HEADER_BYTES + 16);
        let bytes = u64::from(u32_at(body, 4)?).min(header.bytes.saturating_sub(start as u64));
        Some(Data { key, way: Way::Read, offset, start, bytes })
    }

    /// The handle at an offset; all ones stand for that of the command before.
    fn key(&mut self, body: &[u8], at: usize) -> Option<Key> {
        let id = <[u8; 16]>::try_from(slice(body, at, 16)?).ok()?;
        if id == [0xff; 16] {
            return self.smb2.asked.key;
        }
        self.smb2.asked.key = Some(Key::Id(id));
        Some(Key::Id(id))
    }

    fn tree(&mut self, tree: u32) -> u32 {
        if tree == u32::MAX {
            return self.smb2.asked.tree.unwrap_or(tree);
        }
        self.smb2.asked.tree = Some(tree);
        tree
    }
}

fn header(head: &[u8], left: u64) -> Option<Header> {
    const REPLY: u32 = 1;
    let flags = u32_at(head, 16)?;
    let next = u64::from(u32_at(head, 20)?);
    let message = u64_at(head, 24)?;
    head.get(HEADER_BYTES - 1)?;
    let bytes = if next >= HEADER_BYTES as u64 && next <= left { next } else { left };
    let (command, status, tree) = (u16_at(head, 12)?, u32_at(head, 8)?, u32_at(head, 36)?);
    Some(Header { command, status, is_reply: flags & REPLY != 0, message, tree, bytes })
}

/// How much of a command is read before it is looked at.
fn wanted(header: &Header) -> u64 {
    let fixed = HEADER_BYTES as u64;
    match (header.command, header.is_reply) {
        (WRITE, false) => fixed + 48,
        (READ, true) => fixed + 16,
        (NEGOTIATE, true) | (SESSION_SETUP | TREE_CONNECT | CREATE | IOCTL | SET_INFO, _) => COMMAND_BYTES_MAX,
        (CLOSE, false) => fixed + 24,
        (READ, false) => fixed + 48,
        _ => fixed,
    }
}

/// What an offset (from the header) and a length at `at` point to.
fn buffer<'a>(head: &'a [u8], body: &[u8], at: usize) -> Option<&'a [u8]> {
    slice(head, usize::from(u16_at(body, at)?), usize::from(u16_at(body, at + 2)?))
}

fn dialect(revision: u16) -> Option<&'static str> {
    Some(match revision {
        0x0202 => "SMB 2.0.2",
        0x0210 => "SMB 2.1",
        0x0300 => "SMB 3.0",
        0x0302 => "SMB 3.0.2",
        0x0311 => "SMB 3.1.1",
        // 0x02ff: to be negotiated again
        _ => return None,
    })
}
