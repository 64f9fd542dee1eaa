//! The rings of a recording and the interfaces behind them.

mod follow;
mod rings;

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use packet::Timestamp;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};

use crate::clock::wall_clock;
use crate::feed::Feed;
use crate::interfaces::{Interfaces, NetworkInterface};
use crate::merge::{Merge, Outcome, Take};
use crate::netlink::Changes;
use crate::selection::Selection;
use crate::taps::Taps;
use crate::{Control, Error, Options};

/// Routes can change without end; they are looked at this often at most.
const ROUTES_EVERY: Duration = Duration::from_secs(10);
/// How long packets that wait for another ring's are left alone.
const HOLD: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };

/// Open rings, and where their packets come from.
#[derive(Debug)]
pub(crate) struct Capture {
    sources: Vec<Source>,
    pub(crate) taps: Taps,
    pub(crate) interfaces: Interfaces,
    merge: Merge,
    changes: Changes,
    stale: Stale,
    /// Since when interfaces that were recorded are gone, by name.
    gone: BTreeMap<String, Timestamp>,
    segments: bool,
    /// What readers of rings wake this thread with, once they have been started.
    wake: Option<Arc<OwnedFd>>,
    /// Packets can come before the news of their interface: `any` wants them.
    takes_unknown: bool,
}

/// A ring and what it listens to.
#[derive(Debug)]
struct Source {
    feed: Feed,
    /// `None` listens to every interface.
    watched: Option<Watched>,
}

#[derive(Clone, Debug)]
struct Watched {
    name: String,
    index: u32,
    hardware: u16,
    present: bool,
}

/// The rings, apart from where their packets come from.
pub(crate) struct Rings<'c> {
    sources: &'c mut [Source],
    merge: &'c mut Merge,
}

/// What may not be as the kernel last said.
#[derive(Debug)]
struct Stale {
    interfaces: bool,
    routes: bool,
    read: Instant,
}

impl Capture {
    /// Opens rings on what the options select; whatever the filter rejects does not get in from the first moment on.
    pub(crate) fn open(options: &Options) -> Result<Self, Error> {
        let changes = Changes::open().map_err(Error::Interfaces)?;
        let interfaces = Interfaces::read().map_err(Error::Interfaces)?;
        let available = || interfaces.iter().map(|interface| interface.name.clone()).collect();
        if let Some(name) = options.selection.missing(&interfaces).next() {
            return Err(Error::NoSuchInterface { name: name.into(), available: available() });
        }
        let chosen = options.selection.choose(&interfaces);
        if chosen.is_empty() {
            return Err(Error::NoInterface { available: available() });
        }
        let mut capture = Self {
            sources: Vec::new(),
            taps: Taps::default(),
            merge: Merge::default(),
            changes,
            stale: Stale { interfaces: false, routes: false, read: Instant::now() },
            gone: BTreeMap::new(),
            wake: None,
            takes_unknown: options.selection == Selection::Any,
            segments: options.segments && !sctp_is_loaded(),
            interfaces,
        };
        for interface in capture.interfaces.iter() {
            capture.taps.add(interface);
        }
        capture.taps.choose(&chosen);
        capture.open_rings(options, &chosen)?;
        let now = wall_clock();
        for tap in capture.taps.iter_mut().filter(|tap| tap.chosen && !tap.up) {
            tap.off_since = Some(now);
        }
        Ok(capture)
    }

    /// Has each ring read by a thread of its own from now on. Rights belong to a thread: they are given up before.
    pub(crate) fn start_readers(&mut self) -> Result<(), Error> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let wake = rustix::event::eventfd(0, flags).map_err(|error| Error::Reader(error.into()))?;
        let wake = self.wake.insert(Arc::new(wake));
        self.sources.iter_mut().try_for_each(|source| source.feed.start_reader(wake.clone()))
    }

    pub(crate) fn split(&mut self) -> (Rings<'_>, &mut Taps, &Interfaces) {
        let Self { sources, merge, taps, interfaces, .. } = self;
        (Rings { sources, merge }, taps, interfaces)
    }

    /// True if packets of interfaces are wanted that nobody has heard of yet.
    pub(crate) fn takes_unknown(&self) -> bool {
        self.takes_unknown
    }

    /// Waits until packets are ready, interfaces change, or the recorder is asked to stop.
    pub(crate) fn wait(&mut self, control: &Control, outcome: Outcome, timeout: Duration) -> Result<(), Error> {
        let timeout = match outcome {
            Outcome::More => return Ok(()),
            Outcome::Held => HOLD,
            Outcome::Empty => Timespec { tv_sec: 0, tv_nsec: timeout.subsec_nanos().into() },
        };
        let control_fd = control.as_fd();
        let mut watched = vec![PollFd::new(&control_fd, PollFlags::IN), PollFd::new(&self.changes, PollFlags::IN)];
        if let Some(wake) = &self.wake {
            watched.push(PollFd::new(wake.as_ref(), PollFlags::IN));
        } else if outcome == Outcome::Empty {
            watched.extend(self.sources.iter().map(|source| PollFd::new(source.feed.ring(), PollFlags::IN)));
        }
        match rustix::event::poll(&mut watched, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(source) => return Err(Error::Wait(source.into())),
        }
        let failed = watched.iter().skip(2).any(|fd| fd.revents().contains(PollFlags::ERR));
        let changed = watched.get(1).is_some_and(|fd| !fd.revents().is_empty());
        if failed {
            for source in &self.sources {
                // ENETDOWN is told once, and poll returns at once until it was read; the change itself comes by netlink.
                let _ = rustix::net::sockopt::socket_error(source.feed.ring().as_fd());
            }
        }
        if let Some(wake) = &self.wake {
            // What was read before is found in the feeds.
            let _ = rustix::io::read(wake, &mut [0; 8]);
        }
        if changed {
            let change = self.changes.read();
            self.stale.interfaces |= change.interfaces;
            self.stale.routes |= change.routes;
        }
        Ok(())
    }

    /// What each ring's kernel counters have grown by, with the interface's name.
    pub(crate) fn statistics(&self) -> impl Iterator<Item = (&str, crate::Statistics)> {
        self.sources.iter().filter_map(|source| {
            let name = source.watched.as_ref().map_or("any", |watched| watched.name.as_str());
            source.feed.ring().statistics().ok().map(|statistics| (name, statistics))
        })
    }

    /// Packets that could not be read from the rings.
    pub(crate) fn damaged(&self) -> u64 {
        self.sources.iter().map(|source| source.feed.damaged()).sum()
    }

    /// True if one ring hears of every interface.
    pub(crate) fn is_shared(&self) -> bool {
        self.sources.iter().any(|source| source.watched.is_none())
    }

    /// How full the fullest ring is, from 0 to 1.
    pub(crate) fn fill(&self) -> f32 {
        self.sources.iter().map(|source| source.feed.fill()).fold(0.0, f32::max)
    }

    /// Bytes of all rings.
    pub(crate) fn ring_bytes(&self) -> usize {
        self.sources.iter().map(|source| source.feed.ring().bytes()).sum()
    }
}

impl Rings<'_> {
    /// Hands packets that are ready to `take`, in the order of the kernel's time.
    #[inline]
    pub(crate) fn read(&mut self, take: &mut impl Take) -> Outcome {
        self.merge.read(self.sources.iter_mut().map(|source| &mut source.feed), take)
    }
}

impl Watched {
    fn new(interface: &NetworkInterface) -> Self {
        Self { name: interface.name.clone(), index: interface.index, hardware: interface.hardware, present: true }
    }

    /// Waits for a successor of the interface.
    fn spare(interface: &NetworkInterface) -> Self {
        Self { index: 0, present: false, ..Self::new(interface) }
    }

    fn is_spare(&self) -> bool {
        self.index == 0
    }
}

/// With SCTP in use, segment counts are not worth what they cost: the kernel cannot describe a large SCTP packet in a
/// virtio-net header, and drops it.
fn sctp_is_loaded() -> bool {
    std::path::Path::new("/proc/net/sctp").exists()
}
