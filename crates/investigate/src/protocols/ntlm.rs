//! NTLM: who logs in from where, as the messages say it (MS-NLMP 2.2.1), wrapped in SPNEGO or bare.

use packet::Cursor;

use crate::{At, Field, Sink};

const SIGNATURE: &[u8] = b"NTLMSSP\0";

/// `NTLMSSP_NEGOTIATE_UNICODE`: names are UTF-16.
const UNICODE: u32 = 1;

/// A name is not longer than this.
const NAME_BYTES_MAX: usize = 512;

/// Names that a message carries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Domain, or of a challenge its target.
    pub(crate) domain: String,
    /// User; of an authenticate message only.
    pub(crate) user: String,
    /// Workstation; of a challenge the server's own computer name.
    pub(crate) host: String,
    is_challenge: bool,
}

/// Tells the names of the first message within `blob`; true if one named a user.
pub(crate) fn tell(blob: &[u8], at: At, sink: &mut dyn Sink) -> bool {
    let Some(names) = find(blob) else { return false };
    let mut text = |field, text: &str| {
        if !text.is_empty() {
            sink.fact(at, field, text);
        }
    };
    text(Field::HostName, &names.host);
    if names.is_challenge {
        if !names.domain.is_empty() {
            text(Field::Detail, &format!("ntlm_target={}", names.domain));
        }
    } else if !names.domain.is_empty() {
        text(Field::Detail, &format!("domain={}", names.domain));
    }
    text(Field::User, &names.user);
    !names.user.is_empty()
}

/// The names of the first challenge or authenticate message within `blob`.
pub(crate) fn find(blob: &[u8]) -> Option<Names> {
    let start = memchr::memmem::find(blob, SIGNATURE)?;
    let message = blob.get(start..)?;
    match u32_at(message, 8)? {
        2 => challenge(message),
        3 => authenticate(message),
        _ => None,
    }
}

fn authenticate(message: &[u8]) -> Option<Names> {
    // Old clients leave the flags out: their names are OEM text.
    let is_unicode = u32_at(message, 60).is_some_and(|flags| flags & UNICODE != 0);
    let name = |at| text(field(message, at).unwrap_or_default(), is_unicode);
    Some(Names { domain: name(28), user: name(36), host: name(44), is_challenge: false })
}

fn challenge(message: &[u8]) -> Option<Names> {
    let is_unicode = u32_at(message, 20)? & UNICODE != 0;
    let domain = text(field(message, 12).unwrap_or_default(), is_unicode);
    let host = computer(field(message, 40).unwrap_or_default());
    Some(Names { domain, host, is_challenge: true, ..Names::default() })
}

/// The DNS computer name of target information, or else the NetBIOS one (MS-NLMP 2.2.2.1).
fn computer(information: &[u8]) -> String {
    let mut found = String::new();
    let mut pairs = Cursor::new(information);
    while let (Some(id), Some(length)) = (u16_le(&mut pairs), u16_le(&mut pairs)) {
        let Some(value) = pairs.take(usize::from(length)) else { break };
        match id {
            1 if found.is_empty() => found = text(value, true),
            3 => found = text(value, true),
            0 => break,
            _ => {}
        }
    }
    found
}

fn field(message: &[u8], at: usize) -> Option<&[u8]> {
    let mut field = Cursor::new(message.get(at..)?);
    let length = usize::from(u16_le(&mut field)?).min(NAME_BYTES_MAX * 4);
    field.skip(2)?;
    let start = usize::try_from(u32::from_le_bytes(field.array()?)).ok()?;
    message.get(start..start.checked_add(length)?)
}

fn text(bytes: &[u8], is_unicode: bool) -> String {
    let bytes = bytes.get(..NAME_BYTES_MAX).unwrap_or(bytes);
    if is_unicode { super::utf16::text(bytes) } else { String::from_utf8_lossy(bytes).into_owned() }
}

fn u16_le(cursor: &mut Cursor<'_>) -> Option<u16> {
    cursor.array().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authenticate_message_of_ms_nlmp() {
        // MS-NLMP 4.2.4.3, NTLMv2 authenticate message: domain, user and workstation stand behind the fixed part.
        let mut message = Vec::new();
        message.extend_from_slice(b"NTLMSSP\0\x03\0\0\0");
        message.extend_from_slice(b"\x18\0\x18\0\x6c\0\0\0\x54\0\x54\0\x84\0\0\0\x0c\0\x0c\0\x48\0\0\0\x08\0\x08\0\x54\0\0\0\x10\0\x10\0\x5c\0\0\0");
        message.extend_from_slice(b"\x10\0\x10\0\xd8\0\0\0\x35\x82\x88\xe2\x05\x01\x28\x0a\0\0\0\x0f");
        message.extend_from_slice(b"D\0o\0m\0a\0i\0n\0U\0s\0e\0r\0C\0O\0M\0P\0U\0T\0E\0R\0");
        let blob = [b"wrapped".as_slice(), &message].concat();
        let names = find(&blob).unwrap();
        assert_eq!((names.domain.as_str(), names.user.as_str(), names.host.as_str()), ("Domain", "User", "COMPUTER"));
        for cut in 0..blob.len() {
            let _ = find(&blob[..cut]);
        }
    }
}
