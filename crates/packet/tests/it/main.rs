//! Tests of the crate from outside, in one binary.

mod capture_convert;
mod capture_hostile;
mod capture_peers;
mod capture_truth;
mod capture_variants;
mod shared_captures;
