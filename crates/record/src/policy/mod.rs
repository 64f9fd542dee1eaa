//! What is kept of packets by policy: everything, heads, their first bytes, headers, or nothing; and in which lane.

mod program;

use std::collections::HashMap;
use std::sync::Arc;

use filter::Program;
use flow::{Lane, Place};
use packet::{Headers, LinkType, Packet};

use crate::attach::{Filter, FilterTarget};
use crate::counters::PolicyCounters;
use crate::cut::headers_of;

/// How much is kept of what a policy matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Everything.
    Full,
    /// Heads of flows, not their bulk.
    Head,
    /// The first bytes of flows; no more than a head has.
    Bytes(u32),
    /// Headers of packets.
    Headers,
    /// Nothing.
    None,
}

/// What is done with the packets that match; of several that do, the first counts.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What it is called in counts.
    pub name: String,
    /// Which packets.
    pub filter: Filter,
    /// How much of them.
    pub keep: Keep,
    /// Where what is proven goes, instead of the lane that it would have.
    pub lane: Option<Lane>,
}

/// Judges packets by policies, and counts what it drops by policy.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    policies: Vec<Policy>,
    /// By link type: of each policy its program; none where it means nothing for that.
    programs: HashMap<LinkType, Vec<Option<Arc<Program>>>>,
    counters: Vec<PolicyCounters>,
}

/// What is to be done with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Which policy says so; none has anything to say without one.
    policy: Option<u16>,
    keep: Keep,
    lane: Option<Lane>,
}

const NO_RULE: Rule = Rule { policy: None, keep: Keep::Full, lane: None };

impl Policies {
    pub(crate) fn new(policies: Vec<Policy>) -> Self {
        let counters = policies.iter().map(|policy| PolicyCounters { name: policy.name.clone(), ..Default::default() });
        Self { counters: counters.collect(), policies, programs: HashMap::new() }
    }

    /// What has been dropped, by policy.
    pub(crate) fn counters(&self) -> &[PolicyCounters] {
        &self.counters
    }

    /// The rule for a packet; `None` if it is dropped, which is counted.
    #[inline]
    pub(crate) fn rule(&mut self, packet: &Packet<'_>, link_type: LinkType) -> Option<Rule> {
        if self.policies.is_empty() { Some(NO_RULE) } else { self.matching(packet, link_type) }
    }

    fn matching(&mut self, packet: &Packet<'_>, link_type: LinkType) -> Option<Rule> {
        // The kernel left just its mark of what would be dropped here.
        let marked = program::marked(packet, link_type).filter(|mark| self.keeps_nothing(*mark));
        let number = marked.or_else(|| self.first_match(packet, link_type));
        let Some(policy) = number.and_then(|number| self.policies.get(number)) else { return Some(NO_RULE) };
        let rule =
            Rule { policy: number.and_then(|number| number.try_into().ok()), keep: policy.keep, lane: policy.lane };
        if rule.keep == Keep::None {
            self.count(rule, packet);
            return None;
        }
        Some(rule)
    }

    fn keeps_nothing(&self, number: usize) -> bool {
        self.policies.get(number).is_some_and(|policy| policy.keep == Keep::None)
    }

    fn first_match(&mut self, packet: &Packet<'_>, link_type: LinkType) -> Option<usize> {
        let policies = &self.policies;
        let programs = self.programs.entry(link_type).or_insert_with(|| {
            let target = FilterTarget { link_type, kernel: false, netmask: None };
            policies.iter().map(|policy| policy.filter.compile(target).ok().map(Arc::new)).collect()
        });
        let matches = |program: &Option<Arc<Program>>| {
            program.as_ref().is_some_and(|program| program.matches(packet.data, packet.wire_bytes))
        };
        programs.iter().position(matches)
    }

    /// Where a packet goes, and how much of it; `None` if it is dropped, which is counted. `flow_bytes` is how much its
    /// flow had of its head before.
    #[inline]
    pub(crate) fn place<'p>(
        &mut self,
        rule: Rule,
        place: Place,
        (headers, flow_bytes): (&Headers, u32),
        packet: Packet<'p>,
    ) -> Option<(Place, Packet<'p>)> {
        if rule.policy.is_none() {
            return Some((place, packet));
        }
        let is_bulk = place == Place::Lane(Lane::Bulk);
        let is_dropped = match rule.keep {
            Keep::Full | Keep::Headers => false,
            Keep::Head => is_bulk,
            Keep::Bytes(most) => is_bulk || flow_bytes >= most,
            Keep::None => true,
        };
        if is_dropped {
            self.count(rule, &packet);
            return None;
        }
        let place = match place {
            Place::Lane(lane) => Place::Lane(rule.lane(lane)),
            Place::Park => Place::Park,
        };
        Some((place, if rule.keep == Keep::Headers { self.cut(rule, headers, packet) } else { packet }))
    }

    fn cut<'p>(&mut self, rule: Rule, headers: &Headers, packet: Packet<'p>) -> Packet<'p> {
        let cut = headers_of(&packet, headers, usize::MAX);
        if let Some(counters) = rule.policy.and_then(|policy| self.counters.get_mut(usize::from(policy))) {
            counters.packets_cut += u64::from(cut.data.len() < packet.data.len());
            counters.bytes_cut += (packet.data.len() - cut.data.len()) as u64;
        }
        cut
    }

    fn count(&mut self, rule: Rule, packet: &Packet<'_>) {
        if let Some(counters) = rule.policy.and_then(|policy| self.counters.get_mut(usize::from(policy))) {
            counters.packets_dropped += 1;
            counters.bytes_dropped += u64::from(packet.wire_bytes);
        }
    }
}

impl Rule {
    /// The lane of what would go to `lane`. What is not proven stays junk, whoever would like it elsewhere.
    #[inline]
    pub(crate) fn lane(self, lane: Lane) -> Lane {
        if lane == Lane::Junk { lane } else { self.lane.unwrap_or(lane) }
    }
}

#[cfg(test)]
mod tests {
    use packet::{PacketDirection, Timestamp};

    use super::*;

    fn policy(text: &'static str, keep: Keep, lane: Option<Lane>) -> Policy {
        let filter = Filter::new(move |target| {
            filter::compile(text, &filter::Options::new(target.link_type)).map_err(|error| error.to_string())
        });
        Policy { name: text.to_owned(), filter, keep, lane }
    }

    /// UDP over IPv4 to a port, with 100 bytes of payload.
    fn udp(port: u16) -> Vec<u8> {
        let mut bytes = vec![0; 12];
        bytes.extend([0x08, 0x00, 0x45, 0, 0, 128, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        bytes.extend(1000_u16.to_be_bytes());
        bytes.extend(port.to_be_bytes());
        bytes.extend([0, 108, 0, 0]);
        bytes.extend([7; 100]);
        bytes
    }

    fn packet(data: &[u8], wire_bytes: usize) -> Packet<'_> {
        Packet {
            time: Timestamp(0),
            wire_bytes: wire_bytes as u32,
            data,
            interface: 0,
            direction: PacketDirection::Unknown,
            arrival: None,
        }
    }

    #[test]
    fn the_first_policy_that_matches_counts() {
        let mut policies =
            Policies::new(vec![policy("udp port 53", Keep::Full, Some(Lane::Client)), policy("udp", Keep::None, None)]);
        let dns = udp(53);
        let rule = policies.rule(&packet(&dns, dns.len()), LinkType::ETHERNET).expect("kept");
        assert_eq!((rule.lane(Lane::Bulk), rule.lane(Lane::Junk)), (Lane::Client, Lane::Junk));
        let other = udp(5000);
        assert_eq!(policies.rule(&packet(&other, other.len()), LinkType::ETHERNET), None);
        // What the kernel left of such a packet.
        assert_eq!(policies.rule(&packet(&other[..2], other.len()), LinkType::ETHERNET), None);
        let counters = policies.counters();
        assert_eq!((counters[0].packets_dropped, counters[1].packets_dropped), (0, 2));
        assert_eq!(counters[1].bytes_dropped, 2 * other.len() as u64);
    }

    #[test]
    fn heads_bytes_and_headers() {
        let data = udp(5000);
        let packet = packet(&data, data.len());
        let headers = packet::decode(LinkType::ETHERNET, &data, data.len() as u32);
        let check = |keep: Keep, place: Place, flow_bytes: u32, expected: Option<(Place, usize)>| {
            let mut policies = Policies::new(vec![policy("udp", keep, None)]);
            let rule = policies.rule(&packet, LinkType::ETHERNET).expect("a rule");
            let found = policies.place(rule, place, (&headers, flow_bytes), packet);
            assert_eq!(found.map(|(place, packet)| (place, packet.data.len())), expected, "{keep:?} {place:?}");
        };
        let (client, bulk) = (Place::Lane(Lane::Client), Place::Lane(Lane::Bulk));
        check(Keep::Full, bulk, 20_000, Some((bulk, 142)));
        check(Keep::Head, client, 142, Some((client, 142)));
        check(Keep::Head, bulk, 20_000, None);
        check(Keep::Bytes(1000), client, 999, Some((client, 142)));
        check(Keep::Bytes(1000), client, 1000, None);
        check(Keep::Headers, Place::Park, 142, Some((Place::Park, 42)));
    }
}
