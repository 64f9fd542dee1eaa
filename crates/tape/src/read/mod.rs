//! Reading a tape, while a recorder may be writing it: segments, frames, open journals, packets in arrival order.
//!
//! Nothing here writes, locks, or waits for the recorder. Files that ageing takes away meanwhile are noted, not errors.

mod ahead;
mod bytes;
mod chain;
mod frames;
mod listing;
mod load;
mod merge;
mod order;
mod scan;
mod state;

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use packet::{Interface, Timestamp};

pub(crate) use chain::{Heartbeat, wall_clock};
pub(crate) use listing::Listing;
pub(crate) use merge::{Merge, Merged};
pub(crate) use state::State;

use self::bytes::OpenSegment;
use self::load::Loader;
use crate::format::identity::{FORMAT, Identity, Unfit};
use crate::format::names::{self, SegmentName};
use crate::format::state::Position;
use crate::question::Damage;
use crate::{Error, Lane};

/// A frame: its place, what it holds, and where its bytes are.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Its place in the listing that it is from.
    pub(crate) number: u32,
    pub(crate) lane: Lane,
    pub(crate) segment: SegmentName,
    /// Offset of its first byte in the segment's uncompressed stream.
    pub(crate) uoffset: u64,
    pub(crate) ubytes: u32,
    pub(crate) packets: u32,
    /// Least and greatest arrival number.
    pub(crate) arrivals: (u64, u64),
    /// Least and greatest time of a packet.
    pub(crate) times: (Timestamp, Timestamp),
    /// The bytes in which the packets that are wanted begin: a reader can have cut the content by itself.
    pub(crate) part: Range<u32>,
    /// It describes interfaces.
    pub(crate) describes: bool,
    /// Interfaces that its segment has described at its end.
    pub(crate) interfaces: u32,
    pub(crate) stored: Stored,
}

/// Where the bytes of a frame are.
#[derive(Clone, Debug)]
pub(crate) enum Stored {
    /// In the segment's file.
    File { coffset: u64, cbytes: u32 },
    /// In its lane's journal, and from there in memory.
    Journal(std::sync::Arc<[u8]>),
}

impl Frame {
    /// Where the next frame begins in the uncompressed stream.
    pub(crate) fn uend(&self) -> u64 {
        self.uoffset.saturating_add(u64::from(self.ubytes))
    }

    /// Where it begins in its lane.
    pub(crate) fn position(&self) -> Position {
        Position { segment: self.segment.number, uoffset: self.uoffset }
    }

    /// Where it ends in its lane.
    pub(crate) fn end(&self) -> Position {
        Position { segment: self.segment.number, uoffset: self.uend() }
    }

    /// Wants no packets but those between two positions.
    pub(crate) fn narrow(&mut self, from: Position, to: Option<Position>) {
        let place = |at: Position| at.uoffset.saturating_sub(self.uoffset).min(self.ubytes.into()) as u32;
        let is_here = |at: &Position| at.segment == self.segment.number;
        let begin = Some(from).filter(is_here).map_or(self.part.start, place);
        self.part = begin..to.filter(is_here).map_or(self.part.end, place);
    }

    /// Whether it can hold packets from `from` on and before `to`.
    pub(crate) fn overlaps(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
        from.is_none_or(|from| self.times.1 >= from) && to.is_none_or(|to| self.times.0 < to)
    }
}

/// A tape that is open for reading.
pub(crate) struct Tape {
    directory: PathBuf,
    identity: Identity,
    /// All interfaces that packets have been read of, numbered as they turned up.
    interfaces: Vec<Interface>,
    /// The frames of each segment that describe interfaces, in order; filled by listing.
    descriptions: HashMap<(Lane, u64), Vec<Frame>>,
    segments: HashMap<(Lane, u64), OpenSegment>,
    uses: u64,
    loader: Loader,
    pub(crate) notes: Notes,
}

/// What was noticed while reading.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Files, or parts of them, that could not be read.
    pub(crate) damaged: Vec<Damage>,
    /// Lanes of which segments went away while they were wanted.
    pub(crate) evicted: Vec<Lane>,
    /// So did flow files.
    pub(crate) flows_evicted: bool,
}

impl Tape {
    /// Opens the tape in `directory`.
    pub(crate) fn open(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(names::IDENTITY);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(Error::Missing { path: directory.to_path_buf() });
            }
            Err(error) => return Err(Error::io("reading", &path)(error)),
        };
        let identity = Identity::decode(&text).map_err(|unfit| match unfit {
            Unfit::Version(found) => Error::Version { path: path.clone(), found, known: FORMAT },
            Unfit::Malformed => {
                Error::Damaged { path: path.clone(), offset: 0, what: "not what a tape says of itself" }
            }
        })?;
        Ok(Self {
            directory: directory.to_path_buf(),
            identity,
            interfaces: Vec::new(),
            descriptions: HashMap::new(),
            segments: HashMap::new(),
            uses: 0,
            loader: Loader::default(),
            notes: Notes::default(),
        })
    }

    /// Where it was recorded.
    pub(crate) fn sensor(&self) -> &str {
        &self.identity.sensor
    }

    /// What it says of itself.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What its flow ids are made with.
    pub(crate) fn id_bytes(&self) -> [u8; 16] {
        self.identity.id_bytes()
    }

    /// Where it is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn note_torn(&mut self, frame: &Frame) {
        let path = self.path(frame.lane, &frame.segment);
        self.notes.damaged(&path, format!("the frame at {} of its content has damaged blocks", frame.uoffset));
    }

    fn note_unreadable(&mut self, frame: &Frame, what: &str) {
        let offset = match &frame.stored {
            Stored::File { coffset, .. } => *coffset,
            Stored::Journal(_) => 0,
        };
        let path = self.path(frame.lane, &frame.segment);
        self.notes.damaged(&path, format!("the frame at {offset}: {what}"));
    }

    /// The interfaces of the packets that were read so far.
    pub(crate) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }
}

impl Notes {
    pub(crate) fn damaged(&mut self, path: &Path, what: impl Into<String>) {
        let damage = Damage { path: path.to_path_buf(), what: what.into() };
        if !self.damaged.contains(&damage) {
            self.damaged.push(damage);
        }
    }

    pub(crate) fn evicted(&mut self, lane: Lane) {
        if !self.evicted.contains(&lane) {
            self.evicted.push(lane);
        }
    }
}
