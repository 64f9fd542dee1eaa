//! Every encapsulation once, built by hand.

use crate::layers::*;
use packet::decode::Transport;
use packet::{Headers, LinkType, decode};
use std::fmt::Write;

/// `version/protocol src > dest +payload`, then what else there is.
pub(crate) fn summary(headers: &Headers) -> String {
    let mut text = String::new();
    match &headers.key {
        Some(key) => {
            let (src, dest) = (key.src, key.dest);
            let ports = format!("{}>{}", key.src_port, key.dest_port);
            let _ = write!(text, "{}/{} {src} {dest} {ports} +{}", key.ip_version, key.proto, headers.payload_bytes);
        }
        None => text.push_str("none"),
    }
    if let Some(tunnel) = headers.tunnel {
        let _ = write!(text, " {}", tunnel.name());
        if let Some(id) = tunnel.id() {
            let _ = write!(text, ":{id:#x}");
        }
    }
    if !headers.vlans.as_slice().is_empty() {
        let _ = write!(text, " vlan{:?}", headers.vlans.as_slice());
    }
    if let Some(fragment) = headers.fragment {
        let more = if fragment.more { "+" } else { "" };
        let _ = write!(text, " fragment {:#x}@{}{more}", fragment.id, fragment.offset);
    }
    text
}

/// What is inside of the tunnels: TCP from 10.1.0.1:1111 to 10.1.0.2:2222, "hello".
fn inner_v4() -> Vec<u8> {
    ipv4_with([10, 1, 0, 1], [10, 1, 0, 2], 6, 0, &[], &tcp(1111, 2222, b"hello"))
}

/// The same between 2001:db8::11 and 2001:db8::12.
fn inner_v6() -> Vec<u8> {
    ipv6_with(0x11, 0x12, 6, &tcp(1111, 2222, b"hello"))
}

const INNER_V4: &str = "4/6 10.1.0.1 10.1.0.2 1111>2222 +5";
const INNER_V6: &str = "6/6 2001:db8::11 2001:db8::12 1111>2222 +5";

/// Name, link type, packet, summary.
pub(crate) type Case = (&'static str, u16, Vec<u8>, String);

fn case(name: &'static str, link_type: u16, bytes: Vec<u8>, expected: impl Into<String>) -> Case {
    (name, link_type, bytes, expected.into())
}

pub(crate) fn table() -> Vec<Case> {
    [plain(), tagged(), extended(), ip_protocols(), over_udp(), over_udp_without_ethernet(), other_links(), old_links()]
        .concat()
}

fn plain() -> Vec<Case> {
    let udp_v4 = || ipv4(17, &udp(53, 5353, b"abc"));
    let mut padded = ethernet(0x0800, &udp_v4());
    padded.resize(60, 0);
    vec![
        case("tcp", 1, ethernet(0x0800, &inner_v4()), INNER_V4),
        case("tcp, IPv6", 1, ethernet(0x86dd, &inner_v6()), INNER_V6),
        case("padded", 1, padded, "4/17 10.0.0.1 10.0.0.2 53>5353 +3"),
        case("udp-lite", 1, ethernet(0x0800, &ipv4(136, &udp(53, 5353, b"abc"))), "4/136 10.0.0.1 10.0.0.2 53>5353 +3"),
        case("sctp", 1, ethernet(0x0800, &ipv4(132, &sctp())), "4/132 10.0.0.1 10.0.0.2 7>8 +20"),
        case("dccp", 1, ethernet(0x0800, &ipv4(33, &dccp())), "4/33 10.0.0.1 10.0.0.2 9>10 +1"),
        case("echo", 1, ethernet(0x0800, &ipv4(1, &[8, 0, 0, 0, 0, 1, 0, 1, 9, 9])), "4/1 10.0.0.1 10.0.0.2 8>0 +2"),
        case("echo reply", 1, ethernet(0x0800, &ipv4(1, &[0, 0, 0, 0, 0, 1, 0, 1])), "4/1 10.0.0.1 10.0.0.2 0>8 +0"),
        case("unreachable", 1, ethernet(0x0800, &ipv4(1, &unreachable())), "4/1 10.0.0.1 10.0.0.2 3>1 +45"),
        case(
            "echo, IPv6",
            1,
            ethernet(0x86dd, &ipv6(58, &[128, 0, 0, 0, 0, 1, 0, 1])),
            "6/58 2001:db8::1 2001:db8::2 128>129 +0",
        ),
        case("esp", 1, ethernet(0x0800, &ipv4(50, &[7; 24])), "4/50 10.0.0.1 10.0.0.2 0>0 +24"),
        case("arp", 1, ethernet(0x0806, &arp()), "0/0 10.0.0.1 10.0.0.2 0>0 +0"),
        case("snap", 1, snap([0, 0, 0], 0x0800, &inner_v4()), INNER_V4),
        case("snap, bridge tunnel", 1, snap([0, 0, 0xf8], 0x86dd, &inner_v6()), INNER_V6),
        case("spanning tree", 1, ethernet(38, &[0x42; 38]), "none"),
        case("lldp", 1, ethernet(0x88cc, &[0; 46]), "none"),
        case("macsec", 1, ethernet(0x88e5, &inner_v4()), "none"),
    ]
}

fn sctp() -> Vec<u8> {
    join(&[
        &[0, 7, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0],
        &[1, 0, 0, 20],
        &[0, 0, 0, 9, 0, 0, 0xff, 0xff, 0, 1, 0, 1, 0, 0, 0, 1],
    ])
}

/// A request with a sequence number of 48 bits; the data offset counts words.
fn dccp() -> Vec<u8> {
    join(&[&[0, 9, 0, 10, 5, 0, 0, 0, 0x01, 0, 0, 0, 0, 0, 0, 1], &[0, 0, 0, 42], b"x"])
}

fn unreachable() -> Vec<u8> {
    join(&[&[3, 1, 0, 0, 0, 0, 0, 0], &inner_v4()])
}

fn arp() -> Vec<u8> {
    join(&[&[0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1], &[0, 0, 0, 0, 0, 0, 10, 0, 0, 2]])
}

fn tagged() -> Vec<Case> {
    let with = |text: &str| format!("{INNER_V4} {text}");
    let double = |outer: u16| ethernet(outer, &vlan(200, 0x8100, &vlan(100, 0x0800, &inner_v4())));
    let labelled = |rest: &[u8]| ethernet(0x8847, &label(16, false, &label(17, true, rest)));
    let frame = ethernet(0x0800, &inner_v4());
    vec![
        case("vlan", 1, ethernet(0x8100, &vlan(100, 0x0800, &inner_v4())), with("vlan[100]")),
        case("vlan, IPv6", 1, ethernet(0x8100, &vlan(100, 0x86dd, &inner_v6())), format!("{INNER_V6} vlan[100]")),
        case("vlan, snap", 1, ethernet(0x8100, &vlan(5, 53, &llc_snap([0; 3], 0x0800, &inner_v4()))), with("vlan[5]")),
        case("802.1ad", 1, double(0x88a8), with("vlan[200, 100]")),
        case("802.1Q twice", 1, double(0x8100), with("vlan[200, 100]")),
        case("0x9100", 1, double(0x9100), with("vlan[200, 100]")),
        case("VN-Tag", 1, ethernet(0x8926, &join(&[&[0x80, 0x11, 0, 0x22, 0x08, 0], &inner_v4()])), INNER_V4),
        case("E-Tag", 1, ethernet(0x893f, &join(&[&[0, 0, 0, 1, 0, 0, 0x08, 0], &inner_v4()])), INNER_V4),
        case("mpls", 1, labelled(&inner_v4()), with("mpls:0x11")),
        case("mpls, IPv6", 1, labelled(&inner_v6()), format!("{INNER_V6} mpls:0x11")),
        case("pseudo-wire", 1, labelled(&join(&[&[0, 0, 0, 0], &frame])), with("mpls:0x11")),
        case("pseudo-wire without control word", 1, labelled(&frame), with("mpls:0x11")),
        case("pppoe", 1, ethernet(0x8864, &pppoe(&join(&[&[0, 0x21], &inner_v4()]))), with("pppoe:0x102")),
        case(
            "pppoe, IPv6",
            1,
            ethernet(0x8864, &pppoe(&join(&[&[0, 0x57], &inner_v6()]))),
            format!("{INNER_V6} pppoe:0x102"),
        ),
        case("mac in mac", 1, ethernet(0x88e7, &join(&[&[0, 0, 0, 9], &frame])), with("pbb:0x9")),
        case("trill", 1, ethernet(0x22f3, &join(&[&[0, 0x3f, 0, 1, 0, 2], &frame])), INNER_V4),
        case("fabric path", 1, ethernet(0x8903, &join(&[&[0, 0x3f], &frame])), INNER_V4),
        case("nsh", 1, ethernet(0x894f, &join(&[&[0x0f, 0xc2, 2, 1, 0, 0, 1, 0xff], &inner_v4()])), INNER_V4),
    ]
}

fn extended() -> Vec<Case> {
    let segment = tcp(1111, 2222, b"hello");
    let outer = |next, payload: &[u8]| ethernet(0x86dd, &ipv6_with(0x11, 0x12, next, payload));
    let fragment =
        |field, payload: &[u8]| ethernet(0x0800, &ipv4_with([10, 1, 0, 1], [10, 1, 0, 2], 6, field, &[], payload));
    let jumbo = {
        let mut packet =
            ipv6_with(0x11, 0x12, 0, &join(&[&[6, 0, 0xc2, 4, 0, 1, 0, 0x30], &tcp(1111, 2222, &[0; 65556])]));
        packet[4..6].fill(0);
        ethernet(0x86dd, &packet)
    };
    let mut unsegmented = ethernet(0x0800, &inner_v4());
    unsegmented[16..18].fill(0);
    vec![
        case(
            "options",
            1,
            ethernet(0x0800, &ipv4_with([10, 1, 0, 1], [10, 1, 0, 2], 6, 0, &[1; 40], &segment)),
            INNER_V4,
        ),
        case("first fragment", 1, fragment(0x2000, &segment), format!("{INNER_V4} fragment 0x1234@0+")),
        case("middle fragment", 1, fragment(0x2064, &[1; 16]), "4/6 10.1.0.1 10.1.0.2 0>0 +16 fragment 0x1234@800+"),
        case("last fragment", 1, fragment(0x0064, &[1; 9]), "4/6 10.1.0.1 10.1.0.2 0>0 +9 fragment 0x1234@800"),
        case("don't fragment", 1, fragment(0x4000, &segment), INNER_V4),
        case("hop-by-hop", 1, outer(0, &extension(6, &segment)), INNER_V6),
        case("destination", 1, outer(60, &extension(6, &segment)), INNER_V6),
        case("routing", 1, outer(43, &join(&[&[6, 0, 253, 0, 0, 0, 0, 0], &segment])), INNER_V6),
        case(
            "all of them",
            1,
            outer(
                0,
                &extension(
                    60,
                    &extension(
                        43,
                        &join(&[&[51, 0, 253, 0, 0, 0, 0, 0], &authentication(60, &extension(6, &segment))]),
                    ),
                ),
            ),
            INNER_V6,
        ),
        case("authenticated", 1, outer(51, &authentication(6, &segment)), INNER_V6),
        case(
            "authenticated, IPv4",
            1,
            ethernet(0x0800, &ipv4_with([10, 1, 0, 1], [10, 1, 0, 2], 51, 0, &[], &authentication(6, &segment))),
            INNER_V4,
        ),
        case("atomic fragment", 1, outer(44, &fragment_v6(6, 0, &segment)), INNER_V6),
        case(
            "first fragment, IPv6",
            1,
            outer(44, &fragment_v6(6, 1, &segment)),
            format!("{INNER_V6} fragment 0xaabbccdd@0+"),
        ),
        case(
            "last fragment, IPv6",
            1,
            outer(44, &fragment_v6(6, 800, &[1; 9])),
            "6/6 2001:db8::11 2001:db8::12 0>0 +9 fragment 0xaabbccdd@800",
        ),
        case("mobility", 1, outer(135, &[59, 0, 5, 0, 0, 0, 0, 0]), "6/135 2001:db8::11 2001:db8::12 0>0 +8"),
        case("no next header", 1, outer(60, &extension(59, &[])), "6/59 2001:db8::11 2001:db8::12 0>0 +0"),
        case("jumbogram", 1, jumbo, "6/6 2001:db8::11 2001:db8::12 1111>2222 +65556"),
        case("not yet segmented", 1, unsegmented, INNER_V4),
    ]
}

fn ip_protocols() -> Vec<Case> {
    let outer = |proto, payload: &[u8]| ethernet(0x0800, &ipv4(proto, payload));
    let frame = ethernet(0x0800, &inner_v4());
    let (v4, v6) = (|text: &str| format!("{INNER_V4} {text}"), |text: &str| format!("{INNER_V6} {text}"));
    let mut all_optional = vec![0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1];
    all_optional.extend([0, 0, 0, 0]);
    vec![
        case("ip in ip", 1, outer(4, &inner_v4()), v4("ipip")),
        case("6in4", 1, outer(41, &inner_v6()), v6("ipip")),
        case("4in6", 1, ethernet(0x86dd, &ipv6(4, &inner_v4())), v4("ipip")),
        case("6in6", 1, ethernet(0x86dd, &ipv6(41, &inner_v6())), v6("ipip")),
        case("authenticated tunnel", 1, outer(51, &authentication(4, &inner_v4())), v4("ipip")),
        case("gre", 1, outer(47, &gre(0, 0x0800, &[], &inner_v4())), v4("gre:0x0")),
        case("gre, IPv6", 1, outer(47, &gre(0, 0x86dd, &[], &inner_v6())), v6("gre:0x0")),
        case("gre, key", 1, outer(47, &gre(0x2000, 0x0800, &[0, 0, 1, 2], &inner_v4())), v4("gre:0x102")),
        case(
            "gre, checksum, key, sequence",
            1,
            outer(47, &gre(0xb000, 0x0800, &all_optional[..12], &inner_v4())),
            v4("gre:0x9"),
        ),
        case(
            "gre, routing",
            1,
            outer(47, &gre(0x4000, 0x0800, &[0, 0, 0, 0, 0, 2, 0, 4, 10, 9, 9, 9, 0, 0, 0, 0], &inner_v4())),
            v4("gre:0x0"),
        ),
        case("nvgre", 1, outer(47, &gre(0x2000, 0x6558, &[0, 0x12, 0x34, 0x56], &frame)), v4("gre:0x123456")),
        case("gre, mpls", 1, outer(47, &gre(0, 0x8847, &[], &label(18, true, &inner_v4()))), v4("mpls:0x12")),
        case(
            "pptp",
            1,
            outer(
                47,
                &gre(
                    0x3081,
                    0x880b,
                    &[0, 49, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1],
                    &join(&[&[0xff, 3, 0, 0x21], &inner_v4()]),
                ),
            ),
            v4("gre:0x7"),
        ),
        case("erspan I", 1, outer(47, &gre(0, 0x88be, &[], &frame)), v4("erspan:0x0")),
        case(
            "erspan II",
            1,
            outer(47, &gre(0x1000, 0x88be, &[0, 0, 0, 1], &join(&[&[0x10, 5, 0, 9, 0, 0, 0, 1], &frame]))),
            v4("erspan:0x9"),
        ),
        case(
            "erspan III",
            1,
            outer(47, &gre(0x1000, 0x22eb, &[0, 0, 0, 1], &join(&[&[0x20, 5, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0], &frame]))),
            v4("erspan:0x9"),
        ),
        case("etherip", 1, outer(97, &join(&[&[0x30, 0], &frame])), v4("etherip")),
        case("ethernet in IPv6", 1, ethernet(0x86dd, &ipv6(143, &frame)), v4("etherip")),
        case("mpls in ip", 1, outer(137, &label(19, true, &inner_v4())), v4("mpls:0x13")),
        case("pim register", 1, outer(103, &join(&[&[0x21, 0, 0, 0, 0, 0, 0, 0], &inner_v4()])), v4("pim")),
        case("pim register, IPv6", 1, outer(103, &join(&[&[0x21, 0, 0, 0, 0x80, 0, 0, 0], &inner_v6()])), v6("pim")),
        case(
            "pim register, null",
            1,
            outer(103, &join(&[&[0x21, 0, 0, 0, 0x40, 0, 0, 0], &ipv4(103, &[])])),
            "4/103 10.0.0.1 10.0.0.2 0>0 +28",
        ),
        case("pim hello", 1, outer(103, &[0x20, 0, 0, 0, 0, 1, 0, 2]), "4/103 10.0.0.1 10.0.0.2 0>0 +8"),
        case("l2tp v3", 1, outer(115, &join(&[&[0, 0, 0, 8], &[0, 0, 0, 0], &frame])), v4("l2tp:0x8")),
        case("too deep", 1, ethernet(0x0800, &nested(12)), "4/4 10.0.0.1 10.0.0.2 0>0 +105 ipip"),
    ]
}

/// IP in IP, `depth` times.
fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(inner_v4(), |inside, _| ipv4(4, &inside))
}

/// A UDP datagram that is not opened.
fn opaque(port: u16, bytes: usize) -> String {
    format!("4/17 10.0.0.1 10.0.0.2 40000>{port} +{bytes}")
}

fn over_udp() -> Vec<Case> {
    let outer = |port, payload: &[u8]| ethernet(0x0800, &ipv4(17, &udp(40000, port, payload)));
    let (frame, frame_v6) = (ethernet(0x0800, &inner_v4()), ethernet(0x86dd, &inner_v6()));
    let tagged_frame = ethernet(0x8100, &vlan(7, 0x0800, &inner_v4()));
    let (v4, v6) = (|text: &str| format!("{INNER_V4} {text}"), |text: &str| format!("{INNER_V6} {text}"));
    let mut wrong_length = frame.clone();
    wrong_length[17] += 1;
    vec![
        case("vxlan", 1, outer(4789, &vxlan(&frame)), v4("vxlan:0x112233")),
        case("vxlan, IPv6", 1, outer(8472, &vxlan(&frame_v6)), v6("vxlan:0x112233")),
        case("vxlan, vlan", 1, outer(4789, &vxlan(&tagged_frame)), v4("vxlan:0x112233")),
        case(
            "vxlan, arp",
            1,
            outer(4789, &vxlan(&ethernet(0x0806, &arp()))),
            "0/0 10.0.0.1 10.0.0.2 0>0 +0 vxlan:0x112233",
        ),
        case("vxlan, no flag", 1, outer(4789, &join(&[&[0; 8], &frame])), opaque(4789, 67)),
        case("vxlan, length beyond the datagram", 1, outer(4789, &vxlan(&wrong_length)), opaque(4789, 67)),
        case("vxlan, spanning tree", 1, outer(4789, &vxlan(&ethernet(38, &[0x42; 38]))), opaque(4789, 60)),
        case("vxlan-gpe", 1, outer(4790, &join(&[&[0x0c, 0, 0, 1, 0, 0, 5, 0], &inner_v4()])), v4("vxlan:0x5")),
        case(
            "vxlan-gpe, nsh",
            1,
            outer(4790, &join(&[&[0x0c, 0, 0, 4, 0, 0, 5, 0], &[0x0f, 0xc2, 2, 3, 0, 0, 1, 0xff], &frame])),
            v4("vxlan:0x5"),
        ),
        case("geneve", 1, outer(6081, &geneve(0x6558, &[], &frame)), v4("geneve:0x112233")),
        case(
            "geneve, options",
            1,
            outer(6081, &geneve(0x6558, &[1, 2, 3, 1, 0, 0, 0, 0], &frame_v6)),
            v6("geneve:0x112233"),
        ),
        case("geneve, IPv4", 1, outer(6081, &geneve(0x0800, &[], &inner_v4())), v4("geneve:0x112233")),
    ]
}

fn over_udp_without_ethernet() -> Vec<Case> {
    let outer = |port, payload: &[u8]| ethernet(0x0800, &ipv4(17, &udp(40000, port, payload)));
    let (v4, v6) = (|text: &str| format!("{INNER_V4} {text}"), |text: &str| format!("{INNER_V6} {text}"));
    let ppp = join(&[&[0xff, 3, 0, 0x21], &inner_v4()]);
    let frame = ethernet(0x0800, &inner_v4());
    let air = wlan(0, 2, &[], &llc_snap([0; 3], 0x0800, &inner_v4()));
    let swapped = join(&[&[air[1], air[0]], &air[2..]]);
    // Two words; a radio and the binding to 802.11 or none.
    let capwap = |binding: u8, flags: u8| [0, 0x10, 0x40 | binding, flags, 0, 0, 0, 0];
    vec![
        case("gtp-u", 1, outer(2152, &gtp_u(0, &[], &inner_v4())), v4("gtpu:0x1020304")),
        case("gtp-u, IPv6, sequence", 1, outer(2152, &gtp_u(2, &[0, 1, 0, 0], &inner_v6())), v6("gtpu:0x1020304")),
        case(
            "gtp-u, extension",
            1,
            outer(2152, &gtp_u(4, &[0, 0, 0, 0x85, 1, 0x10, 1, 0], &inner_v4())),
            v4("gtpu:0x1020304"),
        ),
        case(
            "gtp-u, length beyond the datagram",
            1,
            outer(2152, &join(&[&[0x30, 255, 1, 0, 1, 2, 3, 4], &inner_v4()])),
            opaque(2152, 53),
        ),
        case("teredo", 1, outer(3544, &inner_v6()), v6("teredo")),
        case(
            "teredo, indications",
            1,
            outer(3544, &join(&[&[0, 1, 0, 0], &[0; 9], &[0, 0, 0xe0, 0xf0, 1, 2, 3, 4], &inner_v6()])),
            v6("teredo"),
        ),
        case("l2tp v2", 1, outer(1701, &join(&[&[0, 2, 0, 5, 0, 6], &ppp])), v4("l2tp:0x6")),
        case(
            "l2tp v2, length and sequence",
            1,
            outer(1701, &join(&[&[0x48, 2, 0, 61, 0, 5, 0, 6, 0, 1, 0, 1], &ppp])),
            v4("l2tp:0x6"),
        ),
        case("mpls in udp", 1, outer(6635, &label(20, true, &inner_v4())), v4("mpls:0x14")),
        case("gre in udp", 1, outer(4754, &gre(0, 0x0800, &[], &inner_v4())), v4("gre:0x0")),
        case("lisp", 1, outer(4341, &join(&[&[0x80, 1, 2, 3, 0, 0, 0, 1], &inner_v4()])), v4("lisp:0x0")),
        case("lisp, instance", 1, outer(4341, &join(&[&[0x48, 0, 0, 0, 0, 1, 2, 1], &inner_v6()])), v6("lisp:0x102")),
        case("lisp, encrypted", 1, outer(4341, &join(&[&[0x81, 1, 2, 3, 0, 0, 0, 1], &inner_v4()])), opaque(4341, 53)),
        case("capwap", 1, outer(5247, &join(&[&capwap(0, 0), &frame])), v4("capwap")),
        case("capwap, 802.11", 1, outer(5247, &join(&[&capwap(3, 0), &air])), v4("capwap")),
        case("capwap, 802.11 swapped", 1, outer(5247, &join(&[&capwap(3, 0), &swapped])), v4("capwap")),
        case("capwap, fragment", 1, outer(5247, &join(&[&capwap(0, 0x80), &frame])), opaque(5247, 67)),
        case("capwap, dtls", 1, outer(5247, &join(&[&[1, 0, 0, 0, 22, 254, 255], &frame])), opaque(5247, 66)),
        case(
            "dns on a tunnel's port",
            1,
            outer(4789, b"\x08\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"),
            opaque(4789, 12),
        ),
    ]
}

fn other_links() -> Vec<Case> {
    let radiotap = |rest: &[u8]| join(&[&[0, 0, 8, 0, 0, 0, 0, 0], rest]);
    let llc = llc_snap([0; 3], 0x0800, &inner_v4());
    let subframe = join(&[&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &(llc.len() as u16).to_be_bytes(), &llc]);
    let attribute =
        |bytes: &[u8]| join(&[&[8, 0, 10, 0], b"eth0", &((bytes.len() + 4) as u16).to_le_bytes(), &[9, 0], bytes]);
    let after = |header: &[u8], rest: &[u8]| join(&[header, rest]);
    vec![
        case("null", 0, after(&[2, 0, 0, 0], &inner_v4()), INNER_V4),
        case("null, the other order", 0, after(&[0, 0, 0, 30], &inner_v6()), INNER_V6),
        case("loop", 108, after(&[0, 0, 0, 24], &inner_v6()), INNER_V6),
        case("raw", 101, inner_v4(), INNER_V4),
        case("raw, IPv6", 101, inner_v6(), INNER_V6),
        case("ipv4", 228, inner_v4(), INNER_V4),
        case("ipv6", 229, inner_v6(), INNER_V6),
        case("cooked", 113, cooked(0x0800, &inner_v4()), INNER_V4),
        case("cooked, vlan", 113, cooked(0x8100, &vlan(100, 0x86dd, &inner_v6())), format!("{INNER_V6} vlan[100]")),
        case("cooked v2", 276, cooked_v2(0x86dd, &inner_v6()), INNER_V6),
        case("cooked v2, 802.2", 276, cooked_v2(4, &llc), INNER_V4),
        case("nflog", 239, after(&[2, 0, 0, 1], &attribute(&inner_v4())), INNER_V4),
        case("nflog, IPv6", 239, after(&[10, 0, 0, 1], &attribute(&inner_v6())), INNER_V6),
        case("ppp", 9, after(&[0xff, 3, 0, 0x21], &inner_v4()), INNER_V4),
        case("ppp, short protocol", 9, after(&[0x57], &inner_v6()), INNER_V6),
        case("ppp, hdlc", 50, after(&[0xff, 3, 0, 0x57], &inner_v6()), INNER_V6),
        case("pppoe", 51, pppoe(&join(&[&[0, 0x21], &inner_v4()])), format!("{INNER_V4} pppoe:0x102")),
        case("ppp that is cisco hdlc", 9, after(&[0x0f, 0, 0x08, 0], &inner_v4()), INNER_V4),
        case("infiniband", 242, after(&[&[0x80; 40][..], &[0x08, 0, 0, 0]].concat(), &inner_v4()), INNER_V4),
        case("solaris ipnet", 226, after(&[&[1, 26, 0, 0, 0, 0, 0, 65][..], &[0; 16]].concat(), &inner_v6()), INNER_V6),
        case("cisco hdlc", 104, after(&[0x0f, 0, 0x08, 0], &inner_v4()), INNER_V4),
        case("fddi", 10, after(&[0x50, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &llc), INNER_V4),
        case("frame relay", 107, after(&[0x18, 0x41, 0x03, 0xcc], &inner_v4()), INNER_V4),
        case("wlan", 105, wlan(0, 2, &[], &llc), INNER_V4),
        case("radiotap", 127, radiotap(&wlan(0, 2, &[], &llc)), INNER_V4),
        case(
            "radiotap, padded",
            127,
            after(&[0, 0, 9, 0, 2, 0, 0, 0, 0x20], &wlan(8, 2, &[0, 0, 0, 0], &llc)),
            INNER_V4,
        ),
        case("wlan, quality", 105, wlan(8, 2, &[0, 0], &llc), INNER_V4),
        case("wlan, HT control", 105, wlan(8, 0x82, &[0, 0, 1, 2, 3, 4], &llc), INNER_V4),
        case("wlan, four addresses", 105, wlan(0, 3, &[2, 0, 0, 0, 0, 7], &llc), INNER_V4),
        case("wlan, aggregate", 105, wlan(8, 2, &[0x80, 0], &subframe), INNER_V4),
        case("wlan, protected", 105, wlan(0, 0x42, &[], &llc), "none"),
        case("wlan, no data", 105, wlan(4, 2, &[], &llc), "none"),
        case("ppi", 192, after(&[0, 0, 8, 0, 105, 0, 0, 0], &wlan(0, 2, &[], &llc)), INNER_V4),
        case(
            "dsa",
            283,
            after(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0xe0, 0, 0, 100], &after(&[8, 0], &inner_v4())),
            format!("{INNER_V4} vlan[100]"),
        ),
        case("unknown", 147, inner_v4(), "none"),
    ]
}

#[test]
fn each_encapsulation_is_seen_through() {
    let mut wrong = 0;
    for (name, link_type, bytes, expected) in table() {
        let got = summary(&decode(LinkType(link_type), &bytes, bytes.len() as u32));
        if got != expected {
            eprintln!("{name}:\n     got {got}\nexpected {expected}");
            wrong += 1;
        }
    }
    assert_eq!(wrong, 0, "packets that were decoded wrongly");
}

#[test]
fn transport_headers_are_read() {
    let transport = |bytes: &[u8]| decode(LinkType::ETHERNET, bytes, bytes.len() as u32).transport;
    let tcp = Transport::Tcp { seq: 0x0102_0304, ack: 0x0506_0708, flags: 0x18, window: 500 };
    assert_eq!(transport(&ethernet(0x0800, &inner_v4())), tcp);
    assert_eq!(transport(&ethernet(0x0800, &ipv4(17, &udp(1, 2, b"")))), Transport::Udp);
    assert_eq!(transport(&ethernet(0x0800, &ipv4(132, &sctp()))), Transport::Sctp { chunk_type: 1 });
    assert_eq!(transport(&ethernet(0x0800, &ipv4(1, &unreachable()))), Transport::Icmp { kind: 3, code: 1 });
}

fn old_links() -> Vec<Case> {
    let llc = llc_snap([0; 3], 0x0800, &inner_v4());
    let token_ring =
        |source: u8, route: &[u8]| join(&[&[0x10, 0x40, 2, 0, 0, 0, 0, 2], &[source, 0, 0, 0, 0, 1], route, &llc]);
    let apple_tap = |link_type: u32, packet: &[u8]| {
        let mut header = [108u32, 1, link_type].map(u32::to_le_bytes).concat();
        header.extend(b"en0");
        header.resize(108, 0);
        join(&[&header, packet])
    };
    vec![
        case("slip", 8, join(&[&[0; 16], &inner_v4()]), INNER_V4),
        case("slip, IPv6", 8, join(&[&[1], &[0; 15], &inner_v6()]), INNER_V6),
        case("token ring", 6, token_ring(2, &[]), INNER_V4),
        case("token ring, routed", 6, token_ring(0x82, &[6, 0x30, 0, 0x11, 0, 0x20]), INNER_V4),
        case("token ring, management", 6, after_control(&token_ring(2, &[])), "none"),
        case("atm", 100, llc.clone(), INNER_V4),
        case("pktap, ethernet", 258, apple_tap(1, &ethernet(0x86dd, &inner_v6())), INNER_V6),
        case("pktap, raw", 258, apple_tap(12, &inner_v4()), INNER_V4),
        case("pktap, null", 258, apple_tap(0, &join(&[&[30, 0, 0, 0], &inner_v6()])), INNER_V6),
        case("pktap in itself", 258, apple_tap(258, &apple_tap(12, &inner_v4())), "none"),
    ]
}

/// A token ring frame for the ring itself.
fn after_control(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[1] = 0;
    frame
}
