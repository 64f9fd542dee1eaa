//! Compressing frames.

use crate::format::zstd_frame::store;

/// Compresses frames, each on its own.
pub(crate) struct Encoder {
    compressor: zstd::bulk::Compressor<'static>,
}

impl Encoder {
    pub(crate) fn new(level: i32) -> Self {
        let mut compressor = zstd::bulk::Compressor::new(level).expect("libzstd makes a context for any level");
        // Without it a changed byte of what did not compress would be another packet.
        compressor.include_checksum(true).expect("libzstd knows checksums");
        Self { compressor }
    }

    /// Replaces `out` by the content as a zstd frame.
    pub(crate) fn compress(&mut self, content: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.reserve(zstd::zstd_safe::compress_bound(content.len()));
        if self.compressor.compress_to_buffer(content, out).is_err() {
            // It has no reason to fail with this much room; stored bytes are right in any case.
            out.clear();
            store(content, out);
        }
    }
}

/// Blocks that are not packets as frames: at most `bytes_max` each, cut between blocks.
pub(crate) fn encode_blocks(blocks: &[Vec<u8>], bytes_max: usize) -> Vec<Vec<u8>> {
    let mut frames: Vec<Vec<u8>> = Vec::new();
    for block in blocks {
        match frames.last_mut() {
            Some(frame) if frame.len() + block.len() <= bytes_max => frame.extend_from_slice(block),
            _ => frames.push(block.clone()),
        }
    }
    frames
}
