//! Random questions about what is in a capture, or nearly.

use std::net::IpAddr;
use std::sync::Arc;

use filter::NoNames;
use packet::{Interface, LinkType};
use tape::question::{Expression, Query};

use crate::built_tape::Owned;

/// Random numbers that a seed repeats (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % limit.max(1) as u64) as usize
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// What a capture's packets have that can be asked for.
pub(crate) struct Pool {
    addresses: Vec<IpAddr>,
    ports: Vec<u16>,
    bytes: Vec<u32>,
}

impl Pool {
    pub(crate) fn of(interfaces: &[Interface], packets: &[Owned]) -> Self {
        let mut pool = Self { addresses: vec!["192.0.2.77".parse().unwrap()], ports: vec![53, 80], bytes: vec![60] };
        for owned in packets.iter().step_by(packets.len().div_ceil(300)) {
            let link_type = interfaces[owned.interface as usize].link_type;
            let headers = packet::decode(link_type, &owned.data, owned.wire_bytes);
            pool.bytes.push(owned.wire_bytes);
            if let Some(key) = headers.key {
                pool.addresses.extend([key.src.to_ip(), key.dest.to_ip()]);
                pool.ports.extend([key.src_port, key.dest_port]);
            }
            // The outermost addresses, where they are others.
            if let (LinkType::ETHERNET, Some([0x45, rest @ ..])) = (link_type, owned.data.get(14..34)) {
                pool.addresses.extend(rest.get(11..15).map(|a| IpAddr::from([a[0], a[1], a[2], a[3]])));
            }
        }
        pool
    }

    /// A pcap-filter expression.
    pub(crate) fn pcap(&self, random: &mut Random, depth: usize) -> String {
        match random.below(if depth == 0 { 12 } else { 18 }) {
            0..=2 => {
                let direction = random.pick(&["", "", "src ", "dst ", "src and dst "]);
                format!("{direction}host {}", self.address(random))
            }
            3 => self.net(random),
            4 | 5 => {
                let transport = random.pick(&["", "", "tcp ", "udp ", "src ", "dst "]);
                format!("{transport}port {}", self.port(random))
            }
            6 => {
                let first = self.port(random);
                format!("portrange {first}-{}", first.saturating_add(random.pick(&[0, 3, 2000])))
            }
            7 => random.pick(&["tcp", "udp", "icmp", "ip", "ip6", "arp", "icmp6", "ip proto 47"]).into(),
            8 => format!("{} {}", random.pick(&["greater", "less"]), random.pick(&self.bytes)),
            9 => random.pick(&["tcp[13] & 2 != 0", "ip[8] < 64", "ip[6:2] & 0x3fff != 0", "ether[0] & 1 = 1"]).into(),
            10 => format!("vlan and {}", self.pcap(random, 0)),
            11 => random.pick(&["vlan", "not vlan", "mpls", "ether proto 0x86dd"]).into(),
            12 => format!("not ({})", self.pcap(random, depth - 1)),
            _ => {
                let joined = random.pick(&["and", "and", "or"]);
                format!("({}) {joined} ({})", self.pcap(random, depth - 1), self.pcap(random, depth - 1))
            }
        }
    }

    /// A predicate on fields.
    pub(crate) fn field(&self, random: &mut Random, depth: usize) -> String {
        match random.below(if depth == 0 { 11 } else { 16 }) {
            0..=2 => {
                format!("{} = {}", random.pick(&["src_ip", "dest_ip", "addr"]), self.address(random))
            }
            3 => format!("addr in ({}, {})", self.address(random), self.address(random)),
            4 => format!("{} != {}", random.pick(&["src_ip", "addr", "dest_ip"]), self.address(random)),
            5 => format!("{} = {}", random.pick(&["src_port", "dest_port", "port_any"]), self.port(random)),
            6 => format!("dest_port {} {}", random.pick(&["<", ">=", "!="]), self.port(random)),
            7 => format!("{} > {}", random.pick(&["bytes_toserver", "bytes_toclient"]), random.pick(&self.bytes) * 3),
            8 => format!("pkts_toserver {} {}", random.pick(&["<=", ">"]), random.below(12)),
            9 => random
                .pick(&["proto = udp", "proto = tcp", "conn_state = SF", "start_seen = true", "tcp_flags_ts = 2"])
                .into(),
            10 => random.pick(&["direction = internal", "duration > 1s", "tunnel = vxlan", "vlan = 7"]).into(),
            11 => format!("not ({})", self.field(random, depth - 1)),
            _ => {
                let joined = random.pick(&["and", "and", "or"]);
                format!("({}) {joined} ({})", self.field(random, depth - 1), self.field(random, depth - 1))
            }
        }
    }

    /// A whole question: an expression, perhaps within times.
    pub(crate) fn query(&self, random: &mut Random, packets: &[Owned]) -> Query {
        let expression = loop {
            let text = self.text(random);
            match Expression::new(&text, Arc::new(NoNames), &|_| None) {
                Ok(expression) => break Some(expression),
                Err(error) => {
                    let known = ["rejects all packets", "no VLAN match after MPLS", "unsupported protocol over mpls"];
                    assert!(known.iter().any(|known| error.message.contains(known)), "{text}: {error}");
                }
            }
        };
        let mut times = [random.below(packets.len()), random.below(packets.len())].map(|at| packets[at].time);
        times.sort();
        let (from, to) = match random.below(5) {
            0 => (Some(times[0]), Some(times[1])),
            1 => (Some(times[0]), None),
            2 => (None, Some(times[1])),
            _ => (None, None),
        };
        Query { expression, from, to, whole_flows: random.below(6) == 0, ..Query::default() }
    }

    fn text(&self, random: &mut Random) -> String {
        match random.below(10) {
            0 => String::new(),
            1..=5 => self.pcap(random, 2),
            6 | 7 => self.field(random, 2),
            _ => {
                let joined = random.pick(&["and", "and", "or"]);
                format!("({}) {joined} ({})", self.pcap(random, 1), self.field(random, 1))
            }
        }
    }

    fn address(&self, random: &mut Random) -> IpAddr {
        self.addresses[random.below(self.addresses.len())]
    }

    fn net(&self, random: &mut Random) -> String {
        match self.address(random) {
            IpAddr::V4(address) => {
                let bits = random.pick(&[8, 16, 24, 30]);
                format!("net {}/{bits}", std::net::Ipv4Addr::from(address.to_bits() & u32::MAX << (32 - bits)))
            }
            IpAddr::V6(address) => {
                let bits = random.pick(&[32, 64, 120]);
                format!("ip6 net {}/{bits}", std::net::Ipv6Addr::from(address.to_bits() & u128::MAX << (128 - bits)))
            }
        }
    }

    fn port(&self, random: &mut Random) -> u16 {
        self.ports[random.below(self.ports.len())]
    }
}
