//! Opening rings, and moving them from an interface to its successor.

use std::io;

use packet::PacketDirection;

use super::{Capture, Source, Watched};
use crate::feed::Feed;
use crate::interfaces::NetworkInterface;
use crate::link::Link;
use crate::ring::{Ring, RingOptions};
use crate::selection::{Chosen, Selection};
use crate::{Error, Options, attach};

/// Above this many interfaces one ring that hears of all of them takes the place of a ring each.
const RINGS_MAX: usize = 8;
/// A ring of an interface that came later, or of which only heads are kept.
const SMALL_RING_BYTES: usize = 4 << 20;
/// Rings of interfaces that are gone are kept for their return until there are so many.
const SOURCES_MAX: usize = 64;

impl Capture {
    /// Opens a ring for each interface, or one for all when there are many or any is wanted.
    pub(super) fn open_rings(&mut self, options: &Options, chosen: &[Chosen]) -> Result<(), Error> {
        if options.selection == Selection::Any || chosen.len() > RINGS_MAX {
            return self.open_shared(options);
        }
        let heads_only = chosen.iter().filter(|one| one.heads_only).count();
        let full = (chosen.len() - heads_only).max(1);
        let full_bytes = options.ring_bytes.saturating_sub(SMALL_RING_BYTES * heads_only) / full;
        for one in chosen {
            let ring_bytes = if one.heads_only { SMALL_RING_BYTES } else { full_bytes };
            if let Some(interface) = self.interfaces.by_index(one.index).cloned() {
                self.open_ring(options, &interface, ring_bytes)?;
            }
        }
        Ok(())
    }

    /// Moves the ring of a gone interface to its successor, which needs no privilege, or else opens a ring.
    pub(super) fn take_up(&mut self, options: &Options, interface: &NetworkInterface) -> Result<(), Error> {
        if self.move_ring(options, interface) {
            return Ok(());
        }
        if self.sources.len() >= SOURCES_MAX {
            self.sources.retain(|source| source.watched.as_ref().is_none_or(|watched| watched.present));
        }
        if self.sources.len() >= SOURCES_MAX {
            let source = io::Error::other("too many rings are open");
            return Err(Error::Ring { interface: interface.name.clone(), ring_bytes: SMALL_RING_BYTES, source });
        }
        self.open_ring(options, interface, SMALL_RING_BYTES)
    }

    /// False if there is no ring that can be moved: the filter was made for another link type. Of rings that share an
    /// interface the kernel moves none; their spare one is moved, and does alone what they did.
    fn move_ring(&mut self, options: &Options, interface: &NetworkInterface) -> bool {
        let is_predecessor = |source: &&mut Source| {
            source.watched.as_ref().is_some_and(|watched| {
                !watched.present && watched.name == interface.name && watched.hardware == interface.hardware
            })
        };
        let mut moved = false;
        for source in self.sources.iter_mut().filter(is_predecessor) {
            if source.feed.ring().bind(interface.index).is_ok() {
                if options.promiscuous && !interface.loopback {
                    let _ = source.feed.ring().promiscuous(interface.index);
                }
                source.watched = Some(Watched::new(interface));
                moved = true;
            }
        }
        moved
    }

    fn open_ring(&mut self, options: &Options, interface: &NetworkInterface, ring_bytes: usize) -> Result<(), Error> {
        let link = Link::of_hardware(interface.hardware);
        let program = attach::program(options.filter.as_ref(), link, interface.netmask, options.snaplen)?;
        let threads = options.threads.max(1);
        let fanout = (threads > 1).then(|| fanout_group(interface.index));
        let ring_bytes = ring_bytes / (threads + usize::from(fanout.is_some()));
        let failed = |source: io::Error| ring_error(&interface.name, ring_bytes, source);
        for _ in 0..threads {
            let ring = Ring::open(&self.ring_options(options, ring_bytes)).map_err(failed)?;
            ring.listen(interface.index, fanout, &program).map_err(failed)?;
            if options.promiscuous && !interface.loopback {
                // Some drivers have no such mode; what arrives is recorded all the same.
                let _ = ring.promiscuous(interface.index);
            }
            self.add(ring, Some(Watched::new(interface)))?;
        }
        if fanout.is_some() {
            let ring = Ring::open(&self.ring_options(options, ring_bytes)).map_err(failed)?;
            ring.prepare(&program).map_err(failed)?;
            self.add(ring, Some(Watched::spare(interface)))?;
        }
        Ok(())
    }

    /// Rings for every interface: one, or several that share the packets.
    fn open_shared(&mut self, options: &Options) -> Result<(), Error> {
        let program = attach::shared_program(options.filter.as_ref(), options.snaplen)?;
        let threads = options.threads.max(1);
        let fanout = (threads > 1).then(|| fanout_group(0));
        let ring_bytes = options.ring_bytes / threads;
        let failed = |source: io::Error| ring_error("any", ring_bytes, source);
        for _ in 0..threads {
            let ring = Ring::open(&self.ring_options(options, ring_bytes)).map_err(failed)?;
            ring.listen(0, fanout, &program).map_err(failed)?;
            self.add(ring, None)?;
        }
        for tap in self.taps.iter().filter(|tap| tap.chosen) {
            if let Some(interface) = self.interfaces.by_index(tap.index) {
                self.promiscuous_shared(options, interface);
            }
        }
        Ok(())
    }

    fn add(&mut self, ring: Ring, watched: Option<Watched>) -> Result<(), Error> {
        let mut feed = Feed::new(ring);
        if let Some(wake) = &self.wake {
            feed.start_reader(wake.clone())?;
        }
        self.sources.push(Source { feed, watched });
        Ok(())
    }

    /// As tcpdump does, `any` leaves interfaces in the mode they are in.
    pub(super) fn promiscuous_shared(&self, options: &Options, interface: &NetworkInterface) {
        if options.promiscuous
            && options.selection != Selection::Any
            && !interface.loopback
            && let Some(source) = self.sources.first()
        {
            let _ = source.feed.ring().promiscuous(interface.index);
        }
    }

    fn ring_options(&self, options: &Options, ring_bytes: usize) -> RingOptions {
        RingOptions {
            ring_bytes,
            snaplen: options.snaplen,
            segments: self.segments,
            ignore_outgoing: options.direction == Some(PacketDirection::Inbound),
        }
    }
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
