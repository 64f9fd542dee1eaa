//! What is nobody's, or everybody's: addresses and names that mean nothing outside.

use packet::Address;

use super::indicator::{Network, masked};

/// Networks that no host on the Internet has (the IANA special-purpose registries), groups among them; but those for
/// documentation stand for the Internet where they are used.
const NETWORKS: [&str; 20] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "64:ff9b:1::/48",
    "100::/64",
    "2001:2::/48",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];

/// Names that are resolved in one network only (RFC 6761, RFC 6762, RFC 8375, and what routers hand out).
const NAMES: [&str; 12] = [
    "arpa",
    "corp",
    "domain",
    "fritz.box",
    "home",
    "internal",
    "intranet",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "private",
];

/// Whether an address is of a private network, a group, or reserved.
pub fn is_reserved(address: Address) -> bool {
    static PARSED: std::sync::LazyLock<Vec<Network>> =
        std::sync::LazyLock::new(|| NETWORKS.iter().filter_map(|text| Network::parse(text)).collect());
    PARSED.iter().any(|network| masked(address, network.bits) == network.address)
}

/// Whether a name means something in one network only.
pub(super) fn is_local_name(name: &str) -> bool {
    let is_below = |zone: &&str| name.strip_suffix(*zone).is_some_and(|above| above.is_empty() || above.ends_with('.'));
    !name.contains('.') || NAMES.iter().any(is_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_internet_is_what_is_left() {
        let address = |text: &str| Address::from(text.parse::<std::net::IpAddr>().unwrap());
        for text in
            ["10.1.2.3", "172.31.0.1", "100.127.0.1", "224.0.0.251", "255.255.255.255", "fe80::1", "fd00::1", "::1"]
        {
            assert!(is_reserved(address(text)), "{text}");
        }
        for text in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2a00:1450::1", "9.255.255.255"] {
            assert!(!is_reserved(address(text)), "{text}");
        }
        assert_eq!(NETWORKS.iter().filter(|text| Network::parse(text).is_none()).count(), 0);
        for (name, expected) in
            [("printer.local", true), ("host", true), ("evil.example", false), ("notlocal.com", false)]
        {
            assert_eq!(is_local_name(name), expected, "{name}");
        }
    }
}
