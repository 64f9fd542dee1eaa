//! The conversations that are followed, and which of them was silent for the longest.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::conversation::Conversation;

const NONE: u32 = u32::MAX;

/// Conversations by flow, linked from the one that was silent for the longest to the latest.
pub(crate) struct Table {
    seats: Vec<Seat>,
    free: Vec<u32>,
    by_flow: HashMap<u64, u32, RandomState>,
    oldest: u32,
    latest: u32,
}

/// A conversation and its place in the order.
pub(crate) struct Seat {
    /// `None` in a seat that is free.
    pub(crate) conversation: Option<Conversation>,
    /// What it held when that was asked last.
    pub(crate) held_bytes: usize,
    /// When it had its last packet.
    active: u64,
    flow: u64,
    older: u32,
    later: u32,
}

impl Default for Table {
    fn default() -> Self {
        Self { seats: Vec::new(), free: Vec::new(), by_flow: HashMap::default(), oldest: NONE, latest: NONE }
    }
}

impl Table {
    /// The conversation of a flow, which has a packet `now`.
    #[inline]
    pub(crate) fn active(&mut self, flow: u64, now: u64) -> Option<&mut Seat> {
        let seat = *self.by_flow.get(&flow)?;
        if self.latest != seat {
            self.unlink(seat);
            self.link(seat);
        }
        let seat = self.seats.get_mut(seat as usize)?;
        seat.active = now;
        Some(seat)
    }

    /// Adds the conversation of a flow that has none.
    pub(crate) fn add(&mut self, flow: u64, now: u64, conversation: Conversation) {
        let seat =
            Seat { conversation: Some(conversation), held_bytes: 0, active: now, flow, older: NONE, later: NONE };
        let number = match self.free.pop() {
            Some(number) => {
                self.seats[number as usize] = seat;
                number
            }
            None => {
                self.seats.push(seat);
                self.seats.len() as u32 - 1
            }
        };
        self.by_flow.insert(flow, number);
        self.link(number);
    }

    /// Takes out the conversation of a flow, and what it held.
    pub(crate) fn of(&self, flow: u64) -> Option<&Conversation> {
        self.seats.get(*self.by_flow.get(&flow)? as usize)?.conversation.as_ref()
    }

    pub(crate) fn remove(&mut self, flow: u64) -> Option<(Conversation, usize)> {
        let number = self.by_flow.remove(&flow)?;
        self.unlink(number);
        self.free.push(number);
        let seat = self.seats.get_mut(number as usize)?;
        seat.conversation.take().map(|conversation| (conversation, seat.held_bytes))
    }

    /// The flow that was silent for the longest, and when it had its last packet.
    #[inline]
    pub(crate) fn oldest(&self) -> Option<(u64, u64)> {
        self.seats.get(self.oldest as usize).map(|seat| (seat.flow, seat.active))
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.by_flow.len()
    }

    fn link(&mut self, number: u32) {
        let before = std::mem::replace(&mut self.latest, number);
        match self.seats.get_mut(before as usize) {
            Some(before) => before.later = number,
            None => self.oldest = number,
        }
        let seat = &mut self.seats[number as usize];
        (seat.older, seat.later) = (before, NONE);
    }

    fn unlink(&mut self, number: u32) {
        let Seat { older, later, .. } = self.seats[number as usize];
        match self.seats.get_mut(older as usize) {
            Some(older) => older.later = later,
            None => self.oldest = later,
        }
        match self.seats.get_mut(later as usize) {
            Some(later) => later.older = older,
            None => self.latest = older,
        }
    }
}
