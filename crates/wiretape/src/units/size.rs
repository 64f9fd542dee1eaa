//! Sizes: `10GB` is 10,000,000,000 bytes, `10GiB` and `10G` are 10 · 2^30, as GNU coreutils read them.

use std::fmt;
use std::str::FromStr;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) u64);

/// A number of bytes, or a part of the file system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    /// Bytes.
    Bytes(u64),
    /// Hundredths of the file system that holds the tape.
    Percent(f64),
}

impl Limit {
    /// So many bytes of a file system of `whole_bytes`.
    pub(crate) fn bytes(self, whole_bytes: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Percent(percent) => (whole_bytes as f64 * percent / 100.0) as u64,
        }
    }
}

/// Reads a size.
fn parse_size(text: &str) -> Result<Size, String> {
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let factor = unit_bytes(unit.trim()).ok_or_else(|| explain(text))?;
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor).map(Size).ok_or_else(|| format!("{text} is more bytes than can be counted"));
    }
    let value: f64 = number.parse().map_err(|_| explain(text))?;
    let bytes = value * factor as f64;
    if bytes < u64::MAX as f64 { Ok(Size(bytes as u64)) } else { Err(explain(text)) }
}

/// Reads a size, or a percentage of the file system.
fn parse_limit(text: &str) -> Result<Limit, String> {
    let Some(number) = text.trim().strip_suffix('%') else {
        return parse_size(text).map(|Size(bytes)| Limit::Bytes(bytes));
    };
    match number.trim().parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Limit::Percent(percent)),
        _ => Err(format!("{text}: a percentage lies between 0% and 100%")),
    }
}

/// Bytes for people, three figures and a decimal unit: `1.23 GB`.
pub(crate) fn size_text(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut name = "B";
    for unit in UNITS {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        name = unit;
    }
    let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.decimals$} {name}")
}

fn unit_bytes(unit: &str) -> Option<u64> {
    let lower = unit.to_ascii_lowercase();
    let (prefix, base) = match lower.as_str() {
        "" | "b" => return Some(1),
        other => match (other.strip_suffix("ib"), other.strip_suffix('b')) {
            (Some(prefix), _) => (prefix, 1024_u64),
            (None, Some(prefix)) => (prefix, 1000),
            (None, None) => (other, 1024),
        },
    };
    let power = match prefix {
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    base.checked_pow(power)
}

fn explain(text: &str) -> String {
    format!("{text:?} is not a size: write a number and a unit, as 500MB, 10GB or 10GiB")
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_size(text)
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_limit(text)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => f.write_str(&size_text(*bytes)),
            Self::Percent(percent) => write!(f, "{percent} % of the file system"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases: [(&str, Option<u64>); 18] = [
            ("0", Some(0)),
            ("1500", Some(1500)),
            ("10GB", Some(10_000_000_000)),
            ("10 GB", Some(10_000_000_000)),
            ("10gb", Some(10_000_000_000)),
            ("10GiB", Some(10_737_418_240)),
            ("10G", Some(10_737_418_240)),
            ("16KiB", Some(16_384)),
            ("16k", Some(16_384)),
            ("1.5MB", Some(1_500_000)),
            ("2TB", Some(2_000_000_000_000)),
            ("20%", None),
            ("", None),
            ("GB", None),
            ("-1", None),
            ("1e9", None),
            ("10 parsecs", None),
            ("99999999999PB", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_size(text).ok().map(|Size(bytes)| bytes), expected, "{text}");
        }
    }

    #[test]
    fn limits() {
        assert_eq!(parse_limit("20%"), Ok(Limit::Percent(20.0)));
        assert_eq!(parse_limit("0.5 %"), Ok(Limit::Percent(0.5)));
        assert_eq!(parse_limit("10MB"), Ok(Limit::Bytes(10_000_000)));
        assert!(parse_limit("101%").is_err());
        assert!(parse_limit("%").is_err());
        assert!(parse_limit("NaN%").is_err());
    }

    #[test]
    fn sizes_for_people() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (1234, "1.23 kB"),
            (12_345, "12.3 kB"),
            (123_456, "123 kB"),
            (999_499, "999 kB"),
            (999_999, "1.00 MB"),
            (10_000_000_000, "10.0 GB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(size_text(bytes), expected);
        }
    }
}
