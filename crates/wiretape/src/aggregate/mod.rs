//! Answers that are made of many flows: groups, what is new, and how much there was when. All in bounded memory.

mod cell;
mod groups;
mod histogram;
mod news;
mod step;

pub(crate) use cell::{Cell, Key, keys_of};
pub(crate) use groups::{Groups, SortBy, Totals};
pub(crate) use histogram::{Bucket, Histogram, TooFine};
pub(crate) use news::{News, Novelty};
pub(crate) use step::{Interval, step_text};
