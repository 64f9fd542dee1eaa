//! Names for names: as long, the same for the same, and nobody knows which without the key.

use sha2::{Digest, Sha256};

const LETTERS: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";

/// The names of one key.
pub(super) struct Names {
    key: [u8; 32],
}

impl Names {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        // Not the key of the addresses itself.
        Self { key: Sha256::new().chain_update(b"wiretape names").chain_update(key).finalize().into() }
    }

    /// Replaces the labels of a host name, or what stands for one; dots stay.
    pub(super) fn host(&self, host: &mut [u8]) {
        host.split_mut(|byte| *byte == b'.').for_each(|label| self.label(label));
    }

    /// Replaces a label, whatever its case. Names of services (`_tcp`) stay.
    pub(super) fn label(&self, label: &mut [u8]) {
        if label.first() == Some(&b'_') {
            return;
        }
        let lower = label.to_ascii_lowercase();
        for (number, chunk) in label.chunks_mut(32).enumerate() {
            let hash =
                Sha256::new().chain_update(self.key).chain_update([number as u8]).chain_update(&lower).finalize();
            for (byte, place) in hash.iter().zip(chunk) {
                *place = LETTERS.get(usize::from(*byte) % LETTERS.len()).copied().unwrap_or(b'x');
            }
        }
    }
}
