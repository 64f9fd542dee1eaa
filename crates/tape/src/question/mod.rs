//! Questions: flows and packets out of a tape or out of captures, and what the answer covers.
//!
//! Truth is per packet: a flow matches if one of its packets does. Rows of flows only save reading: they say which
//! frames can hold a matching packet, and where they are enough, packets are not read at all.

mod absent;
mod answer;
mod attribute;
mod captures;
mod clues;
mod complete;
mod conversations;
mod coverage;
mod covered;
mod decide;
mod estimate;
mod explain;
mod expression;
mod extract;
mod fields;
mod files;
mod flows;
mod gather;
mod held;
mod judge;
mod known;
mod listen;
mod live;
mod outside;
mod packets;
mod plan;
mod query;
mod reach;
mod reading;
mod refused;
mod replay;
mod rows;
mod selection;
mod tail;
mod uncounted;
mod unread;
mod view;

pub(crate) use attribute::Attribution;
pub use clues::{Clue, Clues};
pub use conversations::{ConversationSink, Spoken, conversations};
pub use coverage::{Coverage, Damage, Expired, Gap, Loss, Unjudged};
pub(crate) use covered::{BEFORE_THE_TAPE, missing_files};
pub use estimate::{Estimate, estimate};
pub use explain::{Explanation, Stage};
pub use expression::Expression;
pub(crate) use extract::{Extract, Fault, Sought};
pub use flows::{Flow, FlowSink, flows, flows_in_any_order};
pub use known::{LinkTypes, link_types, rows_since};
pub(crate) use packets::is_from_client;
pub use packets::{PacketSink, packets};
pub use plan::{Plan, Subject, plan};
pub use query::{BeginPayload, Query, Source};
pub(crate) use view::sort_and_dedup;
