//! Puts files together from what a sink is told of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::content::Content;
use super::found::{FoundFile, Wire};
use super::joined::{Joined, Whole};
use super::magic;
use super::ranges::Ranges;
use super::store::{ContentId, NoStore, Store};
use super::transfer::Transfer;
use crate::{At, Body, Ends, FileId, FileStart};

/// Files on their way at once.
const TRANSFERS_MAX: usize = 16 << 10;
/// Bytes that may wait for those before them, of all files together.
const WAITING_BYTES_MAX: usize = 96 << 20;

/// Collects the pieces of files, and hashes them as they pass.
///
/// What it is told is what a [`crate::Sink`] is told; the numbers of files are given by whoever tells. What is found is
/// fetched with [`Collector::take_found`], the last of it after [`Collector::finish`].
pub struct Collector<S: Store = NoStore> {
    transfers: HashMap<FileId, Transfer>,
    contents: HashMap<ContentId, Content>,
    joined: Joined,
    found: Vec<FoundFile>,
    next: u64,
    room: usize,
    unfollowed: u64,
    store: S,
}

impl<S: Store> Collector<S> {
    /// A collector that has found nothing yet.
    pub fn new(store: S) -> Self {
        Self {
            transfers: HashMap::new(),
            contents: HashMap::new(),
            joined: Joined::default(),
            found: Vec::new(),
            next: 0,
            room: WAITING_BYTES_MAX,
            unfollowed: 0,
            store,
        }
    }

    /// So many bytes may wait for those before them, of all files together.
    pub fn waiting(self, bytes_max: usize) -> Self {
        Self { room: bytes_max, ..self }
    }

    /// A file begins; false if it cannot be followed, since there are too many.
    pub fn start(&mut self, file: FileId, at: At, start: FileStart) -> bool {
        self.end(file, Ends::CutOff);
        if self.transfers.len() >= TRANSFERS_MAX {
            self.unfollowed += 1;
            return false;
        }
        let mut start = start;
        if start.is_piece || start.offset > 0 {
            // A range of what is complete already is told of by itself.
            start.joins = start.joins.filter(|key| !self.joined.is_done(key));
        }
        let known = start.joins.as_deref().and_then(|key| self.joined.content(key));
        let (content, is_aside) = match known {
            Some(content) if start.offset > 0 => (content, false),
            Some(_) => (self.new_content(), true),
            None => (self.new_content(), false),
        };
        if let Some(key) = start.joins.as_deref().filter(|_| !is_aside) {
            self.found.extend(self.joined.take_only_piece(key));
            let given_up = self.joined.begin(key, content, file, at, &start);
            given_up.into_iter().for_each(|(content, whole)| self.emit_joined(content, whole));
        }
        if let (Some(size), Some(content)) = (start.size, self.contents.get_mut(&content)) {
            content.learn_size(Some(size));
        }
        self.transfers.insert(file, Transfer::new(file, at, start, content, is_aside));
        true
    }

    /// The next bytes of a file.
    pub fn data(&mut self, file: FileId, body: Body, bytes: &[u8]) {
        let Some(transfer) = self.transfers.get_mut(&file) else { return };
        match (body, &mut transfer.wire) {
            (Body::Wire, Some(wire)) => wire.add(bytes),
            (Body::Wire, None) => {}
            (Body::Plain, _) => {
                if let Some(content) = self.contents.get_mut(&transfer.content) {
                    content.add(transfer.position, bytes, &mut self.room);
                    self.store.write(transfer.content, transfer.position, bytes);
                }
                if let Some(wire) = transfer.wire.as_mut().filter(|_| transfer.is_piece) {
                    wire.add(bytes);
                }
                transfer.passed(bytes.len() as u64);
            }
        }
    }

    /// Bytes of a file are missing; `u64::MAX` is all the rest of it, however much that is.
    pub fn gap(&mut self, file: FileId, body: Body, bytes: u64) {
        let Some(transfer) = self.transfers.get_mut(&file) else { return };
        match (body, &mut transfer.wire) {
            (Body::Wire, Some(wire)) => wire.gap(),
            (Body::Wire, None) => {}
            (Body::Plain, _) => {
                transfer.has_gaps = true;
                if let Some(wire) = transfer.wire.as_mut().filter(|_| transfer.is_piece) {
                    wire.gap();
                }
                transfer.position = transfer.position.saturating_add(bytes);
                if bytes < u64::MAX {
                    transfer.end = transfer.end.max(transfer.position);
                }
            }
        }
    }

    /// The next bytes of a file stand at this offset of it.
    pub fn seek(&mut self, file: FileId, offset: u64) {
        if let Some(transfer) = self.transfers.get_mut(&file) {
            transfer.position = offset;
        }
    }

    /// Nothing more comes of a file.
    pub fn end(&mut self, file: FileId, ends: Ends) {
        let Some(mut transfer) = self.transfers.remove(&file) else { return };
        let wire = transfer.wire.take().map(|wire| wire.finish(ends == Ends::Whole, transfer.start.wire_size));
        self.learn_size(&transfer, ends);
        match transfer.start.joins.clone() {
            None => self.emit_alone(transfer, wire),
            Some(key) => self.end_joined(&key, transfer, wire),
        }
    }

    /// Ends everything that has not ended.
    pub fn finish(&mut self) {
        let mut open: Vec<FileId> = self.transfers.keys().copied().collect();
        open.sort_unstable();
        open.into_iter().for_each(|file| self.end(file, Ends::CutOff));
        let joined = self.joined.take_all();
        joined.into_iter().for_each(|(content, whole)| self.emit_joined(content, whole));
    }

    /// What was found since it was last asked, in the order in which it was complete.
    pub fn take_found(&mut self) -> Vec<FoundFile> {
        std::mem::take(&mut self.found)
    }

    /// Files that could not be followed, since there were too many at once.
    pub fn unfollowed(&self) -> u64 {
        self.unfollowed
    }

    /// Where the bytes went.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    fn new_content(&mut self) -> ContentId {
        let content = ContentId(self.next);
        self.next += 1;
        self.contents.insert(content, Content::default());
        content
    }

    /// What the end tells of the size: where all of it was there from its start, it ends where it ended.
    fn learn_size(&mut self, transfer: &Transfer, ends: Ends) {
        let Some(content) = self.contents.get_mut(&transfer.content) else { return };
        let ends_itself = ends == Ends::Whole && !transfer.is_piece && transfer.position != u64::MAX;
        if content.size().is_none() && ends_itself {
            content.learn_size(Some(transfer.end));
        }
    }

    /// A file of which no other piece will come.
    fn emit_alone(&mut self, transfer: Transfer, wire: Option<Wire>) {
        let id = transfer.content;
        let Some(content) = self.contents.remove(&id) else { return };
        let mut file = self.describe(id, content, (transfer.file, transfer.at), transfer.start, wire, 1);
        file.is_piece = !file.missing.is_empty() && transfer.is_piece;
        self.found.push(file);
    }

    fn end_joined(&mut self, key: &str, transfer: Transfer, wire: Option<Wire>) {
        if transfer.is_aside {
            if self.contents.get(&transfer.content).is_some_and(Content::is_complete) {
                return self.emit_alone(transfer, wire);
            }
            self.put_to_joined(key, &transfer);
        }
        let users = self.joined.leave(key);
        let Some(id) = self.joined.content(key) else { return };
        let is_complete = self.contents.get(&id).is_some_and(Content::is_complete);
        let is_all_of_it = is_complete && self.joined.pieces(key) <= 1;
        match wire {
            Some(wire) if transfer.is_piece && !is_all_of_it => {
                let piece = self.piece(&transfer, wire);
                match self.joined.pieces(key) {
                    0 | 1 => self.joined.keep_only_piece(key, piece),
                    _ => self.found.push(piece),
                }
            }
            wire => self.joined.keep_wire(key, wire),
        }
        if let Some((content, whole)) =
            Some(key).filter(|_| is_complete && users == 0).and_then(|key| self.joined.take_done(key))
        {
            self.emit_joined(content, whole);
        }
    }

    /// A second transfer from the start that was not whole either may still have what the first has not.
    fn put_to_joined(&mut self, key: &str, transfer: &Transfer) {
        let Some(aside) = self.contents.remove(&transfer.content) else { return };
        let target = match self.joined.content(key) {
            Some(content) => content,
            None => self.new_content(),
        };
        self.found.extend(self.joined.take_only_piece(key));
        let given_up = self.joined.begin(key, target, transfer.file, transfer.at, &transfer.start);
        given_up.into_iter().for_each(|(content, whole)| self.emit_joined(content, whole));
        copy(&mut self.store, transfer.content, target, &aside);
        self.store.forget(transfer.content);
        match self.contents.entry(target) {
            Entry::Occupied(mut content) => content.get_mut().join(aside, &mut self.room),
            Entry::Vacant(vacant) => {
                vacant.insert(aside);
            }
        }
    }

    /// One range that was transferred: its own hashes are those of the wire.
    fn piece(&self, transfer: &Transfer, wire: Wire) -> FoundFile {
        let size = self.contents.get(&transfer.content).and_then(|content| content.size()).or(transfer.start.size);
        let mut there = Ranges::default();
        there.add(transfer.start.offset, transfer.start.offset.saturating_add(transfer.bytes));
        FoundFile {
            first: transfer.file,
            flow: transfer.at.flow,
            time: transfer.at.time,
            arrival: transfer.at.arrival,
            protocol: transfer.start.protocol,
            sender: transfer.start.sender,
            name: transfer.start.name.clone(),
            mime: None,
            mime_said: transfer.start.mime.clone(),
            size,
            there: there.bytes(),
            missing: there.missing(size),
            hashes: None,
            is_unhashed: false,
            wire: Some(wire),
            is_piece: true,
            pieces: 1,
            content: None,
        }
    }

    fn emit_joined(&mut self, id: ContentId, whole: Whole) {
        let Some(content) = self.contents.remove(&id) else { return };
        let is_one_piece = whole.is_one_piece();
        let mut file = self.describe(id, content, (whole.first, whole.at), whole.start, whole.wire, whole.pieces);
        file.is_piece = is_one_piece && !file.missing.is_empty();
        self.found.push(file);
    }

    fn describe(
        &mut self,
        id: ContentId,
        mut content: Content,
        (first, at): (FileId, At),
        start: FileStart,
        wire: Option<Wire>,
        pieces: u32,
    ) -> FoundFile {
        let hashes = content.hashes(id, &mut self.store);
        content.give_back(&mut self.room);
        let is_same = |wire: &Wire| wire.hashes.is_some() && wire.hashes == hashes;
        let there = content.there().bytes();
        if there == 0 {
            self.store.forget(id);
        }
        FoundFile {
            first,
            flow: at.flow,
            time: at.time,
            arrival: at.arrival,
            protocol: start.protocol,
            sender: start.sender,
            name: start.name,
            mime: magic::of(content.head()),
            mime_said: start.mime,
            size: content.size(),
            there,
            missing: content.there().missing(content.size()),
            hashes,
            is_unhashed: hashes.is_none() && content.is_complete(),
            wire: wire.filter(|wire| !is_same(wire)),
            is_piece: false,
            pieces,
            content: (there > 0).then_some(id),
        }
    }
}

/// Copies what is there of one content to another, at the same offsets.
fn copy(store: &mut impl Store, from: ContentId, to: ContentId, content: &Content) {
    const BYTES: u64 = 64 << 10;
    let mut buffer = vec![0; 64 << 10];
    for (start, end) in content.there().iter() {
        let mut offset = start;
        while offset < end {
            let wanted = usize::try_from((end - offset).min(BYTES)).unwrap_or_default();
            let Some(bytes) = buffer.get_mut(..wanted) else { return };
            if !store.read(from, offset, bytes) {
                return;
            }
            store.write(to, offset, bytes);
            offset += wanted as u64;
        }
    }
}
