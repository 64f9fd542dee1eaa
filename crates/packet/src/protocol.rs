//! Names of IP protocols.

/// The name of an IP protocol number as Suricata prints it; `None` where the registry assigns none.
pub fn protocol_name(number: u8) -> Option<&'static str> {
    let name = *NAMES.get(usize::from(number))?;
    (!name.is_empty()).then_some(name)
}

/// Keywords of the IANA registry of protocol numbers, in Suricata's spelling; those without a keyword are empty.
#[rustfmt::skip]
const NAMES: [&str; 146] = [
    // 0
    "HOPOPT", "ICMP", "IGMP", "GGP", "IP-in-IP", "ST", "TCP", "CBT", "EGP", "IGP", "BBN-RCC-MON", "NVP-II", "PUP",
    "ARGUS", "EMCON", "XNET", "CHAOS", "UDP", "MUX", "DCN-MEAS",
    // 20
    "HMP", "PRM", "XNS-IDP", "TRUNK-1", "TRUNK-2", "LEAF-1", "LEAF-2", "RDP", "IRTP", "ISO-TP4", "NETBLT", "MFE-NSP",
    "MERIT-INP", "DCCP", "3PC", "IDPR", "XTP", "DDP", "IDPR-CMTP", "TP++",
    // 40
    "IL", "IPv6", "SDRP", "IPv6-Route", "IPv6-Frag", "IDRP", "RSVP", "GRE", "DSR", "BNA", "ESP", "AH", "I-NLSP",
    "SwIPe", "NARP", "MOBILE", "TLSP", "SKIP", "IPv6-ICMP", "IPv6-NoNxt",
    // 60
    "IPv6-Opts", "", "CFTP", "", "SAT-EXPAK", "KRYPTOLAN", "RVD", "IPPC", "", "SAT-MON", "VISA", "IPCU", "CPNX",
    "CPHB", "WSN", "PVP", "BR-SAT-MON", "SUN-ND", "WB-MON", "WB-EXPAK",
    // 80
    "ISO-IP", "VMTP", "SECURE-VMTP", "VINES", "TTP", "NSFNET-IGP", "DGP", "TCF", "EIGRP", "OSPF", "Sprite-RPC",
    "LARP", "MTP", "AX.25", "OS", "MICP", "SCC-SP", "ETHERIP", "ENCAP", "",
    // 100
    "GMTP", "IFMP", "PNNI", "PIM", "ARIS", "SCPS", "QNX", "A/N", "IPComp", "SNP", "Compaq-Peer", "IPX-in-IP", "VRRP",
    "PGM", "", "L2TP", "DDX", "IATP", "STP", "SRP",
    // 120
    "UTI", "SMP", "SM", "PTP", "IS-IS", "FIRE", "CRTP", "CRUDP", "SSCOPMCE", "IPLT", "SPS", "PIPE", "SCTP", "FC",
    "RSVP-E2E-IGNORE", "Mobility", "UDPLite", "MPLS-in-IP", "manet", "HIP",
    // 140
    "Shim6", "WESP", "ROHC", "Ethernet", "AGGFRAG", "NSH",
];

#[cfg(test)]
mod tests {
    use super::protocol_name;

    #[test]
    fn names_are_those_of_the_registry() {
        // IANA protocol numbers, Suricata's EVE output.
        let expected = [
            (0, Some("HOPOPT")),
            (1, Some("ICMP")),
            (6, Some("TCP")),
            (17, Some("UDP")),
            (47, Some("GRE")),
            (50, Some("ESP")),
            (51, Some("AH")),
            (58, Some("IPv6-ICMP")),
            (61, None),
            (89, Some("OSPF")),
            (103, Some("PIM")),
            (112, Some("VRRP")),
            (115, Some("L2TP")),
            (132, Some("SCTP")),
            (136, Some("UDPLite")),
            (143, Some("Ethernet")),
            (146, None),
            (255, None),
        ];
        for (number, name) in expected {
            assert_eq!(protocol_name(number), name, "{number}");
        }
    }
}
