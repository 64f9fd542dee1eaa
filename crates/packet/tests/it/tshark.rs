//! What tshark sees in a packet: the second opinion on every decoded header.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

/// Fields that are asked for, in this order, after the list of protocols.
const FIELDS: [&str; 38] = [
    "ip.src",
    "ip.dst",
    "ip.proto",
    "ip.frag_offset",
    "ip.flags.mf",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.nxt",
    "ipv6.hopopts.nxt",
    "ipv6.routing.nxt",
    "ipv6.dstopts.nxt",
    "ipv6.fraghdr.nxt",
    "ipv6.fraghdr.offset",
    "ipv6.fraghdr.more",
    "mip6.proto",
    "hip.proto",
    "shim6.nxt",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "sctp.srcport",
    "sctp.dstport",
    "dccp.srcport",
    "dccp.dstport",
    "icmp.type",
    "icmp.code",
    "icmpv6.type",
    "icmpv6.code",
    "arp.src.proto_ipv4",
    "arp.dst.proto_ipv4",
    "vlan.id",
    "ieee8021ad.id",
    "tcp.len",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.flags",
    "udp.length",
];

/// The innermost flow of a packet as tshark sees it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// As tshark prints it.
    pub(crate) protocols: String,
    /// `0` for ARP; `None` without a network layer.
    pub(crate) ip_version: Option<u8>,
    pub(crate) src: String,
    pub(crate) dest: String,
    /// The last protocol number that was read, and what it is if its dissector ran.
    pub(crate) proto: Option<u8>,
    pub(crate) ports: Option<(u16, u16)>,
    pub(crate) icmp: Option<(u8, u8)>,
    /// Sequence number, acknowledgement, flags.
    pub(crate) tcp: Option<(u32, u32, u8)>,
    /// Bytes after the header of TCP or UDP.
    pub(crate) payload_bytes: Option<u32>,
    pub(crate) fragment_offset: u16,
    pub(crate) more_fragments: bool,
    /// Of the outermost Ethernet header.
    pub(crate) vlans: Vec<u16>,
}

/// True if tshark can be run; a test that needs it passes without.
pub(crate) fn is_installed() -> bool {
    let found = Command::new("tshark").arg("--version").output().is_ok();
    if !found {
        assert!(std::env::var_os("WIRETAPE_NO_SKIP").is_none(), "needs tshark");
        eprintln!("skipped: needs tshark");
    }
    found
}

/// Every packet of a capture, in order.
pub(crate) fn read(capture: &Path) -> Vec<Seen> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-r"]).arg(capture);
    for option in
        ["ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE", "ip.check_checksum:FALSE"]
    {
        command.args(["-o", option]);
    }
    command.args(["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;", "-e", "frame.protocols"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.output().expect("tshark runs");
    String::from_utf8_lossy(&output.stdout).lines().map(parse).collect()
}

fn parse(line: &str) -> Seen {
    let mut columns = line.split('\t');
    let protocols = columns.next().unwrap_or_default();
    let values: HashMap<&str, Vec<&str>> =
        FIELDS.iter().zip(columns).map(|(field, text)| (*field, text.split(';').collect())).collect();
    let mut walk = Walk { values, counts: HashMap::new(), seen: Seen::default() };
    for layer in protocols.split(':') {
        if !walk.layer(layer) {
            break;
        }
    }
    walk.seen.protocols = protocols.to_owned();
    walk.seen
}

struct Walk<'a> {
    values: HashMap<&'a str, Vec<&'a str>>,
    /// How many layers of a name have gone by.
    counts: HashMap<String, usize>,
    seen: Seen,
}

/// Layers that hold others, and say nothing that is compared.
const PASSED: [&str; 56] = [
    "eth",
    "ethertype",
    "llc",
    "ah",
    "gre",
    "erspan",
    "mpls",
    "pwethheuristic",
    "pwethcw",
    "pwethnocw",
    "ppp",
    "pppoes",
    "vxlan",
    "vxlan_gpe",
    "geneve",
    "gtp",
    "teredo",
    "nsh",
    "vntag",
    "etag",
    "cmd",
    "cfp",
    "chdlc",
    "ipnet",
    "ipoib",
    "sll",
    "null",
    "raw",
    "nflog",
    "wlan",
    "wlan_radio",
    "radiotap",
    "ppi",
    "wlan_aggregate",
    "fddi",
    "tr",
    "pktap",
    "pcap_pktdata",
    "fr",
    "l2tp",
    "etherip",
    "trill",
    "ieee8021ah",
    "brcm-tag",
    "dsa",
    "edsa",
    "mpacket",
    "prism",
    "lapd",
    "gre.key",
    "avsp",
    "ipv6.routing.type.srh",
    "wlancap",
    "pim",
    "lisp-data",
    "capwap.data",
];

impl Walk<'_> {
    /// Takes a layer in; false if what follows is no longer the packet's own headers.
    fn layer(&mut self, layer: &str) -> bool {
        match layer {
            "ip" | "ipv6" | "arp" => self.network(layer),
            "ipv6.hopopts" | "ipv6.routing" | "ipv6.dstopts" | "shim6" => {
                self.next_header(layer, &format!("{layer}.nxt"))
            }
            "ipv6.fraghdr" => {
                self.next_header(layer, "ipv6.fraghdr.nxt");
                self.seen.fragment_offset = 8 * self.number("ipv6.fraghdr.offset", self.index(layer)).unwrap_or(0);
                self.seen.more_fragments = self.flag("ipv6.fraghdr.more", self.index(layer));
            }
            "mipv6" => self.next_header(layer, "mip6.proto"),
            "hip" => self.next_header(layer, "hip.proto"),
            "vlan" => self.vlan(layer, "vlan.id"),
            "ieee8021ad" => self.vlan(layer, "ieee8021ad.id"),
            "udp" | "udplite" => self.udp(layer),
            "tcp" | "sctp" | "dccp" => {
                let port = |end: &str| self.number(&format!("{layer}.{end}"), 0);
                self.seen.ports = port("srcport").zip(port("dstport"));
                if layer == "tcp" {
                    self.tcp();
                }
                self.seen.proto = Some(match layer {
                    "tcp" => 6,
                    "sctp" => 132,
                    _ => 33,
                });
                return false;
            }
            "icmp" | "icmpv6" => {
                let field = |name: &str| self.number(&format!("{layer}.{name}"), 0);
                self.seen.icmp = field("type").zip(field("code"));
                self.seen.proto = Some(if layer == "icmp" { 1 } else { 58 });
                return false;
            }
            _ => return PASSED.contains(&layer),
        }
        true
    }

    fn network(&mut self, layer: &str) {
        let index = self.count(layer);
        let text = |field: &str| self.values.get(field).and_then(|all| all.get(index)).unwrap_or(&"").to_string();
        let vlans = std::mem::take(&mut self.seen.vlans);
        self.seen = match layer {
            "ip" => Seen {
                ip_version: Some(4),
                src: text("ip.src"),
                dest: text("ip.dst"),
                proto: self.number("ip.proto", index),
                fragment_offset: 8 * self.number("ip.frag_offset", index).unwrap_or(0),
                more_fragments: self.flag("ip.flags.mf", index),
                ..Seen::default()
            },
            "ipv6" => Seen {
                ip_version: Some(6),
                src: text("ipv6.src"),
                dest: text("ipv6.dst"),
                proto: self.number("ipv6.nxt", index),
                ..Seen::default()
            },
            _ => Seen {
                ip_version: Some(0),
                src: text("arp.src.proto_ipv4"),
                dest: text("arp.dst.proto_ipv4"),
                ..Seen::default()
            },
        };
        self.seen.vlans = vlans;
    }

    fn next_header(&mut self, layer: &str, field: &str) {
        let index = self.count(layer);
        let next: Option<u8> = self.number(field, index);
        // What has no next header is a message itself.
        self.seen.proto = match (layer, next) {
            ("mipv6", Some(59)) => Some(135),
            ("hip", Some(59)) => Some(139),
            ("shim6", Some(59)) => Some(140),
            _ => next.or(self.seen.proto),
        };
    }

    fn tcp(&mut self) {
        let numbers = (self.number("tcp.seq_raw", 0), self.number("tcp.ack_raw", 0), self.number("tcp.flags", 0));
        self.seen.tcp = match numbers {
            (Some(seq), Some(ack), Some::<u32>(flags)) => Some((seq, ack, flags as u8)),
            _ => None,
        };
        self.seen.payload_bytes = self.number("tcp.len", 0);
    }

    fn udp(&mut self, layer: &str) {
        // UDP-Lite uses the fields of UDP.
        let index = self.count("udp");
        self.seen.ports = self.number("udp.srcport", index).zip(self.number("udp.dstport", index));
        self.seen.proto = Some(if layer == "udp" { 17 } else { 136 });
        if layer == "udp" {
            self.seen.payload_bytes = self.number("udp.length", index).and_then(|bytes: u32| bytes.checked_sub(8));
        }
    }

    fn vlan(&mut self, layer: &str, field: &str) {
        let index = self.count(layer);
        if self.seen.ip_version.is_none()
            && let Some(id) = self.number(field, index)
        {
            self.seen.vlans.push(id);
        }
    }

    /// Counts a layer; the number that it had before is its index.
    fn count(&mut self, layer: &str) -> usize {
        let count = self.counts.entry(layer.to_owned()).or_default();
        *count += 1;
        *count - 1
    }

    fn index(&self, layer: &str) -> usize {
        self.counts.get(layer).map_or(0, |count| count - 1)
    }

    fn number<T: TryFrom<u32>>(&self, field: &str, index: usize) -> Option<T> {
        let text = self.values.get(field)?.get(index)?;
        let number = match text.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => text.parse().ok()?,
        };
        T::try_from(number).ok()
    }

    fn flag(&self, field: &str, index: usize) -> bool {
        self.values.get(field).and_then(|all| all.get(index)).is_some_and(|text| matches!(*text, "1" | "True"))
    }
}
