//! The names of encapsulations.

/// What a flow travelled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tunnel {
    /// VXLAN (RFC 7348), VXLAN-GPE, and its network identifier.
    Vxlan(u32),
    /// GENEVE (RFC 8926) and its network identifier.
    Geneve(u32),
    /// GRE (RFC 2784) and its key (RFC 2890), 0 without; of PPTP (RFC 2637) the call id.
    Gre(u32),
    /// ERSPAN and its session id, 0 in type I.
    Erspan(u16),
    /// GTP-U (3GPP TS 29.281) and its tunnel endpoint id.
    GtpU(u32),
    /// IP in IP (RFC 2003, RFC 4213, RFC 2473), also behind an authentication header (RFC 4302).
    IpIp,
    /// PPPoE session id (RFC 2516).
    Pppoe(u16),
    /// MPLS (RFC 3032), its innermost label.
    Mpls(u32),
    /// Teredo (RFC 4380).
    Teredo,
    /// L2TP: the session id of version 2 (RFC 2661) or 3 (RFC 3931).
    L2tp(u32),
    /// Ethernet directly in IP: EtherIP (RFC 3378) or protocol 143 (RFC 8986).
    EtherIp,
    /// MAC in MAC (IEEE 802.1ah) and its service instance.
    MacInMac(u32),
    /// PIM register (RFC 7761).
    PimRegister,
    /// LISP (RFC 9300) and its instance id, 0 without.
    Lisp(u32),
    /// CAPWAP (RFC 5415).
    Capwap,
}

impl Tunnel {
    /// The lower-case name that output and field predicates use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vxlan(_) => "vxlan",
            Self::Geneve(_) => "geneve",
            Self::Gre(_) => "gre",
            Self::Erspan(_) => "erspan",
            Self::GtpU(_) => "gtpu",
            Self::IpIp => "ipip",
            Self::Pppoe(_) => "pppoe",
            Self::Mpls(_) => "mpls",
            Self::Teredo => "teredo",
            Self::L2tp(_) => "l2tp",
            Self::EtherIp => "etherip",
            Self::MacInMac(_) => "pbb",
            Self::PimRegister => "pim",
            Self::Lisp(_) => "lisp",
            Self::Capwap => "capwap",
        }
    }

    /// The network identifier, key, session or label, where there is one.
    pub fn id(self) -> Option<u32> {
        match self {
            Self::Vxlan(id) | Self::Geneve(id) | Self::Gre(id) | Self::GtpU(id) | Self::Mpls(id) => Some(id),
            Self::L2tp(id) | Self::MacInMac(id) | Self::Lisp(id) => Some(id),
            Self::Erspan(id) | Self::Pppoe(id) => Some(u32::from(id)),
            Self::IpIp | Self::Teredo | Self::EtherIp | Self::PimRegister | Self::Capwap => None,
        }
    }

    /// The same kind, of no number.
    #[must_use]
    pub fn without_id(self) -> Self {
        match self {
            Self::Vxlan(_) => Self::Vxlan(0),
            Self::Geneve(_) => Self::Geneve(0),
            Self::Gre(_) => Self::Gre(0),
            Self::Erspan(_) => Self::Erspan(0),
            Self::GtpU(_) => Self::GtpU(0),
            Self::Pppoe(_) => Self::Pppoe(0),
            Self::Mpls(_) => Self::Mpls(0),
            Self::L2tp(_) => Self::L2tp(0),
            Self::MacInMac(_) => Self::MacInMac(0),
            Self::Lisp(_) => Self::Lisp(0),
            Self::IpIp | Self::Teredo | Self::EtherIp | Self::PimRegister | Self::Capwap => self,
        }
    }
}
