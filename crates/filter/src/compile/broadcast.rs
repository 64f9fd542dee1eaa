//! `broadcast`, `multicast`, lengths and single bytes.

use super::generator::Generator;
use super::graph::Condition;
use super::layout::Link;
use super::link_type::{IPV4, IPV6};
use super::load::{Base, Size};
use crate::Error;
use crate::bpf::Instruction;
use crate::bpf::code::{ALU, AND, JEQ, JGE, JGT, K, LD, LEN, OR};
use crate::expression::{ByteOperation, Direction, Protocol};

impl Generator<'_> {
    pub(super) fn broadcast(&mut self, protocol: Option<Protocol>) -> Result<Condition, Error> {
        match protocol {
            None | Some(Protocol::Link) if self.has_short_addresses() => {
                let broadcast = if self.link == Link::Arcnet { 0 } else { 0xff };
                self.short_address(broadcast, Some(Direction::Destination))
            }
            None | Some(Protocol::Link) if self.has_hardware_addresses() => {
                self.hardware_address([0xff; 6], Some(Direction::Destination))
            }
            None | Some(Protocol::Link) => Err(self
                .error("not a broadcast link")
                .hint(format!("packets of link type {} have no broadcast address", self.options.link_type))),
            Some(Protocol::Ip) => {
                let Some(netmask) = self.options.netmask else {
                    return Err(self
                        .error("netmask not known, so 'ip broadcast' not supported")
                        .hint("write the address, as in \"dst host 192.0.2.255\""));
                };
                let host_bits = !netmask;
                let ip = self.link_type(IPV4)?;
                let zeros = self.masked_equal(Base::Network, 16, Size::Word, 0, host_bits)?;
                let ones = self.masked_equal(Base::Network, 16, Size::Word, host_bits, host_bits)?;
                let either = self.graph.or(zeros, ones);
                Ok(self.graph.and(ip, either))
            }
            Some(_) => Err(self.error("only link-layer/IP broadcast filters supported")),
        }
    }

    pub(super) fn multicast(&mut self, protocol: Option<Protocol>) -> Result<Condition, Error> {
        match protocol {
            None | Some(Protocol::Link) => self.link_multicast(),
            Some(Protocol::Ip) => {
                let ip = self.link_type(IPV4)?;
                let group = self.at_least(Base::Network, 16, Size::Byte, 224)?;
                Ok(self.graph.and(ip, group))
            }
            Some(Protocol::Ip6) => {
                let ip = self.link_type(IPV6)?;
                let group = self.equal(Base::Network, 24, Size::Byte, 255)?;
                Ok(self.graph.and(ip, group))
            }
            Some(_) => Err(self.error("only link-layer, ip and ip6 multicast filters supported")),
        }
    }

    fn link_multicast(&mut self) -> Result<Condition, Error> {
        let group = |generator: &mut Self, offset| generator.any_set(Base::LinkHeader, offset, Size::Byte, 1);
        match self.link {
            Link::Arcnet => self.short_address(0, Some(Direction::Destination)),
            Link::Ethernet | Link::NetAnalyzer | Link::BroadcomTag | Link::MarvellTag => {
                let check = self.inner_link_check()?;
                let group = group(self, 0)?;
                Ok(self.all(check.into_iter().chain([group])))
            }
            Link::Fddi => group(self, 1),
            Link::TokenRing | Link::IpOverFibreChannel => group(self, 2),
            Link::Wireless(_) => self.wlan_destination(group),
            _ => Err(self
                .error("link-layer multicast filters supported only on links with hardware addresses")
                .hint("write \"ip multicast\" or \"ip6 multicast\"")),
        }
    }

    pub(super) fn length_at_least(&mut self, length: u32) -> Condition {
        self.graph.test(vec![Instruction::plain(LD | LEN, 0)], JGE, length)
    }

    pub(super) fn length_at_most(&mut self, length: u32) -> Condition {
        let longer = self.graph.test(vec![Instruction::plain(LD | LEN, 0)], JGT, length);
        self.graph.not(longer)
    }

    /// `byte N op V`, relative to the link header.
    pub(super) fn byte(&mut self, index: u32, operation: ByteOperation, value: u32) -> Result<Condition, Error> {
        match operation {
            ByteOperation::Equal => self.equal(Base::LinkHeader, index, Size::Byte, value),
            ByteOperation::Greater => self.greater(Base::LinkHeader, index, Size::Byte, value),
            ByteOperation::Less => {
                let at_least = self.at_least(Base::LinkHeader, index, Size::Byte, value)?;
                Ok(self.graph.not(at_least))
            }
            ByteOperation::And | ByteOperation::Or => {
                let operation = if operation == ByteOperation::And { AND } else { OR };
                let mut body = self.load(Base::LinkHeader, index, Size::Byte)?;
                body.push(Instruction::plain(ALU | operation | K, value));
                let zero = self.graph.test(body, JEQ, 0);
                Ok(self.graph.not(zero))
            }
        }
    }
}
