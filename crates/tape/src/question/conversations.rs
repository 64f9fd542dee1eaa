//! The packets of flows that match, with whose they are: what streams are put together from.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use flow::{FlowId, FlowRow, FlowTable};
use packet::{Headers, Interface, Packet};

use super::captures::{self, Captures};
use super::flows::captured_flows;
use super::judge::Judge;
use super::packets::{Picked, picked_of_tape};
use super::replay::table_of_captures;
use super::{Coverage, Query, Source};
use crate::Error;

/// Whose a packet is.
#[derive(Clone, Copy, Debug)]
pub struct Spoken<'a> {
    /// Its flow.
    pub flow_id: FlowId,
    /// The flow's client sent it.
    pub from_client: bool,
    /// What its headers say.
    pub headers: &'a Headers,
    /// What is known of the flow, where it was chosen by that.
    pub row: Option<&'a FlowRow>,
}

/// Takes packets of flows until it breaks. `interface` of a packet numbers the interfaces of the whole answer.
pub type ConversationSink<'a> = &'a mut dyn FnMut(&Packet, &Interface, &Spoken) -> ControlFlow<()>;

/// Hands out all packets of the flows that have a matching one, in the order of arrival, each with its flow.
///
/// The flows are those of [`flows`](super::flows), with the same ids. Captures are read once where every flow is asked
/// for, or flows by their ids, otherwise twice.
pub fn conversations(source: &Source, query: &Query, sink: ConversationSink) -> Result<Coverage, Error> {
    let query = Query { whole_flows: true, live: false, ..query.clone() };
    match source {
        Source::Tape(directory) => picked_of_tape(directory, &query, &mut |packet, interface, Picked { of, row }| {
            let Some((flow_id, from_client, headers)) = of else { return ControlFlow::Continue(()) };
            sink(packet, interface, &Spoken { flow_id, from_client, headers: &headers, row })
        }),
        Source::Captures(paths) => conversations_of_captures(paths, &query, sink),
    }
}

fn conversations_of_captures(paths: &[PathBuf], query: &Query, sink: ConversationSink) -> Result<Coverage, Error> {
    let is_by_id = query.expression.is_none() && query.range() == (None, None);
    let (wanted, mut coverage): (HashMap<FlowId, Option<FlowRow>>, _) = if is_by_id {
        (query.flow_ids.iter().map(|id| (*id, None)).collect(), Coverage::default())
    } else {
        Captures::check_repeatable(paths)?;
        let (flows, coverage) = captured_flows(paths, query, &mut Judge::new(query), query.payload)?;
        (flows.into_iter().map(|flow| (flow.row.flow_id, Some(flow.row))).collect(), coverage)
    };
    let is_everything = is_by_id && wanted.is_empty();
    let mut table = table_of_captures([0; 16]);
    let mut captures = Captures::new(paths);
    let limit = query.limit.unwrap_or(u64::MAX);
    while coverage.matched < limit {
        let taken = captures.next(|packet, interface| {
            let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
            let Some((flow_id, from_client)) = flow_of(&mut table, packet, &headers) else {
                return ControlFlow::Continue(());
            };
            let known = wanted.get(&flow_id);
            if !is_everything && known.is_none() {
                return ControlFlow::Continue(());
            }
            coverage.matched += 1;
            let row = known.and_then(Option::as_ref);
            sink(packet, interface, &Spoken { flow_id, from_client, headers: &headers, row })
        })?;
        match taken {
            Some(ControlFlow::Continue(())) => {}
            Some(ControlFlow::Break(())) => break,
            None if !is_by_id => break,
            None => {
                captures.extent.add_gaps(&mut coverage, query.range(), &captures::OUTSIDE);
                break;
            }
        }
    }
    coverage.damaged = captures.damaged;
    Ok(coverage)
}

fn flow_of(table: &mut FlowTable, packet: &Packet, headers: &Headers) -> Option<(FlowId, bool)> {
    let seen = table.observe(packet, headers, packet.arrival.unwrap_or(0), 1);
    let flow_id = table.flow_id(seen.slot);
    if table.wants_checkpoint() {
        table.checkpoint();
    }
    Some((flow_id?, seen.from_client))
}
