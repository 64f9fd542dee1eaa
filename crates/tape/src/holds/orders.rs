//! Asking for a hold, and for its end: by whoever can write into the tape's directory.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::Path;
use std::time::{Duration, Instant};

use super::shelf::hold;
use crate::format::hold::{ORDER, Order, RELEASE, Release, is_name};
use crate::format::names;
use crate::heartbeat;
use crate::open::Opened;
use crate::options::{KeepFree, Names, Options};
use crate::{Error, Tape};

/// Holds on one tape at most: each is asked at each question.
const HOLDS_MAX: usize = 1000;
/// A tape that nobody limited.
const UNLIMITED_BYTES: u64 = 1 << 50;

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// It is there, for who writes the tape to see.
    Left,
    /// A hold has that name already.
    Exists,
    /// There are as many holds as there can be.
    TooMany,
    /// That cannot be a name.
    NoName,
}

/// Leaves the order for a hold, whole or not at all. Who writes the tape fills it: a recorder that is at work, or
/// [`serve`].
///
/// # Errors
/// When the directory is no tape, or cannot be written.
pub fn ask(directory: &Path, name: &str, order: &Order) -> Result<Ask, Error> {
    if !is_name(name) {
        return Ok(Ask::NoName);
    }
    let owner =
        fs::metadata(directory.join(names::IDENTITY)).map_err(|_| Error::Missing { path: directory.to_owned() })?;
    if super::shelf::hold_names(directory).len() >= HOLDS_MAX {
        return Ok(Ask::TooMany);
    }
    let held = directory.join(names::HELD);
    let new = held.join(format!(".new-{}-{name}", std::process::id()));
    let give = |path: &Path| {
        // The recorder may be another user, whose it has to be.
        let _ = chown(path, Some(owner.uid()), Some(owner.gid()));
    };
    let make = |path: &Path| match fs::DirBuilder::new().mode(0o750).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => {
            give(path);
            Ok(())
        }
    };
    let _ = fs::remove_dir_all(&new);
    make(&held).and_then(|()| make(&new)).map_err(Error::io("making", &new))?;
    let path = new.join(ORDER);
    write_whole(&path, order.encode().as_bytes()).map_err(Error::io("writing", &path))?;
    give(&path);
    let renamed = fs::rename(&new, held.join(name));
    let _ = fs::remove_dir_all(&new);
    match renamed {
        Ok(()) => {
            let _ = File::open(&held).and_then(|held| held.sync_all());
            Ok(Ask::Left)
        }
        Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {
            Ok(Ask::Exists)
        }
        Err(error) => Err(Error::io("making", &held.join(name))(error)),
    }
}

/// Puts another order in place of one that is there.
pub(super) fn replace_order(directory: &Path, name: &str, order: &Order) -> Result<(), Error> {
    let disk = crate::disk::RealDisk::new(&directory.join(names::HELD).join(name));
    let replaced = crate::disk::replace_file(&disk, Path::new(ORDER), &[order.encode().as_bytes()]);
    replaced.map_err(Error::io("writing", &directory.join(names::HELD).join(name)))
}

/// Says that a hold is to end; false if there is none of that name.
///
/// # Errors
/// When the directory cannot be written.
pub fn release(directory: &Path, name: &str, release: &Release) -> Result<bool, Error> {
    if hold(directory, name).is_none() {
        return Ok(false);
    }
    let path = directory.join(names::HELD).join(name);
    let (written, last) = (path.join(".release.tmp"), path.join(RELEASE));
    let text = serde_json::to_vec(release).map_err(|error| Error::io("writing", &last)(error.into()))?;
    let _ = fs::remove_file(&written);
    write_whole(&written, &text).and_then(|()| fs::rename(&written, &last)).map_err(Error::io("writing", &last))?;
    if let Ok(owner) = fs::metadata(&path) {
        let _ = chown(&last, Some(owner.uid()), Some(owner.gid()));
    }
    Ok(true)
}

/// What was remembered for whoever watches `key`.
///
/// # Errors
/// When it cannot be read.
pub fn watch_memory(directory: &Path, key: &str) -> Result<Option<Vec<u8>>, Error> {
    let path = watch_path(directory, key);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("reading", &path)(error)),
    }
}

/// Remembers something for the next [`watch_memory`].
///
/// # Errors
/// When it cannot be written.
pub fn remember_watch(directory: &Path, key: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = watch_path(directory, key);
    if fs::read(&path).is_ok_and(|before| before == bytes) {
        return Ok(());
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let _ = fs::remove_file(&temporary);
    write_whole(&temporary, bytes).and_then(|()| fs::rename(&temporary, &path)).map_err(Error::io("writing", &path))
}

fn watch_path(directory: &Path, key: &str) -> std::path::PathBuf {
    let sum: String =
        crate::format::checksum::<8>(&[key.as_bytes()]).iter().map(|byte| format!("{byte:02x}")).collect();
    directory.join(names::LIVE).join(format!("watch-{sum}.json"))
}

/// Fills holds where nobody records, until `is_done`, which is asked again and again.
///
/// # Errors
/// [`Error::Locked`] if somebody does write the tape, or a recorder wants to; what keeps a tape from being opened.
pub fn serve(directory: &Path, names: Names, mut is_done: impl FnMut() -> bool) -> Result<(), Error> {
    let Opened { mut tape, mut table, .. } = Tape::open(directory, options(directory, names))?;
    let mark = directory.join(names::LIVE).join(SERVING);
    let _ = fs::write(&mark, b"");
    let mut next_tick = Instant::now();
    let is_wanted = || directory.join(names::LIVE).join(WANTED).exists();
    while !is_done() && !is_wanted() {
        if Instant::now() >= next_tick {
            next_tick = Instant::now() + Duration::from_millis(100);
            tape.tick(Instant::now())?;
            if tape.wants_checkpoint() {
                tape.checkpoint(&mut table);
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = fs::remove_file(&mark);
    tape.close(&mut table);
    if is_done() { Ok(()) } else { Err(Error::Locked { path: directory.to_owned(), pid: None }) }
}

/// In `live/`: who fills holds has the tape, and a recorder waits for it.
const SERVING: &str = "serving";
const WANTED: &str = "wanted";

/// Whether whoever has the tape gives way to a recorder, which it is asked to.
pub(crate) fn gives_way(directory: &Path) -> bool {
    let live = directory.join(names::LIVE);
    live.join(SERVING).exists() && fs::write(live.join(WANTED), b"").is_ok()
}

/// Nobody has to give way any more.
pub(crate) fn is_settled(directory: &Path) {
    for name in [SERVING, WANTED] {
        let _ = fs::remove_file(directory.join(names::LIVE).join(name));
    }
}

/// As the recorder before left word of it; nothing goes for any other reason than a hold.
fn options(directory: &Path, names: Names) -> Options {
    let disk = crate::disk::RealDisk::new(directory);
    let beat = heartbeat::read(&disk);
    let budget_bytes = beat.as_ref().map_or(0, |beat| beat.budget_bytes);
    let hold_budget_bytes = beat.map_or(0, |beat| beat.hold_budget_bytes);
    let mut options = Options::new(if budget_bytes == 0 { UNLIMITED_BYTES } else { budget_bytes });
    options.hold_budget_bytes = (hold_budget_bytes > 0).then_some(hold_budget_bytes);
    options.keep_free = KeepFree::Bytes(0);
    options.is_live = false;
    options.flows.makes_room = true;
    options.names = names;
    options
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o640).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
