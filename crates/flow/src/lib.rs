//! The flow table: which conversation a packet belongs to, and which lane keeps it. Pure logic, no I/O.
//!
//! A packet goes through [`FlowTable::observe`], which says where it is kept; packets of flows that have not proved yet
//! that they hear us wait in [`Parking`]; [`FlowTable::placed`] notes where each one ended up; and
//! [`FlowTable::checkpoint`] hands out what happened since the last one as [`FlowPart`]s, which readers sum to
//! [`FlowRow`]s. The same packets in the same order give the same flows, so salvage and readers can replay.
#![forbid(unsafe_code)]

mod admission;
mod clock;
mod config;
mod entry;
mod error;
mod fragment;
mod fuzz;
mod history;
mod idle;
mod index;
mod key;
mod lane;
mod opening;
mod ours;
mod parking;
mod part;
mod path;
mod payload;
mod period;
mod regulars;
mod row;
mod row_pace;
mod snapshot;
mod sums;
mod table;
mod tcp;
mod waiting;

pub use admission::{Admission, LaneFill, LaneReport, Level, Verdict};
pub use config::Config;
pub use error::Error;
pub use fragment::FRAGMENTS_NS;
pub use fuzz::{fuzz_snapshot, fuzz_table};
pub use history::History;
pub use key::key_of;
pub use lane::{Lane, LaneSet};
pub use opening::Opening;
pub use ours::{Direction, Network, Ours};
pub use parking::Parking;
pub use part::{EndReason, FlowId, FlowPart};
pub use payload::{FILE_HASHES, PAYLOAD_FIELDS, Payload, PayloadField, PayloadReader};
pub use period::{FrameRef, Location, Period, ROWLESS};
pub use row::{FlowRow, Kept};
pub use row_pace::RowFill;
pub use table::{Counters, FlowTable, Place, Seen, Slot};
pub use tcp::ConnState;
