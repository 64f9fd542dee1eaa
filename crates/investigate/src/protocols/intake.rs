//! A stream of messages that carry files: the head of each is read whole, what it carries is passed on as it comes.

use crate::{At, Side, Sink};

/// A longer head is not read.
const HEAD_BYTES_MAX: usize = 128 << 10;

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// The head goes on: so many bytes, counted from its start.
    More(usize),
    /// It was all read. So many bytes of a file follow, so many that matter to nobody, and then a head of at least so many.
    Next { payload: u64, skip: u64, head: usize },
    /// It makes no sense.
    Lost,
}

/// A part of what a message carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Payload<'a> {
    Bytes(&'a [u8]),
    Missing(u64),
}

/// Reads the messages.
pub(crate) trait Carrier {
    /// Bytes of the first head.
    const START_BYTES: usize;

    /// A head, as far as it was wanted.
    fn head(&mut self, side: Side, at: At, head: &[u8], sink: &mut dyn Sink) -> Want;

    /// What a message carries.
    fn payload(&mut self, side: Side, at: At, payload: Payload<'_>, sink: &mut dyn Sink);

    /// How many bytes from the start of this head belong to its message, if that is known.
    fn message_bytes(&self, side: Side, head: &[u8]) -> Option<u64>;

    /// The message at hand is given up: what comes next is the start of another one.
    fn restart(&mut self, side: Side);

    /// Where a message begins, surely enough to go on there after a gap, and what to keep if none does: see [`Intake`].
    fn find(bytes: &[u8]) -> Option<usize>;

    /// Bytes that [`Self::find`] looks at.
    const MARK_BYTES: usize;
}

/// One side of the stream.
#[derive(Debug)]
pub(crate) struct Intake {
    head: Vec<u8>,
    wanted: usize,
    payload: u64,
    skip: u64,
    is_seeking: bool,
}

impl Intake {
    /// At the start of a message.
    pub(crate) fn new<C: Carrier>() -> Self {
        Self { head: Vec::new(), wanted: C::START_BYTES, payload: 0, skip: 0, is_seeking: false }
    }

    /// The next bytes.
    pub(crate) fn data<C: Carrier>(&mut self, carrier: &mut C, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) {
        let mut rest = data;
        while !rest.is_empty() {
            let taken = if self.is_seeking {
                self.seek(carrier, side, at, rest, sink);
                rest.len()
            } else if self.payload > 0 {
                let taken = part(self.payload, rest);
                self.payload -= taken as u64;
                carrier.payload(side, at, Payload::Bytes(rest.get(..taken).unwrap_or_default()), sink);
                taken
            } else if self.skip > 0 {
                let taken = part(self.skip, rest);
                self.skip -= taken as u64;
                taken
            } else {
                self.collect(carrier, side, at, rest, sink)
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// Bytes are missing.
    pub(crate) fn gap<C: Carrier>(&mut self, carrier: &mut C, side: Side, at: At, bytes: u64, sink: &mut dyn Sink) {
        if self.is_seeking {
            self.head.clear();
            return;
        }
        let payload = bytes.min(self.payload);
        if payload > 0 {
            self.payload -= payload;
            carrier.payload(side, at, Payload::Missing(payload), sink);
        }
        let skip = (bytes - payload).min(self.skip);
        self.skip -= skip;
        let beyond = bytes - payload - skip;
        if beyond == 0 {
            return;
        }
        let left = carrier.message_bytes(side, &self.head).map(|all| all.saturating_sub(self.head.len() as u64));
        carrier.restart(side);
        self.head.clear();
        self.wanted = C::START_BYTES;
        match left.and_then(|left| left.checked_sub(beyond)) {
            Some(left) => self.skip = left,
            None => self.is_seeking = true,
        }
    }

    /// Bytes that it holds on to.
    pub(crate) fn held_bytes(&self) -> usize {
        self.head.capacity()
    }

    fn collect<C: Carrier>(&mut self, carrier: &mut C, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> usize {
        let taken = self.wanted.saturating_sub(self.head.len()).min(data.len());
        self.head.extend_from_slice(data.get(..taken).unwrap_or_default());
        if self.head.len() < self.wanted {
            return taken;
        }
        let mut head = std::mem::take(&mut self.head);
        match carrier.head(side, at, &head, sink) {
            Want::More(wanted) if wanted > head.len() && wanted <= HEAD_BYTES_MAX => {
                self.head = head;
                self.wanted = wanted;
            }
            Want::Next { payload, skip, head: wanted } => {
                self.payload = payload;
                self.skip = skip;
                self.wanted = wanted.max(1);
                if head.capacity() <= 4096 {
                    head.clear();
                    self.head = head;
                }
            }
            Want::More(_) | Want::Lost => {
                carrier.restart(side);
                self.wanted = C::START_BYTES;
                self.is_seeking = true;
                // It may begin within what was taken for its head.
                let again = head.get(1..).unwrap_or_default().to_vec();
                self.seek(carrier, side, at, &again, sink);
            }
        }
        taken
    }

    fn seek<C: Carrier>(&mut self, carrier: &mut C, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) {
        self.head.extend_from_slice(data);
        let mut seen = std::mem::take(&mut self.head);
        match C::find(&seen) {
            Some(start) => {
                self.is_seeking = false;
                self.wanted = C::START_BYTES;
                let rest = seen.split_off(start.min(seen.len()));
                self.data(carrier, side, at, &rest, sink);
            }
            None => {
                let kept = seen.len().min(C::MARK_BYTES.saturating_sub(1));
                self.head = seen.split_off(seen.len() - kept);
            }
        }
    }
}

fn part(left: u64, data: &[u8]) -> usize {
    usize::try_from(left).map_or(data.len(), |left| left.min(data.len()))
}
