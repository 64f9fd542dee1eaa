//! What can go wrong with a capture file.

use std::io;

use super::{Compression, Foreign};

/// A fault of a capture file, or of reading or writing it; who knows the path adds it.
///
/// `offset` is where the record or block in question begins, in bytes of the uncompressed stream; `packets` is how many
/// packets before it were good and have been delivered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading failed.
    #[error("reading failed at byte {offset}, after {packets} packets: {source}")]
    Read {
        /// Bytes of the uncompressed stream before the record that was being read.
        offset: u64,
        /// Packets that were good.
        packets: u64,
        /// What the input said.
        source: io::Error,
    },
    /// The compressed stream is cut or damaged, or wants more than 128 MiB of memory.
    #[error(
        "the {compression} stream cannot be read on after {offset} bytes of its content and {packets} packets: {source}"
    )]
    Decompress {
        /// The outermost compression of the file.
        compression: Compression,
        /// Bytes of the uncompressed stream before the record that was being read.
        offset: u64,
        /// Packets that were good.
        packets: u64,
        /// What the decoder said.
        source: io::Error,
    },
    /// Writing failed.
    #[error("writing failed: {0}")]
    Write(io::Error),
    /// A packet for the writer names an interface that was not described to it.
    #[error("no interface {interface} was described to the writer")]
    UnknownInterface {
        /// The packet's interface.
        interface: u32,
    },
    /// The input has no bytes at all.
    #[error("the file is empty")]
    Empty,
    /// The input is something else than a capture that can be read.
    #[error("this is {}, not a pcap or pcapng capture: {}", .found.what, .found.advice)]
    Foreign {
        /// What it is.
        found: Foreign,
    },
    /// A pcap or pcapng of a version or with fields that no known program writes.
    #[error("at byte {offset}: {what} is not supported")]
    Unsupported {
        /// What is not supported, with its value.
        what: String,
        /// Where.
        offset: u64,
        /// Packets that were good.
        packets: u64,
    },
    /// The input ends inside a header, a record or a block.
    #[error(
        "cut off at byte {offset} inside a {part}, {present} of {needed} bytes are there; {packets} packets before it are whole"
    )]
    Truncated {
        /// What was cut.
        part: &'static str,
        /// Bytes that it should have.
        needed: u64,
        /// Bytes that are there.
        present: u64,
        /// Where it begins.
        offset: u64,
        /// Packets that were good.
        packets: u64,
    },
    /// A record or block contradicts itself or the format.
    #[error("corrupt at byte {offset}: {corruption}; {packets} packets before it are good")]
    Corrupt {
        /// What is wrong.
        corruption: Corruption,
        /// Where the record or block begins.
        offset: u64,
        /// Packets that were good.
        packets: u64,
    },
}

/// What is wrong with a record or block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corruption {
    /// A packet claims to have captured more than any can.
    #[error("a packet claims {claimed} captured bytes, more than the {max} that are possible")]
    CapturedBytes {
        /// What the record says.
        claimed: u32,
        /// The limit for its link type.
        max: u32,
    },
    /// A block's length is no multiple of four, less than a block can have, or more than any has.
    #[error("a block of type {kind:#x} claims a length of {length} bytes")]
    BlockLength {
        /// Block type.
        kind: u32,
        /// What the block says.
        length: u32,
    },
    /// The length at the end of a block differs from the one at its start.
    #[error("a block has {leading} bytes by its start and {trailing} by its end")]
    TrailingLength {
        /// Length at the start.
        leading: u32,
        /// Length at the end.
        trailing: u32,
    },
    /// A block's fixed fields or its packet do not fit into it.
    #[error("the content of a block of type {kind:#x} does not fit into it")]
    BlockContent {
        /// Block type.
        kind: u32,
    },
    /// A packet on an interface that no block has described.
    #[error("a packet on interface {interface}, but only {described} are described in its section")]
    Interface {
        /// The packet's interface within its section.
        interface: u32,
        /// Interfaces of the section up to there.
        described: u32,
    },
    /// A section header without a byte-order magic.
    #[error("a section header has the byte-order magic {magic:#010x}")]
    ByteOrder {
        /// What is there instead, read as big-endian.
        magic: u32,
    },
    /// More descriptions of interfaces than memory is kept for.
    #[error("the descriptions of its interfaces need more than {max} bytes")]
    Interfaces {
        /// The limit.
        max: usize,
    },
}

/// A fault before it is known where it is.
#[derive(Debug)]
pub(crate) enum Fault {
    Read(io::Error),
    Unsupported(String),
    Truncated { part: &'static str, needed: u64, present: u64 },
    Corrupt(Corruption),
}

impl From<Corruption> for Fault {
    fn from(corruption: Corruption) -> Self {
        Self::Corrupt(corruption)
    }
}

impl Fault {
    /// The fault of a record that begins at `offset`, in an input that is wrapped in `compression`.
    pub(crate) fn at(self, offset: u64, packets: u64, compression: Option<Compression>) -> Error {
        match (self, compression) {
            // The operating system's errors have a number, the decoders' have none.
            (Self::Read(source), Some(compression)) if source.raw_os_error().is_none() => {
                Error::Decompress { compression, offset, packets, source }
            }
            (Self::Read(source), _) => Error::Read { offset, packets, source },
            (Self::Unsupported(what), _) => Error::Unsupported { what, offset, packets },
            (Self::Truncated { part, needed, present }, _) => {
                Error::Truncated { part, needed, present, offset, packets }
            }
            (Self::Corrupt(corruption), _) => Error::Corrupt { corruption, offset, packets },
        }
    }
}
