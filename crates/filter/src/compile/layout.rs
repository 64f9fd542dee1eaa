//! Where the headers of each link type are.

use packet::LinkType;

/// An offset that is not there; arithmetic with it wraps, as in libpcap.
pub(super) const NONE: u32 = u32::MAX;

/// Link types that are tested in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Ethernet,
    /// Ethernet behind a pseudo-header; `llc` is not supported.
    NetAnalyzer,
    /// Ethernet with a switch tag before the type: Broadcom's.
    BroadcomTag,
    /// Ethernet with a switch tag before the type: Marvell's.
    MarvellTag,
    /// 802.11, perhaps behind a radio header.
    Wireless(Radio),
    TokenRing,
    Fddi,
    IpOverFibreChannel,
    /// RFC 1483 and classical IP: an LLC header comes first.
    AtmLlc,
    /// As `AtmLlc`; `llc` is not supported.
    AtmClip,
    SunAtm,
    /// The whole is IPv4 or IPv6.
    Raw,
    Slip,
    Ipv4,
    Ipv6,
    Null,
    Loop,
    LinuxCooked,
    LinuxCooked2,
    Ppp,
    /// With a direction byte first.
    PppPppd,
    /// As `Ppp`; MPLS is not supported.
    PppFramed,
    PppBsdOs,
    Hdlc,
    FrameRelay,
    Arcnet,
    LocalTalk,
    PfLog,
    IpNet,
    Juniper,
    BacnetMsTp,
    /// An Ethertype at the type's place, and nothing else known.
    EtherTyped,
    Mtp2,
    /// Only bytes and lengths can be tested.
    Opaque,
}

/// The header before an 802.11 frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Radio {
    None,
    Prism,
    Avs,
    Radiotap,
    Ppi,
}

/// The offsets that a link type starts with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) link: Link,
    /// Of the link header.
    pub(super) header: u32,
    /// Of the type within the packet.
    pub(super) type_field: u32,
    /// Of what follows the link header.
    pub(super) payload: u32,
    /// Of the network header within the payload, with and without a SNAP header.
    pub(super) network: u32,
    pub(super) network_nosnap: u32,
    /// Of MTP2's length indicator, if there is one; the high-speed one is two bytes on.
    pub(super) mtp2: u32,
}

impl Layout {
    const fn new(link: Link, type_field: u32, payload: u32, network: u32, network_nosnap: u32) -> Self {
        Self { link, header: 0, type_field, payload, network, network_nosnap, mtp2: NONE }
    }

    const fn behind(self, header: u32) -> Self {
        Self { header, type_field: header + self.type_field, payload: header + self.payload, ..self }
    }

    const fn opaque(mtp2: u32) -> Self {
        let link = if mtp2 == NONE { Link::Opaque } else { Link::Mtp2 };
        Self { mtp2, ..Self::new(link, NONE, NONE, NONE, NONE) }
    }

    /// The layout of a link type, by its LINKTYPE_ value; `None` for those that libpcap does not know.
    pub(super) fn of(link_type: LinkType) -> Option<Self> {
        let juniper =
            |type_field, payload, network, nosnap| Self::new(Link::Juniper, type_field, payload, network, nosnap);
        let wireless = |radio| Self::new(Link::Wireless(radio), 24, 0, 8, 3);
        let ethernet = Self::new(Link::Ethernet, 12, 14, 0, 3);
        Some(match link_type.0 {
            0 => Self::new(Link::Null, 0, 4, 0, 0),
            1 => ethernet,
            6 => Self::new(Link::TokenRing, 14, 14, 8, 3),
            7 => Self::new(Link::Arcnet, 2, 6, 0, 0),
            8 => Self::new(Link::Slip, NONE, 16, 0, 0),
            9 => Self::new(Link::Ppp, 2, 4, 0, 0),
            10 => Self::new(Link::Fddi, 13, 13, 8, 3),
            50 => Self::new(Link::PppFramed, 2, 4, 0, 0),
            51 => Self::new(Link::PppFramed, 6, 8, 0, 0),
            99 => Self::new(Link::EtherTyped, 6, 44, 0, 0),
            100 => Self::new(Link::AtmLlc, 0, 0, 8, 3),
            101 => Self::new(Link::Raw, NONE, 0, 0, 0),
            102 => Self::new(Link::Raw, NONE, 24, 0, 0),
            103 => Self::new(Link::PppBsdOs, 5, 24, 0, 0),
            104 => Self::new(Link::Hdlc, 2, 4, 0, 0),
            105 => wireless(Radio::None),
            106 => Self::new(Link::AtmClip, 0, 0, 8, 3),
            107 => Self::new(Link::FrameRelay, NONE, 0, 0, 0),
            108 => Self::new(Link::Loop, 0, 4, 0, 0),
            109 => Self::new(Link::Null, 0, 12, 0, 0),
            113 => Self::new(Link::LinuxCooked, 14, 16, 0, 0),
            114 => Self::new(Link::LocalTalk, NONE, 0, 0, 0),
            117 => Self::new(Link::PfLog, 0, 0, 0, 0),
            119 => wireless(Radio::Prism),
            122 => Self::new(Link::IpOverFibreChannel, 16, 16, 8, 3),
            123 => Self::new(Link::SunAtm, 4, 4, 8, 3),
            127 => wireless(Radio::Radiotap),
            129 => Self::new(Link::Arcnet, 4, 8, 0, 0),
            112 => Self::new(Link::Hdlc, 2, 4, 0, 0),
            130 | 131 | 134 | 179..=181 => juniper(4, 4, 0, NONE),
            132 => juniper(6, NONE, NONE, NONE),
            133 => juniper(6, 12, 0, NONE),
            135 => juniper(8, 8, 0, 10),
            136 => juniper(12, NONE, NONE, NONE),
            137 => juniper(4, 4, 0, 10),
            138 => Self::new(Link::EtherTyped, 16, 18, 0, 0),
            139 => Self::opaque(6),
            140 => Self::opaque(2),
            163 => wireless(Radio::Avs),
            164 => juniper(12, 12, 0, NONE),
            165 => Self::new(Link::BacnetMsTp, NONE, NONE, NONE, NONE),
            166 => Self::new(Link::PppPppd, 2, 4, 0, 0),
            167 | 178 => juniper(16, 14, 18, 21),
            168 => juniper(4, 6, 0, NONE),
            183 | 200 => juniper(18, NONE, NONE, NONE),
            192 => wireless(Radio::Ppi),
            194 => juniper(8, NONE, NONE, NONE),
            197 => Self::opaque(22),
            226 => Self::new(Link::IpNet, 1, 24, 0, NONE),
            228 => Self::new(Link::Ipv4, NONE, 0, 0, 0),
            229 => Self::new(Link::Ipv6, NONE, 0, 0, 0),
            232 | 233 | 234 | 238 => juniper(8, NONE, NONE, NONE),
            240 => Self { link: Link::NetAnalyzer, ..ethernet.behind(4) },
            241 => Self { link: Link::NetAnalyzer, ..ethernet.behind(12) },
            276 => Self::new(Link::LinuxCooked2, 0, 20, 0, 0),
            281 => Self { type_field: 16, payload: 18, link: Link::BroadcomTag, ..ethernet },
            284 => Self { type_field: 16, payload: 18, link: Link::MarvellTag, ..ethernet },
            other if other >= 104 => Self::opaque(NONE),
            _ => return None,
        })
    }
}
