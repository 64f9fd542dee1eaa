//! How answers look: for people, for programs, for other tools.

pub(crate) mod capture;
pub(crate) mod coverage;
pub(crate) mod explain;
pub(crate) mod file;
pub(crate) mod files;
pub(crate) mod flows;
pub(crate) mod follow;
pub(crate) mod grid;
pub(crate) mod iocs;
mod line;
pub(crate) mod sightings;

pub(crate) use line::packet_line;
