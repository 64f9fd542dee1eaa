//! The kernel's packet sockets and their mapped rings: all unsafe code of this crate, behind safe functions.
#![expect(unsafe_code, reason = "packet sockets and their rings have no safe interface")]

use std::ffi::{c_int, c_uint, c_void};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Offset of `block_status` in `struct tpacket_block_desc` (linux/if_packet.h).
const BLOCK_STATUS_OFFSET: usize = 8;
/// Offset of `num_pkts` there.
const BLOCK_PACKETS_OFFSET: usize = 12;
/// Offset of `offset_to_first_pkt` there.
const BLOCK_FIRST_OFFSET: usize = 16;
/// Bytes of `struct tpacket_block_desc`; packets stand behind it.
const BLOCK_HEADER_BYTES: usize = 48;

/// Bytes of `struct virtio_net_hdr` (linux/virtio_net.h) in front of each packet when `vnet_header` was called.
pub(crate) const VNET_HEADER_BYTES: usize = 10;

/// Sizes of a TPACKET_V3 ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) block_bytes: usize,
    pub(crate) blocks: usize,
    /// After this time the kernel hands over a block that is not full.
    pub(crate) retire_ms: u32,
}

/// What `PACKET_STATISTICS` counted since it was last read: the kernel resets it on each read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets that passed the filter, dropped ones included.
    pub packets: u32,
    /// Packets that found no room in the ring.
    pub drops: u32,
    /// How often the ring was full.
    pub freezes: u32,
}

/// A packet socket that receives nothing before `bind`. Needs CAP_NET_RAW.
pub(crate) fn packet_socket() -> io::Result<OwnedFd> {
    // SAFETY: socket(2) takes no pointers.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Starts delivery of every protocol from one interface, or from all of them with index 0. Needs no privilege, so a
/// ring whose interface has gone can be moved to its successor after privileges were dropped.
pub(crate) fn bind(socket: BorrowedFd<'_>, interface_index: u32) -> io::Result<()> {
    bind_protocol(socket, interface_index, libc::ETH_P_ALL as u16)
}

fn bind_protocol(socket: BorrowedFd<'_>, interface_index: u32, protocol: u16) -> io::Result<()> {
    // SAFETY: sockaddr_ll consists of integers, for which zero is a value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = index_as_int(interface_index)?;
    // SAFETY: the pointer and the length describe `address`, which outlives the call.
    let result = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast::<libc::sockaddr>(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    check(result)
}

/// Has what is sent go out by one interface, and nothing delivered.
pub(crate) fn bind_to_send(socket: BorrowedFd<'_>, interface_index: u32) -> io::Result<()> {
    bind_protocol(socket, interface_index, 0)
}

/// Chooses TPACKET_V3 and leaves `reserve_bytes` free in front of each packet.
pub(crate) fn ring_version(socket: BorrowedFd<'_>, reserve_bytes: u32) -> io::Result<()> {
    set(socket, libc::SOL_PACKET, libc::PACKET_VERSION, &(libc::tpacket_versions::TPACKET_V3 as c_int))?;
    set(socket, libc::SOL_PACKET, libc::PACKET_RESERVE, &reserve_bytes)
}

/// Asks for a `struct virtio_net_hdr` in front of each packet.
pub(crate) fn vnet_header(socket: BorrowedFd<'_>) -> io::Result<()> {
    set(socket, libc::SOL_PACKET, libc::PACKET_VNET_HDR, &1_i32)
}

/// Has packets that this host sends not delivered (Linux 4.20).
pub(crate) fn ignore_outgoing(socket: BorrowedFd<'_>) -> io::Result<()> {
    set(socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1_i32)
}

/// Puts the interface into promiscuous mode for as long as the socket is open.
pub(crate) fn promiscuous(socket: BorrowedFd<'_>, interface_index: u32) -> io::Result<()> {
    let membership = libc::packet_mreq {
        mr_ifindex: index_as_int(interface_index)?,
        mr_type: libc::PACKET_MR_PROMISC as u16,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &membership)
}

/// Joins the group of sockets that share an interface's packets by flow hash; a full ring's packets go to the next.
/// Fragments are not put together by the kernel, which would change them.
pub(crate) fn fanout(socket: BorrowedFd<'_>, group: u16) -> io::Result<()> {
    let mode = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_ROLLOVER;
    let value: c_uint = c_uint::from(group) | (mode << 16);
    set(socket, libc::SOL_PACKET, libc::PACKET_FANOUT, &value)
}

/// Attaches a filter program; whatever it rejects never reaches the ring.
pub(crate) fn attach_filter(socket: BorrowedFd<'_>, program: &[libc::sock_filter]) -> io::Result<()> {
    let length = u16::try_from(program.len()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    // The kernel only reads the instructions.
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// From here on nobody can change or remove the filter.
pub(crate) fn lock_filter(socket: BorrowedFd<'_>) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_LOCK_FILTER, &1_i32)
}

/// Reads and resets the socket's counters.
pub(crate) fn statistics(socket: BorrowedFd<'_>) -> io::Result<Statistics> {
    let mut value = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
    let mut length = size_of::<libc::tpacket_stats_v3>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into `value`, all of them integers.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut value).cast::<c_void>(),
            &raw mut length,
        )
    };
    check(result)?;
    Ok(Statistics { packets: value.tp_packets, drops: value.tp_drops, freezes: value.tp_freeze_q_cnt })
}

/// Asks the processor to bring the cache line at `offset` of `bytes` near; nothing happens beyond the end.
#[inline]
pub(crate) fn prefetch(bytes: &[u8], offset: usize) {
    if let Some(byte) = bytes.get(offset) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch reads nothing, and the address lies in `bytes`.
        unsafe {
            core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(std::ptr::from_ref(byte).cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = byte;
    }
}

/// The memory that kernel and recorder share: blocks, each owned by one of them at a time.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    geometry: Geometry,
    /// Whether somebody here holds the block.
    taken: Box<[AtomicBool]>,
}

// SAFETY: the mapping belongs to the process, not to a thread. What is shared of it are atomic words; of the bytes of a
// block there is one owner, a `Held`.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Makes the socket's ring and maps it.
    pub(crate) fn new(socket: BorrowedFd<'_>, geometry: Geometry) -> io::Result<Self> {
        let too_big = || io::Error::from_raw_os_error(libc::EINVAL);
        let frame_bytes = 2048;
        let request = libc::tpacket_req3 {
            tp_block_size: geometry.block_bytes.try_into().map_err(|_| too_big())?,
            tp_block_nr: geometry.blocks.try_into().map_err(|_| too_big())?,
            // The frame size means nothing to a V3 receive ring, but has to agree with the frame count.
            tp_frame_size: frame_bytes,
            tp_frame_nr: u32::try_from(geometry.block_bytes * geometry.blocks).map_err(|_| too_big())? / frame_bytes,
            tp_retire_blk_tov: geometry.retire_ms,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        set(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        // SAFETY: a new shared mapping at an address of the kernel's choice; the result is checked.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                geometry.block_bytes * geometry.blocks,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.as_fd().as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast::<u8>()).ok_or_else(too_big)?;
        let taken = (0..geometry.blocks).map(|_| AtomicBool::new(false)).collect();
        Ok(Self { start, geometry, taken })
    }

    pub(crate) fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// True if the kernel has handed this block over.
    #[inline]
    pub(crate) fn is_ready(&self, block: usize) -> bool {
        self.word(block, BLOCK_STATUS_OFFSET).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    /// Packets in a block, one that the kernel is still filling included.
    #[inline]
    pub(crate) fn packets(&self, block: usize) -> u32 {
        self.word(block, BLOCK_PACKETS_OFFSET).load(Ordering::Relaxed)
    }

    /// Takes a block that the kernel has handed over; dropped, it goes back to the kernel.
    #[inline]
    pub(crate) fn take(self: &Arc<Self>, block: usize) -> Option<Held> {
        let taken = self.taken.get(block)?;
        if !self.is_ready(block) || taken.swap(true, Ordering::AcqRel) {
            return None;
        }
        // Whoever held it may have given it back in between.
        if !self.is_ready(block) {
            taken.store(false, Ordering::Release);
            return None;
        }
        Some(Held { mapping: self.clone(), block })
    }

    #[inline]
    fn word(&self, block: usize, offset: usize) -> &AtomicU32 {
        assert!(block < self.geometry.blocks && offset + 4 <= self.geometry.block_bytes);
        // SAFETY: the address lies in the mapping and is a multiple of 4, since blocks are whole pages; kernel and
        // recorder change this word atomically.
        unsafe { AtomicU32::from_ptr(self.start.as_ptr().add(block * self.geometry.block_bytes + offset).cast()) }
    }
}

/// A block that the kernel has handed over, without its header.
#[derive(Debug)]
pub(crate) struct Held {
    mapping: Arc<Mapping>,
    block: usize,
}

impl Held {
    /// Packets in it.
    #[inline]
    pub(crate) fn packets(&self) -> u32 {
        self.mapping.packets(self.block)
    }

    /// Where the first packet starts in its bytes.
    #[inline]
    pub(crate) fn first_offset(&self) -> usize {
        let offset = self.mapping.word(self.block, BLOCK_FIRST_OFFSET).load(Ordering::Relaxed);
        (offset as usize).saturating_sub(BLOCK_HEADER_BYTES)
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        let (start, length) = self.range();
        // SAFETY: the range lies in the mapping. The kernel does not touch it before `drop` gives the block back, `taken`
        // makes this the block's only `Held`, and the header, which others may look at, is not part of it.
        unsafe { std::slice::from_raw_parts(start, length) }
    }

    #[inline]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let (start, length) = self.range();
        // SAFETY: as in `bytes`, and `&mut self` lends it to one alone.
        unsafe { std::slice::from_raw_parts_mut(start, length) }
    }

    #[inline]
    fn range(&self) -> (*mut u8, usize) {
        let Geometry { block_bytes, blocks, .. } = self.mapping.geometry;
        assert!(self.block < blocks && block_bytes > BLOCK_HEADER_BYTES);
        // SAFETY: the offset lies in the mapping, as was just checked.
        let start = unsafe { self.mapping.start.as_ptr().add(self.block * block_bytes + BLOCK_HEADER_BYTES) };
        (start, block_bytes - BLOCK_HEADER_BYTES)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let status = self.mapping.word(self.block, BLOCK_STATUS_OFFSET);
        status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        if let Some(taken) = self.mapping.taken.get(self.block) {
            taken.store(false, Ordering::Release);
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped in `new` and nothing borrows from it any more. A failure leaves it mapped.
        let _ = unsafe { libc::munmap(self.start.as_ptr().cast(), self.geometry.block_bytes * self.geometry.blocks) };
    }
}

fn set<T>(socket: BorrowedFd<'_>, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which the kernel only reads.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast::<c_void>(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    check(result)
}

fn check(result: c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn index_as_int(interface_index: u32) -> io::Result<c_int> {
    c_int::try_from(interface_index).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))
}
