//! The bytes of frames, and the interfaces that their packets name.

use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use packet::Interface;
use packet::capture::block::{Block, Blocks};

use super::{Frame, OpenSegment, Stored, Tape};
use crate::format::names::{Encoding, SegmentName};
use crate::{Error, Lane};

/// Most bytes that a frame can have for a reader, compressed or not: many times what is written.
const READ_BYTES_MAX: u32 = 64 << 20;

/// Segments that are held open at once.
const OPEN_SEGMENTS_MAX: usize = 64;

/// Interfaces that a tape can have for a reader; a damaged one must not take all memory.
const INTERFACES_MAX: usize = 1 << 16;

/// The bytes of a frame, uncompressed, in a buffer to be used again.
#[derive(Debug, Default)]
pub(crate) struct FrameBytes {
    owned: Vec<u8>,
    shared: Option<Arc<[u8]>>,
}

impl FrameBytes {
    /// The bytes.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.shared.as_deref().unwrap_or(&self.owned)
    }
}

impl Tape {
    /// Reads a frame; returns how its interfaces are numbered in [`Tape::interfaces`].
    ///
    /// `None` when it has been evicted or cannot be read, which is noted.
    pub(crate) fn read_frame(&mut self, frame: &Frame, bytes: &mut FrameBytes) -> Result<Option<Vec<u32>>, Error> {
        if !self.load(frame, bytes)? {
            return Ok(None);
        }
        self.describe(frame)?;
        let segment = self.segments.get(&(frame.lane, frame.segment.number));
        let Some(segment) = segment else { return Ok(Some(Vec::new())) };
        Ok(Some(segment.interfaces.clone()))
    }

    /// Reads the bytes of a frame; false when it has been evicted or cannot be read.
    pub(super) fn load(&mut self, frame: &Frame, bytes: &mut FrameBytes) -> Result<bool, Error> {
        bytes.shared = None;
        let (coffset, cbytes) = match &frame.stored {
            Stored::Journal(shared) => {
                bytes.shared = Some(shared.clone());
                return Ok(self.segment(frame)?.is_some());
            }
            Stored::File { coffset, cbytes } => (*coffset, *cbytes),
        };
        let Some(segment) = self.segment(frame)? else { return Ok(false) };
        let read = match frame.segment.encoding {
            Encoding::Plain => read_exactly(&segment.file, coffset, cbytes, &mut bytes.owned),
            Encoding::Zstd => read_compressed(&segment.file, coffset, cbytes, frame.ubytes, &mut bytes.owned),
        };
        if let Err(what) = read {
            let path = self.path(frame.lane, &frame.segment);
            self.notes.damaged(&path, format!("the frame at {coffset}: {what}"));
            return Ok(false);
        }
        Ok(true)
    }

    /// Where a segment is.
    pub(super) fn path(&self, lane: Lane, segment: &SegmentName) -> PathBuf {
        self.directory.join(segment.path(lane))
    }

    /// The segment of a frame, opened if need be; `None` if it is gone.
    fn segment(&mut self, frame: &Frame) -> Result<Option<&mut OpenSegment>, Error> {
        let key = (frame.lane, frame.segment.number);
        let path = self.path(frame.lane, &frame.segment);
        if !self.segments.contains_key(&key) {
            self.close_oldest();
        }
        self.uses += 1;
        match self.segments.entry(key) {
            Entry::Occupied(open) => {
                let open = open.into_mut();
                open.used = self.uses;
                Ok(Some(open))
            }
            Entry::Vacant(place) => match File::open(&path) {
                Ok(file) => {
                    let open = OpenSegment { file, interfaces: Vec::new(), described: 0, used: self.uses };
                    Ok(Some(place.insert(open)))
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.notes.evicted(frame.lane);
                    Ok(None)
                }
                Err(error) => Err(Error::io("opening", &path)(error)),
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

    /// Makes the interfaces known that a frame's packets can name.
    fn describe(&mut self, frame: &Frame) -> Result<(), Error> {
        let key = (frame.lane, frame.segment.number);
        let mut bytes = FrameBytes::default();
        loop {
            let Some(segment) = self.segments.get_mut(&key) else { return Ok(()) };
            let due = self.descriptions.get(&key).and_then(|all| all.get(segment.described));
            let due = due.filter(|due| due.uoffset <= frame.uoffset);
            let Some(due) = due.cloned() else { return Ok(()) };
            segment.described += 1;
            if !self.load(&due, &mut bytes)? {
                continue;
            }
            for (_, block) in Blocks::new(bytes.as_slice()) {
                if let Block::Interface(interface) = block {
                    let number = self.interface_number(interface);
                    self.segments.entry(key).and_modify(|segment| segment.interfaces.push(number));
                }
            }
        }
    }

    /// The interfaces that the newest segment of each lane describes.
    pub(crate) fn newest_interfaces(&mut self) -> Result<Vec<Interface>, Error> {
        let mut found = Vec::new();
        let mut bytes = FrameBytes::default();
        for lane in Lane::ALL {
            let Some(newest) = self.segment_names(lane)?.last().copied() else { continue };
            for frame in self.lane_frames(lane, newest.number)?.iter().filter(|frame| frame.describes) {
                if self.load(frame, &mut bytes)? {
                    found.extend(Blocks::new(bytes.as_slice()).filter_map(|(_, block)| match block {
                        Block::Interface(interface) => Some(interface),
                        _ => None,
                    }));
                }
            }
        }
        Ok(found)
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

fn read_exactly(file: &File, offset: u64, bytes: u32, out: &mut Vec<u8>) -> Result<(), String> {
    if bytes > READ_BYTES_MAX {
        return Err(format!("{bytes} bytes are more than a frame can have"));
    }
    out.resize(bytes as usize, 0);
    file.read_exact_at(out, offset).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
        _ => error.to_string(),
    })
}

fn read_compressed(file: &File, offset: u64, cbytes: u32, ubytes: u32, out: &mut Vec<u8>) -> Result<(), String> {
    if ubytes > READ_BYTES_MAX {
        return Err(format!("{ubytes} bytes are more than a frame can have"));
    }
    let mut compressed = Vec::new();
    read_exactly(file, offset, cbytes, &mut compressed)?;
    out.clear();
    out.reserve(ubytes as usize);
    let mut decompressor = zstd::bulk::Decompressor::new().map_err(|error| error.to_string())?;
    let found = decompressor.decompress_to_buffer(&compressed, out).map_err(|error| error.to_string())?;
    if found != ubytes as usize {
        return Err(format!("it has {found} bytes uncompressed, not {ubytes}"));
    }
    Ok(())
}
