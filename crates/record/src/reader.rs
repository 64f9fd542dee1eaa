//! A thread that reads one ring: it lists the packets and decodes their headers, and the desk does the rest.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};

use crate::Error;
use crate::ring::Ring;
use crate::run::Run;

/// Blocks that are read and that the desk has not come to; the others wait in the ring.
const RUNS_MAX: usize = 2;
/// A reader that nobody needs any more sees that after so long.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
/// While the desk holds the block before, the kernel says at once that something is to be read.
const PAUSE: Duration = Duration::from_millis(2);

/// A thread that reads a ring from its first block on, for as long as this exists.
#[derive(Debug)]
pub(crate) struct Reader {
    runs: Receiver<Run>,
    used: Sender<Run>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Starts the thread; whenever a block was read, it adds to the counter `wake`.
    pub(crate) fn start(ring: Arc<Ring>, first: usize, wake: Arc<OwnedFd>) -> Result<Self, Error> {
        let (filled, runs) = sync_channel(RUNS_MAX);
        let (used, empty) = channel();
        let ended = Arc::new(AtomicBool::new(false));
        let work = Work { ring, next: first, filled, empty, wake, ended: ended.clone() };
        let thread = std::thread::Builder::new().name("reader".into()).spawn(move || work.read());
        Ok(Self { runs, used, ended, thread: Some(thread.map_err(Error::Reader)?) })
    }

    /// The next block, once it has been read. `empty` gives its memory for another.
    pub(crate) fn next(&mut self, empty: &mut Run) -> bool {
        match self.runs.try_recv() {
            Ok(run) => {
                // A reader that has ended needs none.
                let _ = self.used.send(std::mem::replace(empty, run));
                true
            }
            Err(TryRecvError::Empty) => false,
            Err(TryRecvError::Disconnected) => {
                if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
                    std::panic::resume_unwind(panic);
                }
                false
            }
        }
    }
}

impl Drop for Reader {
    /// It ends at its next look.
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

struct Work {
    ring: Arc<Ring>,
    next: usize,
    filled: SyncSender<Run>,
    empty: Receiver<Run>,
    wake: Arc<OwnedFd>,
    ended: Arc<AtomicBool>,
}

impl Work {
    fn read(mut self) {
        while !self.ended.load(Ordering::Relaxed) {
            let Some(block) = self.ring.block(self.next) else {
                self.wait();
                continue;
            };
            self.next += 1;
            let memory = self.empty.try_recv().unwrap_or_default();
            if self.filled.send(memory.list(block, true)).is_err() {
                return;
            }
            // A full counter has woken the desk already.
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }

    fn wait(&self) {
        let mut watched = [PollFd::new(self.ring.as_ref(), PollFlags::IN)];
        let ready = rustix::event::poll(&mut watched, Some(&LOOK_EVERY));
        let [watched] = watched;
        if watched.revents().contains(PollFlags::ERR) {
            // ENETDOWN is told once, and poll returns at once until it was read.
            let _ = rustix::net::sockopt::socket_error(self.ring.as_fd());
        }
        if ready.is_ok_and(|ready| ready > 0) && !self.ring.is_ready(self.next) {
            std::thread::sleep(PAUSE);
        }
    }
}
