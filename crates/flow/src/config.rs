//! What a flow table is made with.

use crate::Ours;

/// Sizes and identities of a flow table.
#[derive(Clone, Debug)]
pub struct Config {
    /// The tape's id: part of every flow id.
    pub tape_id: [u8; 16],
    /// Random bytes that nobody outside knows, so that nobody can aim at the table's buckets. They decide nothing that
    /// can be seen in parts or lanes.
    pub secret: [u8; 32],
    /// Which addresses are ours.
    pub ours: Ours,
    /// Flows that can be live at once, at most 4 Mi; 192 bytes each, touched when first used.
    pub capacity_flows: u32,
    /// A full table ends its quietest flow for a newcomer. Otherwise newcomers stay without a row, ours excepted: live, a
    /// flood must not end conversations.
    pub makes_room: bool,
    /// Live: flows that prove nothing share rows, one for each source prefix, target, port and minute, at most so many a day
    /// and one for each two proven flows. Without it every flow has its row.
    pub junk_rows_a_day: Option<u32>,
    /// Bytes on the wire of a flow that count as its head, and as much again each hour.
    pub head_bytes: u32,
    /// Rows of a period above which the table wants a checkpoint.
    pub period_rows_max: u32,
    /// Flows that ended in a period above which the table wants a checkpoint too; at twice as many it takes no newcomers.
    /// 200 bytes each, and as many for each live flow while a checkpoint lasts.
    pub period_parts_max: u32,
    /// Locations in a period above which the table wants a checkpoint; at twice as many it names frames instead.
    pub period_locations_max: u32,
}

impl Config {
    /// Flows that can be live at once, unless said otherwise.
    pub const CAPACITY_FLOWS: u32 = 1 << 17;
    /// Bytes of a head, unless said otherwise.
    pub const HEAD_BYTES: u32 = 16 * 1024;

    /// The usual sizes.
    pub fn new(tape_id: [u8; 16], secret: [u8; 32]) -> Self {
        Self {
            tape_id,
            secret,
            ours: Ours::default(),
            capacity_flows: Self::CAPACITY_FLOWS,
            makes_room: false,
            junk_rows_a_day: None,
            head_bytes: Self::HEAD_BYTES,
            period_rows_max: 1 << 17,
            period_parts_max: 1 << 15,
            period_locations_max: 1 << 20,
        }
    }
}
