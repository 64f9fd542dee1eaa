//! Tests of the crate from outside, in one binary.

mod capture_convert;
mod capture_hostile;
mod capture_peers;
mod capture_truth;
mod capture_variants;
mod community_id;
mod decode_properties;
mod decode_table;
mod decode_tshark;
mod decoded;
mod generate;
mod layers;
mod shared_captures;
mod tshark;
