//! Does a packet, or a flow, match?

use std::collections::HashMap;

use filter::question::{Truth as OfPacket, evaluate, every_plain_packet_matches, may_match_flow};
use filter::{Question, Resolver};
use flow::{FlowRow, Kept, LaneSet};
use packet::{Interface, LinkType, Packet, Timestamp};

use super::fields::{NoFields, RowFields, SharedFields};
use super::gather::Gathered;
use super::reach::Reach;
use super::refused::Asked;
use super::view::View;
use super::{Expression, Query};
use crate::Error;
use crate::read::Frame;

/// What can be said of a flow without its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    /// It has a matching packet.
    Yes,
    /// It has none.
    No,
    /// Its packets must be looked at.
    Unknown,
    /// Neither its row nor its packets tell.
    Undecidable,
}

/// Applies a query to packets and rows.
pub(super) struct Judge {
    expression: Option<Expression>,
    asked: HashMap<LinkType, Asked>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    /// What rows do not say: of a tape, how far its lanes reach back and where it was recorded.
    tape: Option<(Reach, String)>,
}

impl Judge {
    /// A judge by this query, of captures.
    pub(super) fn new(query: &Query) -> Self {
        let expression = query.expression.clone();
        let (from, to) = query.range();
        Self { expression, asked: HashMap::new(), from, to, tape: None }
    }

    /// A judge by this query, of a tape.
    pub(super) fn of_tape(query: &Query, view: &mut View) -> Result<Self, Error> {
        let sensor = view.tape.sensor().to_owned();
        Ok(Self { tape: Some((Reach::of(view)?, sensor)), ..Self::new(query) })
    }

    /// True if packets cannot be judged without the rows of their flows.
    pub(super) fn needs_rows(&self) -> bool {
        self.expression.as_ref().is_some_and(|expression| expression.question.has_fields())
    }

    /// True if the bytes of packets are asked for.
    pub(super) fn needs_bytes(&self) -> bool {
        self.expression.as_ref().is_some_and(|expression| expression.question.has_pcap_terms())
    }

    /// True if rows can tell of some flows that none of their packets match.
    pub(super) fn can_prune(&self) -> bool {
        self.expression.is_some()
    }

    /// Whether a packet of this time can match.
    pub(super) fn is_in_time(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time < to)
    }

    /// The times that are asked for.
    pub(super) fn range(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.from, self.to)
    }

    /// Whether a frame can hold packets of the times that are asked for, or first fragments of such packets: these say
    /// what flow the packets are of.
    pub(super) fn can_hold_or_explain(&self, frame: &Frame) -> bool {
        let from = self.from.map(|from| Timestamp(from.0.saturating_sub_unsigned(flow::FRAGMENTS_NS)));
        frame.packets > 0 && frame.overlaps(from, self.to)
    }

    /// Whether what begins at a time begins before the end of what is asked for.
    pub(super) fn begins_before_end(&self, time: Timestamp) -> bool {
        self.to.is_none_or(|to| time < to)
    }

    /// Whether a frame can hold packets of the times that are asked for.
    pub(super) fn can_hold(&self, frame: &Frame) -> bool {
        frame.packets > 0 && frame.overlaps(self.from, self.to)
    }

    /// Whether a packet matches; `flow` is its flow. It is not known where the packet was cut short of what the expression
    /// asks for. What the expression means nothing for does not match, and is counted.
    pub(super) fn packet(&mut self, packet: &Packet, interface: &Interface, flow: Option<&Gathered>) -> OfPacket {
        if !self.is_in_time(packet.time) {
            return OfPacket::False;
        }
        let Some(Expression { question, resolver }) = &self.expression else { return OfPacket::True };
        let asked = asked(&mut self.asked, question, resolver.as_ref(), interface.link_type);
        let verdict = |index| asked.programs.verdict(index, packet.data, packet.wire_bytes);
        let fields = flow.map(|flow| fields_of(self.tape.as_ref(), flow));
        let truth = match &fields {
            Some(fields) => evaluate(question, fields, verdict),
            None => evaluate(question, &NoFields, verdict),
        };
        if truth == OfPacket::Unknown && asked.programs.refusal().is_some() {
            asked.unjudged += 1;
            return OfPacket::False;
        }
        truth
    }

    /// Asks the expression of a link type without a packet.
    pub(super) fn ask(&mut self, link_type: LinkType) {
        if let Some(Expression { question, resolver }) = &self.expression {
            asked(&mut self.asked, question, resolver.as_ref(), link_type);
        }
    }

    /// The link types that packets have been judged of.
    pub(super) fn asked(&self) -> &HashMap<LinkType, Asked> {
        &self.asked
    }

    /// Whether a packet matches as far as it alone tells: by its time and, without fields in the expression, by that.
    pub(super) fn packet_alone(&mut self, packet: &Packet, interface: &Interface) -> OfPacket {
        match self.expression.as_ref().map(|expression| &expression.question) {
            Some(question) if question.has_fields() => {
                (!question.has_pcap_terms() && self.is_in_time(packet.time)).into()
            }
            _ => self.packet(packet, interface, None),
        }
    }

    /// True if a flow's packets have to be seen together with its whole row.
    pub(super) fn needs_packets_with_rows(&self) -> bool {
        let question = self.expression.as_ref().map(|expression| &expression.question);
        question.is_some_and(|question| question.has_fields() && question.has_pcap_terms())
    }

    /// Whether a flow has a matching packet, as far as its row and the packets that were seen alone tell.
    pub(super) fn flow(&self, flow: &Gathered) -> Truth {
        let seen = flow.alone == OfPacket::True;
        if flow.matched == OfPacket::True || (seen && !self.needs_rows()) {
            return Truth::Yes;
        }
        let time = if seen { Truth::Yes } else { self.time_of(flow) };
        match (time, self.expression_of(flow)) {
            (Truth::No, _) | (_, Truth::No) => Truth::No,
            (_, Truth::Undecidable) => Truth::Undecidable,
            (Truth::Yes, Truth::Yes) => Truth::Yes,
            _ => Truth::Unknown,
        }
    }

    /// False if no packet of a flow can match, whatever the parts of it that are not known yet hold.
    pub(super) fn may_match(&self, flow: &Gathered) -> bool {
        let Some(Expression { question, .. }) = &self.expression else { return true };
        flow.alone == OfPacket::True || may_match_flow(question, &SharedFields(fields_of(self.tape.as_ref(), flow)))
    }

    /// How much of a flow's packets is there.
    pub(super) fn kept(&self, row: &FlowRow) -> Kept {
        kept(self.tape.as_ref(), row)
    }

    fn expression_of(&self, flow: &Gathered) -> Truth {
        let Some(Expression { question, .. }) = &self.expression else { return Truth::Yes };
        let fields = fields_of(self.tape.as_ref(), flow);
        if question.has_pcap_terms() {
            return match () {
                () if !may_match_flow(question, &fields) => Truth::No,
                () if self.has_plain_match(question, &flow.row, &fields) => Truth::Yes,
                () => Truth::Unknown,
            };
        }
        match evaluate(question, &fields, |_| OfPacket::Unknown) {
            OfPacket::True => Truth::Yes,
            OfPacket::False => Truth::No,
            OfPacket::Unknown => Truth::Undecidable,
        }
    }

    /// True only if the row tells that one of the flow's packets matches, within the times that are asked for.
    fn has_plain_match(&self, question: &Question, row: &FlowRow, fields: &RowFields<'_>) -> bool {
        let is_within = self.is_in_time(row.start) && self.is_in_time(row.end);
        let sides = [(true, row.pkts_toserver), (false, row.pkts_toclient)];
        let mut sides = sides.into_iter().filter(|(_, packets)| *packets > 0);
        let matches = |(from_client, _)| every_plain_packet_matches(question, fields, from_client);
        // Whose packets are in a part of the flow's time, the row does not tell.
        row.is_plain && if is_within { sides.any(matches) } else { sides.all(matches) }
    }

    fn time_of(&self, flow: &Gathered) -> Truth {
        let (start, end) = (flow.row.start, flow.row.end);
        match () {
            () if self.from.is_some_and(|from| end < from) || self.to.is_some_and(|to| start >= to) => Truth::No,
            // These two are times of packets; between them there may be none.
            () if self.is_in_time(start) || self.is_in_time(end) => Truth::Yes,
            () => Truth::Unknown,
        }
    }
}

/// Whether a flow can be in the answer to a query, by all of its parts or by those that are known.
pub(super) fn is_wanted(query: &Query, judge: &Judge, flow: &Gathered, is_whole: bool) -> bool {
    query.wants_flow(flow.row.flow_id) && if is_whole { judge.flow(flow) != Truth::No } else { judge.may_match(flow) }
}

fn asked<'a>(
    asked: &'a mut HashMap<LinkType, Asked>,
    question: &Question,
    resolver: &dyn Resolver,
    link_type: LinkType,
) -> &'a mut Asked {
    let programs = || question.compile_for(link_type, resolver);
    asked.entry(link_type).or_insert_with(|| Asked { programs: programs(), unjudged: 0 })
}

fn fields_of<'a>(tape: Option<&'a (Reach, String)>, flow: &'a Gathered) -> RowFields<'a> {
    let sensor = tape.map(|(_, sensor)| sensor.as_str());
    RowFields { flow, kept: kept(tape, &flow.row), sensor }
}

fn kept(tape: Option<&(Reach, String)>, row: &FlowRow) -> Kept {
    row.kept(tape.map_or(LaneSet::ALL, |(reach, _)| reach.lanes_since(row.first_arrival)))
}
