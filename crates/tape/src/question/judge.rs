//! Does a packet, or a flow, match?

use packet::{Headers, Interface, Packet, Timestamp};

use super::Query;
use super::expression::Programs;
use super::gather::Gathered;
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
}

/// Applies a query to packets and rows.
pub(super) struct Judge {
    programs: Option<Programs>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Judge {
    /// A judge by this query.
    pub(super) fn new(query: &Query) -> Self {
        Self { programs: query.expression.clone().map(Programs::new), from: query.from, to: query.to }
    }

    /// True if packets cannot be judged without the rows of their flows.
    pub(super) fn needs_rows(&self) -> bool {
        false
    }

    /// True if some packets could be told to match, or not, by the rows of their flows.
    pub(super) fn can_prune(&self) -> bool {
        false
    }

    /// Whether a packet of this time can match.
    pub(super) fn is_in_time(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time < to)
    }

    /// Whether a frame can hold packets of the times that are asked for.
    pub(super) fn can_hold(&self, frame: &Frame) -> bool {
        frame.packets > 0 && frame.overlaps(self.from, self.to)
    }

    /// Whether a packet matches; `flow` is what is known of its flow.
    pub(super) fn packet(
        &mut self,
        packet: &Packet,
        interface: &Interface,
        headers: &Headers,
        flow: Option<&Gathered>,
    ) -> bool {
        let _ = (headers, flow);
        self.is_in_time(packet.time)
            && self.programs.as_mut().is_none_or(|programs| programs.matches(packet, interface))
    }

    /// Whether a flow has a matching packet, as far as its row tells.
    pub(super) fn flow(&self, flow: &Gathered) -> Truth {
        if flow.matched {
            return Truth::Yes;
        }
        match self.time_of(flow) {
            Truth::Yes if self.programs.is_some() => Truth::Unknown,
            truth => truth,
        }
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
