//! What was said in flows, as observations: by their packets, or by their rows.

mod rows;

use std::ops::ControlFlow;

use investigate::indicators::{Observer, Observing, Search};
use investigate::{At, Investigation, Limits, Side};
use tape::question::{self, Coverage, Query, Source};

pub(super) use self::rows::rows;
use super::progress::Waiting;
use crate::errors::Failure;
use crate::payload::Announcements;

/// Tells what was said in the flows that match, by their packets.
pub(super) fn packets(
    source: &Source,
    query: &Query,
    observing: &mut impl Observing,
    search: Option<Search>,
) -> Result<Coverage, Failure> {
    packets_of(source, query, observing, search, |_| true)
}

/// The same, of those whose ids are `wanted`.
fn packets_of(
    source: &Source,
    query: &Query,
    observing: &mut impl Observing,
    search: Option<Search>,
    wanted: impl Fn(u64) -> bool,
) -> Result<Coverage, Failure> {
    let mut investigation = Investigation::new(Limits::default());
    let mut observer = Observer::new(observing, search);
    let mut announcements = Announcements::default();
    let mut waiting = Waiting::begin();
    let coverage = question::conversations(source, query, &mut |packet, _, spoken| {
        waiting.packet(packet.data.len());
        let (flow, headers) = (spoken.flow_id.0, spoken.headers);
        if !wanted(flow) {
            return ControlFlow::Continue(());
        }
        announcements.before(spoken, &mut investigation);
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
