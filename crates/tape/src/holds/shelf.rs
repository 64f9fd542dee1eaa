//! The holds of a tape as anybody can see them.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use flow::FlowId;

use super::keeper::progress_path;
use crate::Error;
use crate::format::hold::{ORDER, Order, Progress, RELEASE, is_name};
use crate::format::names::{self, FlowFileName};
use crate::read::{Heartbeat, Tape};
use crate::rows::FlowFile;

/// Files of a hold that are read whole.
const SMALL_BYTES_MAX: u64 = 1 << 20;

/// A part of what nobody limited, as of a tape of imports.
const UNLIMITED_BYTES: u64 = 1 << 46;

/// A hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub name: String,
    /// Where it lies: a tape of its own.
    pub path: PathBuf,
    /// What it is for.
    pub order: Order,
    /// What was done for it; `None` if nobody has seen the order yet.
    pub progress: Option<Progress>,
    /// What it takes on the disk.
    pub bytes: u64,
    /// It is about to go.
    pub is_released: bool,
}

/// The holds of a tape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// By name.
    pub holds: Vec<Held>,
    /// What all of them may take, if the recorder left word of it.
    pub budget_bytes: Option<u64>,
}

impl Holds {
    /// What all of them take.
    pub fn bytes(&self) -> u64 {
        self.holds.iter().map(|hold| hold.bytes).sum()
    }
}

/// The holds of the tape in `directory`.
///
/// # Errors
/// When there is no tape.
pub fn holds(directory: &Path) -> Result<Holds, Error> {
    let tape = Tape::open(directory)?;
    let budget_bytes = tape.heartbeat().and_then(|Heartbeat { hold_budget_bytes, .. }| hold_budget_bytes);
    let budget_bytes = budget_bytes.filter(|bytes| *bytes < UNLIMITED_BYTES);
    let holds = hold_names(directory).into_iter().filter_map(|name| hold(directory, &name)).collect();
    Ok(Holds { holds, budget_bytes })
}

/// The hold of this name, if there is one.
pub fn hold(directory: &Path, name: &str) -> Option<Held> {
    let order = read_order(directory, name)?;
    let path = directory.join(names::HELD).join(name);
    Some(Held {
        order,
        progress: read_progress(directory, name),
        bytes: disk_bytes(directory, name),
        is_released: path.join(RELEASE).exists(),
        name: name.to_owned(),
        path,
    })
}

/// The names of holds, in order.
pub(crate) fn hold_names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory.join(names::HELD)).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<String> = directories.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| is_name(name));
    names.sort();
    names
}

pub(super) fn read_order(directory: &Path, name: &str) -> Option<Order> {
    let text = read_small(&directory.join(names::HELD).join(name).join(ORDER))?;
    Order::decode(&String::from_utf8_lossy(&text))
}

pub(crate) fn read_progress(directory: &Path, name: &str) -> Option<Progress> {
    Progress::decode(&read_small(&progress_path(directory, name))?)
}

/// The flows that a hold keeps, by its own rows; a file that cannot be read says nothing.
pub(super) fn known_flows(directory: &Path, name: &str) -> HashSet<FlowId> {
    let hold = directory.join(names::HELD).join(name);
    let last = read_progress(directory, name).map_or(0, |progress| progress.rows_file);
    let mut known = HashSet::new();
    for entry in fs::read_dir(hold.join(names::FLOWS)).into_iter().flatten().flatten() {
        let number = entry.file_name().to_str().and_then(FlowFileName::parse).map(|name| name.number);
        let file = number.filter(|number| *number <= last).and_then(|_| File::open(entry.path()).ok());
        let Some(Ok(file)) = file.map(FlowFile::of) else { continue };
        for group in 0..file.row_groups() {
            known.extend(file.read(group).into_iter().flatten().map(|row| row.part.flow_id));
        }
    }
    known
}

/// What a hold takes on the disk.
pub(super) fn disk_bytes(directory: &Path, name: &str) -> u64 {
    crate::status::tree_bytes(&directory.join(names::HELD).join(name))
}

fn read_small(path: &Path) -> Option<Vec<u8>> {
    let length = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    (length <= SMALL_BYTES_MAX).then(|| fs::read(path).ok()).flatten()
}
