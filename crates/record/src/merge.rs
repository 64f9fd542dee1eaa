//! Several rings read as one, in the order of the kernel's time, within a bounded window.

use std::time::{Duration, Instant};

use packet::{Headers, Timestamp};

use crate::clock::wall_clock;
use crate::feed::Feed;
use crate::frame::Frame;
use crate::run::Run;

/// A packet waits at most this long for an earlier one from another ring: a block that fills slowly is handed over
/// after 50 ms.
const WINDOW: Duration = Duration::from_millis(100);
/// Between a packet's time stamp and its place in the ring, at most.
const STAMP_TO_RING_NS: i64 = 1_000_000;
/// A ring that is fuller than this is read at once, whatever the order.
const FILL_MAX: f32 = 0.5;
/// So many blocks are read before the caller gets a chance to do other things.
const BLOCKS_AT_ONCE: usize = 32;

/// How a reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing is left that is ready.
    Empty,
    /// There is more.
    More,
    /// What is left waits for other rings.
    Held,
}

/// Takes packets in, with their headers where those have been decoded.
pub(crate) trait Take {
    /// All of them, unless no more are wanted.
    fn take<'b>(&mut self, frames: impl Iterator<Item = (Frame<'b>, Option<&'b Headers>)>);
}

/// Since when packets wait for other rings.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    held_since: Option<Instant>,
}

impl Merge {
    /// Hands packets that are ready to `take`.
    pub(crate) fn read<'r>(&mut self, feeds: impl Iterator<Item = &'r mut Feed>, take: &mut impl Take) -> Outcome {
        let mut feeds: Vec<&mut Feed> = feeds.collect();
        match feeds.as_mut_slice() {
            [] => Outcome::Empty,
            [feed] if !feed.has_reader() => read_one(feed, take),
            feeds => self.read_several(feeds, take),
        }
    }

    fn read_several(&mut self, feeds: &mut [&mut Feed], take: &mut impl Take) -> Outcome {
        for _ in 0..BLOCKS_AT_ONCE {
            // Everything that was captured before this moment is in a ring by now.
            let complete_to = Timestamp(wall_clock().0.saturating_sub(STAMP_TO_RING_NS));
            // A ring is quiet only if it was so before the others were looked at.
            let quiet: Vec<bool> = feeds.iter().map(|feed| feed.is_quiet()).collect();
            feeds.iter_mut().for_each(|feed| feed.fetch());
            let Some(earliest) = feeds.iter().filter_map(|feed| feed.front_time()).min() else {
                self.held_since = None;
                return Outcome::Empty;
            };
            let missing = feeds.iter().zip(quiet).filter(|(feed, _)| feed.front_time().is_none());
            let limit = missing.map(|(_, quiet)| if quiet { complete_to } else { Timestamp::MIN }).min();
            let mut until = limit.unwrap_or(Timestamp::MAX);
            if earliest > until {
                let overdue = self.held_since.get_or_insert_with(Instant::now).elapsed() >= WINDOW;
                if !overdue && feeds.iter().all(|feed| feed.fill() <= FILL_MAX) {
                    return Outcome::Held;
                }
                until = Timestamp::MAX;
            }
            self.held_since = None;
            let mut merged = Merged::new(feeds, until);
            take.take(&mut merged);
            let places: Vec<usize> = merged.fronts.iter().map(|front| front.at).collect();
            feeds.iter_mut().zip(places).for_each(|(feed, at)| feed.advance(at));
        }
        Outcome::More
    }
}

fn read_one(feed: &mut Feed, take: &mut impl Take) -> Outcome {
    for _ in 0..BLOCKS_AT_ONCE {
        let Some(mut block) = feed.block() else { return Outcome::Empty };
        let mut frames = block.frames();
        take.take(frames.by_ref().map(|frame| (frame, None)));
        feed.add_damaged(frames.damaged());
    }
    Outcome::More
}

/// The packets of several blocks in one order, until one of the blocks is at its end: what follows it has to be looked
/// at first. Each block keeps its own order.
struct Merged<'r> {
    fronts: Vec<Front<'r>>,
    /// The front that is first, and until when it stays so.
    first: usize,
    until: Timestamp,
    /// Packets that are later are not handed out.
    limit: Timestamp,
}

struct Front<'r> {
    run: &'r Run,
    at: usize,
}

impl<'r> Merged<'r> {
    fn new(feeds: &'r [&mut Feed], limit: Timestamp) -> Self {
        let fronts = feeds.iter().map(|feed| feed.front()).map(|(run, at)| Front { run, at }).collect();
        Self { fronts, first: 0, until: Timestamp::MIN, limit }
    }

    /// Finds the earliest front; its packets go on until they are later than those of another.
    fn choose(&mut self) -> Option<()> {
        let times = self.fronts.iter().enumerate().filter_map(|(n, front)| Some((front.run.time(front.at)?, n)));
        let (_, first) = times.clone().min()?;
        let others = times.filter(|(_, number)| *number != first);
        let until = others.map(|(time, _)| time).min().unwrap_or(Timestamp::MAX);
        (self.first, self.until) = (first, until.min(self.limit));
        Some(())
    }
}

impl<'r> Iterator for Merged<'r> {
    type Item = (Frame<'r>, Option<&'r Headers>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let front = self.fronts.get(self.first)?;
        let mut time = front.run.time(front.at);
        if time.is_none_or(|time| time > self.until) {
            if time.is_none() && front.at > 0 {
                return None;
            }
            self.choose()?;
            let front = self.fronts.get(self.first)?;
            time = front.run.time(front.at);
            if time.is_none_or(|time| time > self.limit) {
                return None;
            }
        }
        let front = self.fronts.get_mut(self.first)?;
        let frame = front.run.frame(front.at);
        front.at += 1;
        frame
    }
}
