//! What everything on the tape takes, and making room before it is needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use flow::{LaneFill, RowFill};
use packet::Timestamp;

use crate::Lane;
use crate::ageing::{Claims, FLOWS_SHELF, KeptFile, SHELVES, Shelf, furthest_over, shares};
use crate::disk::Disk;
use crate::format::chain::Eviction;
use crate::format::names;
use crate::options::KeepFree;
use crate::pins::{Pin, Pins};

/// What takes room and is not a closed segment or flow file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Account {
    /// The open segment of a lane.
    Open(Lane),
    /// The index of the open segment.
    Catalog(Lane),
    /// The journal of a lane.
    Journal(Lane),
    /// The log.
    Chain,
    /// The flow table's state, while it is replaced twice.
    State,
    /// A flow file that is being written.
    Rows,
    /// Roll-ups of the indexes of flow files.
    Rollups,
    /// What holds keep.
    Held,
    /// Summaries of closed segments.
    Segments,
    /// What was set aside.
    Damaged,
    /// Closed files that could not be removed.
    Stuck,
    /// Directories, tape.toml, lock, heartbeat, and what somebody else put there.
    Rest,
}

/// There is no room, and nothing left that could go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// The budget of a tape.
pub(crate) struct Room {
    disk: Arc<dyn Disk>,
    budget_bytes: u64,
    keep_free: KeepFree,
    ledger: Mutex<Ledger>,
    needed: Condvar,
}

#[derive(Debug, Default)]
struct Ledger {
    shelves: [Shelf; SHELVES],
    claims: Claims,
    /// When time passed for them last.
    passed: Option<Instant>,
    accounts: BTreeMap<Account, u64>,
    accounts_bytes: u64,
    /// What the tape may take so that the floor of free disk holds; judged each second.
    floor_bytes: u64,
    /// Nothing is removed ahead of need any more.
    is_frozen: bool,
    evictions: BTreeMap<(usize, &'static str), Eviction>,
    /// What is to wait for holds.
    pins: Pins,
    /// Files that could not be removed: tried again later.
    stuck: Vec<(usize, u64, KeptFile)>,
    /// What has been said about them.
    complaints: Vec<String>,
    complained: bool,
}

impl Ledger {
    fn used(&self) -> u64 {
        self.accounts_bytes + self.shelves.iter().map(|shelf| shelf.closed_bytes).sum::<u64>()
    }

    fn set(&mut self, account: Account, bytes: u64) {
        let before = self.accounts.insert(account, bytes).unwrap_or(0);
        self.accounts_bytes = self.accounts_bytes - before + bytes;
        if let Account::Open(lane) | Account::Catalog(lane) = account {
            let shelf = &mut self.shelves[lane as usize];
            shelf.open_bytes = shelf.open_bytes - before + bytes;
        }
    }

    fn of(&self, account: Account) -> u64 {
        self.accounts.get(&account).copied().unwrap_or(0)
    }

    /// Whether the oldest file of a shelf has to wait for a hold.
    fn is_pinned(&self, shelf: usize) -> bool {
        let oldest = self.shelves.get(shelf).and_then(|shelf| shelf.closed.first_key_value());
        oldest.is_some_and(|(number, file)| self.pins.hold(shelf, *number, file))
    }
}

/// What is kept free ahead of need, so that nobody has to wait for files to be removed.
fn headroom(limit: u64) -> u64 {
    (limit / 64).clamp(256 << 10, 256 << 20).min(limit / 16)
}

/// A file that is to go.
struct Victim {
    shelf: usize,
    number: u64,
    file: KeptFile,
    why: &'static str,
}

impl Room {
    pub(crate) fn new(disk: Arc<dyn Disk>, budget_bytes: u64, keep_free: KeepFree) -> Self {
        let ledger = Ledger { floor_bytes: u64::MAX, ..Ledger::default() };
        Self { disk, budget_bytes, keep_free, ledger: Mutex::new(ledger), needed: Condvar::new() }
    }

    /// Sets what an account takes, before it takes it: makes room first if it grows.
    pub(crate) fn set(&self, account: Account, bytes: u64) -> Result<(), NoRoom> {
        loop {
            let mut ledger = self.lock();
            let before = ledger.of(account);
            let (limit, why) = self.limit(&ledger);
            if bytes <= before || ledger.used() - before + bytes <= limit {
                ledger.set(account, bytes);
                if ledger.used() + headroom(limit) / 2 > limit {
                    self.needed.notify_one();
                }
                return Ok(());
            }
            let Some(victim) = self.choose(&mut ledger, why) else { return Err(NoRoom) };
            drop(ledger);
            self.remove(victim);
        }
    }

    /// Adds to what an account takes.
    pub(crate) fn add(&self, account: Account, bytes: u64) -> Result<(), NoRoom> {
        let before = self.lock().of(account);
        self.set(account, before + bytes)
    }

    /// Takes over what was found, or has been written and measured, without a limit.
    pub(crate) fn note(&self, account: Account, bytes: u64) {
        self.lock().set(account, bytes);
    }

    /// Puts a closed file on its shelf, in place of what the accounts had for it.
    pub(crate) fn close(&self, shelf: usize, number: u64, file: KeptFile, instead_of: &[Account]) {
        let mut ledger = self.lock();
        for account in instead_of {
            ledger.set(*account, 0);
        }
        let shelf = &mut ledger.shelves[shelf];
        shelf.closed_bytes += file.bytes;
        if let Some(before) = shelf.closed.insert(number, file) {
            shelf.closed_bytes -= before.bytes;
        }
    }

    /// The index of a closed file has been written, with what an account had for it; if the file has gone meanwhile, so
    /// has its index to go.
    pub(crate) fn grow(&self, shelf: usize, number: u64, bytes: u64, catalog: Option<PathBuf>, instead_of: Account) {
        let mut ledger = self.lock();
        ledger.set(instead_of, 0);
        let shelf = &mut ledger.shelves[shelf];
        match shelf.closed.get_mut(&number) {
            Some(file) => {
                file.bytes += bytes;
                file.catalog = catalog.or(file.catalog.take());
                shelf.closed_bytes += bytes;
            }
            None => {
                let _ = catalog.map(|path| self.disk.remove(&path));
            }
        }
    }

    /// Takes a closed file off its shelf, because it went elsewhere.
    pub(crate) fn forget(&self, shelf: usize, number: u64) -> Option<KeptFile> {
        let mut ledger = self.lock();
        let shelf = &mut ledger.shelves[shelf];
        let file = shelf.closed.remove(&number)?;
        shelf.closed_bytes -= file.bytes;
        Some(file)
    }

    /// Reads how much of the file system is free, and evicts until budget, floor and a head start hold.
    pub(crate) fn tidy(&self) {
        let mut ledger = self.lock();
        for (shelf, number, file) in std::mem::take(&mut ledger.stuck) {
            let shelf = &mut ledger.shelves[shelf];
            shelf.closed_bytes += file.bytes;
            shelf.closed.insert(number, file);
        }
        ledger.set(Account::Stuck, 0);
        drop(ledger);
        if let Ok(space) = self.disk.space() {
            let mut ledger = self.lock();
            let floor = self.keep_free.bytes(space.total);
            ledger.floor_bytes = (ledger.used() + space.available).saturating_sub(floor);
        }
        loop {
            let mut ledger = self.lock();
            let (limit, why) = self.limit(&ledger);
            if ledger.is_frozen || ledger.used() + headroom(limit) <= limit {
                return;
            }
            let Some(victim) = self.choose(&mut ledger, why) else { return };
            drop(ledger);
            self.remove(victim);
        }
    }

    /// Removes at least so many bytes of the oldest, after the disk was full although the budget was not.
    pub(crate) fn relieve(&self, bytes: u64) -> bool {
        let mut relieved = 0;
        while relieved < bytes {
            let mut ledger = self.lock();
            let Some(victim) = self.choose(&mut ledger, "disk full") else { break };
            drop(ledger);
            relieved += victim.file.bytes;
            self.remove(victim);
        }
        relieved > 0
    }

    /// Removes what ended before a time.
    pub(crate) fn expire(&self, packets_before: Option<Timestamp>, flows_before: Option<Timestamp>) {
        if self.lock().is_frozen {
            return;
        }
        for shelf in 0..SHELVES {
            let before = if shelf == FLOWS_SHELF { flows_before } else { packets_before };
            let Some(before) = before else { continue };
            loop {
                let mut ledger = self.lock();
                let oldest = ledger.shelves[shelf].closed.first_key_value();
                let oldest = oldest.filter(|(_, file)| file.last_time < before && !ledger.is_pinned(shelf));
                let Some(number) = oldest.map(|(number, _)| *number) else { break };
                let Some(file) = ledger.shelves[shelf].closed.remove(&number) else { break };
                drop(ledger);
                self.remove(Victim { shelf, number, file, why: "max-age" });
            }
        }
    }

    /// Says what a hold has not looked at yet, so that it goes last; nothing any more with `None`.
    pub(crate) fn pin(&self, hold: &str, pin: Option<Pin>) {
        self.lock().pins.set(hold, pin);
    }

    /// Ends the removing ahead of need: the tape is being closed.
    pub(crate) fn freeze(&self) {
        self.lock().is_frozen = true;
    }

    /// What the tape can come to: its budget, or what the file system and its floor leave of that.
    pub(crate) fn usable_bytes(&self) -> u64 {
        self.limit(&self.lock()).0
    }

    /// The same, but as much as a tape needs at least.
    pub(crate) fn reachable_bytes(&self) -> u64 {
        self.usable_bytes().max(crate::Options::BUDGET_BYTES_MIN)
    }

    /// Waits until a head start is needed again, or for so long.
    pub(crate) fn wait(&self, at_most: Duration) {
        let ledger = self.lock();
        drop(self.needed.wait_timeout(ledger, at_most));
    }

    /// Ends a [`Room::wait`].
    pub(crate) fn wake(&self) {
        self.needed.notify_all();
    }

    /// What was removed since the last call, and what could not be.
    pub(crate) fn take_evictions(&self) -> (Vec<Eviction>, Vec<String>) {
        let mut ledger = self.lock();
        let evictions = std::mem::take(&mut ledger.evictions).into_values().collect();
        (evictions, std::mem::take(&mut ledger.complaints))
    }

    /// Everything that the tape takes.
    pub(crate) fn used(&self) -> u64 {
        self.lock().used()
    }

    /// What an account takes.
    pub(crate) fn of(&self, account: Account) -> u64 {
        self.lock().of(account)
    }

    /// The greatest of the numbers of closed files.
    pub(crate) fn newest(&self, shelf: usize) -> Option<u64> {
        self.lock().shelves[shelf].closed.keys().next_back().copied()
    }

    /// The least of the numbers of closed files.
    pub(crate) fn oldest(&self, shelf: usize) -> Option<u64> {
        self.lock().shelves[shelf].closed.keys().next().copied()
    }

    /// The first `count` closed files with greater numbers, ascending.
    pub(crate) fn closed_behind(&self, shelf: usize, number: u64, count: usize) -> Vec<(u64, PathBuf)> {
        let ledger = self.lock();
        let closed = ledger.shelves[shelf].closed.range(number.saturating_add(1)..);
        closed.take(count).map(|(number, file)| (*number, file.path.clone())).collect()
    }

    /// Lets time pass for what lanes lend each other.
    pub(crate) fn pass(&self, now: Instant) {
        let mut ledger = self.lock();
        let passed = now.saturating_duration_since(*ledger.passed.get_or_insert(now));
        let reach_ns = ledger.shelves.iter().map(Shelf::reach_ns).max().unwrap_or(0);
        ledger.passed = Some(now);
        if self.is_full(&ledger) {
            let shares = self.whole_shares(&ledger);
            let held = std::array::from_fn(|shelf| ledger.shelves[shelf].bytes());
            let part = passed.as_nanos() as f64 / reach_ns.max(1) as f64;
            ledger.claims.pass(&shares, &held, part.min(1.0));
        }
    }

    /// Whatever is written takes the place of something.
    fn is_full(&self, ledger: &Ledger) -> bool {
        let (limit, _) = self.limit(ledger);
        ledger.used() + (limit / 8).min(512 << 20) >= limit
    }

    /// What each lane holds and may hold; what has gone into it is not known here.
    pub(crate) fn fills(&self) -> [LaneFill; Lane::ALL.len()] {
        let ledger = self.lock();
        let (shares, is_full) = (self.shares(&ledger), self.is_full(&ledger));
        Lane::ALL.map(|lane| {
            let (shelf, share_bytes) = (&ledger.shelves[lane as usize], shares[lane as usize]);
            let held_bytes = shelf.bytes();
            // Evicting takes whole segments: a little below its share it has it.
            let is_at_share = is_full && held_bytes > 0 && held_bytes >= share_bytes - share_bytes / 5;
            LaneFill { share_bytes, held_bytes, filled_bytes: 0, reach_ns: shelf.reach_ns(), is_at_share }
        })
    }

    /// What the rows hold and may hold; `filled_bytes` have gone into them.
    pub(crate) fn row_fill(&self, filled_bytes: u64) -> RowFill {
        let ledger = self.lock();
        let (share_bytes, shelf) = (self.shares(&ledger)[FLOWS_SHELF], &ledger.shelves[FLOWS_SHELF]);
        let (held_bytes, reach_ns) = (shelf.bytes(), shelf.reach_ns());
        // They take months to have their share, and what junk lends them: from most of their own on, a flood is known for one.
        let own_bytes = self.whole_shares(&ledger)[FLOWS_SHELF];
        let is_at_share = self.is_full(&ledger) && held_bytes > 0 && held_bytes >= own_bytes - own_bytes / 5;
        let fill = LaneFill { share_bytes, held_bytes, filled_bytes, reach_ns, is_at_share };
        // The newest quarter can be a flood.
        RowFill { fill, usual: if is_at_share { shelf.pace_before(reach_ns / 4) } else { 0.0 } }
    }

    /// The least number of a closed file, and the time of its earliest packet.
    pub(crate) fn oldest_file(&self, shelf: usize) -> Option<(u64, Timestamp)> {
        let ledger = self.lock();
        let (number, file) = ledger.shelves[shelf].closed.first_key_value()?;
        Some((*number, file.first_time))
    }

    pub(crate) fn budget_bytes(&self) -> u64 {
        self.budget_bytes
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What may be used, and what limits it.
    fn limit(&self, ledger: &Ledger) -> (u64, &'static str) {
        if ledger.floor_bytes < self.budget_bytes {
            (ledger.floor_bytes, "keep-free")
        } else {
            (self.budget_bytes, "budget")
        }
    }

    /// What each shelf may hold of a full tape.
    fn shares(&self, ledger: &Ledger) -> [u64; SHELVES] {
        ledger.claims.apply(self.whole_shares(ledger))
    }

    /// The same as long as nobody borrows: of what is left for packets and rows.
    fn whole_shares(&self, ledger: &Ledger) -> [u64; SHELVES] {
        let open: u64 = ledger.shelves.iter().map(|shelf| shelf.open_bytes).sum();
        let others = ledger.accounts_bytes - open;
        shares(self.limit(ledger).0.saturating_sub(others), ledger.shelves[Lane::Transit as usize].bytes() > 0)
    }

    /// Takes the next file to go off its shelf; its bytes stay counted until it is gone.
    fn choose(&self, ledger: &mut Ledger, why: &'static str) -> Option<Victim> {
        // What a hold still has to look at goes only where nothing else is left: recording must go on.
        let free = std::array::from_fn(|shelf| !ledger.is_pinned(shelf));
        let shares = self.shares(ledger);
        let shelf = furthest_over(&ledger.shelves, &shares, free)
            .or_else(|| furthest_over(&ledger.shelves, &shares, [true; SHELVES]))?;
        let (number, file) = ledger.shelves[shelf].closed.pop_first()?;
        Some(Victim { shelf, number, file, why })
    }

    fn remove(&self, victim: Victim) {
        let Victim { shelf, number, file, why } = victim;
        let gone = |path: &Path| match self.disk.remove(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        let removed = gone(&file.path).and_then(|()| file.catalog.as_deref().map_or(Ok(()), gone));
        let mut ledger = self.lock();
        if let Err(error) = removed {
            if !std::mem::replace(&mut ledger.complained, true) {
                ledger.complaints.push(format!("{} cannot be removed: {error}", file.path.display()));
            }
            let bytes = ledger.of(Account::Stuck) + file.bytes;
            ledger.set(Account::Stuck, bytes);
            ledger.shelves[shelf].closed_bytes -= file.bytes;
            ledger.stuck.push((shelf, number, file));
        } else {
            ledger.complained = false;
            let lane = Lane::ALL.get(shelf).map_or(names::FLOWS, |lane| lane.name());
            let eviction = ledger.evictions.entry((shelf, why)).or_insert_with(|| Eviction {
                lane: lane.to_owned(),
                first: number,
                last: number,
                segments: 0,
                bytes: 0,
                from: file.first_time,
                to: file.last_time,
                why: why.to_owned(),
            });
            eviction.first = eviction.first.min(number);
            eviction.last = eviction.last.max(number);
            eviction.segments += 1;
            eviction.bytes += file.bytes;
            eviction.from = eviction.from.min(file.first_time);
            eviction.to = eviction.to.max(file.last_time);
            ledger.shelves[shelf].closed_bytes -= file.bytes;
        }
    }
}
