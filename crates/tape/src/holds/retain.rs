//! Holds of policies: they keep what matches for a time, and then let it go; sooner where there is no room.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use packet::Timestamp;

use super::orders::{ask, replace_order};
use super::shelf::read_order;
use crate::Lane;
use crate::clock::Moment;
use crate::disk::{Disk, read_file};
use crate::format::catalog::decode;
use crate::format::chain::Eviction;
use crate::format::hold::{Order, Progress};
use crate::format::names::{self, FlowFileName, SegmentName};
use crate::index::FlowIndex;

/// What a policy has kept for longer than the tape's ageing would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retained {
    /// The policy's name.
    pub name: String,
    /// What it matches.
    pub expression: String,
    /// For how long at least.
    pub span: Duration,
}

impl Retained {
    /// The name of its hold.
    pub fn hold(&self) -> String {
        format!("policy-{}", self.name)
    }
}

/// Leaves an order for each policy that retains anything, or brings it up to date.
pub(super) fn leave_orders(directory: &Path, retained: &[Retained]) -> Result<(), crate::Error> {
    for policy in retained {
        let now = Moment::now().time;
        let order = Order {
            reason: format!("policy {}", policy.name),
            owner: "policy".to_owned(),
            created: now,
            expression: Some(policy.expression.clone()),
            from: Some(now),
            to: None,
            review: None,
            bytes_max: None,
            retain_s: Some(policy.span.as_secs()),
        };
        match read_order(directory, &policy.hold()) {
            None => {
                ask(directory, &policy.hold(), &order)?;
            }
            Some(before) => {
                let order = Order { created: before.created, from: before.from, ..order };
                if order != before {
                    replace_order(directory, &policy.hold(), &order)?;
                }
            }
        }
    }
    Ok(())
}

/// A segment of a hold.
struct Piece {
    lane: Lane,
    number: u64,
    path: PathBuf,
    bytes: u64,
    packets: u64,
    first: Timestamp,
    last: Timestamp,
}

/// Removes segments that end before `before`, and then the oldest until so many bytes are free; with the rows that are
/// of nothing else. Says how much that was, and what went.
pub(super) fn trim(
    disk: &dyn Disk,
    progress: &mut Progress,
    before: Timestamp,
    bytes: u64,
) -> io::Result<(u64, Vec<Eviction>)> {
    let mut pieces = pieces(disk, progress)?;
    pieces.sort_by_key(|piece| piece.last);
    let (mut freed, mut gone) = (0, Vec::new());
    for piece in &pieces {
        if piece.last >= before && freed >= bytes {
            break;
        }
        disk.remove(&piece.path)?;
        let _ = disk.remove(&names::catalog_path(piece.lane, piece.number));
        freed += piece.bytes;
        progress.packets = progress.packets.saturating_sub(piece.packets);
        let is_given_up = piece.last >= before;
        if is_given_up {
            progress.given_up = progress.given_up.max(Some(piece.last));
        }
        gone.push(Eviction {
            lane: piece.lane.name().to_owned(),
            first: piece.number,
            last: piece.number,
            segments: 1,
            bytes: piece.bytes,
            from: piece.first,
            to: piece.last,
            why: if is_given_up { "budget" } else { "max-age" }.to_owned(),
        });
    }
    if !gone.is_empty() {
        progress.first = pieces.iter().skip(gone.len()).map(|piece| piece.first).min();
        trim_rows(disk, progress)?;
    }
    Ok((freed, gone))
}

fn trim_rows(disk: &dyn Disk, progress: &Progress) -> io::Result<()> {
    for entry in disk.list(Path::new(names::FLOWS))? {
        let Some(name) = FlowFileName::parse(&entry.name).filter(|name| name.number <= progress.rows_file) else {
            continue;
        };
        let index = names::flow_index_path(name.number);
        let bytes = read_file(disk, &index, 1 << 30).unwrap_or_default();
        let end = FlowIndex::from_bytes(bytes).ok().map(|index| index.summary().times.1);
        if end.is_some_and(|end| progress.first.is_none_or(|first| end < first)) {
            disk.remove(&name.path())?;
            let _ = disk.remove(&index);
        }
    }
    Ok(())
}

fn pieces(disk: &dyn Disk, progress: &Progress) -> io::Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    for lane in Lane::ALL.into_iter().filter(|lane| progress.last_segment(*lane) > 0) {
        for entry in disk.list(Path::new(lane.name()))? {
            let Some(name) = SegmentName::parse(&entry.name).filter(|name| name.number <= progress.last_segment(lane))
            else {
                continue;
            };
            let index = read_file(disk, &names::catalog_path(lane, name.number), 1 << 30).unwrap_or_default();
            let records = decode(&index, name.number);
            let times = || records.iter().filter(|record| record.packets > 0);
            pieces.push(Piece {
                lane,
                number: name.number,
                path: name.path(lane),
                bytes: entry.status.allocated,
                packets: records.iter().map(|record| u64::from(record.packets)).sum(),
                first: times().map(|record| record.first_time).min().unwrap_or(name.time),
                last: times().map(|record| record.last_time).max().unwrap_or(name.time),
            });
        }
    }
    Ok(pieces)
}
