//! How much an answer will be, told from rows before packets are read.

use std::path::Path;

use packet::{Interface, Packet};

use super::gather::Gathered;
use super::judge::{Judge, is_wanted};
use super::selection::Selection;
use super::tail::Tail;
use super::view::View;
use super::{Query, Source, rows};
use crate::Error;

/// How much an answer is at most, as far as rows tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Packets of the flows that can have a matching one.
    pub packets_max: u64,
    /// What was recorded of them.
    pub bytes_max: u64,
}

/// How many packets the answer has at most; `None` of captures, whose flows nobody has counted yet.
///
/// Flows that reach beyond the times that are asked for count whole, and flows without rows do not count.
pub fn estimate(source: &Source, query: &Query) -> Result<Option<Estimate>, Error> {
    match source {
        Source::Tape(directory) => of_tape(directory, query).map(Some),
        Source::Captures(_) => Ok(None),
    }
}

fn of_tape(directory: &Path, query: &Query) -> Result<Estimate, Error> {
    let mut view = View::open(directory)?;
    let judge = Judge::of_tape(query, &mut view)?;
    let mut alone = Judge::new(query);
    let mut keep = |flow: &Gathered, is_whole: bool| is_wanted(query, &judge, flow, is_whole);
    let mut matches = |packet: &Packet, interface: &Interface| alone.packet_alone(packet, interface);
    let selection = Selection::new(query, &view.catalog);
    let found = rows::read(&mut view, &selection, query.range(), &mut keep, Some(Tail::rows(&mut matches)))?;
    let latest = view.latest()?;
    let mut flows = found.gather.into_sorted(latest);
    flows.retain(|flow| is_wanted(query, &judge, flow, true));
    let mut sum = Estimate::default();
    for row in flows.iter().map(|flow| &flow.row) {
        sum.packets_max = sum.packets_max.saturating_add(row.pkts_toserver).saturating_add(row.pkts_toclient);
        sum.bytes_max = sum.bytes_max.saturating_add(row.captured_bytes);
    }
    if let Some(limit) = query.limit.filter(|limit| *limit < sum.packets_max) {
        // The packets are taken to be alike.
        let part = u128::from(sum.bytes_max) * u128::from(limit) / u128::from(sum.packets_max.max(1));
        sum = Estimate { packets_max: limit, bytes_max: u64::try_from(part).unwrap_or(u64::MAX) };
    }
    Ok(sum)
}
