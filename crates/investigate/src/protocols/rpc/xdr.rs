//! XDR (RFC 4506): what is longer than a word is padded to whole words.

use packet::Cursor;

/// Opaque data of at most so many bytes, as it is.
pub(super) fn opaque<'a>(cursor: &mut Cursor<'a>, bytes_max: usize) -> Option<&'a [u8]> {
    let length = usize::try_from(cursor.u32()?).ok().filter(|length| *length <= bytes_max)?;
    let data = cursor.take(length)?;
    cursor.skip(length.next_multiple_of(4) - length)?;
    Some(data)
}

/// Text: names of NFS are no longer than 255 bytes, paths than 1024; the rest of a longer one is left out.
pub(super) fn text(cursor: &mut Cursor<'_>) -> Option<String> {
    const READ_BYTES_MAX: usize = 4096;
    const TOLD_BYTES_MAX: usize = 512;
    let text = opaque(cursor, READ_BYTES_MAX)?;
    Some(String::from_utf8_lossy(text.get(..TOLD_BYTES_MAX).unwrap_or(text)).into_owned())
}

/// A boolean.
pub(super) fn flag(cursor: &mut Cursor<'_>) -> Option<bool> {
    cursor.u32().map(|flag| flag != 0)
}

/// A bitmap (RFC 7530 2.2).
pub(super) fn bitmap(cursor: &mut Cursor<'_>) -> Option<()> {
    let words = cursor.u32().filter(|words| *words <= 16)?;
    cursor.skip(usize::try_from(words).ok()? * 4)
}
