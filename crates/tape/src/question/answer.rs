//! The flows of an answer, as they are found.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use super::gather::Gathered;

/// What becomes of flows that match.
pub(super) enum Answer<'a> {
    /// All are kept, to be sorted.
    All(Vec<Gathered>),
    /// Those that start first are kept.
    First { flows: BinaryHeap<ByStart>, count: usize },
    /// None is kept: they are handed on as they come.
    Any { take: &'a mut dyn FnMut(&Gathered) -> ControlFlow<()>, is_full: bool },
}

/// Flows whose packets are looked at together, if only the first flows are wanted.
const PORTION_MIN: usize = 256;

impl Answer<'_> {
    /// The first `count` flows by their start.
    pub(super) fn first(count: usize) -> Self {
        Self::First { flows: BinaryHeap::new(), count }
    }

    /// Takes a flow that matches.
    pub(super) fn take(&mut self, flow: Gathered) {
        match self {
            Self::All(flows) => flows.push(flow),
            Self::First { flows, count } => {
                flows.push(ByStart(flow));
                if flows.len() > *count {
                    flows.pop();
                }
            }
            Self::Any { take, is_full } => *is_full = *is_full || take(&flow).is_break(),
        }
    }

    /// True when no flow will be taken any more.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::All(_) => false,
            Self::First { count, .. } => *count == 0,
            Self::Any { is_full, .. } => *is_full,
        }
    }

    /// True if a flow, and each that starts later, starts too late.
    pub(super) fn is_beyond(&self, flow: &Gathered) -> bool {
        let Self::First { flows, count } = self else { return false };
        flows.len() == *count && flows.peek().is_some_and(|last| last.0.row.by_start(&flow.row) == Ordering::Less)
    }

    /// How many flows to look at together.
    pub(super) fn portion(&self) -> usize {
        match self {
            Self::First { count, .. } => (*count).max(PORTION_MIN),
            Self::All(_) | Self::Any { .. } => usize::MAX,
        }
    }

    /// The flows that are kept, by their start.
    pub(super) fn into_sorted(self) -> Vec<Gathered> {
        let mut flows = match self {
            Self::All(flows) => flows,
            Self::First { flows, .. } => flows.into_iter().map(|flow| flow.0).collect(),
            Self::Any { .. } => Vec::new(),
        };
        flows.sort_by(|one, other| one.row.by_start(&other.row));
        flows
    }
}

/// A flow, compared by its start.
pub(super) struct ByStart(Gathered);

impl Ord for ByStart {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.row.by_start(&other.0.row)
    }
}

impl PartialOrd for ByStart {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByStart {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ByStart {}
