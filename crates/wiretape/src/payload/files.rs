//! Hashes of the files that flows moved, for their rows.

use investigate::files::{Collector, FoundFile, NoStore, Passed, Passing};
use investigate::{At, Body, Ends, FileId, FileStart};

/// How files are hashed.
pub(super) enum Files {
    /// As they pass: of heads few files are whole, and a recorder has little memory.
    Passing(Passing),
    /// In whatever order they come, of several transfers too.
    Collected(Box<Collector>),
}

/// What is known of a file's hashes.
pub(super) struct Hashed {
    /// The flow that brought it.
    pub(super) flow: u64,
    pub(super) sha256: Vec<[u8; 32]>,
    /// All of its hashes are there.
    pub(super) is_whole: bool,
}

/// Bytes that may wait for those before them, of all files together.
const WAITING_BYTES_MAX: usize = 32 << 20;

impl Files {
    /// Of heads, as they are recorded.
    pub(super) fn of_heads() -> Self {
        Self::Passing(Passing::default())
    }

    /// Of all that was recorded.
    pub(super) fn of_everything() -> Self {
        Self::Collected(Box::new(Collector::new(NoStore).waiting(WAITING_BYTES_MAX)))
    }

    /// A file begins; false if it has no hash for sure.
    pub(super) fn start(&mut self, file: FileId, at: At, start: FileStart) -> bool {
        match self {
            Self::Passing(passing) => passing.start(file, at.flow, &start),
            Self::Collected(collector) => collector.start(file, at, start),
        }
    }

    pub(super) fn data(&mut self, file: FileId, body: Body, bytes: &[u8]) {
        match self {
            Self::Passing(passing) => passing.data(file, body, bytes),
            Self::Collected(collector) => collector.data(file, body, bytes),
        }
    }

    pub(super) fn gap(&mut self, file: FileId, body: Body, bytes: u64) {
        match self {
            Self::Passing(passing) => passing.gap(file, body),
            Self::Collected(collector) => collector.gap(file, body, bytes),
        }
    }

    pub(super) fn seek(&mut self, file: FileId, offset: u64) {
        match self {
            Self::Passing(passing) => passing.seek(file, offset),
            Self::Collected(collector) => collector.seek(file, offset),
        }
    }

    /// Nothing more comes of a file: what is known of it, or of others, now.
    pub(super) fn end(&mut self, file: FileId, ends: Ends) -> Vec<Hashed> {
        match self {
            Self::Passing(passing) => passing.end(file, ends).into_iter().map(Hashed::from).collect(),
            Self::Collected(collector) => {
                collector.end(file, ends);
                collector.take_found().into_iter().map(Hashed::from).collect()
            }
        }
    }

    /// Nothing more comes of any.
    pub(super) fn finish(&mut self) -> Vec<Hashed> {
        match self {
            Self::Passing(_) => Vec::new(),
            Self::Collected(collector) => {
                collector.finish();
                collector.take_found().into_iter().map(Hashed::from).collect()
            }
        }
    }

    /// Whether a flow has a file on its way of which there may be a hash later.
    pub(super) fn is_in(&self, flow: u64) -> bool {
        matches!(self, Self::Passing(passing) if passing.is_in(flow))
    }

    /// A flow has ended; true if it had a file on its way.
    pub(super) fn end_flow(&mut self, flow: u64) -> bool {
        match self {
            Self::Passing(passing) => passing.end_flow(flow),
            Self::Collected(_) => false,
        }
    }
}

impl From<Passed> for Hashed {
    fn from(Passed { flow, sha256, is_whole }: Passed) -> Self {
        Self { flow, sha256, is_whole }
    }
}

impl From<FoundFile> for Hashed {
    fn from(file: FoundFile) -> Self {
        let wire = file.wire.map(|wire| wire.hashes);
        let is_whole = file.hashes.is_some() && wire.is_none_or(|hashes| hashes.is_some());
        let hashes = file.hashes.into_iter().chain(wire.flatten());
        Self { flow: file.flow, sha256: hashes.map(|hashes| hashes.sha256).collect(), is_whole }
    }
}
