//! Several rings read as one, in the order of the kernel's time, within a bounded window.

use std::time::{Duration, Instant};

use packet::Timestamp;

use crate::clock::wall_clock;
use crate::frame::Frames;
use crate::ring::Ring;

/// A packet waits at most this long for an earlier one from another ring: a block that fills slowly is handed over
/// after 50 ms.
const WINDOW: Duration = Duration::from_millis(100);
/// Between a packet's time stamp and its place in the ring, at most.
const STAMP_TO_RING_NS: i64 = 1_000_000;
/// A ring that is fuller than this is read at once, whatever the order.
const FILL_MAX: f32 = 0.5;
/// So many blocks are read before the caller gets a chance to do other things.
const BLOCKS_AT_ONCE: usize = 32;
/// And so many packets, or blocks, of several rings.
const STEPS_AT_ONCE: usize = 32_768;

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

/// Since when packets wait for other rings.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    held_since: Option<Instant>,
}

impl Merge {
    /// Hands packets that are ready to `take`.
    pub(crate) fn read<'r>(
        &mut self,
        rings: impl Iterator<Item = &'r mut Ring>,
        mut take: impl FnMut(&mut Frames<'_>),
    ) -> Outcome {
        let mut rings: Vec<&mut Ring> = rings.collect();
        match rings.as_mut_slice() {
            [] => Outcome::Empty,
            [ring] => read_one(ring, take),
            rings => self.read_several(rings, &mut take),
        }
    }

    fn read_several(&mut self, rings: &mut [&mut Ring], take: &mut impl FnMut(&mut Frames<'_>)) -> Outcome {
        // Everything that was captured before this moment is in a ring by now.
        let complete_to = Timestamp(wall_clock().0.saturating_sub(STAMP_TO_RING_NS));
        let overdue = self.held_since.is_some_and(|since| since.elapsed() >= WINDOW);
        let hurry = overdue || rings.iter().any(|ring| ring.fill() > FILL_MAX);
        // A ring is quiet only if it was so before the others were looked at.
        let quiet: Vec<bool> = rings.iter().map(|ring| ring.is_quiet()).collect();
        let mut fronts: Vec<Option<Timestamp>> = rings.iter_mut().map(|ring| ring.front_time()).collect();

        for _ in 0..STEPS_AT_ONCE {
            let earliest = fronts.iter().enumerate().filter_map(|(number, time)| time.map(|time| (time, number))).min();
            let Some((time, number)) = earliest else {
                self.held_since = None;
                return Outcome::Empty;
            };
            let is_next =
                fronts.iter().zip(&quiet).all(|(front, quiet)| front.is_some() || (*quiet && time <= complete_to));
            if !is_next && !hurry {
                self.held_since.get_or_insert_with(Instant::now);
                return Outcome::Held;
            }
            // A block that lies before everything else is taken whole.
            let others = fronts.iter().enumerate().filter(|(other, _)| *other != number);
            let limit = others.map(|(_, front)| front.unwrap_or(complete_to)).min().unwrap_or(Timestamp::MAX);
            let whole = rings[number].block_end_time().is_some_and(|end| end <= limit);
            rings[number].frames(if whole { u32::MAX } else { 1 }, &mut *take);
            fronts[number] = rings[number].front_time();
        }
        self.held_since = None;
        Outcome::More
    }
}

fn read_one(ring: &mut Ring, mut take: impl FnMut(&mut Frames<'_>)) -> Outcome {
    for _ in 0..BLOCKS_AT_ONCE {
        if !ring.frames(u32::MAX, &mut take) {
            return Outcome::Empty;
        }
    }
    Outcome::More
}
