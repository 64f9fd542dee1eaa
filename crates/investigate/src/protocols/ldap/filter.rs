//! Search filters as people write them (RFC 4511, 4.5.1; RFC 4515).

use packet::Cursor;

use crate::protocols::ber;

/// Filters inside of filters.
const DEPTH_MAX: u8 = 16;
/// Bytes of a filter that are shown.
const TEXT_BYTES_MAX: usize = 2048;

/// The next element as a filter.
pub(super) fn shown(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut text = String::new();
    write(&mut text, cursor, 0)?;
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    }
    Some(text)
}

fn write(text: &mut String, cursor: &mut Cursor<'_>, depth: u8) -> Option<()> {
    if depth > DEPTH_MAX {
        return None;
    }
    let element = ber::element(cursor)?;
    let mut body = Cursor::new(element.content);
    text.push('(');
    match element.tag {
        tag @ (0xa0..=0xa2) => {
            text.push(match tag {
                0xa0 => '&',
                0xa1 => '|',
                _ => '!',
            });
            while !body.is_empty() && text.len() <= TEXT_BYTES_MAX {
                write(text, &mut body, depth + 1)?;
            }
        }
        tag @ (0xa3 | 0xa5 | 0xa6 | 0xa8) => {
            text.push_str(&ber::text(&mut body)?);
            text.push_str(match tag {
                0xa3 => "=",
                0xa5 => ">=",
                0xa6 => "<=",
                _ => "~=",
            });
            push(text, ber::element(&mut body)?.content);
        }
        0xa4 => {
            text.push_str(&ber::text(&mut body)?);
            text.push('=');
            substrings(text, ber::tagged(&mut body, ber::SEQUENCE)?)?;
        }
        0x87 => {
            push(text, element.content);
            text.push_str("=*");
        }
        0xa9 => extensible(text, body)?,
        _ => return None,
    }
    text.push(')');
    Some(())
}

fn substrings(text: &mut String, mut pieces: Cursor<'_>) -> Option<()> {
    const INITIAL: u8 = 0x80;
    const FINAL: u8 = 0x82;
    let mut is_open = true;
    while !pieces.is_empty() {
        let piece = ber::element(&mut pieces)?;
        if piece.tag != INITIAL {
            text.push('*');
        }
        push(text, piece.content);
        is_open = piece.tag != FINAL;
    }
    if is_open {
        text.push('*');
    }
    Some(())
}

fn extensible(text: &mut String, mut body: Cursor<'_>) -> Option<()> {
    let (mut kind, mut rule, mut value) = (&[][..], &[][..], &[][..]);
    while !body.is_empty() {
        let element = ber::element(&mut body)?;
        match element.tag {
            0x81 => rule = element.content,
            0x82 => kind = element.content,
            0x83 => value = element.content,
            _ => {}
        }
    }
    push(text, kind);
    if !rule.is_empty() {
        text.push(':');
        push(text, rule);
    }
    text.push_str(":=");
    push(text, value);
    Some(())
}

fn push(text: &mut String, bytes: &[u8]) {
    for character in String::from_utf8_lossy(bytes).chars() {
        match character {
            '*' | '(' | ')' | '\\' | '\0' => text.push_str(&format!("\\{:02x}", u32::from(character))),
            '\u{fffd}' => {
                text.push_str(&bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>());
                return;
            }
            _ => text.push(character),
        }
    }
}
