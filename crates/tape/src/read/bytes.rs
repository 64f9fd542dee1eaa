//! The segments that are open for reading, and the interfaces that their packets name.

use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use packet::Interface;
use packet::capture::block::{Block, Blocks};

use super::load::{FrameBytes, Piece, Source};
use super::{Frame, Stored, Tape};
use crate::format::names::SegmentName;
use crate::{Error, Lane};

/// Segments that are held open at once.
const OPEN_SEGMENTS_MAX: usize = 64;

/// Interfaces that a tape can have for a reader; a damaged one must not take all memory.
const INTERFACES_MAX: usize = 1 << 16;

/// A segment from which frames are read.
pub(super) struct OpenSegment {
    file: Arc<File>,
    /// From the segment's numbering of interfaces to the tape's; as many as are known so far.
    interfaces: Arc<Vec<u32>>,
    /// How many of the frames that describe interfaces have been read.
    described: usize,
    used: u64,
}

/// A segment's file, and its interfaces as far as a frame's packets can name them, by their numbers on the tape.
pub(super) struct Described {
    pub(super) file: Arc<File>,
    pub(super) interfaces: Arc<Vec<u32>>,
}

impl Tape {
    /// The segment of a frame; `None` if it is gone, which is noted.
    pub(super) fn described_segment(&mut self, frame: &Frame) -> Result<Option<Described>, Error> {
        if self.segment(frame)?.is_none() {
            return Ok(None);
        }
        self.describe(frame);
        let segment = self.segments.get(&(frame.lane, frame.segment.number));
        Ok(segment.map(|OpenSegment { file, interfaces, .. }| Described {
            file: file.clone(),
            interfaces: interfaces.clone(),
        }))
    }

    /// The interfaces that the newest segment of each lane describes.
    pub(crate) fn newest_interfaces(&mut self) -> Result<Vec<Interface>, Error> {
        let mut found = Vec::new();
        for lane in Lane::ALL {
            let Some(newest) = self.segment_names(lane)?.last().copied() else { continue };
            let frames = self.lane_frames(lane, newest.number)?;
            if let Some(last) = frames.iter().rfind(|frame| frame.describes)
                && let Some(Described { interfaces, .. }) = self.described_segment(last)?
            {
                found.extend(interfaces.iter().filter_map(|number| self.interfaces.get(*number as usize).cloned()));
            }
        }
        Ok(found)
    }

    /// Where a segment is.
    pub(super) fn path(&self, lane: Lane, segment: &SegmentName) -> PathBuf {
        self.directory.join(segment.path(lane))
    }

    /// The segment of a frame, opened if need be; `None` if it is gone.
    fn segment(&mut self, frame: &Frame) -> Result<Option<&mut OpenSegment>, Error> {
        let key = (frame.lane, frame.segment.number);
        if !self.segments.contains_key(&key) {
            self.close_oldest();
        }
        self.uses += 1;
        let path = || self.directory.join(frame.segment.path(frame.lane));
        match self.segments.entry(key) {
            Entry::Occupied(open) => {
                let open = open.into_mut();
                open.used = self.uses;
                Ok(Some(open))
            }
            Entry::Vacant(place) => match File::open(path()) {
                Ok(file) => {
                    let file = Arc::new(file);
                    let open = OpenSegment { file, interfaces: Arc::default(), described: 0, used: self.uses };
                    Ok(Some(place.insert(open)))
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.notes.evicted(frame.lane);
                    Ok(None)
                }
                Err(error) => Err(Error::io("opening", &path())(error)),
            },
        }
    }

    fn close_oldest(&mut self) {
        if self.segments.len() >= OPEN_SEGMENTS_MAX
            && let Some(key) = self.segments.iter().min_by_key(|(_, open)| open.used).map(|(key, _)| *key)
        {
            self.segments.remove(&key);
        }
    }

    /// Makes the interfaces known that a frame's packets can name; its segment is open.
    fn describe(&mut self, frame: &Frame) {
        let key = (frame.lane, frame.segment.number);
        loop {
            let Some(segment) = self.segments.get_mut(&key) else { return };
            let due = self.descriptions.get(&key).and_then(|all| all.get(segment.described));
            let Some(due) = due.filter(|due| due.uoffset <= frame.uoffset) else { return };
            segment.described += 1;
            let source = match &due.stored {
                Stored::Journal(bytes) => Source::Memory(bytes.clone()),
                Stored::File { coffset, cbytes } => {
                    let file = segment.file.clone();
                    Source::Piece(Piece { file, offset: *coffset, bytes: *cbytes })
                }
            };
            let mut bytes = FrameBytes::default();
            if let Err(what) = self.loader.load(&source, due.segment.encoding, due.ubytes, &mut bytes) {
                let due = due.clone();
                self.note_unreadable(&due, &what);
                self.describe_from_elsewhere(key, due.interfaces as usize);
                continue;
            }
            for (_, block) in Blocks::new(bytes.as_slice()) {
                if let Block::Interface(interface) = block {
                    let number = self.interface_number(interface);
                    self.segments.entry(key).and_modify(|segment| Arc::make_mut(&mut segment.interfaces).push(number));
                }
            }
        }
    }

    /// Makes the first so many interfaces of a segment known where its own description cannot be read: an interface has
    /// the same number in all segments.
    fn describe_from_elsewhere(&mut self, key: (Lane, u64), count: usize) {
        let longest = self.segments.values().map(|segment| &segment.interfaces).max_by_key(|known| known.len());
        let mut known = longest.map(|known| known.to_vec()).unwrap_or_default();
        if known.len() < count {
            let interfaces = self.state().map(|state| state.head.interfaces).unwrap_or_default();
            let more: Vec<u32> =
                interfaces.into_iter().skip(known.len()).map(|interface| self.interface_number(interface)).collect();
            known.extend(more);
        }
        if let Some(segment) = self.segments.get_mut(&key)
            && segment.interfaces.len() < count
        {
            let missing = segment.interfaces.len();
            Arc::make_mut(&mut segment.interfaces).extend(known.iter().take(count).skip(missing));
        }
    }

    /// The number of an interface among all that were seen.
    pub(super) fn interface_number(&mut self, interface: Interface) -> u32 {
        let known = self.interfaces.iter().position(|known| *known == interface);
        let number = known.unwrap_or_else(|| {
            if self.interfaces.len() < INTERFACES_MAX {
                self.interfaces.push(interface);
            }
            self.interfaces.len() - 1
        });
        number as u32
    }
}
