//! The flow table: which conversation a packet belongs to, and which lane keeps it.
#![forbid(unsafe_code)]
