//! The tape: lanes, segments, flow rows, ageing, recovery, the chain, and questions to all of them.
//!
//! docs/format.md draws what is on disk; `format` is the one place that encodes and decodes it.

mod error;
pub mod format;
pub mod question;
mod read;
pub mod rows;

pub use error::Error;
pub use flow::Lane;
