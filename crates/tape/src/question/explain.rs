//! How an answer was found: what each stage left of what there is.

use std::time::{Duration, Instant};

/// How an answer was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// What a flow must have to match, as far as an index can tell; empty where none was asked.
    pub needs: String,
    /// What was done, in order.
    pub stages: Vec<Stage>,
}

/// What a stage left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// What was looked at.
    pub what: &'static str,
    /// How many of it are left for the next stage.
    pub left: u64,
    /// Of how many.
    pub of: u64,
    /// Bytes that the next stage has to read for them, uncompressed; 0 where that is not known.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
}

/// Notes stages as they end.
#[derive(Debug)]
pub(super) struct Stages {
    pub(super) explanation: Explanation,
    since: Instant,
}

impl Default for Stages {
    fn default() -> Self {
        Self { explanation: Explanation::default(), since: Instant::now() }
    }
}

impl Stages {
    /// Ends a stage that left some of a number of things.
    pub(super) fn end(&mut self, what: &'static str, left: u64, of: u64, bytes: u64) {
        let took = self.since.elapsed();
        self.since = Instant::now();
        self.explanation.stages.push(Stage { what, left, of, bytes, took });
    }
}
