//! What is asked, and of what.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use filter::question::Field;
use flow::{FlowId, PayloadReader};
use packet::Timestamp;

use super::{Clues, Expression};

/// Where packets come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A tape's directory.
    Tape(PathBuf),
    /// Captures, one after the other; `-` is standard input.
    Captures(Vec<PathBuf>),
}

impl Source {
    /// The tape in a directory.
    pub fn tape(directory: impl AsRef<Path>) -> Self {
        Self::Tape(directory.as_ref().to_path_buf())
    }

    /// Capture files (`-r FILE`), read in this order; `-` is standard input.
    pub fn captures(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self::Captures(paths.into_iter().collect())
    }
}

/// A question to packets or flows.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// EXPR; `None` matches everything.
    pub expression: Option<Expression>,
    /// Only packets at or after this time.
    pub from: Option<Timestamp>,
    /// Only packets before this time.
    pub to: Option<Timestamp>,
    /// Ends after so many rows or packets.
    pub limit: Option<u64>,
    /// Goes on with what is recorded from now on, until the sink breaks, `stop` says so, or the recorder has stopped.
    pub live: bool,
    /// Set by whoever asks when a live question is to end.
    pub stop: Option<Arc<AtomicBool>>,
    /// Only packets of these flows; empty is no restriction.
    pub flow_ids: Vec<FlowId>,
    /// Rows of a tape's flow files: flows that have none of these are left out, as far as an index tells. The
    /// others are handed out, and not all rows of those that have none.
    pub clues: Option<Arc<Clues>>,
    /// Packets: all packets of the flows that have a matching one.
    pub whole_flows: bool,
    /// Begins to read what is said in flows, where rows do not have it.
    pub payload: Option<BeginPayload>,
}

/// Begins to read payload.
pub type BeginPayload = fn() -> Box<dyn PayloadReader>;

impl Query {
    /// The times that are asked for, with what the expression says of them.
    pub(super) fn range(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let question = self.expression.as_ref().map(|expression| &expression.question);
        let after = question.and_then(|question| question.after());
        let before = question.and_then(|question| question.before());
        (self.from.max(after), self.to.into_iter().chain(before).min())
    }

    /// Whether the expression asks what payload alone tells.
    pub(super) fn asks_payload(&self) -> bool {
        self.asks(Field::is_of_payload)
    }

    /// Whether the expression asks what heads seldom have whole.
    pub(super) fn asks_for_files(&self) -> bool {
        self.asks(|field| field == Field::FileSha256)
    }

    fn asks(&self, is_it: fn(Field) -> bool) -> bool {
        self.expression.as_ref().is_some_and(|expression| expression.question.asks(is_it))
    }

    /// Whether a live question is to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// Whether a flow is not left out by its id.
    pub(super) fn wants_flow(&self, id: FlowId) -> bool {
        self.flow_ids.is_empty() || self.flow_ids.contains(&id)
    }
}
