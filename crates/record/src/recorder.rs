//! The recording loop.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use flow::{FlowTable, Network};

use crate::capture::Capture;
use crate::clock::wall_clock;
use crate::desk::{Desk, DeskClock};
use crate::keeper::Keeper;
use crate::losses::Losses;
use crate::merge::Outcome;
use crate::selection::Selection;
use crate::session::{self, Sink};
use crate::taps::Tap;
use crate::{Control, Counters, Error, Options};

/// Packets are looked for this often at least.
const POLL: Duration = Duration::from_millis(100);
/// Counters, interfaces, the keeper's own work.
const TICK: Duration = Duration::from_millis(250);
/// The kernel's drop counters, the clocks.
const SECOND: Duration = Duration::from_secs(1);
/// What the kernel has not handed over yet when the recorder stops: a block that is not full takes 50 ms.
const LAST_WAIT: Duration = Duration::from_millis(80);

/// A ring fuller than this is a sign that packets will be lost soon.
const FILL_HURRY: f32 = 0.25;

/// Open rings, ready to record.
#[derive(Debug)]
pub struct Recorder {
    options: Options,
    capture: Capture,
    losses: Losses,
    dropped_by_kernel: u64,
    /// By the interface's name.
    drops: BTreeMap<String, u64>,
}

impl Recorder {
    /// Opens the rings. Needs CAP_NET_RAW; nothing later does, except for interfaces that did not exist before.
    pub fn open(options: Options) -> Result<Self, Error> {
        let capture = Capture::open(&options)?;
        Ok(Self { options, capture, losses: Losses::default(), dropped_by_kernel: 0, drops: BTreeMap::new() })
    }

    /// The interfaces that are recorded.
    pub fn taps(&self) -> impl Iterator<Item = &Tap> {
        self.capture.taps.iter().filter(|tap| tap.chosen && !tap.gone)
    }

    /// Memory that the rings take.
    pub fn ring_bytes(&self) -> usize {
        self.capture.ring_bytes()
    }

    /// True if one of the copies that several interfaces show is kept.
    pub(crate) fn collapses(&self) -> bool {
        self.options.selection == Selection::Any
    }

    pub(crate) fn snaplen(&self) -> u32 {
        self.options.snaplen
    }

    /// Records until `control` says stop, or until the number of packets or the time of the options is reached. Hands
    /// keeper and table back for closing.
    pub fn run<K: Keeper>(
        mut self,
        keeper: K,
        table: FlowTable,
        control: &Control,
    ) -> Result<(K, FlowTable, Counters), Error> {
        let mut desk = Desk::new(keeper, table, DeskClock::Live, self.collapses());
        desk.set_policies(self.options.policies.clone());
        if !self.options.home_networks.is_empty() {
            desk.set_home(self.options.home_networks.iter().map(|(address, bits)| Network::new(*address, *bits)));
        }
        let result = self.record(&mut desk, control);
        // Whatever went wrong, what was taken is kept.
        let notes = self.losses.finish();
        notes.into_iter().for_each(|note| desk.keeper().note(note));
        let (keeper, table, counters) = desk.finish();
        control.publish(&counters);
        result.map(|()| (keeper, table, counters))
    }

    /// Hands packets to `sink` as they come.
    pub(crate) fn record<S: Sink>(&mut self, sink: &mut S, control: &Control) -> Result<(), Error> {
        let start = Instant::now();
        let end = self.options.duration.map(|duration| start + duration);
        let (mut next_tick, mut next_second) = (start + TICK, start + SECOND);
        let mut outcome = Outcome::Empty;
        self.look_at_drops(sink);
        if self.options.threads > 1 {
            self.capture.start_readers()?;
        }
        session::register_all(&mut self.capture, &self.options, sink);
        // What is ours is on the tape before the first packet.
        sink.pass_time(0);
        while !control.is_stopping() && !self.is_done(sink) {
            self.capture.wait(control, outcome, POLL)?;
            outcome = session::read(&mut self.capture, &self.options, sink)?;
            let now = Instant::now();
            sink.pass_time(nanoseconds(now - start));
            if end.is_some_and(|end| now >= end) {
                break;
            }
            if now >= next_tick {
                next_tick = now + TICK;
                self.tick(sink, control)?;
            }
            if now >= next_second {
                next_second = now + SECOND;
                self.look_at_drops(sink);
            }
        }
        self.read_last(sink)?;
        self.look_at_drops(sink);
        self.tick(sink, control)
    }

    fn is_done(&self, sink: &impl Sink) -> bool {
        self.options.packets_max.is_some_and(|most| sink.taken() >= most)
    }

    fn tick(&mut self, sink: &mut impl Sink, control: &Control) -> Result<(), Error> {
        for note in session::refresh(&mut self.capture, &self.options, sink) {
            sink.note(note);
        }
        sink.tick()?;
        let mut counters = sink.counters();
        counters.dropped_by_kernel = self.dropped_by_kernel;
        counters.damaged += self.capture.damaged();
        control.publish(&counters);
        Ok(())
    }

    fn look_at_drops(&mut self, sink: &mut impl Sink) {
        let drops: Vec<(&str, u64)> =
            self.capture.statistics().map(|(name, statistics)| (name, u64::from(statistics.drops))).collect();
        let mut dropped = 0;
        for (name, packets) in &drops {
            dropped += packets;
            *self.drops.entry((*name).to_owned()).or_default() += packets;
        }
        self.dropped_by_kernel += dropped;
        sink.hurry(dropped > 0 || self.capture.fill() > FILL_HURRY);
        for note in self.losses.add(wall_clock(), drops.into_iter()) {
            sink.note(note);
        }
        sink.set_dropped_by_kernel(self.dropped_by_kernel);
        sink.note_statistics(&self.drops);
    }

    /// What came before the stop is in the rings, or in blocks that the kernel is about to hand over.
    fn read_last(&mut self, sink: &mut impl Sink) -> Result<(), Error> {
        let end = Instant::now() + LAST_WAIT;
        while Instant::now() < end && !self.is_done(sink) {
            let outcome = session::read(&mut self.capture, &self.options, sink)?;
            if outcome != Outcome::More {
                // The stop itself would wake a poll at once.
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(())
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX)
}
