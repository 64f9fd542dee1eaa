//! Which interfaces are recorded.

use std::str::FromStr;

use crate::interfaces::{Interfaces, NetworkInterface};

/// What `-i` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// The uplinks in full, container bridges' heads.
    #[default]
    Auto,
    /// Every interface, the copies of one packet collapsed into one.
    Any,
    /// These, by name or index.
    Named(Vec<String>),
}

impl FromStr for Selection {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "auto" => Self::Auto,
            "any" => Self::Any,
            names => {
                Self::Named(names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Into::into).collect())
            }
        })
    }
}

/// An interface that is to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The kernel's number for it.
    pub index: u32,
    /// Only the heads of its flows are kept.
    pub heads_only: bool,
}

impl Selection {
    /// The interfaces that are to be recorded now, in the order of their indices.
    pub fn choose(&self, interfaces: &Interfaces) -> Vec<Chosen> {
        let full = |interface: &NetworkInterface| Chosen { index: interface.index, heads_only: false };
        match self {
            Self::Any => interfaces.iter().map(full).collect(),
            Self::Named(names) => {
                let named = |interface: &&NetworkInterface| names.iter().any(|name| is_called(interface, name));
                interfaces.iter().filter(named).map(full).collect()
            }
            Self::Auto => interfaces.iter().filter_map(choose_automatically).collect(),
        }
    }

    /// The names asked for that no interface has.
    pub fn missing<'a>(&'a self, interfaces: &'a Interfaces) -> impl Iterator<Item = &'a str> {
        let names = if let Self::Named(names) = self { names.as_slice() } else { &[] };
        let is_missing = |name: &&str| !interfaces.iter().any(|interface| is_called(interface, name));
        names.iter().map(String::as_str).filter(is_missing)
    }
}

fn is_called(interface: &NetworkInterface, name: &str) -> bool {
    interface.name == name || name.parse() == Ok(interface.index)
}

/// A container's own veth has an address or the default route; the host's end of it has neither.
fn choose_automatically(interface: &NetworkInterface) -> Option<Chosen> {
    if interface.loopback || interface.bridge_port || !(interface.default_route || has_address(interface)) {
        return None;
    }
    let heads_only = interface.kind == "bridge" && !interface.default_route;
    Some(Chosen { index: interface.index, heads_only })
}

/// A link-local IPv6 address does not count: every interface that is up has one, the host's end of a veth too.
pub(crate) fn has_address(interface: &NetworkInterface) -> bool {
    interface.addresses.iter().any(|address| match address {
        std::net::IpAddr::V4(_) => true,
        std::net::IpAddr::V6(v6) => !v6.is_unicast_link_local(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interfaces::tests::container_host;

    #[test]
    fn auto_records_uplinks_in_full_and_heads_of_bridges() {
        let interfaces = container_host();
        let check = |text: &str, expected: &[(&str, bool)]| {
            let chosen = text.parse::<Selection>().unwrap().choose(&interfaces);
            let named: Vec<_> =
                chosen.iter().map(|c| (interfaces.by_index(c.index).unwrap().name.as_str(), c.heads_only)).collect();
            assert_eq!(named, expected, "{text}");
        };
        check("auto", &[("eth0", false), ("docker0", true), ("wg0", false), ("in0", false)]);
        check("lo,veth1234", &[("lo", false), ("veth1234", false)]);
        check("2,absent", &[("eth0", false)]);
        assert_eq!("any".parse::<Selection>().unwrap().choose(&interfaces).len(), 8);
        let selection: Selection = "eth0, absent".parse().unwrap();
        assert_eq!(selection.missing(&interfaces).collect::<Vec<_>>(), ["absent"]);
    }
}
