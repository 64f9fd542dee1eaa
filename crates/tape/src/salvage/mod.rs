//! Taking a tape up again: what a run before left, whole or not, is made into closed segments and rows.

mod journal;
mod lane;
mod replay;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use flow::FlowTable;
use packet::{Interface, Timestamp};

use crate::ageing::{FLOWS_SHELF, KeptFile};
use crate::budget::Account;
use crate::chain::Ending;
use crate::checkpoint::{Filing, Papers};
use crate::damaged;
use crate::disk::{read_file, whole_blocks};
use crate::format::identity::Identity;
use crate::format::names::{self, FlowFileName};
use crate::format::state::{self, Covers, Position, StateHead};
use crate::gap::{self, Before};
use crate::heartbeat::Beat;
use crate::index::Keeper;
use crate::job::Checkpoint;
use crate::options::Options;
use crate::shared::Shared;
use crate::writer::{measured, rest_bytes};
use crate::{Error, Lane};

/// What was found when a tape was opened, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SalvageReport {
    /// The tape was made now.
    pub is_new: bool,
    /// The run before stopped cleanly.
    pub was_clean: bool,
    /// The last sign of life of the run before.
    pub last_alive: Option<Timestamp>,
    /// Packets that came from journals.
    pub packets_from_journals: u64,
    /// Packets that were found in segments behind their index.
    pub packets_found: u64,
    /// Bytes that could not be read and went to damaged/.
    pub bytes_damaged: u64,
    /// Packets whose rows were made again.
    pub packets_replayed: u64,
}

/// What the next run goes on with.
pub(crate) struct Salvaged {
    pub(crate) report: SalvageReport,
    pub(crate) table: FlowTable,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) next_numbers: [u64; Lane::ALL.len()],
    pub(crate) next_arrival: u64,
    pub(crate) filing: Filing,
}

/// What the salvage of all lanes gathers.
struct Work<'a> {
    shared: &'a Shared,
    report: SalvageReport,
    interfaces: Vec<Interface>,
    next_arrival: u64,
    /// Up to here flow files count, before the salvage.
    covers: Covers,
    tail: Vec<replay::TailFrame>,
    compresses: bool,
}

/// Takes up what is there. The options make the flow table when there is no state to go on with.
pub(crate) fn salvage(
    shared: &Shared,
    identity: Identity,
    before: &Before,
    compresses: bool,
    options: &Options,
) -> Result<Salvaged, Error> {
    let Before { ending, beat, .. } = before;
    let last_alive = before.last_sign();
    let state_bytes = read_file(shared.disk.as_ref(), &names::state_path(), 1 << 30).unwrap_or_default();
    let state = state::decode(&state_bytes);
    let head = state.as_ref().map(|(head, _)| head.clone()).unwrap_or_default();
    let report =
        SalvageReport { is_new: !ending.known, was_clean: ending.clean, last_alive, ..SalvageReport::default() };
    // Before anything else: a start that crashes must not hide the time that was lost before it.
    let gap_end = options.is_live.then(|| before.note(shared)).flatten();
    let next_arrival =
        beat.as_ref().map_or(0, |beat| beat.next_arrival).max(head.next_arrival).max(ending.next_arrival);
    let StateHead { covers, interfaces, .. } = head;
    let mut work = Work { shared, report, interfaces, next_arrival, covers, tail: Vec::new(), compresses };
    note_accounts(shared);
    let next_flow_file = shelve_flow_files(shared)?.max(evicted(ending, names::FLOWS) + 1).max(head.flow_file + 1);
    let mut next_numbers = [1; Lane::ALL.len()];
    let mut suspects = Vec::new();
    for lane in Lane::ALL {
        suspects.push(work.survey(lane, safe_before(beat.as_ref(), ending, lane))?);
    }
    // Mending takes room, so what is over the budget goes first.
    shared.room.tidy();
    if !ending.torn.is_empty() {
        damaged::keep(shared, names::CHAIN, &ending.torn);
    }
    for suspects in suspects {
        let lane = suspects.lane;
        let named = covers_next(covers.lane(lane)).max(evicted(ending, lane.name()) + 1);
        next_numbers[lane as usize] = work.mend_lane(suspects)?.max(named);
    }
    let mut config = options.flows.clone();
    config.tape_id = identity.id_bytes();
    let restored = state.and_then(|(_, snapshot)| FlowTable::restore(config.clone(), &snapshot).ok());
    let mut table = restored.unwrap_or_else(|| FlowTable::new(config));
    let mut filing = Filing {
        identity,
        next_number: next_flow_file,
        keeper: Keeper::open(shared),
        uncounted: Vec::new(),
        said: None,
        catch_up: Duration::ZERO,
    };
    work.make_rows(&mut table, &mut filing, &next_numbers);
    note_accounts(shared);
    shared.room.tidy();
    let Work { report, interfaces, next_arrival, .. } = work;
    if !ending.known {
        gap::note_missing_log(shared);
    }
    gap::note_start(shared, gap_end);
    Ok(Salvaged { report, table, interfaces, next_numbers, next_arrival: next_arrival.max(1), filing })
}

impl Work<'_> {
    /// Replays the packets that no flow file counts, and writes their rows.
    fn make_rows(&mut self, table: &mut FlowTable, filing: &mut Filing, next_numbers: &[u64; Lane::ALL.len()]) {
        if self.tail.is_empty() {
            return;
        }
        let frames = self.tail.iter().map(|frame| (frame.serial, frame.position())).collect();
        let tail = std::mem::take(&mut self.tail);
        self.report.packets_replayed = replay::replay(self.shared.disk.as_ref(), tail, &self.interfaces, table);
        let period = table.checkpoint();
        let mut snapshot = Vec::new();
        table.snapshot(&mut snapshot);
        let checkpoint = Checkpoint { period, snapshot, next_arrival: self.next_arrival, is_last: true };
        let mut covers = Covers::default();
        for lane in Lane::ALL {
            covers.set(lane, Position { segment: next_numbers[lane as usize], uoffset: 0 });
        }
        let interfaces = self.interfaces.clone();
        filing.file(self.shared, Papers { checkpoint, frames, uncounted: Vec::new(), covers, interfaces });
    }
}

/// The number after the one that covers name, which is used already if any of it is covered.
fn covers_next(position: Position) -> u64 {
    if position.uoffset > 0 { position.segment + 1 } else { position.segment }
}

fn evicted(ending: &Ending, lane: &str) -> u64 {
    ending.evicted.iter().find(|(name, _)| name == lane).map_or(0, |(_, number)| *number)
}

/// Segments with smaller numbers need not be looked at.
fn safe_before(beat: Option<&Beat>, ending: &Ending, lane: Lane) -> Option<u64> {
    if ending.clean {
        return Some(u64::MAX);
    }
    beat.and_then(|beat| beat.synced.get(lane.name()).copied())
}

/// Puts the flow files on their shelf, and returns the number after the last.
fn shelve_flow_files(shared: &Shared) -> Result<u64, Error> {
    let directory = Path::new(names::FLOWS);
    let entries = shared.disk.list(directory).map_err(Error::io("reading", directory))?;
    let mut files: Vec<(FlowFileName, u64)> =
        entries.iter().filter_map(|entry| Some((FlowFileName::parse(&entry.name)?, entry.status.allocated))).collect();
    files.sort_by_key(|(name, _)| name.number);
    for (name, bytes) in &files {
        let (path, time) = (name.path(), name.time);
        let index = names::flow_index_path(name.number);
        let bytes = bytes + measured(shared.disk.as_ref(), &index);
        let kept = KeptFile { path, catalog: Some(index), bytes, first_time: time, last_time: time };
        shared.room.close(FLOWS_SHELF, name.number, kept, &[]);
    }
    let _ = shared.disk.remove(&Path::new(names::LIVE).join("flows.parquet.tmp"));
    let _ = shared.disk.remove(&names::state_path().with_extension("tmp"));
    Ok(files.last().map_or(1, |(name, _)| name.number + 1))
}

/// Measures what has an account.
fn note_accounts(shared: &Shared) {
    let (disk, room) = (shared.disk.as_ref(), &shared.room);
    room.note(Account::Rest, rest_bytes(disk));
    room.note(Account::State, measured(disk, &names::state_path()));
    let damaged = disk.list(Path::new(names::DAMAGED)).unwrap_or_default();
    room.note(Account::Damaged, damaged.iter().map(|entry| whole_blocks(entry.status.length)).sum());
    for lane in Lane::ALL {
        room.note(Account::Journal(lane), measured(disk, &names::journal_path(lane)));
    }
}

/// What is in a directory, by number.
fn numbered<T>(entries: impl Iterator<Item = (u64, T)>) -> BTreeMap<u64, T> {
    entries.collect()
}
