//! Tests of the crate from outside, in one binary.

mod capture_truth;
mod shared_captures;
