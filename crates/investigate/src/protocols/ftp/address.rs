//! Addresses and ports, as FTP writes them.

use std::net::IpAddr;

use packet::Address;

/// `h1,h2,h3,h4,p1,p2` of PORT.
pub(super) fn port(text: &str) -> Option<(Address, u16)> {
    let mut numbers = text.trim().split(',').map(|number| number.trim().parse::<u8>());
    let mut next = || numbers.next()?.ok();
    let address = [next()?, next()?, next()?, next()?];
    let port = u16::from_be_bytes([next()?, next()?]);
    (port != 0).then_some((Address::v4(address), port))
}

/// The same somewhere in the reply to PASV, with parentheses or without.
pub(super) fn passive(text: &str) -> Option<(Address, u16)> {
    let is_part = |sign: char| sign.is_ascii_digit() || sign == ',';
    text.split(|sign| !is_part(sign)).filter(|part| part.contains(',')).find_map(|part| port(part.trim_matches(',')))
}

/// `|1|132.235.1.2|6275|` of EPRT; the first character separates.
pub(super) fn extended_port(text: &str) -> Option<(Address, u16)> {
    let separator = text.chars().next()?;
    let mut parts = text.split(separator).skip(2);
    let address = match parts.next()?.parse().ok()? {
        IpAddr::V4(address) => Address::v4(address.octets()),
        IpAddr::V6(address) => Address::v6(address.octets()),
    };
    Some((address, parts.next()?.parse().ok()?))
}

/// `(|||6446|)` of the reply to EPSV.
pub(super) fn extended_passive(text: &str) -> Option<u16> {
    let (_, inner) = text.split_once('(')?;
    let separator = inner.chars().next()?;
    inner.split(separator).nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_rfcs() {
        let v4 = |address, port| Some((Address::v4(address), port));
        assert_eq!(port("132,235,1,2,24,131"), v4([132, 235, 1, 2], 6275));
        assert_eq!(port("132,235,1,2,24"), None);
        assert_eq!(port("132,235,1,256,24,1"), None);
        assert_eq!(passive("Entering Passive Mode (10,0,0,1,4,1)."), v4([10, 0, 0, 1], 1025));
        assert_eq!(passive("Entering Passive Mode. 10,0,0,1,4,1"), v4([10, 0, 0, 1], 1025));
        assert_eq!(passive("=10,0,0,1,4,1"), v4([10, 0, 0, 1], 1025));
        assert_eq!(passive("no, thanks"), None);
        assert_eq!(extended_port("|1|132.235.1.2|6275|"), v4([132, 235, 1, 2], 6275));
        let six = extended_port("|2|1080::8:800:200C:417A|5282|").unwrap();
        assert_eq!((six.0.to_ip().to_string().as_str(), six.1), ("1080::8:800:200c:417a", 5282));
        assert_eq!(extended_passive("Entering Extended Passive Mode (|||6446|)"), Some(6446));
        assert_eq!(extended_passive("(|||x|)"), None);
    }
}
