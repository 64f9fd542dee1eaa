//! TLS up to where it is encrypted: the name that is asked for, and certificates.

use super::is_before;
use super::names::Names;

const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
/// Messages that name somebody: certificates, requests for them, their status.
const HIDDEN: [u8; 3] = [11, 13, 22];

/// One side of a connection.
pub(super) struct Tls {
    /// Sequence number of what comes next.
    next: u32,
    /// Sequence number of the next record.
    record: u32,
    /// Up to here all is blanked.
    blank_until: u32,
    /// From here on it is encrypted.
    sealed: Option<u32>,
    is_lost: bool,
}

impl Tls {
    pub(super) fn new(seq: u32) -> Self {
        Self { next: seq, record: seq, blank_until: seq, sealed: None, is_lost: false }
    }

    /// Whether nothing more of it can be shown.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Replaces what is to be replaced in a segment; returns how much of it can be shown.
    pub(super) fn replace(&mut self, seq: u32, payload: &mut [u8], names: &Names) -> Option<usize> {
        if let Some(sealed) = self.sealed {
            return (!is_before(seq, sealed)).then_some(payload.len());
        }
        if is_before(seq, self.next) {
            return None;
        }
        if seq != self.next {
            self.is_lost = true;
            return None;
        }
        let end = seq.wrapping_add(payload.len() as u32);
        self.next = end;
        let blank = self.blank_until.wrapping_sub(seq) as usize;
        if is_before(seq, self.blank_until) {
            payload.iter_mut().take(blank).for_each(|byte| *byte = 0);
        }
        while is_before(self.record, end) {
            let at = self.record.wrapping_sub(seq) as usize;
            let Some(&[kind, _, _, high, low]) = payload.get(at..).and_then(<[u8]>::first_chunk) else {
                self.is_lost = true;
                return Some(at);
            };
            let bytes = usize::from(u16::from_be_bytes([high, low]));
            if kind != HANDSHAKE {
                // Alerts are as they are; behind a change of the cipher, and in data, nothing can be read.
                self.sealed = (kind == CHANGE_CIPHER_SPEC || kind == 23).then_some(self.record);
                if self.sealed.is_some() {
                    return Some(payload.len());
                }
            } else if !self.record(seq, at + 5, bytes, payload, names) {
                self.is_lost = true;
                return Some(at);
            }
            self.record = self.record.wrapping_add(5 + bytes as u32);
        }
        Some(payload.len())
    }

    /// The messages of a record; false if one goes on in another record.
    fn record(&mut self, seq: u32, at: usize, bytes: usize, payload: &mut [u8], names: &Names) -> bool {
        let record_end = at + bytes;
        let mut at = at;
        while at < record_end {
            let Some(&[kind, a, b, c]) = payload.get(at..).and_then(<[u8]>::first_chunk) else {
                // Its header is not all here: all of it is blanked.
                payload.iter_mut().skip(at).for_each(|byte| *byte = 0);
                self.blank_until = seq.wrapping_add(record_end as u32);
                return true;
            };
            let end = at + 4 + u32::from_be_bytes([0, a, b, c]) as usize;
            if end > record_end {
                return false;
            }
            let is_whole = end <= payload.len();
            let here = end.min(payload.len());
            let body = payload.get_mut(at + 4..here).unwrap_or_default();
            let is_read = kind == CLIENT_HELLO && is_whole && server_name(body, names).is_some();
            if HIDDEN.contains(&kind) || !is_whole || (kind == CLIENT_HELLO && !is_read) {
                body.fill(0);
                // What follows in the record is not walked where this goes on in another segment.
                self.blank_until = seq.wrapping_add(if is_whole { end } else { record_end } as u32);
            }
            at = end;
        }
        true
    }
}

/// Replaces the name in a client's hello (RFC 8446 4.1.2, RFC 6066 3); `None` if it cannot be read to its end.
fn server_name(hello: &mut [u8], names: &Names) -> Option<()> {
    let word =
        |hello: &[u8], at: usize| Some(usize::from(u16::from_be_bytes(hello.get(at..)?.first_chunk().copied()?)));
    let mut at = 34;
    at += 1 + usize::from(*hello.get(at)?);
    at += 2 + word(hello, at)?;
    at += 1 + usize::from(*hello.get(at)?);
    if at == hello.len() {
        return Some(());
    }
    let end = at + 2 + word(hello, at)?;
    at += 2;
    while at < end {
        let (kind, bytes) = (word(hello, at)?, word(hello, at + 2)?);
        let extension = hello.get_mut(at + 4..at + 4 + bytes)?;
        if kind == 0 && bytes > 5 {
            names.host(extension.get_mut(5..)?);
        }
        at += 4 + bytes;
    }
    (at == end && end <= hello.len()).then_some(())
}
