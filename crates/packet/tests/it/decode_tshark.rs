//! What is decoded against what tshark sees, in packets built by hand and in every shared capture.

use crate::decode_table::{summary, table};
use crate::decoded::headers;
use crate::shared_captures::{folder, truth};
use crate::tshark::{self, Seen};
use packet::decode::Transport;
use packet::{Headers, LinkType, decode};
use std::path::Path;

/// Why a packet may differ.
type Reason = &'static str;

/// Cases of the table in which tshark is not followed.
const TABLE_DIFFERENCES: [(&str, Reason); 15] = [
    ("pktap in itself", "nesting is bounded here"),
    ("fabric path", "tshark takes the last four bytes for a checksum"),
    ("pseudo-wire", "tshark takes the control word for an address"),
    ("pseudo-wire without control word", "tshark takes the address for a control word"),
    ("l2tp v3", "tshark does not guess what the session holds"),
    ("too deep", "nesting is bounded here"),
    ("vxlan, IPv6", "tshark does not know the port that Linux used before the registry had one"),
    ("vxlan, no flag", "tshark opens whatever comes to the port"),
    ("vxlan, length beyond the datagram", "the same"),
    ("gtp-u, length beyond the datagram", "the same"),
    ("dsa", "tshark 4.0 does not know the link type"),
    ("slip", "tshark does not look into it; tcpdump finds IP behind 16 bytes"),
    ("slip, IPv6", "the same"),
    ("lisp, encrypted", "tshark does not know the bits of RFC 8061"),
    ("capwap, 802.11", "tshark takes the bytes of frame control for swapped, as many access points send them"),
];

/// The same for packets of the shared captures.
const CAPTURE_DIFFERENCES: [(&str, &[usize], Reason); 5] = [
    (
        "the-tcpdump-group+tcpdump/tests/icmp-icmp_print-oobr-2.pcap",
        &[3],
        "cut after the ICMP code: tshark does not show the type, tcpdump does",
    ),
    (
        "OISF+suricata-verify/tests/bug-6875-01/fuzz.pcap",
        &[1],
        "tshark takes the file for a variant of pcap with longer record headers, tcpdump does not",
    ),
    (
        "arkime+arkime/tests/pcap/arkime_synthetic.pcap",
        &[304, 818],
        "ERSPAN right behind an EtherType, and a UDP length of 0: at both tshark gives up",
    ),
    (
        "arkime+arkime/tests/pcap/arkime_synthetic.pcap",
        &[619, 623],
        "from the port of VXLAN-GPE or GENEVE, not to it: tshark opens that, the standards, libpcap and Arkime do not",
    ),
    (
        "the-tcpdump-group+tcpdump/tests/l2tp-avp-overflow.pcap",
        &[6, 12],
        "a UDP length beyond the packet: here payload ends with the packet",
    ),
];

/// Difference of one packet; `None` if both agree.
fn difference(headers: &Headers, seen: &Seen) -> Option<String> {
    let got = from_headers(headers);
    let expected = from_seen(seen);
    (got != expected).then(|| format!("got      {got}\n    expected {expected}   {}", seen.protocols))
}

/// What can be compared, as text.
fn from_headers(headers: &Headers) -> String {
    let vlans = headers.vlans.as_slice();
    let Some(key) = &headers.key else { return format!("none vlan{vlans:?}") };
    let ports = match headers.transport {
        Transport::Icmp { kind, code } => format!("icmp {kind},{code}"),
        _ => format!("{}>{}", key.src_port, key.dest_port),
    };
    let (mut tcp, mut payload) = (None, None);
    match headers.transport {
        Transport::Tcp { seq, ack, flags, .. } => {
            (tcp, payload) = (Some((seq, ack, flags)), Some(headers.payload_bytes));
        }
        Transport::Udp if key.proto == 17 => payload = Some(headers.payload_bytes),
        _ => {}
    }
    if headers.fragment.is_some() {
        payload = None;
    }
    let offset = headers.fragment.map_or(0, |fragment| fragment.offset);
    let more = headers.fragment.is_some_and(|fragment| fragment.more);
    format!(
        "{}/{} {} {} {ports} {tcp:x?} {payload:?} @{offset} {more} vlan{vlans:?}",
        key.ip_version, key.proto, key.src, key.dest
    )
}

fn from_seen(seen: &Seen) -> String {
    let vlans = &seen.vlans;
    let Some(version) = seen.ip_version else { return format!("none vlan{vlans:?}") };
    let ports = match (seen.icmp, seen.ports) {
        (Some((kind, code)), _) => format!("icmp {kind},{code}"),
        (None, ports) => ports.map_or("0>0".to_owned(), |(src, dest)| format!("{src}>{dest}")),
    };
    // Of a fragment, tshark shows no TCP length, and the UDP length of the whole.
    let payload = seen.payload_bytes.filter(|_| !seen.more_fragments && seen.fragment_offset == 0);
    let tcp = seen.tcp;
    let (offset, more) = (seen.fragment_offset, seen.more_fragments);
    format!(
        "{version}/{} {} {} {ports} {tcp:x?} {payload:?} @{offset} {more} vlan{vlans:?}",
        seen.proto.unwrap_or(0),
        seen.src,
        seen.dest
    )
}

#[test]
fn tshark_agrees_on_packets_built_by_hand() {
    if !tshark::is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let table = table();
    let mut link_types: Vec<u16> = table.iter().map(|(_, link_type, ..)| *link_type).collect();
    link_types.sort_unstable();
    link_types.dedup();
    let mut wrong = 0;
    for link_type in link_types {
        let cases: Vec<_> = table.iter().filter(|(_, other, ..)| *other == link_type).collect();
        let path = folder.path().join(format!("{link_type}.pcap"));
        write_pcap(&path, link_type, cases.iter().map(|(_, _, bytes, _)| bytes.as_slice()));
        let seen = tshark::read(&path);
        assert_eq!(seen.len(), cases.len(), "tshark reads link type {link_type}");
        for ((name, _, bytes, _), seen) in cases.into_iter().zip(seen) {
            let headers = decode(LinkType(link_type), bytes, bytes.len() as u32);
            let Some(text) = difference(&headers, &seen) else { continue };
            if TABLE_DIFFERENCES.iter().all(|(known, _)| known != name) {
                eprintln!("{name} (link type {link_type})\n    {text}\n    {}", summary(&headers));
                wrong += 1;
            }
        }
    }
    assert_eq!(wrong, 0, "packets on which tshark differs");
}

fn write_pcap<'a>(path: &Path, link_type: u16, packets: impl Iterator<Item = &'a [u8]>) {
    let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(0x4_0000_u32.to_le_bytes());
    file.extend(u32::from(link_type).to_le_bytes());
    for packet in packets {
        file.extend([0; 8]);
        file.extend((packet.len() as u32).to_le_bytes());
        file.extend((packet.len() as u32).to_le_bytes());
        file.extend(packet);
    }
    std::fs::write(path, file).unwrap();
}

#[test]
fn tshark_agrees_on_every_shared_capture() {
    let (Some(folder), true) = (folder(), tshark::is_installed()) else { return };
    let (mut packets, mut wrong) = (0, 0);
    for row in truth(&folder, "captures.jsonl") {
        let name = row["pcap"].as_str().unwrap();
        let path = folder.join(name);
        let seen = tshark::read(&path);
        for (index, (headers, seen)) in headers(&path).iter().zip(&seen).enumerate() {
            packets += 1;
            let frame = index + 1;
            let known = CAPTURE_DIFFERENCES.iter().any(|(file, frames, _)| *file == name && frames.contains(&frame));
            if let Some(text) = difference(headers, seen).filter(|_| !known) {
                eprintln!("{name} {frame}\n    {text}");
                wrong += 1;
            }
        }
    }
    assert!(packets > 10_000, "{packets} packets compared");
    assert_eq!(wrong, 0, "packets on which tshark differs");
}
