//! Bringing what was written to stable storage, without anybody waiting for it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use packet::Timestamp;

use crate::Lane;
use crate::disk::{Disk, DiskFile};
use crate::format::state::Position;

/// With so many bytes waiting the next pass begins at once. A file system that is mounted with `discard` tells the
/// device of removed files when it commits, and does little else meanwhile: seldom, that would be for long.
const BYTES_MAX: u64 = 256 << 20;
/// From so many segments on the whole file system is synced: each file would cost a commit and a flush of its own.
const SEGMENTS_TOGETHER: usize = 8;

/// What became of a segment in a pass.
#[derive(Debug)]
pub(crate) struct Synced {
    pub(crate) lane: Lane,
    /// Up to here it had been written when the pass began.
    pub(crate) end: Position,
    /// The same place in the file.
    pub(crate) length: u64,
    /// Up to here it was safe before.
    pub(crate) length_before: u64,
    /// The segment was closed by then.
    pub(crate) closed: bool,
    /// Why it is not safe.
    pub(crate) error: Option<io::Error>,
}

/// A segment with bytes that may not be safe.
pub(crate) struct Unsynced {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) end: Position,
    pub(crate) length: u64,
    pub(crate) length_before: u64,
    /// It is closed.
    pub(crate) closed: bool,
    /// Its index, once that is complete.
    pub(crate) catalog: Option<Arc<dyn DiskFile>>,
}

/// What has been written and may not be safe.
pub(crate) struct SyncSet {
    disk: Arc<dyn Disk>,
    state: Mutex<State>,
    wake: Condvar,
    durable: AtomicU64,
    failed_passes: AtomicU64,
    durable_until: Mutex<Option<Timestamp>>,
}

#[derive(Default)]
struct State {
    segments: BTreeMap<(u8, u64), Unsynced>,
    /// What was written to them since the last pass began.
    bytes: u64,
    files: Vec<Arc<dyn DiskFile>>,
    /// Written each second: it is synced with the rest.
    heartbeat: Option<Arc<dyn DiskFile>>,
    directories: BTreeSet<&'static str>,
    /// Packets that have reached the kernel, and up to which time.
    reached: u64,
    reached_until: Option<Timestamp>,
    stop: bool,
}

impl SyncSet {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            state: Mutex::default(),
            wake: Condvar::new(),
            durable: AtomicU64::new(0),
            failed_passes: AtomicU64::new(0),
            durable_until: Mutex::default(),
        }
    }

    /// A segment was written to.
    pub(crate) fn segment(&self, lane: Lane, unsynced: Unsynced) {
        let mut state = self.lock();
        let (length, length_before) = (unsynced.length, unsynced.length_before);
        let waiting = state.segments.insert((lane as u8, unsynced.end.segment), unsynced);
        state.bytes += length.saturating_sub(waiting.map_or(length_before, |waiting| waiting.length));
        if state.bytes > BYTES_MAX {
            self.wake.notify_one();
        }
    }

    /// A segment is gone, with or without its bytes.
    pub(crate) fn forget(&self, lane: Lane, number: u64) {
        self.lock().segments.remove(&(lane as u8, number));
    }

    /// Forgets closed segments that ageing has removed.
    pub(crate) fn forget_before(&self, lane: Lane, oldest: u64) {
        self.lock().segments.retain(|(of, number), segment| *of != lane as u8 || *number >= oldest || !segment.closed);
    }

    /// Another file was written to.
    pub(crate) fn file(&self, file: Arc<dyn DiskFile>) {
        self.lock().files.push(file);
    }

    /// The heartbeat was written.
    pub(crate) fn heartbeat(&self, file: Option<Arc<dyn DiskFile>>) {
        self.lock().heartbeat = file;
    }

    /// A name in a directory is new, or gone.
    pub(crate) fn directory(&self, name: &'static str) {
        self.lock().directories.insert(name);
    }

    /// The first so many packets that were appended have reached the kernel, and all that were recorded `until` then.
    pub(crate) fn reached(&self, packets: u64, until: Option<Timestamp>) {
        let mut state = self.lock();
        (state.reached, state.reached_until) = (packets, until);
    }

    /// All packets that were recorded until then are on stable storage.
    pub(crate) fn durable_until(&self) -> Option<Timestamp> {
        *self.durable_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As the runs before left it.
    pub(crate) fn set_durable_until(&self, until: Option<Timestamp>) {
        *self.durable_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// So many packets, in the order in which they were appended, are on stable storage.
    pub(crate) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Relaxed)
    }

    /// So many packets have reached the kernel.
    pub(crate) fn in_kernel(&self) -> u64 {
        self.lock().reached
    }

    /// Brings everything to stable storage that was written before the call.
    pub(crate) fn pass(&self) -> (Vec<Synced>, Option<io::Error>) {
        let State { segments, mut files, heartbeat, directories, reached, reached_until, .. } = {
            let mut state = self.lock();
            let State { reached, reached_until, stop, .. } = *state;
            std::mem::replace(&mut *state, State { reached, reached_until, stop, ..State::default() })
        };
        files.extend(heartbeat);
        let together = segments.len() >= SEGMENTS_TOGETHER && self.disk.sync_everything().is_ok();
        let sync = |file: &dyn DiskFile| if together { Ok(()) } else { file.sync_data() };
        let mut failed = None;
        let synced: Vec<Synced> = segments.into_iter().map(|((lane, _), segment)| segment.sync(lane, sync)).collect();
        for file in files {
            failed = sync(file.as_ref()).err().or(failed);
        }
        for directory in directories.into_iter().filter(|_| !together) {
            let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
            failed = self.disk.sync_directory(Path::new(directory)).err().filter(|error| !missing(error)).or(failed);
        }
        if failed.is_none() && synced.iter().all(|segment| segment.error.is_none()) {
            self.durable.fetch_max(reached, Ordering::Relaxed);
            self.set_durable_until(reached_until);
        } else {
            self.failed_passes.fetch_add(1, Ordering::Relaxed);
        }
        (synced, failed)
    }

    /// Waits for the next pass; false at the end.
    pub(crate) fn wait(&self, interval: Duration) -> bool {
        let state = self.lock();
        if state.stop {
            return false;
        }
        let (state, _) = self.wake.wait_timeout(state, interval).unwrap_or_else(PoisonError::into_inner);
        !state.stop
    }

    /// Ends the waiting.
    pub(crate) fn stop(&self) {
        self.lock().stop = true;
        self.wake.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unsynced {
    fn sync(self, lane: u8, sync: impl Fn(&dyn DiskFile) -> io::Result<()>) -> Synced {
        // The index can be made again: its errors are nobody's.
        let _ = self.catalog.as_ref().map(|catalog| sync(catalog.as_ref()));
        Synced {
            lane: Lane::ALL[usize::from(lane)],
            error: sync(self.file.as_ref()).err(),
            end: self.end,
            length: self.length,
            length_before: self.length_before,
            closed: self.closed,
        }
    }
}
