//! Spans of time: `30d`, `90s`, `1h30m`.

use std::str::FromStr;
use std::time::Duration;

/// A span of time as it is written on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) Duration);

/// Reads a span: numbers with units from weeks to milliseconds, largest first.
pub(super) fn parse_span(text: &str) -> Result<Span, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(explain(text));
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, next) = tail.split_at(letters);
        let value: f64 = number.parse().map_err(|_| explain(text))?;
        let seconds = value * unit_seconds(unit).ok_or_else(|| explain(text))?;
        let part = Duration::try_from_secs_f64(seconds).map_err(|_| explain(text))?;
        total = total.checked_add(part).ok_or_else(|| explain(text))?;
        rest = next.trim_start();
    }
    Ok(Span(total))
}

/// A span for people, its two largest units: `3 d 4 h`.
pub(crate) fn span_text(span: Duration) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let seconds = span.as_secs();
    if seconds == 0 {
        return if span.is_zero() { "0 s".to_owned() } else { format!("{} ms", span.as_millis().max(1)) };
    }
    let first = UNITS.iter().position(|(_, length)| seconds >= *length).unwrap_or(UNITS.len() - 1);
    let mut left = seconds;
    let mut parts = Vec::new();
    for (name, length) in UNITS.iter().skip(first).take(2) {
        let count = left / length;
        left %= length;
        if count > 0 {
            parts.push(format!("{count} {name}"));
        }
    }
    parts.join(" ")
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "ms" => 0.001,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "week" | "weeks" => 604_800.0,
        _ => return None,
    })
}

fn explain(text: &str) -> String {
    format!("{text:?} is not a span of time: write a number and a unit, as 90s, 5m, 2h or 30d")
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_span(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        let cases: [(&str, Option<u64>); 18] = [
            ("90s", Some(90_000)),
            ("5m", Some(300_000)),
            ("2h", Some(7_200_000)),
            ("30d", Some(2_592_000_000)),
            ("1w", Some(604_800_000)),
            ("1h30m", Some(5_400_000)),
            ("1h 30m", Some(5_400_000)),
            ("500ms", Some(500)),
            ("15 min", Some(900_000)),
            ("2hours", Some(7_200_000)),
            ("1 day 2 hours", Some(93_600_000)),
            ("3d", Some(259_200_000)),
            ("0.5h", Some(1_800_000)),
            ("5", None),
            ("", None),
            ("h", None),
            ("-5m", None),
            ("5 fortnights", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(Duration::from_millis);
            assert_eq!(parse_span(text).ok().map(|Span(span)| span), expected, "{text}");
        }
    }

    #[test]
    fn spans_for_people() {
        let cases = [
            (0, "0 s"),
            (42, "42 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (3_601, "1 h"),
            (273_600, "3 d 4 h"),
            (8_640_000, "100 d"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(span_text(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(span_text(Duration::from_millis(20)), "20 ms");
    }
}
