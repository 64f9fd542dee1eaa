//! Tests of the type field of the link layer, for each kind of link.
//!
//! Protocols are named by Ethertype, or, up to 1500, by LLC service access point (IEEE 802.3, 3.2.6).

use super::generator::Generator;
use super::graph::Condition;
use super::layout::{Link, NONE};
use super::load::{Base, Size};
use crate::Error;
use crate::bpf::code::JEQ;

pub(super) const IPV4: u32 = 0x0800;
pub(super) const ARP: u32 = 0x0806;
pub(super) const RARP: u32 = 0x8035;
pub(super) const IPV6: u32 = 0x86dd;
pub(super) const DECNET: u32 = 0x6003;
pub(super) const ATALK: u32 = 0x809b;
pub(super) const AARP: u32 = 0x80f3;
pub(super) const IPX: u32 = 0x8137;
pub(super) const VLAN: u32 = 0x8100;
pub(super) const VLAN_SERVICE: u32 = 0x88a8;
pub(super) const VLAN_QINQ: u32 = 0x9100;
pub(super) const MPLS: u32 = 0x8847;
pub(super) const PPPOE_DISCOVERY: u32 = 0x8863;
pub(super) const PPPOE_SESSION: u32 = 0x8864;
pub(super) const TRANSPARENT_ETHERNET: u32 = 0x6558;
const XNS: u32 = 0x0600;

pub(super) const SAP_IP: u32 = 0x06;
pub(super) const SAP_STP: u32 = 0x42;
pub(super) const SAP_IPX: u32 = 0xe0;
pub(super) const SAP_NETBEUI: u32 = 0xf0;
pub(super) const SAP_OSI: u32 = 0xfe;

/// The largest value of the type field that is a length (IEEE 802.3).
const LENGTH_MAX: u32 = 1500;

/// Linux cooked's type for 802.2 LLC, and for Novell's raw 802.3 (`linux/if_ether.h`).
const COOKED_LLC: u32 = 4;
const COOKED_NOVELL: u32 = 1;

/// `AF_INET`, the same everywhere, and the values of `AF_INET6` on NetBSD, OpenBSD and BSD/OS, FreeBSD, and macOS.
const AF_INET: u32 = 2;
const AF_INET6_OF_BSDS: [u32; 3] = [24, 28, 30];
/// `AF_INET6` of Linux.
const AF_INET6_OF_LINUX: u32 = 10;

impl Generator<'_> {
    /// The packet is of this protocol.
    pub(super) fn link_type(&mut self, protocol: u32) -> Result<Condition, Error> {
        if self.labels > 0 {
            return self.type_after_labels(protocol);
        }
        let raw =
            |generator: &mut Self, version| generator.masked_equal(Base::LinkHeader, 0, Size::Byte, version, 0xf0);
        match self.link {
            Link::Ethernet | Link::NetAnalyzer | Link::BroadcomTag | Link::MarvellTag => {
                // Geneve has an Ethertype whether there is a link header or not.
                let check = if self.in_geneve { None } else { self.inner_link_check()? };
                let condition = self.ether_type(protocol)?;
                Ok(self.all(check.into_iter().chain([condition])))
            }
            Link::Hdlc => {
                let protocol = if protocol == SAP_OSI { SAP_OSI << 8 | SAP_OSI } else { protocol };
                self.equal(Base::LinkType, 0, Size::Half, protocol)
            }
            Link::Wireless(_) => {
                let data = self.wlan_data_frame()?;
                let condition = self.llc_type(protocol)?;
                Ok(self.graph.and(data, condition))
            }
            Link::Fddi | Link::TokenRing | Link::AtmLlc | Link::AtmClip | Link::IpOverFibreChannel => {
                self.llc_type(protocol)
            }
            Link::SunAtm => {
                let llc = self.atm_protocol(super::telephony::ATM_LLC)?;
                let condition = self.llc_type(protocol)?;
                Ok(self.graph.and(llc, condition))
            }
            Link::LinuxCooked => self.cooked_type(protocol),
            Link::LinuxCooked2 | Link::EtherTyped => self.equal(Base::LinkType, 0, Size::Half, protocol),
            Link::Raw | Link::Slip => match protocol {
                IPV4 => raw(self, 0x40),
                IPV6 => raw(self, 0x60),
                _ => Ok(self.graph.constant(false)),
            },
            Link::Ipv4 => Ok(self.graph.constant(protocol == IPV4)),
            Link::Ipv6 => Ok(self.graph.constant(protocol == IPV6)),
            Link::Ppp | Link::PppPppd | Link::PppFramed => {
                self.equal(Base::LinkType, 0, Size::Half, ppp_protocol(protocol))
            }
            Link::PppBsdOs => self.ppp_bsd_os_type(protocol),
            Link::Null | Link::Loop => self.address_family(protocol),
            Link::PfLog => self.pf_address_family(protocol),
            Link::Arcnet => self.arcnet_type(protocol),
            Link::LocalTalk => Ok(self.graph.constant(protocol == ATALK)),
            Link::FrameRelay => self.frame_relay_type(protocol),
            Link::Juniper => self.masked_equal(Base::LinkHeader, 0, Size::Word, 0x4d47_4300, 0xffff_ff00),
            Link::BacnetMsTp => self.masked_equal(Base::LinkHeader, 0, Size::Word, 0x55ff_0000, 0xffff_0000),
            Link::IpNet => match protocol {
                IPV4 => self.equal(Base::LinkType, 0, Size::Byte, AF_INET),
                IPV6 => self.equal(Base::LinkType, 0, Size::Byte, 26),
                _ => Ok(self.graph.constant(false)),
            },
            Link::Mtp2 | Link::Opaque => Err(self
                .error(format!("{} link-layer type filtering not implemented", self.options.link_type))
                .hint("on this link type only bytes and lengths can be tested, as in \"link[0] = 1\"")),
        }
    }

    fn ether_type(&mut self, protocol: u32) -> Result<Condition, Error> {
        match protocol {
            SAP_OSI | SAP_IP | SAP_NETBEUI => {
                let length = self.at_most(Base::LinkType, 0, Size::Half, LENGTH_MAX)?;
                let saps = self.equal(Base::Llc, 0, Size::Half, protocol << 8 | protocol)?;
                Ok(self.graph.and(length, saps))
            }
            SAP_IPX => {
                // Ethernet II, or with a length: Novell's raw 802.3, 802.2 LLC, or SNAP.
                let typed = self.equal(Base::LinkType, 0, Size::Half, IPX)?;
                let length = self.at_most(Base::LinkType, 0, Size::Half, LENGTH_MAX)?;
                let snap = self.snap(0, IPX)?;
                let sap = self.equal(Base::Llc, 0, Size::Byte, SAP_IPX)?;
                let novell = self.equal(Base::Llc, 0, Size::Half, 0xffff)?;
                let framed = self.any([snap, sap, novell]);
                let framed = self.graph.and(length, framed);
                Ok(self.graph.or(typed, framed))
            }
            ATALK | AARP => {
                let typed = self.equal(Base::LinkType, 0, Size::Half, protocol)?;
                let length = self.at_most(Base::LinkType, 0, Size::Half, LENGTH_MAX)?;
                let snap = self.snap(apple_organisation(protocol), protocol)?;
                let framed = self.graph.and(length, snap);
                Ok(self.graph.or(typed, framed))
            }
            sap if sap <= LENGTH_MAX => {
                let length = self.at_most(Base::LinkType, 0, Size::Half, LENGTH_MAX)?;
                let sap = self.equal(Base::LinkType, 2, Size::Byte, sap)?;
                Ok(self.graph.and(length, sap))
            }
            _ => self.equal(Base::LinkType, 0, Size::Half, protocol),
        }
    }

    fn cooked_type(&mut self, protocol: u32) -> Result<Condition, Error> {
        let llc = |generator: &mut Self| generator.equal(Base::LinkType, 0, Size::Half, COOKED_LLC);
        match protocol {
            SAP_OSI | SAP_IP | SAP_NETBEUI => {
                let llc = llc(self)?;
                let saps = self.equal(Base::Llc, 0, Size::Half, protocol << 8 | protocol)?;
                Ok(self.graph.and(llc, saps))
            }
            SAP_IPX => {
                let typed = self.equal(Base::LinkType, 0, Size::Half, IPX)?;
                let novell = self.equal(Base::LinkType, 0, Size::Half, COOKED_NOVELL)?;
                let llc = llc(self)?;
                let sap = self.equal(Base::Llc, 0, Size::Byte, SAP_IPX)?;
                let snap = self.snap(0, IPX)?;
                let framed = self.graph.or(sap, snap);
                let framed = self.graph.and(llc, framed);
                Ok(self.any([typed, novell, framed]))
            }
            ATALK | AARP => {
                let typed = self.equal(Base::LinkType, 0, Size::Half, protocol)?;
                let llc = llc(self)?;
                let snap = self.snap(apple_organisation(protocol), protocol)?;
                let framed = self.graph.and(llc, snap);
                Ok(self.graph.or(typed, framed))
            }
            sap if sap <= LENGTH_MAX => {
                let llc = llc(self)?;
                let sap = self.equal(Base::LinkHeader, self.payload.constant, Size::Byte, sap)?;
                Ok(self.graph.and(llc, sap))
            }
            _ => self.equal(Base::LinkType, 0, Size::Half, protocol),
        }
    }

    /// For links that always have an 802.2 LLC header.
    fn llc_type(&mut self, protocol: u32) -> Result<Condition, Error> {
        match protocol {
            SAP_IP | SAP_OSI | SAP_NETBEUI => self.equal(Base::Llc, 0, Size::Half, protocol << 8 | protocol),
            ATALK => self.snap(apple_organisation(ATALK), ATALK),
            sap if sap <= LENGTH_MAX => self.equal(Base::Llc, 0, Size::Byte, sap),
            _ => self.equal(Base::Llc, 6, Size::Half, protocol),
        }
    }

    /// A SNAP header with an organisation and a protocol.
    fn snap(&mut self, organisation: u32, protocol: u32) -> Result<Condition, Error> {
        let [_, o1, o2, o3] = organisation.to_be_bytes();
        let [_, _, p1, p2] = protocol.to_be_bytes();
        self.bytes_equal(Base::Llc, 0, &[0xaa, 0xaa, 0x03, o1, o2, o3, p1, p2])
    }

    /// Behind MPLS labels: the last label, then the version of IP.
    fn type_after_labels(&mut self, protocol: u32) -> Result<Condition, Error> {
        let version = match protocol {
            IPV4 => 0x40,
            IPV6 => 0x60,
            _ => {
                return Err(self
                    .error("unsupported protocol over mpls")
                    .hint("behind an MPLS label only IPv4 and IPv6 can be told apart"));
            }
        };
        let last = self.masked_equal(Base::Network, 2u32.wrapping_neg(), Size::Byte, 0x01, 0x01)?;
        let version = self.masked_equal(Base::Network, 0, Size::Byte, version, 0xf0)?;
        Ok(self.graph.and(last, version))
    }

    fn ppp_bsd_os_type(&mut self, protocol: u32) -> Result<Condition, Error> {
        if protocol != IPV4 {
            return self.equal(Base::LinkType, 0, Size::Half, ppp_protocol(protocol));
        }
        // Van Jacobson's compressed and uncompressed TCP/IP count as IP.
        let plain = self.equal(Base::LinkType, 0, Size::Half, 0x21)?;
        let compressed = self.equal(Base::LinkType, 0, Size::Half, 0x2d)?;
        let uncompressed = self.equal(Base::LinkType, 0, Size::Half, 0x2f)?;
        Ok(self.any([plain, compressed, uncompressed]))
    }

    /// The address family in front of a packet. In a capture file it may be any system's, in either byte order: the
    /// order of the file's own header is lost once packets have been copied into another file.
    fn address_family(&mut self, protocol: u32) -> Result<Condition, Error> {
        let families: &[u32] = match (protocol, self.options.linux_ancillary) {
            (IPV4, _) => &[AF_INET],
            (IPV6, true) => &[AF_INET6_OF_LINUX],
            (IPV6, false) => &AF_INET6_OF_BSDS,
            _ => return Ok(self.graph.constant(false)),
        };
        let mut conditions = Vec::new();
        for &family in families {
            if self.link == Link::Null {
                conditions.push(self.equal(Base::LinkHeader, 0, Size::Word, family.swap_bytes())?);
            }
            if self.link == Link::Loop || !self.options.linux_ancillary {
                conditions.push(self.equal(Base::LinkHeader, 0, Size::Word, family)?);
            }
        }
        Ok(self.any(conditions))
    }

    fn pf_address_family(&mut self, protocol: u32) -> Result<Condition, Error> {
        match protocol {
            IPV4 => self.equal(Base::LinkHeader, 1, Size::Byte, AF_INET),
            IPV6 => self.equal(Base::LinkHeader, 1, Size::Byte, AF_INET6_OF_LINUX),
            _ => Ok(self.graph.constant(false)),
        }
    }

    fn arcnet_type(&mut self, protocol: u32) -> Result<Condition, Error> {
        let types: &[u32] = match protocol {
            IPV4 => &[212, 240],
            ARP => &[213, 241],
            RARP => &[214],
            ATALK => &[221],
            IPV6 => &[0xc4],
            _ => return Ok(self.graph.constant(false)),
        };
        let mut conditions = Vec::new();
        for &value in types {
            conditions.push(self.equal(Base::LinkType, 0, Size::Byte, value)?);
        }
        Ok(self.any(conditions))
    }

    /// An unnumbered information frame and the network layer's identifier, behind a two-byte address.
    fn frame_relay_type(&mut self, protocol: u32) -> Result<Condition, Error> {
        let identifiers: &[u32] = match protocol {
            IPV4 => &[0xcc],
            IPV6 => &[0x8e],
            SAP_OSI => &[0x81, 0x82, 0x83],
            _ => return Ok(self.graph.constant(false)),
        };
        let mut conditions = Vec::new();
        for &identifier in identifiers {
            conditions.push(self.equal(Base::LinkHeader, 2, Size::Half, 0x0300 | identifier)?);
        }
        Ok(self.any(conditions))
    }

    /// What must be true before the inner link header of an encapsulated packet can be tested.
    pub(super) fn inner_link_check(&mut self) -> Result<Option<Condition>, Error> {
        if self.in_geneve {
            return Ok(Some(self.geneve_has_link_header()));
        }
        if self.in_vxlan || self.link_before != Link::SunAtm {
            return Ok(None);
        }
        // ATM LAN emulation: not a control message.
        let control = self.compared(Base::LinkHeaderBefore, 4, Size::Half, u32::MAX, JEQ, 0xff00)?;
        Ok(Some(self.graph.not(control)))
    }

    /// True if the link layer says nothing about the protocol.
    pub(super) fn has_no_type_field(&self) -> bool {
        self.type_field.constant == NONE
    }
}

/// The organisation of a SNAP header that carries AppleTalk, or its address resolution.
fn apple_organisation(protocol: u32) -> u32 {
    if protocol == ATALK { 0x08_0007 } else { 0 }
}

/// The PPP protocol number that goes with an Ethertype (IANA, PPP DLL protocol numbers).
fn ppp_protocol(protocol: u32) -> u32 {
    match protocol {
        IPV4 => 0x0021,
        IPV6 => 0x0057,
        DECNET => 0x0027,
        ATALK => 0x0029,
        XNS => 0x0025,
        SAP_OSI => 0x0023,
        SAP_STP => 0x0031,
        SAP_IPX => 0x002b,
        other => other,
    }
}
