//! When flows end that say nothing any more.

use crate::clock::{Tick, ticks};
use crate::entry::{Entry, Facts, Link, NONE};

/// How long a flow may be silent. Flows of the same class wait in one queue, in the order in which they were looked at
/// last; the queue is looked through at the class's pace, so a packet moves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// Not proven yet.
    Unproven = 0,
    /// Closed by both ends: waits for stragglers.
    Closed = 1,
    /// Aborted by one.
    Reset = 2,
    /// Everything but TCP.
    Other = 3,
    /// TCP.
    Tcp = 4,
    /// TCP that nobody has answered.
    Attempt = 5,
}

impl Class {
    pub(crate) const ALL: [Self; 6] =
        [Self::Unproven, Self::Closed, Self::Reset, Self::Other, Self::Tcp, Self::Attempt];

    /// The class of this number.
    pub(crate) fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    #[inline]
    pub(crate) fn of(entry: &Entry) -> Self {
        let connection = &entry.connection;
        match () {
            () if entry.is_tcp() && connection.is_closed() => Self::Closed,
            () if entry.facts.has(Facts::RESET) => Self::Reset,
            () if !entry.facts.has(Facts::PROVEN) || entry.facts.has(Facts::SET_ASIDE) => Self::Unproven,
            () if entry.is_tcp() && connection.is_attempt() => Self::Attempt,
            () if entry.is_tcp() => Self::Tcp,
            () => Self::Other,
        }
    }

    /// Ticks of silence after which a flow has ended.
    #[inline]
    pub(crate) fn silence_max(self) -> u32 {
        const SILENCE_MAX: [u32; Class::ALL.len()] =
            [ticks(5_000), ticks(5_000), ticks(2_000), ticks(60_000), ticks(600_000), ticks(600_000)];
        SILENCE_MAX[self as usize]
    }

    /// What a flow is worth keeping where there is no room for all: established ones before others.
    pub(crate) fn worth(self) -> u8 {
        const WORTH: [u8; Class::ALL.len()] = [2, 1, 0, 4, 5, 3];
        WORTH[self as usize]
    }

    /// Ticks from one look at a flow to the next.
    fn look_every(self) -> u32 {
        const LOOK_EVERY: [u32; Class::ALL.len()] =
            [ticks(1_000), ticks(1_000), ticks(1_000), ticks(8_000), ticks(60_000), ticks(60_000)];
        LOOK_EVERY[self as usize]
    }
}

/// The queues of all classes, linked through the entries.
#[derive(Clone, Debug)]
pub(crate) struct IdleQueues {
    queues: [Queue; Class::ALL.len()],
}

#[derive(Clone, Copy, Debug)]
struct Queue {
    first: u32,
    last: u32,
    /// When the first entry entered; meaningless if there is none.
    first_since: Tick,
}

impl Default for IdleQueues {
    fn default() -> Self {
        Self { queues: [Queue { first: NONE, last: NONE, first_since: Tick(0) }; Class::ALL.len()] }
    }
}

impl IdleQueues {
    /// Puts an entry at the end of its class's queue.
    pub(crate) fn push(&mut self, entries: &mut [Entry], slot: u32, class: Class, now: Tick) {
        let queue = &mut self.queues[class as usize];
        let entry = &mut entries[slot as usize];
        entry.facts.queue = class as u8;
        entry.link = Link { previous: queue.last, next: NONE, since: now };
        if queue.last == NONE {
            queue.first = slot;
            queue.first_since = now;
        } else {
            entries[queue.last as usize].link.next = slot;
        }
        queue.last = slot;
    }

    /// Takes an entry out of its queue.
    pub(crate) fn remove(&mut self, entries: &mut [Entry], slot: u32) {
        let Entry { link, facts, .. } = entries[slot as usize];
        let queue = &mut self.queues[usize::from(facts.queue)];
        if link.previous == NONE {
            queue.first = link.next;
            if let Some(next) = entries.get(link.next as usize) {
                queue.first_since = next.link.since;
            }
        } else {
            entries[link.previous as usize].link.next = link.next;
        }
        if link.next == NONE {
            queue.last = link.previous;
        } else {
            entries[link.next as usize].link.previous = link.previous;
        }
    }

    /// The entry that is to be looked at now, if there is one.
    #[inline]
    pub(crate) fn due(&self, class: Class, now: Tick) -> Option<u32> {
        let queue = &self.queues[class as usize];
        (queue.first != NONE && now.since(queue.first_since) >= class.look_every()).then_some(queue.first)
    }

    /// The entries of a class, in the order in which they were looked at last.
    pub(crate) fn slots<'a>(&self, class: Class, entries: &'a [Entry]) -> impl Iterator<Item = u32> + use<'a> {
        let next = |slot: &u32| Some(entries.get(*slot as usize)?.link.next).filter(|next| *next != NONE);
        std::iter::successors(self.first(class), next)
    }

    /// The entry that was looked at longest ago.
    pub(crate) fn first(&self, class: Class) -> Option<u32> {
        let first = self.queues[class as usize].first;
        (first != NONE).then_some(first)
    }
}
