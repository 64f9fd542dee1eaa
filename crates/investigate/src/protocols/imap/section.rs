//! What a literal of IMAP stands for, told by what stands before it.

/// The size that the end of a line announces: `{12}`, `{12+}` (RFC 7888), `~{12}` (RFC 3516).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Literal<'a> {
    pub(super) before: &'a [u8],
    pub(super) bytes: u64,
    /// It comes without being asked for.
    pub(super) is_immediate: bool,
}

/// The literal that a line ends with.
pub(super) fn literal(line: &[u8]) -> Option<Literal<'_>> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|&byte| byte == b'{')?;
    let before = line.get(..open)?;
    let digits = inner.get(open + 1..)?;
    let (digits, is_immediate) = digits.strip_suffix(b"+").map_or((digits, false), |digits| (digits, true));
    let bytes = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let before = before.strip_suffix(b"~").unwrap_or(before);
    Some(Literal { before, bytes: bytes.parse().ok()?, is_immediate })
}

/// What a FETCH response brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// A whole mail.
    Whole,
    /// The header fields of a mail.
    Header,
    /// Some of them.
    Fields,
    /// What comes behind the header fields.
    Text,
    /// One part, such as "1.2".
    Part(String),
    /// One part, its transfer encoding undone (RFC 3516).
    Binary(String),
    /// The header fields of a part.
    PartHeader(String),
}

/// The section whose content follows `before`, and where in it the content begins.
pub(super) fn section(before: &[u8]) -> Option<(Section, Option<u64>)> {
    let text = before.trim_ascii_end();
    let (text, offset) = origin(text);
    let start = match text.strip_suffix(b"]") {
        Some(inner) => inner.iter().rposition(|&byte| byte == b'[')?,
        None => text.len(),
    };
    let (item, inner) = text.split_at_checked(start)?;
    let item = item.rsplit(|byte| matches!(byte, b' ' | b'(')).next().unwrap_or_default().to_ascii_uppercase();
    let inner = inner.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or_default();
    let inner = String::from_utf8_lossy(inner).to_ascii_uppercase();
    let section = match item.as_slice() {
        b"RFC822" => Section::Whole,
        b"RFC822.HEADER" => Section::Header,
        b"RFC822.TEXT" => Section::Text,
        b"BODY" | b"BINARY" if inner.is_empty() && start < text.len() => Section::Whole,
        b"BODY" => match inner.as_str() {
            "TEXT" => Section::Text,
            "HEADER" => Section::Header,
            _ if inner.starts_with("HEADER.FIELDS") => Section::Fields,
            _ => match inner.strip_suffix(".MIME") {
                Some(part) => Section::PartHeader(part.to_owned()),
                None if is_part(&inner) => Section::Part(inner),
                None => return None,
            },
        },
        b"BINARY" if is_part(&inner) => Section::Binary(inner),
        _ => return None,
    };
    Some((section, offset))
}

/// Takes `<123>` off the end.
fn origin(text: &[u8]) -> (&[u8], Option<u64>) {
    let Some(inner) = text.strip_suffix(b">") else { return (text, None) };
    let Some(open) = inner.iter().rposition(|&byte| byte == b'<') else { return (text, None) };
    let digits = inner.get(open + 1..).and_then(|digits| std::str::from_utf8(digits).ok());
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(offset) => (text.get(..open).unwrap_or_default(), Some(offset)),
        None => (text, None),
    }
}

fn is_part(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read() {
        let check = |line: &str, expected: Option<(Section, Option<u64>)>, bytes: u64| {
            let literal = literal(line.as_bytes()).unwrap();
            assert_eq!((section(literal.before), literal.bytes), (expected, bytes), "{line}");
        };
        check("* 12 FETCH (BODY[HEADER] {342}", Some((Section::Header, None)), 342);
        check("* 1 FETCH (UID 5 BODY[] {10}", Some((Section::Whole, None)), 10);
        check("* 1 FETCH (BODY[]<20000> {7}", Some((Section::Whole, Some(20000))), 7);
        check("* 1 FETCH (RFC822 {10}", Some((Section::Whole, None)), 10);
        check(" BODY[HEADER.FIELDS (FROM \"TO\")] {10}", Some((Section::Fields, None)), 10);
        check("* 1 FETCH (BODY[1.2.MIME] {10}", Some((Section::PartHeader("1.2".to_owned()), None)), 10);
        check("* 1 FETCH (BINARY[2]<0> ~{10}", Some((Section::Binary("2".to_owned()), Some(0))), 10);
        check("* 1 FETCH (ENVELOPE (NIL {10}", None, 10);
        assert_eq!(literal(b"a {x}"), None);
        assert!(literal(b"a APPEND box {310+}").is_some_and(|literal| literal.is_immediate));
    }
}
