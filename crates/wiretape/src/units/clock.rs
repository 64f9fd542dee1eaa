//! Points in time as text, always in UTC.

use packet::Timestamp;

/// RFC 3339 with nanoseconds: `2026-11-23T10:00:00.000000000Z`.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    format!("{:.9}", jiff_time(time))
}

/// For people, to the microsecond: `2026-11-23 10:00:00.000000`.
pub(crate) fn clock_text(time: Timestamp) -> String {
    jiff_time(time).strftime("%Y-%m-%d %H:%M:%S.%6f").to_string()
}

/// For people, to the second: `2026-11-23 10:00:00`.
pub(crate) fn second_text(time: Timestamp) -> String {
    jiff_time(time).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// This moment by the wall clock.
pub(crate) fn now() -> Timestamp {
    Timestamp(i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX))
}

/// All that a timestamp can tell lies within jiff's years -9999 to 9999.
fn jiff_time(time: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_nanosecond(i128::from(time.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        // date -u -d @1795428000 +%FT%T
        assert_eq!(rfc3339(Timestamp(1_795_428_000_000_000_001)), "2026-11-23T10:00:00.000000001Z");
        assert_eq!(clock_text(Timestamp(1_795_428_000_123_456_789)), "2026-11-23 10:00:00.123456");
        assert_eq!(rfc3339(Timestamp(-1)), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(rfc3339(Timestamp::MIN), "1677-09-21T00:12:43.145224192Z");
        assert_eq!(rfc3339(Timestamp::MAX), "2262-04-11T23:47:16.854775807Z");
    }
}
