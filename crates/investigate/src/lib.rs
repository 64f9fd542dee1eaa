//! From packets to what was said in them: streams, protocols, files, fingerprints, indicators. No I/O.
//!
//! packet -> datagram or stream of one side -> protocol -> facts and files, told to a [`Sink`].
#![forbid(unsafe_code)]

mod announced;
pub mod anonymise;
mod at;
mod clock;
#[cfg(test)]
mod collected;
mod conversation;
mod encoding;
mod expectations;
pub mod files;
mod fingerprint;
mod follow;
mod fragments;
pub mod indicators;
mod investigation;
mod opening;
mod pieces;
pub mod protocols;
pub mod rewrite;
mod side;
mod sink;
mod table;
pub mod tcp;

pub use at::At;
pub use follow::Follow;
pub use investigation::{Investigation, Limits};
pub use side::Side;
pub use sink::{Body, Ends, Expected, Field, FileId, FileStart, Sink};
