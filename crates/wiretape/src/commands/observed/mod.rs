//! What was said in flows, as observations: by their packets, or by their rows.

mod rows;

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use investigate::indicators::{Observer, Observing, Search};
use investigate::{At, Expected, Investigation, Limits, Side};
use tape::question::{self, Coverage, Query, Source};

pub(super) use self::rows::rows;
use super::progress::Waiting;
use crate::errors::Failure;

/// Tells what was said in the flows that match, by their packets.
pub(super) fn packets(
    source: &Source,
    query: &Query,
    observing: &mut impl Observing,
    search: Option<Search>,
) -> Result<Coverage, Failure> {
    packets_of(source, query, observing, search, |_| true, &HashMap::new())
}

/// The same, of those whose ids are `wanted`; some were `announced` by others that need not be among them.
fn packets_of(
    source: &Source,
    query: &Query,
    observing: &mut impl Observing,
    search: Option<Search>,
    wanted: impl Fn(u64) -> bool,
    announced: &HashMap<u64, Expected>,
) -> Result<Coverage, Failure> {
    let mut investigation = Investigation::new(Limits::default());
    let mut observer = Observer::new(observing, search);
    let mut heard = HashSet::new();
    let mut waiting = Waiting::begin();
    let coverage = question::conversations(source, query, &mut |packet, _, spoken| {
        waiting.packet(packet.data.len());
        let (flow, headers) = (spoken.flow_id.0, spoken.headers);
        if !wanted(flow) {
            return ControlFlow::Continue(());
        }
        if let Some(expected) = announced.get(&flow).filter(|_| heard.insert(flow)) {
            investigation.expect(expected.clone());
        }
        let at = At { flow, time: packet.time, arrival: packet.arrival.unwrap_or(0) };
        if let Some(key) = headers.key {
            let key = if spoken.from_client { key } else { key.reversed() };
            observer.observing().meet(flow, key.src, key.dest);
        }
        let side = if spoken.from_client { Side::Client } else { Side::Server };
        observer.payload(at, spoken.from_client, packet, headers);
        investigation.packet(flow, side, packet, headers, &mut observer);
        ControlFlow::Continue(())
    })?;
    investigation.finish(&mut observer);
    observer.finish();
    Ok(coverage)
}

/// What two looks at the same range cover together.
pub(super) fn together(one: Coverage, other: Coverage) -> Coverage {
    let mut both = other;
    both.gaps.extend(one.gaps.into_iter().filter(|gap| !both.gaps.contains(gap)).collect::<Vec<_>>());
    both.losses.extend(one.losses.into_iter().filter(|loss| !both.losses.contains(loss)).collect::<Vec<_>>());
    both.expired.extend(one.expired.into_iter().filter(|expired| !both.expired.contains(expired)).collect::<Vec<_>>());
    both.damaged.extend(one.damaged.into_iter().filter(|damage| !both.damaged.contains(damage)).collect::<Vec<_>>());
    both.unjudged.extend(one.unjudged.into_iter().filter(|other| !both.unjudged.contains(other)).collect::<Vec<_>>());
    both.undecided_flows = both.undecided_flows.max(one.undecided_flows);
    both.undecided_packets = both.undecided_packets.max(one.undecided_packets);
    both.rowless_frames = both.rowless_frames.max(one.rowless_frames);
    both.beyond_heads = both.beyond_heads.max(one.beyond_heads);
    both.recording |= one.recording;
    both
}
