//! The words of the language, and the numbers that have names.

use super::Protocol;

/// The reserved words; those with two spellings have the longer name here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Protocol(Protocol),
    And,
    Or,
    Not,
    Src,
    Dst,
    Host,
    Net,
    Mask,
    Port,
    PortRange,
    Proto,
    ProtoChain,
    Gateway,
    Type,
    Subtype,
    Dir,
    Addr1,
    Addr2,
    Addr3,
    Addr4,
    Ra,
    Ta,
    Less,
    Greater,
    Byte,
    Broadcast,
    Multicast,
    Len,
    Inbound,
    Outbound,
    IfIndex,
    Vlan,
    Mpls,
    Pppoed,
    Pppoes,
    Geneve,
    Vxlan,
    Lane,
    Llc,
    MetaC,
    Bcc,
    Oam,
    OamF4,
    OamF4Ec,
    OamF4Sc,
    Sc,
    IlmiC,
    Vpi,
    Vci,
    ConnectMsg,
    MetaConnect,
    IfName,
    RuleSet,
    RuleNumber,
    SubRuleNumber,
    Reason,
    Action,
    Fisu,
    Lssu,
    Msu,
    HFisu,
    HLssu,
    HMsu,
    Sio,
    Opc,
    Dpc,
    Sls,
    HSio,
    HOpc,
    HDpc,
    HSls,
}

#[rustfmt::skip]
const KEYWORDS: &[(&str, Keyword)] = {
    use Keyword::*;
    use super::Protocol as P;
    &[
        ("aarp", Protocol(P::Aarp)), ("action", Action), ("addr1", Addr1), ("addr2", Addr2), ("addr3", Addr3),
        ("addr4", Addr4), ("address1", Addr1), ("address2", Addr2), ("address3", Addr3), ("address4", Addr4),
        ("ah", Protocol(P::Ah)), ("and", And), ("arp", Protocol(P::Arp)), ("atalk", Protocol(P::Atalk)),
        ("bcc", Bcc), ("broadcast", Broadcast), ("byte", Byte), ("carp", Protocol(P::Carp)),
        ("clnp", Protocol(P::Clnp)), ("connectmsg", ConnectMsg), ("csnp", Protocol(P::IsisCsnp)),
        ("decnet", Protocol(P::Decnet)), ("dir", Dir), ("direction", Dir), ("dpc", Dpc), ("dst", Dst),
        ("es-is", Protocol(P::Esis)), ("esis", Protocol(P::Esis)), ("esp", Protocol(P::Esp)),
        ("ether", Protocol(P::Link)), ("fddi", Protocol(P::Link)), ("fisu", Fisu), ("gateway", Gateway),
        ("geneve", Geneve), ("greater", Greater), ("hdpc", HDpc), ("hfisu", HFisu), ("hlssu", HLssu), ("hmsu", HMsu),
        ("hopc", HOpc), ("host", Host), ("hsio", HSio), ("hsls", HSls), ("icmp", Protocol(P::Icmp)),
        ("icmp6", Protocol(P::Icmp6)), ("ifindex", IfIndex), ("ifname", IfName), ("igmp", Protocol(P::Igmp)),
        ("igrp", Protocol(P::Igrp)), ("iih", Protocol(P::IsisIih)), ("ilmic", IlmiC), ("inbound", Inbound),
        ("ip", Protocol(P::Ip)), ("ip6", Protocol(P::Ip6)), ("ipx", Protocol(P::Ipx)), ("is-is", Protocol(P::Isis)),
        ("isis", Protocol(P::Isis)), ("iso", Protocol(P::Iso)), ("l1", Protocol(P::IsisL1)),
        ("l2", Protocol(P::IsisL2)), ("lane", Lane), ("lat", Protocol(P::Lat)), ("len", Len), ("length", Len),
        ("less", Less), ("link", Protocol(P::Link)), ("llc", Llc), ("lsp", Protocol(P::IsisLsp)), ("lssu", Lssu),
        ("lsu", Lssu), ("mask", Mask), ("metac", MetaC), ("metaconnect", MetaConnect), ("mopdl", Protocol(P::Mopdl)),
        ("moprc", Protocol(P::Moprc)), ("mpls", Mpls), ("msu", Msu), ("multicast", Multicast), ("net", Net),
        ("netbeui", Protocol(P::Netbeui)), ("not", Not), ("oam", Oam), ("oamf4", OamF4), ("oamf4ec", OamF4Ec),
        ("oamf4sc", OamF4Sc), ("on", IfName), ("opc", Opc), ("or", Or), ("outbound", Outbound),
        ("pim", Protocol(P::Pim)), ("port", Port), ("portrange", PortRange), ("ppp", Protocol(P::Link)),
        ("pppoed", Pppoed), ("pppoes", Pppoes), ("proto", Proto), ("protochain", ProtoChain),
        ("psnp", Protocol(P::IsisPsnp)), ("ra", Ra), ("radio", Protocol(P::Radio)), ("rarp", Protocol(P::Rarp)),
        ("reason", Reason), ("rnr", RuleNumber), ("rset", RuleSet), ("rulenum", RuleNumber), ("ruleset", RuleSet),
        ("sc", Sc), ("sca", Protocol(P::Sca)), ("sctp", Protocol(P::Sctp)), ("sio", Sio),
        ("slip", Protocol(P::Link)), ("sls", Sls), ("snp", Protocol(P::IsisSnp)), ("src", Src),
        ("srnr", SubRuleNumber), ("stp", Protocol(P::Stp)), ("subrulenum", SubRuleNumber), ("subtype", Subtype),
        ("ta", Ta), ("tcp", Protocol(P::Tcp)), ("tr", Protocol(P::Link)), ("type", Type), ("udp", Protocol(P::Udp)),
        ("vci", Vci), ("vlan", Vlan), ("vpi", Vpi), ("vrrp", Protocol(P::Vrrp)), ("vxlan", Vxlan),
        ("wlan", Protocol(P::Link)),
    ]
};

#[rustfmt::skip]
const NUMBERS: &[(&str, u32)] = &[
    ("icmp-echo", 8), ("icmp-echoreply", 0), ("icmp-ireq", 15), ("icmp-ireqreply", 16), ("icmp-maskreply", 18),
    ("icmp-maskreq", 17), ("icmp-paramprob", 12), ("icmp-redirect", 5), ("icmp-routeradvert", 9),
    ("icmp-routersolicit", 10), ("icmp-sourcequench", 4), ("icmp-timxceed", 11), ("icmp-tstamp", 13),
    ("icmp-tstampreply", 14), ("icmp-unreach", 3), ("icmp6-certpathadvert", 149), ("icmp6-certpathsolicit", 148),
    ("icmp6-destinationunreach", 1), ("icmp6-echo", 128), ("icmp6-echoreply", 129),
    ("icmp6-homeagentdiscoveryreply", 145), ("icmp6-homeagentdiscoveryrequest", 144),
    ("icmp6-ineighbordiscoveryadvert", 142), ("icmp6-ineighbordiscoverysolicit", 141),
    ("icmp6-mobileprefixadvert", 147), ("icmp6-mobileprefixsolicit", 146), ("icmp6-multicastlistenerdone", 132),
    ("icmp6-multicastlistenerquery", 130), ("icmp6-multicastlistenerreportv1", 131),
    ("icmp6-multicastlistenerreportv2", 143), ("icmp6-multicastrouteradvert", 151),
    ("icmp6-multicastrouterterm", 153), ("icmp6-multicastroutersolicit", 152), ("icmp6-neighboradvert", 136),
    ("icmp6-neighborsolicit", 135), ("icmp6-nodeinformationquery", 139), ("icmp6-nodeinformationresponse", 140),
    ("icmp6-packettoobig", 2), ("icmp6-parameterproblem", 4), ("icmp6-redirect", 137), ("icmp6-routeradvert", 134),
    ("icmp6-routerrenum", 138), ("icmp6-routersolicit", 133), ("icmp6-timeexceeded", 3), ("icmp6code", 1),
    ("icmp6type", 0), ("icmpcode", 1), ("icmptype", 0), ("tcp-ack", 0x10), ("tcp-cwr", 0x80), ("tcp-ece", 0x40),
    ("tcp-fin", 0x01), ("tcp-push", 0x08), ("tcp-rst", 0x04), ("tcp-syn", 0x02), ("tcp-urg", 0x20), ("tcpflags", 13),
];

/// The keyword that is spelled so.
pub(super) fn keyword(word: &str) -> Option<Keyword> {
    KEYWORDS.iter().find(|&&(spelling, _)| spelling == word).map(|&(_, keyword)| keyword)
}

/// The number that has this name.
pub(super) fn number(word: &str) -> Option<u32> {
    NUMBERS.iter().find(|&&(spelling, _)| spelling == word).map(|&(_, number)| number)
}

/// The keyword or named number that is most like a misspelt word.
pub(super) fn similar(word: &str) -> Option<&'static str> {
    let known = KEYWORDS.iter().map(|&(spelling, _)| spelling).chain(NUMBERS.iter().map(|&(spelling, _)| spelling));
    crate::similar::most_similar(word, known)
}
