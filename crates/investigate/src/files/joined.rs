//! Files of which several transfers bring pieces.

use std::collections::{HashMap, HashSet};

use super::found::{FoundFile, Wire};
use super::store::ContentId;
use crate::{At, FileId, FileStart};

/// Files that wait for more pieces; those that have waited longest are given up.
const JOINED_MAX: usize = 4096;
/// How many are given up at once.
const GIVEN_UP: usize = JOINED_MAX / 8;

/// Files by what their pieces have in common.
#[derive(Default)]
pub(super) struct Joined {
    by_key: HashMap<String, (ContentId, Whole)>,
    /// Those that were complete already: what comes of them again is no news.
    done: HashSet<String>,
    /// Counts beginnings, by which the longest idle one is found.
    tick: u64,
}

/// What is known of such a file.
pub(super) struct Whole {
    pub(super) first: FileId,
    pub(super) at: At,
    pub(super) start: FileStart,
    /// What was transferred, if that was all in one.
    pub(super) wire: Option<Wire>,
    pub(super) pieces: u32,
    /// The only range so far, which is told of by itself once there is another.
    only_piece: Option<Box<FoundFile>>,
    /// Transfers that bring pieces of it now.
    users: u32,
    used: u64,
}

impl Whole {
    /// Whether a single range is all that there is of it.
    pub(super) fn is_one_piece(&self) -> bool {
        self.only_piece.is_some()
    }
}

impl Joined {
    pub(super) fn content(&self, key: &str) -> Option<ContentId> {
        self.by_key.get(key).map(|(content, _)| *content)
    }

    pub(super) fn pieces(&self, key: &str) -> u32 {
        self.by_key.get(key).map_or(0, |(_, whole)| whole.pieces)
    }

    /// A transfer of a piece begins; what has to go for it is returned.
    pub(super) fn begin(
        &mut self,
        key: &str,
        content: ContentId,
        first: FileId,
        at: At,
        start: &FileStart,
    ) -> Vec<(ContentId, Whole)> {
        self.tick += 1;
        let used = self.tick;
        if let Some((_, whole)) = self.by_key.get_mut(key) {
            whole.pieces += 1;
            whole.users += 1;
            whole.used = used;
            whole.wire = None;
            whole.start.name = whole.start.name.take().or_else(|| start.name.clone());
            whole.start.size = whole.start.size.max(start.size);
            return Vec::new();
        }
        let pushed_out = if self.by_key.len() < JOINED_MAX { Vec::new() } else { self.take_idle() };
        let whole = Whole { first, at, start: start.clone(), wire: None, pieces: 1, only_piece: None, users: 1, used };
        self.by_key.insert(key.to_owned(), (content, whole));
        pushed_out
    }

    /// Keeps what was transferred, as long as it was the only transfer.
    pub(super) fn keep_wire(&mut self, key: &str, wire: Option<Wire>) {
        if let Some((_, whole)) = self.by_key.get_mut(key).filter(|(_, whole)| whole.pieces <= 1) {
            whole.wire = wire;
        }
    }

    /// Keeps the only range so far.
    pub(super) fn keep_only_piece(&mut self, key: &str, piece: FoundFile) {
        if let Some((_, whole)) = self.by_key.get_mut(key) {
            whole.wire = piece.wire;
            whole.only_piece = Some(Box::new(piece));
        }
    }

    /// What was the only range before another one comes.
    pub(super) fn take_only_piece(&mut self, key: &str) -> Option<FoundFile> {
        let (_, whole) = self.by_key.get_mut(key)?;
        whole.only_piece.take().map(|piece| *piece)
    }

    /// A transfer of a piece has ended; says how many go on.
    pub(super) fn leave(&mut self, key: &str) -> u32 {
        let Some((_, whole)) = self.by_key.get_mut(key) else { return 0 };
        whole.users = whole.users.saturating_sub(1);
        whole.users
    }

    /// Whether it was complete before.
    pub(super) fn is_done(&self, key: &str) -> bool {
        self.done.contains(key)
    }

    /// Takes what is complete.
    pub(super) fn take_done(&mut self, key: &str) -> Option<(ContentId, Whole)> {
        if self.done.len() >= JOINED_MAX {
            self.done.clear();
        }
        self.done.insert(key.to_owned());
        self.by_key.remove(key)
    }

    /// All of them, in the order in which they began.
    pub(super) fn take_all(&mut self) -> Vec<(ContentId, Whole)> {
        let mut all: Vec<_> = self.by_key.drain().map(|(_, joined)| joined).collect();
        all.sort_by_key(|(content, _)| *content);
        all
    }

    fn take_idle(&mut self) -> Vec<(ContentId, Whole)> {
        let idle = self.by_key.iter().filter(|(_, (_, whole))| whole.users == 0);
        let mut idle: Vec<(u64, String)> = idle.map(|(key, (_, whole))| (whole.used, key.clone())).collect();
        idle.sort_unstable();
        idle.into_iter().take(GIVEN_UP).filter_map(|(_, key)| self.by_key.remove(&key)).collect()
    }
}
