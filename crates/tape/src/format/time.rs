//! Times as text: RFC 3339 in JSON, the compact ISO 8601 form in file names. Always UTC with nine decimals.

use packet::Timestamp;

const SECONDS_A_DAY: i64 = 86_400;

/// `2026-11-23T02:31:05.123456789Z`.
pub fn rfc3339(time: Timestamp) -> String {
    let Civil { year, month, day, hour, minute, second, nanosecond } = Civil::of(time);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanosecond:09}Z")
}

/// `20261123T023105.123456789Z`.
pub fn compact(time: Timestamp) -> String {
    let Civil { year, month, day, hour, minute, second, nanosecond } = Civil::of(time);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}.{nanosecond:09}Z")
}

/// Reads what [`rfc3339`] writes.
pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let shape: Vec<u8> = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte }).collect();
    if shape != b"0000-00-00T00:00:00.000000000Z" {
        return None;
    }
    parse_digits(text)
}

/// Reads what [`compact`] writes.
pub fn parse_compact(text: &str) -> Option<Timestamp> {
    let shape: Vec<u8> = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte }).collect();
    if shape != b"00000000T000000.000000000Z" {
        return None;
    }
    parse_digits(text)
}

/// For `#[serde(with = "…")]`: a time as RFC 3339.
pub mod serde_rfc3339 {
    use packet::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    /// Writes a time.
    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::rfc3339(*time))
    }

    /// Reads a time.
    pub fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse_rfc3339(&text).ok_or_else(|| de::Error::custom("not an RFC 3339 time in UTC with nine decimals"))
    }
}

/// The same for a time that may not be known.
pub mod optional_rfc3339 {
    use packet::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Time(#[serde(with = "super::serde_rfc3339")] Timestamp);

    /// Writes a time.
    pub fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(Time).serialize(serializer)
    }

    /// Reads a time.
    pub fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<Time>::deserialize(deserializer)?.map(|time| time.0))
    }
}

/// The digits of a time, most significant first, whatever stands between them.
fn parse_digits(text: &str) -> Option<Timestamp> {
    let mut digits = text.bytes().filter(u8::is_ascii_digit).map(|byte| i64::from(byte - b'0'));
    let mut number = |count: usize| digits.by_ref().take(count).fold(0_i64, |sum, digit| sum * 10 + digit);
    let (year, month, day) = (number(4), number(2), number(2));
    let (hour, minute, second, nanosecond) = (number(2), number(2), number(2), number(9));
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_from_civil(year, month, day) * SECONDS_A_DAY + hour * 3600 + minute * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanosecond).map(Timestamp)
}

struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i64,
}

impl Civil {
    fn of(time: Timestamp) -> Self {
        let seconds = time.nanoseconds().div_euclid(1_000_000_000);
        let (days, of_day) = (seconds.div_euclid(SECONDS_A_DAY), seconds.rem_euclid(SECONDS_A_DAY));
        let (year, month, day) = civil_from_days(days);
        Self {
            year,
            month,
            day,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            nanosecond: time.nanoseconds().rem_euclid(1_000_000_000),
        }
    }
}

/// Days since 1970-01-01 (<https://howardhinnant.github.io/date_algorithms.html#days_from_civil>).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month, day (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected texts from `date -u -d @SECONDS`.
    #[test]
    fn times_are_written_and_read() {
        check(0, "1970-01-01T00:00:00.000000000Z", "19700101T000000.000000000Z");
        check(1_795_401_065_123_456_789, "2026-11-23T02:31:05.123456789Z", "20261123T023105.123456789Z");
        check(951_782_400_000_000_001, "2000-02-29T00:00:00.000000001Z", "20000229T000000.000000001Z");
        check(-1, "1969-12-31T23:59:59.999999999Z", "19691231T235959.999999999Z");
        check(i64::MAX, "2262-04-11T23:47:16.854775807Z", "22620411T234716.854775807Z");
        check(4_102_444_799_000_000_000, "2099-12-31T23:59:59.000000000Z", "20991231T235959.000000000Z");
    }

    #[test]
    fn other_texts_are_not_times() {
        for text in
            ["", "2026-11-23", "2026-13-23T02:31:05.123456789Z", "9999-01-01T00:00:00.000000000Z", "20261123T023105Z"]
        {
            assert_eq!(parse_rfc3339(text), None, "{text}");
            assert_eq!(parse_compact(text), None, "{text}");
        }
    }

    #[track_caller]
    fn check(nanoseconds: i64, long: &str, short: &str) {
        let time = Timestamp(nanoseconds);
        assert_eq!(rfc3339(time), long);
        assert_eq!(compact(time), short);
        assert_eq!(parse_rfc3339(long), Some(time));
        assert_eq!(parse_compact(short), Some(time));
    }
}
