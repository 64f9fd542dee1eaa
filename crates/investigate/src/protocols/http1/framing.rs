//! How long a body is (RFC 9112, section 6).

use super::chunked::{Chunked, Next};
use crate::protocols::http::Headers;

/// What tells where a body ends.
pub(super) enum Framing {
    /// So many bytes are left.
    Length {
        left: u64,
        size: u64,
        is_unasked: bool,
    },
    Chunked(Chunked),
    /// The connection's end.
    UntilEnd,
}

impl Framing {
    /// Of a request; `None`: it has no body.
    pub(super) fn of_request(headers: &Headers<'_>) -> Option<Self> {
        match headers.content_length() {
            _ if is_chunked(headers) => Some(Self::Chunked(Chunked::default())),
            Some(size) if size > 0 => Some(Self::Length { left: size, size, is_unasked: false }),
            _ => None,
        }
    }

    /// Of an answer; `None`: it has no body.
    pub(super) fn of_answer(status: u16, is_head: bool, headers: &Headers<'_>) -> Option<Self> {
        if is_head || matches!(status, 204 | 304) {
            return None;
        }
        match headers.content_length() {
            _ if is_chunked(headers) => Some(Self::Chunked(Chunked::default())),
            Some(0) => None,
            Some(size) => Some(Self::Length { left: size, size, is_unasked: false }),
            None => Some(Self::UntilEnd),
        }
    }

    /// Where the request was not seen, it may have been HEAD.
    pub(super) fn of_unasked(self, is_unasked: bool) -> Self {
        match self {
            Self::Length { left, size, .. } => Self::Length { left, size, is_unasked },
            other => other,
        }
    }

    /// How long the body is, if that is said beforehand.
    pub(super) fn body_bytes(&self) -> Option<u64> {
        match self {
            Self::Length { size, .. } => Some(*size),
            _ => None,
        }
    }

    /// What the next bytes are.
    pub(super) fn next(&mut self, rest: &[u8]) -> Next {
        match self {
            Self::Length { left: 0, .. } => Next::End(0),
            Self::Length { left, size, is_unasked: true } if left == size && rest.starts_with(b"HTTP/1.") => {
                Next::End(0)
            }
            Self::Length { left, .. } => {
                let bytes = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= bytes as u64;
                Next::Data(bytes)
            }
            Self::Chunked(chunked) => chunked.next(rest),
            Self::UntilEnd => Next::Data(rest.len()),
        }
    }

    /// Bytes of the body went by unseen; says how many of them were the body's, and whether it can be followed further.
    pub(super) fn gap(&mut self, bytes: u64) -> (u64, bool) {
        match self {
            Self::Length { left, .. } => {
                let missed = bytes.min(*left);
                *left -= missed;
                (missed, missed == bytes)
            }
            Self::Chunked(chunked) => match chunked.passed(bytes) {
                true => (bytes, true),
                false => (u64::MAX, false),
            },
            Self::UntilEnd => (bytes, true),
        }
    }

    /// Whether all of the body went by, if the connection ends here.
    pub(super) fn is_at_end(&self) -> bool {
        matches!(self, Self::UntilEnd | Self::Length { left: 0, .. })
    }

    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Chunked(chunked) => chunked.held_bytes(),
            _ => 0,
        }
    }
}

fn is_chunked(headers: &Headers<'_>) -> bool {
    headers.has("transfer-encoding", "chunked")
}
