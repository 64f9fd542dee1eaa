//! A TPACKET_V3 ring: packets in the order in which the kernel captured them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use packet::Timestamp;

use crate::frame::{self, Frames, Layout, RESERVE_BYTES};
use crate::sys::{self, Geometry, Mapping, Statistics};

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

/// An open ring. It receives nothing before `listen`.
#[derive(Debug)]
pub struct Ring {
    // Unmapped before the socket is closed.
    mapping: Mapping,
    socket: OwnedFd,
    layout: Layout,
    /// The block that is read next, and where in it.
    block: usize,
    place: Option<Place>,
    /// Headers that did not make sense; the rest of their block was left.
    damaged: u64,
}

/// Where reading stands inside a block.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: usize,
    packets_left: u32,
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
        Ok(Self { mapping, socket, layout, block: 0, place: None, damaged: 0 })
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

    /// When the next packet was captured, if the kernel has handed one over.
    #[inline]
    pub fn front_time(&mut self) -> Option<Timestamp> {
        let place = self.place()?;
        frame::time(self.mapping.block(self.block)?, place.offset)
    }

    /// When the last packet of the block was captured that the next packet is in.
    pub(crate) fn block_end_time(&mut self) -> Option<Timestamp> {
        self.place()?;
        let block = self.mapping.block(self.block)?;
        let word = |at: usize| block.get(at..)?.first_chunk().copied().map(u32::from_ne_bytes);
        // `ts_last_pkt` of `struct tpacket_hdr_v1`.
        Some(Timestamp::from_seconds(word(40)?.into(), word(44)?))
    }

    /// Hands the next packets of one block to `take`, at most so many; a block that was read to its end goes back to
    /// the kernel. Returns false if none was ready.
    #[inline]
    pub fn frames(&mut self, packets_max: u32, take: impl FnOnce(&mut Frames<'_>)) -> bool {
        let Some(place) = self.place() else { return false };
        let Some(block) = self.mapping.block(self.block) else { return false };
        let packets = place.packets_left.min(packets_max);
        let mut frames = Frames::new(block.get_mut(place.offset..).unwrap_or_default(), packets, self.layout);
        take(&mut frames);
        match frames.finish() {
            Some(passed) if place.packets_left > packets => {
                self.place = Some(Place { offset: place.offset + passed, packets_left: place.packets_left - packets });
            }
            Some(_) => self.leave_block(),
            None => {
                self.damaged += u64::from(place.packets_left);
                self.leave_block();
            }
        }
        true
    }

    /// Blocks that are ready and not read to their end, as a share of the ring from 0 to 1.
    pub fn fill(&self) -> f32 {
        let blocks = self.mapping.geometry().blocks;
        let ready = (0..blocks).take_while(|ahead| self.mapping.is_ready((self.block + ahead) % blocks)).count();
        ready as f32 / blocks as f32
    }

    /// True if nothing is ready and nothing waits in the block that the kernel fills.
    pub fn is_quiet(&self) -> bool {
        !self.mapping.is_ready(self.block) && self.mapping.packets(self.block) == 0
    }

    /// Packets whose headers in the ring did not make sense: the kernel's fault, or memory's.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Memory that the ring takes.
    pub fn bytes(&self) -> usize {
        self.mapping.geometry().block_bytes * self.mapping.geometry().blocks
    }

    /// Where reading stands; enters the next block if it is ready, and passes over empty ones.
    #[inline]
    fn place(&mut self) -> Option<Place> {
        if self.place.is_some() {
            return self.place;
        }
        loop {
            let block = self.mapping.block(self.block)?;
            let word = |at: usize| block.get(at..).and_then(|rest| rest.first_chunk()).copied().map(u32::from_ne_bytes);
            let (packets_left, offset) = (word(12)?, word(16)? as usize);
            if packets_left > 0 {
                self.place = Some(Place { offset, packets_left });
                return self.place;
            }
            self.leave_block();
        }
    }

    fn leave_block(&mut self) {
        self.mapping.release(self.block);
        self.block = (self.block + 1) % self.mapping.geometry().blocks;
        self.place = None;
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
