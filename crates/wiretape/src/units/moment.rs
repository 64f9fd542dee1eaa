//! Moments: RFC 3339, local date and time, `today`, seconds since 1970, `now`, or a span back from now.

use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Zoned, civil};
use packet::Timestamp;

use super::span::{Span, parse_span};

/// A moment as it was written; `now` is settled once for a whole call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    when: When,
    /// Whether a time zone was given with it.
    pub(crate) zone: Zone,
}

/// Where a moment's time zone comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    /// It was written, or none is needed.
    Given,
    /// This host's.
    Local,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    At(Timestamp),
    BeforeNow(std::time::Duration),
}

impl Moment {
    /// The moment `span` before now.
    pub(crate) fn before_now(Span(span): Span) -> Self {
        Self { when: When::BeforeNow(span), zone: Zone::Given }
    }

    /// The point in time, once it is known what `now` is.
    pub(crate) fn at(self, now: Timestamp) -> Timestamp {
        match self.when {
            When::At(time) => time,
            When::BeforeNow(span) => {
                Timestamp(now.0.saturating_sub(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
            }
        }
    }
}

/// Reads a moment; one without a zone is in `zone`, where it is `now`.
fn parse_moment(text: &str, now: &Zoned) -> Result<Moment, String> {
    let word = text.trim();
    let given = |when| Ok(Moment { when, zone: Zone::Given });
    if word.eq_ignore_ascii_case("now") {
        return given(When::BeforeNow(std::time::Duration::ZERO));
    }
    if let Some(span) = word.strip_prefix('-').or_else(|| word.strip_suffix(" ago")) {
        return given(When::BeforeNow(parse_span(span)?.0));
    }
    if let Some(at) = epoch(word) {
        return given(When::At(at.ok_or_else(|| explain(text))?));
    }
    if let Some(at) = with_zone(word) {
        return given(When::At(from_jiff(at).ok_or_else(|| explain(text))?));
    }
    // Others call it --since 2h; a bare number would be anything.
    if let Ok(span) = parse_span(word) {
        return given(When::BeforeNow(span.0));
    }
    let civil = civil(word, now.date()).ok_or_else(|| explain(text))?;
    let at = now.time_zone().to_ambiguous_zoned(civil).compatible().map_err(|_| explain(text))?;
    Ok(Moment { when: When::At(from_jiff(at.timestamp()).ok_or_else(|| explain(text))?), zone: Zone::Local })
}

/// RFC 3339 and what is near it: `UTC` for `Z`, an offset behind a blank.
fn with_zone(word: &str) -> Option<jiff::Timestamp> {
    let plain = match word.strip_suffix("UTC").or_else(|| word.strip_suffix("utc")) {
        Some(civil) => format!("{}Z", civil.trim_end()),
        None => match word.rsplit_once(' ') {
            Some((civil, offset)) if offset.starts_with(['+', '-']) => format!("{civil}{offset}"),
            _ => word.to_owned(),
        },
    };
    let midnight = || plain.strip_suffix('Z')?.parse::<civil::Date>().ok()?.to_zoned(TimeZone::UTC).ok();
    plain.parse().ok().or_else(|| midnight().map(|zoned| zoned.timestamp()))
}

/// A date and a time of day, a date, a time of today, `today` (since midnight) or `yesterday`.
fn civil(word: &str, today: civil::Date) -> Option<civil::DateTime> {
    let (day, time) = match word.split_once(' ') {
        Some((day, time)) => (day, time.trim_start()),
        None => (word, ""),
    };
    let date = match day.to_ascii_lowercase().as_str() {
        "today" => today,
        "yesterday" => today.yesterday().ok()?,
        _ => {
            let of_today = word.parse().ok().filter(|_| word.contains(':') && !word.contains('-'));
            return of_today.map(|time: civil::Time| today.to_datetime(time)).or_else(|| word.parse().ok());
        }
    };
    let time = if time.is_empty() { civil::Time::midnight() } else { time.parse().ok()? };
    Some(date.to_datetime(time))
}

/// The name of this host's time zone, for the notice that says which one was meant.
pub(crate) fn local_zone_name() -> String {
    let zone = TimeZone::system();
    match zone.iana_name() {
        Some(name) if name != "Etc/Unknown" => name.to_owned(),
        Some(_) => "UTC".to_owned(),
        None => Zoned::now().strftime("%Z").to_string(),
    }
}

/// A count since 1970, as its length tells of seconds (with a fraction or not), milli-, micro- or nanoseconds; an `@`
/// before it says that it is seconds. The inner `None` is one that no clock shows.
fn epoch(word: &str) -> Option<Option<Timestamp>> {
    let (digits, is_marked) = match word.strip_prefix('@') {
        Some(digits) => (digits, true),
        None => (word, false),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || (!is_marked && whole.len() < 9) {
        return is_marked.then_some(None);
    }
    let nanoseconds_each: i64 = match whole.len() {
        _ if is_marked || digits.contains('.') => 1_000_000_000,
        ..=11 => 1_000_000_000,
        12..=14 => 1_000_000,
        15..=17 => 1_000,
        _ => 1,
    };
    let nanoseconds: i64 = format!("{fraction:0<9.9}").parse().unwrap_or(0);
    let at = whole.parse().ok().and_then(|whole: i64| whole.checked_mul(nanoseconds_each));
    Some(at.and_then(|at| at.checked_add(nanoseconds)).map(Timestamp))
}

fn from_jiff(at: jiff::Timestamp) -> Option<Timestamp> {
    i64::try_from(at.as_nanosecond()).ok().map(Timestamp)
}

fn explain(text: &str) -> String {
    format!(
        "{text:?} is not a time: write 2026-11-23T10:00:00Z, \"2026-11-23 10:00\" or 10:00 (this host's time), today, -2h, or now"
    )
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_moment(text, &Zoned::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_428_000_000_000_000);

    fn check(text: &str, expected: Option<(i64, Zone)>) {
        // Berlin is an hour ahead of UTC in November.
        let zone = TimeZone::get("Europe/Berlin").expect("bundled zones");
        let now = jiff::Timestamp::from_nanosecond(NOW.0.into()).expect("in range").to_zoned(zone);
        let found = parse_moment(text, &now).ok().map(|moment| (moment.at(NOW).0 / 1_000_000_000, moment.zone));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn moments() {
        // Expected values are from `date -u -d TEXT +%s`.
        check("2026-11-23T10:00:00Z", Some((1_795_428_000, Zone::Given)));
        check("2026-11-23T10:00:00+01:00", Some((1_795_424_400, Zone::Given)));
        check("2026-11-23 10:00:00.5Z", Some((1_795_428_000, Zone::Given)));
        check("2026-11-23 11:00", Some((1_795_428_000, Zone::Local)));
        check("2026-11-23T11:00:00", Some((1_795_428_000, Zone::Local)));
        check("2026-11-23", Some((1_795_388_400, Zone::Local)));
        check("1795428000", Some((1_795_428_000, Zone::Given)));
        check("@1795428000.25", Some((1_795_428_000, Zone::Given)));
        check("@5", Some((5, Zone::Given)));
        check("1795428000.123456", Some((1_795_428_000, Zone::Given)));
        check("1795428000123", Some((1_795_428_000, Zone::Given)));
        check("1795428000123456", Some((1_795_428_000, Zone::Given)));
        check("1795428000123456789", Some((1_795_428_000, Zone::Given)));
        check("99999999999", None);
        check("@x", None);
        check("2026-11-23 10:00:00 UTC", Some((1_795_428_000, Zone::Given)));
        check("2026-11-23T10:00Z", Some((1_795_428_000, Zone::Given)));
        check("2026-11-23 05:00 -0500", Some((1_795_428_000, Zone::Given)));
        check("2026-11-23 15:30:00+05:30", Some((1_795_428_000, Zone::Given)));
        check("2026-11-23Z", Some((1_795_392_000, Zone::Given)));
        check("11:00", Some((1_795_428_000, Zone::Local)));
        check("11:00:30", Some((1_795_428_030, Zone::Local)));
        check("today", Some((1_795_388_400, Zone::Local)));
        check("yesterday", Some((1_795_302_000, Zone::Local)));
        check("Yesterday 11:00", Some((1_795_341_600, Zone::Local)));
        check("2 h ago", Some((1_795_420_800, Zone::Given)));
        check("90 minutes ago", Some((1_795_422_600, Zone::Given)));
        check("now", Some((1_795_428_000, Zone::Given)));
        check("-2h", Some((1_795_420_800, Zone::Given)));
        check("-1h30m", Some((1_795_422_600, Zone::Given)));
        check("2h", Some((1_795_420_800, Zone::Given)));
        check("2", None);
        check("-2", None);
        check("", None);
        check("yesterday-ish", None);
        check("2026-13-01", None);
        check("2400-01-01T00:00:00Z", None);
    }
}
