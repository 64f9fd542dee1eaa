//! Network addresses: `host` and `net`.

use std::net::Ipv6Addr;

use super::generator::Generator;
use super::graph::Condition;
use super::link_type::{ARP, DECNET, IPV4, IPV6, RARP};
use super::load::{Base, Size};
use crate::Error;
use crate::expression::{Direction, IdKind, Protocol};

impl Generator<'_> {
    /// An IPv4 address with a mask, in IPv4, ARP or RARP; unqualified, in any of them.
    pub(super) fn host(
        &mut self,
        address: u32,
        mask: u32,
        protocol: Option<Protocol>,
        direction: Option<Direction>,
        kind: Option<IdKind>,
    ) -> Result<Condition, Error> {
        let what = if kind == Some(IdKind::Net) { "net" } else { "host" };
        match protocol {
            None => {
                let ip = self.host(address, mask, Some(Protocol::Ip), direction, kind)?;
                if self.labels > 0 {
                    return Ok(ip);
                }
                let arp = self.host(address, mask, Some(Protocol::Arp), direction, kind)?;
                let rarp = self.host(address, mask, Some(Protocol::Rarp), direction, kind)?;
                Ok(self.any([ip, arp, rarp]))
            }
            Some(Protocol::Ip) => self.address_v4(address, mask, direction, IPV4, (12, 16)),
            Some(Protocol::Arp) => self.address_v4(address, mask, direction, ARP, (14, 24)),
            Some(Protocol::Rarp) => self.address_v4(address, mask, direction, RARP, (14, 24)),
            Some(Protocol::Decnet) => self.address_decnet(address, direction),
            Some(Protocol::Ip6) => Err(self.error(format!("'ip6' modifier applied to ip {what}"))),
            Some(protocol) => Err(self.not_an_address_of(protocol, what)),
        }
    }

    /// An IPv6 address with a mask.
    pub(super) fn host_v6(
        &mut self,
        address: Ipv6Addr,
        mask: u128,
        protocol: Option<Protocol>,
        direction: Option<Direction>,
        kind: Option<IdKind>,
    ) -> Result<Condition, Error> {
        let what = if kind == Some(IdKind::Net) { "ip6 net" } else { "ip6 host" };
        match protocol {
            None | Some(Protocol::Ip6) => self.address_v6(address, mask, direction),
            Some(protocol) => Err(self.not_an_address_of(protocol, what)),
        }
    }

    fn not_an_address_of(&self, protocol: Protocol, what: &str) -> Error {
        let name = format!("{protocol:?}").to_ascii_lowercase();
        self.error(format!("'{name}' modifier applied to {what}"))
            .hint(format!("\"{what}\" takes ip, ip6, arp or rarp; for others write for example \"{name} and host …\""))
    }

    fn either_or_both(
        &mut self,
        direction: Option<Direction>,
        mut one: impl FnMut(&mut Self, Direction) -> Result<Condition, Error>,
    ) -> Result<Condition, Error> {
        match direction {
            None | Some(Direction::Either) => {
                let source = one(self, Direction::Source)?;
                let destination = one(self, Direction::Destination)?;
                Ok(self.graph.or(source, destination))
            }
            Some(Direction::Both) => {
                let source = one(self, Direction::Source)?;
                let destination = one(self, Direction::Destination)?;
                Ok(self.graph.and(source, destination))
            }
            Some(direction @ (Direction::Source | Direction::Destination)) => one(self, direction),
            Some(_) => Err(self.error(
                "addr1 to addr4, ra and ta are not valid qualifiers for addresses other than 802.11 MAC addresses",
            )),
        }
    }

    fn address_v4(
        &mut self,
        address: u32,
        mask: u32,
        direction: Option<Direction>,
        link_type: u32,
        (source, destination): (u32, u32),
    ) -> Result<Condition, Error> {
        self.either_or_both(direction, |generator, direction| {
            let offset = if direction == Direction::Source { source } else { destination };
            let protocol = generator.link_type(link_type)?;
            let equal = generator.masked_equal(Base::Network, offset, Size::Word, address, mask)?;
            Ok(generator.graph.and(protocol, equal))
        })
    }

    fn address_v6(&mut self, address: Ipv6Addr, mask: u128, direction: Option<Direction>) -> Result<Condition, Error> {
        self.either_or_both(direction, |generator, direction| {
            let offset = if direction == Direction::Source { 8 } else { 24 };
            let mut condition = generator.link_type(IPV6)?;
            for word in 0..4u32 {
                let shift = 96 - 32 * word;
                let (value, mask) = ((address.to_bits() >> shift) as u32, (mask >> shift) as u32);
                let equal = generator.masked_equal(Base::Network, offset + 4 * word, Size::Word, value, mask)?;
                condition = generator.graph.and(condition, equal);
            }
            Ok(condition)
        })
    }

    /// A node of DECnet phase IV: long and short data packets, with and without a byte of padding.
    fn address_decnet(&mut self, address: u32, direction: Option<Direction>) -> Result<Condition, Error> {
        let address = address.swap_bytes() >> 16;
        self.either_or_both(direction, |generator, direction| {
            let (short, long) = if direction == Direction::Source { (3, 15) } else { (1, 7) };
            let protocol = generator.link_type(DECNET)?;
            let mut forms = Vec::new();
            for (size, flags, mask, offset) in [
                (Size::Byte, 0x02, 0x07, 2 + short),
                (Size::Half, 0x8102, 0xff07, 3 + short),
                (Size::Byte, 0x06, 0x07, 2 + long),
                (Size::Half, 0x8106, 0xff07, 3 + long),
            ] {
                let flags = generator.masked_equal(Base::Network, 2, size, flags, mask)?;
                let equal = generator.equal(Base::Network, offset, Size::Half, address)?;
                forms.push(generator.graph.and(flags, equal));
            }
            let forms = generator.any(forms);
            Ok(generator.graph.and(protocol, forms))
        })
    }
}
