//! Questions: grammar, typing, three values.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

use filter::question::{Field, Fields, Truth, Value, evaluate};
use filter::{NoNames, Question, parse_question};
use packet::{LinkType, Timestamp};

/// Seconds since the epoch, as a number, are times here.
fn time(text: &str) -> Option<Timestamp> {
    text.strip_prefix('t').and_then(|seconds| seconds.parse().ok()).map(|seconds| Timestamp::from_seconds(seconds, 0))
}

fn parse(text: &str) -> Question {
    parse_question(text, &time).unwrap_or_else(|error| panic!("{}\n{}", error, error.underlined(text)))
}

struct Row(HashMap<Field, Value<'static>>);

impl Fields for Row {
    fn field(&self, field: Field) -> Value<'_> {
        self.0.get(&field).cloned().unwrap_or(Value::Missing)
    }
}

fn row() -> Row {
    let address = |text: &str| Value::Address(text.parse::<IpAddr>().unwrap().into());
    let text = |text: &'static str| Value::Text(Cow::Borrowed(text));
    Row(HashMap::from([
        (Field::SrcIp, address("10.0.0.1")),
        (Field::DestIp, address("192.0.2.7")),
        (Field::SrcPort, Value::Number(49152)),
        (Field::DestPort, Value::Number(443)),
        (Field::Proto, Value::Number(6)),
        (Field::TlsSni, text("www.Example.com")),
        (Field::DnsQueries, Value::List(vec![text("a.example"), text("b.example")])),
        (Field::BytesToclient, Value::Number(2_000_000)),
        (Field::Duration, Value::Duration(90_000_000_000)),
        (Field::Start, Value::Time(Timestamp::from_seconds(1000, 0))),
        (Field::Direction, text("outbound")),
        (Field::CommunityId, text("1:gmbqPevOcAZkhVwhwihWZm5MQWo=")),
        (Field::TcpFlagsTs, Value::Number(0x1b)),
        (Field::StartSeen, Value::Boolean(true)),
        (Field::Ja4, Value::Unknown),
    ]))
}

/// What holds of the row above; pcap-filter terms are not known.
#[test]
fn predicates_in_three_values() {
    use Truth::{False, True, Unknown};
    let check = |text: &str, expected: Truth| {
        assert_eq!(evaluate(&parse(text), &row(), |_| Unknown), expected, "{text}");
    };
    check("", True);
    check("src_ip = 10.0.0.0/8", True);
    check("src_ip = 10.0.0.2", False);
    check("addr = 192.0.2.7 and addr = 10.0.0.1", True);
    check("addr != 192.0.2.7", False);
    check("addr != 192.0.2.8", True);
    check("addr in (1.2.3.4, 192.0.2.0/24)", True);
    check("port_any = 443", True);
    check("dest_port in (80,443)", True);
    check("dest_port < 443", False);
    check("dest_port le 443", True);
    check("proto = tcp", True);
    check("proto != udp", True);
    check("proto = 17", False);
    check("tls_sni like \"*.example.com\"", True);
    check("tls_sni = www.example.com", True);
    check("tls_sni ~ \"^www\\.\"", True);
    check("tls_sni ~ EXAMPLE", False);
    check("tls_sni != www.example.com", False);
    check("http_hostname != x", True);
    check("http_hostname = x", False);
    check("dns_queries = b.example", True);
    check("dns_queries != b.example", False);
    check("dns_queries != c.example", True);
    check("bytes_toclient gt 1M", True);
    check("bytes_toclient > 2MiB", False);
    check("duration >= 1m30s", True);
    check("start > t999", True);
    check("direction = inbound", False);
    check("community_id = 1:gmbqPevOcAZkhVwhwihWZm5MQWo=", True);
    check("community_id = 1:GMBQPEVOCAZKHVWHWIHWZM5MQWO=", False);
    check("tcp_flags_ts = 1b", True);
    check("start_seen = true", True);
    check("ja4 = x", Unknown);
    check("ja4 != x", Unknown);
    check("ja4 = x and src_port = 1", False);
    check("ja4 = x or src_port = 49152", True);
    check("not ja4 = x", Unknown);
    check("not src_port = 1", True);
    check("!(src_port = 1 or dest_port = 1)", True);
    check("host 1.2.3.4 and src_port = 1", False);
    check("host 1.2.3.4 or src_port = 1", Unknown);
    check("src_port=49152&&dest_port=443", True);
}

/// What is pcap-filter's stays pcap-filter's.
#[test]
fn terms_of_pcap_filter() {
    let check = |text: &str, expected: &[&str]| {
        let question = parse(text);
        let terms: Vec<&str> = question.pcap_terms().iter().map(filter::question::PcapTerm::text).collect();
        assert_eq!(terms, expected, "{text}");
        question.check(&NoNames).unwrap();
    };
    check("tcp port 80 or 443", &["tcp port 80 or 443"]);
    check("port 80 or 443 and host 1.2.3.4", &["port 80 or 443 and host 1.2.3.4"]);
    check("src or dst host 1.2.3.4 and src_port = 5", &["src or dst host 1.2.3.4"]);
    check("vlan and src_port = 5 and ip", &["vlan and ip"]);
    check("(tcp[0] + 1) > 5 && len > 5", &["(tcp[0] + 1) > 5 and len > 5"]);
    check("port (80 or 443) and src_port = 5", &["port (80 or 443)"]);
    check("not (tcp or udp) and dest_port = 1", &["not (tcp or udp)"]);
    check("(tcp or dest_port = 1) and udp", &["tcp", "udp"]);
    check("ether proto \\ip and lane = client", &["ether proto \\ip"]);
    check("tcp[tcpflags] & tcp-syn != 0 and after t5", &["tcp[tcpflags] & tcp-syn != 0"]);
    check("inbound or duration > 5m", &["inbound"]);
    check("proto 6 and proto = tcp", &["proto 6"]);
}

#[test]
fn times_stand_at_the_top() {
    let question = parse("after t10 and tcp and before t20 and before t15");
    assert_eq!(question.after(), Some(Timestamp::from_seconds(10, 0)));
    assert_eq!(question.before(), Some(Timestamp::from_seconds(15, 0)));
    assert!(matches!(question.condition(), filter::question::Condition::Pcap(_)));
    assert!(matches!(parse("after t10").condition(), filter::question::Condition::Everything));
}

#[test]
fn grouping_is_shown() {
    let check = |text: &str, expected: Option<&str>| assert_eq!(parse(text).notice(), expected, "{text}");
    check("tcp and udp and ip", None);
    check("tcp or udp and ip", Some("\"tcp or udp and ip\" is read from left to right, as (tcp or udp) and ip"));
    check("port 80 or 443 or ip", None);
    check("(tcp or udp) and ip", None);
}

/// The message and the place under which it stands.
#[test]
fn what_is_refused() {
    let check = |text: &str, message: &str, place: &str, hint: &str| {
        let error = parse_question(text, &time).expect_err(text);
        assert!(error.message.contains(message), "{text}: {error}");
        assert_eq!(text.get(error.span.clone()), Some(place), "{text}: {error}");
        assert!(error.hint.clone().unwrap_or_default().contains(hint), "{text}: {:?}", error.hint);
    };
    check("tls_snii = x", "no field \"tls_snii\"", "tls_snii", "tls_sni");
    check("src_port = x", "src_port is a number", "x", "");
    check("src_ip < 10.0.0.1", "an order does not go with src_ip", "src_ip <", "");
    check("src_port ~ 5", "a regular expression does not go", "src_port ~", "");
    check("direction = up", "never \"up\"", "up", "inbound");
    check("tls_sni ~ \"(\"", "not a regular expression", "\"(\"", "");
    check("src_port in 5", "\"(\" should stand here", "5", "in (a, b, c)");
    check("src_port =", "a value should follow", "", "a number");
    check(
        "tcp and src_port = 5 or udp",
        "mixed without parentheses",
        "tcp and src_port = 5 or udp",
        "write (tcp and src_port = 5) or udp or tcp and (src_port = 5 or udp)",
    );
    check(
        "src_port = 5 or tcp and udp",
        "mixed",
        "src_port = 5 or tcp and udp",
        "write (src_port = 5 or tcp) and udp or src_port = 5 or (tcp and udp)",
    );
    check("tcp or after t5", "joined with \"and\"", "after t5", "parentheses");
    check("(tcp and after t5)", "outside of all parentheses", "after t5", "");
    check("not after t5", "cannot be negated", "not after t5", "");
    check("after noon", "is no time", "noon", "2026");
    check("tcp prot 80 and src_port = 5", "syntax error", "prot", "");
    check("src_port = 5 and tcp prot 80", "syntax error", "prot", "");
    check("vlan and (ip or src_port = 5)", "after vlan", "ip", "parentheses");
    check("(tcp", "\")\" should stand here", "", "character 1");
    check("tcp)", "the end should stand here", ")", "");
}

/// The place of an error that shows only on compiling, in a term that was joined from two places.
#[test]
fn places_in_joined_terms() {
    let text = "tcp and src_port = 5 and host nowhere";
    let error = parse(text).check(&NoNames).expect_err(text);
    assert_eq!(text.get(error.span.clone()), Some("nowhere"), "{error}");
}

#[test]
fn verdicts_by_link_type() {
    let question = parse("ip and src_port = 5");
    let index = filter::question::PcapTermIndex(0);
    let packet = [0x45u8; 20];
    assert_eq!(question.compile_for(LinkType::RAW, &NoNames).verdict(index, &packet, 20), Truth::True);
    assert_eq!(question.compile_for(LinkType::ETHERNET, &NoNames).verdict(index, &packet, 20), Truth::False);
    // What makes no sense for a link type is not known of its packets.
    let programs = question.compile_for(LinkType::NFLOG, &NoNames);
    assert_eq!(programs.verdict(index, &packet, 20), Truth::Unknown);
    assert!(programs.refusal().is_some());
}
