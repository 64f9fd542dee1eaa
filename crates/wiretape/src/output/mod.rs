//! How answers look: for people, for programs, for other tools.

pub(crate) mod capture;
mod line;

pub(crate) use line::packet_line;
