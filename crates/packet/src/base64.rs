//! Bytes as text.

/// Appends bytes to a text in standard base64 with padding (RFC 4648, 4).
pub fn push_base64(text: &mut String, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().zip([16, 8, 0]).fold(0u32, |bits, (byte, shift)| bits | u32::from(*byte) << shift);
        for (index, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = ALPHABET[(group >> shift & 0x3f) as usize];
            text.push(if index <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
}
