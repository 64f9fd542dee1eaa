//! A disk in memory that remembers what was synced, and does what it is told to do wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::generator::Random;
use crate::disk::{Disk, DiskFile, Entry, Space, Status, whole_blocks};

/// What goes wrong, and when: operations that change something are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// From this operation on nothing is done any more; the operation itself may be done in part.
    Crash(u64),
    /// So many operations from this one on fail with an error.
    Error(u64, u64, io::ErrorKind),
    /// Only syncs fail, as often.
    Sync(u64, u64),
    /// Every write from this operation on does only a part of what it is asked to.
    Short(u64),
}

/// The disk.
#[derive(Clone)]
pub(super) struct FaultyDisk(Arc<Mutex<Model>>);

#[derive(Default)]
struct Model {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    /// Changes of names that are not durable, in order.
    name_changes: Vec<(PathBuf, Option<u64>)>,
    directories: BTreeSet<PathBuf>,
    next_inode: u64,
    operations: u64,
    faults: Vec<Fault>,
    crashed: bool,
    capacity: Option<u64>,
    budget: Option<u64>,
    random: Random,
    read_only: bool,
}

#[derive(Clone, Default)]
struct Inode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// Changes since the last sync.
    changes: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

impl FaultyDisk {
    pub(super) fn new(seed: u64) -> Self {
        let mut model = Model { random: Random::new(seed), ..Model::default() };
        model.directories.insert(PathBuf::new());
        Self(Arc::new(Mutex::new(model)))
    }

    pub(super) fn inject(&self, fault: Fault) {
        self.model().faults.push(fault);
    }

    pub(super) fn heal(&self) {
        self.model().faults.clear();
    }

    pub(super) fn set_capacity(&self, bytes: Option<u64>) {
        self.model().capacity = bytes;
    }

    pub(super) fn set_read_only(&self, read_only: bool) {
        self.model().read_only = read_only;
    }

    /// Fails the test if files and directories ever take more.
    pub(super) fn set_budget(&self, bytes: u64) {
        self.model().budget = Some(bytes);
    }

    pub(super) fn used(&self) -> u64 {
        self.model().used()
    }

    pub(super) fn operations(&self) -> u64 {
        self.model().operations
    }

    pub(super) fn has_crashed(&self) -> bool {
        self.model().crashed
    }

    /// What a killed process leaves: everything that reached the kernel.
    pub(super) fn after_kill(&self, seed: u64) -> Self {
        let model = self.model();
        let inodes = model.inodes.iter().map(|(number, inode)| (*number, Inode::whole(inode.bytes.clone()))).collect();
        Self::restarted(&model, inodes, model.names.clone(), seed)
    }

    /// What a power loss leaves: what was synced, and some of the rest.
    pub(super) fn after_power_loss(&self, seed: u64) -> Self {
        let model = self.model();
        let mut random = Random::new(seed);
        let inodes = model.inodes.iter().map(|(number, inode)| (*number, inode.surviving(&mut random))).collect();
        let mut names = model.durable_names.clone();
        let survives = random.below(model.name_changes.len() as u64 + 1) as usize;
        for (path, inode) in model.name_changes.iter().take(survives) {
            match inode {
                Some(inode) => names.insert(path.clone(), *inode),
                None => names.remove(path),
            };
        }
        Self::restarted(&model, inodes, names, seed)
    }

    fn restarted(model: &Model, inodes: BTreeMap<u64, Inode>, names: BTreeMap<PathBuf, u64>, seed: u64) -> Self {
        let mut restarted = Model {
            durable_names: names.clone(),
            names,
            inodes,
            directories: model.directories.clone(),
            next_inode: model.next_inode,
            budget: model.budget,
            random: Random::new(seed ^ 0x5eed),
            ..Model::default()
        };
        // Files whose removal was not durable are back.
        let linked: BTreeSet<u64> = restarted.names.values().copied().collect();
        restarted.inodes.retain(|number, _| linked.contains(number));
        let used = restarted.used();
        // Who starts above the budget needs a moment, and a little room, to come back to it.
        restarted.budget = model.budget.map(|budget| if used > budget { used + 65_536 } else { budget });
        Self(Arc::new(Mutex::new(restarted)))
    }

    /// Writes everything to a directory of the host, for other tools.
    pub(super) fn export(&self, to: &Path) {
        let model = self.model();
        for directory in &model.directories {
            std::fs::create_dir_all(to.join(directory)).unwrap();
        }
        for (path, inode) in &model.names {
            std::fs::write(to.join(path), &model.inodes[inode].bytes).unwrap();
        }
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inode {
    fn whole(bytes: Vec<u8>) -> Self {
        Self { durable: bytes.clone(), bytes, changes: Vec::new() }
    }

    /// Each change since the last sync may have happened, or not, or in part.
    fn surviving(&self, random: &mut Random) -> Self {
        let mut bytes = self.durable.clone();
        for change in &self.changes {
            match (random.below(3), change) {
                (0, _) => {}
                (1, Change::Write(offset, written)) => {
                    let part = random.below(written.len() as u64 + 1) as usize;
                    write(&mut bytes, *offset, &written[..part]);
                }
                (_, Change::Write(offset, written)) => write(&mut bytes, *offset, written),
                (_, Change::Length(length)) => bytes.resize(*length as usize, 0),
            }
        }
        Self::whole(bytes)
    }
}

fn write(bytes: &mut Vec<u8>, offset: u64, written: &[u8]) {
    let (start, end) = (offset as usize, offset as usize + written.len());
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[start..end].copy_from_slice(written);
}

impl Model {
    /// Counts an operation; an error if it is to fail.
    fn operation(&mut self, is_sync: bool) -> io::Result<()> {
        self.operations += 1;
        let now = self.operations;
        let failed = self.faults.iter().find_map(|fault| match *fault {
            Fault::Crash(at) if now >= at => Some(io::ErrorKind::Other),
            Fault::Error(from, count, kind) if (from..from + count).contains(&now) => Some(kind),
            Fault::Sync(from, count) if is_sync && (from..from + count).contains(&now) => Some(io::ErrorKind::Other),
            _ => None,
        });
        let crashes = self.faults.iter().any(|fault| matches!(*fault, Fault::Crash(at) if now >= at));
        self.crashed |= crashes;
        if self.read_only && !is_sync {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        failed.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn used(&self) -> u64 {
        let files: u64 = self.inodes.values().map(|inode| whole_blocks(inode.bytes.len() as u64)).sum();
        files + self.directories.len() as u64 * 4096
    }

    fn judge_use(&mut self) {
        let used = self.used();
        if let Some(budget) = self.budget {
            assert!(used <= budget, "{used} bytes are used of {budget}");
        }
    }

    fn inode_of(&self, path: &Path) -> io::Result<u64> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename_to(&mut self, path: &Path, inode: Option<u64>) {
        match inode {
            Some(inode) => self.names.insert(path.to_owned(), inode),
            None => self.names.remove(path),
        };
        self.name_changes.push((path.to_owned(), inode));
    }

    /// Forgets files that no name leads to, now or after a crash.
    fn collect(&mut self, inode: u64) {
        if !self.names.values().any(|other| *other == inode)
            && let Some(inode) = self.inodes.get_mut(&inode)
        {
            // The name may come back after a power loss, and then so does what was durable.
            inode.bytes = Vec::new();
        }
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut model = self.model();
        if model.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !path.parent().is_some_and(|parent| model.directories.contains(parent)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        model.operation(false)?;
        model.next_inode += 1;
        let inode = model.next_inode;
        model.inodes.insert(inode, Inode::default());
        model.rename_to(path, Some(inode));
        Ok(Arc::new(FaultyFile { disk: self.clone(), inode }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let inode = self.model().inode_of(path)?;
        Ok(Arc::new(FaultyFile { disk: self.clone(), inode }))
    }

    fn open_direct(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.open(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let model = self.model();
        if !model.directories.contains(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let entries = model.names.iter().filter(|(name, _)| name.parent() == Some(path)).map(|(name, inode)| {
            let name = name.file_name().unwrap().to_str().unwrap().to_owned();
            Entry { name, status: status(&model.inodes[inode]) }
        });
        Ok(entries.collect())
    }

    fn status(&self, path: &Path) -> io::Result<Status> {
        let model = self.model();
        if model.directories.contains(path) {
            return Ok(Status { length: 4096, allocated: 4096, directory: true });
        }
        model.inode_of(path).map(|inode| status(&model.inodes[&inode]))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        let mut model = self.model();
        if model.directories.insert(path.to_owned()) {
            model.judge_use();
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut model = self.model();
        let inode = model.inode_of(path)?;
        model.operation(false)?;
        model.rename_to(path, None);
        model.collect(inode);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut model = self.model();
        let inode = model.inode_of(from)?;
        model.operation(false)?;
        let replaced = model.names.get(to).copied();
        model.rename_to(from, None);
        model.rename_to(to, Some(inode));
        if let Some(replaced) = replaced {
            model.collect(replaced);
        }
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut model = self.model();
        if !model.directories.contains(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        model.operation(true)?;
        // As in a journal: what was done before the last change in this directory is durable with it.
        let last = model.name_changes.iter().rposition(|(name, _)| name.parent() == Some(path));
        let durable: Vec<_> = model.name_changes.drain(..last.map_or(0, |last| last + 1)).collect();
        for (name, inode) in durable {
            match inode {
                Some(inode) => model.durable_names.insert(name, inode),
                None => model.durable_names.remove(&name),
            };
        }
        Ok(())
    }

    fn sync_everything(&self) -> io::Result<()> {
        let mut model = self.model();
        model.operation(true)?;
        for inode in model.inodes.values_mut() {
            inode.durable.clone_from(&inode.bytes);
            inode.changes.clear();
        }
        for (name, inode) in std::mem::take(&mut model.name_changes) {
            match inode {
                Some(inode) => model.durable_names.insert(name, inode),
                None => model.durable_names.remove(&name),
            };
        }
        Ok(())
    }

    fn space(&self) -> io::Result<Space> {
        let model = self.model();
        let total = model.capacity.unwrap_or(1 << 40);
        Ok(Space { total, available: total.saturating_sub(model.used()) })
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    inode: u64,
}

impl DiskFile for FaultyFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut model = self.disk.model();
        let outcome = model.operation(false);
        let now = model.operations;
        let is_torn = model.faults.contains(&Fault::Crash(now));
        if outcome.is_err() && !is_torn {
            return outcome.map(|()| 0);
        }
        let is_short = model.faults.iter().any(|fault| matches!(*fault, Fault::Short(at) if now >= at));
        let length = match bytes.len() as u64 {
            length if is_torn => model.random.below(length + 1),
            length if is_short => 1 + model.random.below(length),
            length => length,
        } as usize;
        let before = model.inodes[&self.inode].bytes.len() as u64;
        let grown = whole_blocks((offset + length as u64).max(before)) - whole_blocks(before);
        if model.capacity.is_some_and(|capacity| model.used() + grown > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let linked = model.names.values().any(|inode| *inode == self.inode);
        let inode = model.inodes.get_mut(&self.inode).unwrap();
        if linked {
            write(&mut inode.bytes, offset, &bytes[..length]);
            inode.changes.push(Change::Write(offset, bytes[..length].to_vec()));
        }
        model.judge_use();
        outcome?;
        Ok(length)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let model = self.disk.model();
        let inode = &model.inodes[&self.inode];
        let rest = inode.bytes.get(offset as usize..).unwrap_or_default();
        let read = rest.len().min(bytes.len());
        bytes[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        let mut model = self.disk.model();
        model.operation(false)?;
        let inode = model.inodes.get_mut(&self.inode).unwrap();
        inode.bytes.resize(length as usize, 0);
        inode.changes.push(Change::Length(length));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut model = self.disk.model();
        model.operation(true)?;
        let inode = model.inodes.get_mut(&self.inode).unwrap();
        inode.durable.clone_from(&inode.bytes);
        inode.changes.clear();
        Ok(())
    }

    fn status(&self) -> io::Result<Status> {
        Ok(status(&self.disk.model().inodes[&self.inode]))
    }
}

fn status(inode: &Inode) -> Status {
    let length = inode.bytes.len() as u64;
    Status { length, allocated: whole_blocks(length), directory: false }
}
