//! The flows of a tape: rows of its flow files, and of the packets that are not in any of them yet.

use packet::Timestamp;

use super::gather::{Gather, Gathered};
use super::reading::Reading;
use super::replay::Replay;
use super::selection::{Files, Selection};
use super::tail::Tail;
use super::uncounted;
use super::view::View;
use crate::Error;
use crate::format::state::Covers;
use crate::read::Frame;

/// The flows of a tape, and which of its frames they are in.
pub(super) struct Rows {
    pub(super) gather: Gather,
    /// Frames of the times that are asked for with packets whose flows are not known.
    pub(super) rowless: Vec<Frame>,
    /// Where the packets begin that flow files do not count.
    pub(super) tail: Covers,
    /// The flow table behind the last packet, if the tail was replayed.
    pub(super) replay: Option<Replay>,
}

/// Says what becomes of flows while rows are read.
pub(super) trait Sieve {
    /// False if a flow is of no interest, or no longer; `is_whole` if all of its rows are known.
    fn keep(&mut self, flow: &Gathered, is_whole: bool) -> bool;

    /// True when no more flows are wanted.
    fn is_full(&self) -> bool {
        false
    }
}

impl<F: FnMut(&Gathered, bool) -> bool> Sieve for F {
    fn keep(&mut self, flow: &Gathered, is_whole: bool) -> bool {
        self(flow, is_whole)
    }
}

/// Flows by those of their rows that were chosen.
pub(super) struct ByChosenRows<'v> {
    pub(super) reading: Reading<'v>,
    rowless: Vec<Frame>,
    tail: Covers,
    replay: Option<Replay>,
}

/// Reads the rows that a selection wants, and all others of the flows that these are of, as far as `sieve` keeps them.
///
/// With `tail`, packets behind the flow files are replayed into rows.
pub(super) fn read(
    view: &mut View,
    selection: &Selection,
    range: (Option<Timestamp>, Option<Timestamp>),
    sieve: &mut dyn Sieve,
    tail: Option<Tail>,
) -> Result<Rows, Error> {
    choose(view, selection, range, sieve, tail)?.complete(selection)
}

/// As [`read`], without the other rows.
pub(super) fn choose<'v>(
    view: &'v mut View,
    selection: &Selection,
    range: (Option<Timestamp>, Option<Timestamp>),
    sieve: &mut dyn Sieve,
    tail: Option<Tail>,
) -> Result<ByChosenRows<'v>, Error> {
    let files = files_of(view, selection);
    let mut reading = Reading::new(view)?;
    for file in files.needed.iter() {
        if sieve.is_full() {
            break;
        }
        let chosen = selection.rows(&reading.view.catalog, file);
        reading.add(file, chosen, None)?;
        reading.drop(file, selection, sieve);
    }
    reading.end_rows(&files.needed);
    if selection.asks_beyond_heads() {
        reading.note_beyond_heads(&files.in_time, selection);
    }
    let covers = uncounted::tail(reading.view, &reading.unread)?;
    let mut replay = None;
    let mut rowless = uncounted::frames(reading.view, &files.in_time, &reading.unread, range)?;
    if let Some(tail) = tail
        && (tail.keeps_table || reading.has_tail(covers)?)
    {
        let replayed = reading.replay_tail(covers, tail)?;
        rowless.extend(replayed.rowless.into_iter().filter(|frame| frame.overlaps(range.0, range.1)));
        replay = Some(replayed.replay);
        let of = replayed.packets;
        reading.view.stages.end("packets behind the flow files", of, of, 0);
        reading.gather.retain(|flow| sieve.keep(flow, false));
    }
    Ok(ByChosenRows { reading, rowless, tail: covers, replay })
}

impl ByChosenRows<'_> {
    /// Reads the other rows of these flows.
    pub(super) fn complete(self, selection: &Selection) -> Result<Rows, Error> {
        let Self { mut reading, rowless, tail, replay } = self;
        reading.complete(selection)?;
        let flows = reading.gather.iter().count() as u64;
        reading.view.stages.end("flows that may match, made whole", flows, flows, 0);
        Ok(Rows { gather: reading.gather, rowless, tail, replay })
    }
}

/// Reads the rows that a selection wants, and no others: parts of flows, with the frames that they are in.
pub(super) fn read_parts(
    view: &mut View,
    selection: &Selection,
    range: (Option<Timestamp>, Option<Timestamp>),
    sieve: &mut dyn Sieve,
) -> Result<Rows, Error> {
    let files = files_of(view, selection);
    let mut reading = Reading::new(view)?;
    for file in files.needed.iter() {
        let chosen = selection.rows(&reading.view.catalog, file);
        reading.add(file, chosen, None)?;
        reading.gather.end_batch(|_| false, |flow, _| sieve.keep(flow, false));
    }
    reading.end_rows(&files.needed);
    let tail = uncounted::tail(reading.view, &reading.unread)?;
    let rowless = uncounted::frames(reading.view, &files.in_time, &reading.unread, range)?;
    Ok(Rows { gather: reading.gather, rowless, tail, replay: None })
}

/// The flow files that a selection wants.
fn files_of(view: &mut View, selection: &Selection) -> Files {
    let files = selection.files(&view.catalog);
    view.stages.explanation.needs = selection.to_words();
    let in_time = files.in_time.len();
    view.stages.end("flow files by time", in_time, view.catalog.files().len() as u64, 0);
    view.stages.end("flow files by index", files.needed.len(), in_time, 0);
    files
}
