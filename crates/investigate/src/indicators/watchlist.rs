//! Indicators, to be found by what is seen.

use std::collections::{BTreeSet, HashMap, HashSet};

use packet::Address;

use super::indicator::{Network, masked};
use super::{Indicator, Kind, Listed, url};

/// Indicators, to be found by what is seen: each by its place in the list.
#[derive(Clone, Debug, Default)]
pub struct Watchlist {
    listed: Vec<Listed>,
    networks: HashMap<(u8, Address), Vec<usize>>,
    /// Lengths of the prefixes that there are.
    lengths: BTreeSet<u8>,
    domains: HashMap<String, Vec<usize>>,
    /// What is compared as it is. Hashes are of whatever has them: a list seldom says that one is a JA3.
    texts: HashMap<String, Vec<usize>>,
    /// Hosts of URLs that name something on them.
    url_hosts: HashSet<String>,
}

/// Something that a row can have of what is listed: what an index of rows is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clue<'l> {
    /// One of the flow's addresses is in a network.
    Address(Network),
    /// An address in what is said is.
    Named(Network),
    /// A host in what is said has this name, or one below it.
    Below(&'l str),
    /// A field has this text.
    Text(&'static str, &'l str),
    /// Certificates were shown.
    Certificate,
    /// Files were moved.
    File,
}

/// Fields of rows that domains, addresses, mail addresses, user agents and fingerprints are met by.
const COMPARED: [&str; 12] = [
    "tls_sni",
    "ja3",
    "ja3s",
    "ja4",
    "http_hostname",
    "http_user_agent",
    "dns_queries",
    "dns_answers",
    "mail_from",
    "mail_to",
    "cert_chain",
    "file_sha256",
];

/// Kinds that a certificate can be met by, which rows do not have.
const OF_CERTIFICATES: [Kind; 2] = [Kind::Sha1, Kind::CertSha1];
/// Kinds that a file can be met by, which rows do not have.
const OF_FILES: [Kind; 2] = [Kind::Md5, Kind::Sha1];

impl Watchlist {
    /// Of these indicators.
    pub fn new(listed: Vec<Listed>) -> Self {
        let mut list = Self::default();
        for (place, one) in listed.iter().enumerate() {
            list.index(place, &one.indicator);
        }
        list.listed = listed;
        list
    }

    /// The indicators, by their places.
    pub fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// Whether there is one that addresses cannot tell.
    pub fn needs_payload(&self) -> bool {
        self.listed.iter().any(|one| one.indicator.network().is_none())
    }

    /// Whether the packets of a flow can tell of what is listed beyond its row, by a value of the row: URLs are in packets
    /// alone, a row has one hash of each certificate and file, and not more values of a field than there is room for.
    pub fn is_beyond_row(&self, field: &str, value: &str) -> bool {
        match field {
            "http_hostname" => self.url_hosts.contains(&value.to_ascii_lowercase()),
            "app_proto" => value == "ssdp" && !self.url_hosts.is_empty(),
            "cert_sha256" => self.has_kind(&OF_CERTIFICATES),
            "file_sha256" => self.has_kind(&OF_FILES),
            "more_values" if value == "file_sha256" => self.has_files(),
            "more_values" => COMPARED.contains(&value),
            _ => false,
        }
    }

    /// Whether there is one that a file can be met by.
    pub(super) fn has_files(&self) -> bool {
        self.has_kind(&OF_FILES) || self.has_kind(&[Kind::Sha256])
    }

    fn has_kind(&self, kinds: &[Kind]) -> bool {
        self.listed.iter().any(|one| kinds.contains(&one.indicator.kind))
    }

    /// What rows can have of what is listed: a flow whose rows have none of it, and all of which was read, has not met it.
    pub fn clues(&self) -> Vec<Clue<'_>> {
        let of_networks = |clue: fn(Network) -> Clue<'static>| {
            self.networks.keys().map(move |(bits, address)| clue(Network { address: *address, bits: *bits }))
        };
        let mut clues: Vec<Clue<'_>> = of_networks(Clue::Address).collect();
        if !self.needs_payload() {
            return clues;
        }
        clues.extend(of_networks(Clue::Named));
        clues.extend(self.domains.keys().map(|name| Clue::Below(name)));
        for Indicator { kind, value } in self.listed.iter().map(|one| &one.indicator) {
            clues.extend(fields_of(*kind).iter().map(|field| Clue::Text(field, value)));
        }
        clues.extend(self.url_hosts.iter().map(|host| Clue::Text("http_hostname", host)));
        clues.extend((!self.url_hosts.is_empty()).then_some(Clue::Text("app_proto", "ssdp")));
        clues.extend(self.has_kind(&OF_CERTIFICATES).then_some(Clue::Certificate));
        clues.extend(self.has_kind(&OF_FILES).then_some(Clue::File));
        let compared = COMPARED.into_iter().filter(|field| self.is_beyond_row("more_values", field));
        clues.extend(compared.map(|field| Clue::Text("more_values", field)));
        clues
    }

    /// The indicators that an address is, or lies in.
    pub fn address(&self, address: Address) -> impl Iterator<Item = usize> {
        self.lengths
            .iter()
            .filter_map(move |bits| self.networks.get(&(*bits, masked(address, *bits))))
            .flat_map(|places| places.iter().copied())
    }

    /// The indicators that a name is, or lies below. The name is in the form in which indicators are.
    pub fn name<'a>(&'a self, name: &'a str) -> impl Iterator<Item = usize> + 'a {
        let above = name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..));
        std::iter::once(name)
            .chain(above)
            .filter_map(|name| self.domains.get(name))
            .flat_map(|places| places.iter().copied())
    }

    /// The indicators that a text is, in the form in which indicators are.
    pub fn text(&self, text: &str) -> impl Iterator<Item = usize> {
        self.texts.get(text).into_iter().flat_map(|places| places.iter().copied())
    }

    /// Whether any of them covers an indicator: is it, contains it, or is a domain above it.
    pub fn covers(&self, indicator: &Indicator) -> bool {
        if let Some(network) = indicator.network() {
            let is_in = |place: usize| {
                self.listed
                    .get(place)
                    .and_then(|one| one.indicator.network())
                    .is_some_and(|wider| wider.bits <= network.bits)
            };
            return self.address(network.address).any(is_in);
        }
        let value = indicator.value.as_str();
        let below = match indicator.kind {
            Kind::Domain => Some(value),
            Kind::Email => value.rsplit('@').next(),
            Kind::Url => url::host(value),
            _ => None,
        };
        let by_name = below.is_some_and(|name| {
            self.name(name).next().is_some()
                || name.parse().is_ok_and(|ip: std::net::IpAddr| self.address(ip.into()).next().is_some())
        });
        by_name || self.text(value).next().is_some()
    }

    fn index(&mut self, place: usize, indicator: &Indicator) {
        match indicator.kind {
            Kind::Address | Kind::Prefix => {
                if let Some(network) = indicator.network() {
                    self.lengths.insert(network.bits);
                    self.networks.entry((network.bits, network.address)).or_default().push(place);
                }
            }
            Kind::Domain => self.domains.entry(indicator.value.clone()).or_default().push(place),
            Kind::Url => {
                self.texts.entry(indicator.value.clone()).or_default().push(place);
                if url::is_host_alone(&indicator.value) {
                    // Who asked for anything there asked for the host.
                    self.index_host(place, &indicator.value);
                } else if let Some(host) = url::host(&indicator.value) {
                    self.url_hosts.insert(host.to_owned());
                }
            }
            _ => self.texts.entry(indicator.value.clone()).or_default().push(place),
        }
    }

    fn index_host(&mut self, place: usize, value: &str) {
        let Some(host) = url::host(value) else { return };
        if let Some(named) = Indicator::new(Kind::Domain, host).filter(|named| named.kind == Kind::Domain) {
            self.domains.entry(named.value).or_default().push(place);
        }
    }
}

/// The fields of rows that an indicator can be met by as it is. Anybody can call himself by any of them.
fn fields_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Address | Kind::Prefix | Kind::Domain => &[],
        Kind::Url | Kind::UserAgent | Kind::Sha1 | Kind::CertSha1 => &["http_user_agent"],
        Kind::Md5 | Kind::Ja3 => &["ja3", "ja3s", "http_user_agent"],
        Kind::Sha256 => &["file_sha256", "cert_chain", "http_user_agent"],
        Kind::CertSha256 => &["cert_chain", "http_user_agent"],
        Kind::Email => &["mail_from", "mail_to", "http_user_agent"],
        Kind::Ja4 => &["ja4", "http_user_agent"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::read;

    #[test]
    fn found_by_what_is_seen() {
        let list = Watchlist::new(
            read("203.0.113.0/24\n203.0.113.7\nevil.example\nhttp://c2.example/\nhttp://d.example/x\n").indicators,
        );
        let address = |text: &str| list.address(text.parse::<std::net::IpAddr>().unwrap().into()).collect::<Vec<_>>();
        assert_eq!((address("203.0.113.7"), address("203.0.113.8")), (vec![0, 1], vec![0]));
        assert!(address("::ffff:0:1").is_empty());
        let name = |text: &str| list.name(text).collect::<Vec<_>>();
        for (text, expected) in [
            ("evil.example", vec![2]),
            ("a.b.evil.example", vec![2]),
            ("notevil.example", vec![]),
            ("c2.example", vec![3]),
            ("d.example", vec![]),
        ] {
            assert_eq!(name(text), expected, "{text}");
        }
        assert_eq!(list.text("http://d.example/x").collect::<Vec<_>>(), [4]);
        let covers = |kind, text: &str| list.covers(&Indicator::new(kind, text).unwrap());
        assert!(covers(Kind::Email, "x@evil.example") && covers(Kind::Prefix, "203.0.113.0/28"));
        assert!(!covers(Kind::Prefix, "203.0.0.0/16") && !covers(Kind::Domain, "example.com"));
    }
}
