//! A file as it was found.

use packet::Timestamp;

use super::hashes::Hashes;
use super::ranges::Missing;
use super::store::ContentId;
use crate::{FileId, Side};

/// A file, or what there is of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// The number of the transfer that began it.
    pub first: FileId,
    /// The flow that brought its first bytes.
    pub flow: u64,
    /// When it began.
    pub time: Timestamp,
    /// Arrival number of the packet with which it began.
    pub arrival: u64,
    /// What carried it.
    pub protocol: &'static str,
    /// Who sent it.
    pub sender: Option<Side>,
    /// Its name, as the network says it: never a path of this host.
    pub name: Option<String>,
    /// Its type by its first bytes.
    pub mime: Option<&'static str>,
    /// Its type as the protocol says it.
    pub mime_said: Option<String>,
    /// Its whole size in bytes, if that is known.
    pub size: Option<u64>,
    /// How many bytes of it are there.
    pub there: u64,
    /// What is missing; nothing of a complete file.
    pub missing: Vec<Missing>,
    /// Its hashes, if all of it is there.
    pub hashes: Option<Hashes>,
    /// All of it was there, and yet it was not hashed, since it came in too wild an order to be kept in memory.
    pub is_unhashed: bool,
    /// What was transferred, where that is not the file itself: its encoded form, or one range of it.
    pub wire: Option<Wire>,
    /// It is one range of a file; another entry tells of the whole, if more of it was found.
    pub is_piece: bool,
    /// How many transfers it was put together from.
    pub pieces: u32,
    /// What a store knows it by; `None` if it has none of its own.
    pub content: Option<ContentId>,
}

/// What was transferred of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// How many bytes of it are there.
    pub there: u64,
    /// How many there should be, if that is known.
    pub size: Option<u64>,
    /// Its hashes, if all of it is there.
    pub hashes: Option<Hashes>,
}

impl FoundFile {
    /// Whether all of it is there.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Whether it is a range of a file that another entry tells of.
    pub fn is_told_otherwise(&self) -> bool {
        self.is_piece && self.content.is_none()
    }

    /// Whether only its first bytes are there.
    pub fn is_head_only(&self) -> bool {
        matches!(self.missing.as_slice(), [Missing { offset, .. }] if *offset > 0 && *offset == self.there)
    }
}
