//! What people write out of habit from other tools, and how it is written here.

use clap::error::{ContextKind, ContextValue};

use super::Failure;

/// Options of other tools.
const OPTIONS: &[(&str, &str)] = &[
    ("-X", "bytes of packets: -w - | tcpdump -Xnr -"),
    ("-x", "bytes of packets: -w - | tcpdump -xnr -"),
    ("-A", "bytes of packets: -w - | tcpdump -Anr -"),
    ("-V", "details of packets: -w - | tshark -Vr -"),
    (
        "-Y",
        "Wireshark's filters are for Wireshark: -w - | tshark -r - -Y …; here: host, port and fields such as dest_ip =",
    ),
    ("-i", "interfaces are chosen by an expression: in_iface = eth0"),
    ("-z", "sums: flows --top 10 --by dest_ip, flows --histogram"),
    ("--count", "how many there are is said at the end; in flows by group: --by FIELD"),
    ("--group-by", "--by FIELD,…"),
    ("--json", "--format json"),
    ("--csv", "--format csv"),
    ("-o", "a capture: packets -w FILE; a text: > FILE"),
    ("--output", "a capture: packets -w FILE; a text: > FILE"),
];

/// Words of expressions that are taken for options.
const CONDITIONS: &[&str] =
    &["host", "src", "dst", "net", "port", "portrange", "proto", "tcp", "udp", "icmp", "ip", "ip6", "vlan"];

/// Fields of Wireshark.
const WIRESHARK: &[(&str, &str)] = &[
    ("ip.addr", "host ADDRESS, or addr = ADDRESS"),
    ("ip.src", "src_ip = ADDRESS"),
    ("ip.dst", "dest_ip = ADDRESS"),
    ("ipv6.addr", "host ADDRESS, or addr = ADDRESS"),
    ("tcp.port", "tcp port NUMBER"),
    ("udp.port", "udp port NUMBER"),
    ("tcp.srcport", "src_port = NUMBER"),
    ("tcp.dstport", "dest_port = NUMBER"),
    ("udp.srcport", "src_port = NUMBER"),
    ("udp.dstport", "dest_port = NUMBER"),
    ("eth.addr", "ether host ADDRESS"),
    ("vlan.id", "vlan = NUMBER"),
    ("http.host", "http_hostname = NAME"),
    ("dns.qry.name", "dns_queries = NAME"),
    ("tls.handshake.extensions_server_name", "tls_sni = NAME"),
    ("frame.time", "--from TIME --to TIME"),
];

/// An option that is not known, in words that help.
pub(super) fn unknown_option(error: &clap::Error, command: &str) -> Option<Failure> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let given = text(ContextKind::InvalidArg)?;
    let failure = Failure::call(format!("{command} has no option {given}"));
    let (name, plain) = (given.split('=').next().unwrap_or(given), given.trim_start_matches('-'));
    let failure = if let Some((_, here)) = OPTIONS.iter().find(|(known, _)| *known == name) {
        failure.attempt(*here)
    } else if CONDITIONS.contains(&plain) {
        failure.attempt(format!("conditions have no dashes: {command} '{plain} …'"))
    } else if let Some(similar) = text(ContextKind::SuggestedArg) {
        failure.attempt(format!("there is {similar}"))
    } else {
        failure
    };
    Some(failure.attempt(format!("all options: {command} --help")))
}

/// How what looks like Wireshark's language is said here.
pub(super) fn wireshark(expression: &str) -> Option<String> {
    let words = expression.split(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_')));
    let known = |word: &str| WIRESHARK.iter().find(|(theirs, _)| *theirs == word);
    let (theirs, ours) = words.into_iter().find_map(known)?;
    Some(format!("{theirs} is Wireshark's; here it is {ours}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wiresharks_fields_are_known() {
        assert_eq!(
            wireshark("(ip.dst==1.2.3.4)").as_deref(),
            Some("ip.dst is Wireshark's; here it is dest_ip = ADDRESS")
        );
        assert_eq!(wireshark("host www.ip.dst.example"), None);
    }
}
