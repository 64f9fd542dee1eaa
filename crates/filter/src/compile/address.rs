//! Addresses, numbers and names, by the qualifiers before them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::generator::Generator;
use super::graph::Condition;
use super::link_type::{ARP, IPV4, RARP};
use super::port::{Ports, SCTP, TCP, UDP};
use crate::expression::{Direction, Id, IdKind, Protocol, Qualifiers};
use crate::{Error, names};

impl Generator<'_> {
    pub(super) fn id(&mut self, qualifiers: Qualifiers, id: &Id) -> Result<Condition, Error> {
        let kind = qualifiers.kind.unwrap_or(IdKind::Host);
        match id {
            Id::Name(name) => self.name(qualifiers, kind, name),
            Id::Number(number) => self.number(qualifiers, kind, *number),
            Id::Dotted(text) => self.dotted(qualifiers, kind, text),
            Id::DottedLength(text, length) => {
                if *length > 32 {
                    return Err(self.error("mask length must be <= 32"));
                }
                let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
                self.network(qualifiers, kind, text, mask)
            }
            Id::DottedMask(text, mask) => {
                let (mask, _) = self.parse_dotted(mask)?;
                self.network(qualifiers, kind, text, mask)
            }
            Id::V6(address, length) => self.v6(qualifiers, kind, *address, *length),
            Id::Hardware(address) => {
                if kind != IdKind::Host || qualifiers.protocol != Some(Protocol::Link) {
                    return Err(self
                        .error("ethernet address used in non-ether expression")
                        .hint("write \"ether host\", \"ether src\" or \"ether dst\" before it"));
                }
                if !self.has_hardware_addresses() {
                    return Err(self
                        .error(format!("packets of link type {} have no ethernet addresses", self.options.link_type)));
                }
                self.hardware_address(*address, qualifiers.direction)
            }
            Id::Arcnet(address) => {
                if !self.has_short_addresses() || kind != IdKind::Host || qualifiers.protocol != Some(Protocol::Link) {
                    return Err(
                        self.error("a one-byte address can only be tested as link host, on ARCnet and BACnet MS/TP")
                    );
                }
                self.short_address(*address, qualifiers.direction)
            }
        }
    }

    fn number(&mut self, qualifiers: Qualifiers, kind: IdKind, number: u32) -> Result<Condition, Error> {
        let Qualifiers { protocol, direction, .. } = qualifiers;
        match kind {
            IdKind::Host | IdKind::Net => match protocol {
                Some(Protocol::Link) => Err(self.error("illegal link layer address")),
                Some(Protocol::Decnet) => Err(self
                    .error(format!("malformed decnet address '{number}'"))
                    .hint("a DECnet address is area.node, as in 1.12")),
                _ => {
                    let (mut address, mut mask) = (number, u32::MAX);
                    while kind == IdKind::Net && address != 0 && address >> 24 == 0 {
                        address <<= 8;
                        mask <<= 8;
                    }
                    self.host(address, mask, protocol, direction, qualifiers.kind)
                }
            },
            IdKind::Port | IdKind::PortRange => {
                let transport = self.transport(protocol)?;
                self.at_most_value(number, 65535, "port number")?;
                let ports = if kind == IdKind::Port { Ports::One(number) } else { Ports::Range(number, number) };
                self.port(ports, transport, direction)
            }
            IdKind::Gateway => Err(self.error("'gateway' requires a name")),
            IdKind::Protocol => self.protocol_number(number, protocol),
            IdKind::ProtocolChain => self.protocol_chain(number, protocol),
        }
    }

    /// TCP, UDP or SCTP, or none of them in particular.
    fn transport(&self, protocol: Option<Protocol>) -> Result<Option<u32>, Error> {
        match protocol {
            None => Ok(None),
            Some(Protocol::Tcp) => Ok(Some(TCP)),
            Some(Protocol::Udp) => Ok(Some(UDP)),
            Some(Protocol::Sctp) => Ok(Some(SCTP)),
            Some(_) => Err(self.error("illegal qualifier of 'port'").hint("\"port\" takes tcp, udp or sctp before it")),
        }
    }

    fn dotted(&mut self, qualifiers: Qualifiers, kind: IdKind, text: &str) -> Result<Condition, Error> {
        let Qualifiers { protocol, direction, .. } = qualifiers;
        match kind {
            IdKind::Port => return Err(self.error("'port' modifier applied to ip host")),
            IdKind::PortRange => return Err(self.error("'portrange' modifier applied to ip host")),
            IdKind::Protocol => return Err(self.error("'proto' modifier applied to ip host")),
            IdKind::ProtocolChain => return Err(self.error("'protochain' modifier applied to ip host")),
            IdKind::Gateway => return Err(self.error("'gateway' requires a name")),
            IdKind::Host | IdKind::Net => {}
        }
        if protocol == Some(Protocol::Decnet) {
            let mut parts = text.split('.').map(str::parse::<u32>);
            return match (parts.next(), parts.next()) {
                (Some(Ok(area @ 0..=63)), Some(Ok(node @ 0..=1023))) => {
                    self.host(area << 10 | node, 0, protocol, direction, qualifiers.kind)
                }
                _ => Err(self
                    .error(format!("malformed decnet address '{text}'"))
                    .hint("a DECnet address is area.node, up to 63.1023")),
            };
        }
        let (address, mask) = self.parse_dotted(text)?;
        if protocol == Some(Protocol::Link) {
            return Err(self.error("illegal link layer address"));
        }
        self.host(address, mask, protocol, direction, qualifiers.kind)
    }

    /// One to four decimal numbers: the start of an address, and the mask of what was written.
    fn parse_dotted(&self, text: &str) -> Result<(u32, u32), Error> {
        let mut address = 0;
        let mut bits = 0;
        for part in text.split('.') {
            let value: u8 = part.parse().map_err(|_| self.error(format!("invalid IPv4 address '{text}'")))?;
            address = address << 8 | u32::from(value);
            bits += 8;
        }
        Ok((address << (32 - bits), u32::MAX << (32 - bits)))
    }

    fn network(&mut self, qualifiers: Qualifiers, kind: IdKind, text: &str, mask: u32) -> Result<Condition, Error> {
        let (address, _) = self.parse_dotted(text)?;
        if address & !mask != 0 {
            return Err(self
                .error(format!("non-network bits set in \"{text}\""))
                .hint(format!("the network is {}", Ipv4Addr::from_bits(address & mask))));
        }
        if kind != IdKind::Net {
            return Err(self.error("Mask syntax for networks only").hint("write \"net\" before it"));
        }
        self.host(address, mask, qualifiers.protocol, qualifiers.direction, qualifiers.kind)
    }

    fn v6(&mut self, qualifiers: Qualifiers, kind: IdKind, address: Ipv6Addr, length: u32) -> Result<Condition, Error> {
        if length > 128 {
            return Err(self.error("mask length must be <= 128"));
        }
        let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
        if address.to_bits() & !mask != 0 {
            return Err(self
                .error(format!("non-network bits set in \"{address}/{length}\""))
                .hint(format!("the network is {}/{length}", Ipv6Addr::from_bits(address.to_bits() & mask))));
        }
        match kind {
            IdKind::Host if length != 128 => {
                Err(self.error("Mask syntax for networks only").hint("write \"net\" before it"))
            }
            IdKind::Host | IdKind::Net => {
                self.host_v6(address, mask, qualifiers.protocol, qualifiers.direction, qualifiers.kind)
            }
            _ => Err(self.error("invalid qualifier against IPv6 address")),
        }
    }

    fn name(&mut self, qualifiers: Qualifiers, kind: IdKind, name: &str) -> Result<Condition, Error> {
        let Qualifiers { protocol, direction, .. } = qualifiers;
        match kind {
            IdKind::Host if protocol == Some(Protocol::Link) => self.named_hardware(name, direction),
            IdKind::Host if protocol == Some(Protocol::Decnet) => {
                Err(self.error(format!("decnet name support not included, '{name}' cannot be translated")))
            }
            IdKind::Host => self.named_host(qualifiers, name),
            IdKind::Net => {
                let Some(mut address) = self.options.resolver.network(name).filter(|&address| address != 0) else {
                    return Err(self.error(format!("unknown network '{name}'")).hint("write its number"));
                };
                let mut mask = u32::MAX;
                while address >> 24 == 0 {
                    address <<= 8;
                    mask <<= 8;
                }
                self.host(address, mask, protocol, direction, qualifiers.kind)
            }
            IdKind::Port => {
                let asked = self.transport(protocol)?;
                let (port, assigned) = self.service(name)?;
                let transport = self.agreed(name, asked, assigned)?;
                self.port(Ports::One(port), transport, direction)
            }
            IdKind::PortRange => self.named_port_range(qualifiers, name),
            IdKind::Gateway => self.gateway(qualifiers, name),
            IdKind::Protocol => {
                let number = self.named_protocol(protocol, name)?;
                self.protocol_number(number, protocol)
            }
            IdKind::ProtocolChain => {
                let number = self.named_protocol(protocol, name)?;
                self.protocol_chain(number, protocol)
            }
        }
    }

    fn unknown_host(&self, name: &str) -> Error {
        self.error(format!("unknown host '{name}'"))
            .hint("names come from /etc/hosts; write the address, or a name that is there")
    }

    fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let numeric = name.parse().ok().or_else(|| classful(name).map(IpAddr::V4));
        numeric.map_or_else(|| self.options.resolver.host(name), |address| vec![address])
    }

    /// Any of the addresses of a name.
    fn named_host(&mut self, qualifiers: Qualifiers, name: &str) -> Result<Condition, Error> {
        let Qualifiers { protocol, direction, kind } = qualifiers;
        let untyped = protocol.is_none() && self.has_no_type_field();
        let mut conditions = Vec::new();
        for address in self.addresses(name) {
            conditions.push(match address {
                IpAddr::V4(_) if protocol == Some(Protocol::Ip6) => continue,
                IpAddr::V6(_) if matches!(protocol, Some(Protocol::Ip | Protocol::Arp | Protocol::Rarp)) => continue,
                IpAddr::V4(address) => {
                    let protocol = if untyped { Some(Protocol::Ip) } else { protocol };
                    self.host(address.to_bits(), u32::MAX, protocol, direction, kind)?
                }
                IpAddr::V6(address) => self.host_v6(address, u128::MAX, protocol, direction, kind)?,
            });
        }
        if conditions.is_empty() {
            return Err(self.unknown_host(name));
        }
        Ok(self.any(conditions))
    }

    fn named_hardware(&mut self, name: &str, direction: Option<Direction>) -> Result<Condition, Error> {
        if !self.has_hardware_addresses() {
            return Err(
                self.error(format!("packets of link type {} have no ethernet addresses", self.options.link_type))
            );
        }
        match self.options.resolver.hardware_address(name) {
            Some(address) => self.hardware_address(address.0, direction),
            None => Err(self.error(format!("unknown ether host '{name}'")).hint("write its hardware address")),
        }
    }

    /// The port of a service, and the only transport protocol that it is assigned for.
    fn service(&self, name: &str) -> Result<(u32, Option<u32>), Error> {
        let Some(service) = names::service(name) else {
            return Err(self.error(format!("unknown port '{name}'")).hint("write its number"));
        };
        self.at_most_value(service.port, 65535, "port number")?;
        Ok((service.port, if service.tcp_only { Some(TCP) } else { service.udp_only.then_some(UDP) }))
    }

    /// The transport protocol of a named port: what was asked for, unless the name is another protocol's.
    fn agreed(&self, name: &str, asked: Option<u32>, assigned: Option<u32>) -> Result<Option<u32>, Error> {
        match (asked, assigned) {
            (Some(asked), Some(assigned)) if asked != assigned => {
                let assigned = if assigned == TCP { "tcp" } else { "udp" };
                Err(self.error(format!("port '{name}' is {assigned}")).hint("write the port's number"))
            }
            (asked, assigned) => Ok(asked.or(assigned)),
        }
    }

    /// `A-B`, numbers or names.
    fn named_port_range(&mut self, qualifiers: Qualifiers, name: &str) -> Result<Condition, Error> {
        let asked = self.transport(qualifiers.protocol)?;
        let Some((from, to)) = name.split_once('-') else {
            return Err(self.error(format!("unknown port in range '{name}'")).hint("write a range as 1000-2000"));
        };
        let (first, first_transport) = self.service(from)?;
        let (second, second_transport) = self.service(to)?;
        let assigned = if first_transport == second_transport { first_transport } else { None };
        let transport = self.agreed(name, asked, assigned)?;
        self.port(Ports::Range(first.min(second), first.max(second)), transport, qualifiers.direction)
    }

    fn named_protocol(&self, within: Option<Protocol>, name: &str) -> Result<u32, Error> {
        let (found, kind) = match within {
            None | Some(Protocol::Ip | Protocol::Ip6) => (names::ip_protocol(name).map(u32::from), "ip"),
            Some(Protocol::Link) => (names::ether_protocol(name), "ether"),
            Some(Protocol::Iso) => (names::osi_protocol(name), "osi"),
            Some(_) => (None, "such"),
        };
        found.ok_or_else(|| self.error(format!("unknown {kind} proto '{name}'")).hint("write its number"))
    }

    /// Through a router: its hardware address, but not its network address.
    fn gateway(&mut self, qualifiers: Qualifiers, name: &str) -> Result<Condition, Error> {
        let types: &[(Protocol, u32)] = match qualifiers.protocol {
            None => &[(Protocol::Ip, IPV4), (Protocol::Arp, ARP), (Protocol::Rarp, RARP)],
            Some(Protocol::Ip) => &[(Protocol::Ip, IPV4)],
            Some(Protocol::Arp) => &[(Protocol::Arp, ARP)],
            Some(Protocol::Rarp) => &[(Protocol::Rarp, RARP)],
            Some(_) => return Err(self.error("illegal modifier of 'gateway'")),
        };
        if self.in_geneve || self.in_vxlan {
            return Err(self.error("'gateway' cannot be used within VXLAN or Geneve"));
        }
        let hardware = self.named_hardware(name, None)?;
        let mut conditions = Vec::new();
        for &(protocol, link_type) in types {
            let typed = self.link_type(link_type)?;
            let mut addresses = Vec::new();
            for address in self.addresses(name) {
                let IpAddr::V4(address) = address else { continue };
                addresses.push(self.host(address.to_bits(), u32::MAX, Some(protocol), None, Some(IdKind::Host))?);
            }
            if addresses.is_empty() {
                return Err(self.unknown_host(name));
            }
            let addressed = self.any(addresses);
            let through = self.graph.not(addressed);
            conditions.push(self.graph.and(typed, through));
        }
        let through = self.any(conditions);
        Ok(self.graph.and(hardware, through))
    }
}

/// An IPv4 address as `inet_aton` reads it: one to four numbers, decimal, octal or hexadecimal, the last of which fills
/// the rest. Only an escaped name is read so (`\\10.1`).
fn classful(name: &str) -> Option<Ipv4Addr> {
    let number = |text: &str| match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u32::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    };
    let (before, last) = name.rsplit_once('.').map_or(("", name), |(before, last)| (before, last));
    let mut address = 0;
    let mut bits = 32;
    for part in before.split('.').filter(|part| !part.is_empty()) {
        bits = u32::checked_sub(bits, 8).filter(|&bits| bits > 0)?;
        address |= number(part).filter(|&value| value <= 255)? << bits;
    }
    let last = number(last)?;
    (bits == 32 || last < 1 << bits).then(|| Ipv4Addr::from_bits(address | last))
}
