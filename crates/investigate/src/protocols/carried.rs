//! Files that are read and written through handles, at any offset, as file servers move them.

use std::collections::BTreeMap;

use crate::{At, Body, Ends, FileId, FileStart, Side, Sink};

/// Handles that are open at the same time; beyond it the lowest is given up.
const HANDLES_MAX: usize = 1024;

/// Whether a file comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the server.
    Read,
    /// To the server.
    Written,
}

/// The handles of a conversation and what goes through them.
#[derive(Debug)]
pub(crate) struct Carried<K> {
    protocol: &'static str,
    handles: BTreeMap<K, Open>,
}

/// What a handle stands for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handle {
    pub(crate) name: Option<String>,
    /// What pieces of the same file have in common, when it is read.
    pub(crate) joins: Option<String>,
    pub(crate) size: Option<u64>,
    /// A pipe, a folder, a printer: what goes through it is no file.
    pub(crate) is_other: bool,
}

/// A handle, and what has gone through it.
#[derive(Debug)]
struct Open {
    handle: Handle,
    read: Option<Moving>,
    written: Option<Moving>,
    /// What was written is kept, whether the handle is closed or not.
    is_kept: bool,
}

#[derive(Clone, Copy, Debug)]
struct Moving {
    file: FileId,
    position: u64,
    /// Bytes from the start on without a gap.
    reached: u64,
    /// Bytes in all.
    moved: u64,
}

impl<K: Ord + Clone> Carried<K> {
    /// Of a protocol, as `app_proto` says it.
    pub(crate) fn new(protocol: &'static str) -> Self {
        Self { protocol, handles: BTreeMap::new() }
    }

    /// A handle is opened.
    pub(crate) fn open(&mut self, at: At, key: K, handle: Handle, sink: &mut dyn Sink) {
        self.close(at, &key, sink);
        if self.handles.len() >= HANDLES_MAX
            && let Some((_, lowest)) = self.handles.pop_first()
        {
            lowest.end(false, sink);
        }
        self.handles.insert(key, Open { handle, read: None, written: None, is_kept: false });
    }

    /// A handle turns out to have this key, and what is known of it now.
    pub(crate) fn settle(&mut self, at: At, from: &K, key: K, handle: Handle, sink: &mut dyn Sink) {
        let known = self.handles.remove(from);
        self.open(at, key.clone(), handle, sink);
        if let (Some(known), Some(open)) = (known, self.handles.get_mut(&key)) {
            open.read = known.read;
            open.written = known.written;
        }
    }

    /// What is known of a handle.
    pub(crate) fn handle(&self, key: &K) -> Option<&Handle> {
        self.handles.get(key).map(|open| &open.handle)
    }

    /// Tells a handle's size, if it is open.
    pub(crate) fn size(&mut self, key: &K, size: u64) {
        if let Some(open) = self.handles.get_mut(key) {
            open.handle.size = Some(size);
        }
    }

    /// What was written through a handle is kept from now on.
    pub(crate) fn keep(&mut self, key: &K) {
        if let Some(open) = self.handles.get_mut(key) {
            open.is_kept = true;
        }
    }

    /// Ends what was read of a file once all of it has come; it may be read again.
    pub(crate) fn end_read(&mut self, key: &K, sink: &mut dyn Sink) {
        if let Some(open) = self.handles.get_mut(key)
            && let Some(size) = open.handle.size
            && let Some(read) = open.read.take_if(|read| read.reached >= size)
        {
            sink.file_end(read.file, Ends::Whole);
        }
    }

    /// Data begins at an offset. False if it is none of a file.
    pub(crate) fn place(&mut self, at: At, key: &K, way: Way, offset: u64, sink: &mut dyn Sink) -> bool {
        let Some(open) = self.handles.get_mut(key).filter(|open| !open.handle.is_other) else { return false };
        let moving = match *open.moving(way) {
            Some(moving) => {
                if moving.position != offset {
                    sink.file_seek(moving.file, offset);
                }
                Moving { position: offset, ..moving }
            }
            None => {
                let handle = open.handle.clone();
                let start = FileStart {
                    protocol: self.protocol,
                    name: handle.name,
                    size: handle.size.filter(|_| way == Way::Read),
                    offset,
                    sender: Some(if way == Way::Read { Side::Server } else { Side::Client }),
                    joins: handle.joins.filter(|_| way == Way::Read),
                    ..FileStart::default()
                };
                Moving { file: sink.file_start(at, start), position: offset, reached: 0, moved: 0 }
            }
        };
        *open.moving(way) = Some(moving);
        true
    }

    /// The next bytes.
    pub(crate) fn data(&mut self, key: &K, way: Way, bytes: &[u8], sink: &mut dyn Sink) {
        if let Some(moving) = self.handles.get_mut(key).and_then(|open| open.moving(way).as_mut()) {
            sink.file_data(moving.file, Body::Plain, bytes);
            moving.advance(bytes.len() as u64, true);
        }
    }

    /// Bytes are missing.
    pub(crate) fn gap(&mut self, key: &K, way: Way, bytes: u64, sink: &mut dyn Sink) {
        if let Some(moving) = self.handles.get_mut(key).and_then(|open| open.moving(way).as_mut()) {
            sink.file_gap(moving.file, Body::Plain, bytes);
            moving.advance(bytes, false);
        }
    }

    /// A handle is closed.
    pub(crate) fn close(&mut self, _at: At, key: &K, sink: &mut dyn Sink) {
        if let Some(open) = self.handles.remove(key) {
            open.end(true, sink);
        }
    }

    /// The conversation has ended.
    pub(crate) fn clear(&mut self, sink: &mut dyn Sink) {
        while let Some((_, open)) = self.handles.pop_first() {
            open.end(false, sink);
        }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.handles.len() * (size_of::<(K, Open)>() + 128)
    }
}

impl Open {
    fn moving(&mut self, way: Way) -> &mut Option<Moving> {
        match way {
            Way::Read => &mut self.read,
            Way::Written => &mut self.written,
        }
    }

    fn end(self, is_closed: bool, sink: &mut dyn Sink) {
        let ends = |is_whole| if is_whole { Ends::Whole } else { Ends::CutOff };
        if let Some(read) = self.read {
            let is_whole = self.handle.size.map_or(is_closed, |size| read.reached >= size || read.moved >= size);
            sink.file_end(read.file, ends(is_whole));
        }
        if let Some(written) = self.written {
            sink.file_end(written.file, ends(is_closed || self.is_kept));
        }
    }
}

impl Moving {
    fn advance(&mut self, bytes: u64, is_there: bool) {
        let end = self.position.saturating_add(bytes);
        if is_there {
            self.moved = self.moved.saturating_add(bytes);
            if self.position <= self.reached {
                self.reached = self.reached.max(end);
            }
        }
        self.position = end;
    }
}
