//! The threads of a tape.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use packet::Timestamp;

use crate::clock::Moment;
use crate::frame::Encoder;
use crate::holds::HoldKeeper;
use crate::job::Job;
use crate::options::{Compression, Options};
use crate::pipeline::Pipeline;
use crate::shared::Shared;
use crate::writer::Writer;

/// How often what is too old is looked for.
const EXPIRE_INTERVAL: Duration = Duration::from_secs(10);
/// How often holds are looked at.
const HOLDS_INTERVAL: Duration = Duration::from_millis(200);
/// A wall clock that stepped by more than this is not believed, where it would remove evidence, before some time passed.
const STEP_BELIEVED_NS: u64 = 3600 * 1_000_000_000;

/// Lets others go first: for work that may fall behind.
pub(crate) fn be_nice() {
    // On Linux this is a property of the thread; refused, it costs nothing but politeness.
    let _ = rustix::process::setpriority_process(None, 10);
}

/// Who does the work that [`crate::Tape`] hands over.
pub(crate) enum Crew {
    /// The caller, in `append` and `tick`.
    Caller(Box<CallersWork>),
    /// Threads.
    Threads(Threads),
}

/// What the caller does itself: for tests, where the order of everything has to be known.
pub(crate) struct CallersWork {
    pub(crate) writer: Writer,
    pub(crate) sync_interval: Duration,
    pub(crate) last_sync: Instant,
    pub(crate) expiry: Expiry,
}

/// The threads of a tape.
pub(crate) struct Threads {
    shared: Arc<Shared>,
    pipeline: Arc<Pipeline>,
    stop: Arc<AtomicBool>,
    writer: Option<JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
}

/// How many threads compress.
pub(crate) fn workers(options: &Options) -> usize {
    if options.compression == Compression::None {
        return 0;
    }
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    options.workers.unwrap_or(processors.saturating_sub(1).clamp(1, 4))
}

impl Threads {
    pub(crate) fn start(
        shared: &Arc<Shared>,
        pipeline: &Arc<Pipeline>,
        writer: Writer,
        holds: Option<HoldKeeper>,
        options: &Options,
    ) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads =
            Self { shared: shared.clone(), pipeline: pipeline.clone(), stop, writer: None, others: Vec::new() };
        threads.writer = Some(Builder::new().name("tape-writer".to_owned()).spawn(move || writer.run())?);
        if let Compression::Zstd(level) = options.compression {
            for _ in 0..workers(options) {
                let pipeline = pipeline.clone();
                threads.spawn("tape-compress", move || compress(&pipeline, level))?;
            }
        }
        let (of_sync, to, interval) = (shared.clone(), pipeline.clone(), options.sync_interval);
        threads.spawn("tape-sync", move || {
            while of_sync.sync.wait(interval) {
                sync(&of_sync, &to);
            }
        })?;
        let (of_room, stop) = (shared.clone(), threads.stop.clone());
        let mut expiry = (!options.packets_are_clock).then(|| Expiry::new(options));
        threads.spawn("tape-room", move || {
            while !stop.load(Ordering::Relaxed) {
                of_room.room.wait(Duration::from_secs(1));
                of_room.room.tidy();
                if let Some(expiry) = &mut expiry {
                    expiry.look(&of_room, Instant::now(), Moment::now());
                }
            }
        })?;
        if let Some(mut holds) = holds {
            let stop = threads.stop.clone();
            threads.spawn("tape-holds", move || {
                be_nice();
                while !stop.load(Ordering::Relaxed) {
                    holds.step(&stop);
                    std::thread::park_timeout(HOLDS_INTERVAL);
                }
            })?;
        }
        Ok(threads)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        self.others.push(Builder::new().name(name.to_owned()).spawn(work)?);
        Ok(())
    }

    /// The writer is there no more, which it should be.
    pub(crate) fn has_failed(&self) -> bool {
        self.writer.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for all of them; the writer has been told to stop.
    pub(crate) fn join(&mut self) {
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
        self.stop.store(true, Ordering::Relaxed);
        self.pipeline.close();
        self.shared.sync.stop();
        for thread in self.others.drain(..) {
            self.shared.room.wake();
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl CallersWork {
    /// What the threads would have done by now.
    pub(crate) fn tick(&mut self, shared: &Shared, pipeline: &Pipeline, now: Instant) {
        self.writer.run_pending();
        if now.saturating_duration_since(self.last_sync) >= self.sync_interval {
            self.last_sync = now;
            sync(shared, pipeline);
            self.writer.run_pending();
        }
        shared.room.tidy();
        self.expiry.look(shared, now, Moment::now());
    }
}

/// Removes what is too old, by a wall clock that has to be believable for that.
pub(crate) struct Expiry {
    age_max: Option<Duration>,
    age_max_flows: Option<Duration>,
    last: Option<Instant>,
    /// How far the wall clock was ahead of the boot clock, and since when.
    offset: Option<(i64, u64)>,
}

impl Expiry {
    pub(crate) fn new(options: &Options) -> Self {
        let Options { age_max, age_max_flows, .. } = *options;
        Self { age_max, age_max_flows, last: None, offset: None }
    }

    pub(crate) fn look(&mut self, shared: &Shared, instant: Instant, now: Moment) {
        let due = self.last.is_none_or(|last| instant.saturating_duration_since(last) >= EXPIRE_INTERVAL);
        if !due || (self.age_max.is_none() && self.age_max_flows.is_none()) {
            return;
        }
        self.last = Some(instant);
        if !self.believes(now) {
            return;
        }
        let before = |age: Duration| {
            let age = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
            Timestamp(now.time.nanoseconds().saturating_sub(age))
        };
        shared.room.expire(self.age_max.map(before), self.age_max_flows.map(before));
    }

    /// False for an hour after the wall clock was set by more than an hour.
    fn believes(&mut self, now: Moment) -> bool {
        let (offset, since) = *self.offset.get_or_insert((now.offset_ns(), 0));
        if offset.abs_diff(now.offset_ns()) > STEP_BELIEVED_NS {
            self.offset = Some((now.offset_ns(), now.boot_ns));
            return false;
        }
        since == 0 || now.boot_ns.saturating_sub(since) > STEP_BELIEVED_NS
    }
}

fn compress(pipeline: &Pipeline, level: i32) {
    be_nice();
    let mut encoder = Encoder::new(level);
    while pipeline.work(&mut |content, out| encoder.compress(content, out)) {}
}

fn sync(shared: &Shared, pipeline: &Pipeline) {
    let (synced, error) = shared.sync.pass();
    shared.complain("sync", error.map(|error| error.to_string()));
    pipeline.push(Job::Synced(synced));
}
