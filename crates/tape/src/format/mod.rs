//! The formats of the tape's files: encoding and decoding of each in one place (docs/format.md).

pub mod catalog;
pub mod chain;
pub mod hold;
pub mod identity;
pub mod index;
pub mod journal;
pub mod key_table;
pub mod names;
pub mod segments;
pub mod state;
pub mod time;
pub mod zstd_frame;

/// Any bytes as each of the tape's files: the target of the fuzzer. What is decoded has to be encoded again.
pub fn fuzz_formats(data: &[u8]) {
    for record in catalog::decode(data, 1) {
        assert_eq!(catalog::FrameRecord::decode(&record.encode()), Some(record));
    }
    for frame in journal::decode(data) {
        assert!(frame.bytes.len() <= data.len());
    }
    for line in chain::decode(data).flatten() {
        assert_eq!(chain::decode(line.encode().as_bytes()).collect::<Vec<_>>(), [Some(line)]);
    }
    for record in segments::decode(data) {
        let mut bytes = segments::MAGIC.to_vec();
        record.encode(&mut bytes);
        assert_eq!(segments::decode(&bytes), [record]);
    }
    let _ = state::decode(data);
    let _ = zstd_frame::measure(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = identity::Identity::decode(text);
        for name in text.lines() {
            if let Some(parsed) = names::SegmentName::parse(name) {
                assert_eq!(parsed.to_file_name(), name);
            }
            let _ = (names::FlowFileName::parse(name), names::parse_catalog(name), names::parse_chain(name));
        }
    }
}

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
