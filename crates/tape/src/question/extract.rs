//! What a hold asks for and does not have yet: flows with their rows and packets, out of the closed part of a tape.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use filter::question::Truth as OfPacket;
use flow::{FlowId, FlowPart};
use packet::{Interface, Packet, Timestamp};

use super::attribute::Attribution;
use super::covered::{self, Needs};
use super::flows::flows_on_lanes;
use super::gather::{Gather, Gathered};
use super::judge::Judge;
use super::selection::{Chosen, Selection};
use super::view::{View, sort_and_dedup};
use super::{Coverage, Query, files, uncounted};
use crate::format::state::Covers;
use crate::index::{Key, RowSet};
use crate::read::{Frame, Merge, Merged};
use crate::rows::{FramePlace, Stored};
use crate::{Error, Lane};

/// Rows that are looked at for one hold at most: they are kept in memory beside a recording.
const ROWS_MAX: u64 = 250_000;
/// The same of what came since the last look, which is not much more than one period of the flow table.
const NEW_ROWS_MAX: u64 = 1_000_000;
/// Flows that are looked up one by one; for more of them flow files are read whole.
const LOOKED_UP_MAX: usize = 512;

/// What is wanted.
pub(crate) struct Sought<'a> {
    /// Expression and times.
    pub(crate) query: &'a Query,
    /// Flow files up to this number have been looked at.
    pub(crate) since: u64,
    /// Flows that are kept already: of them what is new.
    pub(crate) known: &'a HashSet<FlowId>,
}

/// What was found.
pub(crate) struct Extract {
    view: View,
    judge: Judge,
    attribution: Attribution,
    /// By flow: indices into `parts` by their first arrival numbers.
    parts_of: Vec<Vec<u32>>,
    frames: Vec<Frame>,
    /// Places of frames that hold packets without a row.
    rowless: HashSet<(Lane, u64, u64)>,
    /// Rows, each the same as in the tape's flow files; `in_iface` is an index into `interfaces`.
    pub(crate) parts: Vec<FlowPart>,
    /// Names of interfaces, empty for those without.
    pub(crate) interfaces: Vec<String>,
    /// Flow files up to this number have been looked at now.
    pub(crate) until: u64,
    /// Up to where these count.
    pub(crate) covers: Covers,
    /// Flows that were not known before.
    pub(crate) new_flows: Vec<FlowId>,
    /// Flows of which frames are gone.
    pub(crate) incomplete_flows: u64,
    /// Frames that were not there although nothing has taken them: they are on their way.
    pub(crate) is_early: bool,
    /// What the tape says of the times that are asked for, at the first look.
    pub(crate) coverage: Coverage,
}

/// Why nothing could be found.
#[derive(Debug)]
pub(crate) enum Fault {
    /// So many rows are too many to look at beside a recording.
    TooMuch(u64),
    /// The tape, or the expression.
    Tape(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Tape(error)
    }
}

impl Extract {
    /// Finds what is wanted of the tape in `directory`; `None` if there are no flow files that are new.
    pub(crate) fn find(directory: &Path, wanted: &Sought) -> Result<Option<Self>, Fault> {
        let mut view = View::open(directory)?;
        let names = view.catalog.files();
        let new: Vec<u32> =
            (0..).zip(names).filter(|(_, name)| name.number > wanted.since).map(|(file, _)| file).collect();
        let Some(until) = new.last().and_then(|last| names.get(*last as usize)).map(|name| name.number) else {
            return Ok(None);
        };
        let is_first = wanted.since == 0;
        let begin = if is_first { None } else { earliest(&view, &new) };
        let query = Query { from: wanted.query.from.max(begin), whole_flows: false, ..wanted.query.clone() };
        check_amount(&view, &query, if is_first { ROWS_MAX } else { NEW_ROWS_MAX })?;
        let mut coverage = Coverage::default();
        if is_first {
            coverage = covered::coverage(&mut view, &query, Needs::PacketsByRows)?;
        }
        let found = flows_on_lanes(&mut view, &query, &mut coverage)?;
        let ids: HashSet<FlowId> = found.iter().map(|flow| flow.row.flow_id).collect();
        let spans = found.iter().map(|flow| (flow.row.start, flow.row.end));
        let span = spans.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        let unknown: HashSet<FlowId> = ids.difference(wanted.known).copied().collect();
        let mut gathering = Gathering::default();
        gathering.add_unknown(&mut view, &unknown, span, until)?;
        gathering.add_known(&mut view, wanted.known, &new)?;
        let unread = BTreeSet::new();
        let rowless = if is_first {
            let in_time = RowSet::all(view.catalog.files().len() as u32);
            uncounted::frames(&mut view, &in_time, &unread, query.range())?
        } else {
            rowless_of(&mut view, &new, &query)?
        };
        let covers = newest_covers(&mut view, &new)?;
        Ok(Some(gathering.finish(view, &query, Found { until, covers, rowless, unknown, coverage })?))
    }

    /// Hands the packets out in the order of arrival, each with its lane and its row, if it has one.
    pub(crate) fn packets<E: From<Error>>(
        &mut self,
        mut sink: impl FnMut(&Packet, &Interface, Lane, Option<u32>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { view, judge, attribution, parts_of, frames, rowless, parts, .. } = self;
        let mut merge = Merge::new(&mut view.tape, std::mem::take(frames));
        while let Some(Merged { packet, interface, arrival, frame }) = merge.next()? {
            let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
            let flow = attribution.flow_of(&headers, arrival);
            let part = flow.and_then(|flow| part_at(parts, parts_of.get(flow)?, arrival));
            let place = (frame.lane, frame.segment.number, frame.uoffset);
            let lane = frame.lane;
            // A packet without a row is judged alone.
            let is_wanted = part.is_some()
                || (rowless.contains(&place) && judge.packet(&packet, interface, None) == OfPacket::True);
            if is_wanted {
                sink(&packet, interface, lane, part)?;
            }
        }
        Ok(())
    }
}

/// The part that counts the packet with this arrival number.
fn part_at(parts: &[FlowPart], of_flow: &[u32], arrival: u64) -> Option<u32> {
    let next =
        of_flow.partition_point(|index| parts.get(*index as usize).is_some_and(|part| part.first_arrival <= arrival));
    let index = *of_flow.get(next.checked_sub(1)?)?;
    parts.get(index as usize).filter(|part| arrival <= part.last_arrival).map(|_| index)
}

/// The earliest time of a packet that new flow files count.
fn earliest(view: &View, new: &[u32]) -> Option<Timestamp> {
    let times: Option<Vec<Timestamp>> =
        new.iter().map(|file| view.catalog.summary(*file).map(|summary| summary.times.0)).collect();
    times?.into_iter().min()
}

fn check_amount(view: &View, query: &Query, rows_max: u64) -> Result<(), Fault> {
    let selection = Selection::new(query, &view.catalog);
    let mut rows = 0;
    for file in selection.files(&view.catalog).needed.iter() {
        rows += match selection.rows(&view.catalog, file) {
            Chosen::Some(some) => some.len(),
            Chosen::All => view.catalog.summary(file).map_or(0, |summary| u64::from(summary.rows)),
        };
    }
    if rows > rows_max { Err(Fault::TooMuch(rows)) } else { Ok(()) }
}

fn newest_covers(view: &mut View, new: &[u32]) -> Result<Covers, Error> {
    for file in new.iter().rev() {
        if let Some(covers) = files::covers(view, *file)? {
            return Ok(covers);
        }
    }
    Ok(Covers::default())
}

fn rowless_of(view: &mut View, new: &[u32], query: &Query) -> Result<Vec<Frame>, Error> {
    let mut frames = Vec::new();
    for file in new {
        if view.catalog.summary(*file).is_none_or(|summary| summary.has_rowless) {
            frames.extend(files::rowless(view, *file)?);
        }
    }
    let (from, to) = query.range();
    frames.retain(|frame| frame.packets > 0 && frame.overlaps(from, to));
    sort_and_dedup(&mut frames);
    Ok(frames)
}

struct Found {
    until: u64,
    covers: Covers,
    rowless: Vec<Frame>,
    unknown: HashSet<FlowId>,
    coverage: Coverage,
}

/// Rows on their way.
#[derive(Default)]
struct Gathering {
    parts: Vec<FlowPart>,
    interfaces: Vec<String>,
    /// By part: numbers of the places of its frames.
    frames: Vec<Vec<u32>>,
}

impl Gathering {
    /// All rows of flows that are new, in flow files up to `until`.
    fn add_unknown(
        &mut self,
        view: &mut View,
        ids: &HashSet<FlowId>,
        span: Option<(Timestamp, Timestamp)>,
        until: u64,
    ) -> Result<(), Error> {
        let Some((start, end)) = span.filter(|_| !ids.is_empty()) else { return Ok(()) };
        let count = view.catalog.files().len() as u32;
        let holding = if ids.len() <= LOOKED_UP_MAX {
            ids.iter().fold(RowSet::default(), |found, id| found | view.catalog.holding(&Key::Flow(*id)))
        } else {
            let overlaps = |file: &u32| {
                view.catalog.summary(*file).is_none_or(|summary| summary.times.1 >= start && summary.times.0 <= end)
            };
            (0..count).filter(overlaps).collect()
        };
        for file in holding.to_vec() {
            if view.catalog.files().get(file as usize).is_some_and(|name| name.number <= until) {
                self.add(view, file, ids)?;
            }
        }
        Ok(())
    }

    /// The new rows of flows that are kept already.
    fn add_known(&mut self, view: &mut View, ids: &HashSet<FlowId>, new: &[u32]) -> Result<(), Error> {
        for file in new.iter().filter(|_| !ids.is_empty()) {
            self.add(view, *file, ids)?;
        }
        Ok(())
    }

    fn add(&mut self, view: &mut View, file: u32, ids: &HashSet<FlowId>) -> Result<(), Error> {
        let Some(opened) = files::open(view, file)? else { return Ok(()) };
        let places = opened.metadata().frames.clone();
        let rows = wanted_rows(view, file, ids);
        let read: Result<Vec<Stored>, _> = match rows {
            Some(rows) => opened.read_rows(&rows),
            None => (0..opened.row_groups()).map(|group| opened.read(group)).try_fold(Vec::new(), |mut all, rows| {
                all.extend(rows?.into_iter().filter(|row| ids.contains(&row.part.flow_id)));
                Ok(all)
            }),
        };
        match read {
            Ok(rows) => {
                for row in rows.into_iter().filter(|row| ids.contains(&row.part.flow_id)) {
                    self.take(view, row, &places);
                }
            }
            Err(error) => files::note(view, file, &error),
        }
        Ok(())
    }

    fn take(&mut self, view: &mut View, row: Stored, places: &[FramePlace]) {
        let name = row.in_iface.unwrap_or_default();
        let known = self.interfaces.iter().position(|known| *known == name);
        let in_iface = known.unwrap_or_else(|| {
            self.interfaces.push(name);
            self.interfaces.len() - 1
        });
        let frames = row.frames.iter().filter_map(|index| Some(view.places.number(*places.get(*index as usize)?)));
        self.frames.push(frames.collect());
        self.parts.push(FlowPart { in_iface: in_iface as u32, ..row.part });
    }

    fn finish(self, mut view: View, query: &Query, found: Found) -> Result<Extract, Error> {
        let Self { parts, interfaces, frames } = self;
        let mut gather = Gather::default();
        for (part, frames) in parts.iter().zip(&frames) {
            gather.add(part, None, frames.iter().copied(), OfPacket::False);
        }
        let flows: Vec<Gathered> = gather.iter().cloned().collect();
        let index: HashMap<FlowId, usize> = flows.iter().map(|flow| flow.row.flow_id).zip(0..).collect();
        let mut parts_of = vec![Vec::new(); flows.len()];
        for (number, part) in (0..).zip(&parts) {
            if let Some(of_flow) = index.get(&part.flow_id).and_then(|flow| parts_of.get_mut(*flow)) {
                of_flow.push(number);
            }
        }
        for of_flow in &mut parts_of {
            of_flow.sort_by_key(|number| parts.get(*number as usize).map_or(0, |part| part.first_arrival));
        }
        let resolved = view.resolve(flows.iter().flat_map(|flow| flow.frames.iter().copied()))?;
        let incomplete = flows.iter().filter(|flow| flow.frames.iter().any(|number| resolved.is_missing(*number)));
        let incomplete_flows = incomplete.count() as u64;
        let is_early = resolved.missing.iter().any(|number| view.is_still_to_come(*number));
        let Found { until, covers, rowless, unknown, coverage } = found;
        let mut all = resolved.frames;
        let rowless_places = rowless.iter().map(|frame| (frame.lane, frame.segment.number, frame.uoffset)).collect();
        all.extend(rowless);
        sort_and_dedup(&mut all);
        let new_flows = flows.iter().map(|flow| flow.row.flow_id).filter(|id| unknown.contains(id)).collect();
        let judge = Judge::of_tape(query, &mut view)?;
        let attribution = Attribution::new(flows.iter().enumerate());
        Ok(Extract {
            view,
            judge,
            attribution,
            parts_of,
            frames: all,
            rowless: rowless_places,
            parts,
            interfaces,
            until,
            covers,
            new_flows,
            incomplete_flows,
            is_early,
            coverage,
        })
    }
}

/// The rows of a flow file that can be of these flows, where its index says so at little cost.
fn wanted_rows(view: &View, file: u32, ids: &HashSet<FlowId>) -> Option<Vec<u32>> {
    if ids.len() > LOOKED_UP_MAX {
        return None;
    }
    let index = view.catalog.index(file).ok()?;
    let mut rows = RowSet::default();
    for id in ids {
        rows |= &index.rows_of(&Key::Flow(*id)).ok()?;
    }
    Some(rows.to_vec())
}
