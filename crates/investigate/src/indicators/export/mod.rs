//! Indicators for other programs: STIX 2.1 bundles and MISP events.

mod misp;
mod name;
mod stix;

pub use misp::misp;
pub use stix::{has_stix_form, stix};

use packet::Timestamp;

use super::{Indicator, Item};

/// What goes out.
pub struct Export<'a> {
    /// What it is called: what was asked, of what.
    pub title: &'a str,
    /// What was seen, by kind and value.
    pub items: &'a [(Indicator, Item)],
    /// Writes a time as RFC 3339 in UTC.
    pub rfc3339: fn(Timestamp) -> String,
}
