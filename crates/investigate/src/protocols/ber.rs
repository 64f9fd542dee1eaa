//! Elements of ASN.1 in BER, with lengths that are told (X.690).

use packet::Cursor;

/// An element: its tag byte, class and form included, and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
}

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const SEQUENCE: u8 = 0x30;

/// The next element.
pub(crate) fn element<'a>(cursor: &mut Cursor<'a>) -> Option<Element<'a>> {
    let tag = cursor.u8()?;
    let length = length(cursor)?;
    Some(Element { tag, content: cursor.take(length)? })
}

/// The content of the next element, which must have this tag.
pub(crate) fn tagged<'a>(cursor: &mut Cursor<'a>, tag: u8) -> Option<Cursor<'a>> {
    element(cursor).filter(|element| element.tag == tag).map(|element| Cursor::new(element.content))
}

/// The next element as a small number.
pub(crate) fn number(cursor: &mut Cursor<'_>) -> Option<i64> {
    let element = element(cursor).filter(|element| matches!(element.tag, INTEGER | ENUMERATED))?;
    integer(element.content)
}

/// A number of at most eight bytes.
pub(crate) fn integer(content: &[u8]) -> Option<i64> {
    let (first, _) = content.split_first().filter(|_| content.len() <= 8)?;
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Some(content.iter().fold(sign, |value, &byte| value << 8 | i64::from(byte)))
}

/// The next element as text.
pub(crate) fn text(cursor: &mut Cursor<'_>) -> Option<String> {
    element(cursor).map(|element| String::from_utf8_lossy(element.content).into_owned())
}

/// Bytes of the element that begins with `head`, its tag and length included; `Err` if it is none.
pub(crate) fn whole_length(head: &[u8]) -> Result<Option<usize>, Malformed> {
    const HEAD_BYTES_MAX: usize = 6;
    let mut cursor = Cursor::new(head);
    if cursor.skip(1).is_none() {
        return Ok(None);
    }
    match length(&mut cursor) {
        Some(length) => Ok((head.len() - cursor.len()).checked_add(length)),
        None if head.len() < HEAD_BYTES_MAX && head.get(1) != Some(&0x80) => Ok(None),
        None => Err(Malformed),
    }
}

/// No element begins like this.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

fn length(cursor: &mut Cursor<'_>) -> Option<usize> {
    let first = cursor.u8()?;
    if first & 0x80 == 0 {
        return Some(usize::from(first));
    }
    let bytes = cursor.take(usize::from(first & 0x7f)).filter(|bytes| (1..=4).contains(&bytes.len()))?;
    Some(bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X.690, 8.1.3 and 8.3.
    #[test]
    fn lengths_and_numbers() {
        let check = |bytes: &[u8], expected: Option<i64>| assert_eq!(number(&mut Cursor::new(bytes)), expected);
        check(&[2, 1, 0], Some(0));
        check(&[2, 1, 0x80], Some(-128));
        check(&[2, 0x81, 2, 0x01, 0x00], Some(256));
        check(&[2, 0], None);
        check(&[2, 2, 1], None);
        check(&[4, 1, 0], None);
        assert_eq!(whole_length(&[0x30, 0x82, 1, 0]), Ok(Some(260)));
        assert_eq!(whole_length(&[0x30, 0x82, 1]), Ok(None));
        assert_eq!(whole_length(&[0x30, 0x80]), Err(Malformed));
        assert_eq!(whole_length(&[0x30, 0x85, 1, 1, 1, 1, 1]), Err(Malformed));
    }
}
