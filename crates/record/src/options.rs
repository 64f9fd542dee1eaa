//! What is recorded, and how.

use std::net::IpAddr;
use std::time::Duration;

use packet::PacketDirection;

use crate::attach::Filter;
use crate::policy::Policy;
use crate::selection::Selection;

/// How packets are captured; `Options::default()` has the usual values.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which interfaces.
    pub selection: Selection,
    /// Memory of all rings together.
    pub ring_bytes: usize,
    /// Most bytes kept of a packet, at most 256 KiB.
    pub snaplen: u32,
    /// Whether interfaces are put into promiscuous mode.
    pub promiscuous: bool,
    /// Only packets that pass an interface this way.
    pub direction: Option<PacketDirection>,
    /// Rings that share one interface's packets; with more than one, each is read by a thread of its own.
    pub threads: usize,
    /// Only packets that it accepts.
    pub filter: Option<Filter>,
    /// What is done with some packets; the first that matches counts.
    pub policies: Vec<Policy>,
    /// Whether to learn how many wire segments a packet stands for.
    pub segments: bool,
    /// Addresses that are ours on interfaces without addresses; empty for the private ranges.
    pub home_networks: Vec<(IpAddr, u8)>,
    /// Stop after so many packets.
    pub packets_max: Option<u64>,
    /// Stop after so long.
    pub duration: Option<Duration>,
}

impl Options {
    /// Memory of the rings, unless said otherwise.
    pub const RING_BYTES: usize = 64 << 20;
    /// The longest packet that is kept whole; libpcap's greatest snapshot length, too.
    pub const SNAPLEN_MAX: u32 = 262_144;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            selection: Selection::Auto,
            ring_bytes: Self::RING_BYTES,
            snaplen: Self::SNAPLEN_MAX,
            promiscuous: true,
            direction: None,
            threads: 1,
            filter: None,
            policies: Vec::new(),
            segments: true,
            home_networks: Vec::new(),
            packets_max: None,
            duration: None,
        }
    }
}
