//! Request lines and status lines (RFC 9112, sections 3 and 4).

use std::borrow::Cow;

use memchr::memmem;

use crate::protocols::Probe;
use crate::protocols::http::Headers;

/// Longest method that is taken for one.
const METHOD_BYTES_MAX: usize = 24;
/// How far in front of its version a request line may begin.
const LINE_BYTES_MAX: usize = 8 << 10;

/// The first line of a message.
pub(super) enum StartLine<'a> {
    Request { method: Cow<'a, str>, target: Cow<'a, str>, version: Cow<'a, str> },
    Answer { status: u16, version: Cow<'a, str> },
}

impl StartLine<'_> {
    pub(super) fn version(&self) -> String {
        match self {
            Self::Request { version, .. } | Self::Answer { version, .. } => version.clone().into_owned(),
        }
    }
}

/// The head of a message.
pub(super) fn parse(head: &[u8]) -> Option<(StartLine<'_>, Headers<'_>)> {
    let end = memchr::memchr(b'\n', head)?;
    let (line, lines) = head.split_at(end + 1);
    let line = line.trim_ascii();
    let start = if is_answer(line) { answer(line)? } else { request(line)? };
    Some((start, Headers::of_lines(lines)))
}

/// Whether the first bytes of a side are those of a message.
pub(super) fn probe(bytes: &[u8]) -> Probe {
    let bytes = bytes.trim_ascii_start();
    match memchr::memchr(b'\n', bytes).and_then(|end| bytes.get(..=end)) {
        Some(line) if parse(line).is_some() => Probe::Yes,
        Some(_) => Probe::No,
        None if answer(bytes.get(..12).unwrap_or_default()).is_some() => Probe::Yes,
        None if has_target(bytes) => Probe::Maybe,
        None if can_begin(bytes) => Probe::More,
        None => Probe::No,
    }
}

/// Whether it is a method that there is, and the beginning of a target: all that a short snap length leaves of a request.
fn has_target(bytes: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] =
        [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH"];
    let space = memchr::memchr(b' ', bytes).unwrap_or_default();
    let (method, target) = bytes.split_at(space);
    let is_target = |target: &[u8]| target.starts_with(b"/") || target.starts_with(b"http");
    METHODS.contains(&method) && target.get(1..).is_some_and(is_target)
}

/// Whether a message can begin so.
pub(super) fn can_begin(bytes: &[u8]) -> bool {
    let first = bytes.iter().take(METHOD_BYTES_MAX + 1).position(|byte| matches!(byte, b' ' | b'\t'));
    match first {
        Some(end) => bytes.get(..end).is_some_and(|word| is_method(word) || is_answer(bytes)),
        None => {
            bytes.len() <= METHOD_BYTES_MAX && (is_method(bytes) || b"HTTP/1.1".starts_with(bytes) || is_answer(bytes))
        }
    }
}

/// Whether a message can begin so, and its first line, once it is there, is one.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let line = memchr::memchr(b'\n', bytes).and_then(|end| bytes.get(..=end));
    can_begin(bytes) && line.is_none_or(|line| parse(line).is_some())
}

/// Where a message [`begins`] within bytes that are none.
pub(super) fn find(bytes: &[u8]) -> Option<usize> {
    memmem::find_iter(bytes, b"HTTP/1.").find_map(|found| {
        let rest = bytes.get(found..)?;
        if rest.get(..12).and_then(answer).is_some() && begins(rest) {
            return Some(found);
        }
        let before = bytes.get(found.saturating_sub(LINE_BYTES_MAX)..found)?;
        let start = found - before.len() + memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        let line = bytes.get(start..found + memchr::memchr(b'\n', rest)?)?;
        (request(line).is_some() && begins(line)).then_some(start)
    })
}

fn is_answer(line: &[u8]) -> bool {
    line.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"HTTP/")) || line.starts_with(b"ICY ")
}

fn answer(line: &[u8]) -> Option<StartLine<'_>> {
    if !is_answer(line) {
        return None;
    }
    let space = line.iter().position(u8::is_ascii_whitespace)?;
    let (version, rest) = line.split_at(space);
    let digits = rest.trim_ascii_start().get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(StartLine::Answer { status, version: String::from_utf8_lossy(version) })
}

fn request(line: &[u8]) -> Option<StartLine<'_>> {
    let line = line.trim_ascii();
    let first = line.iter().position(|byte| matches!(byte, b' ' | b'\t'))?;
    let last = line.iter().rposition(|byte| matches!(byte, b' ' | b'\t'))?;
    let (method, version) = (line.get(..first)?, line.get(last + 1..)?);
    // Targets with blanks in them are wrong, and are sent.
    let target = line.get(first..last)?.trim_ascii();
    if !is_method(method)
        || target.is_empty()
        || !version.get(..7).is_some_and(|word| word.eq_ignore_ascii_case(b"HTTP/1."))
    {
        return None;
    }
    let text = String::from_utf8_lossy;
    Some(StartLine::Request { method: text(method), target: text(target), version: text(version) })
}

fn is_method(word: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !word.is_empty() && word.len() <= METHOD_BYTES_MAX && word.iter().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_recognised() {
        let check = |bytes: &[u8], expected| assert_eq!(probe(bytes), expected, "{}", bytes.escape_ascii());
        check(b"GET / HTTP/1.1\r\nHost: a", Probe::Yes);
        check(b"\r\nM-SEARCH * HTTP/1.1\r\n", Probe::Yes);
        check(b"HTTP/1.1 200 OK", Probe::Yes);
        check(b"HTTP/1.0 404\r\n", Probe::Yes);
        check(b"", Probe::More);
        check(b"GE", Probe::More);
        check(b"GET /very/long", Probe::Maybe);
        check(b"GIVE /very/long", Probe::More);
        check(b"GET ", Probe::More);
        check(b"PRI * HTTP/2.0\r\n", Probe::No);
        check(b"RTSP/1.0 200 OK\r\n", Probe::No);
        check(b"EHLO a.example\r\n", Probe::No);
        check(b"\x16\x03\x01", Probe::No);
    }

    #[test]
    fn messages_are_found_within() {
        let check = |bytes: &[u8], expected| assert_eq!(find(bytes), expected, "{}", bytes.escape_ascii());
        check(b"rest of a body\nGET /x HTTP/1.1\r\n", Some(15));
        check(b"\x00\x01HTTP/1.1 200 OK\r\n", Some(2));
        check(b"speaks of HTTP/1.1 a lot\n", None);
        check(b"\x00HTTP/1.0\r220_a_word_without_an_end_behind_it", None);
    }
}
