//! Header fields, read as leniently as those do who are attacked with them.

use std::borrow::Cow;

/// Fields that are looked at; the rest is ignored.
const FIELDS_MAX: usize = 256;

/// A name and its value.
type Header<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The header fields of a message, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers<'a> {
    fields: Vec<Header<'a>>,
}

impl<'a> Headers<'a> {
    /// From the lines behind a start line: "name: value", ends of lines with and without CR, folded lines (obs-fold) too.
    pub(crate) fn of_lines(lines: &'a [u8]) -> Self {
        let mut headers = Self::default();
        for line in lines.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if matches!(line, [b' ' | b'\t', ..]) {
                headers.fold(line.trim_ascii());
                continue;
            }
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (name, value) = line.split_at(colon);
            let value = value.strip_prefix(b":").unwrap_or(value);
            headers.push(Cow::Borrowed(name.trim_ascii()), Cow::Borrowed(value.trim_ascii()));
        }
        headers
    }

    /// Adds one.
    pub(crate) fn push(&mut self, name: Cow<'a, [u8]>, value: Cow<'a, [u8]>) {
        if self.fields.len() < FIELDS_MAX {
            self.fields.push((name, value));
        }
    }

    /// The first of this name.
    pub(crate) fn first(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// All of this name.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let is_named = move |field: &&Header<'_>| field.0.eq_ignore_ascii_case(name.as_bytes());
        self.fields.iter().filter(is_named).map(|(_, value)| value.as_ref())
    }

    /// The first of this name as text.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.first(name).map(String::from_utf8_lossy)
    }

    /// All members of the lists of this name, in order.
    pub(crate) fn list(&self, name: &str) -> impl Iterator<Item = Cow<'_, str>> {
        let members = self.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        members.map(|member| String::from_utf8_lossy(member.trim_ascii()))
    }

    /// Whether a list of this name has this member.
    pub(crate) fn has(&self, name: &str, member: &str) -> bool {
        self.list(name).any(|found| found.eq_ignore_ascii_case(member))
    }

    /// `Content-Length`; where there are several, the first that is a number.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.list("content-length").find_map(|value| value.parse().ok())
    }

    fn fold(&mut self, more: &[u8]) {
        if let Some((_, value)) = self.fields.last_mut() {
            let value = value.to_mut();
            value.push(b' ');
            value.extend_from_slice(more);
        }
    }
}

/// The length of lines up to the first empty one, that included.
pub(crate) fn end_of_lines(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).find_map(|end| match bytes.get(end + 1..)? {
        [b'\n', ..] => Some(end + 2),
        [b'\r', b'\n', ..] => Some(end + 3),
        _ => None,
    })
}

/// The parts of a `Content-Type` that matter: its type in lowercase, and the boundary of a multipart type (RFC 2046).
pub(crate) fn content_type(value: &str) -> (String, Option<String>) {
    let (mime, parameters) = value.split_once(';').unwrap_or((value, ""));
    let mime = mime.trim().to_ascii_lowercase();
    let boundary =
        mime.starts_with("multipart/").then(|| super::disposition::parameter(parameters, "boundary")).flatten();
    (mime, boundary.filter(|boundary| !boundary.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_fields() {
        let lines = b"Host: a.example\r\nCookie : 1\nX-Long: a\r\n\t b\r\nno field\r\nContent-Length: x, 12\r\n";
        let headers = Headers::of_lines(lines);
        assert_eq!(headers.first("host"), Some(&b"a.example"[..]));
        assert_eq!(headers.first("COOKIE"), Some(&b"1"[..]));
        assert_eq!(headers.text("x-long").as_deref(), Some("a b"));
        assert_eq!(headers.content_length(), Some(12));
        assert!(headers.has("content-length", "X"));
    }

    #[test]
    fn boundaries_are_found() {
        let check = |value: &str, expected: (&str, Option<&str>)| {
            let (mime, boundary) = content_type(value);
            assert_eq!((mime.as_str(), boundary.as_deref()), expected, "{value}");
        };
        check("Text/HTML; charset=utf-8", ("text/html", None));
        check("multipart/mixed; boundary=gc0p4Jq0M2Yt08j34c0p", ("multipart/mixed", Some("gc0p4Jq0M2Yt08j34c0p")));
        check("multipart/form-data; x=1; Boundary=\"a;b\"", ("multipart/form-data", Some("a;b")));
    }
}
