//! What can go wrong with a tape.

use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with a tape; `wiretape` words it for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused something.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        /// What was being done, as in "reading".
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The tape is of a format that this version does not know.
    #[error("{}: a tape of format {found}, this version knows {known}", path.display())]
    Version {
        /// Its tape.toml.
        path: PathBuf,
        /// The format it is in.
        found: i64,
        /// The format this version reads and writes.
        known: u32,
    },
    /// There is no tape.
    #[error("{}: no tape there", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A directory that holds other things cannot become a tape.
    #[error("{}: not a tape, and not empty ({found})", path.display())]
    NotATape {
        /// The directory.
        path: PathBuf,
        /// One of the things in it.
        found: String,
    },
    /// Another recorder writes this tape.
    #[error("{}: another recorder writes this tape{}", path.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Locked {
        /// The tape.
        path: PathBuf,
        /// Who holds the lock, if it said so.
        pid: Option<u32>,
    },
    /// Bytes that are not what the format says.
    #[error("{} at {offset}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A capture file cannot be read.
    #[error("{}: {source}", path.display())]
    Capture {
        /// The capture.
        path: PathBuf,
        /// What is wrong with it.
        source: packet::capture::Error,
    },
    /// A question that needs two passes over its packets was put to a pipe.
    #[error("the question needs its packets twice, and {} can be read only once", path.display())]
    NeedsFile {
        /// What can be read only once.
        path: PathBuf,
    },
    /// An expression that means nothing for the link type of the packets.
    #[error("the expression cannot be asked of {link_type} packets: {source}")]
    Expression {
        /// Of the packets, or of some of them; the others cannot be asked it either.
        link_type: packet::LinkType,
        /// What is wrong, with its place in the expression.
        source: filter::Error,
    },
    /// The threads that write the tape have ended, which they should not.
    #[error("the tape is not written any more: its writer has ended")]
    Stopped,
    /// Another tape lies where the recorder's was: a recorder has to be started anew for it.
    #[error("{}: another tape lies there now", path.display())]
    OtherTape {
        /// Where.
        path: PathBuf,
    },
    /// The budget is too small for a tape.
    #[error("a budget of {budget_bytes} bytes is too small, at least {least_bytes} are needed")]
    BudgetTooSmall {
        /// What was asked for.
        budget_bytes: u64,
        /// What is needed.
        least_bytes: u64,
    },
}

impl Error {
    /// An I/O error with what was being done to which path.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// The same with the tape's directory before a path that is relative to it.
    pub(crate) fn within(mut self, directory: &Path) -> Self {
        if let Self::Io { path, .. } | Self::Version { path, .. } | Self::Damaged { path, .. } = &mut self {
            *path = directory.join(&path);
        }
        self
    }
}
