//! Random primitives.

use super::expression::{Expressions, IdForm};
use super::{ETHER_TYPES, MACS, PORTS, PROTOCOLS, SAPS, V4, V6};

/// Every protocol that has a keyword and stands alone.
pub(crate) const PROTOCOL_WORDS: &[&str] = &[
    "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "igrp", "pim", "vrrp", "carp", "ah",
    "esp", "atalk", "aarp", "decnet", "lat", "sca", "moprc", "mopdl", "iso", "esis", "es-is", "isis", "is-is", "clnp",
    "stp", "ipx", "netbeui", "l1", "l2", "iih", "lsp", "snp", "csnp", "psnp",
];

const LINK_WORDS: &[&str] = &["ether", "link", "wlan", "fddi", "tr", "ppp", "slip"];

/// True for links whose offsets are computed for each packet.
pub(crate) fn has_variable_offsets(link_type: u16) -> bool {
    is_wireless(link_type) || link_type == 117
}

pub(crate) fn is_wireless(link_type: u16) -> bool {
    matches!(link_type, 105 | 119 | 127 | 163 | 192)
}

/// True for 802.11 behind a radio header.
pub(crate) fn has_radio_header(link_type: u16) -> bool {
    is_wireless(link_type) && link_type != 105
}

impl Expressions<'_> {
    /// A primitive.
    pub(crate) fn term(&mut self) -> String {
        self.inherits = None;
        match self.random.below(28) {
            0..=3 => self.pick(PROTOCOL_WORDS).to_owned(),
            4..=7 => self.host(),
            8..=10 => self.port(),
            11 | 12 => self.protocol_number(),
            13..=16 => self.arithmetic_term(),
            17 | 18 => self.encapsulation(),
            19 => {
                let protocol = self.pick(&["", "ether ", "ip ", "ip6 ", "link ", "arp "]);
                format!("{protocol}{}", self.pick(&["broadcast", "multicast"]))
            }
            20 => self.length_or_byte(),
            21 | 22 => self.hardware(),
            23 => self.llc(),
            24 if is_wireless(self.link_type) || self.once_in(8) => self.wireless(),
            25 if self.link_type == 117 || self.once_in(8) => self.pf_log(),
            26 if matches!(self.link_type, 123 | 139 | 140 | 197) || self.once_in(8) => self.telephony(),
            27 => {
                let number = self.random.pick(&[0, 1, 7]);
                let words = ["inbound".to_owned(), "outbound".to_owned(), format!("ifindex {number}")];
                words[self.random.below(3)].clone()
            }
            _ => self.host(),
        }
    }

    fn direction(&mut self) -> &'static str {
        self.random.pick(&["", "", "", "src ", "dst ", "src or dst ", "dst or src ", "src and dst ", "dst and src "])
    }

    fn host(&mut self) -> String {
        let (protocols, form): (&[&str], IdForm) = match self.random.below(12) {
            0..=3 => (&["", "", "ip ", "arp ", "rarp "], IdForm::V4),
            4 | 5 => (&["", "ip6 "], IdForm::V6),
            6..=8 => (&["", "", "ip ", "arp ", "rarp "], IdForm::Net),
            9 => (&["", "ip6 "], IdForm::Net6),
            10 => (&["decnet "], IdForm::Decnet),
            // Mostly refused.
            _ => (&["tcp ", "ip6 ", "ether ", "icmp "], IdForm::V4),
        };
        let protocol = self.pick(protocols);
        let direction = self.direction();
        let is_net = matches!(form, IdForm::Net | IdForm::Net6);
        let kind = if is_net {
            "net "
        } else if direction.is_empty() || self.once_in(2) {
            "host "
        } else {
            ""
        };
        self.inherits = Some(form);
        format!("{protocol}{direction}{kind}{}", self.id_or_list(form))
    }

    fn port(&mut self) -> String {
        let form = if self.once_in(3) { IdForm::PortRange } else { IdForm::Port };
        let kind = if form == IdForm::Port { "port " } else { "portrange " };
        let protocol = self.pick(&["", "", "tcp ", "udp ", "sctp ", "icmp "]);
        let direction = self.direction();
        self.inherits = Some(form);
        format!("{protocol}{direction}{kind}{}", self.id_or_list(form))
    }

    fn protocol_number(&mut self) -> String {
        let chains = !has_variable_offsets(self.link_type) && self.once_in(4);
        let kind = if chains { "protochain " } else { "proto " };
        let (protocol, form) = match self.random.below(8) {
            0..=4 => (self.pick(&["", "ip ", "ip6 "]), IdForm::Protocol),
            5 | 6 if !chains => (self.pick(LINK_WORDS), IdForm::EtherProtocol),
            7 if !chains => {
                let osi = self.pick(&[
                    "iso proto \\isis",
                    "iso proto \\esis",
                    "iso proto \\clnp",
                    "isis proto 18",
                    "iso proto 130",
                ]);
                return osi.to_owned();
            }
            _ => ("", IdForm::Protocol),
        };
        self.inherits = Some(form);
        let space = if form == IdForm::EtherProtocol { " " } else { "" };
        format!("{protocol}{space}{kind}{}", self.id_or_list(form))
    }

    /// An address, a number or a name.
    pub(crate) fn id(&mut self, form: IdForm) -> String {
        match form {
            IdForm::V4 => self.v4(),
            IdForm::V6 => {
                let address = self.pick(V6).to_owned();
                let forms = [address.clone(), format!("{address}/128"), "delta".to_owned()];
                forms[self.random.below(9).min(2) % 3].clone()
            }
            IdForm::Net => self.net(),
            IdForm::Net6 => self
                .pick(&[
                    "2001:db8::/32",
                    "fe80::/10",
                    "ff00::/8",
                    "::/0",
                    "2001:db8::1/128",
                    "2001:db8::/127",
                    "fe80::1:0/113",
                ])
                .to_owned(),
            IdForm::Port => match self.random.below(6) {
                0 => self.pick(&["domain", "http", "smtp", "tftp", "\\80"]).to_owned(),
                1 => format!("0x{:x}", self.random.pick(PORTS)),
                _ => self.random.pick(PORTS).to_string(),
            },
            IdForm::PortRange => match self.random.below(6) {
                0 => self.pick(&["smtp-domain", "25-domain", "domain-25", "80"]).to_owned(),
                _ => format!("{}-{}", self.random.pick(PORTS), self.random.pick(PORTS)),
            },
            IdForm::Protocol => match self.random.below(3) {
                0 => self.pick(&["\\tcp", "\\udp", "\\icmp", "ospf", "gre", "\\sctp", "ipv6-icmp", "\\esp"]).to_owned(),
                _ => self.random.pick(PROTOCOLS).to_string(),
            },
            IdForm::EtherProtocol => match self.random.below(3) {
                0 => self
                    .pick(&[
                        "\\ip",
                        "\\ip6",
                        "\\arp",
                        "\\rarp",
                        "\\atalk",
                        "\\aarp",
                        "\\decnet",
                        "\\lat",
                        "\\iso",
                        "\\stp",
                        "\\ipx",
                        "\\netbeui",
                        "loopback",
                        "\\sca",
                        "\\moprc",
                        "\\mopdl",
                    ])
                    .to_owned(),
                1 => self.random.pick(SAPS).to_string(),
                _ => format!("0x{:04x}", self.random.pick(ETHER_TYPES)),
            },
            IdForm::Mac => {
                let [a, b, c, d, e, f] = self.random.pick(MACS);
                match self.random.below(5) {
                    0 => format!("{a:02x}-{b:02x}-{c:02x}-{d:02x}-{e:02x}-{f:02x}"),
                    1 => format!("{a:02x}{b:02x}.{c:02x}{d:02x}.{e:02x}{f:02x}"),
                    2 => format!("{a:x}.{b:x}.{c:x}.{d:x}.{e:x}.{f:x}"),
                    3 => format!("{a:02x}{b:02x}{c:02x}{d:02x}{e:02x}{f:02x}"),
                    _ => format!("{a:x}:{b:x}:{c:x}:{d:x}:{e:x}:{f:x}"),
                }
            }
            IdForm::Decnet => self.pick(&["1.1", "63.1023", "0.5"]).to_owned(),
        }
    }

    fn v4(&mut self) -> String {
        let [a, b, c, d] = self.random.pick(V4);
        match self.random.below(12) {
            0 => format!("{a}.{b}"),
            1 => format!("{a}.{b}.{c}"),
            2 => self.pick(&["alpha", "beta", "gamma"]).to_owned(),
            3 => u32::from_be_bytes([a, b, c, d]).to_string(),
            _ => format!("{a}.{b}.{c}.{d}"),
        }
    }

    fn net(&mut self) -> String {
        let [a, b, c, d] = self.random.pick(V4);
        match self.random.below(8) {
            0 => a.to_string(),
            1 => format!("{a}.{b}"),
            2 => format!("{a}.{b}.{c}"),
            3 => format!("{a}.{b}.{c}.{d} mask 255.255.255.255"),
            4 => format!("{a}.{b} mask 255.255"),
            5 => format!("{a}.{b}.0.0/16"),
            6 => self.pick(&["0.0.0.0/0", "10.0.0.0/31", "224.0.0.0/4"]).to_owned(),
            _ => format!("{a}.{b}.{c}.{d}/32"),
        }
    }

    fn hardware(&mut self) -> String {
        let link = self.pick(LINK_WORDS);
        let more = is_wireless(self.link_type) || self.once_in(10);
        let direction = if more && self.once_in(2) {
            self.pick(&["addr1 ", "addr2 ", "addr3 ", "addr4 ", "ra ", "ta ", "address1 ", "address4 "])
        } else {
            self.direction()
        };
        let kind = if direction.is_empty() || self.once_in(2) { "host " } else { "" };
        self.inherits = Some(IdForm::Mac);
        format!("{link} {direction}{kind}{}", self.id_or_list(IdForm::Mac))
    }

    fn encapsulation(&mut self) -> String {
        // Behind a radio header libpcap tests tunnels with registers that it never sets.
        let tunnels = !has_radio_header(self.link_type);
        let word = self.random.pick(&["vlan", "vlan", "mpls", "pppoed", "pppoes", "geneve"]);
        let (word, number) = match word {
            "geneve" if has_variable_offsets(self.link_type) => ("vlan", 1),
            "pppoes" if !tunnels => ("vlan", 1),
            "pppoes" => (word, 0x3b),
            "geneve" => (word, 10),
            "mpls" => (word, 1024),
            word => (word, 1),
        };
        self.has_tunnel |= matches!(word, "geneve" | "pppoes");
        if word != "pppoed" && self.once_in(2) { format!("{word} {number}") } else { word.to_owned() }
    }

    fn length_or_byte(&mut self) -> String {
        let number = self.random.pick(&[0, 1, 14, 40, 60, 100, 1500]);
        let word = self.pick(&["less", "greater", "byte"]);
        if word != "byte" {
            return format!("{word} {number}");
        }
        let operation = self.pick(&["=", "<", ">"]);
        format!("byte {} {operation} {}", self.random.below(30), self.random.byte())
    }

    fn llc(&mut self) -> String {
        let kind = self.pick(&[
            "", " i", " s", " u", " rr", " rnr", " rej", " ui", " ua", " disc", " dm", " sabme", " test", " xid",
            " frmr",
        ]);
        format!("llc{kind}")
    }

    fn wireless(&mut self) -> String {
        let word = self.pick(LINK_WORDS);
        let rest = self.pick(&[
            "type mgt",
            "type ctl",
            "type data",
            "type 0x04",
            "type management subtype beacon",
            "type ctl subtype ack",
            "type data subtype qos-data",
            "type data subtype null",
            "subtype beacon",
            "subtype rts",
            "subtype qos",
            "subtype cf-ack",
            "type 8 subtype 0x80",
            "dir tods",
            "dir fromds",
            "dir nods",
            "dir dstods",
            "dir 1",
            "direction 3",
            "subtype deauth",
            "type mgt subtype assoc-req",
        ]);
        if self.once_in(3) { rest.to_owned() } else { format!("{word} {rest}") }
    }

    fn pf_log(&mut self) -> String {
        self.pick(&[
            "ifname eth0",
            "on lo",
            "rset abc",
            "ruleset testruleset",
            "rnr 1",
            "rulenum 7",
            "srnr 1",
            "subrulenum 0",
            "reason match",
            "reason fragment",
            "reason 3",
            "reason synproxy",
            "action pass",
            "action block",
            "action nat",
            "action synproxy-drop",
            "inbound",
            "outbound",
        ])
        .to_owned()
    }

    fn telephony(&mut self) -> String {
        let word = self.pick(&[
            "lane",
            "metac",
            "bcc",
            "oam",
            "oamf4",
            "oamf4ec",
            "oamf4sc",
            "sc",
            "ilmic",
            "connectmsg",
            "metaconnect",
            "fisu",
            "lssu",
            "lsu",
            "msu",
            "hfisu",
            "hlssu",
            "hmsu",
            "vpi",
            "vci",
            "sio",
            "opc",
            "dpc",
            "sls",
            "hsio",
            "hopc",
            "hdpc",
            "hsls",
        ]);
        if !matches!(word, "vpi" | "vci" | "sio" | "opc" | "dpc" | "sls" | "hsio" | "hopc" | "hdpc" | "hsls") {
            return word.to_owned();
        }
        match self.random.below(3) {
            0 => format!("{word} {}", self.random.below(16)),
            // libpcap 1.10.3 takes != for =.
            1 => format!("{word} {} {}", self.pick(&["=", ">", "<", ">=", "<="]), self.random.below(16)),
            _ => format!("{word} ({} or {} or {})", self.random.below(4), self.random.below(16), self.random.below(16)),
        }
    }
}
