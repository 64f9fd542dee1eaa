//! The lanes of a tape.

use serde::{Deserialize, Serialize};

/// A class of packets with segments and a share of the budget of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Heads of flows that ours started.
    Client,
    /// Heads of proven flows that others started.
    Server,
    /// Heads of flows between two that are not ours.
    Transit,
    /// The unproven and the excess.
    Junk,
    /// Flows beyond their head.
    Bulk,
}

impl Lane {
    /// All lanes, in the order of their indices.
    pub const ALL: [Self; 5] = [Self::Client, Self::Server, Self::Transit, Self::Junk, Self::Bulk];

    /// The name of the lane's directory.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Transit => "transit",
            Self::Junk => "junk",
            Self::Bulk => "bulk",
        }
    }
}
