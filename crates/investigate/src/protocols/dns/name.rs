//! Names, with their compression (RFC 1035, 4.1.4), and NetBIOS names in them (RFC 1001, 14.1).

use packet::Cursor;

/// Bytes of a name, lengths included (RFC 1035, 2.3.4).
const NAME_BYTES_MAX: usize = 255;

/// Reads a name of `message` at `cursor`, and passes it; "." is the root.
///
/// A pointer leads backwards, further back than the one before it: loops cannot be.
pub(super) fn read<'a>(message: &'a [u8], cursor: &mut Cursor<'a>) -> Option<String> {
    let mut text = String::new();
    let mut bytes = 0;
    let mut at = *cursor;
    let mut barrier = message.len();
    let mut is_behind = false;
    loop {
        let length = at.u8()?;
        match length >> 6 {
            0 if length == 0 => break,
            0 => {
                bytes += usize::from(length) + 1;
                if bytes > NAME_BYTES_MAX {
                    return None;
                }
                if !text.is_empty() {
                    text.push('.');
                }
                label(&mut text, at.take(usize::from(length))?);
            }
            3 => {
                let target = usize::from(length & 0x3f) << 8 | usize::from(at.u8()?);
                if !is_behind {
                    *cursor = at;
                    is_behind = true;
                }
                if target >= barrier {
                    return None;
                }
                barrier = target;
                at = Cursor::new(message.get(target..)?);
            }
            _ => return None,
        }
    }
    if !is_behind {
        *cursor = at;
    }
    if text.is_empty() {
        text.push('.');
    }
    Some(text)
}

/// A label as zone files write it (RFC 1035, 5.1), but for UTF-8, which stays (RFC 6762, 16).
fn label(text: &mut String, label: &[u8]) {
    for chunk in label.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '.' | '\\' => text.extend(['\\', character]),
                '\0'..='\x1f' | '\x7f' => text.push_str(&format!("\\{:03}", u32::from(character))),
                _ => text.push(character),
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\{byte:03}")));
    }
}

/// A NetBIOS name and its kind, such as "WORKGROUP<1d>", from its first label.
pub(crate) fn netbios(name: &str) -> Option<String> {
    let label = name.split('.').next()?.as_bytes();
    let (pairs, []) = label.as_chunks::<2>() else { return None };
    let nibble = |letter: u8| letter.checked_sub(b'A').filter(|nibble| *nibble < 16);
    let bytes: Vec<u8> =
        pairs.iter().map(|&[high, low]| Some(nibble(high)? << 4 | nibble(low)?)).collect::<Option<_>>()?;
    let (kind, name) = bytes.split_last().filter(|_| bytes.len() == 16)?;
    let name = String::from_utf8_lossy(name);
    Some(format!("{}<{kind:02x}>", name.trim_end_matches([' ', '\0'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_loops_end() {
        let check = |message: &[u8], start: usize, expected: Option<(&str, usize)>| {
            let mut cursor = Cursor::new(&message[start..]);
            let name = read(message, &mut cursor);
            let passed = message.len() - start - cursor.len();
            assert_eq!(name.as_deref().map(|name| (name, passed)), expected, "{message:02x?}");
        };
        check(b"\0", 0, Some((".", 1)));
        check(b"\x03www\x07example\x00x", 0, Some(("www.example", 13)));
        check(b"\x07example\0\x03www\xc0\0", 9, Some(("www.example", 6)));
        check(b"\x01a\xc0\0", 0, None);
        check(b"\xc0\x02\xc0\0", 2, None);
        check(b"\x03a.b\0", 0, Some(("a\\.b", 5)));
        check(b"\x02\x00\xff\0", 0, Some(("\\000\\255", 4)));
        check(b"\x05ab", 0, None);
    }

    #[test]
    fn netbios_names_are_unpacked() {
        assert_eq!(netbios("FHEPFCELEHFCEPFFFACACACACACACABL"), Some("WORKGROUP<1b>".to_owned()));
        assert_eq!(netbios("CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), Some("*<00>".to_owned()));
        assert_eq!(netbios("www.example"), None);
    }
}
