//! The values that settings take.

use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;

use crate::units::{Limit, Size, Span, Word};

/// Which interfaces to record.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Word")]
pub(crate) enum Interfaces {
    /// The uplinks in full, bridges' heads.
    Auto,
    /// Every interface.
    Any,
    /// These; `auto` can be one of the names.
    Named(Vec<String>),
}

/// How a tape is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Word")]
pub(crate) enum Compression {
    /// Plain pcapng.
    None,
    /// zstd at this level.
    Zstd(u8),
}

/// Which way packets go that are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Word")]
pub(crate) enum Directions {
    /// What this host receives.
    In,
    /// What this host sends.
    Out,
    /// Both.
    Both,
}

/// A network: an address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    /// Any address of the network.
    pub(crate) address: IpAddr,
    /// Leading bits that count.
    pub(crate) bits: u8,
}

/// Some networks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Word")]
pub(crate) struct Prefixes(pub(crate) Vec<Prefix>);

/// True or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Word")]
pub(crate) struct Switch(pub(crate) bool);

impl FromStr for Interfaces {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        if names.iter().any(String::is_empty) {
            return Err("an interface's name is missing".to_owned());
        }
        // IFNAMSIZ of linux/if.h is 16 with the final NUL.
        if let Some(name) = names.iter().find(|name| name.len() > 15 || name.contains(['/', ' '])) {
            return Err(format!("{name:?} cannot be an interface's name"));
        }
        match text.trim() {
            "auto" => Ok(Self::Auto),
            "any" => Ok(Self::Any),
            _ if names.iter().any(|name| name == "auto" || name == "any") => Err("auto and any stand alone".to_owned()),
            _ => Ok(Self::Named(names)),
        }
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "1" | "zstd" => Ok(Self::Zstd(1)),
            "2" => Ok(Self::Zstd(2)),
            "3" => Ok(Self::Zstd(3)),
            _ => Err(format!("{text:?} is neither none nor a level from 1 to 3")),
        }
    }
}

impl FromStr for Directions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "in" => Ok(Self::In),
            "out" => Ok(Self::Out),
            "inout" => Ok(Self::Both),
            _ => Err(format!("{text:?} is not in, out or inout")),
        }
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a network, as 192.0.2.0/24 or 2001:db8::/32");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.trim().parse().map_err(|_| wrong())?,
            None => most,
        };
        if bits > most { Err(wrong()) } else { Ok(Self { address, bits }) }
    }
}

impl FromStr for Prefixes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(|prefix| prefix.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for Switch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "true" | "yes" | "on" | "1" => Ok(Self(true)),
            "false" | "no" | "off" | "0" => Ok(Self(false)),
            _ => Err(format!("{text:?} is neither true nor false")),
        }
    }
}

/// A number that may be written as text, as the environment has it.
pub(super) fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let Word(text) = Word::deserialize(deserializer)?;
    let wrong = |_| serde::de::Error::custom(format!("{text:?} is not a whole number"));
    text.trim().parse().map(Some).map_err(wrong)
}

macro_rules! from_word {
    ($($value:ty),*) => {$(
        impl TryFrom<Word> for $value {
            type Error = String;

            fn try_from(Word(text): Word) -> Result<Self, String> {
                text.parse()
            }
        }
    )*};
}

macro_rules! deserialize_word {
    ($($value:ty),*) => {$(
        impl<'de> Deserialize<'de> for $value {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let Word(text) = Word::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

from_word!(Interfaces, Compression, Directions, Prefixes, Switch);
deserialize_word!(Limit, Size, Span);

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = String> + PartialEq + std::fmt::Debug>(text: &str, expected: Option<T>) {
        assert_eq!(text.parse::<T>().ok(), expected, "{text}");
    }

    #[test]
    fn interfaces() {
        check("auto", Some(Interfaces::Auto));
        check("any", Some(Interfaces::Any));
        check("eth0, eth1", Some(Interfaces::Named(vec!["eth0".into(), "eth1".into()])));
        check::<Interfaces>("", None);
        check::<Interfaces>("eth0,,eth1", None);
        check::<Interfaces>("eth0,any", None);
        check::<Interfaces>("a-name-that-is-too-long", None);
    }

    #[test]
    fn prefixes() {
        let ten = Prefix { address: "10.0.0.0".parse().expect("an address"), bits: 8 };
        let one = Prefix { address: "2001:db8::1".parse().expect("an address"), bits: 128 };
        check("10.0.0.0/8, 2001:db8::1", Some(Prefixes(vec![ten, one])));
        check::<Prefixes>("10.0.0.0/33", None);
        check::<Prefixes>("10.0.0/8", None);
    }
}
