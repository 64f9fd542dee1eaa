//! What rows say of flows, and which of them have packets that say more.

use std::collections::HashSet;
use std::ops::ControlFlow;

use flow::{FlowRow, Kept};
use investigate::indicators::{Meeting, Observer, Observing};
use packet::Timestamp;
use tape::question::{self, Coverage, Flow, Query, Source};

use super::{packets_of, together};
use crate::commands::progress::Waiting;
use crate::errors::Failure;

/// Flows that are asked for by their ids; of more, the packets of their times are read.
const BY_ID_MAX: usize = 4096;
/// Flows whose packets are read beside rows; more are counted.
const FLOWS_MAX: usize = 1 << 20;
/// Flows whose ends are not further apart are read together.
const TOGETHER_NS: i64 = 3_600_000_000_000;
/// Stretches of time that are read; what lies between further ones is read too.
const STRETCHES_MAX: usize = 16;

/// Whether a field's value in a row says that the packets of the flow can tell more.
pub(in crate::commands) type Beyond<'a> = &'a dyn Fn(&str, &str) -> bool;

/// What rows left open.
#[derive(Default)]
pub(in crate::commands) struct Rows {
    /// What they cover.
    pub(in crate::commands) coverage: Coverage,
    /// Flows whose packets can tell more than their rows, by their last packet.
    open: Vec<(Timestamp, u64)>,
    /// Flows that said more than their head, in a form that can be read: what follows heads is in no row. Of rows that were
    /// passed over, each part counts.
    pub(in crate::commands) beyond_heads: u64,
    /// Flows of `open` for which there was no room.
    unlisted: u64,
}

/// Tells what rows say of the flows that match. What will be read of packets, whatever rows say, `by_packets`, is not told
/// twice.
pub(in crate::commands) fn rows(
    source: &Source,
    query: &Query,
    observing: &mut impl Observing,
    by_packets: bool,
    beyond: Beyond<'_>,
) -> Result<Rows, Failure> {
    let waiting = Waiting::begin();
    let mut observer = Observer::new(observing, None);
    let mut rows = Rows::default();
    rows.coverage = question::flows_in_any_order(source, query, &mut |flow| {
        let is_open = !by_packets && rows.leave_open(flow, beyond);
        let is_read = (by_packets || is_open) && flow.kept == Kept::Full;
        let said = flow.row.payload.iter().filter(|_| !is_read).flat_map(|payload| payload.iter());
        if let Some(meeting) = meeting(flow.row) {
            observer.row(&meeting, said);
        }
        ControlFlow::Continue(())
    })?;
    waiting.end();
    rows.beyond_heads += std::mem::take(&mut rows.coverage.beyond_heads);
    Ok(rows)
}

impl Rows {
    /// Notes what a row does not tell of its flow; true if its packets will.
    fn leave_open(&mut self, flow: &Flow<'_>, beyond: Beyond<'_>) -> bool {
        let row = flow.row;
        let says_more =
            || row.payload.iter().flat_map(|payload| payload.iter()).any(|(name, value)| beyond(name, value));
        if !row.is_unread && !says_more() {
            self.beyond_heads += u64::from(row.says_more_than_head());
            return false;
        }
        let has_room = self.open.len() < FLOWS_MAX && flow.kept != Kept::None;
        if has_room {
            self.open.push((row.end, row.flow_id.0));
        } else {
            self.unlisted += 1;
        }
        has_room
    }

    /// Reads the packets of the flows whose rows do not tell all, and gives what rows and packets cover together.
    pub(in crate::commands) fn read_open(
        mut self,
        source: &Source,
        query: &Query,
        observing: &mut impl Observing,
    ) -> Result<Coverage, Failure> {
        self.open.sort_unstable();
        let by_id = |ids: Vec<flow::FlowId>| Query { expression: None, flow_ids: ids, ..query.clone() };
        let mut coverage = self.coverage;
        coverage.undecided_flows += self.unlisted + self.beyond_heads;
        if self.open.len() <= BY_ID_MAX {
            if !self.open.is_empty() {
                let query = by_id(self.open.iter().map(|(_, id)| flow::FlowId(*id)).collect());
                coverage = together(coverage, packets_of(source, &query, observing, None, |_| true)?);
            }
            return Ok(coverage);
        }
        for stretch in stretches(&self.open) {
            let ids: HashSet<u64> = stretch.iter().map(|(_, id)| *id).collect();
            let (Some((from, _)), Some((last, _))) = (stretch.first(), stretch.last()) else { continue };
            let query = Query { from: Some(*from), to: Some(Timestamp(last.0.saturating_add(1))), ..by_id(Vec::new()) };
            let covered = packets_of(source, &query, observing, None, |id| ids.contains(&id))?;
            coverage = together(coverage, Coverage { gaps: Vec::new(), ..covered });
        }
        Ok(coverage)
    }
}

/// Flows in the order of their ends, parted where nothing ended for long.
fn stretches(open: &[(Timestamp, u64)]) -> Vec<&[(Timestamp, u64)]> {
    let mut stretches: Vec<&[(Timestamp, u64)]> =
        open.chunk_by(|one, next| next.0.since(one.0) <= TOGETHER_NS).collect();
    if stretches.len() > STRETCHES_MAX {
        stretches = vec![open];
    }
    stretches
}

fn meeting(row: &FlowRow) -> Option<Meeting> {
    (row.ip_version != 0).then_some(Meeting {
        flow: row.flow_id.0,
        first: row.start,
        last: row.end,
        client: row.src_ip,
        server: row.dest_ip,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_are_read_together_by_their_ends() {
        let lengths = |minutes: &[i64]| {
            let open: Vec<_> = minutes.iter().map(|minute| (Timestamp(minute * 60_000_000_000), 0)).collect();
            stretches(&open).iter().map(|stretch| stretch.len()).collect::<Vec<_>>()
        };
        assert_eq!(lengths(&[0, 1, 59, 200, 201]), [3, 2]);
        assert_eq!(lengths(&(0..40).map(|number| number * 100).collect::<Vec<_>>()), [40]);
    }
}
