//! Names of hosts, networks and interfaces: looked up by whoever calls, since this crate does no I/O.

use std::collections::HashMap;
use std::net::IpAddr;

use packet::Mac;

/// Looks names up; every method finds nothing unless it is overridden.
pub trait Resolver {
    /// All addresses of a host.
    fn host(&self, name: &str) -> Vec<IpAddr> {
        let _ = name;
        Vec::new()
    }

    /// The index of a network interface.
    fn interface_index(&self, name: &str) -> Option<u32> {
        let _ = name;
        None
    }

    /// The hardware address of a host, as /etc/ethers has it.
    fn hardware_address(&self, name: &str) -> Option<Mac> {
        let _ = name;
        None
    }

    /// The number of a network, right-justified as `getnetbyname` gives it (10, or 192.168.1), as /etc/networks has it.
    fn network(&self, name: &str) -> Option<u32> {
        let _ = name;
        None
    }
}

/// Knows no names.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNames;

impl Resolver for NoNames {}

/// The names of an /etc/hosts file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    addresses: HashMap<String, Vec<IpAddr>>,
}

impl Hosts {
    /// Reads the text of /etc/hosts; lines that make no sense are passed over, as the C library does.
    pub fn parse(text: &str) -> Self {
        let mut hosts = Self::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or("");
            let mut words = line.split_ascii_whitespace();
            let Some(address) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else { continue };
            for name in words {
                let known = hosts.addresses.entry(name.to_ascii_lowercase()).or_default();
                if !known.contains(&address) {
                    known.push(address);
                }
            }
        }
        hosts
    }
}

impl Resolver for Hosts {
    fn host(&self, name: &str) -> Vec<IpAddr> {
        self.addresses.get(&name.to_ascii_lowercase()).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_file() {
        let hosts = Hosts::parse("127.0.0.1 localhost Loop # no\n::1 localhost\n\nrubbish x\n10.0.0.1\tgw gw.example");
        let check = |name: &str, expected: &[&str]| {
            let expected: Vec<IpAddr> = expected.iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(hosts.host(name), expected, "{name}");
        };
        check("localhost", &["127.0.0.1", "::1"]);
        check("LOOP", &["127.0.0.1"]);
        check("gw.example", &["10.0.0.1"]);
        check("no", &[]);
    }
}
