//! The open segment of a lane.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::time::Instant;

use packet::Timestamp;
use packet::capture::block::{Section, write_interface_block, write_section_header, write_statistics_block};

use super::Tools;
use crate::Lane;
use crate::append::{Appender, Way};
use crate::budget::{Account, NoRoom};
use crate::catalog::CatalogFile;
use crate::disk::{Disk, whole_blocks};
use crate::format::catalog::{FrameRecord, HOLDS_INTERFACES, HOLDS_STATISTICS, RECORD_BYTES, STORED};
use crate::format::names::{self, SegmentName};
use crate::format::state::Position;
use crate::format::zstd_frame::{BLOCK_BYTES_MAX, FRAME_BYTES_MAX, store, store_padded};
use crate::frame::{Summary, encode_blocks};
use crate::options::Compression;
use crate::sync::Unsynced;

/// Why a frame could not be written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The budget, or the floor of free disk, and nothing more to evict.
    NoRoom,
    /// The disk takes no more bytes; those in the file are as they were.
    Full(io::Error),
    /// The file must not be trusted any more.
    Broken(io::Error),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Full(error)
            }
            _ => Self::Broken(error),
        }
    }
}

impl From<NoRoom> for WriteError {
    fn from(_: NoRoom) -> Self {
        Self::NoRoom
    }
}

/// The open segment of a lane.
pub(crate) struct Segment {
    pub(crate) lane: Lane,
    pub(crate) name: SegmentName,
    pub(crate) path: PathBuf,
    pub(crate) opened: Instant,
    pub(crate) appender: Appender,
    pub(crate) packets: u64,
    pub(crate) first_time: Timestamp,
    pub(crate) last_time: Timestamp,
    /// Up to here the file is on stable storage.
    pub(crate) synced_length: u64,
    uoffset: u64,
    interfaces: usize,
    catalog: CatalogFile,
    /// Frames that have not been written as a whole yet.
    unwritten: Vec<Unwritten>,
    registered_length: u64,
}

/// A frame as it is to be written.
pub(crate) struct Piece<'f> {
    pub(crate) bytes: &'f [u8],
    /// Everything but its places.
    pub(crate) record: FrameRecord,
}

/// A frame whose end waits for company.
#[derive(Debug)]
struct Unwritten {
    coffset: u64,
    cend: u64,
    uoffset: u64,
    ubytes: u32,
    summary: Summary,
}

impl Segment {
    /// Makes the file, with section header and interfaces; `way` is how what follows will be written.
    pub(crate) fn create(
        tools: &mut Tools,
        lane: Lane,
        number: u64,
        first_time: Timestamp,
        way: Way,
    ) -> Result<Self, WriteError> {
        let name = SegmentName { number, time: first_time, encoding: tools.encoding() };
        let path = name.path(lane);
        tools.shared.room.set(Account::Open(lane), allocation(0))?;
        let file = match tools.shared.disk.create(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tools.shared.disk.create_directory(Path::new(lane.name()))?;
                tools.shared.disk.create(&path)?
            }
            other => other?,
        };
        tools.shared.sync.directory(lane.name());
        let mut segment = Self {
            lane,
            name,
            path,
            opened: tools.now,
            appender: Appender::new(file, 0),
            packets: 0,
            first_time,
            last_time: first_time,
            synced_length: 0,
            uoffset: 0,
            interfaces: 0,
            catalog: CatalogFile::new(lane, number),
            unwritten: Vec::new(),
            registered_length: 0,
        };
        let mut header = Vec::new();
        let application = Some(format!("wiretape {}", env!("CARGO_PKG_VERSION")));
        write_section_header(&mut header, &Section { application, ..Section::default() });
        segment
            .append_blocks(tools, header, HOLDS_INTERFACES, way, |segment, tools| segment.interface_blocks(tools))?;
        Ok(segment)
    }

    /// Where the next frame will be.
    pub(crate) fn end(&self) -> Position {
        Position { segment: self.name.number, uoffset: self.uoffset }
    }

    /// Writes the interfaces that the stream does not have yet.
    pub(crate) fn catch_up(&mut self, tools: &mut Tools, way: Way) -> Result<(), WriteError> {
        if self.interfaces == tools.interfaces.len() {
            return Ok(());
        }
        self.append_blocks(tools, Vec::new(), HOLDS_INTERFACES, way, |segment, tools| segment.interface_blocks(tools))
    }

    /// Appends a frame; `record` has everything but its places. Returns where it begins.
    pub(crate) fn append(
        &mut self,
        tools: &mut Tools,
        bytes: &[u8],
        way: Way,
        record: FrameRecord,
    ) -> Result<Position, WriteError> {
        self.reserve(tools, bytes.len(), 1)?;
        self.appender.append(tools.shared.disk.as_ref(), &self.path, bytes, way)?;
        let begin = self.end();
        self.note(tools, self.appender.length() - bytes.len() as u64, bytes.len(), record);
        Ok(begin)
    }

    /// Appends frames in one direct write from where they lie; the segment's end and their lengths are aligned.
    pub(crate) fn append_run(&mut self, tools: &mut Tools, pieces: &[Piece<'_>]) -> Result<Position, WriteError> {
        let bytes = pieces.iter().map(|piece| piece.bytes.len()).sum();
        self.reserve(tools, bytes, pieces.len())?;
        let slices: Vec<IoSlice> = pieces.iter().map(|piece| IoSlice::new(piece.bytes)).collect();
        let (begin, mut coffset) = (self.end(), self.appender.length());
        self.appender.append_run(tools.shared.disk.as_ref(), &self.path, &slices)?;
        for Piece { bytes, record } in pieces {
            self.note(tools, coffset, bytes.len(), *record);
            coffset += bytes.len() as u64;
        }
        Ok(begin)
    }

    /// Makes room for frames and their records.
    fn reserve(&self, tools: &Tools, bytes: usize, frames: usize) -> Result<(), WriteError> {
        let room = &tools.shared.room;
        room.set(Account::Open(self.lane), allocation(self.appender.length() + bytes as u64))?;
        let records = (2 * RECORD_BYTES * frames) as u64;
        room.set(Account::Catalog(self.lane), whole_blocks(self.catalog.length() + records))?;
        Ok(())
    }

    /// Takes note of a frame that was appended.
    fn note(&mut self, tools: &Tools, coffset: u64, cbytes: usize, record: FrameRecord) {
        let cbytes = u32::try_from(cbytes).unwrap_or(u32::MAX);
        let interfaces = u32::try_from(self.interfaces).unwrap_or(u32::MAX);
        let record = FrameRecord { uoffset: self.uoffset, coffset, cbytes, interfaces, ..record };
        self.uoffset = record.uend();
        self.packets += u64::from(record.packets);
        let FrameRecord { uoffset, packets, first_arrival, last_arrival, first_time, last_time, .. } = record;
        if packets > 0 {
            self.first_time = self.first_time.min(first_time);
            self.last_time = self.last_time.max(last_time);
        }
        let summary = Summary { packets, first_arrival, last_arrival, first_time, last_time };
        self.unwritten.push(Unwritten { coffset, cend: record.cend(), uoffset, ubytes: record.ubytes, summary });
        let written = self.appender.written();
        self.unwritten.retain(|frame| frame.cend > written);
        if self.catalog.push(&record) {
            self.flush_catalog(tools);
        }
    }

    /// Brings everything to the kernel, and notes what has to reach stable storage.
    pub(crate) fn flush(&mut self, tools: &mut Tools) -> Result<(), WriteError> {
        self.appender.flush()?;
        self.unwritten.clear();
        self.flush_catalog(tools);
        self.register(tools, false);
        Ok(())
    }

    /// Writes what the interfaces counted, as far as that is known.
    pub(crate) fn append_statistics(&mut self, tools: &mut Tools) -> Result<(), WriteError> {
        self.append_blocks(tools, Vec::new(), HOLDS_STATISTICS, Way::Buffered, |segment, tools| {
            let known = tools.statistics.iter().take(segment.interfaces).enumerate();
            known
                .filter_map(|(index, statistics)| {
                    let mut block = Vec::new();
                    let index = u32::try_from(index).unwrap_or(u32::MAX);
                    write_statistics_block(&mut block, index, segment.last_time, statistics.as_ref()?);
                    Some(block)
                })
                .collect()
        })
    }

    /// Notes what has to reach stable storage.
    pub(crate) fn register(&mut self, tools: &Tools, closed: bool) {
        let length = self.appender.written();
        if length > self.registered_length || closed {
            self.registered_length = length;
            let (file, end) = (self.appender.file().clone(), self.end());
            let catalog = if closed { self.catalog.file() } else { None };
            let unsynced = Unsynced { file, end, length, length_before: self.synced_length, closed, catalog };
            tools.shared.sync.segment(self.lane, unsynced);
        }
    }

    pub(crate) fn flush_catalog(&mut self, tools: &Tools) {
        if let Err(error) = self.catalog.flush(tools.shared.disk.as_ref()) {
            let path = names::catalog_path(self.lane, self.name.number);
            tools.shared.problem(&path.display().to_string(), format!("the index cannot be written: {error}"));
        }
    }

    /// Cuts the file back to the last frame that was written as a whole; what is lost with the others, and its bytes.
    pub(crate) fn cut_back(&mut self, tools: &Tools) -> (Summary, u64) {
        let mut good = self.appender.length();
        if let Some(first) = self.unwritten.first() {
            (good, self.uoffset) = (first.coffset, first.uoffset);
            // Its records say more than there is.
            let _ = tools.shared.disk.remove(&names::catalog_path(self.lane, self.name.number));
        }
        // What cannot be cut stays behind the last frame, where nothing can be read as one.
        let _ = self.appender.file().set_length(good);
        let (mut lost, mut bytes) = (Summary::default(), 0);
        for frame in self.unwritten.drain(..) {
            lost.merge(&frame.summary.record());
            bytes += u64::from(frame.ubytes);
        }
        self.packets -= u64::from(lost.packets);
        (lost, bytes)
    }

    /// Everything that was in it, and its bytes: it is gone.
    pub(crate) fn all(&self) -> (Summary, u64) {
        let packets = u32::try_from(self.packets).unwrap_or(u32::MAX);
        let (first_time, last_time) = (self.first_time, self.last_time);
        (Summary { packets, first_time, last_time, ..Summary::default() }, self.uoffset)
    }

    /// The IDBs that the stream does not have yet.
    fn interface_blocks(&mut self, tools: &Tools) -> Vec<Vec<u8>> {
        let blocks = tools.interfaces.iter().skip(self.interfaces).map(|interface| {
            let mut block = Vec::new();
            write_interface_block(&mut block, interface, None);
            block
        });
        let blocks = blocks.collect();
        self.interfaces = tools.interfaces.len();
        blocks
    }

    /// Appends blocks that are not packets, behind `first`, in frames of their own.
    fn append_blocks(
        &mut self,
        tools: &mut Tools,
        first: Vec<u8>,
        flags: u32,
        way: Way,
        blocks: impl FnOnce(&mut Self, &Tools) -> Vec<Vec<u8>>,
    ) -> Result<(), WriteError> {
        let interfaces_before = self.interfaces;
        let mut all = vec![first];
        all.extend(blocks(self, tools));
        all.retain(|block| !block.is_empty());
        for frame in encode_blocks(&all, FRAME_BYTES_MAX) {
            let ubytes = u32::try_from(frame.len()).unwrap_or(u32::MAX);
            let (mut bytes, mut flags) = (Vec::new(), flags);
            match tools.compression {
                Compression::None => bytes = frame,
                // What follows goes around the page cache, from an aligned place on.
                Compression::Zstd(_) if way == Way::Direct && frame.len() <= BLOCK_BYTES_MAX => {
                    store_padded(&frame, &mut bytes);
                    flags |= STORED;
                }
                Compression::Zstd(_) if frame.len() > 1024 => tools.encoder.compress(&frame, &mut bytes),
                Compression::Zstd(_) => {
                    store(&frame, &mut bytes);
                    flags |= STORED;
                }
            }
            let record = FrameRecord { ubytes, flags, ..FrameRecord::default() };
            self.append(tools, &bytes, Way::Buffered, record).inspect_err(|_| self.interfaces = interfaces_before)?;
        }
        Ok(())
    }
}

/// What a file of this length takes, with the blocks that describe where it is.
pub(crate) fn allocation(length: u64) -> u64 {
    let maps = if length > 1 << 20 { 4096 + whole_blocks(length >> 14) } else { 4096 };
    whole_blocks(length) + maps
}

/// Bytes of the catalog that a closed segment keeps.
pub(crate) fn measured(disk: &dyn Disk, path: &Path) -> u64 {
    disk.status(path).map_or(0, |status| status.allocated.max(whole_blocks(status.length)))
}
