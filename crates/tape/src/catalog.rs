//! The index of a segment's frames: written beside it, read back, and made again from the segment.

use std::io;
use std::path::Path;
use std::sync::Arc;

use packet::capture::block::{Block, Blocks};

use crate::Lane;
use crate::disk::{Disk, DiskFile, read_file, read_full_at, write_all_at};
use crate::format::catalog::{
    FrameRecord, HEADER_BYTES, HOLDS_INTERFACES, HOLDS_STATISTICS, RECORD_BYTES, STORED, decode, encode_header,
};
use crate::format::names::{self, Encoding, SegmentName};
use crate::format::zstd_frame::{FRAME_BYTES_MAX, Measure, measure};
use crate::frame::Summary;

/// Records that wait before they are written together.
const WAITING_RECORDS_MAX: usize = 64;

/// The index of an open segment. It can be made again from the segment, so its errors stop nothing.
pub(crate) struct CatalogFile {
    lane: Lane,
    number: u64,
    file: Option<Arc<dyn DiskFile>>,
    length: u64,
    waiting: Vec<u8>,
    /// It could not be written: what is there is of no use.
    broken: bool,
}

impl CatalogFile {
    pub(crate) fn new(lane: Lane, number: u64) -> Self {
        let waiting = encode_header(number).to_vec();
        Self { lane, number, file: None, length: 0, waiting, broken: false }
    }

    /// Adds a record; true if it is time to write.
    pub(crate) fn push(&mut self, record: &FrameRecord) -> bool {
        self.waiting.extend_from_slice(&record.encode());
        self.waiting.len() >= WAITING_RECORDS_MAX * RECORD_BYTES
    }

    /// What it takes, with the records that wait.
    pub(crate) fn length(&self) -> u64 {
        self.length + self.waiting.len() as u64
    }

    /// Where it is written, if it could be.
    pub(crate) fn file(&self) -> Option<Arc<dyn DiskFile>> {
        self.file.clone()
    }

    /// Writes the records that wait.
    pub(crate) fn flush(&mut self, disk: &dyn Disk) -> io::Result<()> {
        if self.broken || self.waiting.is_empty() {
            self.waiting.clear();
            return Ok(());
        }
        let result = self.write(disk);
        self.broken = result.is_err();
        self.waiting.clear();
        result
    }

    fn write(&mut self, disk: &dyn Disk) -> io::Result<()> {
        let file = match &self.file {
            Some(file) => file.clone(),
            None => create_index(disk, self.lane, self.number)?,
        };
        write_all_at(file.as_ref(), &self.waiting, self.length)?;
        self.length += self.waiting.len() as u64;
        self.file = Some(file);
        Ok(())
    }
}

/// Writes the whole index of a segment in place of the one that is there, and syncs it.
pub(crate) fn rewrite(disk: &dyn Disk, lane: Lane, number: u64, records: &[FrameRecord]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + records.len() * RECORD_BYTES);
    bytes.extend_from_slice(&encode_header(number));
    records.iter().for_each(|record| bytes.extend_from_slice(&record.encode()));
    let file = create_index(disk, lane, number)?;
    write_all_at(file.as_ref(), &bytes, 0)?;
    file.sync_data()
}

fn create_index(disk: &dyn Disk, lane: Lane, number: u64) -> io::Result<Arc<dyn DiskFile>> {
    disk.create_directory(Path::new(names::CATALOG))?;
    let path = names::catalog_path(lane, number);
    match disk.create(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = disk.open(&path)?;
            file.set_length(0)?;
            Ok(file)
        }
        other => other,
    }
}

/// The frames of a segment as they can be read, cut where its index says.
pub(crate) fn walk(disk: &dyn Disk, lane: Lane, number: u64, path: &Path) -> Vec<FrameRecord> {
    let index = read_file(disk, &names::catalog_path(lane, number), 1 << 30).unwrap_or_default();
    let index = decode(&index, number);
    let name = path.file_name().and_then(|name| SegmentName::parse(&name.to_string_lossy()));
    let (Ok(file), Some(name)) = (disk.open(path), name) else { return index };
    let mut walk = FrameWalk::new(file.as_ref(), name.encoding);
    let mut hints = index.iter().map(|record| record.ubytes);
    let mut records = Vec::new();
    while let Ok(Some((record, _))) = walk.next(hints.next()) {
        records.push(record);
    }
    records
}

/// The frames of a segment, read one after the other.
pub(crate) struct FrameWalk<'a> {
    file: &'a dyn DiskFile,
    encoding: Encoding,
    window: Vec<u8>,
    window_start: u64,
    /// How much is read at once.
    window_bytes: usize,
    content: Vec<u8>,
    uoffset: u64,
    coffset: u64,
    interfaces: u32,
}

impl<'a> FrameWalk<'a> {
    /// A walk from the start of the segment.
    pub(crate) fn new(file: &'a dyn DiskFile, encoding: Encoding) -> Self {
        Self {
            file,
            encoding,
            window: Vec::new(),
            window_start: 0,
            window_bytes: 4 << 20,
            content: Vec::new(),
            uoffset: 0,
            coffset: 0,
            interfaces: 0,
        }
    }

    /// Goes on behind a frame.
    pub(crate) fn go_behind(&mut self, record: &FrameRecord) {
        (self.uoffset, self.coffset, self.interfaces) = (record.uend(), record.cend(), record.interfaces);
    }

    /// Begins at a frame.
    pub(crate) fn begin_at(&mut self, record: &FrameRecord) {
        (self.uoffset, self.coffset, self.interfaces) = (record.uoffset, record.coffset, record.interfaces);
        self.window_start = record.coffset;
        self.window_bytes = record.cbytes as usize;
    }

    /// Where the next frame starts in the file.
    pub(crate) fn coffset(&self) -> u64 {
        self.coffset
    }

    /// The next whole frame and its content; `None` where there is none, at the end or at what is not a frame.
    ///
    /// `ubytes` is the length of the frame where the encoding does not say it.
    pub(crate) fn next(&mut self, ubytes: Option<u32>) -> io::Result<Option<(FrameRecord, &[u8])>> {
        let cbytes = match self.encoding {
            Encoding::Zstd => self.next_zstd()?,
            Encoding::Plain => self.next_plain(ubytes.map_or(FRAME_BYTES_MAX, |bytes| bytes as usize))?,
        };
        let Some((cbytes, stored)) = cbytes else { return Ok(None) };
        let Some(mut record) = summarize(&self.content, self.interfaces) else { return Ok(None) };
        (record.uoffset, record.coffset) = (self.uoffset, self.coffset);
        record.cbytes = cbytes;
        record.flags |= if stored { STORED } else { 0 };
        self.go_behind(&record);
        Ok(Some((record, &self.content)))
    }

    fn next_zstd(&mut self) -> io::Result<Option<(u32, bool)>> {
        let mut needed = self.window_bytes.min(64 << 10);
        loop {
            let rest = self.window(needed)?;
            match measure(rest) {
                Measure::Whole { cbytes, ubytes, stored } => {
                    let frame = rest.get(..cbytes).unwrap_or_default();
                    let Ok(content) = zstd::bulk::decompress(frame, ubytes) else { return Ok(None) };
                    self.content = content;
                    return Ok(u32::try_from(cbytes).ok().map(|cbytes| (cbytes, stored)));
                }
                Measure::More(more) if more > rest.len() && rest.len() >= needed => needed = more.max(needed * 2),
                Measure::More(_) | Measure::Invalid => return Ok(None),
            }
        }
    }

    fn next_plain(&mut self, bytes_max: usize) -> io::Result<Option<(u32, bool)>> {
        let rest = self.window(bytes_max)?;
        let rest = rest.get(..bytes_max).unwrap_or(rest);
        let mut blocks = Blocks::new(rest);
        blocks.by_ref().for_each(drop);
        let whole = rest.get(..blocks.whole_bytes()).unwrap_or_default().to_vec();
        self.content = whole;
        Ok(u32::try_from(self.content.len()).ok().filter(|length| *length > 0).map(|length| (length, false)))
    }

    /// At least `needed` bytes from the place of the walk on, fewer at the end of the file.
    fn window(&mut self, needed: usize) -> io::Result<&[u8]> {
        let start = self.coffset.checked_sub(self.window_start).and_then(|start| usize::try_from(start).ok());
        let have = start.and_then(|start| self.window.get(start..)).map_or(0, <[u8]>::len);
        if have < needed {
            self.window.resize(needed.max(self.window_bytes), 0);
            let read = read_full_at(self.file, &mut self.window, self.coffset)?;
            self.window.truncate(read);
            self.window_start = self.coffset;
        }
        let start = usize::try_from(self.coffset - self.window_start).unwrap_or(usize::MAX);
        Ok(self.window.get(start..).unwrap_or_default())
    }
}

/// The record of a frame with this content, without its places; `None` unless it is whole blocks as a tape has them.
fn summarize(content: &[u8], interfaces_before: u32) -> Option<FrameRecord> {
    let mut summary = Summary::default();
    let (mut flags, mut interfaces) = (0, interfaces_before);
    let mut blocks = Blocks::new(content);
    for (_, block) in blocks.by_ref() {
        match block {
            Block::Packet(packet) if packet.interface < interfaces => {
                summary.add(packet.time, packet.arrival.unwrap_or(0));
            }
            Block::Section => flags |= HOLDS_INTERFACES,
            Block::Interface(_) => {
                flags |= HOLDS_INTERFACES;
                interfaces += 1;
            }
            Block::Statistics { .. } => flags |= HOLDS_STATISTICS,
            Block::Packet(_) | Block::Other { .. } => return None,
        }
    }
    let whole = !blocks.is_torn() && !content.is_empty();
    let ubytes = u32::try_from(content.len()).ok()?;
    whole.then(|| FrameRecord { ubytes, flags, interfaces, ..summary.record() })
}
