//! Packets without rows: flow files that are missing or damaged, and a flow table that was full.

use std::collections::BTreeSet;

use packet::Timestamp;

use super::files;
use super::view::{View, sort_and_dedup};
use crate::format::state::{Covers, Position};
use crate::index::RowSet;
use crate::read::Frame;
use crate::{Error, Lane};

/// Where the packets begin that the flow files do not count: the newest file that can be read says so.
pub(super) fn tail(view: &mut View, unread: &BTreeSet<u32>) -> Result<Covers, Error> {
    for file in (0..view.catalog.files().len() as u32).rev().filter(|file| !unread.contains(file)) {
        if let Some(covers) = files::covers(view, file)? {
            return Ok(covers);
        }
    }
    Ok(Covers::default())
}

/// The stretches of lanes before the tail that no flow file counts.
fn stretches(view: &mut View, unread: &BTreeSet<u32>) -> Result<Vec<(Lane, Position, Position)>, Error> {
    let mut stretches = Vec::new();
    // The last file that counts, and its number.
    let mut last: Option<(u32, u64)> = None;
    for file in 0..view.catalog.files().len() as u32 {
        let Some(name) = view.catalog.files().get(file as usize).copied() else { break };
        if unread.contains(&file) {
            continue;
        }
        if last.map_or(0, |(_, number)| number) + 1 != name.number {
            let Some(starts) = files::starts(view, file)? else { continue };
            add_between(&mut stretches, covers_of(view, last)?, starts);
        }
        last = Some((file, name.number));
    }
    if let Some(state) = view.state.as_ref().map(|state| state.head.covers) {
        add_between(&mut stretches, covers_of(view, last)?, state);
    }
    Ok(stretches)
}

fn covers_of(view: &mut View, file: Option<(u32, u64)>) -> Result<Covers, Error> {
    let Some((file, _)) = file else { return Ok(Covers::default()) };
    Ok(files::covers(view, file)?.unwrap_or_default())
}

fn add_between(stretches: &mut Vec<(Lane, Position, Position)>, from: Covers, to: Covers) {
    let of_lanes = Lane::ALL.into_iter().map(|lane| (lane, from.lane(lane), to.lane(lane)));
    stretches.extend(of_lanes.filter(|(_, from, to)| from < to));
}

/// The frames before the tail that hold packets without rows, of the times that are asked for.
///
/// `in_time` are the flow files of these times, `unread` those that could not be read.
pub(super) fn frames(
    view: &mut View,
    in_time: &RowSet,
    unread: &BTreeSet<u32>,
    (from, to): (Option<Timestamp>, Option<Timestamp>),
) -> Result<Vec<Frame>, Error> {
    let mut frames = Vec::new();
    for (lane, begin, end) in stretches(view, unread)? {
        let between = view.listing.between_in_time(&mut view.tape, lane, (begin, Some(end)), (from, to))?;
        frames.extend(between);
    }
    for file in in_time.iter().filter(|file| !unread.contains(file)) {
        if view.catalog.summary(file).is_none_or(|summary| summary.has_rowless) {
            frames.extend(files::rowless(view, file)?);
        }
    }
    frames.retain(|frame| frame.packets > 0 && frame.overlaps(from, to));
    sort_and_dedup(&mut frames);
    Ok(frames)
}
