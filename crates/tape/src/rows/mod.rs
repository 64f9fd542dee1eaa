//! Flow files: rows of flows as Parquet, written once for each period.
//!
//! A row is a part: what a flow did in the period. Columns are named as the flow fields; the file says in its key-value
//! metadata which frames it refers to and up to where it counts.

mod cells;
mod fields;
mod metadata;
mod pieces;
mod read;
mod words;
mod write;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use flow::{ConnState, Direction, FlowId, FlowPart, History, LaneSet};
use packet::decode::{Tunnel, Vlans};
use packet::{FlowKey, Timestamp};

pub use metadata::{FramePlace, Metadata, Rowless};
pub use pieces::{Pieces, Sequence};
pub use read::{FlowFile, RowsError, fuzz_flow_file};
pub(crate) use write::order;
pub use write::write;

/// A row as it is written.
struct Given<'a> {
    part: &'a FlowPart,
    metadata: &'a Metadata,
    /// Indices into the metadata's frames.
    frames: &'a [u32],
}

impl<'a> Given<'a> {
    /// The name of its interface, if it has one.
    fn interface(&self) -> Option<&'a str> {
        let name = self.metadata.interfaces.get(self.part.in_iface as usize)?;
        (!name.is_empty()).then_some(name)
    }
}

/// A row as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// What the flow did in the period.
    pub part: FlowPart,
    /// The name of its interface, if that has one.
    pub in_iface: Option<String>,
    /// Indices into the metadata's frames: where its packets are.
    pub frames: Vec<u32>,
    src_ip: Option<IpAddr>,
    dest_ip: Option<IpAddr>,
    tunnel: Option<Tunnel>,
}

/// A part that says nothing, for tests.
#[cfg(test)]
pub(crate) fn blank_part() -> FlowPart {
    Stored::blank().part
}

impl Stored {
    /// A row whose columns are still to be set.
    fn blank() -> Self {
        let part = FlowPart {
            flow_id: FlowId::default(),
            key: FlowKey::default(),
            start: Timestamp::default(),
            first: Timestamp::default(),
            end: Timestamp::default(),
            first_arrival: 0,
            last_arrival: 0,
            pkts_toserver: 0,
            pkts_toclient: 0,
            bytes_toserver: 0,
            bytes_toclient: 0,
            wire_segments: 0,
            captured_bytes: 0,
            tcp_flags_ts: 0,
            tcp_flags_tc: 0,
            conn_state: ConnState::Oth,
            history: History::default(),
            start_seen: false,
            is_plain: false,
            end_reason: None,
            direction: Direction::External,
            proven: false,
            vlan: Vlans::default(),
            tunnel: None,
            outer: None,
            in_iface: 0,
            src_mac: None,
            dest_mac: None,
            lanes: LaneSet::EMPTY,
            payload: None,
        };
        Self { part, in_iface: None, frames: Vec::new(), src_ip: None, dest_ip: None, tunnel: None }
    }
}
