//! Ports of TCP, UDP and SCTP.

use super::generator::Generator;
use super::graph::Condition;
use super::link_type::{IPV4, IPV6};
use super::load::{Base, Size};
use crate::Error;
use crate::expression::Direction;

pub(super) const TCP: u32 = 6;
pub(super) const UDP: u32 = 17;
pub(super) const SCTP: u32 = 132;

/// A port, or a range of ports in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    One(u32),
    Range(u32, u32),
}

impl Generator<'_> {
    /// Ports over IPv6, then over IPv4; without a transport protocol, of SCTP, TCP or UDP.
    pub(super) fn port(
        &mut self,
        ports: Ports,
        transport: Option<u32>,
        direction: Option<Direction>,
    ) -> Result<Condition, Error> {
        let v6 = self.port_v6(ports, transport, direction)?;
        let v4 = self.port_v4(ports, transport, direction)?;
        Ok(self.graph.or(v6, v4))
    }

    /// Ports over IPv4, of unfragmented packets and of first fragments.
    pub(super) fn port_v4(
        &mut self,
        ports: Ports,
        transport: Option<u32>,
        direction: Option<Direction>,
    ) -> Result<Condition, Error> {
        let ip = self.link_type(IPV4)?;
        let transports = self.each_transport(transport, |generator, transport| {
            let protocol = generator.equal(Base::Network, 9, Size::Byte, transport)?;
            let first = generator.first_fragment()?;
            let ports = generator.port_fields(Base::TransportIpv4, ports, direction)?;
            Ok(generator.all([protocol, first, ports]))
        })?;
        Ok(self.graph.and(ip, transports))
    }

    /// Ports over IPv6, without extension headers.
    pub(super) fn port_v6(
        &mut self,
        ports: Ports,
        transport: Option<u32>,
        direction: Option<Direction>,
    ) -> Result<Condition, Error> {
        let ip = self.link_type(IPV6)?;
        let transports = self.each_transport(transport, |generator, transport| {
            let protocol = generator.equal(Base::Network, 6, Size::Byte, transport)?;
            let ports = generator.port_fields(Base::TransportIpv6, ports, direction)?;
            Ok(generator.graph.and(protocol, ports))
        })?;
        Ok(self.graph.and(ip, transports))
    }

    fn each_transport(
        &mut self,
        transport: Option<u32>,
        mut one: impl FnMut(&mut Self, u32) -> Result<Condition, Error>,
    ) -> Result<Condition, Error> {
        match transport {
            Some(transport) => one(self, transport),
            None => {
                let sctp = one(self, SCTP)?;
                let tcp = one(self, TCP)?;
                let udp = one(self, UDP)?;
                Ok(self.any([sctp, tcp, udp]))
            }
        }
    }

    fn port_fields(&mut self, base: Base, ports: Ports, direction: Option<Direction>) -> Result<Condition, Error> {
        match direction {
            Some(Direction::Source) => self.port_field(base, 0, ports),
            Some(Direction::Destination) => self.port_field(base, 2, ports),
            Some(Direction::Both) => {
                let source = self.port_field(base, 0, ports)?;
                let destination = self.port_field(base, 2, ports)?;
                Ok(self.graph.and(source, destination))
            }
            None | Some(Direction::Either) => {
                let source = self.port_field(base, 0, ports)?;
                let destination = self.port_field(base, 2, ports)?;
                Ok(self.graph.or(source, destination))
            }
            Some(_) => Err(self.error("addr1 to addr4, ra and ta are not valid qualifiers for ports")),
        }
    }

    fn port_field(&mut self, base: Base, offset: u32, ports: Ports) -> Result<Condition, Error> {
        match ports {
            Ports::One(port) => self.equal(base, offset, Size::Half, port),
            Ports::Range(lowest, highest) => {
                let above = self.at_least(base, offset, Size::Half, lowest)?;
                let below = self.at_most(base, offset, Size::Half, highest)?;
                Ok(self.graph.and(above, below))
            }
        }
    }

    /// Not an IPv4 fragment, or the first one.
    pub(super) fn first_fragment(&mut self) -> Result<Condition, Error> {
        let later = self.any_set(Base::Network, 6, Size::Half, 0x1fff)?;
        Ok(self.graph.not(later))
    }
}
