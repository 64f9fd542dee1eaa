//! The tape as its recorder sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use flow::{FlowTable, FrameRef, LaneFill, LaneReport, RowFill};
use packet::capture::Statistics;
use packet::capture::block::{packet_block_bytes, put_packet_block};
use packet::{Interface, Packet, Timestamp};

use crate::ageing::{frame_bytes_max, segment_bytes_max};
use crate::checkpoint::is_busy;
use crate::clock::Moment;
use crate::counters::Counters;
use crate::format::chain::{Event, Loss};
use crate::frame::{FrameBuffer, Layout, Summary};
use crate::heartbeat::LanePace;
use crate::job::{Checkpoint, Job, JournalBatch, Tick};
use crate::options::{Compression, Options};
use crate::pipeline::{FullFrame, Pipeline};
use crate::shared::{Shared, Tallies};
use crate::threads::{Crew, Expiry};
use crate::{Error, Lane};

/// A frame with so many bytes at a tick is closed rather than journaled.
const CLOSE_BYTES: usize = 256 << 10;
/// A frame that is as old is closed however little it holds.
const FRAME_AGE_MAX: Duration = Duration::from_secs(60);
/// Rows are written after so many bytes of packets, but not more often than this.
const CHECKPOINT_BYTES: u64 = 256 << 20;
/// So many bytes of junk count as one, on a small tape of bulk too.
const JUNK_WEIGHT: u64 = 64;
const SMALL_BUDGET_BYTES: u64 = 1 << 30;
const CHECKPOINT_INTERVAL_MIN: Duration = Duration::from_secs(10);
/// How long rows of an earlier period are waited for where packets are the clock.
const CHECKPOINT_WAIT_MAX: Duration = Duration::from_secs(60);
const CHECKPOINT_INTERVAL_MAX: Duration = Duration::from_secs(3600);
/// Where a period has so few bytes, whoever needs its rows makes them in no time: it can be longer. A flow file takes some
/// kilobytes, however few its rows are.
const SMALL_PERIOD_BYTES: u64 = 16 << 20;

/// A tape that is being written.
///
/// One thread appends and ticks; compressing, writing, syncing and ageing happen elsewhere. What goes wrong there is
/// recorded on the tape, counted, and told by [`Tape::problems`].
pub struct Tape {
    pub(crate) lanes: [OpenLane; Lane::ALL.len()],
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) crew: Crew,
    pub(crate) checkpoints_waiting: Arc<AtomicUsize>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) options: Options,
    pub(crate) next_arrival: u64,
    pub(crate) next_frame: u32,
    pub(crate) packets: u64,
    pub(crate) bytes_since_checkpoint: u64,
    pub(crate) last_checkpoint: Instant,
    /// Length of the flow table's state at the last checkpoint.
    pub(crate) snapshot_bytes: usize,
    pub(crate) ticks: u64,
    pub(crate) now: Instant,
    pub(crate) scratch: Vec<u8>,
    pub(crate) lost: [Summary; Lane::ALL.len()],
    pub(crate) lost_bytes: [u64; Lane::ALL.len()],
    pub(crate) closed: bool,
    /// All packets that were captured before this time have been appended, if the caller said so.
    pub(crate) settled: Option<Timestamp>,
    /// When taking the tape up again in another directory is tried next.
    pub(crate) next_try: Option<Instant>,
    /// What the packets' times drive, where they are the clock.
    pub(crate) by_packets: Option<PacketClock>,
}

/// Removes what is too old by the packets' own times.
pub(crate) struct PacketClock {
    pub(crate) expiry: Expiry,
    pub(crate) time: Option<Timestamp>,
    pub(crate) began: Instant,
}

/// The open frame of a lane.
pub(crate) struct OpenLane {
    frame: Option<FrameBuffer>,
    serial: FrameRef,
    /// Bytes and packets of it that the journal has.
    journaled: (usize, u32),
    opened: Instant,
    content_bytes_max: usize,
    journal_bytes_max: usize,
    /// What closed frames held.
    closed_bytes: u64,
}

impl OpenLane {
    pub(crate) fn new(lane: Lane, budget_bytes: u64, now: Instant) -> Self {
        let content_bytes_max = frame_bytes_max(segment_bytes_max(budget_bytes, lane));
        Self {
            frame: None,
            serial: FrameRef(0),
            journaled: (0, 0),
            opened: now,
            content_bytes_max,
            journal_bytes_max: content_bytes_max,
            closed_bytes: 0,
        }
    }
}

impl Tape {
    /// The tape's number of an interface, the same for equal ones; frames that follow can hold its packets.
    pub fn interface(&mut self, interface: &Interface) -> u32 {
        let interface = Interface { snaplen: self.options.snaplen, ..interface.clone() };
        let known = self.interfaces.iter().position(|known| *known == interface);
        let index = known.unwrap_or_else(|| {
            self.close_frames();
            self.interfaces.push(interface.clone());
            self.hand(Job::Interface(interface));
            self.interfaces.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// Every interface that the tape knows, by number.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// The next arrival number.
    #[inline]
    pub fn next_arrival(&mut self) -> u64 {
        let arrival = self.next_arrival;
        self.next_arrival += 1;
        arrival
    }

    /// Appends a packet to a lane, at most `snap_bytes` of it, and says which frame has it; `None` if it was lost,
    /// which is counted and recorded.
    ///
    /// The packet has an arrival number, and its interface is one of the tape's. This is a comparison and a copy, but
    /// where a frame is full.
    #[inline]
    pub fn append(&mut self, lane: Lane, packet: &Packet<'_>, snap_bytes: u32) -> Option<FrameRef> {
        let snap = snap_bytes.min(self.options.snaplen) as usize;
        let arrival = packet.arrival.unwrap_or(0);
        let open = &mut self.lanes[lane as usize];
        if let Some(frame) = &mut open.frame
            && frame.append(packet, snap, arrival)
        {
            self.packets += 1;
            return Some(open.serial);
        }
        self.append_slowly(lane, packet, snap, arrival)
    }

    /// Notes the counters of an interface, for the end of segments.
    pub fn note_statistics(&mut self, interface: u32, statistics: &Statistics) {
        self.hand(Job::Statistics(interface, *statistics));
    }

    /// Notes that packets were lost before they came here; written to the log with others of the same place and reason.
    pub fn note_loss(&mut self, loss: Loss) {
        self.shared.hold_loss(loss);
    }

    /// Writes a line of the log.
    pub fn note(&mut self, event: Event) {
        self.hand(Job::Event(event));
    }

    /// Says that all packets that were captured before `until` have been appended; the next tick relies on it. Without a
    /// word it takes that to be so for all that were captured before the tick.
    pub fn settle(&mut self, until: Timestamp) {
        self.settled = Some(until);
    }

    /// Says what time it is by the packets' own clock; it counts only where that is what the options want.
    pub fn set_time(&mut self, time: Timestamp) {
        if let Some(clock) = &mut self.by_packets {
            clock.time = Some(time);
        }
    }

    /// To be called each second: what is open is brought to the kernel, old segments are closed.
    ///
    /// # Errors
    /// When the tape cannot be written any more at all. What passes, as a full disk, is told by [`Tape::problems`].
    pub fn tick(&mut self, now: Instant) -> Result<(), Error> {
        self.now = now;
        if let Crew::Threads(threads) = &self.crew
            && threads.has_failed()
        {
            return Err(Error::Stopped);
        }
        self.report_losses();
        self.tick_by_packets();
        self.shared.room.pass(now);
        // While the disk takes nothing, work for it must not pile up.
        if self.ticks.saturating_sub(self.shared.ticks_done()) > 1 {
            return Ok(());
        }
        for lane in Lane::ALL {
            self.save_open_frame(lane);
        }
        self.ticks += 1;
        let (appended, next_arrival, moment) = (self.packets, self.next_arrival, Moment::now());
        let settled = self.settled.take().unwrap_or(moment.time);
        self.hand(Job::Tick(Tick { now, moment, appended, next_arrival, settled }));
        self.pipeline.shrink();
        if let Crew::Caller(work) = &mut self.crew {
            work.tick(&self.shared, &self.pipeline, now);
        }
        Ok(())
    }

    /// What each lane holds, may hold, and has been filled with, by its number.
    pub fn fills(&self) -> [LaneFill; Lane::ALL.len()] {
        let mut fills = self.shared.room.fills();
        let Tallies { content_written, content_stored, .. } = &self.shared.tallies;
        for ((fill, open), (written, stored)) in
            fills.iter_mut().zip(&self.lanes).zip(content_written.iter().zip(content_stored))
        {
            let open_bytes = open.frame.as_ref().map_or(0, FrameBuffer::content_bytes) as u64;
            // What is on its way counts as it is; what it becomes is known when it has been written.
            let on_its_way = (open.closed_bytes + open_bytes).saturating_sub(written.load(Ordering::Relaxed));
            fill.filled_bytes = stored.load(Ordering::Relaxed) + on_its_way;
        }
        fills
    }

    /// What the rows hold, may hold, and have been filled with.
    pub fn row_fill(&self) -> RowFill {
        self.shared.room.row_fill(self.shared.tallies.flow_file_bytes.load(Ordering::Relaxed))
    }

    /// Says how the lanes' admission does, for who asks for the tape's status.
    pub fn note_admission(&mut self, reports: &[(Lane, LaneReport)]) {
        let by_name = |(lane, report): &(Lane, LaneReport)| (lane.name().to_owned(), LanePace::from(report));
        self.shared.set_paces(reports.iter().map(by_name).collect());
    }

    /// Closes all open segments, as when `-G` asks for it.
    pub fn roll(&mut self) {
        self.close_frames();
        self.hand(Job::Roll);
    }

    /// True unless rows of earlier periods still wait to be written: those of one more could be lost. Where packets are the
    /// clock they are waited for.
    #[inline]
    pub fn takes_checkpoint(&self) -> bool {
        !is_busy(&self.checkpoints_waiting) || self.by_packets.is_some()
    }

    /// True when rows should be written soon.
    pub fn wants_checkpoint(&self) -> bool {
        let since = self.now.saturating_duration_since(self.last_checkpoint);
        let threshold = (self.options.budget_bytes / 16).clamp(1 << 20, CHECKPOINT_BYTES);
        let many = self.bytes_since_checkpoint >= threshold && since >= CHECKPOINT_INTERVAL_MIN;
        let interval_max =
            if threshold <= SMALL_PERIOD_BYTES { 6 * CHECKPOINT_INTERVAL_MAX } else { CHECKPOINT_INTERVAL_MAX };
        let old = self.bytes_since_checkpoint > 0 && since >= interval_max;
        (many || old || self.shared.is_checkpoint_asked()) && self.takes_checkpoint()
    }

    /// Ends a period of the flow table: its rows are written, and what is needed to go on. Parked packets have been
    /// appended before.
    pub fn checkpoint(&mut self, table: &mut FlowTable) {
        self.end_period(table, false);
    }

    fn end_period(&mut self, table: &mut FlowTable, is_last: bool) {
        self.shared.ask_checkpoint(false);
        if self.by_packets.is_some() {
            wait(|| is_busy(&self.checkpoints_waiting), CHECKPOINT_WAIT_MAX);
        }
        self.close_frames();
        // Grown step by step, its memory would be touched twice while packets wait.
        let mut snapshot = Vec::with_capacity(self.snapshot_bytes + self.snapshot_bytes / 8);
        let period = table.checkpoint();
        table.snapshot(&mut snapshot);
        self.snapshot_bytes = snapshot.len();
        self.bytes_since_checkpoint = 0;
        self.last_checkpoint = self.now;
        self.checkpoints_waiting.fetch_add(1, Ordering::Relaxed);
        let checkpoint = Checkpoint { period, snapshot, next_arrival: self.next_arrival, is_last };
        self.hand(Job::Checkpoint(Box::new(checkpoint)));
    }

    /// What has happened since the tape was opened.
    pub fn counters(&self) -> Counters {
        Counters::of(&self.shared, self.packets)
    }

    /// How much of the memory for frames is on its way to the disk, from 0 to 1.
    pub fn pressure(&self) -> f32 {
        self.pipeline.pressure()
    }

    /// Asks compressing to step aside, because packets are lost, or nearly, before they come here.
    pub fn hurry(&mut self, hurried: bool) {
        self.pipeline.hurry(hurried);
    }

    /// What went wrong since the last call, in words; it is in the log too.
    pub fn problems(&mut self) -> Vec<String> {
        self.shared.take_problems()
    }

    /// Writes the last rows, closes and syncs everything; what has happened in all.
    pub fn close(mut self, table: &mut FlowTable) -> Counters {
        self.report_losses();
        self.end_period(table, true);
        self.closed = true;
        let (done, stopped) = sync_channel(1);
        self.hand(Job::Stop { next_arrival: self.next_arrival, done });
        match &mut self.crew {
            Crew::Caller(work) => drop(work.writer.run_pending()),
            Crew::Threads(threads) => {
                let _ = stopped.recv();
                threads.join();
            }
        }
        self.counters()
    }

    #[cold]
    #[inline(never)]
    fn append_slowly(&mut self, lane: Lane, packet: &Packet<'_>, snap: usize, arrival: u64) -> Option<FrameRef> {
        let captured = packet.data.len().min(snap);
        let total = packet_block_bytes(captured, packet.direction, packet.arrival.is_some());
        loop {
            if self.lanes[lane as usize].frame.is_none() && !self.begin_frame(lane) {
                let lost = &mut self.lost[lane as usize];
                lost.add(packet.time, arrival);
                self.lost_bytes[lane as usize] += u64::from(packet.wire_bytes);
                return None;
            }
            let open = &mut self.lanes[lane as usize];
            let frame = open.frame.as_mut()?;
            let mut fits = frame.append(packet, snap, arrival)
                || (frame.next_piece(captured, packet.direction) && frame.append(packet, snap, arrival));
            if !fits && (frame.is_empty() || total > crate::format::zstd_frame::BLOCK_BYTES_MAX) {
                self.scratch.resize(total, 0);
                put_packet_block(&mut self.scratch, packet, captured);
                fits = frame.append_long(&self.scratch, packet.time, arrival);
                assert!(fits || !frame.is_empty(), "an empty frame takes any packet");
            }
            if fits {
                self.packets += 1;
                return Some(open.serial);
            }
            self.close_frame(lane);
        }
    }

    fn begin_frame(&mut self, lane: Lane) -> bool {
        let any_lost = self.lost[lane as usize].packets > 0;
        // Who has lost packets already does not wait again for each of the next ones.
        let wait_max = if any_lost { Duration::ZERO } else { self.options.wait_max };
        let Some(mut frame) = self.pipeline.buffer(wait_max) else { return false };
        let stored = self.options.compression != Compression::None && self.pipeline.is_aside();
        let open = &mut self.lanes[lane as usize];
        frame.begin(if stored { Layout::Stored } else { Layout::Contiguous }, open.content_bytes_max);
        open.frame = Some(frame);
        open.serial = FrameRef(self.next_frame);
        open.journaled = (0, 0);
        open.opened = self.now;
        self.next_frame = self.next_frame.wrapping_add(1);
        true
    }

    /// Hands the open frame of a lane over.
    fn close_frame(&mut self, lane: Lane) {
        let open = &mut self.lanes[lane as usize];
        let Some(buffer) = open.frame.take() else { return };
        if buffer.is_empty() {
            return self.pipeline.give_back([buffer]);
        }
        open.closed_bytes += buffer.content_bytes() as u64;
        // What a flood leaves must not end periods one after the other: each takes room among the rows, however few.
        let is_small = self.options.budget_bytes < SMALL_BUDGET_BYTES;
        let weight = if lane == Lane::Junk || (lane == Lane::Bulk && is_small) { JUNK_WEIGHT } else { 1 };
        self.bytes_since_checkpoint += buffer.content_bytes() as u64 / weight;
        self.pipeline.push_frame(FullFrame { lane, serial: open.serial.0, buffer });
        self.work_off();
    }

    pub(crate) fn close_frames(&mut self) {
        Lane::ALL.into_iter().for_each(|lane| self.close_frame(lane));
    }

    /// Brings what a lane's open frame holds to the journal, or the frame itself to its segment.
    fn save_open_frame(&mut self, lane: Lane) {
        let again = self.shared.rejournal[lane as usize].swap(false, Ordering::Relaxed);
        let in_journal = self.shared.journal_bytes(lane);
        let open = &mut self.lanes[lane as usize];
        let Some(frame) = &open.frame else { return };
        if again {
            open.journaled = (0, 0);
        }
        let (content, (journaled, packets)) = (frame.content_bytes(), open.journaled);
        let age = self.now.saturating_duration_since(open.opened);
        let close_bytes = CLOSE_BYTES.min(open.content_bytes_max / 2);
        let is_full = in_journal + (content - journaled) as u64 > open.journal_bytes_max as u64;
        if content >= close_bytes || (age >= FRAME_AGE_MAX && content > 0) || (is_full && content > journaled) {
            return self.close_frame(lane);
        }
        if content == journaled {
            return;
        }
        let bytes = frame.content_from(journaled).collect::<Vec<_>>().concat();
        let batch = JournalBatch {
            lane,
            offset: journaled as u32,
            packets: frame.summary.packets - packets,
            first_time: frame.summary.first_time,
            bytes,
        };
        open.journaled = (content, frame.summary.packets);
        self.hand(Job::Journal(batch));
    }

    /// Where packets are the clock their seconds can be shorter than what there is to do in one: that is waited for.
    fn tick_by_packets(&mut self) {
        let Some(clock) = &mut self.by_packets else { return };
        if let Some(time) = clock.time {
            let boot_ns = self.now.saturating_duration_since(clock.began).as_nanos();
            let moment = Moment { time, boot_ns: u64::try_from(boot_ns).unwrap_or(u64::MAX) };
            clock.expiry.look(&self.shared, self.now, moment);
        }
        let is_behind = self.ticks > self.shared.ticks_done();
        if !is_behind || matches!(self.crew, Crew::Caller(_)) || self.shared.is_away() {
            return;
        }
        wait(|| self.ticks > self.shared.ticks_done() && !self.shared.is_away(), self.options.wait_max);
    }

    fn hand(&mut self, job: Job) {
        self.pipeline.push(job);
        self.work_off();
    }

    fn work_off(&mut self) {
        if let Crew::Caller(work) = &mut self.crew {
            work.writer.run_pending();
        }
    }

    pub(crate) fn report_losses(&mut self) {
        for lane in Lane::ALL {
            let lost = std::mem::take(&mut self.lost[lane as usize]);
            let bytes = std::mem::take(&mut self.lost_bytes[lane as usize]);
            if lost.packets > 0 {
                self.shared.lose(&format!("lane {}", lane.name()), "the disk is behind", &lost, bytes);
            }
        }
    }
}

/// Waits for another thread as long as `is_busy`.
fn wait(is_busy: impl Fn() -> bool, at_most: Duration) {
    let deadline = Instant::now() + at_most;
    while is_busy() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_micros(50));
    }
}

impl Drop for Tape {
    /// Without [`Tape::close`] it ends as in a crash, from which the next start recovers.
    fn drop(&mut self) {
        if !self.closed {
            self.pipeline.push(Job::Abandon);
            if let Crew::Threads(threads) = &mut self.crew {
                threads.join();
            }
        }
    }
}
