//! HTTP/1, line by line: values of headers that tell who it is, and hosts of URLs. Bodies stay, but for such lines in them.

use super::is_before;
use super::names::Names;

/// Headers whose values are hidden.
const HIDDEN: [&[u8]; 12] = [
    b"cookie",
    b"set-cookie",
    b"cookie2",
    b"set-cookie2",
    b"authorization",
    b"proxy-authorization",
    b"authentication-info",
    b"x-forwarded-for",
    b"x-real-ip",
    b"forwarded",
    b"from",
    b"via",
];
/// Headers that are a host.
const HOSTS: [&[u8]; 2] = [b"host", b"x-forwarded-host"];
/// Longest name of a header that is looked for.
const NAME_BYTES_MAX: usize = 32;
const METHODS: [&[u8]; 9] =
    [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"PROPFIND "];

/// Whether a message begins so.
pub(super) fn is_http(payload: &[u8]) -> bool {
    payload.starts_with(b"HTTP/1.") || METHODS.iter().any(|method| payload.starts_with(method))
}

/// One side of a connection.
pub(super) struct Http {
    /// Sequence number of what comes next.
    next: u32,
    /// What there was of the last line, as far as it can be the name of a header.
    line: Vec<u8>,
    /// The rest of the last line is hidden.
    hides: bool,
    is_tunnel: bool,
}

impl Http {
    pub(super) fn new(seq: u32) -> Self {
        Self { next: seq, line: Vec::new(), hides: false, is_tunnel: false }
    }

    /// Whether something else follows: the request was a CONNECT.
    pub(super) fn is_tunnel(&self) -> bool {
        self.is_tunnel
    }

    /// Replaces what is to be replaced in a segment; `None` if it cannot be shown, since it comes again or late.
    pub(super) fn replace(&mut self, seq: u32, payload: &mut [u8], names: &Names) -> Option<usize> {
        if is_before(seq, self.next) {
            return None;
        }
        if seq != self.next {
            // What line this is in nobody knows.
            self.hides = true;
            self.line.clear();
        }
        self.next = seq.wrapping_add(payload.len() as u32);
        for part in payload.split_inclusive_mut(|byte| *byte == b'\n') {
            self.part(part, names);
        }
        Some(payload.len())
    }

    /// A line, or a piece of one.
    fn part(&mut self, part: &mut [u8], names: &Names) {
        let is_end = part.last() == Some(&b'\n');
        let before = self.line.len();
        let room = NAME_BYTES_MAX.saturating_sub(before);
        self.line.extend(part.iter().take(room));
        let colon = self.line.iter().skip(1).position(|byte| *byte == b':').map(|place| place + 1);
        let name = colon.and_then(|colon| self.line.get(..colon)).unwrap_or_default().to_ascii_lowercase();
        // Where the value begins in this piece.
        let value = colon.map_or(0, |colon| (colon + 1).saturating_sub(before)).min(part.len());
        let is_host = HOSTS.contains(&name.as_slice());
        self.is_tunnel |= self.line.starts_with(b"CONNECT ");
        let (_, value) = part.split_at_mut(value);
        if self.hides || HIDDEN.contains(&name.as_slice()) || (is_host && (before > 0 || !is_end)) {
            self.hides = true;
            hide(value);
        } else if is_host {
            host(value.trim_ascii_start_mut(), names);
        } else if self.line.starts_with(b"CONNECT ") {
            host(part.get_mut(8..).unwrap_or_default(), names);
        } else {
            urls(part, names);
        }
        if is_end {
            self.line.clear();
            self.hides = false;
        }
    }
}

/// Overwrites all but spaces and the line's end.
fn hide(value: &mut [u8]) {
    value.iter_mut().filter(|byte| !byte.is_ascii_whitespace()).for_each(|byte| *byte = b'x');
}

/// Replaces a host up to its port, its path or its end.
fn host(text: &mut [u8], names: &Names) {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b":/?#\"'<>\\&;,)(".contains(byte);
    let end = text.iter().position(ends).unwrap_or(text.len());
    names.host(text.get_mut(..end).unwrap_or_default());
}

/// Replaces the hosts of URLs, with whoever logs in before them.
fn urls(text: &mut [u8], names: &Names) {
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.windows(3).position(|window| window == b"://")) {
        at += found + 3;
        host(text.get_mut(at..).unwrap_or_default(), names);
    }
}

/// `trim_ascii_start` for bytes that are changed.
trait TrimStart {
    fn trim_ascii_start_mut(&mut self) -> &mut [u8];
}

impl TrimStart for [u8] {
    fn trim_ascii_start_mut(&mut self) -> &mut [u8] {
        let start = self.iter().position(|byte| *byte != b' ' && *byte != b'\t').unwrap_or(self.len());
        self.get_mut(start..).unwrap_or_default()
    }
}
