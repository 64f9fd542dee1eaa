//! Client hellos in SSL 2's form (RFC 5246, E.2).

use packet::Cursor;

use crate::protocols::Probe;
use crate::protocols::cutter::Length;

const CLIENT_HELLO: u8 = 1;
const HEADER_BYTES: usize = 2;

/// A hello in SSL 2's form.
pub(super) struct Hello {
    /// The highest version that is offered.
    pub(super) version: u16,
}

/// The length that the header says.
pub(super) fn length(head: &[u8]) -> Length {
    let Some([high, low]) = head.first_chunk() else { return Length::More };
    Length::Whole(HEADER_BYTES + usize::from(u16::from_be_bytes([high & 0x7f, *low])))
}

/// Whether lengths and numbers fit to such a hello.
pub(super) fn probe(bytes: &[u8]) -> Probe {
    if bytes.len() < 11 {
        let starts = |expected: &[(usize, u8)]| {
            expected.iter().all(|&(index, value)| bytes.get(index).is_none_or(|&byte| byte == value))
        };
        return if starts(&[(2, CLIENT_HELLO)]) && bytes.get(3).is_none_or(|&byte| byte == 0 || byte == 3) {
            Probe::More
        } else {
            Probe::No
        };
    }
    if read(bytes).is_some() { Probe::Yes } else { Probe::No }
}

/// Reads its header; what is after it need not be there.
pub(super) fn read(bytes: &[u8]) -> Option<Hello> {
    let mut cursor = Cursor::new(bytes);
    let length = usize::from(cursor.u16()? & 0x7fff);
    let kind = cursor.u8()?;
    let version = cursor.u16()?;
    let [ciphers, session, challenge] = [cursor.u16()?, cursor.u16()?, cursor.u16()?].map(usize::from);
    let fits = kind == CLIENT_HELLO
        && (version == 0x0002 || (0x0300..=0x0304).contains(&version))
        && ciphers > 0
        && ciphers % 3 == 0
        && (session == 0 || session == 16)
        && (16..=32).contains(&challenge)
        && length == 9 + ciphers + session + challenge;
    fits.then_some(Hello { version })
}
