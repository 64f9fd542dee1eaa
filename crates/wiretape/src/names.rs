//! Names in expressions: hosts, networks, hardware addresses and interfaces of this host.

use std::collections::HashMap;
use std::net::IpAddr;

use filter::{Hosts, Resolver};
use packet::Mac;

/// What /etc/hosts, /etc/networks, /etc/ethers and the kernel know. Nothing is asked over the network: a question to
/// evidence must not tell anybody what is being looked for.
pub(crate) struct LocalNames {
    hosts: Hosts,
    networks: HashMap<String, u32>,
    ethers: HashMap<String, Mac>,
}

impl LocalNames {
    /// Reads the files; what is missing knows no names.
    pub(crate) fn read() -> Self {
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            hosts: Hosts::parse(&text("/etc/hosts")),
            networks: parse_networks(&text("/etc/networks")),
            ethers: parse_ethers(&text("/etc/ethers")),
        }
    }
}

impl Resolver for LocalNames {
    fn host(&self, name: &str) -> Vec<IpAddr> {
        self.hosts.host(name)
    }

    fn interface_index(&self, name: &str) -> Option<u32> {
        if name.contains('/') || name.starts_with('.') {
            return None;
        }
        std::fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).ok()?.trim().parse().ok()
    }

    fn hardware_address(&self, name: &str) -> Option<Mac> {
        self.ethers.get(name).copied()
    }

    fn network(&self, name: &str) -> Option<u32> {
        self.networks.get(name).copied()
    }
}

/// networks(5): a name, then a number in dotted form whose trailing zeros getnetbyname(3) drops.
fn parse_networks(text: &str) -> HashMap<String, u32> {
    let mut networks = HashMap::new();
    for words in lines(text) {
        let [name, number, aliases @ ..] = words.as_slice() else { continue };
        let parts: Option<Vec<u8>> = number.split('.').map(|part| part.parse().ok()).collect();
        let Some(mut parts) = parts else { continue };
        while parts.len() > 1 && parts.last() == Some(&0) {
            parts.pop();
        }
        let value = parts.iter().take(4).fold(0, |value, part| value << 8 | u32::from(*part));
        networks.insert((*name).to_owned(), value);
        networks.extend(aliases.iter().map(|alias| ((*alias).to_owned(), value)));
    }
    networks
}

/// ethers(5): a hardware address, then a name.
fn parse_ethers(text: &str) -> HashMap<String, Mac> {
    let mut ethers = HashMap::new();
    for words in lines(text) {
        let [address, name, ..] = words.as_slice() else { continue };
        let bytes: Option<Vec<u8>> = address.split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect();
        if let Some(Ok(bytes)) = bytes.map(<[u8; 6]>::try_from) {
            ethers.insert((*name).to_owned(), Mac(bytes));
        }
    }
    ethers
}

fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().map(|line| line.split('#').next().unwrap_or_default().split_ascii_whitespace().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_names() {
        let networks = parse_networks("loopback 127.0.0.0\nlab 192.168.7.0 l # mine\nbad x\n");
        assert_eq!(networks.get("loopback"), Some(&127));
        assert_eq!(networks.get("l"), Some(&0x00c0_a807));
        assert_eq!(networks.get("bad"), None);
        let ethers = parse_ethers("02:0:0:0:0:1 gateway\n02:00:00 short\n");
        assert_eq!(ethers.get("gateway"), Some(&Mac([2, 0, 0, 0, 0, 1])));
        assert_eq!(ethers.len(), 1);
    }
}
