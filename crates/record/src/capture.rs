//! The rings of a recording and the interfaces behind them, as they come, go and change.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use packet::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::attach;
use crate::clock::wall_clock;
use crate::frame::Frames;
use crate::interfaces::{Interfaces, NetworkInterface};
use crate::keeper::Note;
use crate::link::Link;
use crate::merge::{Merge, Outcome};
use crate::netlink::Changes;
use crate::ring::{Ring, RingOptions};
use crate::selection::Selection;
use crate::taps::{Tap, Taps};
use crate::{Control, Error, Options};

/// Above this many interfaces one ring that hears of all of them takes the place of a ring each.
const RINGS_MAX: usize = 8;
/// A ring of an interface that came later, or of which only heads are kept.
const SMALL_RING_BYTES: usize = 4 << 20;
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
    /// Packets can come before the news of their interface: `any` wants them.
    takes_unknown: bool,
}

/// A ring and what it listens to.
#[derive(Debug)]
struct Source {
    ring: Ring,
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
            takes_unknown: options.selection == Selection::Any,
            segments: options.segments && !sctp_is_loaded(),
            interfaces,
        };
        for interface in capture.interfaces.iter() {
            capture.taps.add(interface);
        }
        capture.taps.choose(&chosen);
        if options.selection == Selection::Any || chosen.len() > RINGS_MAX {
            capture.open_shared(options)?;
        } else {
            let full = chosen.iter().filter(|one| !one.heads_only).count().max(1);
            let heads_bytes = SMALL_RING_BYTES * (chosen.len() - full.min(chosen.len()));
            let full_bytes = options.ring_bytes.saturating_sub(heads_bytes) / full;
            for one in &chosen {
                let ring_bytes = if one.heads_only { SMALL_RING_BYTES } else { full_bytes };
                if let Some(interface) = capture.interfaces.by_index(one.index).cloned() {
                    capture.open_ring(options, &interface, ring_bytes)?;
                }
            }
        }
        let now = wall_clock();
        for tap in capture.taps.iter_mut().filter(|tap| tap.chosen && !tap.up) {
            tap.off_since = Some(now);
        }
        Ok(capture)
    }

    /// Hands packets that are ready to `take`, in the order of the kernel's time.
    #[inline]
    pub(crate) fn read(&mut self, mut take: impl FnMut(&mut Frames<'_>, &mut Taps, &Interfaces)) -> Outcome {
        let Self { sources, taps, merge, interfaces, .. } = self;
        let rings = sources.iter_mut().map(|source| &mut source.ring);
        merge.read(rings, |frames| take(frames, taps, interfaces))
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
        if outcome == Outcome::Empty {
            watched.extend(self.sources.iter().map(|source| PollFd::new(&source.ring, PollFlags::IN)));
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
                let _ = rustix::net::sockopt::socket_error(source.ring.as_fd());
            }
        }
        if changed {
            let change = self.changes.read();
            self.stale.interfaces |= change.interfaces;
            self.stale.routes |= change.routes;
        }
        Ok(())
    }

    /// Brings rings and taps in line with the interfaces, if those have changed; says then what happened.
    pub(crate) fn refresh(&mut self, options: &Options) -> Option<Vec<Note>> {
        let due = self.stale.interfaces || (self.stale.routes && self.stale.read.elapsed() >= ROUTES_EVERY);
        if !due {
            return None;
        }
        self.stale = Stale { interfaces: false, routes: false, read: Instant::now() };
        let Ok(interfaces) = Interfaces::read() else {
            self.stale.interfaces = true;
            return None;
        };
        self.interfaces = interfaces;
        let now = wall_clock();
        let mut changes = Vec::new();
        self.note_gone(now, &mut changes);
        self.note_changed(now, &mut changes);
        self.choose(options, now, &mut changes);
        Some(changes)
    }

    /// What each ring's kernel counters have grown by, with the interface's name.
    pub(crate) fn statistics(&self) -> impl Iterator<Item = (&str, crate::Statistics)> {
        self.sources.iter().filter_map(|source| {
            let name = source.watched.as_ref().map_or("any", |watched| watched.name.as_str());
            source.ring.statistics().ok().map(|statistics| (name, statistics))
        })
    }

    /// Packets that could not be read from the rings.
    pub(crate) fn damaged(&self) -> u64 {
        self.sources.iter().map(|source| source.ring.damaged()).sum()
    }

    /// True if one ring hears of every interface.
    pub(crate) fn is_shared(&self) -> bool {
        self.sources.iter().any(|source| source.watched.is_none())
    }

    /// How full the fullest ring is, from 0 to 1.
    pub(crate) fn fill(&self) -> f32 {
        self.sources.iter().map(|source| source.ring.fill()).fold(0.0, f32::max)
    }

    /// Bytes of all rings.
    pub(crate) fn ring_bytes(&self) -> usize {
        self.sources.iter().map(|source| source.ring.bytes()).sum()
    }

    fn note_gone(&mut self, now: Timestamp, changes: &mut Vec<Note>) {
        for tap in self.taps.iter_mut().filter(|tap| !tap.gone) {
            if self.interfaces.by_index(tap.index).is_some() {
                continue;
            }
            (tap.gone, tap.up) = (true, false);
            if tap.chosen {
                changes.push(change(tap, "gone"));
                let since = *tap.off_since.get_or_insert(now);
                self.gone.insert(tap.name.clone(), since);
            }
        }
        // Containers leave names behind that never come back.
        while self.gone.len() > GONE_MAX {
            self.gone.pop_first();
        }
        for watched in self.sources.iter_mut().filter_map(|source| source.watched.as_mut()) {
            watched.present = self.interfaces.by_index(watched.index).is_some();
        }
    }

    fn note_changed(&mut self, now: Timestamp, changes: &mut Vec<Note>) {
        for interface in self.interfaces.iter() {
            let is_new = self.taps.by_index(interface.index).is_none();
            let tap = self.taps.add(interface);
            if is_new {
                continue;
            }
            if tap.name != interface.name {
                let old = std::mem::replace(&mut tap.name, interface.name.clone());
                // A new name is a new interface on the tape.
                tap.target = None;
                if tap.chosen {
                    changes.push(change(tap, &format!("renamed from {old}")));
                }
                for watched in self.sources.iter_mut().filter_map(|source| source.watched.as_mut()) {
                    if watched.index == interface.index {
                        watched.name.clone_from(&interface.name);
                    }
                }
            }
            tap.link = Link::of_hardware(interface.hardware);
            if tap.up != interface.up && tap.chosen {
                changes.push(change(tap, if interface.up { "up" } else { "down" }));
                if interface.up {
                    changes.extend(tap.off_since.take().map(|from| gap(from, now, &tap.name, "was down")));
                } else {
                    tap.off_since = Some(now);
                }
            }
            tap.up = interface.up;
        }
    }

    /// Takes up interfaces that are wanted and not recorded yet.
    fn choose(&mut self, options: &Options, now: Timestamp, changes: &mut Vec<Note>) {
        let chosen = options.selection.choose(&self.interfaces);
        let shared = self.is_shared();
        for one in &chosen {
            let Some(interface) = self.interfaces.by_index(one.index).cloned() else { continue };
            let is_recorded = self.taps.by_index(one.index).is_some_and(|tap| tap.chosen);
            if is_recorded {
                continue;
            }
            if shared {
                self.promiscuous_shared(options, &interface);
            } else if let Err(error) = self.take_up(options, &interface) {
                changes.push(Note::Trouble { place: interface.name.clone(), message: error.to_string() });
                // Another change, of whatever kind, tries again.
                continue;
            }
            self.taps.choose(std::slice::from_ref(one));
            let back = self.gone.remove(&interface.name);
            let Some(tap) = self.taps.by_index(one.index) else { continue };
            changes.push(change(tap, if back.is_some() { "back" } else { "added" }));
            match back {
                Some(from) if tap.up => changes.push(gap(from, now, &tap.name, "was gone")),
                from => tap.off_since = if tap.up { None } else { from.or(Some(now)) },
            }
        }
        self.taps.choose(&chosen);
    }

    /// Moves the ring of a gone interface to its successor, which needs no privilege, or else opens a ring.
    fn take_up(&mut self, options: &Options, interface: &NetworkInterface) -> Result<(), Error> {
        let successor = |source: &&mut Source| {
            source.watched.as_ref().is_some_and(|watched| {
                !watched.present && watched.name == interface.name && watched.hardware == interface.hardware
            })
        };
        let moved: Vec<&mut Source> = self.sources.iter_mut().filter(successor).collect();
        if moved.is_empty() {
            return if self.sources.len() < 2 * RINGS_MAX {
                self.open_ring(options, interface, SMALL_RING_BYTES)
            } else {
                let source = io::Error::other("too many rings are open");
                Err(Error::Ring { interface: interface.name.clone(), ring_bytes: SMALL_RING_BYTES, source })
            };
        }
        for source in moved {
            let ring_bytes = source.ring.bytes();
            let failed = |source| Error::Ring { interface: interface.name.clone(), ring_bytes, source };
            source.ring.bind(interface.index).map_err(failed)?;
            if options.promiscuous {
                let _ = source.ring.promiscuous(interface.index);
            }
            source.watched = Some(Watched::new(interface));
        }
        Ok(())
    }

    fn open_ring(&mut self, options: &Options, interface: &NetworkInterface, ring_bytes: usize) -> Result<(), Error> {
        let link = Link::of_hardware(interface.hardware);
        let program = attach::program(options.filter.as_ref(), link, interface.netmask, options.snaplen)?;
        let threads = options.threads.max(1);
        let ring_bytes = ring_bytes / threads;
        let failed = |source: io::Error| ring_error(&interface.name, ring_bytes, source);
        for _ in 0..threads {
            let ring = Ring::open(&self.ring_options(options, ring_bytes, &program)).map_err(failed)?;
            ring.bind(interface.index).map_err(failed)?;
            if threads > 1 {
                ring.fanout(fanout_group(interface.index)).map_err(failed)?;
            }
            if options.promiscuous && !interface.loopback {
                // Some drivers have no such mode; what arrives is recorded all the same.
                let _ = ring.promiscuous(interface.index);
            }
            self.sources.push(Source { ring, watched: Some(Watched::new(interface)) });
        }
        Ok(())
    }

    /// One ring for every interface.
    fn open_shared(&mut self, options: &Options) -> Result<(), Error> {
        let program = attach::shared_program(options.filter.as_ref(), options.snaplen)?;
        let failed = |source: io::Error| ring_error("any", options.ring_bytes, source);
        let ring = Ring::open(&self.ring_options(options, options.ring_bytes, &program)).map_err(failed)?;
        ring.bind(0).map_err(failed)?;
        self.sources.push(Source { ring, watched: None });
        if options.selection != Selection::Any {
            let chosen: Vec<_> = self.interfaces.iter().cloned().collect();
            for interface in
                chosen.iter().filter(|one| self.taps.iter().any(|tap| tap.chosen && tap.index == one.index))
            {
                self.promiscuous_shared(options, interface);
            }
        }
        Ok(())
    }

    /// As tcpdump does, `any` leaves interfaces in the mode they are in.
    fn promiscuous_shared(&self, options: &Options, interface: &NetworkInterface) {
        if options.promiscuous
            && options.selection != Selection::Any
            && !interface.loopback
            && let Some(source) = self.sources.first()
        {
            let _ = source.ring.promiscuous(interface.index);
        }
    }

    fn ring_options<'a>(
        &self,
        options: &Options,
        ring_bytes: usize,
        program: &'a [libc::sock_filter],
    ) -> RingOptions<'a> {
        RingOptions {
            ring_bytes,
            snaplen: options.snaplen,
            program,
            segments: self.segments,
            ignore_outgoing: options.direction == Some(packet::PacketDirection::Inbound),
        }
    }
}

/// Names of interfaces that are gone.
const GONE_MAX: usize = 4096;

impl Watched {
    fn new(interface: &NetworkInterface) -> Self {
        Self { name: interface.name.clone(), index: interface.index, hardware: interface.hardware, present: true }
    }
}

fn change(tap: &Tap, change: &str) -> Note {
    Note::Interface { interface: tap.target, name: tap.name.clone(), change: change.into() }
}

fn gap(from: Timestamp, to: Timestamp, name: &str, what: &str) -> Note {
    Note::Gap { from, to, reason: format!("interface {name} {what}") }
}

fn ring_error(interface: &str, ring_bytes: usize, source: io::Error) -> Error {
    match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => Error::NotPermitted(source),
        _ => Error::Ring { interface: interface.into(), ring_bytes, source },
    }
}

/// Groups are known to the whole network namespace: other programs have theirs.
fn fanout_group(interface_index: u32) -> u16 {
    (std::process::id().wrapping_mul(31).wrapping_add(interface_index) & 0xffff) as u16
}

/// With SCTP in use, segment counts are not worth what they cost: the kernel cannot describe a large SCTP packet in a
/// virtio-net header, and drops it.
fn sctp_is_loaded() -> bool {
    std::path::Path::new("/proc/net/sctp").exists()
}
