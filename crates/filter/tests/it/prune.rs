//! A flow that is ruled out by its row, or that lacks what a question needs, has no matching packet; one whose row tells
//! that all of a side's packets match has no other.

use std::net::IpAddr;

use filter::question::{Field, Fields, Key, Layer, Need, Needs, Value, every_plain_packet_matches, may_match_flow};
use filter::{Hosts, NoNames, Options, compile, parse_question};
use packet::decode::{NO_ADDRESSES, is_arp, is_neither_ip_nor_arp};
use packet::{Address, Headers, LinkType};

use crate::generate::expression::Expressions;
use crate::generate::link;
use crate::random::Random;

/// The row that a flow of one packet would have.
struct Row<'h>(&'h Headers);

impl Fields for Row<'_> {
    fn field(&self, field: Field) -> Value<'_> {
        let Some(key) = self.0.key else { return Value::Missing };
        match field {
            Field::SrcIp => Value::Address(key.src),
            Field::DestIp => Value::Address(key.dest),
            Field::SrcPort => Value::Number(key.src_port.into()),
            Field::DestPort => Value::Number(key.dest_port.into()),
            Field::Proto if key.ip_version > 0 => Value::Number(key.proto.into()),
            Field::Vlan => Value::List(self.0.vlans.as_slice().iter().map(|&id| Value::Number(id.into())).collect()),
            Field::Tunnel if self.0.tunnel.is_some() => Value::Text("tunnel".into()),
            _ => Value::Missing,
        }
    }
}

impl Row<'_> {
    /// Whether an index that is right has the flow, as docs/format.md says what is in it.
    fn has(&self, need: Need, data: &[u8]) -> bool {
        let has_mac = self.0.src_mac.is_some();
        let Some(flow) = self.0.key else {
            return matches!(need, Need::Opaque(_)) && !is_neither_ip_nor_arp(self.0.ether_type, has_mac);
        };
        let is = |version: u8| [flow.src, flow.dest].iter().all(|end| end.as_v4().is_some() == (version == 4));
        let is_plain = match flow.ip_version {
            0 => is_arp(self.0.ether_type) && has_mac && is(4),
            version => is(version),
        };
        let outer = self.0.tunnel.and_then(|_| self.0.outer_addresses(data)).filter(|_| is_plain);
        let known = outer.filter(|outer| *outer != NO_ADDRESSES);
        let mut addresses = vec![flow.src, flow.dest];
        addresses.extend(known.into_iter().flatten());
        let begins = |address: Address, net: Address, bits: u8| {
            let differ = u128::from_be_bytes(address.0) ^ u128::from_be_bytes(net.0);
            differ.leading_zeros() >= u32::from(bits)
        };
        match need {
            Need::Opaque(_) if !is_plain || (self.0.tunnel.is_some() && outer.is_none()) => true,
            Need::Opaque(layer) => layer == Layer::Transport && known.is_some(),
            Need::Key(Key::Address(address)) => addresses.contains(address),
            Need::Key(Key::Net(net, bits)) => addresses.iter().any(|address| begins(*address, *net, *bits)),
            Need::Key(Key::Port(port)) => [flow.src_port, flow.dest_port].contains(port),
            Need::Key(Key::Text(..)) | Need::Unread => false,
        }
    }
}

#[test]
fn no_matching_packet_is_ruled_out() {
    let mut random = Random::new(7);
    let mut ruled_out = 0;
    let mut matched = 0;
    let mut lacking = 0;
    let mut certain = 0;
    for index in 0..6000 {
        let link_type = [1u16, 1, 1, 113, 276, 101, 0, 108, 105, 9][index % 10];
        let mut expressions =
            Expressions { random: &mut random, link_type, inherits: None, has_arithmetic: false, has_tunnel: false };
        let expression = expressions.expression();
        let Ok(program) = compile(&expression, &Options::new(LinkType(link_type))) else { continue };
        let Ok(question) = parse_question(&expression, &|_| None) else {
            panic!("{expression} is pcap-filter's, and no question");
        };
        let needs = question.needs(&NoNames);
        for _ in 0..20 {
            let frame = link::frame(&mut random, link_type);
            let headers = packet::decode(LinkType(link_type), &frame, frame.len() as u32);
            let may = may_match_flow(&question, &Row(&headers));
            let matches = program.matches(&frame, frame.len() as u32);
            assert!(may || !matches, "{expression} [{link_type}] {frame:02x?} {headers:?}");
            let has = needs.may_hold(&mut |need| Row(&headers).has(need, &frame));
            assert!(has || !matches, "{expression} [{link_type}] {needs:?} {frame:02x?} {headers:?}");
            if headers.is_plain(&frame) {
                let answer = Headers { key: headers.key.map(|key| key.reversed()), ..headers };
                let every = every_plain_packet_matches(&question, &Row(&headers), true);
                assert!(!every || matches, "{expression} [{link_type}] {frame:02x?} {headers:?}");
                assert_eq!(every_plain_packet_matches(&question, &Row(&answer), false), every, "{expression}");
                certain += usize::from(every);
            }
            lacking += usize::from(!has);
            ruled_out += usize::from(!may);
            matched += usize::from(matches);
        }
    }
    assert!(ruled_out > 3000 && matched > 3000 && lacking > 3000, "{ruled_out} {matched} {lacking}");
    assert!(certain > 300, "{certain}");
}

/// What is asked of an index.
#[test]
fn needs_of_questions() {
    let address = |text: &str| Address::from(text.parse::<IpAddr>().unwrap());
    let host = |text: &str| Needs::Key(Key::Address(address(text)));
    let net = |text: &str, bits| Needs::Key(Key::Net(address(text), bits));
    let port = |port| Needs::Key(Key::Port(port));
    let (all, any) = (|parts: &[Needs]| Needs::all(parts.to_vec()), |parts: &[Needs]| Needs::any(parts.to_vec()));
    let hosts = Hosts::parse("10.0.0.1 gw\n2001:db8::1 gw");
    let check = |text: &str, expected: Needs| {
        assert_eq!(parse_question(text, &|_| None).unwrap().needs(&hosts), expected, "{text}");
    };
    let (network, transport) = (Needs::Opaque(Layer::Network), Needs::Opaque(Layer::Transport));
    check("", Needs::Everything);
    check("tcp", Needs::Everything);
    check("host 10.0.0.1", any(&[host("10.0.0.1"), network.clone()]));
    let both = all(&[any(&[host("10.0.0.1"), network.clone()]), any(&[port(80), transport.clone()])]);
    check("dst host 10.0.0.1 and port 80", both);
    check("ip6 host gw", any(&[host("10.0.0.1"), host("2001:db8::1"), network.clone()]));
    check("net 10.1", any(&[net("10.1.0.0", 112), network.clone()]));
    check("net 10", any(&[net("10.0.0.0", 104), network.clone()]));
    check("net 10.0.0.0/9", any(&[net("10.0.0.0", 105), network.clone()]));
    check("net 10.0.0.0 mask 255.0.255.0", any(&[net("10.0.0.0", 104), network.clone()]));
    check("ip6 net 2001:db8::/32", any(&[net("2001:db8::", 32), network.clone()]));
    check("port domain", any(&[port(53), transport.clone()]));
    check("portrange 80-82", any(&[port(80), port(81), port(82), transport.clone()]));
    check("portrange 1-1000", Needs::Everything);
    check("vlan and host 10.0.0.1", any(&[host("10.0.0.1"), network.clone()]));
    check("vlan or host 10.0.0.1", Needs::Everything);
    check("(vlan or tcp) and host 10.0.0.1", Needs::Everything);
    check("not vlan and host 10.0.0.1", Needs::Everything);
    check("geneve and host 10.0.0.1", Needs::Everything);
    check("host 10.0.0.1 and geneve", any(&[host("10.0.0.1"), network.clone()]));
    check("not host 10.0.0.1", Needs::Everything);
    check("ether host 0:1:2:3:4:5 or host 10.0.0.1", Needs::Everything);
    check("arp host 10.0.0.1", Needs::Everything);
    check("src_ip = 10.0.0.1", host("10.0.0.1"));
    check("addr in (10.0.0.1, 10.2.0.0/16)", any(&[host("10.0.0.1"), net("10.2.0.0", 112)]));
    check("dest_port = 443 and bytes_toserver > 1M", port(443));
    check("dest_port = 70000", Needs::Nothing);
    check("dest_port != 443", Needs::Everything);
    check("not (dest_port = 443)", Needs::Everything);
    let sni = Needs::Key(Key::Text(Field::TlsSni, "example.org".into()));
    check("tls_sni = Example.org", any(&[sni, Needs::Unread]));
    let text = |field, text: &str| Needs::Key(Key::Text(field, text.into()));
    let more = text(Field::MoreValues, "dns_queries");
    check("dns_queries = a", any(&[text(Field::DnsQueries, "a"), Needs::Unread, more]));
    check("not (tls_sni = Example.org)", Needs::Everything);
    check("port 80 and src_ip = 10.0.0.1", all(&[host("10.0.0.1"), any(&[port(80), transport])]));
}
