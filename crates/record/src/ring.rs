//! A TPACKET_V3 ring: blocks of packets, in the order in which the kernel captured them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crate::frame::{Frames, Layout, RESERVE_BYTES};
use crate::sys::{self, Geometry, Held, Mapping, Statistics};

/// A packet of 256 KiB and its headers fit into a block of this size.
const BLOCK_BYTES_MIN: usize = 512 << 10;
/// Full blocks of this size are handed over about a thousand times a second at 10 Gbit/s.
const BLOCK_BYTES: usize = 1 << 20;
/// A quiet link's packets are handed over after this time.
const RETIRE_MS: u32 = 50;

/// `ret 0`.
const REJECT: [libc::sock_filter; 1] = [libc::sock_filter { code: 6, jt: 0, jf: 0, k: 0 }];

/// What a ring is to be.
#[derive(Clone, Debug)]
pub struct RingOptions {
    /// Memory that it takes, rounded down to whole blocks; at least 1 MiB.
    pub ring_bytes: usize,
    /// Most bytes kept of a packet, at most 256 KiB.
    pub snaplen: u32,
    /// Whether to learn how many wire segments a packet stands for. The kernel then drops, and counts, the rare
    /// packets that the virtio-net header cannot describe (SCTP and UDP fragmentation offload).
    pub segments: bool,
    /// Do not deliver what this host sends.
    pub ignore_outgoing: bool,
}

/// An open ring. It receives nothing before `listen`. Its blocks are numbered from 0 on, and taken in that order.
#[derive(Debug)]
pub struct Ring {
    mapping: Arc<Mapping>,
    socket: OwnedFd,
    layout: Layout,
}

/// A block of packets that the kernel has handed over. It goes back when it is dropped.
#[derive(Debug)]
pub(crate) struct Block {
    held: Held,
    layout: Layout,
}

impl Ring {
    /// Makes a ring. Needs CAP_NET_RAW.
    pub fn open(options: &RingOptions) -> io::Result<Self> {
        let socket = sys::packet_socket()?;
        sys::ring_version(socket.as_fd(), RESERVE_BYTES)?;
        let vnet_header = options.segments && sys::vnet_header(socket.as_fd()).is_ok();
        if options.ignore_outgoing {
            // Kernels before 4.20 deliver them; the caller sorts them out.
            let _ = sys::ignore_outgoing(socket.as_fd());
        }
        let mapping = Mapping::new(socket.as_fd(), geometry(options.ring_bytes))?;
        let layout = Layout { vnet_header, snaplen: options.snaplen };
        Ok(Self { mapping: Arc::new(mapping), socket, layout })
    }

    /// Starts delivery from an interface, or from all with index 0, of what `program` accepts: not one other packet gets
    /// in, and nobody can change the program any more. With `fanout` the rings of that group share the packets.
    pub fn listen(&self, interface_index: u32, fanout: Option<u16>, program: &[libc::sock_filter]) -> io::Result<()> {
        let socket = self.socket.as_fd();
        // Until it shares its packets a ring would hear those of the others.
        sys::attach_filter(socket, &REJECT)?;
        sys::bind(socket, interface_index)?;
        if let Some(group) = fanout {
            sys::fanout(socket, group)?;
        }
        sys::attach_filter(socket, program)?;
        sys::lock_filter(socket)
    }

    /// Makes the ring ready to be bound later, by whoever has no privilege then.
    pub fn prepare(&self, program: &[libc::sock_filter]) -> io::Result<()> {
        sys::attach_filter(self.socket.as_fd(), program)?;
        sys::lock_filter(self.socket.as_fd())
    }

    /// Moves the ring to another interface. Needs no privilege. A ring that shares packets with others cannot be moved.
    pub fn bind(&self, interface_index: u32) -> io::Result<()> {
        sys::bind(self.socket.as_fd(), interface_index)
    }

    /// Puts an interface into promiscuous mode as long as the ring is open.
    pub fn promiscuous(&self, interface_index: u32) -> io::Result<()> {
        sys::promiscuous(self.socket.as_fd(), interface_index)
    }

    /// The kernel's counters since the last call.
    pub fn statistics(&self) -> io::Result<Statistics> {
        sys::statistics(self.socket.as_fd())
    }

    /// The block of this number, if the kernel has handed it over and nobody has taken it.
    #[inline]
    pub(crate) fn block(&self, number: usize) -> Option<Block> {
        let held = self.mapping.take(self.place(number))?;
        Some(Block { held, layout: self.layout })
    }

    /// True if the kernel has handed over the block of this number.
    #[inline]
    pub(crate) fn is_ready(&self, number: usize) -> bool {
        self.mapping.is_ready(self.place(number))
    }

    /// Blocks that are ready from this number on, as a share of the ring from 0 to 1.
    pub(crate) fn fill(&self, number: usize) -> f32 {
        let blocks = self.mapping.geometry().blocks;
        let ready = (0..blocks).take_while(|ahead| self.is_ready(number + ahead)).count();
        ready as f32 / blocks as f32
    }

    /// True if nothing is ready and nothing waits in the block that the kernel fills, whose number this is.
    pub(crate) fn is_quiet(&self, number: usize) -> bool {
        let place = self.place(number);
        !self.mapping.is_ready(place) && self.mapping.packets(place) == 0
    }

    /// Memory that the ring takes.
    pub fn bytes(&self) -> usize {
        self.mapping.geometry().block_bytes * self.mapping.geometry().blocks
    }

    #[inline]
    fn place(&self, number: usize) -> usize {
        number % self.mapping.geometry().blocks
    }
}

impl Block {
    /// Number of packets.
    #[inline]
    pub(crate) fn packets(&self) -> u32 {
        self.held.packets()
    }

    /// The packets' bytes, and what the kernel says of each in front of it.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.held.bytes()
    }

    /// The packets; tags and cooked headers are put in place as they are passed.
    #[inline]
    pub(crate) fn frames(&mut self) -> Frames<'_> {
        let (packets, offset) = (self.held.packets(), self.held.first_offset());
        Frames::new(self.held.bytes_mut().get_mut(offset..).unwrap_or_default(), packets, self.layout)
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Blocks of 1 MiB, or smaller ones in a small ring so that it has at least eight.
fn geometry(ring_bytes: usize) -> Geometry {
    let block_bytes = if ring_bytes >= 8 * BLOCK_BYTES { BLOCK_BYTES } else { BLOCK_BYTES_MIN };
    Geometry { block_bytes, blocks: (ring_bytes / block_bytes).max(2), retire_ms: RETIRE_MS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_have_whole_blocks_that_hold_the_longest_packet() {
        for (ring_bytes, block_bytes, blocks) in
            [(64 << 20, 1 << 20, 64), (0, 512 << 10, 2), (3 << 20, 512 << 10, 6), ((9 << 20) + 5, 1 << 20, 9)]
        {
            assert_eq!(geometry(ring_bytes), Geometry { block_bytes, blocks, retire_ms: RETIRE_MS }, "{ring_bytes}");
        }
    }
}
