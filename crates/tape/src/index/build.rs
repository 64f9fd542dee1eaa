//! Making the index of a flow file from its rows.

use flow::FlowPart;
use packet::Timestamp;

use super::key;
use crate::Lane;
use crate::format::index::{FileSummary, OPAQUE, TABLES, Table, encode};
use crate::format::key_table::KeyTable;
use crate::format::names::FlowFileName;
use crate::rows::Metadata;

/// The bytes of the index of a flow file with these rows, in the file's order.
pub(crate) fn build<'a>(
    name: FlowFileName,
    file_bytes: u64,
    metadata: &Metadata,
    rows: impl Iterator<Item = &'a FlowPart>,
) -> Vec<u8> {
    let mut summary = FileSummary {
        name,
        file_bytes,
        rows: 0,
        has_rowless: !metadata.rowless.is_empty(),
        times: (Timestamp::default(), Timestamp::default()),
        arrivals: (0, 0),
        covers: metadata.covers,
        segments: segments(metadata),
    };
    let mut pairs: [Vec<(u128, u32)>; TABLES] = Default::default();
    for part in rows {
        add_row(&mut pairs, summary.rows, part);
        if summary.rows == 0 {
            summary.times = (part.first, part.end);
            summary.arrivals = (part.first_arrival, part.last_arrival);
        }
        summary.times = (summary.times.0.min(part.first), summary.times.1.max(part.end));
        summary.arrivals = (summary.arrivals.0.min(part.first_arrival), summary.arrivals.1.max(part.last_arrival));
        summary.rows += 1;
    }
    let tables = pairs.map(|mut pairs| {
        pairs.sort_unstable();
        pairs.dedup();
        KeyTable::encode(&pairs)
    });
    encode(false, &[summary], &tables)
}

fn add_row(pairs: &mut [Vec<(u128, u32)>; TABLES], row: u32, part: &FlowPart) {
    let mut add = |table: Table, key: u128| pairs[table as usize].push((key, row));
    let key = &part.key;
    for address in [key.src, key.dest] {
        add(Table::Addresses, u128::from_be_bytes(address.0));
    }
    for port in [key.src_port, key.dest_port] {
        add(Table::Ports, port.into());
    }
    add(Table::Flows, key::of_flow(part.flow_id));
    if is_opaque(part) {
        add(Table::Traits, OPAQUE);
    }
}

/// Whether the outermost headers of its packets may have other addresses and ports than the row: in a tunnel they do, and
/// what is not IP to the decoder can be to a filter that compares bytes at fixed places.
fn is_opaque(part: &FlowPart) -> bool {
    let version = |address: packet::Address| if address.as_v4().is_some() { 4 } else { 6 };
    part.tunnel.is_some()
        || [part.key.src, part.key.dest].iter().any(|address| version(*address) != part.key.ip_version)
}

fn segments(metadata: &Metadata) -> [(u64, u64); Lane::ALL.len()] {
    let mut segments = [(0, 0); Lane::ALL.len()];
    for place in &metadata.frames {
        let Some(lane) = place.lane else { continue };
        let (first, last) = &mut segments[lane.number()];
        *first = if *first == 0 { place.segment } else { place.segment.min(*first) };
        *last = place.segment.max(*last);
    }
    segments
}
