//! Where a tape lies: a directory that can be unmounted, removed, or replaced by another while it is written.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::format::names;
use crate::lock::Lock;

/// The directory of a tape, locked.
#[derive(Debug)]
pub(crate) struct Place {
    directory: PathBuf,
    lock: Lock,
    /// Where its file system is mounted, unless that is the root.
    mount_point: Option<PathBuf>,
}

/// What has become of the place of a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// It is there.
    Here,
    /// It is not there, and nothing may be written where it was.
    Away(&'static str),
    /// Another directory is there now, or none although the file system is: a tape can be begun or taken up again.
    Replaced,
}

impl Place {
    /// Makes the directory if there is none, and locks it.
    pub(crate) fn take(directory: &Path) -> Result<Self, Error> {
        let live = directory.join(names::LIVE);
        fs::create_dir_all(&live).map_err(Error::io("making", &live))?;
        let lock = Lock::take(directory)?;
        // What the path means must not change with the working directory.
        let directory = fs::canonicalize(directory).map_err(Error::io("finding", directory))?;
        Ok(Self { mount_point: mount_point(&directory), directory, lock })
    }

    /// Where it is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Lets go of the lock, if the tape is the same by another mount.
    pub(crate) fn release(&self) {
        self.lock.release_at(&self.directory);
    }

    /// Looks whether it is still the same.
    pub(crate) fn look(&self) -> Whereabouts {
        match self.lock.is_at(&self.directory) {
            Ok(true) => Whereabouts::Here,
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Whereabouts::Away("its directory cannot be read")
            }
            // Whatever lies below a mount point is not to be filled.
            _ if self.mount_point.as_deref().is_some_and(|point| !is_mounted(point)) => {
                Whereabouts::Away("its file system is not mounted")
            }
            _ => Whereabouts::Replaced,
        }
    }
}

/// The highest directory above, or itself, on the same device; `None` for the root.
fn mount_point(directory: &Path) -> Option<PathBuf> {
    let device = device(directory)?;
    let same = directory.ancestors().take_while(|above| self::device(above) == Some(device));
    same.last().filter(|highest| highest.parent().is_some()).map(Path::to_owned)
}

fn is_mounted(point: &Path) -> bool {
    point.parent().is_some_and(|above| device(point).is_some_and(|device| self::device(above) != Some(device)))
}

fn device(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().as_ref().map(Metadata::dev)
}
