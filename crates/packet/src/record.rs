//! A captured packet and where it was captured.

use crate::{LinkType, Timestamp};

/// Which way a packet passed the interface (pcapng `epb_flags`, bits 0 and 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PacketDirection {
    /// Not known.
    #[default]
    Unknown,
    /// Received by this host.
    Inbound,
    /// Sent by this host.
    Outbound,
}

/// One captured packet; the bytes are borrowed from a ring, a file buffer or a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// Length on the wire in bytes, at least `data.len()` in a sane capture.
    pub wire_bytes: u32,
    /// The captured bytes, from the link layer on.
    pub data: &'a [u8],
    /// Index into the interfaces of the source (a capture's sections are numbered through).
    pub interface: u32,
    /// Which way it passed the interface.
    pub direction: PacketDirection,
    /// Arrival number on a tape (pcapng `epb_packetid`); in a capture file the option's value, if it is there.
    pub arrival: Option<u64>,
}

/// An interface that packets were captured on (a pcapng IDB; a pcap file has exactly one).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Interface {
    /// The link type of its packets.
    pub link_type: LinkType,
    /// Most bytes kept of a packet; 0 is no limit.
    pub snaplen: u32,
    /// `if_name`, if it is known.
    pub name: Option<String>,
    /// `if_description`, if it is known.
    pub description: Option<String>,
}
