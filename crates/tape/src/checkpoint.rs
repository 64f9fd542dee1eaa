//! Flow files and the flow table's state: written beside the recording, by somebody who may fall behind.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use packet::Interface;

use crate::Lane;
use crate::ageing::{FLOWS_SHELF, KeptFile};
use crate::budget::Account;
use crate::clock::Moment;
use crate::disk::{replace_file, whole_blocks, write_new};
use crate::format::identity::Identity;
use crate::format::names::{self, FlowFileName};
use crate::format::state::{Covers, Position, StateHead, encode_head, pack};
use crate::index::{self, Keeper};
use crate::job::Checkpoint;
use crate::listed::{Listed, ranges};
use crate::rows::{Metadata, order, write};
use crate::said::Said;
use crate::shared::{Shared, count};
use crate::writer::measured;

/// Checkpoints that wait; no new one is begun while there are so many.
const WAITING_MAX: usize = 1;

/// Ranges of frames without rows that a flow file may list, and one more for so many rows: it costs what its rows cost.
const ROWLESS_MIN: usize = 16;
const ROWS_PER_ROWLESS: usize = 8;

/// Where a frame was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FramePosition {
    pub(crate) lane: Lane,
    pub(crate) position: Position,
}

/// Everything that a checkpoint writes.
pub(crate) struct Papers {
    pub(crate) checkpoint: Checkpoint,
    /// Where the frames are that the period's locations name.
    pub(crate) frames: HashMap<u32, FramePosition>,
    /// Frames of earlier periods whose rows were lost: readers must not take them for counted.
    pub(crate) uncounted: Vec<FramePosition>,
    pub(crate) covers: Covers,
    pub(crate) interfaces: Vec<Interface>,
}

impl Papers {
    /// The frames of which nothing is known once these papers are lost.
    fn into_uncounted(mut self) -> Vec<FramePosition> {
        self.uncounted.extend(self.frames.into_values());
        self.uncounted
    }
}

/// Writes checkpoints.
pub(crate) struct Clerk {
    desk: Desk,
    waiting: Arc<AtomicUsize>,
    /// Frames of periods that never came to the desk.
    uncounted: Vec<FramePosition>,
}

enum Desk {
    /// Right where it is asked to.
    Here(Box<Filing>),
    /// In a thread.
    Thread { sender: Option<SyncSender<Box<Papers>>>, thread: Option<JoinHandle<()>> },
}

/// What goes on from one checkpoint to the next.
pub(crate) struct Filing {
    pub(crate) identity: Identity,
    pub(crate) next_number: u64,
    pub(crate) keeper: Keeper,
    /// Frames of periods whose rows could not be written.
    pub(crate) uncounted: Vec<FramePosition>,
    /// Reads what was said.
    pub(crate) said: Option<Said>,
    /// How long it goes on with the catalog when nothing more comes.
    pub(crate) catch_up: Duration,
}

impl Clerk {
    /// Works where it is called.
    pub(crate) fn here(filing: Filing) -> Self {
        Self { desk: Desk::Here(Box::new(filing)), waiting: Arc::default(), uncounted: Vec::new() }
    }

    /// Works in a thread of its own.
    pub(crate) fn thread(mut filing: Filing, shared: Arc<Shared>) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel::<Box<Papers>>(WAITING_MAX);
        let waiting = Arc::<AtomicUsize>::default();
        let done = waiting.clone();
        let thread = std::thread::Builder::new().name("tape-rows".to_owned()).spawn(move || {
            crate::threads::be_nice();
            while let Some(papers) = next(&receiver, || filing.keeper.step(&shared)) {
                filing.file(&shared, *papers);
                done.fetch_sub(1, Ordering::Relaxed);
            }
            filing.keeper.finish(&shared, filing.catch_up);
        })?;
        Ok(Self { desk: Desk::Thread { sender: Some(sender), thread: Some(thread) }, waiting, uncounted: Vec::new() })
    }

    /// Checkpoints that have not been written yet.
    pub(crate) fn waiting(&self) -> Arc<AtomicUsize> {
        self.waiting.clone()
    }

    pub(crate) fn write(&mut self, shared: &Shared, mut papers: Papers) {
        papers.uncounted.append(&mut self.uncounted);
        match &mut self.desk {
            Desk::Here(filing) => {
                filing.file(shared, papers);
                while filing.keeper.step(shared) {}
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            Desk::Thread { sender, .. } => {
                let lost = match sender.as_ref().map(|sender| sender.try_send(Box::new(papers))) {
                    Some(Err(TrySendError::Full(papers) | TrySendError::Disconnected(papers))) => Some(papers),
                    Some(Ok(())) | None => None,
                };
                if let Some(papers) = lost {
                    self.uncounted = papers.into_uncounted();
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                    shared.problem(
                        names::FLOWS,
                        "rows of a period were lost: they came faster than they are written".to_owned(),
                    );
                }
            }
        }
    }

    /// Writes nothing of a period.
    pub(crate) fn pass_over(&mut self, frames: impl IntoIterator<Item = FramePosition>) {
        self.uncounted.extend(frames);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Waits until everything is written.
    pub(crate) fn finish(&mut self) {
        if let Desk::Thread { sender, thread } = &mut self.desk {
            drop(sender.take());
            if let Some(thread) = thread.take() {
                let _ = thread.join();
            }
        }
    }
}

/// The next message; until it comes, does what there is to do.
fn next<T>(receiver: &Receiver<T>, mut step: impl FnMut() -> bool) -> Option<T> {
    loop {
        match receiver.try_recv() {
            Ok(message) => return Some(message),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) if step() => {}
            Err(TryRecvError::Empty) => return receiver.recv().ok(),
        }
    }
}

/// True if no further checkpoint should be begun.
pub(crate) fn is_busy(waiting: &AtomicUsize) -> bool {
    waiting.load(Ordering::Relaxed) >= WAITING_MAX
}

impl Filing {
    /// Writes the flow file, then the state that goes with it.
    pub(crate) fn file(&mut self, shared: &Shared, papers: Papers) {
        self.file_papers(shared, papers);
        shared.checkpoint_done();
    }

    fn file_papers(&mut self, shared: &Shared, mut papers: Papers) {
        let snapshot = std::mem::take(&mut papers.checkpoint.snapshot);
        let next_arrival = papers.checkpoint.next_arrival;
        papers.uncounted.append(&mut self.uncounted);
        if shared.is_away() {
            self.uncounted = papers.into_uncounted();
            return;
        }
        let period = &papers.checkpoint.period;
        let any = !period.parts.is_empty() || !period.locations.is_empty() || !papers.uncounted.is_empty();
        if any {
            self.read_payload(shared, &mut papers);
        }
        if any && let Err(error) = self.write_rows(shared, &mut papers) {
            // The state stays as it was: whoever reads finds the packets and makes the rows again, until there is a later
            // state.
            self.uncounted = papers.into_uncounted();
            return shared.problem(names::FLOWS, format!("rows could not be written: {error}"));
        }
        let Papers { covers, interfaces, .. } = papers;
        let head = StateHead { flow_file: self.next_number - 1, next_arrival, covers, interfaces };
        if let Err(error) = write_state(shared, &head, &snapshot) {
            shared.problem(&names::state_path().display().to_string(), error);
        }
    }

    /// What was said is in the rows as far as it can be had; they do not depend on it.
    fn read_payload(&mut self, shared: &Shared, papers: &mut Papers) {
        let (Some(said), Some(place)) = (&mut self.said, shared.place()) else { return };
        let frames = papers.frames.values().copied();
        let (parts, is_last) = (&mut papers.checkpoint.period.parts, papers.checkpoint.is_last);
        if let Ok(unread) = said.fill(place.directory(), frames, parts, is_last) {
            count(&shared.tallies.packets_unread, unread);
        }
    }

    fn write_rows(&mut self, shared: &Shared, papers: &mut Papers) -> Result<(), String> {
        let (metadata, locations) = self.metadata(papers);
        let period = &papers.checkpoint.period;
        let bytes = write(Vec::new(), &period.parts, &locations, &metadata).map_err(|error| error.to_string())?;
        let full = |_| "no room for them within the budget".to_owned();
        let name = FlowFileName { number: self.next_number, time: Moment::now().time };
        let ordered = order(&period.parts).into_iter().map(|part| &period.parts[part]);
        let index = index::build(name, bytes.len() as u64, &metadata, ordered);
        let kept_bytes = whole_blocks(bytes.len() as u64) + whole_blocks(index.len() as u64);
        shared.room.set(Account::Rows, kept_bytes).map_err(full)?;
        let path = name.path();
        // The index first: whoever sees the flow file finds its index there.
        let catalog = index::write_index(shared, name, &index);
        if let Err(error) = publish(shared, &path, &bytes) {
            let _ = catalog.map(|index| shared.disk.remove(&index));
            shared.room.note(Account::Rows, 0);
            return Err(error.to_string());
        }
        let first_time = period.parts.iter().map(|part| part.first).min().unwrap_or(name.time);
        let last_time = period.parts.iter().map(|part| part.end).max().unwrap_or(name.time);
        let disk = shared.disk.as_ref();
        let bytes = measured(disk, &path) + catalog.as_ref().map_or(0, |index| measured(disk, index));
        self.keeper.add(name, catalog.is_some());
        let kept = KeptFile { path, catalog, bytes: kept_bytes.max(bytes), first_time, last_time };
        shared.room.close(FLOWS_SHELF, self.next_number, kept, &[Account::Rows]);
        count(&shared.tallies.flow_files, 1);
        count(&shared.tallies.flow_file_bytes, kept_bytes);
        self.next_number += 1;
        Ok(())
    }

    /// What the file says of itself, and the period's locations with indices into its list of frames.
    fn metadata(&self, papers: &mut Papers) -> (Metadata, Vec<(u32, u32)>) {
        let period = &mut papers.checkpoint.period;
        let listed = Listed::new(std::mem::take(&mut period.locations), &papers.frames, &papers.uncounted);
        let interfaces = papers.interfaces.iter().map(|interface| interface.name.clone().unwrap_or_default());
        let metadata = Metadata {
            tape: self.identity.id.clone(),
            sensor: self.identity.sensor.clone(),
            covers: papers.covers,
            interfaces: interfaces.collect(),
            frames: listed.frames,
            rowless: ranges(listed.stretches, ROWLESS_MIN + period.parts.len() / ROWS_PER_ROWLESS),
            clock_ns: period.clock_ns,
        };
        (metadata, listed.locations)
    }
}

/// Writes a flow file under another name, and gives it its own when it is safe.
fn publish(shared: &Shared, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let disk = shared.disk.as_ref();
    let temporary = Path::new(names::LIVE).join("flows.parquet.tmp");
    let _ = disk.remove(&temporary);
    disk.create_directory(Path::new(names::LIVE))?;
    disk.create_directory(Path::new(names::FLOWS))?;
    let written = write_new(disk, &temporary, &[bytes]).and_then(|()| disk.rename(&temporary, path));
    if written.is_err() {
        let _ = disk.remove(&temporary);
    }
    written?;
    disk.sync_directory(Path::new(names::FLOWS))
}

fn write_state(shared: &Shared, head: &StateHead, snapshot: &[u8]) -> Result<(), String> {
    let snapshot = pack(snapshot);
    let bytes = encode_head(head, &snapshot);
    let length = whole_blocks((bytes.len() + snapshot.len()) as u64);
    let room = &shared.room;
    let path = names::state_path();
    let before = measured(shared.disk.as_ref(), &path);
    if length > room.budget_bytes() / 8 {
        let _ = shared.disk.remove(&path);
        room.note(Account::State, 0);
        return Err(format!("the flow table's state takes {length} bytes, too many for this budget; it is not kept"));
    }
    room.set(Account::State, before + length).map_err(|_| "no room for it within the budget".to_owned())?;
    let written = replace_file(shared.disk.as_ref(), &path, &[&bytes, &snapshot]);
    room.note(Account::State, measured(shared.disk.as_ref(), &path));
    written.map_err(|error| error.to_string())
}
