//! The filter crate against libpcap and the truth files.

mod corpus;
mod truth;
