//! Amounts as people write them: sizes, spans of time, moments, and what flags, files and the environment share of them.

mod clock;
mod moment;
mod size;
mod span;
mod word;

pub(crate) use clock::{clock_text, now, rfc3339, second_text};
pub(crate) use moment::{Moment, Zone, local_zone_name, parse_moment};
pub(crate) use size::{Limit, Size, parse_limit, parse_size, size_text};
pub(crate) use span::{Span, parse_span, span_text};
pub(crate) use word::Word;
