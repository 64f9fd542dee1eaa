//! What rows are looked up by.

use filter::question::Layer;
use flow::FlowId;
use packet::Address;

use crate::format::checksum;
use crate::format::index::{OPAQUE, OPAQUE_PORTS, Table, UNREAD};

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
    /// It is not known what a layer is on the outside of packets.
    Opaque(Layer),
    /// What is said was not read, or not all of it.
    Unread,
}

impl Key<'_> {
    /// The table that has it, and the first and the last of its keys that are meant.
    pub(super) fn range(&self) -> (Table, u128, u128) {
        let one = |table, key| (table, key, key);
        match *self {
            Self::Address(address) => one(Table::Addresses, u128::from_be_bytes(address.0)),
            Self::Net(address, bits) => {
                let host = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
                let network = u128::from_be_bytes(address.0) & !host;
                (Table::Addresses, network, network | host)
            }
            Self::Port(port) => one(Table::Ports, port.into()),
            Self::Flow(id) => one(Table::Flows, of_flow(id).into()),
            Self::Text(column, text) => one(Table::Texts, of_text(column, text).into()),
            Self::Opaque(Layer::Network) => one(Table::Traits, OPAQUE.into()),
            Self::Opaque(Layer::Transport) => (Table::Traits, OPAQUE.into(), OPAQUE_PORTS.into()),
            Self::Unread => one(Table::Traits, UNREAD.into()),
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
