//! What `status` says of the lanes: shares, reach, pace, who is cut and what goes.

use std::time::Duration;

use serde_json::{Value, json};
use tape::Lane;
use tape::format::chain::Eviction;
use tape::status::{LanePace, LaneStatus, Status};

use crate::output::coverage::thousands;
use crate::terminal::escaped;
use crate::units::{second_text, size_text, span_text};

/// A line for each lane, and what ageing took last.
pub(super) fn text(status: &Status) -> Vec<String> {
    let mut lines = vec!["LANE           SHARE         HOLDS  REACH            PACE/h  NOW".to_owned()];
    lines.extend(status.lanes.iter().map(lane_line));
    if let Some(since) = status.overloaded {
        let since = second_text(since);
        lines.push(format!("overload   more comes than can be written: bulk is cut to headers since {since} UTC"));
    }
    let evicted = status.lanes.iter().filter_map(|lane| lane.evicted.as_ref()).chain(&status.flows_evicted);
    let evicted: Vec<String> = evicted.map(|eviction| format!("  {}", eviction_text(eviction))).collect();
    match evicted.is_empty() {
        true => lines.push("evicted    nothing yet".to_owned()),
        false => lines.push("evicted    last of each:".to_owned()),
    }
    lines.extend(evicted);
    lines
}

fn lane_line(lane: &LaneStatus) -> String {
    let pace = lane.pace.as_ref();
    let size = |bytes: Option<u64>| bytes.map_or("-".to_owned(), size_text);
    let reach = reach_ns(lane).map_or("-".to_owned(), |reach| span_text(Duration::from_nanos(reach)));
    format!(
        "{:<8} {:>11}  {:>12}  {reach:<12} {:>10}  {}",
        lane.lane.name(),
        size(pace.map(|pace| pace.share_bytes)),
        size_text(lane.bytes),
        size(pace.and_then(|pace| pace.pace_bytes_a_second).map(|pace| pace.saturating_mul(3600))),
        pace.map_or("-".to_owned(), |pace| state_text(lane.lane, lane.bytes, pace)),
    )
}

/// How a lane does, in plain words.
fn state_text(lane: Lane, bytes: u64, pace: &LanePace) -> String {
    if lane == Lane::Junk {
        return "takes what proves nothing and what is cut off elsewhere; evicts itself first".to_owned();
    }
    let Some(seconds) = pace.above_for_seconds else {
        return match pace.pace_bytes_a_second {
            None if bytes == 0 => "empty".to_owned(),
            None => "has room: nobody is judged".to_owned(),
            Some(_) => format!("within its pace, {} % of its burst allowance left", pace.burst_left_percent),
        };
    };
    let [start, headers, nothing] = pace.sources_cut;
    format!(
        "above its pace for {}: kept are 4 KiB of the heads of {start} sources, headers of {headers}, nothing of {nothing}; \
         {} packets ({}) became junk or headers",
        span_text(Duration::from_secs(seconds)),
        thousands(pace.packets_cut),
        size_text(pace.bytes_cut),
    )
}

fn eviction_text(eviction: &Eviction) -> String {
    format!(
        "{}: {} files up to {} UTC, {}",
        escaped(&eviction.lane),
        thousands(eviction.segments),
        second_text(eviction.to),
        why_text(&eviction.why, &eviction.lane)
    )
}

/// Why ageing took something.
fn why_text(why: &str, lane: &str) -> String {
    match why {
        "budget" => format!("the tape is full, and {} was furthest over its share", escaped(lane)),
        "keep-free" => "others fill the file system, of which a part stays free".to_owned(),
        "max-age" => "it was older than --max-age allows".to_owned(),
        "disk full" => "the file system was full".to_owned(),
        other => escaped(other),
    }
}

/// The time between a lane's oldest and newest packet.
pub(super) fn reach_ns(lane: &LaneStatus) -> Option<u64> {
    u64::try_from(lane.newest?.since(lane.oldest?)).ok()
}

/// The same for programs.
pub(super) fn pace_json(lane: &LaneStatus) -> Value {
    let Some(pace) = &lane.pace else { return Value::Null };
    let [start, headers, nothing] = pace.sources_cut;
    json!({
        "share_bytes": pace.share_bytes,
        "bytes_per_second": pace.pace_bytes_a_second,
        "burst_left_percent": pace.burst_left_percent,
        "above_for_seconds": pace.above_for_seconds,
        "sources_cut": { "to_4_kib": start, "to_headers": headers, "to_nothing": nothing },
        "packets_cut": pace.packets_cut,
        "bytes_cut": pace.bytes_cut,
        "state": state_text(lane.lane, lane.bytes, pace),
    })
}

/// What ageing took last, for programs.
pub(super) fn evicted_json(eviction: Option<&Eviction>) -> Value {
    let Some(eviction) = eviction else { return Value::Null };
    json!({
        "files": eviction.segments,
        "bytes": eviction.bytes,
        "from": crate::units::rfc3339(eviction.from),
        "to": crate::units::rfc3339(eviction.to),
        "why": eviction.why,
        "words": why_text(&eviction.why, &eviction.lane),
    })
}
