//! What the threads of a tape share.

use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Lane;
use crate::budget::Room;
use crate::chain::Chain;
use crate::disk::{Disk, replace_file};
use crate::format::chain::{Event, Loss};
use crate::format::identity::Identity;
use crate::format::names;
use crate::frame::Summary;
use crate::heartbeat::LanePace;
use crate::place::{Place, Whereabouts};
use crate::sync::SyncSet;

/// Most messages that wait for [`crate::Tape::problems`].
const PROBLEMS_MAX: usize = 64;
/// Most kinds of losses that are kept apart until they are written.
const LOSSES_MAX: usize = 64;

/// What the threads of a tape share.
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) room: Arc<Room>,
    pub(crate) chain: Mutex<Chain>,
    identity: Identity,
    pub(crate) sync: SyncSet,
    pub(crate) tallies: Tallies,
    /// By lane: the open frame is to be journaled from its beginning again.
    pub(crate) rejournal: [AtomicBool; Lane::ALL.len()],
    journal_bytes: [AtomicU64; Lane::ALL.len()],
    ticks_done: AtomicU64,
    checkpoints_done: AtomicU64,
    checkpoint_asked: AtomicBool,
    /// What holds may take of the budget.
    pub(crate) hold_budget_bytes: u64,
    problems: Mutex<VecDeque<String>>,
    /// What went wrong last, by place, until it goes well again: said once.
    complaints: Mutex<BTreeMap<&'static str, String>>,
    losses: Mutex<Vec<Loss>>,
    paces: Mutex<BTreeMap<String, LanePace>>,
    place: Option<Place>,
    away: AtomicBool,
    replaced: AtomicBool,
}

/// Counts that several threads add to.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    pub(crate) frames_compressed: AtomicU64,
    pub(crate) bytes_compressed_from: AtomicU64,
    pub(crate) bytes_compressed_to: AtomicU64,
    pub(crate) frames_stored: AtomicU64,
    pub(crate) bytes_stored: AtomicU64,
    pub(crate) bytes_direct: AtomicU64,
    pub(crate) packets_lost: AtomicU64,
    /// Packets of heads whose payload was not read for rows.
    pub(crate) packets_unread: AtomicU64,
    pub(crate) bytes_lost: AtomicU64,
    pub(crate) segments_closed: AtomicU64,
    pub(crate) files_evicted: AtomicU64,
    pub(crate) flow_files: AtomicU64,
    /// What flow files took as they were written, with their indexes.
    pub(crate) flow_file_bytes: AtomicU64,
    /// By lane: what frames held that have been written, and what they became on the disk.
    pub(crate) content_written: [AtomicU64; Lane::ALL.len()],
    pub(crate) content_stored: [AtomicU64; Lane::ALL.len()],
}

impl Tallies {
    /// A frame of a lane has been written.
    pub(crate) fn written(&self, lane: usize, content_bytes: u64, stored_bytes: u64) {
        if let (Some(written), Some(stored)) = (self.content_written.get(lane), self.content_stored.get(lane)) {
            count(written, content_bytes);
            count(stored, stored_bytes);
        }
    }
}

/// Adds to a count.
pub(crate) fn count(tally: &AtomicU64, by: u64) {
    tally.fetch_add(by, Ordering::Relaxed);
}

impl Shared {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        room: Arc<Room>,
        chain: Chain,
        identity: Identity,
        place: Option<Place>,
        hold_budget_bytes: u64,
    ) -> Self {
        Self {
            sync: SyncSet::new(disk.clone()),
            disk,
            room,
            chain: Mutex::new(chain),
            identity,
            tallies: Tallies::default(),
            rejournal: Default::default(),
            journal_bytes: Default::default(),
            ticks_done: AtomicU64::new(0),
            checkpoints_done: AtomicU64::new(0),
            checkpoint_asked: AtomicBool::new(false),
            hold_budget_bytes,
            problems: Mutex::default(),
            complaints: Mutex::default(),
            losses: Mutex::default(),
            paces: Mutex::default(),
            place,
            away: AtomicBool::new(false),
            replaced: AtomicBool::new(false),
        }
    }

    /// What the tape is.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Where the tape lies, if that is a directory of this host.
    pub(crate) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Looks whether the tape's directory is where it was.
    pub(crate) fn look_at_place(&self) -> Whereabouts {
        self.place.as_ref().map_or(Whereabouts::Here, Place::look)
    }

    /// Nothing is to be written: the tape's directory is not where it was.
    pub(crate) fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// Another directory is there in its place.
    pub(crate) fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::Relaxed)
    }

    pub(crate) fn set_away(&self, away: bool, replaced: bool) {
        self.away.store(away, Ordering::Relaxed);
        self.replaced.store(replaced, Ordering::Relaxed);
        self.chain.lock().unwrap_or_else(PoisonError::into_inner).hold(away);
    }

    /// How long a lane's journal was at the last tick.
    pub(crate) fn journal_bytes(&self, lane: Lane) -> u64 {
        self.journal_bytes[lane as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn set_journal_bytes(&self, lane: Lane, bytes: u64) {
        self.journal_bytes[lane as usize].store(bytes, Ordering::Relaxed);
    }

    /// Ticks that the writer has worked off.
    pub(crate) fn ticks_done(&self) -> u64 {
        self.ticks_done.load(Ordering::Relaxed)
    }

    pub(crate) fn tick_done(&self) {
        count(&self.ticks_done, 1);
    }

    /// Checkpoints that have been written, or could not be.
    pub(crate) fn checkpoints_done(&self) -> u64 {
        self.checkpoints_done.load(Ordering::Relaxed)
    }

    pub(crate) fn checkpoint_done(&self) {
        count(&self.checkpoints_done, 1);
    }

    /// Asks for a checkpoint out of turn, or says that it is coming.
    pub(crate) fn ask_checkpoint(&self, is_asked: bool) {
        self.checkpoint_asked.store(is_asked, Ordering::Relaxed);
    }

    pub(crate) fn is_checkpoint_asked(&self) -> bool {
        self.checkpoint_asked.load(Ordering::Relaxed)
    }

    /// Writes a line of the log.
    pub(crate) fn note(&self, event: Event) {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner).note(event);
    }

    /// How the lanes' admission does, by their names.
    pub(crate) fn set_paces(&self, paces: BTreeMap<String, LanePace>) {
        *self.paces.lock().unwrap_or_else(PoisonError::into_inner) = paces;
    }

    /// What was said of it last, with the shares.
    pub(crate) fn paces(&self) -> BTreeMap<String, LanePace> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (lane, fill) in Lane::ALL.iter().zip(self.room.fills()) {
            paces.entry(lane.name().to_owned()).or_default().share_bytes = fill.share_bytes;
        }
        paces
    }

    /// Brings the log to stable storage.
    pub(crate) fn sync_chain(&self) -> std::io::Result<()> {
        let file = self.chain.lock().unwrap_or_else(PoisonError::into_inner).take_unsynced();
        file.map_or(Ok(()), |file| file.sync_data())
    }

    /// Writes again what says what the tape is, if somebody removed that alone.
    pub(crate) fn restore_identity(&self) {
        let path = Path::new(names::IDENTITY);
        if self.disk.status(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
            && replace_file(self.disk.as_ref(), path, &[self.identity.encode().as_bytes()]).is_ok()
        {
            self.problem(names::IDENTITY, "it was removed while the tape was written; it is there again".to_owned());
        }
    }

    /// Something that is tried again and again goes wrong, or not any more: it is said once.
    pub(crate) fn complain(&self, place: &'static str, message: Option<String>) {
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(message) = message else { return drop(complaints.remove(place)) };
        if complaints.get(place) != Some(&message) {
            complaints.insert(place, message.clone());
            drop(complaints);
            self.problem(place, message);
        }
    }

    /// Something went wrong: a line of the log, and a message for who asks.
    pub(crate) fn problem(&self, place: &str, message: String) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        if problems.len() < PROBLEMS_MAX {
            problems.push_back(format!("{place}: {message}"));
        }
        drop(problems);
        self.note(Event::Error { place: place.to_owned(), message });
    }

    /// The messages since the last call.
    pub(crate) fn take_problems(&self) -> Vec<String> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// Puts back messages that nobody has heard.
    pub(crate) fn keep_problems(&self, problems: Vec<String>) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).extend(problems);
    }

    /// The losses that have not been written to the log, and the lines that wait for it.
    pub(crate) fn take_unwritten(&self) -> (Vec<Loss>, VecDeque<Event>) {
        let losses = std::mem::take(&mut *self.losses.lock().unwrap_or_else(PoisonError::into_inner));
        (losses, self.chain.lock().unwrap_or_else(PoisonError::into_inner).take_waiting())
    }

    /// Packets of a frame were lost.
    pub(crate) fn lose(&self, place: &str, reason: &str, summary: &Summary, bytes: u64) {
        let loss = Loss {
            place: place.to_owned(),
            reason: reason.to_owned(),
            packets: u64::from(summary.packets),
            bytes,
            from: summary.first_time,
            to: summary.last_time,
        };
        self.add_loss(loss);
    }

    /// Packets were lost; written with others of the same place and reason at one of the next ticks.
    pub(crate) fn add_loss(&self, loss: Loss) {
        count(&self.tallies.packets_lost, loss.packets);
        count(&self.tallies.bytes_lost, loss.bytes);
        self.hold_loss(loss);
    }

    /// As [`Shared::add_loss`], for packets that were lost before they came to the tape.
    pub(crate) fn hold_loss(&self, loss: Loss) {
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |other: &Loss| (&other.place, &other.reason) == (&loss.place, &loss.reason);
        let index = losses.iter().position(same);
        // Beyond the limit the last one stands for several.
        let index = index.or_else(|| (losses.len() >= LOSSES_MAX).then_some(LOSSES_MAX - 1));
        let Some(other) = index.and_then(|index| losses.get_mut(index)) else { return losses.push(loss) };
        if other.place != loss.place {
            "several".clone_into(&mut other.place);
        }
        other.packets += loss.packets;
        other.bytes += loss.bytes;
        other.from = other.from.min(loss.from);
        other.to = other.to.max(loss.to);
    }

    /// Writes the losses and evictions that were gathered, and says whether there were any.
    pub(crate) fn write_summaries(&self) -> bool {
        let losses = std::mem::take(&mut *self.losses.lock().unwrap_or_else(PoisonError::into_inner));
        let (evictions, stuck) = self.room.take_evictions();
        let any = !losses.is_empty() || !evictions.is_empty();
        losses.into_iter().for_each(|loss| self.note(Event::Loss(loss)));
        for eviction in evictions {
            count(&self.tallies.files_evicted, eviction.segments);
            self.note(Event::Evict(eviction));
        }
        for message in stuck {
            self.problem("ageing", message);
        }
        any
    }
}
