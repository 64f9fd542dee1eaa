//! The flows of a tape: rows of its flow files, and of the packets that are not in any of them yet.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use filter::question::Truth;
use flow::{Config, FlowId, FlowPart, FlowTable};
use packet::{Interface, Packet, Timestamp};

use super::gather::{Gather, Gathered};
use super::replay::{Mark, Origin, Replay};
use super::selection::{Chosen, Files, Selection};
use super::view::View;
use super::{files, uncounted};
use crate::format::names;
use crate::format::state::{Covers, Position};
use crate::index::{Key, RowSet};
use crate::read::{Frame, Merge, Merged, Tape};
use crate::rows::{FlowFile, RowsError, Stored};
use crate::{Error, Lane};

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

/// A packet of the tail on its way into the rows.
pub(super) type Matches<'a> = &'a mut dyn FnMut(&Packet, &Interface) -> Truth;

/// What is done with the packets behind the flow files.
pub(super) struct Tail<'a> {
    /// Says of each whether it matches.
    pub(super) matches: Matches<'a>,
    /// The flow table is wanted even if there are none.
    pub(super) keeps_table: bool,
}

impl<'a> Tail<'a> {
    /// They become rows.
    pub(super) fn rows(matches: Matches<'a>) -> Self {
        Self { matches, keeps_table: false }
    }
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
    let files = files_of(view, selection);
    let mut reading = Reading::new(view)?;
    for file in files.needed.iter() {
        if sieve.is_full() {
            break;
        }
        let chosen = selection.rows(&reading.view.catalog, file);
        reading.add(file, chosen, None)?;
        reading.drop(file, sieve);
    }
    reading.end_rows(&files.needed);
    let covers = uncounted::tail(reading.view, &reading.unread)?;
    let mut replay = None;
    let mut rowless = uncounted::frames(reading.view, &files.in_time, &reading.unread, range)?;
    if let Some(tail) = tail
        && (tail.keeps_table || reading.has_tail(covers)?)
    {
        let replayed = reading.replay_tail(covers, tail.matches)?;
        rowless.extend(replayed.rowless.into_iter().filter(|frame| frame.overlaps(range.0, range.1)));
        replay = Some(replayed.replay);
        let of = replayed.packets;
        reading.view.stages.end("packets behind the flow files", of, of, 0);
        reading.gather.retain(|flow| sieve.keep(flow, false));
    }
    reading.complete(selection)?;
    let flows = reading.gather.iter().count() as u64;
    reading.view.stages.end("flows that may match, made whole", flows, flows, 0);
    Ok(Rows { gather: reading.gather, rowless, tail: covers, replay })
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
        reading.gather.end_batch(None, |flow, _| sieve.keep(flow, false));
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

/// Rows on their way.
struct Reading<'v> {
    view: &'v mut View,
    gather: Gather,
    /// The rows that have been read of each flow file.
    read: BTreeMap<u32, Chosen>,
    /// Flow files that could not be read.
    unread: BTreeSet<u32>,
    /// The latest time of a packet.
    latest: Timestamp,
}

/// Flows that are completed one by one; of more of them everything is read around their times.
const COMPLETED_MAX: usize = 512;

/// A flow ends when it was silent for ten minutes, give or take.
const SILENCE_MAX_NS: i64 = 11 * 60 * 1_000_000_000;

/// Stragglers belong to a closed flow for five seconds, give or take.
const LINGER_MAX_NS: i64 = 10 * 1_000_000_000;

impl<'v> Reading<'v> {
    fn new(view: &'v mut View) -> Result<Self, Error> {
        let latest = view.latest()?;
        Ok(Self { view, gather: Gather::default(), read: BTreeMap::new(), unread: BTreeSet::new(), latest })
    }

    /// Adds rows of a flow file, of these flows alone if there is a list of them.
    fn add(&mut self, file: u32, chosen: Chosen, only: Option<&HashSet<FlowId>>) -> Result<(), Error> {
        let chosen = match (self.read.get(&file), chosen) {
            (Some(Chosen::All), _) => return Ok(()),
            (Some(Chosen::Some(read)), Chosen::Some(rows)) => Chosen::Some(rows - read.clone()),
            (Some(Chosen::Some(_)), Chosen::All) | (None, Chosen::All) => Chosen::All,
            (None, chosen) => chosen,
        };
        if chosen == Chosen::Some(RowSet::default()) || self.unread.contains(&file) {
            return Ok(());
        }
        let Some(opened) = files::open(self.view, file)? else {
            self.unread.insert(file);
            return Ok(());
        };
        if let Err(error) = self.add_rows(file, &opened, &chosen, only) {
            files::note(self.view, file, &error);
            self.unread.insert(file);
        }
        match (self.read.get_mut(&file), chosen) {
            (Some(Chosen::Some(read)), Chosen::Some(rows)) => *read |= &rows,
            (_, chosen) => drop(self.read.insert(file, chosen)),
        }
        Ok(())
    }

    fn add_rows(
        &mut self,
        file: u32,
        opened: &FlowFile,
        chosen: &Chosen,
        only: Option<&HashSet<FlowId>>,
    ) -> Result<(), RowsError> {
        let metadata = opened.metadata();
        let names = metadata.interfaces.iter().map(|name| (!name.is_empty()).then(|| Arc::from(name.as_str())));
        let names: Vec<Option<Arc<str>>> = names.collect();
        let mut numbers: Vec<Option<u32>> = vec![None; metadata.frames.len()];
        let (gather, places) = (&mut self.gather, &mut self.view.places);
        let before = match (chosen, self.read.get(&file)) {
            (Chosen::All, Some(Chosen::Some(read))) => read.clone(),
            _ => RowSet::default(),
        };
        let mut take = |number: u32, row: Stored| {
            let is_wanted = only.is_none_or(|only| only.contains(&row.part.flow_id));
            if !is_wanted || before.contains(number) {
                return;
            }
            let in_iface = names.get(row.part.in_iface as usize).and_then(Option::as_ref);
            let frames = row.frames.iter().filter_map(|index| {
                let place = *metadata.frames.get(*index as usize)?;
                Some(*numbers.get_mut(*index as usize)?.get_or_insert_with(|| places.number(place)))
            });
            gather.add(&row.part, in_iface, frames, Truth::False);
        };
        let some = match chosen {
            Chosen::Some(rows) => {
                let numbers = rows.to_vec();
                opened.read_rows(&numbers).ok().map(|rows| (numbers, rows))
            }
            Chosen::All => None,
        };
        if let Some((numbers, rows)) = some {
            numbers.into_iter().zip(rows).for_each(|(number, row)| take(number, row));
            return Ok(());
        }
        // What an index names can be wrong: what is not wanted does no harm.
        let mut number = 0;
        for group in 0..opened.row_groups() {
            for row in opened.read(group)? {
                take(number, row);
                number += 1;
            }
        }
        Ok(())
    }

    /// Drops the flows that are of no interest after the rows of a flow file.
    fn drop(&mut self, file: u32, sieve: &mut dyn Sieve) {
        let id = self.view.tape.id_bytes();
        let begin = self.view.catalog.summary(file).map(|summary| summary.times.0);
        let latest = self.latest;
        self.gather.end_batch(begin, |flow, is_past| {
            let is_whole = is_past && has_beginning(&id, flow);
            if is_whole {
                flow.row.settle(latest);
            }
            sieve.keep(flow, is_whole)
        });
    }

    /// Notes how many rows were read of those that the files have.
    fn end_rows(&mut self, files: &RowSet) {
        let all = |file| self.view.catalog.summary(file).map_or(0, |summary| u64::from(summary.rows));
        let read = self.read.iter().map(|(file, chosen)| match chosen {
            Chosen::All => all(*file),
            Chosen::Some(rows) => rows.len(),
        });
        let (read, of) = (read.sum(), files.iter().map(all).sum());
        self.view.stages.end("rows by index", read, of, 0);
    }

    /// Reads the other rows of the flows that have been found, where the selection left some out. That a flow has ended
    /// says not that it has no more of them: there are stragglers.
    fn complete(&mut self, selection: &Selection) -> Result<(), Error> {
        let lacks = |flow: &&Gathered| !selection.takes_flows_whole(flow.row.tunnel.is_some());
        let lacking: HashSet<FlowId> = self.gather.iter().filter(lacks).map(|flow| flow.row.flow_id).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let keys: Vec<Key> = lacking.iter().map(|id| Key::Flow(*id)).collect();
        if keys.len() <= COMPLETED_MAX {
            let holding = keys.iter().fold(RowSet::default(), |found, key| found | self.view.catalog.holding(key));
            for file in holding.iter() {
                let chosen = self.rows_of(file, &keys);
                self.add(file, chosen, Some(&lacking))?;
            }
            return Ok(());
        }
        let (from, to) = self.surroundings(&lacking);
        for file in 0..self.view.catalog.files().len() as u32 {
            let summary = self.view.catalog.summary(file);
            if summary.is_none_or(|summary| summary.times.1 >= from && summary.times.0 <= to) {
                self.add(file, Chosen::All, Some(&lacking))?;
            }
        }
        Ok(())
    }

    /// The times that can hold more of some flows.
    fn surroundings(&self, lacking: &HashSet<FlowId>) -> (Timestamp, Timestamp) {
        let id = self.view.tape.id_bytes();
        let (mut from, mut to) = (Timestamp::MAX, Timestamp::MIN);
        for flow in self.gather.iter().filter(|flow| lacking.contains(&flow.row.flow_id)) {
            let begins = if has_beginning(&id, flow) { flow.row.end } else { flow.row.start };
            let silence_ns = if flow.row.end_reason.is_some() { LINGER_MAX_NS } else { SILENCE_MAX_NS };
            from = from.min(begins);
            to = to.max(Timestamp(flow.row.end.0.saturating_add(silence_ns)));
        }
        (from, to)
    }

    fn rows_of(&self, file: u32, keys: &[Key]) -> Chosen {
        if self.view.catalog.summary(file).is_none() {
            return Chosen::All;
        }
        let Ok(index) = self.view.catalog.index(file) else { return Chosen::All };
        let mut rows = RowSet::default();
        for key in keys {
            match index.rows_of(key) {
                Ok(found) => rows |= &found,
                Err(_) => return Chosen::All,
            }
        }
        Chosen::Some(rows)
    }

    /// Whether there are packets behind the flow files.
    fn has_tail(&mut self, covers: Covers) -> Result<bool, Error> {
        let from = self.view.state.as_ref().map_or(covers, |(head, _)| head.covers);
        let tail = self.frames(|lane| (from.lane(lane).max(covers.lane(lane)), None))?;
        Ok(tail.iter().any(|frame| frame.packets > 0))
    }

    /// Replays the packets behind the flow files.
    fn replay_tail(&mut self, covers: Covers, matches: Matches) -> Result<Replayed, Error> {
        let id = self.view.tape.id_bytes();
        let config = || Config::new(id, [0; 32]);
        let restored = self.view.state.as_ref();
        let restored =
            restored.map(|(head, snapshot)| FlowTable::restore(config(), snapshot).map(|table| (head.covers, table)));
        let (from, table) = match restored {
            Some(Ok(restored)) => restored,
            None => (covers, FlowTable::new(config())),
            Some(Err(error)) => {
                let path = self.view.tape.directory().join(names::state_path());
                self.view.tape.notes.damaged(&path, error.to_string());
                (covers, FlowTable::new(config()))
            }
        };
        let mut replay = Replay::new(table);
        // Between the state and the newest flow file: packets that have rows, and that the table has to see.
        let counted = self.frames(|lane| (from.lane(lane), Some(covers.lane(lane))))?;
        run(&mut self.view.tape, counted.iter(), &mut replay, &mut |_, _| Truth::False, &mut |_, _, _| {})?;
        let tail = self.frames(|lane| (from.lane(lane).max(covers.lane(lane)), None))?;
        let gather = &mut self.gather;
        run(&mut self.view.tape, tail.iter(), &mut replay, matches, &mut |part, in_iface, mark| {
            gather.add(part, in_iface, mark.frames, mark.alone);
        })?;
        let rowless: HashSet<u32> = replay.rowless().iter().copied().collect();
        let packets = tail.iter().map(|frame| u64::from(frame.packets)).sum();
        Ok(Replayed {
            packets,
            rowless: tail.into_iter().filter(|frame| rowless.contains(&frame.number)).collect(),
            replay,
        })
    }

    /// The frames of all lanes between two positions, numbered by their places.
    fn frames(&mut self, range: impl Fn(Lane) -> (Position, Option<Position>)) -> Result<Vec<Frame>, Error> {
        let mut frames = Vec::new();
        for lane in Lane::ALL {
            let (from, to) = range(lane);
            frames.extend(self.view.listing.between(&mut self.view.tape, lane, from, to)?);
        }
        for frame in &mut frames {
            frame.number = self.view.places.number_of(frame);
        }
        Ok(frames)
    }
}

struct Replayed {
    replay: Replay,
    packets: u64,
    rowless: Vec<Frame>,
}

/// Whether a flow's first packet is in the parts that are known: its id is made of that packet's arrival number.
fn has_beginning(tape_id: &[u8; 16], flow: &Gathered) -> bool {
    FlowId::new(tape_id, &flow.row.key(), flow.row.first_arrival) == flow.row.flow_id
}

pub(super) type TakePart<'a> = &'a mut dyn FnMut(&FlowPart, Option<&Arc<str>>, Mark);

/// Puts the packets of frames through a table, and hands out the parts of their flows.
pub(super) fn run<'f>(
    tape: &mut Tape,
    frames: impl Iterator<Item = &'f Frame>,
    replay: &mut Replay,
    matches: Matches,
    take: TakePart,
) -> Result<(), Error> {
    let mut merge = Merge::new(tape, frames.cloned().collect());
    while let Some(Merged { packet, interface, arrival, frame }) = merge.next()? {
        let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
        let matched = matches(&packet, interface);
        replay.take(&packet, &headers, arrival, Origin::Frame(frame.lane, frame.number), matched);
        if replay.wants_end() {
            end_period(replay, merge.tape().interfaces(), take);
        }
    }
    end_period(replay, tape.interfaces(), take);
    Ok(())
}

fn end_period(replay: &mut Replay, interfaces: &[Interface], take: TakePart) {
    let names: Vec<Option<Arc<str>>> =
        interfaces.iter().map(|interface| interface.name.as_deref().map(Arc::from)).collect();
    replay.end_period(|part, mark| take(part, names.get(part.in_iface as usize).and_then(Option::as_ref), mark));
}
