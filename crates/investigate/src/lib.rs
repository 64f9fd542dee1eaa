//! From packets to what was said in them: streams, protocols, files, fingerprints, indicators. No I/O.
//!
//! packet -> datagram or stream of one side -> protocol -> facts and files, told to a [`Sink`].
#![forbid(unsafe_code)]

mod at;
#[cfg(test)]
mod collected;
mod fingerprint;
pub mod protocols;
mod side;
mod sink;

pub use at::At;
pub use side::Side;
pub use sink::{Body, Ends, Expected, Field, FileId, FileStart, Sink};
