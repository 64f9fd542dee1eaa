//! Frames that are read before they are due, on several threads.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use packet::capture::block::{Block, Blocks};

use super::load::{FrameBytes, Loader, Source};
use crate::format::names::Encoding;

/// Threads that read ahead, at most.
const THREADS_MAX: usize = 8;

/// Threads beyond those that the processors can run: some of them wait for the disk.
const WAITING: usize = 2;

/// A frame that is to be read.
pub(super) struct Order {
    pub(super) source: Source,
    pub(super) encoding: Encoding,
    pub(super) ubytes: u32,
    /// The bytes in which the packets that are wanted begin.
    pub(super) part: Range<u32>,
    /// The arrival number of packets that carry none.
    pub(super) first_arrival: u64,
}

/// A frame in memory.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) bytes: FrameBytes,
    /// Arrival numbers and where the blocks begin, in order.
    pub(super) packets: Vec<(u64, u32)>,
    /// One more than the greatest number of an interface that its packets name.
    pub(super) interfaces: u32,
    /// A block is damaged.
    pub(super) torn: bool,
    /// Why there is nothing of it.
    pub(super) fault: Option<String>,
}

/// Reads frames in the order in which they are asked for.
///
/// They are handed out in this order. Who waits for one that no thread has begun with reads it himself, so one frame
/// alone costs no thread.
pub(super) struct Ahead {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    loader: Loader,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// For the threads: there is something to read.
    work: Condvar,
    /// For who waits: the first one is there.
    done: Condvar,
}

#[derive(Default)]
struct State {
    slots: VecDeque<Slot>,
    /// Number of the first slot; slots are numbered on.
    front: u64,
    /// No order is before this number.
    first_order: u64,
    spare: Vec<Loaded>,
    closed: bool,
}

enum Slot {
    Order(Order, Loaded),
    Taken,
    Done(Loaded),
}

impl Ahead {
    pub(super) fn new() -> Self {
        Self { shared: Arc::default(), threads: Vec::new(), loader: Loader::default() }
    }

    /// Takes an order.
    pub(super) fn order(&mut self, order: Order) {
        let mut state = self.shared.lock();
        let memory = state.spare.pop().unwrap_or_default();
        state.slots.push_back(Slot::Order(order, memory));
        let ahead = state.slots.len() > 1;
        drop(state);
        if ahead {
            self.begin_threads();
            self.shared.work.notify_one();
        }
    }

    /// The first frame of those that were ordered and not handed out.
    pub(super) fn next(&mut self) -> Option<Loaded> {
        let mut state = self.shared.lock();
        loop {
            match state.slots.front_mut()? {
                Slot::Done(_) => break,
                Slot::Taken => state = self.shared.done.wait(state).unwrap_or_else(PoisonError::into_inner),
                order @ Slot::Order(..) => {
                    let Slot::Order(order, memory) = std::mem::replace(order, Slot::Taken) else { continue };
                    drop(state);
                    let loaded = read(&mut self.loader, &order, memory);
                    state = self.shared.lock();
                    if let Some(slot) = state.slots.front_mut() {
                        *slot = Slot::Done(loaded);
                    }
                }
            }
        }
        let Some(Slot::Done(loaded)) = state.slots.pop_front() else { return None };
        state.front += 1;
        Some(loaded)
    }

    /// Takes the memory of a frame back.
    pub(super) fn give_back(&self, loaded: Loaded) {
        self.shared.lock().spare.push(loaded);
    }

    fn begin_threads(&mut self) {
        if !self.threads.is_empty() {
            return;
        }
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for _ in 0..(processors + WAITING).min(THREADS_MAX) {
            let shared = self.shared.clone();
            let thread = std::thread::Builder::new().name("tape-read".to_owned()).spawn(move || work(&shared));
            // Without threads everything is read by who waits for it.
            self.threads.extend(thread.ok());
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The first order that nobody has begun with.
    fn take_order(&mut self) -> Option<(u64, Order, Loaded)> {
        let start = self.first_order.max(self.front);
        for number in start..self.front + self.slots.len() as u64 {
            self.first_order = number + 1;
            if let Some(slot @ Slot::Order(..)) = self.slots.get_mut((number - self.front) as usize)
                && let Slot::Order(order, memory) = std::mem::replace(slot, Slot::Taken)
            {
                return Some((number, order, memory));
            }
        }
        None
    }
}

/// What a thread does.
fn work(shared: &Shared) {
    let mut loader = Loader::default();
    let mut state = shared.lock();
    while !state.closed {
        let Some((number, order, memory)) = state.take_order() else {
            state = shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        drop(state);
        let loaded = read(&mut loader, &order, memory);
        state = shared.lock();
        let place = number.checked_sub(state.front);
        if let Some(slot) = place.and_then(|place| state.slots.get_mut(place as usize)) {
            *slot = Slot::Done(loaded);
        }
        if place == Some(0) {
            shared.done.notify_one();
        }
    }
}

/// Reads a frame and finds its packets.
fn read(loader: &mut Loader, order: &Order, memory: Loaded) -> Loaded {
    let mut loaded = Loaded { interfaces: 0, torn: false, fault: None, ..memory };
    loaded.packets.clear();
    match loader.load(&order.source, order.encoding, order.ubytes, &mut loaded.bytes) {
        Ok(()) => index(&mut loaded, order),
        Err(what) => loaded.fault = Some(what),
    }
    loaded
}

/// Finds the packets of a frame, and brings them into arrival order.
fn index(loaded: &mut Loaded, order: &Order) {
    let mut last = order.first_arrival;
    let mut blocks = Blocks::new(loaded.bytes.as_slice());
    for (offset, block) in &mut blocks {
        if let Block::Packet(packet) = block {
            if !order.part.contains(&(offset as u32)) {
                continue;
            }
            last = packet.arrival.unwrap_or(last);
            loaded.interfaces = loaded.interfaces.max(packet.interface.saturating_add(1));
            loaded.packets.push((last, offset as u32));
        }
    }
    loaded.torn = blocks.is_torn();
    // Inside a lane packets are nearly, not exactly, in arrival order: parked ones come late.
    if !loaded.packets.is_sorted() {
        loaded.packets.sort_unstable();
    }
}

#[cfg(test)]
mod tests {
    use packet::capture::block::write_packet_block;
    use packet::{Packet, PacketDirection, Timestamp};

    use super::*;

    fn order(arrivals: &[u64], torn: bool) -> Order {
        let mut bytes = Vec::new();
        for arrival in arrivals {
            let packet = Packet {
                time: Timestamp(1),
                wire_bytes: 4,
                data: &[1, 2, 3, 4],
                interface: 2,
                direction: PacketDirection::Unknown,
                arrival: Some(*arrival),
            };
            write_packet_block(&mut bytes, &packet, usize::MAX);
        }
        bytes.truncate(bytes.len() - usize::from(torn));
        let ubytes = bytes.len() as u32;
        Order {
            source: Source::Memory(bytes.into()),
            encoding: Encoding::Zstd,
            ubytes,
            part: 0..ubytes,
            first_arrival: 0,
        }
    }

    #[test]
    fn frames_come_in_the_order_in_which_they_were_ordered() {
        let mut ahead = Ahead::new();
        for round in 1..20 {
            for number in 0..50 {
                ahead.order(order(&[1000 * round + number, 1000 * round + number - 1], false));
            }
            for number in 0..50 {
                let loaded = ahead.next().expect("it was ordered");
                let arrivals: Vec<u64> = loaded.packets.iter().map(|(arrival, _)| *arrival).collect();
                assert_eq!(arrivals, [1000 * round + number - 1, 1000 * round + number]);
                assert_eq!((loaded.interfaces, loaded.torn), (3, false));
                ahead.give_back(loaded);
            }
            assert!(ahead.next().is_none());
        }
    }

    #[test]
    fn a_torn_frame_has_the_packets_before_the_tear() {
        let mut ahead = Ahead::new();
        ahead.order(order(&[7, 8], true));
        let loaded = ahead.next().expect("it was ordered");
        assert_eq!((loaded.packets.len(), loaded.torn, loaded.fault), (1, true, None));
    }
}
