//! NFS version 4 (RFC 7530, RFC 8881): compounds of operations, read as far as each is understood.

use packet::Cursor;

use super::records::Found;
use super::{About, Call, Talk, xdr};
use crate::protocols::carried::Way;
use crate::{At, Field, Sink};

/// Operations of one compound.
const OPERATIONS_MAX: u32 = 32;

/// RFC 7530 2.2, RFC 8881 3.2.
const HANDLE_BYTES_MAX: usize = 128;

const ACCESS: u32 = 3;
const CLOSE: u32 = 4;
const COMMIT: u32 = 5;
const GETATTR: u32 = 9;
const GETFH: u32 = 10;
const LOOKUP: u32 = 15;
const OPEN: u32 = 18;
const PUTFH: u32 = 22;
const PUTROOTFH: u32 = 24;
const READ: u32 = 25;
const REMOVE: u32 = 28;
const RENAME: u32 = 29;
const RENEW: u32 = 30;
const RESTOREFH: u32 = 31;
const SAVEFH: u32 = 32;
const SECINFO: u32 = 33;
const SETCLIENTID: u32 = 35;
const WRITE: u32 = 38;
const EXCHANGE_ID: u32 = 42;
const SEQUENCE: u32 = 53;

/// An operation, as far as its result needs it.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    /// Takes this handle to work on.
    Put(Vec<u8>),
    /// Goes to a name in the handle at work.
    Name(u32, String),
    Read(u64),
    Close,
    Other(u32),
}

/// The operations of a call.
pub(super) fn call(
    talk: &mut Talk,
    at: At,
    call: &mut Call,
    mut cursor: Cursor<'_>,
    head: &[u8],
    is_whole: bool,
    sink: &mut dyn Sink,
) -> Option<Found> {
    xdr::text(&mut cursor)?;
    cursor.skip(4)?;
    let count = cursor.u32()?.min(OPERATIONS_MAX);
    let mut operations = Vec::new();
    let mut found = Found::Done;
    let mut handle = Vec::new();
    for _ in 0..count {
        match operation(&mut cursor, &mut operations) {
            Some(Argument::Write { offset, is_stable, bytes }) => {
                operations.push(Operation::Other(WRITE));
                if !handle.is_empty() {
                    talk.place(at, &handle, Way::Written, offset, None, sink);
                    if is_stable {
                        talk.carried.keep(&handle);
                    }
                    found = Found::Payload { start: head.len() - cursor.len(), bytes };
                }
                break;
            }
            Some(Argument::Client(name)) => {
                sink.fact(at, Field::Detail, &format!("client={name}"));
                break;
            }
            Some(Argument::Understood) => {
                if let Some(Operation::Put(put)) = operations.last() {
                    handle.clone_from(put);
                }
            }
            Some(Argument::Unknown) => break,
            None if is_whole => break,
            None => return None,
        }
    }
    for operation in &operations {
        if let Operation::Name(code, name) = operation {
            let verb = match *code {
                OPEN => "open",
                REMOVE => "remove",
                RENAME => "rename",
                _ => "lookup",
            };
            talk.tell(at, verb, name, sink);
        }
    }
    call.about = About::Compound(operations);
    Some(found)
}

/// What an operation's arguments say.
enum Argument {
    Understood,
    Write {
        offset: u64,
        is_stable: bool,
        bytes: u64,
    },
    /// Who the client says it is.
    Client(String),
    /// Nobody knows where it ends.
    Unknown,
}

fn operation(cursor: &mut Cursor<'_>, operations: &mut Vec<Operation>) -> Option<Argument> {
    let code = cursor.u32()?;
    let operation = match code {
        PUTFH => Operation::Put(xdr::opaque(cursor, HANDLE_BYTES_MAX)?.to_vec()),
        LOOKUP | REMOVE | SECINFO => Operation::Name(code, xdr::text(cursor)?),
        RENAME => {
            let from = xdr::text(cursor)?;
            xdr::text(cursor)?;
            Operation::Name(code, from)
        }
        OPEN => match open(cursor)? {
            Some(name) => Operation::Name(code, name),
            None => return Some(Argument::Unknown),
        },
        READ => {
            cursor.skip(16)?;
            let offset = cursor.u64()?;
            cursor.skip(4)?;
            Operation::Read(offset)
        }
        WRITE => {
            cursor.skip(16)?;
            let offset = cursor.u64()?;
            let is_stable = cursor.u32()? != 0;
            return Some(Argument::Write { offset, is_stable, bytes: u64::from(cursor.u32()?) });
        }
        CLOSE => {
            cursor.skip(20)?;
            Operation::Close
        }
        SETCLIENTID | EXCHANGE_ID => {
            cursor.skip(8)?;
            return xdr::text(cursor).map(Argument::Client);
        }
        _ => {
            match code {
                ACCESS => cursor.skip(4)?,
                COMMIT => cursor.skip(12)?,
                GETATTR => xdr::bitmap(cursor)?,
                GETFH | PUTROOTFH | RESTOREFH | SAVEFH => {}
                RENEW => cursor.skip(8)?,
                SEQUENCE => cursor.skip(32)?,
                _ => return Some(Argument::Unknown),
            }
            Operation::Other(code)
        }
    };
    operations.push(operation);
    Some(Argument::Understood)
}

/// The name that OPEN is about (RFC 7530 16.16.1); none if the claim is by handle or unknown.
fn open(cursor: &mut Cursor<'_>) -> Option<Option<String>> {
    const CREATE: u32 = 1;
    cursor.skip(12)?;
    cursor.skip(8)?;
    xdr::opaque(cursor, 1024)?;
    if cursor.u32()? == CREATE {
        match cursor.u32()? {
            // Unchecked and guarded come with attributes, exclusive with a verifier, or with both.
            0 | 1 => attributes(cursor)?,
            2 => cursor.skip(8)?,
            3 => {
                cursor.skip(8)?;
                attributes(cursor)?;
            }
            _ => return Some(None),
        }
    }
    match cursor.u32()? {
        0 => xdr::text(cursor).map(Some),
        // By the handle at work.
        4 => Some(Some(String::new())),
        _ => Some(None),
    }
}

fn attributes(cursor: &mut Cursor<'_>) -> Option<()> {
    xdr::bitmap(cursor)?;
    xdr::opaque(cursor, 64 << 10).map(drop)
}

/// The results of a reply.
pub(super) fn reply(
    talk: &mut Talk,
    at: At,
    call: &Call,
    mut cursor: Cursor<'_>,
    head: &[u8],
    is_whole: bool,
    sink: &mut dyn Sink,
) -> Option<Found> {
    let About::Compound(operations) = &call.about else { return Some(Found::Done) };
    cursor.skip(4)?;
    xdr::text(&mut cursor)?;
    cursor.skip(4)?;
    let mut work = Work::default();
    for operation in operations {
        match result(talk, at, &mut cursor, operation, &mut work, sink) {
            Some(Outcome::Data { offset, bytes }) => {
                if work.handle.is_empty() || bytes == 0 {
                    return Some(Found::Done);
                }
                let size = work.is_last.then_some(offset.saturating_add(bytes));
                talk.place(at, &work.handle, Way::Read, offset, size, sink);
                return Some(Found::Payload { start: head.len() - cursor.len(), bytes });
            }
            Some(Outcome::Next) => {}
            Some(Outcome::Stop) => break,
            None if is_whole => break,
            None => return None,
        }
    }
    Some(Found::Done)
}

/// The handle at work, and the name that was gone to since.
#[derive(Default)]
struct Work {
    handle: Vec<u8>,
    name: Option<String>,
    is_last: bool,
}

enum Outcome {
    Next,
    Data { offset: u64, bytes: u64 },
    Stop,
}

fn result(
    talk: &mut Talk,
    at: At,
    cursor: &mut Cursor<'_>,
    operation: &Operation,
    work: &mut Work,
    sink: &mut dyn Sink,
) -> Option<Outcome> {
    cursor.skip(4)?;
    if cursor.u32()? != 0 {
        return Some(Outcome::Stop);
    }
    match operation {
        Operation::Put(handle) => {
            work.handle.clone_from(handle);
            work.name = None;
        }
        Operation::Name(LOOKUP, name) => work.name = Some(path(talk, work, name)),
        Operation::Name(OPEN, name) => {
            opened(cursor)?;
            if !name.is_empty() {
                work.name = Some(path(talk, work, name));
            }
        }
        Operation::Name(..) => return Some(Outcome::Stop),
        Operation::Read(offset) => {
            work.is_last = xdr::flag(cursor)?;
            return Some(Outcome::Data { offset: *offset, bytes: u64::from(cursor.u32()?) });
        }
        Operation::Close => {
            cursor.skip(16)?;
            talk.carried.close(at, &work.handle, sink);
        }
        Operation::Other(GETFH) => {
            work.handle = xdr::opaque(cursor, HANDLE_BYTES_MAX)?.to_vec();
            if let Some(name) = work.name.take() {
                talk.name(work.handle.clone(), name);
            }
        }
        Operation::Other(COMMIT) => {
            cursor.skip(8)?;
            talk.carried.keep(&work.handle);
        }
        Operation::Other(ACCESS) => cursor.skip(8)?,
        Operation::Other(GETATTR) => attributes(cursor)?,
        Operation::Other(SEQUENCE) => cursor.skip(36)?,
        Operation::Other(PUTROOTFH) => *work = Work { name: Some(String::new()), ..Work::default() },
        Operation::Other(SAVEFH | RENEW) => {}
        Operation::Other(_) => return Some(Outcome::Stop),
    }
    Some(Outcome::Next)
}

fn path(talk: &Talk, work: &Work, name: &str) -> String {
    match &work.name {
        Some(parent) => format!("{parent}/{name}"),
        None => talk.path(&work.handle, name),
    }
}

/// The result of OPEN (RFC 7530 16.16.2, RFC 8881 18.16.2).
fn opened(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.skip(16 + 20 + 4)?;
    xdr::bitmap(cursor)?;
    match cursor.u32()? {
        0 => {}
        kind @ (1 | 2) => {
            cursor.skip(16 + 4)?;
            if kind == 2 {
                cursor.skip(4 + 8)?;
            }
            cursor.skip(12)?;
            xdr::text(cursor)?;
        }
        3 => {
            if matches!(cursor.u32()?, 1 | 2) {
                cursor.skip(4)?;
            }
        }
        _ => return None,
    }
    Some(())
}
