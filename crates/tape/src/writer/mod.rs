//! The one who writes: frames into segments, batches into journals, in the order in which they were handed over.

mod lane;
mod outage;
mod run;
mod segment;
mod tick;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use packet::Interface;
use packet::Timestamp;
use packet::capture::Statistics;

use crate::Lane;
use crate::append::Way;
use crate::checkpoint::{Clerk, FramePosition, Papers};
use crate::clock::Moment;
use crate::format::chain::Event;
use crate::format::names::{self, Encoding};
use crate::format::state::Covers;
use crate::format::zstd_frame::store;
use crate::frame::{Encoder, FrameBuffer, Summary};
use crate::heartbeat::Heartbeat;
use crate::job::{Checkpoint, Job};
use crate::options::{Compression, Options};
use crate::pipeline::{FullFrame, Next, PackedFrame, Pipeline};
use crate::shared::{Shared, count};
use crate::sync::Synced;
use lane::LaneWriter;
use outage::Outage;
pub(crate) use segment::{WriteError, measured};
pub(crate) use tick::rest_bytes;

/// What every lane's writer needs.
pub(crate) struct Tools {
    pub(crate) shared: Arc<Shared>,
    pub(crate) compression: Compression,
    pub(crate) encoder: Encoder,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) statistics: Vec<Option<Statistics>>,
    pub(crate) now: Instant,
}

impl Tools {
    pub(crate) fn encoding(&self) -> Encoding {
        match self.compression {
            Compression::Zstd(_) => Encoding::Zstd,
            Compression::None => Encoding::Plain,
        }
    }
}

/// Writes what comes through the pipeline.
pub(crate) struct Writer {
    tools: Tools,
    pipeline: Arc<Pipeline>,
    lanes: Vec<LaneWriter>,
    clerk: Clerk,
    heartbeat: Heartbeat,
    /// Where frames that were written since the last checkpoint are.
    frames: HashMap<u32, FramePosition>,
    /// Nobody else compresses: do it here.
    compresses: bool,
    scratch: Vec<u8>,
    outage: Option<Outage>,
    /// By lane: what was written since the tape's directory was last seen, and its bytes.
    unseen: [(Summary, u64); Lane::ALL.len()],
    /// Another directory was seen in the tape's place.
    replaced: bool,
    /// A batch since the last tick did not reach its journal.
    journal_failed: bool,
    /// Packets from before this time have reached the kernel; none before the first recording.
    complete: Option<Timestamp>,
    is_live: bool,
    segment_age_max: Duration,
    last_summary: Option<Instant>,
    last_moment: Option<Moment>,
    last_reading: Instant,
    next_arrival: u64,
}

/// Where a run begins.
pub(crate) struct Beginning {
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) next_numbers: [u64; Lane::ALL.len()],
    pub(crate) next_arrival: u64,
    /// Up to when the runs before have recorded.
    pub(crate) complete: Option<Timestamp>,
    pub(crate) now: Instant,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        pipeline: Arc<Pipeline>,
        clerk: Clerk,
        heartbeat: Heartbeat,
        options: &Options,
        beginning: Beginning,
    ) -> Self {
        let Beginning { interfaces, next_numbers, next_arrival, complete, now } = beginning;
        let level = if let Compression::Zstd(level) = options.compression { level } else { 1 };
        let serial = Moment::now().time.nanoseconds().cast_unsigned();
        let budget_bytes = shared.room.reachable_bytes();
        let tools = Tools {
            shared,
            compression: options.compression,
            encoder: Encoder::new(level),
            statistics: vec![None; interfaces.len()],
            interfaces,
            now,
        };
        let lanes = Lane::ALL.iter().zip(next_numbers);
        Self {
            tools,
            pipeline,
            lanes: lanes.map(|(lane, number)| LaneWriter::new(*lane, number, serial, budget_bytes)).collect(),
            clerk,
            heartbeat,
            frames: HashMap::new(),
            compresses: options.workers == Some(0),
            scratch: Vec::new(),
            outage: None,
            unseen: Default::default(),
            replaced: false,
            journal_failed: false,
            complete,
            is_live: options.is_live,
            segment_age_max: options.segment_age_max,
            last_summary: None,
            last_moment: None,
            last_reading: now,
            next_arrival,
        }
    }

    /// Works until it is told to stop.
    pub(crate) fn run(mut self) {
        loop {
            let next = self.pipeline.next(Some(Duration::from_secs(1)));
            if next.is_some_and(|next| !self.take(next)) {
                return;
            }
        }
    }

    /// Does all that is there to do; false at the end.
    pub(crate) fn run_pending(&mut self) -> bool {
        while let Some(next) = self.pipeline.next(None) {
            if !self.take(next) {
                return false;
            }
        }
        true
    }

    fn take(&mut self, next: Next) -> bool {
        match next {
            Next::Full(frames) => self.write_frames(frames),
            Next::Packed(frame) => {
                self.write_packed(&frame);
                self.pipeline.give_back_packed(frame.bytes);
            }
            Next::Job(job) => return self.work(job),
        }
        true
    }

    fn work(&mut self, job: Job) -> bool {
        match job {
            Job::Journal(batch) => {
                let lane = &mut self.lanes[batch.lane as usize];
                let journaled = self.outage.is_none() && lane.journal(&mut self.tools, &batch).is_ok();
                if !journaled {
                    self.tools.shared.rejournal[batch.lane as usize].store(true, Ordering::Relaxed);
                    self.journal_failed = true;
                }
            }
            Job::Interface(interface) => {
                self.tools.interfaces.push(interface);
                self.tools.statistics.push(None);
            }
            Job::Statistics(index, statistics) => {
                if let Some(known) = self.tools.statistics.get_mut(index as usize) {
                    *known = Some(statistics);
                }
            }
            Job::Tick(tick) => self.tick(tick),
            Job::Roll => self.lanes.iter_mut().for_each(|lane| lane.roll(&mut self.tools)),
            Job::Checkpoint(checkpoint) => self.checkpoint(*checkpoint),
            Job::Event(event) => self.tools.shared.note(event),
            Job::Synced(synced) => self.synced(synced),
            Job::Abandon => {
                self.clerk.finish();
                return false;
            }
            Job::Stop { next_arrival, done } => {
                self.stop(next_arrival);
                let _ = done.send(());
                return false;
            }
        }
        true
    }

    fn write_packed(&mut self, frame: &PackedFrame) {
        let record = crate::format::catalog::FrameRecord { ubytes: frame.content_bytes, ..frame.summary.record() };
        let tallies = &self.tools.shared.tallies;
        count(&tallies.frames_compressed, 1);
        count(&tallies.bytes_compressed_from, u64::from(frame.content_bytes));
        count(&tallies.bytes_compressed_to, frame.bytes.len() as u64);
        let lane = frame.lane as usize;
        tallies.written(lane, u64::from(frame.content_bytes), frame.bytes.len() as u64);
        self.write(lane, frame.serial, (&frame.summary, u64::from(frame.content_bytes)), |writer| {
            writer.lanes[lane].append(&mut writer.tools, &frame.bytes, Way::Buffered, record)
        });
    }

    fn write_full(&mut self, frame: &mut FullFrame) {
        let (lane, summary) = (frame.lane as usize, frame.buffer.summary);
        let content_bytes = frame.buffer.content_bytes() as u64;
        let compress = self.compresses && !self.pipeline.is_aside();
        match self.tools.compression {
            Compression::Zstd(_) if compress => {
                let mut scratch = std::mem::take(&mut self.scratch);
                self.tools.encoder.compress(frame.buffer.contiguous(), &mut scratch);
                let content_bytes = u32::try_from(content_bytes).unwrap_or(u32::MAX);
                let FullFrame { lane, serial, .. } = *frame;
                let packed = PackedFrame { lane, serial, summary, content_bytes, bytes: scratch };
                self.write_packed(&packed);
                self.scratch = packed.bytes;
                return;
            }
            Compression::Zstd(_) => count(&self.tools.shared.tallies.frames_stored, 1),
            Compression::None => {}
        }
        count(&self.tools.shared.tallies.bytes_stored, content_bytes);
        self.tools.shared.tallies.written(lane, content_bytes, content_bytes);
        let is_aside = self.pipeline.is_aside();
        let buffer = &mut frame.buffer;
        self.write(lane, frame.serial, (&summary, content_bytes), |writer| writer.append_as_is(lane, buffer, is_aside));
    }

    /// Appends a frame without compressing it.
    fn append_as_is(
        &mut self,
        lane: usize,
        buffer: &mut FrameBuffer,
        is_aside: bool,
    ) -> Result<FramePosition, WriteError> {
        let lane = &mut self.lanes[lane];
        let way = lane.way(is_aside);
        lane.prepare(&mut self.tools, buffer.summary.first_time, way)?;
        let ubytes = u32::try_from(buffer.content_bytes()).unwrap_or(u32::MAX);
        let mut record = buffer.summary.record();
        record.ubytes = ubytes;
        if way == Way::Direct {
            count(&self.tools.shared.tallies.bytes_direct, u64::from(ubytes));
        }
        match self.tools.compression {
            Compression::None => lane.append(&mut self.tools, buffer.contiguous(), way, record),
            Compression::Zstd(_) => {
                record.flags = crate::format::catalog::STORED;
                if buffer.is_laid_out_as_stored() {
                    let start = (way == Way::Direct).then(|| lane.misalignment());
                    lane.append(&mut self.tools, buffer.stored(start), way, record)
                } else {
                    self.scratch.clear();
                    store(buffer.contiguous(), &mut self.scratch);
                    lane.append(&mut self.tools, &self.scratch, way, record)
                }
            }
        }
    }

    /// Writes a frame, making the best of what the disk does to us.
    fn write(
        &mut self,
        lane: usize,
        serial: u32,
        (summary, bytes): (&Summary, u64),
        mut append: impl FnMut(&mut Self) -> Result<FramePosition, WriteError>,
    ) {
        let paused = self.outage.as_ref().is_some_and(|outage| outage.waits(self.tools.now));
        if paused {
            return self.lose(lane, summary, bytes);
        }
        let mut tries = 0;
        loop {
            tries += 1;
            match append(self) {
                Ok(position) => {
                    self.frames.insert(serial, position);
                    self.add_unseen(lane, summary, bytes);
                    return self.recovered();
                }
                Err(WriteError::Full(_)) if tries == 1 && self.tools.shared.room.relieve(4 << 20) => {}
                Err(WriteError::Broken(error)) => {
                    let reason = format!("write failed: {error}");
                    self.lanes[lane].set_aside(&mut self.tools, &reason);
                    if tries > 1 {
                        self.pause(&reason);
                        return self.lose(lane, summary, bytes);
                    }
                }
                Err(WriteError::Full(error)) => {
                    let read_only = error.kind() == std::io::ErrorKind::ReadOnlyFilesystem;
                    self.pause(if read_only { "file system is read-only" } else { "disk full" });
                    return self.lose(lane, summary, bytes);
                }
                Err(WriteError::NoRoom) => {
                    self.pause("no room within budget and floor of free disk");
                    return self.lose(lane, summary, bytes);
                }
            }
        }
    }

    fn checkpoint(&mut self, checkpoint: Checkpoint) {
        let frames = std::mem::take(&mut self.frames);
        if self.tools.shared.is_away() {
            return self.clerk.pass_over(frames.into_values());
        }
        let interfaces = self.tools.interfaces.clone();
        let papers = Papers { checkpoint, frames, uncounted: Vec::new(), covers: self.covers(), interfaces };
        self.clerk.write(&self.tools.shared, papers);
    }

    fn covers(&self) -> Covers {
        let mut covers = Covers::default();
        self.lanes.iter().for_each(|lane| covers.set(lane.lane, lane.end()));
        covers
    }

    fn synced(&mut self, synced: Vec<Synced>) {
        if self.tools.shared.is_away() {
            return;
        }
        for segment in synced {
            let lane = &mut self.lanes[segment.lane as usize];
            match segment.error {
                None => lane.synced(&mut self.tools, &segment),
                Some(_) => lane.distrust(&mut self.tools, &segment),
            }
        }
    }

    fn stop(&mut self, next_arrival: u64) {
        for lane in &mut self.lanes {
            lane.roll(&mut self.tools);
        }
        self.clerk.finish();
        let shared = self.tools.shared.clone();
        shared.room.freeze();
        let (synced, _) = shared.sync.pass();
        self.synced(synced);
        for lane in &mut self.lanes {
            lane.end_journal(&self.tools);
        }
        self.end_outage();
        shared.write_summaries();
        shared.note(Event::Stop { next_arrival });
        let file = shared.chain.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take_unsynced();
        file.into_iter().for_each(|file| shared.sync.file(file));
        shared.sync.directory(names::LIVE);
        let _ = shared.sync.pass();
    }
}
