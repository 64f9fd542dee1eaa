//! Frames of Initial packets (RFC 9000, 19).

use packet::Cursor;

/// Hands on what CRYPTO frames carry, with its offset; stops at a frame that has no place in an Initial packet.
/// `is_google` says that they have Google's number.
pub(super) fn crypto(payload: &[u8], is_google: bool, mut each: impl FnMut(u64, &[u8])) -> Option<()> {
    let mut cursor = Cursor::new(payload);
    while !cursor.is_empty() {
        match number(&mut cursor)? {
            // PADDING, PING
            0 | 1 => {}
            // ACK, with and without the counts of ECN
            kind @ (2 | 3) => {
                number(&mut cursor)?;
                number(&mut cursor)?;
                let ranges = number(&mut cursor)?;
                number(&mut cursor)?;
                for _ in 0..ranges {
                    number(&mut cursor)?;
                    number(&mut cursor)?;
                }
                for _ in 0..if kind == 3 { 3 } else { 0 } {
                    number(&mut cursor)?;
                }
            }
            kind @ (6 | 8) if (kind == 8) == is_google => {
                let offset = number(&mut cursor)?;
                let length = usize::try_from(number(&mut cursor)?).ok()?;
                each(offset, cursor.take(length)?);
            }
            _ => return None,
        }
    }
    Some(())
}

/// An integer of one to eight bytes (RFC 9000, 16).
pub(super) fn number(cursor: &mut Cursor<'_>) -> Option<u64> {
    let first = cursor.u8()?;
    let mut value = u64::from(first & 0x3f);
    for _ in 1..1_u8 << (first >> 6) {
        value = value << 8 | u64::from(cursor.u8()?);
    }
    Some(value)
}
