//! One recorder a tape.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FlockOperation, StatxFlags, flock, statx};

use crate::Error;
use crate::format::names;

/// Held as long as it lives; the system lets go of it however the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of a tape, or says who holds it.
    pub(crate) fn take(tape: &Path) -> Result<Self, Error> {
        let path = tape.join(names::lock_path());
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .open(&path)
            .map_err(Error::io("opening", &path))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(Error::Locked { path: tape.to_owned(), pid: holder(&mut file) });
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
        written.map_err(Error::io("writing", &path))?;
        Ok(Self { file })
    }

    /// Lets go of it where the same file is reached by another way now: who takes the tape up again is in the way of
    /// itself otherwise.
    pub(crate) fn release_at(&self, tape: &Path) {
        let place = |(major, minor, inode, _)| (major, minor, inode);
        let own = identity(&self.file, Path::new(""), AtFlags::EMPTY_PATH).map(place);
        let there = identity(CWD, &tape.join(names::lock_path()), AtFlags::SYMLINK_NOFOLLOW).map(place);
        if let (Ok(own), Ok(there)) = (own, there)
            && own == there
        {
            let _ = flock(&self.file, FlockOperation::Unlock);
        }
    }

    /// Whether the tape in this directory is the one that is locked, by the same way to it.
    pub(crate) fn is_at(&self, tape: &Path) -> io::Result<bool> {
        let own = identity(&self.file, Path::new(""), AtFlags::EMPTY_PATH)?;
        Ok(identity(CWD, &tape.join(names::lock_path()), AtFlags::SYMLINK_NOFOLLOW)? == own)
    }
}

impl Drop for Lock {
    /// A child that was forked just now has the file too, for a moment.
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// The process that holds the lock of a tape, as far as this one can see it; without touching the lock, which a recorder
/// that starts just now needs.
pub(crate) fn seen_holder(tape: &Path) -> Option<u32> {
    let found = statx(CWD, tape.join(names::lock_path()), AtFlags::SYMLINK_NOFOLLOW, StatxFlags::INO).ok()?;
    let file = format!("{:02x}:{:02x}:{}", found.stx_dev_major, found.stx_dev_minor, found.stx_ino);
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    // proc_locks(5): number, kind, mode, access, process, file, and the range.
    locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, pid, locked, ..] = fields.as_slice() else { return None };
        (*locked == file).then(|| pid.parse().ok()).flatten()
    })
}

/// Device, inode, and (as the same device can be mounted anew after a fault) the mount.
fn identity(directory: impl AsFd, path: &Path, flags: AtFlags) -> io::Result<(u32, u32, u64, u64)> {
    let found = statx(directory, path, flags, StatxFlags::INO | StatxFlags::MNT_ID)?;
    Ok((found.stx_dev_major, found.stx_dev_minor, found.stx_ino, found.stx_mnt_id))
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(64).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
