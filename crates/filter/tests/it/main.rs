//! The filter crate against libpcap and the truth files.

mod corpus;
mod differential;
mod generate;
mod long;
mod manual;
mod oracle;
mod printed;
mod prune;
mod question;
mod random;
mod truth;
