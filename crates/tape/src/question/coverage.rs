//! What an answer covers, so that "nothing found" means something.

use std::path::PathBuf;

use packet::{LinkType, Timestamp};

use super::Explanation;
use crate::Lane;
pub use crate::format::chain::Loss;

/// What an answer covers and what it could not see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coverage {
    /// Packets or flows that were handed out.
    pub matched: u64,
    /// Times without recording that touch the range that was asked for.
    pub gaps: Vec<Gap>,
    /// Packets that were seen but not kept, in the range.
    pub losses: Vec<Loss>,
    /// For each lane that ageing has taken something of that could be in the range: how far back it still goes.
    pub expired: Vec<Expired>,
    /// Files, or parts of them, that could not be read.
    pub damaged: Vec<Damage>,
    /// Flows that may match: the packets that would decide it have expired or were cut short, or a field of theirs is not
    /// recorded.
    pub undecided_flows: u64,
    /// Where packets were asked for, those that may match: they were cut short of what would decide it.
    pub undecided_packets: u64,
    /// Frames with packets whose flows have no rows, where the question is about rows: flow files are gone or damaged,
    /// or the flow table was full.
    pub rowless_frames: u64,
    /// Where something is asked for that can be said at any time, rows of flows that tell not all that was said: it went on
    /// behind the head. Of [`Clues`](super::Clues) those that were passed over.
    pub beyond_heads: u64,
    /// Link types that the expression means nothing for: their packets were not judged.
    pub unjudged: Vec<Unjudged>,
    /// A recorder was at work on the tape: more may come.
    pub recording: bool,
    /// How the answer was found; of tapes alone.
    pub explanation: Explanation,
}

impl Coverage {
    /// True when nothing that the question asked for can have been missed.
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty()
            && self.losses.is_empty()
            && self.expired.is_empty()
            && self.damaged.is_empty()
            && self.undecided_flows == 0
            && self.undecided_packets == 0
            && self.rowless_frames == 0
            && self.beyond_heads == 0
            && self.unjudged.is_empty()
    }
}

/// A time without recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// When recording ended.
    pub from: Timestamp,
    /// When it began again.
    pub to: Timestamp,
    /// Why.
    pub reason: String,
}

/// Ageing has taken what this lane had before `oldest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The lane; `None` for rows of flows.
    pub lane: Option<Lane>,
    /// The oldest packet that is left, if there is any.
    pub oldest: Option<Timestamp>,
}

/// Packets of a link type that an expression cannot be asked of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unjudged {
    /// The link type.
    pub link_type: LinkType,
    /// How many packets were looked at in vain.
    pub packets: u64,
    /// Why.
    pub reason: String,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}
