//! The three hashes by which files are known.

use std::fmt;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The hashes of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hashes {
    /// SHA-256.
    pub sha256: [u8; 32],
    /// SHA-1.
    pub sha1: [u8; 20],
    /// MD5.
    pub md5: [u8; 16],
}

impl Hashes {
    /// The hashes of bytes that are all there.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// A hash as lowercase hexadecimal digits.
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Hashes a body in order, all three in one pass.
#[derive(Clone, Default)]
pub(super) struct Hasher {
    sha256: Sha256,
    sha1: Sha1,
    md5: Md5,
}

/// What stays in the first-level cache between one hash and the next.
const CHUNK_BYTES: usize = 16 << 10;

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(CHUNK_BYTES) {
            self.sha256.update(chunk);
            self.sha1.update(chunk);
            self.md5.update(chunk);
        }
    }

    pub(super) fn finish(self) -> Hashes {
        Hashes {
            sha256: self.sha256.finalize().into(),
            sha1: self.sha1.finalize().into(),
            md5: self.md5.finalize().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_coreutils() {
        // printf abc | sha256sum; sha1sum; md5sum
        let hashes = Hashes::of(b"abc");
        assert_eq!(Hex(&hashes.sha256).to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Hex(&hashes.sha1).to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(Hex(&hashes.md5).to_string(), "900150983cd24fb0d6963f7d28e17f72");
    }
}
