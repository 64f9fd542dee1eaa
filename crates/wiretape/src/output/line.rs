//! A packet in one line, in tcpdump's manner.

use std::fmt::Write;

use packet::decode::Transport;
use packet::{Headers, Interface, Packet, PacketDirection, protocol_name};

use crate::terminal::escaped;
use crate::units::clock_text;

/// Time, interface, direction, addresses, ports, flags and length of a packet.
pub(crate) fn packet_line(packet: &Packet<'_>, interface: &Interface) -> String {
    let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
    let mut line = clock_text(packet.time);
    if let Some(name) = &interface.name {
        let _ = write!(line, " {}", escaped(name));
    }
    line.push_str(match packet.direction {
        PacketDirection::Inbound => " In ",
        PacketDirection::Outbound => " Out",
        PacketDirection::Unknown => "",
    });
    for vlan in headers.vlans.as_slice() {
        let _ = write!(line, " vlan {vlan},");
    }
    if let Some(tunnel) = headers.tunnel {
        let _ = match tunnel.id() {
            Some(id) => write!(line, " {} {id},", tunnel.name()),
            None => write!(line, " {},", tunnel.name()),
        };
    }
    line.push(' ');
    match headers.key {
        Some(_) => conversation(&mut line, &headers),
        None => link_layer(&mut line, &headers, interface),
    }
    let _ = write!(line, ", length {}", packet.wire_bytes);
    line
}

fn conversation(line: &mut String, headers: &Headers) {
    let Some(key) = headers.key else { return };
    let name = match key.ip_version {
        4 => "IP",
        6 => "IP6",
        _ => "ARP",
    };
    let with_ports = matches!(headers.transport, Transport::Tcp { .. } | Transport::Udp | Transport::Sctp { .. });
    let end = |address, port| if with_ports { format!("{address}.{port}") } else { format!("{address}") };
    let _ = write!(line, "{name} {} > {}", end(key.src, key.src_port), end(key.dest, key.dest_port));
    // Nothing is said of ARP behind its addresses.
    line.push_str(if key.ip_version == 0 { "" } else { ":" });
    match headers.transport {
        Transport::Tcp { seq, ack, flags, window } => {
            let _ = write!(line, " Flags [{}], seq {seq}", tcp_flags(flags));
            if flags & 0x10 != 0 {
                let _ = write!(line, ", ack {ack}");
            }
            let _ = write!(line, ", win {window}, payload {}", headers.payload_bytes);
        }
        Transport::Udp => {
            let _ = write!(line, " UDP, payload {}", headers.payload_bytes);
        }
        Transport::Sctp { chunk_type } => {
            let _ = write!(line, " SCTP chunk {chunk_type}");
        }
        Transport::Icmp { kind, code } => {
            let name = if key.ip_version == 6 { "ICMP6" } else { "ICMP" };
            let _ = write!(line, " {name} type {kind} code {code}");
        }
        Transport::None if key.ip_version == 0 => {}
        Transport::None => match protocol_name(key.proto) {
            Some(name) => line.extend([" ", name]),
            None => {
                let _ = write!(line, " protocol {}", key.proto);
            }
        },
    }
    if let Some(fragment) = headers.fragment {
        let more = if fragment.more { "+" } else { "" };
        let _ = write!(line, ", frag {}@{}{more}", fragment.id, fragment.offset);
    }
}

fn link_layer(line: &mut String, headers: &Headers, interface: &Interface) {
    if let (Some(src), Some(dest)) = (headers.src_mac, headers.dest_mac) {
        let _ = write!(line, "{src} > {dest}, ");
    }
    let _ = match headers.ether_type {
        0 => write!(line, "link type {}", interface.link_type),
        ether_type => write!(line, "ethertype {ether_type:#06x}"),
    };
}

/// Flags in tcpdump's letters (print-tcp.c).
fn tcp_flags(flags: u8) -> String {
    const LETTERS: [(u8, char); 8] =
        [(0x01, 'F'), (0x02, 'S'), (0x04, 'R'), (0x08, 'P'), (0x10, '.'), (0x20, 'U'), (0x40, 'E'), (0x80, 'W')];
    let shown: String = LETTERS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, letter)| *letter).collect();
    if shown.is_empty() { "none".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use packet::{LinkType, Timestamp};

    use super::*;

    fn check(hex: &str, expected: &str) {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        let data: Vec<u8> = digits.chunks(2).map(byte).collect();
        let packet = Packet {
            time: Timestamp(0),
            wire_bytes: data.len() as u32,
            data: &data,
            interface: 0,
            direction: PacketDirection::Inbound,
            arrival: None,
        };
        let interface =
            Interface { link_type: LinkType::ETHERNET, snaplen: 0, name: Some("a\x1bb".into()), description: None };
        assert_eq!(packet_line(&packet, &interface), expected);
    }

    #[test]
    fn lines() {
        let ethernet = "020000000002 020000000001";
        check(
            &format!(
                "{ethernet} 0800 45000028000040004006000 00a000001 0a000002 01bb c001 00000001 00000002 5018 ffff 00000000"
            )
            .replace("06000 0", "060000"),
            "1970-01-01 00:00:00.000000 a\\u{1b}b In  IP 10.0.0.1.443 > 10.0.0.2.49153: Flags [P.], seq 1, ack 2, \
             win 65535, payload 0, length 54",
        );
        check(
            &format!("{ethernet} 88cc 0000"),
            "1970-01-01 00:00:00.000000 a\\u{1b}b In  02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 0x88cc, length 16",
        );
        check(
            &format!("{ethernet} 0806 0001080006040001 020000000001 0a000001 000000000000 0a000002"),
            "1970-01-01 00:00:00.000000 a\\u{1b}b In  ARP 10.0.0.1 > 10.0.0.2, length 42",
        );
        check("00", "1970-01-01 00:00:00.000000 a\\u{1b}b In  link type EN10MB, length 1");
    }
}
