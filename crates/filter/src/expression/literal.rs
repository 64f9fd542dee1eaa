//! How many bytes of a text are a number, an address or a word, and what they mean.

/// Longer runs of address characters are cut: no address is as long.
const ADDRESS_BYTES_MAX: usize = 64;

/// `$` and one or two hexadecimal digits.
pub(super) fn arcnet(text: &str) -> usize {
    text.strip_prefix('$').map_or(0, |rest| match count(rest, 2, hexadecimal) {
        0 => 0,
        digits => digits + 1,
    })
}

pub(super) fn arcnet_value(word: &str) -> u8 {
    u8::from_str_radix(word.trim_start_matches('$'), 16).unwrap_or(0)
}

/// Decimal, octal or hexadecimal digits.
pub(super) fn number(text: &str) -> usize {
    if text.starts_with("0x") || text.starts_with("0X") {
        let digits = count(text.get(2..).unwrap_or(""), usize::MAX, hexadecimal);
        if digits > 0 {
            return digits + 2;
        }
    }
    count(text, usize::MAX, |byte| byte.is_ascii_digit())
}

/// The value of a number, or why it has none.
pub(super) fn number_value(word: &str) -> Result<u32, String> {
    let overflow = |_| format!("number {word} overflows 32 bits");
    if let Some(digits) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        return u32::from_str_radix(digits, 16).map_err(overflow);
    }
    match word.strip_prefix('0') {
        None | Some("") => word.parse().map_err(overflow),
        Some(digits) if digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')) => {
            u32::from_str_radix(digits, 8).map_err(overflow)
        }
        Some(_) => Err(format!("number {word} contains non-octal digit: a leading 0 means octal")),
    }
}

/// Two to four numbers with dots between them.
pub(super) fn dotted(text: &str) -> usize {
    let mut length = number(text);
    let mut parts = usize::from(length > 0);
    while (1..4).contains(&parts) && text.as_bytes().get(length) == Some(&b'.') {
        let next = number(text.get(length + 1..).unwrap_or(""));
        if next == 0 {
            break;
        }
        length += 1 + next;
        parts += 1;
    }
    if parts > 1 { length } else { 0 }
}

/// A hardware address in one of its five spellings.
pub(super) fn hardware(text: &str) -> usize {
    let six = |separator| groups(text, separator, 6, 1, 2);
    let longest = [six(b':'), six(b'-'), six(b'.'), groups(text, b'.', 3, 4, 4)].into_iter().max().unwrap_or(0);
    if longest < 12 && count(text, 12, hexadecimal) == 12 { 12 } else { longest }
}

/// `count` groups of hexadecimal digits with separators between them.
fn groups(text: &str, separator: u8, number_of: usize, digits_min: usize, digits_max: usize) -> usize {
    let mut length = 0;
    for group in 0..number_of {
        if group > 0 {
            if text.as_bytes().get(length) != Some(&separator) {
                return 0;
            }
            length += 1;
        }
        let digits = count(text.get(length..).unwrap_or(""), digits_max, hexadecimal);
        if digits < digits_min {
            return 0;
        }
        length += digits;
    }
    length
}

/// The six bytes of a hardware address that `hardware` has measured.
pub(super) fn hardware_value(word: &str) -> [u8; 6] {
    let mut address = [0; 6];
    let mut rest = word;
    for byte in &mut address {
        rest = rest.trim_start_matches([':', '-', '.']);
        let digits = count(rest, 2, hexadecimal);
        let (group, after) = rest.split_at_checked(digits).unwrap_or((rest, ""));
        *byte = u8::from_str_radix(group, 16).unwrap_or(0);
        rest = after;
    }
    address
}

/// What starts as a hardware address and is none: hexadecimal bytes that all have colons after them.
pub(super) fn bogus_hardware(text: &str) -> usize {
    let mut length = 0;
    let mut parts = 0;
    loop {
        let rest = text.get(length..).unwrap_or("");
        let digits = count(rest, 2, hexadecimal);
        let colons_max = if digits > 0 { usize::MAX } else { 0 };
        let colons = count(rest.get(digits..).unwrap_or(""), colons_max, |byte| byte == b':');
        if colons == 0 {
            return if parts > 1 { length } else { 0 };
        }
        length += digits + colons;
        parts += 1;
    }
}

/// An IPv6 address; its dotted part may still be out of range.
pub(super) fn v6(text: &str) -> usize {
    let run = count(text, ADDRESS_BYTES_MAX, |byte| hexadecimal(byte) || matches!(byte, b':' | b'.' | b'x' | b'X'));
    let run = text.get(..run).unwrap_or("");
    let Some(first) = run.find(':') else { return 0 };
    // "::" stands once at most: nothing from the second on belongs to the address.
    let second = run.find("::").and_then(|at| {
        let after = run.get(at + 2..)?;
        if after.starts_with(':') { Some(at + 2) } else { after.find("::").map(|next| at + 2 + next) }
    });
    let run = second.unwrap_or(run.len());
    (first + 1..=run).rev().find(|&length| text.get(..length).is_some_and(is_v6)).unwrap_or(0)
}

fn is_v6(text: &str) -> bool {
    let (head, dotted_tail) = match text.rfind(':') {
        Some(colon) if text.contains('.') => {
            let tail = text.get(colon + 1..).unwrap_or("");
            if tail.bytes().filter(|&byte| byte == b'.').count() != 3 || dotted(tail) != tail.len() {
                return false;
            }
            (text.get(..=colon).unwrap_or(""), true)
        }
        _ => (text, false),
    };
    if let Some((before, after)) = head.split_once("::") {
        let after = if dotted_tail && !after.is_empty() { after.strip_suffix(':') } else { Some(after) };
        let (Some(before), Some(after)) = (group_count(before), after.and_then(group_count)) else { return false };
        before + after <= if dotted_tail { 5 } else { 7 }
    } else if dotted_tail {
        head.strip_suffix(':').and_then(group_count) == Some(6)
    } else {
        group_count(head) == Some(8)
    }
}

/// How many groups of one to four hexadecimal digits there are; 0 in an empty text.
fn group_count(text: &str) -> Option<usize> {
    if text.is_empty() {
        return Some(0);
    }
    let well_formed = |group: &str| matches!(group.len(), 1..=4) && group.bytes().all(hexadecimal);
    let mut number_of = 0;
    for group in text.split(':') {
        if !well_formed(group) {
            return None;
        }
        number_of += 1;
    }
    Some(number_of)
}

/// A name: it starts with a letter or digit and does not end with `-` or `_`.
pub(super) fn word(text: &str) -> usize {
    if !text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
        return 0;
    }
    let run = count(text, usize::MAX, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    text.get(..run).unwrap_or("").trim_end_matches(['-', '_']).len()
}

fn hexadecimal(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

/// How many bytes at the start satisfy the condition, at most `max`.
fn count(text: &str, max: usize, condition: impl Fn(u8) -> bool) -> usize {
    text.bytes().take(max).take_while(|&byte| condition(byte)).count()
}
