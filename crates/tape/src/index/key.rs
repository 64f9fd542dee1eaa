//! What rows are looked up by.

use filter::question::Layer;
use flow::FlowId;
use packet::Address;

use super::host::{Host, zone_of};
use crate::format::checksum;
use crate::format::index::{BEYOND_HEAD, CERTIFIED, FILES, OPAQUE, OPAQUE_PORTS, Table, UNREAD};

/// What rows are looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// Client or server; the target or sender of ARP.
    Address(Address),
    /// Client or server within a network: an address and how many of its 128 bits count (IPv4: 96 more than usual).
    Net(Address, u8),
    /// Port of client or server; type, code or counterpart of ICMP; EtherType of what is not IP.
    Port(u16),
    /// The flow with this id.
    Flow(FlowId),
    /// A column that has this text, or a list with it.
    Text(&'a str, &'a str),
    /// A host is named in what is said, and has this name or one below it. Of a name with many labels, the last ones count.
    Below(&'a str),
    /// An address in what is said is within this network.
    Named(Address, u8),
    /// It is not known what a layer is on the outside of packets.
    Opaque(Layer),
    /// What is said was not read, or not all of it.
    Unread,
    /// More follows the head, of a protocol that can be read.
    BeyondHead,
    /// Certificates were shown.
    Certified,
    /// Files were moved whole.
    Files,
}

impl Key<'_> {
    /// The table that has it, and the first and the last of its keys that are meant.
    pub(super) fn range(&self) -> (Table, u128, u128) {
        let one = |table, key| (table, key, key);
        match *self {
            Self::Address(address) => one(Table::Addresses, u128::from_be_bytes(address.0)),
            Self::Net(address, bits) => network(Table::Addresses, address, bits),
            Self::Named(address, bits) => network(Table::Named, address, bits),
            Self::Port(port) => one(Table::Ports, port.into()),
            Self::Flow(id) => one(Table::Flows, of_flow(id).into()),
            Self::Text(column, text) => match address_alone(column, text) {
                Some(address) => network(Table::Named, address, 128),
                None => one(Table::Texts, of_text(column, text).into()),
            },
            Self::Below(name) => one(Table::Texts, of_zone(zone_of(name)).into()),
            Self::Opaque(Layer::Network) => one(Table::Traits, OPAQUE.into()),
            Self::Opaque(Layer::Transport) => (Table::Traits, OPAQUE.into(), OPAQUE_PORTS.into()),
            Self::Unread => one(Table::Traits, UNREAD.into()),
            Self::BeyondHead => one(Table::Traits, BEYOND_HEAD.into()),
            Self::Certified => one(Table::Traits, CERTIFIED.into()),
            Self::Files => one(Table::Traits, FILES.into()),
        }
    }
}

/// The first 24 bits: enough that few rows of a file share them, and few enough that each takes two bytes.
pub(super) fn of_flow(id: FlowId) -> u32 {
    (id.0 >> 40) as u32
}

/// The first 32 bits of a hash; upper and lower case are the same.
pub(super) fn of_text(column: &str, text: &str) -> u32 {
    let text = text.to_ascii_lowercase();
    u32::from_be_bytes(checksum::<4>(&[column.as_bytes(), &[0], text.as_bytes()]))
}

/// A name that others are below, as a key of texts.
pub(super) fn of_zone(name: &str) -> u32 {
    // No column has this name.
    of_text(".", name)
}

/// The address that a text is, and nothing else: it stands with the addresses that are named, not with the texts.
pub(super) fn address_alone(column: &str, text: &str) -> Option<Address> {
    match Host::of(column, text)? {
        Host::Address(address) if text.parse::<std::net::IpAddr>().is_ok() => Some(address),
        _ => None,
    }
}

fn network(table: Table, address: Address, bits: u8) -> (Table, u128, u128) {
    let host = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
    let network = u128::from_be_bytes(address.0) & !host;
    (table, network, network | host)
}
