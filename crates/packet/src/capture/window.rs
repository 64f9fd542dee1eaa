//! A moving view of an input, filled by large reads.

use std::io::{self, ErrorKind, Read};

use super::error::Fault;

/// Large enough that a read's own cost vanishes, small enough to stay in the processor's cache.
const WINDOW_BYTES: usize = 1024 * 1024;

/// The part of the input that has been read but not consumed, always in one piece.
///
/// `start <= end <= bytes.len()`. The window grows beyond its usual size only while bytes really arrive, so that a
/// length field alone never makes it allocate.
pub(crate) struct Window<R> {
    input: R,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset of `bytes[0]` in the input.
    base: u64,
    ended: bool,
    failure: Option<io::Error>,
}

impl<R: Read> Window<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, bytes: vec![0; WINDOW_BYTES], start: 0, end: 0, base: 0, ended: false, failure: None }
    }

    /// Makes `count` bytes available, if the input has them.
    #[inline]
    pub(crate) fn ensure(&mut self, count: usize) -> bool {
        self.available() >= count || self.refill(count)
    }

    /// As `ensure`, with the fault of an input that ends within `part` or fails.
    #[inline]
    pub(crate) fn require(&mut self, count: usize, part: &'static str) -> Result<(), Fault> {
        if self.ensure(count) { Ok(()) } else { Err(self.shortage(count, part)) }
    }

    /// True at the end of the input; an input that fails there has not ended.
    #[inline]
    pub(crate) fn at_end(&mut self) -> bool {
        !self.ensure(1) && self.failure.is_none()
    }

    /// Bytes that are there.
    #[inline]
    pub(crate) fn available(&self) -> usize {
        self.end - self.start
    }

    /// Offset in the input of the first byte that is not consumed.
    #[inline]
    pub(crate) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// What is there.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The last `count` bytes that were consumed, less the `tail` bytes at their end.
    #[inline]
    pub(crate) fn consumed(&self, count: usize, tail: usize) -> &[u8] {
        let end = self.start.saturating_sub(tail);
        self.bytes.get(end.saturating_sub(count)..end).unwrap_or_default()
    }

    /// Passes over `count` bytes that are there.
    #[inline]
    pub(crate) fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.available());
        self.start = (self.start + count).min(self.end);
    }

    /// Passes over `count` bytes, whether they fit into the window or not.
    pub(crate) fn skip(&mut self, count: usize, part: &'static str) -> Result<(), Fault> {
        let mut rest = count;
        while rest > self.available() {
            rest -= self.available();
            self.consume(self.available());
            if !self.ensure(1) {
                return Err(self.shortage(rest, part).grown((count - rest) as u64));
            }
        }
        self.consume(rest);
        Ok(())
    }

    fn shortage(&mut self, needed: usize, part: &'static str) -> Fault {
        match self.failure.take() {
            Some(failure) => Fault::Read(failure),
            None => Fault::Truncated { part, needed: needed as u64, present: self.available() as u64 },
        }
    }

    #[cold]
    fn refill(&mut self, count: usize) -> bool {
        self.bytes.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        while self.end < count && !self.ended {
            if self.end == self.bytes.len() {
                self.bytes.resize(count.min(self.bytes.len() * 2), 0);
            }
            let Some(room) = self.bytes.get_mut(self.end..) else { return false };
            match self.input.read(room) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end = (self.end + read).min(self.bytes.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error);
                    self.ended = true;
                }
            }
        }
        self.end >= count
    }
}

impl Fault {
    /// A truncation that lost `before` bytes from view already.
    fn grown(self, before: u64) -> Self {
        match self {
            Self::Truncated { part, needed, present } => {
                Self::Truncated { part, needed: needed + before, present: present + before }
            }
            other => other,
        }
    }
}
