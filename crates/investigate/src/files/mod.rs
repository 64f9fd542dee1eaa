//! Files: what protocols tell of them in pieces, put together, hashed, and named for what they are.
//!
//! sink -> [`Collector`] -> content (order, hashes) -> [`FoundFile`]; a [`Store`] keeps the bytes for whoever wants them.

mod collector;
mod content;
mod found;
mod hashes;
mod joined;
mod magic;
mod passing;
mod ranges;
mod store;
#[cfg(test)]
mod tests;
mod transfer;

pub use collector::Collector;
pub use found::{FoundFile, Wire};
pub use hashes::{Hashes, Hex};
pub use passing::{Passed, Passing};
pub use ranges::Missing;
pub use store::{ContentId, NoStore, Store};
