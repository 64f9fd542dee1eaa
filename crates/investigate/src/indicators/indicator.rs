//! An indicator, in the form in which it is compared.

use std::net::IpAddr;

use packet::Address;

use super::url::without_port;
use super::{Kind, domain, url};

/// Bytes of an indicator; nobody looks for more.
const VALUE_BYTES_MAX: usize = 4096;

/// An indicator, in the form in which it is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Indicator {
    /// What it is.
    pub kind: Kind,
    /// In lower case, where case does not matter.
    pub value: String,
}

/// A network, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// Its first address.
    pub address: Address,
    /// Bits of the prefix, out of 128; 96 more than of an IPv4 one.
    pub bits: u8,
}

impl Indicator {
    /// An indicator that is said to be of this kind; `None` if it cannot be.
    pub fn new(kind: Kind, text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.len() > VALUE_BYTES_MAX {
            return None;
        }
        let (kind, value) = match kind {
            Kind::Address | Kind::Prefix => {
                let network = Network::parse(text)?;
                (if network.bits == 128 { Kind::Address } else { Kind::Prefix }, network.to_string())
            }
            Kind::Domain => match domain::canonical(text) {
                Some(name) => (Kind::Domain, name),
                None => return Network::parse(text).and_then(|_| Self::new(Kind::Address, text)),
            },
            // Zeek writes URLs without their scheme.
            Kind::Url => (kind, url::canonical(text).or_else(|| url::canonical(&format!("http://{text}")))?),
            Kind::Md5 | Kind::Ja3 => (kind, hexadecimal(text, 32)?),
            Kind::Sha1 | Kind::CertSha1 => (kind, hexadecimal(text, 40)?),
            Kind::Sha256 | Kind::CertSha256 => (kind, hexadecimal(text, 64)?),
            Kind::Email => (kind, email(text)?),
            Kind::UserAgent => (kind, text.to_owned()),
            Kind::Ja4 => (kind, ja4(text)?),
        };
        // Percent-encoded it can be longer than it was.
        (value.len() <= VALUE_BYTES_MAX).then_some(Self { kind, value })
    }

    /// An indicator by its form; `None` if it has none. A user agent has none.
    pub fn guess(text: &str) -> Option<Self> {
        const BY_FORM: [Kind; 7] =
            [Kind::Md5, Kind::Sha1, Kind::Sha256, Kind::Ja4, Kind::Email, Kind::Address, Kind::Domain];
        let text = text.trim();
        if text.contains("://") {
            return Self::new(Kind::Url, text);
        }
        BY_FORM.into_iter().find_map(|kind| Self::new(kind, text))
    }

    /// The network, if it is an address or a prefix.
    pub fn network(&self) -> Option<Network> {
        matches!(self.kind, Kind::Address | Kind::Prefix).then(|| Network::parse(&self.value))?
    }
}

impl Network {
    /// Reads an address, with a prefix length or a port behind it.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, bits) = match text.split_once('/') {
            Some((host, bits)) => (host, Some(bits.parse::<u8>().ok()?)),
            None => (without_port(text), None),
        };
        let ip: IpAddr = host.parse().ok()?;
        let (width, around) = if ip.is_ipv4() { (32, 96) } else { (128, 0) };
        let bits = bits.unwrap_or(width);
        if bits > width {
            return None;
        }
        let bits = bits + around;
        Some(Self { address: masked(Address::from(ip), bits), bits })
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bits = if self.address.as_v4().is_some() { self.bits.saturating_sub(96) } else { self.bits };
        match self.bits {
            128 => self.address.fmt(f),
            _ => write!(f, "{}/{bits}", self.address),
        }
    }
}

/// An address with all but its first bits zero.
pub(super) fn masked(address: Address, bits: u8) -> Address {
    let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
    Address((u128::from_be_bytes(address.0) & mask).to_be_bytes())
}

fn hexadecimal(text: &str, digits: usize) -> Option<String> {
    let plain: String = text.chars().filter(|letter| *letter != ':').collect();
    (plain.len() == digits && plain.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| plain.to_ascii_lowercase())
}

fn email(text: &str) -> Option<String> {
    let (user, host) = text.rsplit_once('@')?;
    let is_user = !user.is_empty()
        && user.len() <= 64
        && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+=?^_`{|}~-".contains(&byte));
    let host = domain::canonical(host)?;
    is_user.then(|| format!("{}@{host}", user.to_ascii_lowercase()))
}

/// `t13d1516h2_8daaf6152771_02713d6af862` (FoxIO's JA4).
fn ja4(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let parts: Vec<&str> = text.split('_').collect();
    let [head, ciphers, extensions] = parts.as_slice() else { return None };
    let is_hash = |part: &str| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_head =
        head.len() == 10 && head.starts_with(['t', 'q', 'd']) && head.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_head && is_hash(ciphers) && is_hash(extensions)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_say_what_an_indicator_is() {
        let cases = [
            ("203.0.113.7", Some((Kind::Address, "203.0.113.7"))),
            ("203.0.113.7:8080", Some((Kind::Address, "203.0.113.7"))),
            ("203.0.113.7/24", Some((Kind::Prefix, "203.0.113.0/24"))),
            ("203.0.113.7/32", Some((Kind::Address, "203.0.113.7"))),
            ("2001:DB8::1", Some((Kind::Address, "2001:db8::1"))),
            ("[2001:db8::1]:443", Some((Kind::Address, "2001:db8::1"))),
            ("2001:db8::/32", Some((Kind::Prefix, "2001:db8::/32"))),
            ("Evil.Example.", Some((Kind::Domain, "evil.example"))),
            ("http://Evil.example:80", Some((Kind::Url, "http://evil.example/"))),
            ("http://evil.example:80:80/x \r#y", Some((Kind::Url, "http://evil.example/x"))),
            ("https://u:p@evil.example/A?b#c", Some((Kind::Url, "https://evil.example/A?b"))),
            ("D41D8CD98F00B204E9800998ECF8427E", Some((Kind::Md5, "d41d8cd98f00b204e9800998ecf8427e"))),
            ("Mail@Evil.example", Some((Kind::Email, "mail@evil.example"))),
            ("t13d1516h2_8daaf6152771_02713d6af862", Some((Kind::Ja4, "t13d1516h2_8daaf6152771_02713d6af862"))),
            ("1.2.3", None),
            ("1.2.3.4.5", None),
            ("10.0.0.0/33", None),
            ("hello", None),
            ("a b.example", None),
        ];
        for (text, expected) in cases {
            let found = Indicator::guess(text);
            let expected = expected.map(|(kind, value)| Indicator { kind, value: value.to_owned() });
            assert_eq!(found, expected, "{text}");
        }
    }
}
