//! Moments to come: a date, or a span from now on.

use std::str::FromStr;
use std::time::Duration;

use packet::Timestamp;

use super::moment::Moment;
use super::span::parse_span;

/// A moment to come, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ahead {
    /// So long from now.
    In(Duration),
    /// A date or a time.
    At(Moment),
}

impl Ahead {
    /// The point in time, once it is known what `now` is.
    pub(crate) fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::In(span) => Timestamp(now.0.saturating_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))),
            Self::At(moment) => moment.at(now),
        }
    }
}

impl FromStr for Ahead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = text.trim().trim_start_matches('+');
        match parse_span(span.strip_prefix("in ").unwrap_or(span)) {
            Ok(span) => Ok(Self::In(span.0)),
            Err(_) => text.parse().map(Self::At),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_to_come() {
        let now = Timestamp(1_795_428_000_000_000_000);
        let check = |text: &str, expected: Option<i64>| {
            let found = text.parse::<Ahead>().ok().map(|ahead| ahead.at(now).0 / 1_000_000_000);
            assert_eq!(found, expected, "{text}");
        };
        check("90d", Some(1_795_428_000 + 90 * 86_400));
        check("+1h", Some(1_795_428_000 + 3600));
        check("in 2h", Some(1_795_428_000 + 7200));
        // date -u -d 2027-01-31T00:00:00Z +%s
        check("2027-01-31T00:00:00Z", Some(1_801_353_600));
        check("soon", None);
    }
}
