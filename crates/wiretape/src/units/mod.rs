//! Amounts as people write them: sizes, spans of time, moments, and what flags, files and the environment share of them.

mod ahead;
mod clock;
mod count;
mod moment;
mod size;
mod span;
mod word;

pub(crate) use ahead::Ahead;
pub(crate) use clock::{clock_text, now, rfc3339, second_text};
pub(crate) use count::count_text;
pub(crate) use moment::{Moment, Zone, local_zone_name};
pub(crate) use size::{Limit, Size, size_text};
pub(crate) use span::{Span, span_text};
pub(crate) use word::Word;
