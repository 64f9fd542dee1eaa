//! Making the index of a flow file from its rows.

use flow::{FILE_HASHES, FlowPart};
use packet::decode::{NO_ADDRESSES, is_arp, is_neither_ip_nor_arp};
use packet::{Address, Timestamp};

use super::host::{Host, mailbox, zones};
use super::key;
use crate::Lane;
use crate::format::index::{
    BEYOND_HEAD, CERTIFIED, FILES, FileSummary, OPAQUE, OPAQUE_PORTS, TABLES, Table, UNREAD, encode,
};
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
    let mut building = Building::new(name, file_bytes, metadata);
    rows.for_each(|row| building.add(row));
    building.finish()
}

/// An index that is being made.
pub(crate) struct Building {
    summary: FileSummary,
    addresses: Vec<(u128, u32)>,
    /// In what is said.
    named: Vec<(u128, u32)>,
    /// Of the other tables, whose keys are short.
    short: [Vec<(u32, u32)>; TABLES],
}

impl Building {
    pub(crate) fn new(name: FlowFileName, file_bytes: u64, metadata: &Metadata) -> Self {
        let summary = FileSummary {
            name,
            file_bytes,
            rows: 0,
            has_rowless: !metadata.rowless.is_empty(),
            times: (Timestamp::MAX, Timestamp::MIN),
            arrivals: (u64::MAX, 0),
            covers: metadata.covers,
            segments: segments(metadata),
            clock_ns: metadata.clock_ns,
        };
        Self { summary, addresses: Vec::new(), named: Vec::new(), short: Default::default() }
    }

    /// Adds the next row of the file.
    pub(crate) fn add(&mut self, part: &FlowPart) {
        let FileSummary { rows, times, arrivals, .. } = &mut self.summary;
        let row = *rows;
        *rows += 1;
        *times = (times.0.min(part.first), times.1.max(part.end));
        *arrivals = (arrivals.0.min(part.first_arrival), arrivals.1.max(part.last_arrival));
        let key = &part.key;
        self.addresses.extend([key.src, key.dest].map(|address| (u128::from_be_bytes(address.0), row)));
        let mut add = |table: Table, key: u32| self.short[table as usize].push((key, row));
        add(Table::Ports, key.src_port.into());
        add(Table::Ports, key.dest_port.into());
        add(Table::Flows, key::of_flow(part.flow_id));
        match outside(part) {
            Outside::Same => {}
            Outside::Addresses(pair) => {
                add(Table::Traits, OPAQUE_PORTS);
                self.addresses.extend(pair.map(|address| (u128::from_be_bytes(address.0), row)));
            }
            Outside::Unknown => add(Table::Traits, OPAQUE),
        }
        self.add_said(part, row);
    }

    fn add_said(&mut self, part: &FlowPart, row: u32) {
        let (named, mut add) = (&mut self.named, |table: Table, key: u32| self.short[table as usize].push((key, row)));
        for (field, text) in part.payload.iter().flat_map(|payload| payload.iter()) {
            let host = Host::of(field, text);
            match host {
                Some(Host::Address(address)) => named.push((u128::from_be_bytes(address.0), row)),
                Some(Host::Name(name)) => zones(name).for_each(|zone| add(Table::Texts, key::of_zone(zone))),
                None => {}
            }
            if key::address_alone(field, text).is_none() {
                add(Table::Texts, key::of_text(field, text));
            }
            if let Some(mailbox) = mailbox(field, text).filter(|plain| *plain != text) {
                add(Table::Texts, key::of_text(field, mailbox));
            }
            match field {
                "cert_sha256" => add(Table::Traits, CERTIFIED),
                FILE_HASHES => add(Table::Traits, FILES),
                _ => {}
            }
        }
        if part.is_unread() || part.payload.as_ref().is_some_and(|payload| payload.may_lack_untold()) {
            add(Table::Traits, UNREAD);
        }
        if part.says_more_than_head() {
            add(Table::Traits, BEYOND_HEAD);
        }
    }

    /// The bytes of the index.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.summary.rows == 0 {
            (self.summary.times, self.summary.arrivals) = Default::default();
        }
        let mut tables = self.short.map(|mut pairs| table(&mut pairs));
        tables[Table::Addresses as usize] = table(&mut self.addresses);
        tables[Table::Named as usize] = table(&mut self.named);
        encode(false, &[self.summary], &tables)
    }
}

fn table<K: Copy + Ord + Into<u128>>(pairs: &mut Vec<(K, u32)>) -> KeyTable {
    pairs.sort_unstable();
    pairs.dedup();
    KeyTable::encode(pairs)
}

/// What the outermost headers of a row's packets can have that filters ask for.
enum Outside {
    /// Addresses and ports of the row, or none.
    Same,
    /// These addresses too, and any ports.
    Addresses([Address; 2]),
    Unknown,
}

/// In a tunnel they are others than the row's, and what is not IP to the decoder can be to a filter that compares bytes
/// at fixed places.
fn outside(part: &FlowPart) -> Outside {
    let key = &part.key;
    let are = |version: u8| [key.src, key.dest].iter().all(|address| address.as_v4().is_some() == (version == 4));
    let is_plain = match key.ip_version {
        0 if is_arp(key.src_port) => part.src_mac.is_some() && are(4),
        0 => is_neither_ip_nor_arp(key.src_port, part.src_mac.is_some()),
        version => are(version),
    };
    match (is_plain, part.tunnel, part.outer) {
        (true, None, _) | (true, Some(_), Some(NO_ADDRESSES)) => Outside::Same,
        (true, Some(_), Some(pair)) => Outside::Addresses(pair),
        _ => Outside::Unknown,
    }
}

fn segments(metadata: &Metadata) -> [(u64, u64); Lane::ALL.len()] {
    let mut segments = [(0, 0); Lane::ALL.len()];
    let listed = metadata.frames.iter().filter_map(|place| Some((place.lane?, place.segment)));
    let rowless = metadata.rowless.iter();
    let rowless = rowless.flat_map(|one| [one.first, one.last].map(|position| (one.lane, position.segment)));
    for (lane, segment) in listed.chain(rowless) {
        let (first, last) = &mut segments[lane.number()];
        *first = if *first == 0 { segment } else { segment.min(*first) };
        *last = segment.max(*last);
    }
    segments
}
