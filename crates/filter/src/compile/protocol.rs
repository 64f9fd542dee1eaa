//! Protocols by keyword, and by number after `proto`.

use super::generator::Generator;
use super::graph::Condition;
use super::layout::Link;
use super::link_type::{AARP, ARP, ATALK, DECNET, IPV4, IPV6, RARP, SAP_IPX, SAP_NETBEUI, SAP_OSI, SAP_STP};
use super::load::{Base, Size};
use super::port::{SCTP, TCP, UDP};
use crate::Error;
use crate::expression::Protocol;

const LAT: u32 = 0x6004;
const SCA: u32 = 0x6007;
const MOPDL: u32 = 0x6001;
const MOPRC: u32 = 0x6002;

const FRAGMENT: u32 = 44;
pub(super) const ICMP6: u32 = 58;

const CLNP: u32 = 0x81;
const ESIS: u32 = 0x82;
const ISIS: u32 = 0x83;

/// PDU types of IS-IS (ISO 10589, 9.5 to 9.13).
const L1_LAN_IIH: u32 = 15;
const L2_LAN_IIH: u32 = 16;
const PTP_IIH: u32 = 17;
const L1_LSP: u32 = 18;
const L2_LSP: u32 = 20;
const L1_CSNP: u32 = 24;
const L2_CSNP: u32 = 25;
const L1_PSNP: u32 = 26;
const L2_PSNP: u32 = 27;

impl Generator<'_> {
    /// A protocol's keyword alone.
    pub(super) fn protocol(&mut self, protocol: Protocol) -> Result<Condition, Error> {
        let ip = Some(Protocol::Ip);
        match protocol {
            Protocol::Sctp => self.protocol_number(SCTP, None),
            Protocol::Tcp => self.protocol_number(TCP, None),
            Protocol::Udp => self.protocol_number(UDP, None),
            Protocol::Icmp => self.protocol_number(1, ip),
            Protocol::Igmp => self.protocol_number(2, ip),
            Protocol::Igrp => self.protocol_number(9, ip),
            Protocol::Pim => self.protocol_number(103, None),
            Protocol::Vrrp | Protocol::Carp => self.protocol_number(112, ip),
            Protocol::Ah => self.protocol_number(51, None),
            Protocol::Esp => self.protocol_number(50, None),
            Protocol::Icmp6 => self.protocol_number(ICMP6, Some(Protocol::Ip6)),
            Protocol::Ip => self.link_type(IPV4),
            Protocol::Ip6 => self.link_type(IPV6),
            Protocol::Arp => self.link_type(ARP),
            Protocol::Rarp => self.link_type(RARP),
            Protocol::Atalk => self.link_type(ATALK),
            Protocol::Aarp => self.link_type(AARP),
            Protocol::Decnet => self.link_type(DECNET),
            Protocol::Sca => self.link_type(SCA),
            Protocol::Lat => self.link_type(LAT),
            Protocol::Mopdl => self.link_type(MOPDL),
            Protocol::Moprc => self.link_type(MOPRC),
            Protocol::Iso => self.link_type(SAP_OSI),
            Protocol::Stp => self.link_type(SAP_STP),
            Protocol::Ipx => self.link_type(SAP_IPX),
            Protocol::Netbeui => self.link_type(SAP_NETBEUI),
            Protocol::Esis => self.protocol_number(ESIS, Some(Protocol::Iso)),
            Protocol::Isis => self.protocol_number(ISIS, Some(Protocol::Iso)),
            Protocol::Clnp => self.protocol_number(CLNP, Some(Protocol::Iso)),
            Protocol::IsisL1 => self.isis(&[L1_PSNP, L1_CSNP, L1_LSP, L1_LAN_IIH, PTP_IIH]),
            Protocol::IsisL2 => self.isis(&[L2_PSNP, L2_CSNP, L2_LSP, L2_LAN_IIH, PTP_IIH]),
            Protocol::IsisIih => self.isis(&[PTP_IIH, L1_LAN_IIH, L2_LAN_IIH]),
            Protocol::IsisLsp => self.isis(&[L1_LSP, L2_LSP]),
            Protocol::IsisSnp => self.isis(&[L2_PSNP, L1_PSNP, L1_CSNP, L2_CSNP]),
            Protocol::IsisCsnp => self.isis(&[L1_CSNP, L2_CSNP]),
            Protocol::IsisPsnp => self.isis(&[L1_PSNP, L2_PSNP]),
            Protocol::Link => Err(self.error("link layer applied in wrong context").hint(
                "write for example \"ether host 00:1b:21:3c:4d:5e\", \"ether proto 0x88cc\" or \"ether[0] & 1 = 1\"",
            )),
            Protocol::Radio => Err(self
                .error("'radio' is not a valid protocol type")
                .hint("only bytes of the radio header can be tested, as in \"radio[0] = 1\"")),
        }
    }

    fn isis(&mut self, types: &[u32]) -> Result<Condition, Error> {
        let mut conditions = Vec::new();
        for &pdu in types {
            conditions.push(self.protocol_number(pdu, Some(Protocol::Isis))?);
        }
        Ok(self.any(conditions))
    }

    /// `proto N`, in IPv4 and IPv6 if nothing else is said.
    pub(super) fn protocol_number(&mut self, number: u32, within: Option<Protocol>) -> Result<Condition, Error> {
        match within {
            None => {
                let v4 = self.protocol_number(number, Some(Protocol::Ip))?;
                let v6 = self.protocol_number(number, Some(Protocol::Ip6))?;
                Ok(self.graph.or(v4, v6))
            }
            Some(Protocol::Link) => {
                self.at_most_value(number, 0xffff, "link-layer protocol")?;
                self.link_type(number)
            }
            Some(Protocol::Ip) => {
                self.at_most_value(number, 255, "IP protocol")?;
                let ip = self.link_type(IPV4)?;
                let equal = self.equal(Base::Network, 9, Size::Byte, number)?;
                Ok(self.graph.and(ip, equal))
            }
            Some(Protocol::Ip6) => {
                self.at_most_value(number, 255, "IP protocol")?;
                let ip = self.link_type(IPV6)?;
                // Directly, or behind a fragment header.
                let direct = self.equal(Base::Network, 6, Size::Byte, number)?;
                let fragment = self.equal(Base::Network, 6, Size::Byte, FRAGMENT)?;
                let behind = self.equal(Base::Network, 40, Size::Byte, number)?;
                let behind = self.graph.and(fragment, behind);
                let either = self.graph.or(direct, behind);
                Ok(self.graph.and(ip, either))
            }
            Some(Protocol::Iso) => self.osi_protocol(number),
            Some(Protocol::Isis) => {
                self.at_most_value(number, 31, "IS-IS PDU type")?;
                let isis = self.osi_protocol(ISIS)?;
                let equal = self.equal(Base::NetworkNoSnap, 4, Size::Byte, number)?;
                Ok(self.graph.and(isis, equal))
            }
            Some(protocol) => {
                let name = format!("{protocol:?}").to_ascii_lowercase();
                Err(self
                    .error(format!("'{name} proto' is bogus"))
                    .hint("\"proto\" takes ip, ip6, ether, iso or isis before it"))
            }
        }
    }

    fn osi_protocol(&mut self, number: u32) -> Result<Condition, Error> {
        self.at_most_value(number, 255, "OSI protocol")?;
        match self.link {
            Link::FrameRelay => self.equal(Base::LinkHeader, 2, Size::Half, 0x0300 | number),
            Link::Hdlc => {
                let osi = self.link_type(SAP_OSI << 8 | SAP_OSI)?;
                // A byte of padding comes first.
                let equal = self.equal(Base::NetworkNoSnap, 1, Size::Byte, number)?;
                Ok(self.graph.and(osi, equal))
            }
            _ => {
                let osi = self.link_type(SAP_OSI)?;
                let equal = self.equal(Base::NetworkNoSnap, 0, Size::Byte, number)?;
                Ok(self.graph.and(osi, equal))
            }
        }
    }

    /// An error for a number that no packet can hold.
    pub(super) fn at_most_value(&self, number: u32, max: u32, what: &str) -> Result<(), Error> {
        if number <= max {
            return Ok(());
        }
        Err(self.error(format!("{what} {number} greater than maximum {max}")))
    }
}
