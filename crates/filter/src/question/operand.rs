//! The values that fields are compared with.

use std::cmp::Ordering;
use std::net::IpAddr;

use packet::{Address, Mac, Timestamp};

use super::field::{FieldKind, Value};
use crate::names;

/// A value of a predicate.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Number(u64),
    Duration(u64),
    Time(Timestamp),
    /// A network: an address in its 16-byte form, and its mask.
    Network(u128, u128),
    Mac(Mac),
    Boolean(bool),
    Text(String),
}

impl Operand {
    /// Reads a value of a kind; times are read by `time`.
    pub(super) fn parse(kind: FieldKind, text: &str, time: &dyn Fn(&str) -> Option<Timestamp>) -> Option<Self> {
        Some(match kind {
            FieldKind::Number => Self::Number(number(text)?),
            FieldKind::Bytes => Self::Number(bytes(text)?),
            FieldKind::Duration => Self::Duration(duration(text)?),
            FieldKind::Time => Self::Time(time(text)?),
            FieldKind::Address => network(text)?,
            FieldKind::Mac => Self::Mac(mac(text)?),
            FieldKind::Protocol => {
                let named = || names::ip_protocol(text).or_else(|| names::ip_protocol(&text.to_ascii_lowercase()));
                Self::Number(number(text).or_else(|| named().map(u64::from))?)
            }
            FieldKind::Flags => Self::Number(u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()?),
            FieldKind::Boolean => Self::Boolean(text.parse().ok()?),
            FieldKind::Text | FieldKind::Name => Self::Text(text.to_owned()),
        })
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_text(&self, other: &str, ignores_case: bool) -> bool {
        let Self::Text(text) = self else { return false };
        text == other || ignores_case && text.eq_ignore_ascii_case(other)
    }

    pub(super) fn equals(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Network(network, mask), Value::Address(address)) => {
                u128::from_be_bytes(address.0) & mask == *network
            }
            (Self::Mac(mac), Value::Mac(other)) => mac == other,
            (Self::Boolean(boolean), Value::Boolean(other)) => boolean == other,
            _ => self.order(value) == Some(Ordering::Equal),
        }
    }

    /// How a value stands to this.
    pub(super) fn order(&self, value: &Value<'_>) -> Option<Ordering> {
        match (value, self) {
            (Value::Number(value), Self::Number(operand)) => Some(value.cmp(operand)),
            (Value::Duration(value), Self::Duration(operand)) => Some(value.cmp(operand)),
            (Value::Time(value), Self::Time(operand)) => Some(value.cmp(operand)),
            _ => None,
        }
    }
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        None => None,
    }
}

/// `1500`, `1.5M`, `10KiB`: K, M, G and T are powers of 1000, with `i` of 1024; a `B` after them says nothing.
fn bytes(text: &str) -> Option<u64> {
    let (digits, unit) = split_unit(text)?;
    let factor: u64 = match unit.trim_end_matches(['b', 'B']).to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "t" => 1_000_000_000_000,
        "ki" => 1 << 10,
        "mi" => 1 << 20,
        "gi" => 1 << 30,
        "ti" => 1 << 40,
        _ => return None,
    };
    scaled(digits, factor)
}

/// `5m`, `1h30m`, `250ms`, `1.5s`, in nanoseconds; a number alone is seconds.
fn duration(text: &str) -> Option<u64> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return scaled(text, 1_000_000_000);
    }
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (digits, after) = split_unit(rest)?;
        let length = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at_checked(length)?;
        let nanoseconds: u64 = match unit {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" | "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            "w" => 604_800_000_000_000,
            _ => return None,
        };
        total = total.checked_add(scaled(digits, nanoseconds)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

/// The digits at the start, perhaps with a point, and what follows.
fn split_unit(text: &str) -> Option<(&str, &str)> {
    let length = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    if length == 0 { None } else { text.split_at_checked(length) }
}

/// A decimal number times a factor, exactly as far as whole units go.
fn scaled(digits: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(factor)?;
    let mut part = factor;
    for digit in fraction.bytes() {
        if !digit.is_ascii_digit() {
            return None;
        }
        part /= 10;
        total = total.checked_add(part.checked_mul(u64::from(digit - b'0'))?)?;
    }
    Some(total)
}

/// An address, or a prefix of addresses.
fn network(text: &str) -> Option<Operand> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let bits = match (address, length) {
        (IpAddr::V4(_), None) | (IpAddr::V6(_), None) => 128,
        (IpAddr::V4(_), Some(length @ 0..=32)) => 96 + length,
        (IpAddr::V6(_), Some(length @ 0..=128)) => length,
        _ => return None,
    };
    let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
    Some(Operand::Network(u128::from_be_bytes(Address::from(address).0) & mask, mask))
}

fn mac(text: &str) -> Option<Mac> {
    let mut address = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut address {
        let part = parts.next().filter(|part| matches!(part.len(), 1 | 2))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(Mac(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(bytes(text), expected, "{text}");
        check("1M", Some(1_000_000));
        check("10KiB", Some(10_240));
        check("1.5kB", Some(1_500));
        check("1500", Some(1_500));
        check("1X", None);
        check("", None);
        let check = |text: &str, expected: Option<u64>| assert_eq!(duration(text), expected, "{text}");
        check("5m", Some(300_000_000_000));
        check("1h30m", Some(5_400_000_000_000));
        check("250ms", Some(250_000_000));
        check("1.5", Some(1_500_000_000));
        check("5y", None);
        check("m", None);
    }

    #[test]
    fn networks() {
        let holds = |text: &str, address: &str| {
            network(text).unwrap().equals(&Value::Address(address.parse::<IpAddr>().unwrap().into()))
        };
        assert!(holds("10.0.0.0/8", "10.1.2.3"));
        assert!(!holds("10.0.0.0/8", "11.1.2.3"));
        assert!(holds("2001:db8::/32", "2001:db8::1"));
        assert!(holds("10.0.0.1", "10.0.0.1"));
        assert!(holds("0.0.0.0/0", "1.2.3.4"));
        assert!(!holds("0.0.0.0/0", "2001:db8::1"));
        assert_eq!(network("10.0.0.0/33"), None);
    }
}
