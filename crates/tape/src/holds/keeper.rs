//! Who fills holds: a thread of whoever writes the tape.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flow::FlowId;
use packet::Timestamp;

use super::retain;
use super::shelf::{disk_bytes, hold_names, known_flows, read_order, read_progress};
use super::writer::{HoldWriter, Stop, commit, discard_beyond};
use crate::Lane;
use crate::ageing::{FLOWS_SHELF, SHELVES};
use crate::budget::Account;
use crate::clock::Moment;
use crate::disk::{Disk, RealDisk, read_file, replace_file};
use crate::format::chain::{Event, Eviction, HoldChange, Line, decode};
use crate::format::hold::{Expired, Order, PROGRESS, Progress, RELEASE, Release, State};
use crate::format::names;
use crate::options::{Names, Options};
use crate::pins::Pin;
use crate::question::{BEFORE_THE_TAPE, Coverage, Expression, Extract, Fault, Gap, Query, Sought};
use crate::shared::Shared;

/// How long the rows of what was just recorded are waited for.
const ROWS_WAIT_MAX: Duration = Duration::from_secs(20);
/// After this nothing more is recorded from before a time.
const SETTLED_NS: i64 = 2_000_000_000;
/// How long it is waited after something failed.
const RETRY: Duration = Duration::from_secs(10);
/// How often holds of policies let go of what is old.
const TRIM_EVERY: Duration = Duration::from_secs(30);
/// How often a first copy is tried.
const TRIES_MAX: u32 = 3;
/// How often frames that are on their way are waited for.
const EARLY_TRIES_MAX: u32 = 20;
/// What a hold can take beside what was measured: its directory, and small files while they are replaced.
const HOLD_BYTES_MORE: u64 = 4 * 4096;

/// Fills holds.
pub(crate) struct HoldKeeper {
    shared: Arc<Shared>,
    directory: PathBuf,
    names: Names,
    /// Names of the holds of policies; others like them only let go. Unknown where nobody records.
    retained: Option<Vec<String>>,
    /// After so long nothing more comes from before a time.
    settled_ns: i64,
    holds: BTreeMap<String, Hold>,
    /// The newest flow file, and the ticks that were done when it was first seen.
    newest: (u64, u64, Instant),
}

struct Hold {
    order: Order,
    progress: Progress,
    /// Flows that it keeps, once they are needed.
    known: Option<HashSet<FlowId>>,
    bytes: u64,
    /// Checkpoints that were done when another one was asked for.
    awaited: Option<(u64, Instant)>,
    tries: u32,
    next_try: Option<Instant>,
    /// When it let go of what is old.
    trimmed: Option<Instant>,
}

impl HoldKeeper {
    /// Looks at the holds that are there; nothing is copied before [`HoldKeeper::step`]. None for a tape that is no
    /// directory of this host.
    pub(crate) fn open(shared: &Arc<Shared>, options: &Options) -> Option<Self> {
        let mut keeper = Self {
            directory: shared.place()?.directory().to_owned(),
            shared: shared.clone(),
            names: options.names.clone(),
            retained: None,
            settled_ns: if options.is_live { SETTLED_NS } else { 0 },
            holds: BTreeMap::new(),
            newest: (0, 0, Instant::now()),
        };
        keeper.clear_away();
        keeper.retain(options);
        keeper.scan();
        Some(keeper)
    }

    /// Brings the holds of policies into being.
    fn retain(&mut self, options: &Options) {
        if !options.is_live {
            return;
        }
        if let Err(error) = retain::leave_orders(&self.directory, &options.retained) {
            self.shared.complain("held", Some(format!("what policies retain cannot be held: {error}")));
        }
        self.retained = Some(options.retained.iter().map(retain::Retained::hold).collect());
    }

    /// Does what there is to do.
    pub(crate) fn step(&mut self, stop: &AtomicBool) {
        if self.shared.is_away() {
            return;
        }
        self.scan();
        let newest = self.shared.room.newest(FLOWS_SHELF).unwrap_or(0);
        if self.newest.0 != newest {
            self.newest = (newest, self.shared.ticks_done(), Instant::now());
        }
        let names: Vec<String> = self.holds.keys().cloned().collect();
        for name in names {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            self.look_after(&name, stop);
        }
    }

    /// Takes up orders that are new, and forgets holds whose directories are gone.
    fn scan(&mut self) {
        let names: Vec<String> = hold_names(&self.directory);
        let before = self.holds.len();
        self.holds.retain(|name, _| names.contains(name));
        let mut any = before != self.holds.len();
        for name in names {
            if self.holds.contains_key(&name) {
                continue;
            }
            let Some(order) = read_order(&self.directory, &name) else { continue };
            let progress = read_progress(&self.directory, &name);
            let bytes = disk_bytes(&self.directory, &name);
            let is_new = progress.is_none();
            let hold = Hold {
                order,
                progress: progress.unwrap_or_default(),
                known: None,
                bytes,
                awaited: None,
                tries: 0,
                next_try: None,
                trimmed: None,
            };
            self.shared.room.pin(&name, hold.pin());
            if is_new {
                self.take_order(&name, &hold);
            }
            self.holds.insert(name, hold);
            any = true;
        }
        if any {
            self.account();
        }
    }

    /// Makes the directory a tape of its own, and says in the log that the hold was asked for.
    fn take_order(&self, name: &str, hold: &Hold) {
        let disk = self.disk(name);
        let identity = self.shared.identity().encode();
        let done = replace_file(&disk, Path::new(names::IDENTITY), &[identity.as_bytes()])
            .and_then(|()| write_log(&disk, Vec::new()))
            .and_then(|()| commit(&disk, &hold.progress));
        if let Err(error) = done {
            self.shared.complain("held", Some(format!("{name} cannot be written: {error}")));
        }
        let Order { reason, owner, expression, from, to, .. } = hold.order.clone();
        self.shared.note(Event::Hold(HoldChange {
            name: name.to_owned(),
            change: "asked".to_owned(),
            reason,
            owner: Some(owner),
            expression,
            from,
            to,
            ..HoldChange::default()
        }));
    }

    fn look_after(&mut self, name: &str, stop: &AtomicBool) {
        if self.disk(name).status(Path::new(RELEASE)).is_ok() {
            return self.release(name);
        }
        if !self.let_go(name) {
            return;
        }
        let (newest, shared, settled_ns) = (self.newest, self.shared.clone(), self.settled_ns);
        let Some(hold) = self.holds.get_mut(name) else { return };
        if hold.progress.state.is_final() || hold.next_try.is_some_and(|next| Instant::now() < next) {
            return;
        }
        let to_go_ns = hold.order.to.map_or(i64::MAX, |to| to.since(Moment::now().time));
        let is_over = to_go_ns <= -settled_ns;
        if to_go_ns <= 0 && !is_over {
            // It ends in a moment.
            return;
        }
        if hold.progress.state == State::Copying || is_over {
            // What was recorded last has rows only after a checkpoint.
            let Some((done, since)) = hold.awaited else {
                hold.awaited = Some((shared.checkpoints_done(), Instant::now()));
                return shared.ask_checkpoint(true);
            };
            if shared.checkpoints_done() == done && since.elapsed() < ROWS_WAIT_MAX {
                return;
            }
        } else if newest.0 <= hold.progress.flow_file {
            return;
        }
        // Frames can reach their segment a tick after the rows that name them.
        if shared.ticks_done() < newest.1 + 2 && newest.2.elapsed() < ROWS_WAIT_MAX {
            return;
        }
        self.copy(name, is_over, stop);
    }

    /// Copies what is there of a hold and not kept yet.
    fn copy(&mut self, name: &str, is_over: bool, stop: &AtomicBool) {
        let Some(hold) = self.holds.get_mut(name) else { return };
        let is_first = hold.progress.state == State::Copying;
        let hold_retains = hold.order.retain_s.is_some();
        let directory = self.directory.clone();
        let known = hold.known.get_or_insert_with(|| known_flows(&directory, name));
        let found = match query(&hold.order, &self.names) {
            Ok(query) => Extract::find(&directory, &Sought { query: &query, since: hold.progress.flow_file, known }),
            Err(why) => return self.give_up(name, is_first, why),
        };
        match found {
            Ok(Some(extract)) if extract.is_early && hold.tries < EARLY_TRIES_MAX => {
                hold.tries += 1;
                hold.next_try = Some(Instant::now() + Duration::from_millis(250));
            }
            Ok(Some(extract)) => match self.write(name, extract, stop) {
                Ok((progress, new_flows)) => self.kept(name, progress, new_flows, is_over),
                Err(Stop::Full(why)) if hold_retains => self.make_room(name, &why),
                Err(Stop::Full(why)) => self.give_up(name, is_first, why),
                Err(Stop::Interrupted) => {}
                Err(Stop::Failed(error)) => self.try_again(name, is_first, error.to_string()),
            },
            Ok(None) => {
                let progress = hold.progress.clone();
                self.kept(name, progress, Vec::new(), is_over);
            }
            Err(Fault::TooMuch(rows)) => {
                let why = format!(
                    "{rows} rows of flows would have to be looked at, too many at once: give it less time, or a narrower expression"
                );
                self.give_up(name, is_first, why);
            }
            Err(Fault::Tape(error)) => self.try_again(name, is_first, error.to_string()),
        }
    }

    /// Writes what was found; it does not count yet.
    fn write(&self, name: &str, mut extract: Extract, stop: &AtomicBool) -> Result<(Progress, Vec<FlowId>), Stop> {
        let Some(hold) = self.holds.get(name) else { return Err(Stop::Interrupted) };
        let (room, limit) = (&self.shared.room, self.shared.hold_budget_bytes);
        let held = self.held_bytes();
        let mut allow = |written: u64| {
            let needed = held + written;
            if needed > limit {
                return Err(format!("all holds together may take {limit} bytes, and this needs more"));
            }
            room.set(Account::Held, needed).map_err(|_| "there is no room for it within the tape's budget".to_owned())
        };
        let disk = self.disk(name);
        let broken = |error| Stop::Failed(crate::Error::io("writing", Path::new(name))(error));
        let mut writer =
            HoldWriter::begin(Arc::new(disk.clone()), hold.progress.clone(), &mut allow).map_err(broken)?;
        let bytes_max = hold.order.bytes_max.unwrap_or(u64::MAX);
        let mut is_cut = false;
        extract.packets(|packet, interface, lane, part| {
            if stop.load(Ordering::Relaxed) {
                return Err(Stop::Interrupted);
            }
            is_cut = is_cut || writer.captured_bytes() >= bytes_max;
            if is_cut { Ok(()) } else { writer.add(packet, interface, lane, part) }
        })?;
        let identity = self.shared.identity();
        let interfaces = std::mem::take(&mut extract.interfaces);
        let mut progress = writer.finish(&identity.id, &identity.sensor, &extract.parts, interfaces)?;
        progress.why = is_cut.then(|| format!("it keeps {bytes_max} bytes of packets, as many as it may"));
        progress.flow_file = extract.until;
        progress.covers = extract.covers;
        progress.flows += extract.new_flows.len() as u64;
        progress.incomplete_flows += extract.incomplete_flows;
        note_coverage(&mut progress, &extract.coverage);
        Ok((progress, extract.new_flows))
    }

    /// What was copied counts from now on.
    fn kept(&mut self, name: &str, mut progress: Progress, new_flows: Vec<FlowId>, is_over: bool) {
        let (disk, directory) = (self.disk(name), self.directory.clone());
        let Some(hold) = self.holds.get_mut(name) else { return };
        let before = hold.progress.state;
        progress.state = if is_over || progress.why.is_some() { State::Kept } else { State::Following };
        progress.updated = Moment::now().time;
        if let Err(error) = commit(&disk, &progress) {
            return self.try_again(name, false, error.to_string());
        }
        hold.known.get_or_insert_with(HashSet::new).extend(new_flows);
        hold.progress = progress;
        (hold.awaited, hold.tries, hold.next_try) = (None, 0, None);
        hold.bytes = disk_bytes(&directory, name);
        if hold.progress.state.is_final() {
            hold.known = None;
        }
        self.shared.complain("held", None);
        self.shared.room.pin(name, hold.pin());
        let state = hold.progress.state;
        self.account();
        if state != before {
            self.note(name, state.name(), None, None);
        }
    }

    /// Lets a policy's hold go of what is old enough; false if it is of a policy that there is no more.
    fn let_go(&mut self, name: &str) -> bool {
        let Some(hold) = self.holds.get_mut(name) else { return false };
        let Some(retain_s) = hold.order.retain_s else { return true };
        let is_current = self.retained.as_ref().is_none_or(|retained| retained.iter().any(|one| one == name));
        if hold.trimmed.is_some_and(|trimmed| trimmed.elapsed() < TRIM_EVERY) {
            return is_current;
        }
        hold.trimmed = Some(Instant::now());
        let span_ns = i64::try_from(retain_s).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
        let before = Timestamp(Moment::now().time.0.saturating_sub(span_ns));
        self.trim(name, before, 0);
        if !is_current && self.holds.get(name).is_some_and(|hold| hold.progress.packets == 0) {
            self.release(name);
        }
        is_current
    }

    /// There is no room for what comes: the oldest quarter of a policy's hold goes.
    fn make_room(&mut self, name: &str, why: &str) {
        let disk = self.disk(name);
        let Some(hold) = self.holds.get_mut(name) else { return };
        let _ = discard_beyond(&disk, &hold.progress);
        let bytes = hold.bytes / 4;
        if !self.trim(name, Timestamp::MIN, bytes.max(1)) {
            let Some(hold) = self.holds.get_mut(name) else { return };
            hold.next_try = Some(Instant::now() + TRIM_EVERY);
            hold.progress.given_up = Some(Moment::now().time);
            self.shared.complain("held", Some(format!("policy hold {name}: {why}")));
        }
        self.account();
    }

    /// True if anything went.
    fn trim(&mut self, name: &str, before: Timestamp, bytes: u64) -> bool {
        let (disk, directory) = (self.disk(name), self.directory.clone());
        let Some(hold) = self.holds.get_mut(name) else { return false };
        let mut progress = hold.progress.clone();
        match retain::trim(&disk, &mut progress, before, bytes) {
            Ok((_, gone)) if gone.is_empty() => false,
            Ok((_, gone)) => {
                progress.updated = Moment::now().time;
                let _ = write_log(&disk, gone).and_then(|()| commit(&disk, &progress));
                let known = known_flows(&directory, name);
                progress.flows = known.len() as u64;
                let _ = commit(&disk, &progress);
                (hold.progress, hold.known, hold.bytes) = (progress, Some(known), disk_bytes(&directory, name));
                self.account();
                true
            }
            Err(error) => {
                self.shared.complain("held", Some(format!("hold {name}: {error}")));
                false
            }
        }
    }

    /// It does not fit: nothing of it is kept if that shows at once, else what was kept before stays.
    fn give_up(&mut self, name: &str, is_first: bool, why: String) {
        let (disk, directory) = (self.disk(name), self.directory.clone());
        let Some(hold) = self.holds.get_mut(name) else { return };
        let state = if is_first { State::Refused } else { State::Full };
        if is_first {
            hold.progress = Progress::default();
        }
        hold.progress.state = state;
        hold.progress.why = Some(why.clone());
        hold.progress.updated = Moment::now().time;
        let _ = discard_beyond(&disk, &hold.progress);
        let _ = commit(&disk, &hold.progress);
        hold.known = None;
        hold.bytes = disk_bytes(&directory, name);
        self.shared.room.pin(name, None);
        self.account();
        self.note(name, state.name(), Some(why.clone()), None);
        if !is_first {
            self.shared.problem("held", format!("hold {name} is full and keeps nothing more: {why}"));
        }
    }

    fn try_again(&mut self, name: &str, is_first: bool, error: String) {
        let disk = self.disk(name);
        let Some(hold) = self.holds.get_mut(name) else { return };
        hold.tries += 1;
        hold.next_try = Some(Instant::now() + RETRY);
        let _ = discard_beyond(&disk, &hold.progress);
        if is_first && hold.tries >= TRIES_MAX {
            return self.give_up(name, true, error);
        }
        self.account();
        self.shared.complain("held", Some(format!("hold {name}: {error}")));
    }

    /// Ends a hold, and gives back what it took.
    fn release(&mut self, name: &str) {
        let text = std::fs::read(self.directory.join(names::HELD).join(name).join(RELEASE)).unwrap_or_default();
        let Release { reason, by } = serde_json::from_slice(&text).unwrap_or_default();
        let was_refused = self.holds.get(name).is_some_and(|hold| hold.progress.state == State::Refused);
        let held = self.directory.join(names::HELD);
        // At once for whoever reads; what a crash leaves is removed at the next start.
        if let Err(error) = std::fs::rename(held.join(name), held.join(format!(".released-{name}"))) {
            return self.shared.complain("held", Some(format!("hold {name} cannot be released: {error}")));
        }
        if !was_refused {
            self.note(name, "released", reason, by);
        }
        self.shared.room.pin(name, None);
        self.holds.remove(name);
        self.clear_away();
        self.account();
    }

    /// Removes what was released, and orders that were never finished or were refused long ago.
    fn clear_away(&self) {
        const REFUSED_STAYS_NS: i64 = 600_000_000_000;
        let held = self.directory.join(names::HELD);
        for entry in std::fs::read_dir(&held).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_old = entry
                .metadata()
                .and_then(|found| found.modified())
                .is_ok_and(|time| time.elapsed().is_ok_and(|age| age > Duration::from_secs(600)));
            let is_refused = read_progress(&self.directory, &name).is_some_and(|progress| {
                let age_ns = Moment::now().time.since(progress.updated);
                progress.state == State::Refused && age_ns > REFUSED_STAYS_NS
            });
            if name.starts_with(".released-") || (name.starts_with(".new-") && is_old) || is_refused {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    fn note(&self, name: &str, change: &str, reason: Option<String>, owner: Option<String>) {
        let Some(Hold { order, progress, bytes, .. }) = self.holds.get(name) else { return };
        self.shared.note(Event::Hold(HoldChange {
            name: name.to_owned(),
            change: change.to_owned(),
            reason: reason.unwrap_or_else(|| order.reason.clone()),
            owner: owner.or_else(|| Some(order.owner.clone())),
            flows: progress.flows,
            packets: progress.packets,
            bytes: *bytes,
            ..HoldChange::default()
        }));
    }

    fn account(&self) {
        self.shared.room.note(Account::Held, self.held_bytes());
    }

    fn held_bytes(&self) -> u64 {
        self.holds.values().map(|hold| hold.bytes + HOLD_BYTES_MORE).sum()
    }

    fn disk(&self, name: &str) -> RealDisk {
        RealDisk::new(&self.directory.join(names::HELD).join(name))
    }
}

impl Hold {
    /// What it has not looked at yet.
    fn pin(&self) -> Option<Pin> {
        let Self { order, progress, .. } = self;
        if progress.state.is_final() {
            return None;
        }
        let mut first = [0; SHELVES];
        for lane in Lane::ALL {
            first[lane.number()] = progress.covers.lane(lane).segment;
        }
        first[FLOWS_SHELF] = progress.flow_file + 1;
        Some(Pin { first, from: order.from, to: order.to })
    }
}

fn query(order: &Order, names: &Names) -> Result<Query, String> {
    let expression = order.expression.as_ref().map(|text| Expression::new(text, names.0.clone(), &|_| None));
    let expression = expression.transpose().map_err(|error| format!("its expression cannot be used: {error}"))?;
    Ok(Query { expression, from: order.from, to: order.to, ..Query::default() })
}

/// What the tape could not give any more when the hold was asked for.
fn note_coverage(progress: &mut Progress, coverage: &Coverage) {
    for expired in &coverage.expired {
        let lane = expired.lane.map_or(names::FLOWS, Lane::name).to_owned();
        progress.expired.push(Expired { lane, oldest: expired.oldest });
    }
    // That there was no tape yet is no loss.
    let inside = |gap: &&Gap| gap.reason != BEFORE_THE_TAPE;
    progress.gaps += coverage.gaps.iter().filter(inside).count() as u64;
}

/// A log that says that nothing was recorded here: read as a tape, a hold has no gaps of its own.
fn write_log(disk: &dyn Disk, gone: Vec<Eviction>) -> std::io::Result<()> {
    let Moment { time, boot_ns } = Moment::now();
    let start = Event::Start {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        boot_id: String::new(),
        next_arrival: 1,
        import: true,
    };
    let path = names::chain_path(1);
    let before = read_file(disk, &path, 1 << 30).unwrap_or_default();
    let earlier = decode(&before).flatten().map(|line| line.event).filter(|event| matches!(event, Event::Evict(_)));
    let evictions = earlier.chain(gone.into_iter().map(Event::Evict));
    let lines = std::iter::once(start).chain(evictions).chain([Event::Stop { next_arrival: 1 }]).zip(1..);
    let text: String = lines.map(|(event, seq)| Line { seq, time, boot_ns, event }.encode()).collect();
    disk.create_directory(Path::new(names::CHAIN))?;
    replace_file(disk, &path, &[text.as_bytes()])
}

/// Where a hold's progress is written.
pub(super) fn progress_path(directory: &Path, name: &str) -> PathBuf {
    directory.join(names::HELD).join(name).join(PROGRESS)
}
