//! Conversations that go on side by side: those that are planned, and the ordinary ones of each day.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;

use crate::capture::Capture;
use crate::conversation::{Conversation, Message, Pool};
use crate::frame::{Records, Side};
use crate::ordinary::Ordinary;
use crate::random::Random;
use crate::truth::{Flow, FlowNumber, JUNK, Truth};

/// A conversation that begins at its time.
pub(crate) struct Planned {
    pub(crate) start: u64,
    pub(crate) group: &'static str,
    pub(crate) protocol: u8,
    pub(crate) client: Side,
    pub(crate) server: Side,
    pub(crate) messages: Vec<Message>,
}

/// All conversations, by when they say something next.
pub(crate) struct Crowd {
    random: Random,
    planned: VecDeque<Planned>,
    ordinary: Option<Ordinary>,
    ordinary_next: Option<Planned>,
    capture: Option<Capture>,
    due: BinaryHeap<Reverse<(u64, usize)>>,
    open: Vec<Option<Conversation>>,
    free: Vec<usize>,
}

impl Crowd {
    pub(crate) fn new(seed: u64, mut planned: Vec<Planned>, ordinary: Ordinary, capture: Option<Capture>) -> Self {
        planned.sort_by_key(|planned| planned.start);
        // A capture takes the place of the ordinary flows.
        let mut ordinary = Some(ordinary).filter(|_| capture.is_none());
        let ordinary_next = ordinary.as_mut().map(Ordinary::next);
        Self {
            random: Random::new(seed ^ 0xc0ffee),
            planned: planned.into(),
            ordinary,
            ordinary_next,
            capture,
            due: BinaryHeap::new(),
            open: Vec::new(),
            free: Vec::new(),
        }
    }

    /// When the next packet comes.
    pub(crate) fn next_time(&mut self, truth: &mut Truth) -> u64 {
        self.next_said(truth).min(self.next_captured())
    }

    fn next_captured(&self) -> u64 {
        self.capture.as_ref().map_or(u64::MAX, Capture::next_time)
    }

    fn next_said(&mut self, truth: &mut Truth) -> u64 {
        loop {
            let begins = self.begins();
            match self.due.peek() {
                Some(Reverse((time, _))) if *time <= begins => return *time,
                _ if begins == u64::MAX => return u64::MAX,
                _ => self.begin(truth),
            }
        }
    }

    /// Makes the packet of `next_time`.
    pub(crate) fn step(&mut self, records: &mut Records, pool: &Pool, truth: &mut Truth) -> io::Result<FlowNumber> {
        let said = self.due.peek().map_or(u64::MAX, |Reverse((time, _))| *time);
        if let Some(capture) = self.capture.as_mut().filter(|capture| capture.next_time() < said) {
            return capture.step(records, truth);
        }
        Ok(self.say(records, pool).unwrap_or(JUNK))
    }

    fn say(&mut self, records: &mut Records, pool: &Pool) -> Option<FlowNumber> {
        let Reverse((_, slot)) = self.due.pop()?;
        let conversation = self.open[slot].as_mut()?;
        let flow = conversation.flow;
        if conversation.step(records, &mut self.random, pool) {
            self.due.push(Reverse((conversation.next_time, slot)));
        } else {
            self.open[slot] = None;
            self.free.push(slot);
        }
        Some(flow)
    }

    fn begins(&self) -> u64 {
        let planned = self.planned.front().map_or(u64::MAX, |planned| planned.start);
        planned.min(self.ordinary_next.as_ref().map_or(u64::MAX, |planned| planned.start))
    }

    fn begin(&mut self, truth: &mut Truth) {
        let begins = self.begins();
        let planned = if self.planned.front().is_some_and(|planned| planned.start == begins) {
            self.planned.pop_front()
        } else {
            std::mem::replace(&mut self.ordinary_next, self.ordinary.as_mut().map(Ordinary::next))
        };
        let Some(Planned { start, group, protocol, client, server, messages }) = planned else { return };
        let is_inbound = crate::frame::is_ours(server.0);
        let flow = truth.flow(Flow { group, is_inbound, protocol, client, server, start, packets: 0, bytes: 0 });
        let conversation = Conversation::new(flow, protocol, (client, server), start, messages, &mut self.random);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.open.push(None);
            self.open.len() - 1
        });
        self.due.push(Reverse((start, slot)));
        self.open[slot] = Some(conversation);
    }
}
