//! Addresses in packets changed in place, with the checksums over them.

mod checksum;
mod fuzz;
mod offload;
mod walk;

pub use fuzz::fuzz_rewrite;
pub(crate) use offload::{Place, TCP, UDP};
pub use offload::{complete_checksums, segments};
pub use walk::{Outline, rewrite};

use packet::Mac;

/// What becomes of addresses.
pub trait Mapping {
    /// An IPv4 address.
    fn v4(&mut self, address: [u8; 4]) -> [u8; 4];

    /// An IPv6 address.
    fn v6(&mut self, address: [u8; 16]) -> [u8; 16];

    /// A hardware address.
    fn mac(&mut self, address: Mac) -> Mac;

    /// Whether IPv4 options, which can hold addresses, are overwritten.
    fn hides_options(&self) -> bool {
        false
    }
}
