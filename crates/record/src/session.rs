//! From a ring's frame to a packet with the number of its interface.

use std::collections::BTreeMap;

use flow::Network;
use packet::{Headers, Interface, Packet, Timestamp};

use crate::attach::{self, Screen};
use crate::batch::Batch;
use crate::capture::Capture;
use crate::clock::wall_clock;
use crate::desk::Desk;
use crate::frame::Frame;
use crate::interfaces::Interfaces;
use crate::keeper::{Keeper, Note};
use crate::merge::{Outcome, Take};
use crate::ours;
use crate::taps::{Tap, Taps};
use crate::{Counters, Error, Options};

/// Where packets of a recording go.
pub(crate) trait Sink {
    /// The number of an interface that packets are about to come from.
    fn interface(&mut self, interface: &Interface, tap: &Tap) -> u32;
    /// What is ours on an interface, now and whenever that changes.
    fn set_ours(&mut self, interface: u32, networks: Vec<Network>);
    fn packets(&mut self, batch: &Batch<'_>);
    /// A packet that is not wanted.
    fn count_unwanted(&mut self);
    fn set_dropped_by_kernel(&mut self, packets: u64);
    /// Packets taken so far.
    fn taken(&self) -> u64;
    fn counters(&self) -> Counters;
    /// Nothing more is ready.
    fn flush(&mut self) -> Result<(), Error>;
    /// `now` in nanoseconds, forward only.
    fn pass_time(&mut self, now: u64);
    /// All packets that were captured before this time have been handed over.
    fn set_drained(&mut self, until: Timestamp);
    /// Every now and then.
    fn tick(&mut self) -> Result<(), Error>;
    fn note(&mut self, note: Note);
    /// Packets are lost, or nearly.
    fn hurry(&mut self, hurried: bool);
    /// What each ring has dropped since the recording began, by the interface's name.
    fn note_statistics(&mut self, drops: &BTreeMap<String, u64>);
}

/// What was captured so long before a packet that was read, or before rings that were empty, has been read: the kernel
/// keeps a block for 50 ms, and several rings are read in order within 100 ms.
const HANDED_OVER_NS: i64 = 100_000_000;

/// Hands over what is ready.
pub(crate) fn read<S: Sink>(capture: &mut Capture, options: &Options, sink: &mut S) -> Result<Outcome, Error> {
    let before = wall_clock();
    let (shared, takes_unknown) = (capture.is_shared(), capture.takes_unknown());
    let (mut rings, taps, interfaces) = capture.split();
    let mut intake = Intake { taps, interfaces, options, shared, takes_unknown, newest: None, sink: &mut *sink };
    let outcome = rings.read(&mut intake);
    let mut newest = intake.newest;
    if outcome == Outcome::Empty {
        sink.flush()?;
        newest = Some(before);
    }
    if let Some(Timestamp(newest)) = newest {
        sink.set_drained(Timestamp(newest.saturating_sub(HANDED_OVER_NS)));
    }
    Ok(outcome)
}

/// Where packets go on to a sink.
struct Intake<'c, S> {
    taps: &'c mut Taps,
    interfaces: &'c Interfaces,
    options: &'c Options,
    shared: bool,
    takes_unknown: bool,
    newest: Option<Timestamp>,
    sink: &'c mut S,
}

impl<S: Sink> Take for Intake<'_, S> {
    fn take<'b>(&mut self, frames: impl Iterator<Item = (Frame<'b>, Option<&'b Headers>)>) {
        let most = self.options.packets_max.unwrap_or(u64::MAX);
        let mut batch = Batch::new();
        for (frame, headers) in frames {
            self.newest = Some(frame.time);
            let tap = self.taps.find(frame.interface_index, frame.hardware, self.takes_unknown);
            if frame.is_loopback_copy() || !tap.chosen {
                continue;
            }
            let number = match tap.target {
                Some(number) => number,
                None => register(tap, self.interfaces, self.options, self.shared, self.sink),
            };
            if !is_wanted(&frame, tap, self.options) {
                self.sink.count_unwanted();
                continue;
            }
            if most - batch.len() as u64 <= self.sink.taken() {
                self.sink.packets(&batch);
                batch.clear();
                if self.sink.taken() >= most {
                    break;
                }
            }
            let packet = Packet {
                time: frame.time,
                wire_bytes: frame.wire_bytes,
                data: frame.data,
                interface: number,
                direction: frame.direction(),
                arrival: None,
            };
            if batch.push_decoded(packet, frame.segment_payload_bytes, headers) {
                self.sink.packets(&batch);
                batch.clear();
            }
        }
        self.sink.packets(&batch);
    }
}

/// Makes the interfaces known that are recorded, so that what is ours is settled before the first packet; with very many,
/// each when it shows its first packet.
pub(crate) fn register_all<S: Sink>(capture: &mut Capture, options: &Options, sink: &mut S) {
    let shared = capture.is_shared();
    let Capture { taps, interfaces, .. } = capture;
    if taps.iter().filter(|tap| tap.chosen).count() <= REGISTERED_AT_ONCE_MAX {
        for tap in taps.iter_mut().filter(|tap| tap.chosen && tap.up && tap.target.is_none()) {
            register(tap, interfaces, options, shared, sink);
        }
    }
}

const REGISTERED_AT_ONCE_MAX: usize = 64;

/// Looks at the interfaces if they have changed; says what did.
pub(crate) fn refresh<S: Sink>(capture: &mut Capture, options: &Options, sink: &mut S) -> Vec<Note> {
    let Some(mut notes) = capture.refresh(options) else { return Vec::new() };
    register_all(capture, options, sink);
    for tap in capture.taps.iter() {
        if let Some(number) = tap.target.filter(|_| !tap.gone) {
            sink.set_ours(number, ours::networks(&capture.interfaces, tap.index));
        }
    }
    for note in &mut notes {
        // What has come only now has its number only now.
        if let Note::Interface { interface: number @ None, name, .. } = note {
            *number = capture.taps.iter().find(|tap| tap.name == *name && !tap.gone).and_then(|tap| tap.target);
        }
    }
    notes
}

#[cold]
fn register<S: Sink>(tap: &mut Tap, interfaces: &Interfaces, options: &Options, shared: bool, sink: &mut S) -> u32 {
    let interface = Interface {
        link_type: tap.link.link_type,
        snaplen: options.snaplen,
        name: Some(tap.name.clone()),
        description: None,
    };
    let number = sink.interface(&interface, tap);
    sink.set_ours(number, ours::networks(interfaces, tap.index));
    let netmask = interfaces.by_index(tap.index).and_then(|interface| interface.netmask);
    tap.screen = attach::screen(options.filter.as_ref(), tap.link, netmask, shared);
    tap.target = Some(number);
    number
}

#[inline]
fn is_wanted(frame: &Frame<'_>, tap: &Tap, options: &Options) -> bool {
    if options.direction.is_some_and(|direction| direction != frame.direction()) {
        return false;
    }
    match &tap.screen {
        Screen::Passed => true,
        Screen::Program(program) => program.matches(frame.data, frame.wire_bytes),
        Screen::Nothing => false,
    }
}

impl<K: Keeper> Sink for Desk<K> {
    fn interface(&mut self, interface: &Interface, tap: &Tap) -> u32 {
        Desk::interface(self, interface, tap.heads_only)
    }

    fn set_ours(&mut self, interface: u32, networks: Vec<Network>) {
        Desk::set_ours(self, interface, networks);
    }

    fn packets(&mut self, batch: &Batch<'_>) {
        Desk::packets(self, batch);
    }

    fn count_unwanted(&mut self) {
        let counters = self.counters_mut();
        counters.received += 1;
        counters.unwanted += 1;
    }

    fn set_dropped_by_kernel(&mut self, packets: u64) {
        self.counters_mut().dropped_by_kernel = packets;
    }

    #[inline]
    fn taken(&self) -> u64 {
        Desk::taken(self)
    }

    fn counters(&self) -> Counters {
        Desk::counters(self)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn pass_time(&mut self, now: u64) {
        Desk::tick(self, now);
    }

    fn tick(&mut self) -> Result<(), Error> {
        self.tick_keeper()
    }

    fn set_drained(&mut self, until: Timestamp) {
        Desk::set_drained(self, until);
    }

    fn note(&mut self, note: Note) {
        self.keeper().note(note);
    }

    fn hurry(&mut self, hurried: bool) {
        self.keeper().hurry(hurried);
    }

    fn note_statistics(&mut self, drops: &BTreeMap<String, u64>) {
        Desk::note_statistics(self, drops);
    }
}
