//! Programs in the kernel: those of this compiler and those of libpcap count the same packets of the same traffic.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use filter::{Options, compile};
use packet::LinkType;
use record::{Ring, RingOptions};

use crate::frames::{tagged, udp};
use crate::network::Network;

const TERMS: &[&str] = &[
    "ip",
    "ip6",
    "arp",
    "rarp",
    "tcp",
    "udp",
    "sctp",
    "icmp",
    "icmp6",
    "igmp",
    "port 53",
    "src port 1000",
    "dst portrange 1-100",
    "tcp port 80 or 8080",
    "host 10.77.0.1",
    "dst host 10.77.0.2",
    "net 10.77.0.0/24",
    "ip6 host fe80::1",
    "src net fe80::/10",
    "ether host 2:0:0:0:0:1",
    "ether broadcast",
    "ether multicast",
    "ip multicast",
    "ether proto 0x88cc",
    "ip proto 132",
    "ip6 proto 17",
    "ip protochain 6",
    "greater 200",
    "less 100",
    "len > 400",
    "tcp[tcpflags] & (tcp-syn|tcp-ack) != 0",
    "ip[6:2] & 0x1fff != 0",
    "ip[0] & 0xf > 5",
    "udp[4:2] > 60",
    "ether[12:2] = 0x8847",
    "icmp[icmptype] = icmp-echo",
    "inbound",
    "outbound",
    "vlan",
    "vlan 100",
    "mpls",
    "mpls 16",
    "pppoed",
    "pppoes",
    "llc",
    "stp",
];

/// libpcap 1.10.3 adds the length of PPPoE's header to the place where the kernel says which way a packet goes.
const FAULT_OF_LIBPCAP: &str = "(pppoes) or (inbound)";

/// Each term alone and denied, and each with others before and behind it.
fn expressions() -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for (number, term) in TERMS.iter().enumerate() {
        let other = TERMS[(number * 7 + 11) % TERMS.len()];
        all.push((*term).to_owned());
        all.push(format!("not ({term})"));
        all.push(format!("({term}) or ({other})"));
        all.push(format!("({other}) and not ({term})"));
        all.push(format!("vlan and ({term})"));
    }
    all.extend(["vlan 10 and vlan 100 and udp", "vlan 100 or vlan 10", "not vlan and not ip6"].map(str::to_owned));
    all
}

/// Frames of all that the terms ask for.
fn traffic() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for (number, ports) in [(1000, 53), (53, 1000), (80, 8080), (7, 99)].into_iter().enumerate() {
        for payload_bytes in [30, 150, 900] {
            frames.push(udp(number as u32, ports, payload_bytes));
        }
    }
    for tags in [&[(0x8100, 100)][..], &[(0x8100, 200)], &[(0x88a8, 10), (0x8100, 100)], &[(0x8100, 10), (0x8100, 100)]]
    {
        frames.push(tagged(9, tags, 40));
        frames.push(tagged(9, tags, 500));
    }
    // Other protocols with the same bytes, fragments, options.
    for (at, bytes) in [
        (23, &[6][..]),
        (23, &[1]),
        (23, &[2]),
        (23, &[132]),
        (23, &[51]),
        (20, &[0x20, 0]),
        (20, &[0, 0x10]),
        (14, &[0x46]),
        (30, &[224, 0, 0, 1]),
        (30, &[192, 0, 2, 1]),
        (0, &[0xff; 6]),
        (0, &[1, 0, 0x5e, 0, 0, 1]),
    ] {
        for payload_bytes in [30, 300] {
            let mut frame = udp(5, (1000, 80), payload_bytes);
            frame[at..at + bytes.len()].copy_from_slice(bytes);
            frames.push(frame);
        }
    }
    for ether_type in [0x0806u16, 0x8035, 0x8847, 0x8863, 0x8864, 0x88cc, 40] {
        let mut frame = udp(6, (1, 2), 60);
        frame[12..14].copy_from_slice(&ether_type.to_be_bytes());
        frame[14..18].copy_from_slice(&[0, 1, 0x01, 0]);
        frames.push(frame);
    }
    for next_header in [6, 17, 58, 44] {
        let mut frame = udp(8, (1000, 53), 80);
        frame[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
        frame[20] = next_header;
        frame[22..24].copy_from_slice(&[0xfe, 0x80]);
        frames.push(frame);
    }
    frames
}

/// libpcap's program for a live interface; `None` where it refuses the expression.
fn of_libpcap(expression: &str) -> Option<Vec<libc::sock_filter>> {
    let output = Command::new("tcpdump").args(["-i", "in0", "-ddd", expression]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let instruction = |line: &str| {
        let mut words = line.split(' ').map(|word| word.parse::<u32>().unwrap());
        let mut next = || words.next().unwrap();
        libc::sock_filter { code: next() as u16, jt: next() as u8, jf: next() as u8, k: next() }
    };
    output.status.success().then(|| text.lines().skip(1).map(instruction).collect())
}

fn of_ours(expression: &str) -> Option<Vec<libc::sock_filter>> {
    let program = compile(expression, &Options { linux_ancillary: true, ..Options::new(LinkType::ETHERNET) }).ok()?;
    if !program.fits_kernel() {
        return None;
    }
    let instruction = |it: &filter::Instruction| libc::sock_filter { code: it.code, jt: it.jt, jf: it.jf, k: it.k };
    Some(program.instructions.iter().map(instruction).collect())
}

fn ring(program: &[libc::sock_filter], index: u32) -> Ring {
    let options = RingOptions { ring_bytes: 1 << 20, snaplen: 2048, segments: false, ignore_outgoing: false };
    let ring = Ring::open(&options).unwrap();
    ring.listen(index, None, program).unwrap();
    ring
}

#[test]
fn kernel_programs_count_as_those_of_libpcap() {
    let Some(network) = Network::new() else { return };
    if Command::new("tcpdump").arg("--version").output().is_err() {
        return crate::network::skip("tcpdump").unwrap_or_default();
    }
    network.veth("out0", "in0");
    let index = record::Interfaces::read().unwrap().by_name("in0").unwrap().index;
    let frames = traffic();
    let (mut compared, mut wrong, mut counts) = (0, Vec::new(), BTreeSet::new());
    let mut expressions = expressions();
    expressions.retain(|text| text != FAULT_OF_LIBPCAP);
    for batch in expressions.chunks(60) {
        let rings: Vec<(&String, Ring, Ring)> = batch
            .iter()
            .filter_map(|text| Some((text, of_libpcap(text)?, of_ours(text)?)))
            .map(|(text, theirs, ours)| (text, ring(&theirs, index), ring(&ours, index)))
            .collect();
        network.send("out0", &frames);
        network.send("in0", &frames);
        std::thread::sleep(Duration::from_millis(100));
        for (text, theirs, ours) in &rings {
            let (theirs, ours) = (theirs.statistics().unwrap().packets, ours.statistics().unwrap().packets);
            if ours != theirs {
                wrong.push(format!("{text}: {ours} instead of {theirs}"));
            }
            compared += 1;
            counts.insert(ours);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(compared > 190, "{compared} expressions compared");
    assert!(counts.len() > 30, "{counts:?}");
}
