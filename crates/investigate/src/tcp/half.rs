//! One side's stream.

use super::Listener;
use super::recent::Recent;
use crate::pieces::{Piece, Pieces};
use crate::{At, Ends, Side};

/// Bytes out of order that are kept of a side.
const PENDING_BYTES_MAX: usize = 4 << 20;

/// Segments of the connection that are waited for what the receiver has acknowledged, but was not seen: captures do not
/// keep the order of the wire over several queues.
const PATIENCE_SEGMENTS: u32 = 32;

/// Segments of the connection that are waited for what comes before a side's first data, where it was caught in the middle.
const CAUGHT_SEGMENTS: u32 = 8;
/// How far before it that may be.
const CAUGHT_BYTES_MAX: u64 = 1 << 20;

/// What one side says.
///
/// Positions count bytes; their lower 32 bits are sequence numbers, so that those can wrap. Before the first byte there
/// is room for half the sequence space. All before `next` has been told: `pending` begins after it.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// Position of the byte that is told next.
    next: u64,
    /// Where the stream starts, as far as it was seen.
    start: u64,
    /// Up to where the other side has acknowledged.
    acked: u64,
    is_known: bool,
    /// The other side has acknowledged where it starts.
    is_agreed: bool,
    /// Where it starts instead, as another SYN says: if that is what the other side acknowledges.
    rival: Option<u32>,
    /// Of a side that was caught in the middle, and of which nothing was told yet, since what was captured first need not
    /// be what was said first: the segments since.
    caught: Option<u32>,
    has_ended: bool,
    is_reset: bool,
    /// Segments since a hole was acknowledged.
    waited: u32,
    /// Where it closes, and the packet that says so.
    closes: Option<(u64, At)>,
    pending: Pieces,
    recent: Recent,
}

impl Half {
    /// The stream starts at this sequence number, as a SYN or the answer to it says.
    pub(super) fn opens_at(&mut self, seq: u32) {
        if self.caught.take().is_some() && self.reaches_back(self.position(seq)) {
            return;
        }
        if !self.is_known {
            self.begin(seq);
        } else if self.is_untold() && self.position(seq) != self.start {
            let start = self.start as u32;
            if self.is_agreed {
                self.rival = Some(seq);
            } else {
                self.begin(seq);
                self.rival = Some(start);
            }
        }
    }

    /// The other side has everything before this sequence number.
    #[inline]
    pub(super) fn acknowledged(&mut self, ack: u32) {
        if self.is_known {
            if self.is_untold() {
                self.agree(ack);
            }
            let position = self.position(ack);
            self.acked = self.acked.max(position);
            self.caught = self.caught.filter(|_| position <= self.start);
        }
    }

    /// The sender resets, with this sequence number. Nothing is closed by that: whoever forges one cannot hide what
    /// is said after it.
    pub(super) fn reset(&mut self, seq: u32) {
        /// A window is not larger (RFC 7323, 2.3).
        const WINDOW_BYTES_MAX: u64 = 1 << 30;
        let distance = self.position(seq).checked_sub(self.next);
        self.is_reset |= self.is_known && distance.is_some_and(|distance| distance <= WINDOW_BYTES_MAX);
    }

    /// The sender closes at this sequence number.
    pub(super) fn closes_at(&mut self, seq: u32, at: At) {
        if !self.is_known {
            self.begin(seq);
            self.caught = Some(0);
        }
        let position = self.position(seq);
        if position >= self.next && !self.has_ended {
            self.closes.get_or_insert((position, at));
        }
    }

    /// Payload of a segment.
    #[inline]
    pub(super) fn take(
        &mut self,
        (side, at): (Side, At),
        seq: u32,
        data: &[u8],
        wire_bytes: u32,
        listener: &mut impl Listener,
    ) {
        if !self.is_known {
            self.begin(seq);
            self.caught = Some(0);
        }
        let position = self.position(seq);
        if self.caught.is_some() && !self.reaches_back(position) && position < self.next {
            self.caught = None;
        }
        let end = position + u64::from(wire_bytes);
        let mut fresh = data;
        if position < self.next {
            if !self.repeats(position, end, data) {
                listener.oddity(at, "segments overlap with different data");
            }
            if end <= self.next {
                return;
            }
            fresh = usize::try_from(self.next - position).ok().and_then(|told| data.get(told..)).unwrap_or_default();
        }
        if self.has_ended {
            return listener.oddity(at, "data after its stream was closed");
        }
        if self.is_reset {
            self.is_reset = false;
            listener.oddity(at, "data after a reset");
        }
        let position = position.max(self.next);
        let cut_bytes = end - position - fresh.len() as u64;
        if position == self.next && self.pending.is_empty() && self.caught.is_none() {
            self.tell((side, at), fresh, cut_bytes, listener);
        } else if self.pending.insert(position, at, fresh, cut_bytes) {
            listener.oddity(at, "segments overlap with different data");
        }
    }

    /// Tells what is in order now, or will not come any more; and the end.
    #[inline]
    pub(super) fn settle(&mut self, side: Side, listener: &mut impl Listener) {
        if (!self.pending.is_empty() || self.closes.is_some()) && !self.has_ended {
            self.settle_pending(side, listener);
        }
    }

    fn settle_pending(&mut self, side: Side, listener: &mut impl Listener) {
        self.caught = self.caught.map(|segments| segments + 1).filter(|segments| *segments <= CAUGHT_SEGMENTS);
        if self.caught.is_some() {
            return;
        }
        self.waited = if self.acked > self.next { self.waited.saturating_add(1) } else { 0 };
        if self.pending.held_bytes() > PENDING_BYTES_MAX {
            if let Some(first) = self.pending.first() {
                listener.oddity(first.at, "more out of order than is kept");
            }
            self.skip_hole(side, listener);
        }
        loop {
            self.tell_pending(side, listener);
            let hole_is_lost = self.acked > self.next && self.waited > PATIENCE_SEGMENTS;
            if !hole_is_lost || !self.skip_hole(side, listener) {
                break;
            }
        }
        if self.closes.is_some_and(|(position, _)| position <= self.next) {
            self.end(side, listener);
        }
    }

    /// Tells what stands next among the pending.
    fn tell_pending(&mut self, side: Side, listener: &mut impl Listener) {
        while let Some(Piece { position, at, data, cut_bytes }) = self.pending.take_before(self.next) {
            let end = position + data.len() as u64 + cut_bytes;
            let told = usize::try_from(self.next - position).unwrap_or(usize::MAX);
            let fresh = data.get(told..).unwrap_or_default();
            let end = self.pending.first().map_or(end, |first| end.min(first.position));
            let cut_bytes = end.saturating_sub(self.next + fresh.len() as u64);
            self.tell((side, at), fresh, cut_bytes, listener);
        }
    }

    /// Gives up what is missing before the next piece, or before the end; false if nothing is known to be missing.
    fn skip_hole(&mut self, side: Side, listener: &mut impl Listener) -> bool {
        let first = self.pending.first().map(|first| (first.position, first.at));
        let Some((position, at)) = first.or(self.closes) else { return false };
        let missing = position.saturating_sub(self.next);
        if missing > 0 {
            self.next = position;
            listener.gap(side, at, missing);
        }
        missing > 0
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, side: Side, at: At, listener: &mut impl Listener) {
        if self.has_ended {
            return;
        }
        while !self.pending.is_empty() {
            self.skip_hole(side, listener);
            self.tell_pending(side, listener);
        }
        self.skip_hole(side, listener);
        // A FIN that was not seen may be what was acknowledged last.
        let missing = self.acked.saturating_sub(self.next);
        if self.closes.is_none() && missing > 1 {
            self.next = self.acked;
            listener.gap(side, at, missing);
        }
        match self.closes {
            Some(_) => self.end(side, listener),
            None => {
                self.has_ended = true;
                listener.end(side, at, Ends::CutOff);
            }
        }
    }

    #[inline]
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    #[inline]
    pub(super) fn held_bytes(&self) -> usize {
        self.pending.held_bytes() + self.recent.held_bytes()
    }

    /// Nothing of it was told yet, nor waits to be.
    #[inline]
    fn is_untold(&self) -> bool {
        self.next == self.start && self.pending.is_empty() && !self.has_ended
    }

    /// It starts where the other side says that it has heard it from, if several starts were seen.
    fn agree(&mut self, ack: u32) {
        let is_after = |start: u32| u64::from(ack.wrapping_sub(start)) <= CAUGHT_BYTES_MAX;
        if is_after(self.start as u32) {
            self.is_agreed = true;
        } else if let Some(rival) = self.rival.filter(|rival| is_after(*rival)) {
            self.begin(rival);
            self.is_agreed = true;
        }
    }

    fn begin(&mut self, seq: u32) {
        self.is_known = true;
        self.is_agreed = false;
        self.rival = None;
        self.next = 1 << 32 | u64::from(seq);
        self.start = self.next;
        self.acked = self.next;
    }

    /// Begins earlier than was thought, if that is near enough; true if it does.
    fn reaches_back(&mut self, position: u64) -> bool {
        let is_near = position < self.next && self.next - position <= CAUGHT_BYTES_MAX;
        if is_near {
            (self.next, self.start) = (position, position);
        }
        is_near
    }

    /// Where a sequence number stands: within half the sequence space around what comes next.
    #[inline]
    fn position(&self, seq: u32) -> u64 {
        let distance = seq.wrapping_sub(self.next as u32) as i32;
        self.next.wrapping_add_signed(i64::from(distance))
    }

    /// Whether data that was told before is the same again, as far as it is still known.
    fn repeats(&self, position: u64, end: u64, data: &[u8]) -> bool {
        // A keep-alive's byte is garbage (RFC 9293, 3.8.4).
        let is_keep_alive = end == self.next && end - position <= 1;
        is_keep_alive || self.recent.agrees(position, data)
    }

    #[inline]
    fn tell(&mut self, (side, at): (Side, At), data: &[u8], cut_bytes: u64, listener: &mut impl Listener) {
        if !data.is_empty() {
            self.recent.push(self.next, data);
            self.next += data.len() as u64;
            listener.data(side, at, data);
        }
        if cut_bytes > 0 {
            self.next += cut_bytes;
            listener.gap(side, at, cut_bytes);
        }
    }

    fn end(&mut self, side: Side, listener: &mut impl Listener) {
        let Some((_, at)) = self.closes else { return };
        self.has_ended = true;
        self.pending = Pieces::default();
        listener.end(side, at, Ends::Whole);
    }
}
