//! What a question will do, and what it will cost, before it is answered.

use std::time::Duration;

use super::gather::Gathered;
use super::judge::{Judge, Truth, is_wanted};
use super::selection::{Chosen, Selection};
use super::view::View;
use super::{Coverage, Query, Source, packets, rows};
use crate::Error;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Flows.
    Flows,
    /// Packets.
    Packets,
}

/// What a question will do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What a flow must have to match, as far as an index can tell.
    pub needs: String,
    /// Flow files with packets of the times that are asked for, and how many there are.
    pub files_in_time: (u64, u64),
    /// Those of them whose rows are read, and rows of them that are; none where packets are read without rows.
    pub files: u64,
    /// Rows that are read, and how many these files have.
    pub rows: (u64, u64),
    /// Frames of packets that are read at most.
    pub frames: u64,
    /// Their bytes, uncompressed.
    pub frame_bytes: u64,
    /// Their packets: there are no more to judge.
    pub packets_max: u64,
    /// How long it will take, about, from files that are in memory.
    pub took: Duration,
}

/// Bytes of frames that a processor unpacks and judges in a second, about.
const FRAME_BYTES_A_SECOND: u64 = 500_000_000;

/// Reading a row, about, and what opening a file adds.
const ROW: Duration = Duration::from_nanos(2000);
const FILE: Duration = Duration::from_millis(1);

/// Works out what a question will do; `None` of captures, which are simply read, and of what is to come.
///
/// Rows are read for it where they say which frames are.
pub fn plan(source: &Source, query: &Query, subject: Subject) -> Result<Option<Plan>, Error> {
    let Source::Tape(directory) = source else { return Ok(None) };
    if query.live {
        return Ok(None);
    }
    let mut view = View::open(directory)?;
    let judge = Judge::of_tape(query, &mut view)?;
    let selection = Selection::new(query, &view.catalog);
    let mut plan = Plan { needs: selection.to_words(), ..Plan::default() };
    let is_scan = subject == Subject::Packets && selection.is_everything() && !judge.can_prune();
    if !is_scan {
        add_rows(&mut plan, &view, &selection);
    }
    let frames = match subject {
        Subject::Packets => packets::frames(&mut view, query, &judge, &mut Coverage::default())?,
        Subject::Flows if judge.needs_bytes() => {
            let mut keep = |flow: &Gathered, is_whole: bool| is_wanted(query, &judge, flow, is_whole);
            let found = rows::read(&mut view, &selection, query.range(), &mut keep, None)?;
            // Most flows are decided by their first packet.
            let flows = found.gather.iter().filter(|flow| judge.flow(flow) == Truth::Unknown);
            let first: Vec<u32> = flows.filter_map(|flow| flow.frames.first().copied()).collect();
            view.resolve(first.into_iter())?.frames
        }
        Subject::Flows => Vec::new(),
    };
    plan.frames = frames.len() as u64;
    plan.frame_bytes = frames.iter().map(|frame| u64::from(frame.ubytes)).sum();
    plan.packets_max = frames.iter().map(|frame| u64::from(frame.packets)).sum();
    plan.took = cost(&plan);
    Ok(Some(plan))
}

fn add_rows(plan: &mut Plan, view: &View, selection: &Selection) {
    let files = selection.files(&view.catalog);
    plan.files_in_time = (files.in_time.len(), view.catalog.files().len() as u64);
    plan.files = files.needed.len();
    for file in files.needed.iter() {
        let of = view.catalog.summary(file).map_or(0, |summary| u64::from(summary.rows));
        plan.rows.1 += of;
        plan.rows.0 += match selection.rows(&view.catalog, file) {
            Chosen::All => of,
            Chosen::Some(rows) => rows.len(),
        };
    }
}

fn cost(plan: &Plan) -> Duration {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let unpacking = Duration::from_nanos(plan.frame_bytes.saturating_mul(1_000_000_000 / FRAME_BYTES_A_SECOND));
    let of_rows = ROW.saturating_mul(u32::try_from(plan.rows.0).unwrap_or(u32::MAX));
    let of_files = FILE.saturating_mul(u32::try_from(plan.files).unwrap_or(u32::MAX));
    of_rows + of_files + unpacking / u32::try_from(processors).unwrap_or(1).max(1)
}
