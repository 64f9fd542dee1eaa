//! The formats of the tape's files: encoding and decoding of each in one place (docs/format.md).

pub mod catalog;
pub mod chain;
pub mod identity;
pub mod journal;
pub mod names;
pub mod state;
pub mod time;
pub mod zstd_frame;

/// The first `N` bytes of the BLAKE3 hash of the parts.
pub(crate) fn checksum<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    let mut sum = [0; N];
    hasher.finalize_xof().fill(&mut sum);
    sum
}
