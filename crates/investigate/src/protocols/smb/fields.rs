//! Little-endian fields at fixed places, and names.

use crate::protocols::utf16;

/// 16 bits at an offset.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

/// 32 bits at an offset.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// 64 bits at an offset.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

/// So many bytes at an offset.
pub(super) fn slice(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

/// A name, a path or a share in UTF-16, of at most 1024 units; longer ones are cut.
pub(super) fn path(bytes: &[u8]) -> String {
    utf16::text(bytes.get(..2048).unwrap_or(bytes))
}

/// A name in first-level encoding: its length, then two letters for each of 16 bytes (RFC 1001 14.1).
pub(super) fn netbios_name(bytes: &[u8]) -> Option<String> {
    let encoded = bytes.strip_prefix(&[32])?.first_chunk::<32>()?;
    let mut name = String::new();
    for pair in encoded.chunks_exact(2).take(15) {
        let nibble = |letter: u8| letter.checked_sub(b'A').filter(|nibble| *nibble < 16);
        name.push(char::from(nibble(pair[0])? << 4 | nibble(pair[1])?));
    }
    let name = name.trim_end_matches([' ', '\0']);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_name_of_rfc_1001() {
        // RFC 1001 14.1
        let encoded = b"\x20EGFCEFEECACACACACACACACACACACACA\0";
        assert_eq!(super::netbios_name(encoded).as_deref(), Some("FRED"));
    }
}
