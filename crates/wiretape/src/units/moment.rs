//! Moments: RFC 3339, local date and time, seconds since 1970, `now`, or a span back from now.

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

/// Reads a moment; one without a zone is in `zone`.
fn parse_moment(text: &str, zone: &TimeZone) -> Result<Moment, String> {
    let word = text.trim();
    let given = |when| Ok(Moment { when, zone: Zone::Given });
    if word == "now" {
        return given(When::BeforeNow(std::time::Duration::ZERO));
    }
    if let Some(span) = word.strip_prefix('-') {
        return given(When::BeforeNow(parse_span(span)?.0));
    }
    if let Some(seconds) = word.strip_prefix('@').or_else(|| epoch_seconds(word)) {
        let at: f64 = seconds.parse().map_err(|_| explain(text))?;
        return given(When::At(Timestamp((at * 1e9) as i64)));
    }
    if let Ok(at) = word.parse::<jiff::Timestamp>() {
        return given(When::At(from_jiff(at).ok_or_else(|| explain(text))?));
    }
    let civil: civil::DateTime = word.parse().map_err(|_| explain(text))?;
    let at = zone.to_ambiguous_zoned(civil).compatible().map_err(|_| explain(text))?;
    Ok(Moment { when: When::At(from_jiff(at.timestamp()).ok_or_else(|| explain(text))?), zone: Zone::Local })
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

fn epoch_seconds(word: &str) -> Option<&str> {
    let plain = word.chars().all(|c| c.is_ascii_digit() || c == '.');
    (plain && word.split('.').next().is_some_and(|whole| whole.len() >= 9)).then_some(word)
}

fn from_jiff(at: jiff::Timestamp) -> Option<Timestamp> {
    i64::try_from(at.as_nanosecond()).ok().map(Timestamp)
}

fn explain(text: &str) -> String {
    format!("{text:?} is not a time: write 2026-11-23T10:00:00Z, \"2026-11-23 10:00\" (this host's time), -2h, or now")
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_moment(text, &TimeZone::system())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_428_000_000_000_000);

    fn check(text: &str, expected: Option<(i64, Zone)>) {
        // Berlin is an hour ahead of UTC in November.
        let zone = TimeZone::get("Europe/Berlin").expect("bundled zones");
        let found = parse_moment(text, &zone).ok().map(|moment| (moment.at(NOW).0 / 1_000_000_000, moment.zone));
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
        check("now", Some((1_795_428_000, Zone::Given)));
        check("-2h", Some((1_795_420_800, Zone::Given)));
        check("-2", None);
        check("", None);
        check("yesterday-ish", None);
        check("2026-13-01", None);
        check("2400-01-01T00:00:00Z", None);
    }
}
