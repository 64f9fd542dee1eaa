//! Writing what a hold keeps: segments, their indexes and a flow file, which count once its progress does.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::FlowPart;
use packet::capture::block::{Section, write_interface_block, write_packet_block, write_section_header};
use packet::{Interface, Packet};

use crate::Lane;
use crate::clock::Moment;
use crate::disk::{Disk, DiskFile, replace_file, write_all_at, write_new};
use crate::format::catalog::{FrameRecord, HOLDS_INTERFACES};
use crate::format::hold::{PROGRESS, Progress};
use crate::format::names::{self, Encoding, FlowFileName, SegmentName};
use crate::format::state::{Covers, Position};
use crate::frame::{Encoder, Summary};
use crate::rows::{FramePlace, Metadata, Rowless, order};
use crate::{catalog, index, rows};

/// A frame is closed at so many bytes.
const FRAME_BYTES: usize = 512 << 10;
/// A segment is followed by the next one at this length.
const SEGMENT_BYTES: u64 = 64 << 20;
const ZSTD_LEVEL: i32 = 3;

/// What is asked before bytes are written: they may be too many.
pub(crate) type Allow<'a> = &'a mut dyn FnMut(u64) -> Result<(), String>;

/// Why a copy ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// No more room, in words.
    Full(String),
    /// It is to go on at another time.
    Interrupted,
    /// The tape could not be read or written.
    Failed(crate::Error),
}

impl From<crate::Error> for Stop {
    fn from(error: crate::Error) -> Self {
        Self::Failed(error)
    }
}

/// Adds to what a hold keeps.
pub(crate) struct HoldWriter<'a> {
    disk: Arc<dyn Disk>,
    allow: Allow<'a>,
    encoder: Encoder,
    lanes: Vec<LaneCopy>,
    progress: Progress,
    /// Frames so far; rows name them by their places in it.
    frames: Vec<FramePlace>,
    rowless: Vec<Rowless>,
    locations: Vec<(u32, u32)>,
    written_bytes: u64,
}

/// A lane's open segment and frame.
struct LaneCopy {
    lane: Lane,
    number: u64,
    file: Option<(PathBuf, Arc<dyn DiskFile>)>,
    /// The segment's interfaces.
    interfaces: Vec<Interface>,
    content: Vec<u8>,
    summary: Summary,
    /// The open frame's place among all frames.
    frame: Option<u32>,
    records: Vec<FrameRecord>,
}

impl LaneCopy {
    fn end(&self) -> (u64, u64) {
        self.records.last().map_or((0, 0), |record| (record.uend(), record.cend()))
    }
}

impl<'a> HoldWriter<'a> {
    /// Goes on behind `progress`; whatever lies there beyond it goes.
    pub(crate) fn begin(disk: Arc<dyn Disk>, progress: Progress, allow: Allow<'a>) -> io::Result<Self> {
        discard_beyond(disk.as_ref(), &progress)?;
        let lane = |lane: Lane| LaneCopy {
            lane,
            number: progress.last_segment(lane),
            file: None,
            interfaces: Vec::new(),
            content: Vec::new(),
            summary: Summary::default(),
            frame: None,
            records: Vec::new(),
        };
        Ok(Self {
            disk,
            allow,
            encoder: Encoder::new(ZSTD_LEVEL),
            lanes: Lane::ALL.map(lane).into(),
            progress,
            frames: Vec::new(),
            rowless: Vec::new(),
            locations: Vec::new(),
            written_bytes: 0,
        })
    }

    /// What was captured of all packets that the hold has.
    pub(crate) fn captured_bytes(&self) -> u64 {
        self.progress.captured_bytes
    }

    /// Adds a packet, with its row if it has one.
    pub(crate) fn add(
        &mut self,
        packet: &Packet<'_>,
        interface: &Interface,
        lane: Lane,
        part: Option<u32>,
    ) -> Result<(), Stop> {
        let place = lane.number();
        if self.lanes[place].content.len() >= FRAME_BYTES {
            self.close_frame(place)?;
        }
        self.prepare(place, packet)?;
        let number = self.interface(place, interface)?;
        let open = &mut self.lanes[place];
        let frame = match open.frame {
            Some(frame) => frame,
            None => {
                let (uoffset, _) = open.end();
                self.frames.push(FramePlace { lane: Some(lane), segment: open.number, uoffset });
                let frame = self.frames.len() as u32 - 1;
                open.frame = Some(frame);
                frame
            }
        };
        let arrival = packet.arrival.unwrap_or(0);
        write_packet_block(&mut open.content, &Packet { interface: number, ..*packet }, packet.data.len());
        open.summary.add(packet.time, arrival);
        match part {
            Some(part) if self.locations.last() != Some(&(part, frame)) => self.locations.push((part, frame)),
            Some(_) => {}
            None => {
                let place = self.frames.get(frame as usize).copied();
                let rowless = place.and_then(Rowless::frame).filter(|rowless| self.rowless.last() != Some(rowless));
                self.rowless.extend(rowless);
            }
        }
        let progress = &mut self.progress;
        progress.packets += 1;
        progress.captured_bytes += packet.data.len() as u64;
        progress.first = Some(progress.first.map_or(packet.time, |first| first.min(packet.time)));
        progress.last = progress.last.max(Some(packet.time));
        Ok(())
    }

    /// Writes rows, brings everything to stable storage, and returns the progress that makes it count.
    pub(crate) fn finish(
        mut self,
        id: &str,
        sensor: &str,
        parts: &[FlowPart],
        interfaces: Vec<String>,
    ) -> Result<Progress, Stop> {
        for lane in Lane::ALL {
            self.end_segment(lane.number())?;
        }
        let mut covers = Covers::default();
        for lane in &self.lanes {
            covers.set(lane.lane, Position { segment: lane.number + 1, uoffset: 0 });
            if lane.number > 0 {
                self.progress.segments.insert(lane.lane.name().to_owned(), lane.number);
            }
        }
        if !parts.is_empty() || !self.frames.is_empty() {
            let metadata = Metadata {
                tape: id.to_owned(),
                sensor: sensor.to_owned(),
                covers,
                interfaces,
                frames: std::mem::take(&mut self.frames),
                rowless: std::mem::take(&mut self.rowless),
                // Of several periods: which flows have ended by it is not known.
                clock_ns: 0,
            };
            self.write_rows(parts, &metadata)?;
        }
        Ok(self.progress)
    }

    fn write_rows(&mut self, parts: &[FlowPart], metadata: &Metadata) -> Result<(), Stop> {
        let fault = |error: parquet::errors::ParquetError| failed(names::FLOWS)(io::Error::other(error.to_string()));
        let bytes = rows::write(Vec::new(), parts, &self.locations, metadata).map_err(fault)?;
        let name = FlowFileName { number: self.progress.rows_file + 1, time: Moment::now().time };
        let ordered = order(parts).into_iter().filter_map(|part| parts.get(part));
        let index = index::build(name, bytes.len() as u64, metadata, ordered);
        self.allow((bytes.len() + index.len() + 2 * 4096) as u64)?;
        let disk = self.disk.as_ref();
        for directory in [names::FLOWS, names::CATALOG] {
            disk.create_directory(Path::new(directory)).map_err(failed(directory))?;
        }
        write_new(disk, &names::flow_index_path(name.number), &[&index]).map_err(failed(names::CATALOG))?;
        write_new(disk, &name.path(), &[&bytes]).map_err(failed(names::FLOWS))?;
        disk.sync_directory(Path::new(names::FLOWS)).map_err(failed(names::FLOWS))?;
        disk.sync_directory(Path::new(names::CATALOG)).map_err(failed(names::CATALOG))?;
        self.progress.rows_file = name.number;
        Ok(())
    }

    /// Makes sure that there is an open segment.
    fn prepare(&mut self, place: usize, packet: &Packet<'_>) -> Result<(), Stop> {
        let (_, length) = self.lanes[place].end();
        if self.lanes[place].file.is_some() && length < SEGMENT_BYTES {
            return Ok(());
        }
        self.end_segment(place)?;
        let open = &mut self.lanes[place];
        let lane = open.lane;
        open.number += 1;
        let path = SegmentName { number: open.number, time: packet.time, encoding: Encoding::Zstd }.path(lane);
        self.disk.create_directory(Path::new(lane.name())).map_err(failed(lane.name()))?;
        let file = self.disk.create(&path).map_err(failed(lane.name()))?;
        let open = &mut self.lanes[place];
        open.file = Some((path, file));
        let application = Some(format!("wiretape {}", env!("CARGO_PKG_VERSION")));
        write_section_header(&mut open.content, &Section { application, ..Section::default() });
        self.close_frame(place)
    }

    /// The segment's number of an interface.
    fn interface(&mut self, place: usize, interface: &Interface) -> Result<u32, Stop> {
        let open = &mut self.lanes[place];
        let known = open.interfaces.iter().position(|known| known == interface);
        if let Some(known) = known {
            return Ok(known as u32);
        }
        self.close_frame(place)?;
        let open = &mut self.lanes[place];
        write_interface_block(&mut open.content, interface, None);
        open.interfaces.push(interface.clone());
        let number = open.interfaces.len() as u32 - 1;
        self.close_frame(place)?;
        Ok(number)
    }

    /// Writes the open frame, if there is one.
    fn close_frame(&mut self, place: usize) -> Result<(), Stop> {
        let open = &mut self.lanes[place];
        let Some((path, file)) = open.file.clone().filter(|_| !open.content.is_empty()) else { return Ok(()) };
        let mut bytes = Vec::new();
        self.encoder.compress(&open.content, &mut bytes);
        let (uoffset, coffset) = open.end();
        let record = FrameRecord {
            uoffset,
            coffset,
            ubytes: open.content.len() as u32,
            cbytes: bytes.len() as u32,
            flags: if open.summary.packets == 0 { HOLDS_INTERFACES } else { 0 },
            interfaces: open.interfaces.len() as u32,
            ..open.summary.record()
        };
        self.allow(bytes.len() as u64)?;
        write_all_at(file.as_ref(), &bytes, coffset).map_err(|error| failed_at(&path, error))?;
        let open = &mut self.lanes[place];
        open.records.push(record);
        open.content.clear();
        open.summary = Summary::default();
        open.frame = None;
        Ok(())
    }

    fn end_segment(&mut self, place: usize) -> Result<(), Stop> {
        self.close_frame(place)?;
        let open = &mut self.lanes[place];
        let Some((path, file)) = open.file.take() else { return Ok(()) };
        file.sync_data().map_err(|error| failed_at(&path, error))?;
        let (lane, number, records) = (open.lane, open.number, std::mem::take(&mut open.records));
        open.interfaces.clear();
        self.allow((records.len() * crate::format::catalog::RECORD_BYTES + 4096) as u64)?;
        catalog::rewrite(self.disk.as_ref(), lane, number, &records).map_err(failed(names::CATALOG))?;
        self.disk.sync_directory(Path::new(lane.name())).map_err(failed(lane.name()))
    }

    fn allow(&mut self, bytes: u64) -> Result<(), Stop> {
        self.written_bytes += bytes;
        (self.allow)(self.written_bytes).map_err(Stop::Full)
    }
}

/// Makes a progress count.
pub(crate) fn commit(disk: &dyn Disk, progress: &Progress) -> io::Result<()> {
    replace_file(disk, Path::new(PROGRESS), &[progress.encode().as_bytes()])
}

/// Removes what a copy left that was interrupted.
pub(crate) fn discard_beyond(disk: &dyn Disk, progress: &Progress) -> io::Result<()> {
    for lane in Lane::ALL {
        let last = progress.last_segment(lane);
        discard(disk, lane.name(), |name| SegmentName::parse(name).is_some_and(|name| name.number > last))?;
    }
    discard(disk, names::FLOWS, |name| FlowFileName::parse(name).is_some_and(|name| name.number > progress.rows_file))?;
    discard(disk, names::CATALOG, |name| {
        let segment = names::parse_catalog(name).is_some_and(|(lane, number)| number > progress.last_segment(lane));
        segment || names::parse_flow_index(name).is_some_and(|number| number > progress.rows_file)
    })
}

fn discard(disk: &dyn Disk, directory: &str, is_beyond: impl Fn(&str) -> bool) -> io::Result<()> {
    let entries = match disk.list(Path::new(directory)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries.iter().filter(|entry| is_beyond(&entry.name)) {
        disk.remove(&Path::new(directory).join(&entry.name))?;
    }
    Ok(())
}

fn failed(directory: &str) -> impl Fn(io::Error) -> Stop {
    let path = PathBuf::from(directory);
    move |error| failed_at(&path, error)
}

fn failed_at(path: &Path, error: io::Error) -> Stop {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Stop::Full(error.to_string()),
        _ => Stop::Failed(crate::Error::io("writing", path)(error)),
    }
}
