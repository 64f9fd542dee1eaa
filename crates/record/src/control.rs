//! How others talk to a running recorder.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::event::EventfdFlags;

use crate::Counters;

/// Stops a recorder, from a signal handler too, and shows what it has counted.
#[derive(Debug)]
pub struct Control {
    stop: AtomicBool,
    wake: OwnedFd,
    counters: Mutex<Counters>,
}

impl Control {
    /// For one recorder.
    pub fn new() -> io::Result<Self> {
        let wake = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { stop: AtomicBool::new(false), wake, counters: Mutex::default() })
    }

    /// Asks the recorder to stop at once; safe in a signal handler.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        // A full counter has woken it already.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// True once `stop` was called.
    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What was counted, at most half a second ago.
    pub fn counters(&self) -> Counters {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn publish(&self, counters: &Counters) {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone_from(counters);
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
