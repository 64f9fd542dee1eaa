//! UUIDs that are the same for the same thing (RFC 9562, version 5).

use sha1::{Digest, Sha1};

/// The namespace of STIX's observables (STIX 2.1, 2.9).
pub(super) const STIX: [u8; 16] =
    [0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7];

/// The namespace of everything else that Wiretape names: version 5 of "wiretape" below the nil UUID.
pub(super) const WIRETAPE: [u8; 16] =
    [0xce, 0x66, 0xd6, 0xcf, 0x94, 0xa4, 0x59, 0xd1, 0xbd, 0xc0, 0xb7, 0x70, 0x02, 0xc4, 0x5c, 0xa3];

/// A UUID of this name.
pub(super) fn uuid(namespace: &[u8; 16], name: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(namespace);
    hash.update(name.as_bytes());
    let digest: [u8; 20] = hash.finalize().into();
    let mut text = String::with_capacity(36);
    for (place, byte) in digest.iter().take(16).enumerate() {
        let byte = match place {
            6 => (byte & 0x0f) | 0x50,
            8 => (byte & 0x3f) | 0x80,
            _ => *byte,
        };
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others() {
        // python3 -c 'import uuid; print(uuid.uuid5(uuid.NAMESPACE_DNS, "python.org"))', as its manual shows
        let dns = [0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];
        assert_eq!(uuid(&dns, "python.org"), "886313e1-3b8a-5372-9b90-0c9aee199e5d");
        // The same, with the namespace of STIX; and the namespace of Wiretape, uuid5(UUID(int=0), "wiretape").
        assert_eq!(uuid(&STIX, "{\"value\":\"198.51.100.3\"}"), "28bb3599-77cd-5a82-a950-b5bc3caf07c4");
        let hex: String = WIRETAPE.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(uuid(&[0; 16], "wiretape").replace('-', ""), hex);
    }
}
