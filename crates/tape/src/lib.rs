//! The tape: lanes, segments, flow rows, ageing, recovery, the chain, and questions to all of them.
//!
//! docs/format.md draws what is on disk; `format` is the one place that encodes and decodes it. A recorder opens a tape
//! with [`Tape::open`], appends and ticks; packets go through `frame`, `pipeline` and `writer` to the disk, `budget` and
//! `ageing` make room for them, `sync` makes them safe, and `salvage` takes up what a crash left. [`question`] reads.

mod ageing;
mod append;
mod aside;
mod budget;
mod catalog;
mod chain;
mod checkpoint;
mod clock;
mod counters;
mod damaged;
mod disk;
mod error;
pub mod format;
mod frame;
mod gap;
mod guard;
mod heartbeat;
pub mod holds;
pub mod imports;
pub mod index;
mod job;
mod journal;
mod listed;
mod lock;
mod open;
mod options;
mod pins;
mod pipeline;
mod place;
pub mod question;
mod read;
pub mod rows;
mod said;
mod salvage;
mod shared;
pub mod status;
mod sync;
mod sys;
mod take_up;
mod tape;
#[cfg(test)]
mod tests;
mod threads;
mod writer;

pub use counters::Counters;
pub use error::Error;
pub use flow::Lane;
pub use guard::is_guarded;
pub use open::Opened;
pub use options::{Compression, KeepFree, Names, Options};
pub use salvage::SalvageReport;
pub use tape::Tape;
