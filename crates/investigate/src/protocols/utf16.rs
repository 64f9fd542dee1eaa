//! Text in UTF-16, little-endian, as Microsoft's protocols write it.

/// As text; what is no character becomes U+FFFD, and zeros at the end are left out.
pub(crate) fn text(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.trim_end_matches('\0').to_owned()
}
