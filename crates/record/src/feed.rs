//! A ring's packets, block by block, whoever reads them.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use packet::Timestamp;

use crate::Error;
use crate::reader::Reader;
use crate::ring::{Block, Ring};
use crate::run::Run;

/// A ring that is read from its first block on.
#[derive(Debug)]
pub(crate) struct Feed {
    ring: Arc<Ring>,
    reader: Option<Reader>,
    /// Number of the first block that has not come.
    next: usize,
    /// The block that came last, and how many of its packets are done with.
    run: Run,
    at: usize,
    damaged: u64,
}

impl Feed {
    pub(crate) fn new(ring: Ring) -> Self {
        Self { ring: Arc::new(ring), reader: None, next: 0, run: Run::default(), at: 0, damaged: 0 }
    }

    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Has a thread of its own read the ring; each time that a block was read, it adds to the counter `wake`.
    pub(crate) fn start_reader(&mut self, wake: Arc<OwnedFd>) -> Result<(), Error> {
        self.reader = Some(Reader::start(self.ring.clone(), self.next, wake)?);
        Ok(())
    }

    pub(crate) fn has_reader(&self) -> bool {
        self.reader.is_some()
    }

    /// The next block itself; only where neither a reader nor [`Feed::fetch`] takes them.
    #[inline]
    pub(crate) fn block(&mut self) -> Option<Block> {
        let block = self.ring.block(self.next)?;
        self.next += 1;
        Some(block)
    }

    /// Counts packets that could not be read.
    #[inline]
    pub(crate) fn add_damaged(&mut self, packets: u32) {
        self.damaged += u64::from(packets);
    }

    /// Gets the next block if all packets of the last one are done with.
    pub(crate) fn fetch(&mut self) {
        while self.at >= self.run.len() {
            self.at = 0;
            self.run.empty();
            let came = match &mut self.reader {
                Some(reader) => reader.next(&mut self.run),
                None => self.ring.block(self.next).is_some_and(|block| {
                    self.run = std::mem::take(&mut self.run).list(block, false);
                    true
                }),
            };
            if !came {
                return;
            }
            self.next += 1;
            self.damaged += u64::from(self.run.damaged());
        }
    }

    /// When the next packet was captured, of those that were fetched.
    pub(crate) fn front_time(&self) -> Option<Timestamp> {
        self.run.time(self.at)
    }

    /// The block that was fetched, and which of its packets is next.
    pub(crate) fn front(&self) -> (&Run, usize) {
        (&self.run, self.at)
    }

    /// Says which packet of the block is next.
    pub(crate) fn advance(&mut self, at: usize) {
        self.at = at;
        if at >= self.run.len() {
            self.run.empty();
        }
    }

    /// True if no packet is on its way: none in the ring, and none with a reader, who holds on to the block.
    pub(crate) fn is_quiet(&self) -> bool {
        self.ring.is_quiet(self.next)
    }

    /// How full the ring is, from 0 to 1.
    pub(crate) fn fill(&self) -> f32 {
        self.ring.fill(self.next)
    }

    /// Packets that could not be read.
    pub(crate) fn damaged(&self) -> u64 {
        self.damaged
    }
}
