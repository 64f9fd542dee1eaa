//! Indicators: what tells that somebody was here. Read from lists, bundles and reports; looked for; collected; exported.
//!
//! text -> [`read`] -> [`Watchlist`] -> [`Sightings`] of what rows and an [`Observer`] tell; the other way round a
//! [`Tally`] of what was seen goes out as STIX or MISP ([`export`]).

mod domain;
mod eve;
pub mod export;
mod fuzz;
mod indicator;
mod kind;
mod list;
mod misp;
mod observer;
mod pattern;
mod prose;
mod read;
mod reserved;
mod search;
mod sightings;
mod stix;
mod tally;
mod url;
mod watchlist;

pub use fuzz::fuzz_indicators;
pub use indicator::{Indicator, Network};
pub use kind::Kind;
pub use observer::{Observation, Observer, Observing, What};
pub use read::{Form, Listed, Read, read};
pub use reserved::is_reserved;
pub use search::Search;
pub use sightings::{Meeting, Seen, Sightings, Summed};
pub use tally::{Item, Tally};
pub use watchlist::{Clue, Watchlist};
