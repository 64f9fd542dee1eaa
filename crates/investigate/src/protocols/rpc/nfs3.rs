//! NFS version 3 (RFC 1813), and of version 2 the names.

use packet::Cursor;

use super::records::Found;
use super::{About, Call, Talk, xdr};
use crate::protocols::carried::Way;
use crate::{At, Sink};

const LOOKUP: u32 = 3;
const READ: u32 = 6;
const WRITE: u32 = 7;
const CREATE: u32 = 8;
const MKDIR: u32 = 9;
const SYMLINK: u32 = 10;
const REMOVE: u32 = 12;
const RMDIR: u32 = 13;
const RENAME: u32 = 14;
const READDIRPLUS: u32 = 17;
const COMMIT: u32 = 21;

/// RFC 1813 2.4.
const HANDLE_BYTES_MAX: usize = 64;

/// Attributes of a file (RFC 1813 2.5), and where the size stands in them.
const ATTRIBUTES_BYTES: usize = 84;
const SIZE_AT: usize = 20;

/// A write that needs no COMMIT.
const UNSTABLE: u32 = 0;

/// A call's arguments.
pub(super) fn call(
    talk: &mut Talk,
    at: At,
    call: &mut Call,
    mut cursor: Cursor<'_>,
    head: &[u8],
    sink: &mut dyn Sink,
) -> Option<Found> {
    if call.version != 3 {
        return Some(Found::Done);
    }
    let verb = match call.procedure {
        LOOKUP => "lookup",
        CREATE => "create",
        MKDIR => "mkdir",
        SYMLINK => "symlink",
        REMOVE => "remove",
        RMDIR => "rmdir",
        RENAME => "rename",
        READ | WRITE | READDIRPLUS | COMMIT => "",
        _ => return Some(Found::Done),
    };
    let handle = xdr::opaque(&mut cursor, HANDLE_BYTES_MAX)?.to_vec();
    match call.procedure {
        READ => call.about = About::Read { handle, offset: cursor.u64()? },
        WRITE => {
            let offset = cursor.u64()?;
            cursor.skip(4)?;
            let is_stable = cursor.u32()? != UNSTABLE;
            let bytes = u64::from(cursor.u32()?);
            talk.place(at, &handle, Way::Written, offset, None, sink);
            if is_stable {
                talk.carried.keep(&handle);
            }
            return Some(Found::Payload { start: head.len() - cursor.len(), bytes });
        }
        READDIRPLUS => call.about = About::Folder { handle },
        COMMIT => call.about = About::Written { handle },
        _ => {
            let name = xdr::text(&mut cursor)?;
            let path = talk.path(&handle, &name);
            talk.tell(at, verb, &path, sink);
            call.about = About::Name { folder: handle, name };
        }
    }
    Some(Found::Done)
}

/// A reply's results.
pub(super) fn reply(
    talk: &mut Talk,
    at: At,
    call: &Call,
    mut cursor: Cursor<'_>,
    head: &[u8],
    is_whole: bool,
    sink: &mut dyn Sink,
) -> Option<Found> {
    let is_ok = cursor.u32()? == 0;
    match &call.about {
        About::Read { handle, offset } if is_ok => {
            let size = attributes(&mut cursor)?;
            cursor.skip(8)?;
            let bytes = u64::from(cursor.u32()?);
            if bytes == 0 {
                return Some(Found::Done);
            }
            talk.place(at, handle, Way::Read, *offset, size, sink);
            return Some(Found::Payload { start: head.len() - cursor.len(), bytes });
        }
        About::Written { handle } if is_ok => talk.carried.keep(handle),
        About::Name { folder, name } if is_ok => {
            let has_handle = call.procedure == LOOKUP || xdr::flag(&mut cursor)?;
            if has_handle && matches!(call.procedure, LOOKUP | CREATE | MKDIR) {
                let handle = xdr::opaque(&mut cursor, HANDLE_BYTES_MAX)?.to_vec();
                let path = talk.path(folder, name);
                talk.name(handle, path);
            }
        }
        About::Folder { handle } if is_ok => {
            // Names need all of it, as far as it is kept.
            if !is_whole && entries(cursor, |_, _| {}).is_none() {
                return None;
            }
            let mut found = Vec::new();
            entries(cursor, |name, handle| found.push((name, handle)));
            for (name, entry) in found {
                let path = talk.path(handle, &name);
                talk.name(entry, path);
            }
        }
        _ => {}
    }
    Some(Found::Done)
}

/// Names and handles of a folder's entries.
fn entries(mut cursor: Cursor<'_>, mut tell: impl FnMut(String, Vec<u8>)) -> Option<()> {
    attributes(&mut cursor)?;
    cursor.skip(8)?;
    while xdr::flag(&mut cursor)? {
        cursor.skip(8)?;
        let name = xdr::text(&mut cursor)?;
        cursor.skip(8)?;
        attributes(&mut cursor)?;
        if xdr::flag(&mut cursor)? {
            let handle = xdr::opaque(&mut cursor, HANDLE_BYTES_MAX)?.to_vec();
            if name != "." && name != ".." {
                tell(name, handle);
            }
        }
    }
    Some(())
}

/// The size in attributes that may be there.
fn attributes(cursor: &mut Cursor<'_>) -> Option<Option<u64>> {
    if !xdr::flag(cursor)? {
        return Some(None);
    }
    let mut attributes = Cursor::new(cursor.take(ATTRIBUTES_BYTES)?);
    attributes.skip(SIZE_AT)?;
    Some(attributes.u64())
}
