//! A flow that is ruled out by its row has no matching packet.

use filter::question::{Field, Fields, Value, may_match_flow};
use filter::{Options, compile, parse_question};
use packet::{Headers, LinkType};

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

#[test]
fn no_matching_packet_is_ruled_out() {
    let mut random = Random::new(7);
    let mut ruled_out = 0;
    let mut matched = 0;
    for index in 0..6000 {
        let link_type = [1u16, 1, 1, 113, 276, 101, 0, 108, 105, 9][index % 10];
        let mut expressions =
            Expressions { random: &mut random, link_type, inherits: None, has_arithmetic: false, has_tunnel: false };
        let expression = expressions.expression();
        let Ok(program) = compile(&expression, &Options::new(LinkType(link_type))) else { continue };
        let Ok(question) = parse_question(&expression, &|_| None) else {
            panic!("{expression} is pcap-filter's, and no question");
        };
        for _ in 0..20 {
            let frame = link::frame(&mut random, link_type);
            let headers = packet::decode(LinkType(link_type), &frame, frame.len() as u32);
            let may = may_match_flow(&question, &Row(&headers));
            let matches = program.matches(&frame, frame.len() as u32);
            assert!(may || !matches, "{expression} [{link_type}] {frame:02x?} {headers:?}");
            ruled_out += usize::from(!may);
            matched += usize::from(matches);
        }
    }
    assert!(ruled_out > 3000 && matched > 3000, "{ruled_out} {matched}");
}
