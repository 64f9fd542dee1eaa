//! Files that must be there and are not: numbers have no holes, and the log says what ageing has taken.

use std::path::{Path, PathBuf};

use super::covered::Evicted;
use super::view::View;
use super::{Coverage, Damage};
use crate::Lane;
use crate::format::names;

/// The log, of a tape that has anything.
pub(super) fn add_log(coverage: &mut Coverage, view: &View) {
    let any = Lane::ALL.into_iter().any(|lane| !view.listing.segments(lane).is_empty());
    if any || !view.catalog.files().is_empty() {
        let what = "the log is missing: gaps, losses, and what ageing has taken are not known".to_owned();
        coverage.damaged.push(Damage { path: view.tape.directory().join(names::CHAIN), what });
    }
}

/// Segments that are missing: between others, behind the last one, or all of a lane.
pub(super) fn add_segments(coverage: &mut Coverage, view: &View, evicted: &Evicted) {
    for lane in Lane::ALL {
        let segments = view.listing.segments(lane);
        let present: Vec<u64> = segments.iter().map(|name| name.number).collect();
        let first = evicted.first_expected(lane.name(), present.first().copied());
        for (from, to) in holes(first, &present, last_counted(view, lane)) {
            let before = segments.iter().rfind(|name| name.number < from);
            let path = before.map_or_else(|| PathBuf::from(lane.name()), |name| name.path(lane));
            let what = match (before, to - from + 1) {
                (Some(_), count) => format!("{count} segments behind it are missing"),
                (None, _) => format!("segments {from} to {to} are missing"),
            };
            coverage.damaged.push(Damage { path: view.tape.directory().join(path), what });
        }
    }
}

/// Flow files that are missing.
pub(super) fn add_flow_files(coverage: &mut Coverage, view: &View, evicted: &Evicted) {
    let present: Vec<u64> = view.catalog.files().iter().map(|name| name.number).collect();
    let first = evicted.first_expected(names::FLOWS, present.first().copied());
    let last = view.state.as_ref().map_or(0, |state| state.head.flow_file);
    for (from, to) in holes(first, &present, last) {
        let what = if from == to {
            format!("flow file {from} is missing")
        } else {
            format!("flow files {from} to {to} are missing")
        };
        coverage.damaged.push(Damage { path: view.tape.directory().join(Path::new(names::FLOWS)), what });
    }
}

/// The last segment of a lane that packets have been counted of.
fn last_counted(view: &View, lane: Lane) -> u64 {
    let of_state = view.state.as_ref().map(|state| state.head.covers.lane(lane));
    let files = view.catalog.files().len() as u32;
    let of_file = files.checked_sub(1).and_then(|newest| view.catalog.summary(newest));
    let end = of_state.max(of_file.map(|summary| summary.covers.lane(lane))).unwrap_or_default();
    // Nothing has been counted of a segment that is still to begin.
    if end.uoffset == 0 { end.segment.saturating_sub(1) } else { end.segment }
}

/// The runs of numbers from `first` on and up to `last`, or the last that is present, that are not.
fn holes(first: u64, present: &[u64], last: u64) -> Vec<(u64, u64)> {
    let mut holes = Vec::new();
    let mut expected = first;
    for number in present.iter().copied().chain([last.saturating_add(1)]) {
        if number > expected {
            holes.push((expected, number - 1));
        }
        expected = expected.max(number.saturating_add(1));
    }
    holes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_found() {
        let check = |first: u64, present: &[u64], last: u64, expected: &[(u64, u64)]| {
            assert_eq!(holes(first, present, last), expected, "{first} {present:?} {last}");
        };
        check(1, &[1, 2, 3], 3, &[]);
        check(1, &[1, 2, 3], 0, &[]);
        check(2, &[2, 5], 5, &[(3, 4)]);
        check(1, &[3], 5, &[(1, 2), (4, 5)]);
        check(1, &[], 2, &[(1, 2)]);
        check(1, &[], 0, &[]);
        check(1, &[], u64::MAX, &[(1, u64::MAX - 1)]);
    }
}
