//! tcpdump's own spelling of a recording: `-i eth0 -n -s 0 -C 1000 -W 10 -w /data/dump.pcap`.

mod meaning;
mod options;
mod target;

pub(crate) use meaning::{Call, Rotation, Stream, understand};
pub(crate) use options::split;

#[cfg(test)]
mod tests;
