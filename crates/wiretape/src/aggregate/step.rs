//! The width of a histogram's buckets.

use std::str::FromStr;
use std::time::Duration;

use crate::units::{Span, span_text};

/// How wide buckets are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interval {
    /// So wide that there are some dozens.
    Auto,
    /// This wide, in nanoseconds.
    Given(i64),
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        let Span(span) = text.parse()?;
        match i64::try_from(span.as_nanos()) {
            Ok(nanoseconds @ 1..) => Ok(Self::Given(nanoseconds)),
            _ => Err(format!("{text:?} cannot be the width of a bucket: write 1s, 1m, 1h, 1d or auto")),
        }
    }
}

const SECOND: i64 = 1_000_000_000;

/// Widths that people read easily, each a multiple of the one before.
const STEPS: [i64; 21] = [
    1_000_000,
    5_000_000,
    10_000_000,
    50_000_000,
    100_000_000,
    500_000_000,
    SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    60 * SECOND,
    300 * SECOND,
    600 * SECOND,
    1_800 * SECOND,
    3_600 * SECOND,
    21_600 * SECOND,
    86_400 * SECOND,
    604_800 * SECOND,
    4 * 604_800 * SECOND,
    52 * 604_800 * SECOND,
    520 * 604_800 * SECOND,
];

/// The narrowest.
pub(super) const NARROWEST: i64 = STEPS[0];

/// The next wider one; the widest has none.
pub(super) fn wider(step: i64) -> Option<i64> {
    STEPS.iter().copied().find(|wider| *wider > step)
}

/// A width for people.
pub(crate) fn step_text(step: i64) -> String {
    span_text(Duration::from_nanos(step.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_width_is_a_multiple_of_the_one_before() {
        assert!(STEPS.windows(2).all(|pair| pair[1] > pair[0] && pair[1] % pair[0] == 0));
    }

    #[test]
    fn intervals() {
        for (text, expected) in [
            ("1m", Some(Interval::Given(60 * SECOND))),
            ("Auto", Some(Interval::Auto)),
            ("100ms", Some(Interval::Given(SECOND / 10))),
            ("0s", None),
            ("5", None),
        ] {
            assert_eq!(text.parse::<Interval>().ok(), expected, "{text}");
        }
    }
}
