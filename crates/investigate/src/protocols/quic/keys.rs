//! Keys of Initial packets, and how these are opened (RFC 9001, 5; RFC 9369, 3.3).

use aes::cipher::BlockEncrypt;
use aes_gcm::aead::AeadInPlace;
use aes_gcm::{Aes128Gcm, KeyInit, Nonce, Tag};
use hkdf::Hkdf;
use sha2::Sha256;

/// How the Initial packets of a version are sealed.
struct Sealing {
    salt: [u8; 20],
    /// Whether the labels of keys are those of RFC 9369.
    is_second: bool,
}

/// RFC 9001 and the drafts 33 and 34 before it.
const FIRST: &Sealing = &of_first([
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f,
    0x0a,
]);
/// RFC 9369.
const SECOND: &Sealing = &Sealing {
    salt: [
        0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd,
        0x2e, 0xd9,
    ],
    is_second: true,
};
/// Drafts of RFC 9369.
const SECOND_DRAFT: &Sealing = &Sealing {
    salt: [
        0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d, 0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a, 0xe3,
        0xe5, 0xd3,
    ],
    is_second: true,
};
const DRAFT_29: &Sealing = &of_first([
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8,
    0x99,
]);
const DRAFT_23: &Sealing = &of_first([
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5,
    0x02,
]);
const DRAFT_22: &Sealing = &of_first([
    0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64,
    0x4a,
]);
const GOOGLE_Q050: &Sealing = &of_first([
    0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94, 0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0, 0xd3, 0xb5, 0x6b,
    0x45,
]);
const GOOGLE_T050: &Sealing = &of_first([
    0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80, 0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60, 0x48, 0x83,
    0x10,
]);
const GOOGLE_T051: &Sealing = &of_first([
    0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50, 0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda, 0x6e, 0x03,
    0x3d,
]);
/// Those of which a version that is not known may have one: experiments change the number alone, and so does greasing.
const LIKELY: &[&Sealing] = &[FIRST, DRAFT_29, DRAFT_23, DRAFT_22, SECOND];

const Q050: u32 = 0x5130_3530;
const SECOND_DRAFT_0: u32 = 0xff02_0000;
const SECOND_DRAFT_1: u32 = 0x709a_50c4;

const fn of_first(salt: [u8; 20]) -> Sealing {
    Sealing { salt, is_second: false }
}

/// Whether the kinds of its packets are numbered as RFC 9369 does; the first draft of it did not.
pub(super) fn is_second(version: u32) -> bool {
    matches!(version, 0x6b33_43cf | SECOND_DRAFT_1)
}

/// Whether it has TLS in Initial packets that can be opened.
pub(super) fn is_known(version: u32) -> bool {
    version != Q050 && sealing(version).is_some()
}

/// Whether CRYPTO frames have Google's number.
pub(super) fn is_google(version: u32) -> bool {
    matches!(version.to_be_bytes(), [b'Q' | b'T', b'0', b'5', _])
}

/// The version as people call it.
pub(super) fn version_name(version: u32) -> String {
    match version {
        0x0000_0001 => "QUIC v1".to_owned(),
        0x6b33_43cf => "QUIC v2".to_owned(),
        0xff00_0000..=0xff00_00ff => format!("QUIC draft {}", version & 0xff),
        _ => match version.to_be_bytes() {
            [family @ (b'Q' | b'T'), tail @ ..] if tail.iter().all(u8::is_ascii_digit) => {
                format!("QUIC {}{}", char::from(family), String::from_utf8_lossy(&tail))
            }
            _ => format!("QUIC 0x{version:08x}"),
        },
    }
}

fn sealing(version: u32) -> Option<&'static Sealing> {
    Some(match version {
        0x0000_0001 | 0xff00_0021 | 0xff00_0022 => FIRST,
        0x6b33_43cf => SECOND,
        SECOND_DRAFT_0 | SECOND_DRAFT_1 => SECOND_DRAFT,
        0xff00_001d..=0xff00_0020 => DRAFT_29,
        // What Facebook once called its own.
        0xff00_0017..=0xff00_001c | 0xface_b002 => DRAFT_23,
        0xff00_0015 | 0xff00_0016 | 0xface_b001 => DRAFT_22,
        Q050 => GOOGLE_Q050,
        0x5430_3530 => GOOGLE_T050,
        0x5430_3531 => GOOGLE_T051,
        _ => return None,
    })
}

/// Keys of a connection's both ends, for the version that was used last.
pub(super) struct InitialKeys {
    connection: Vec<u8>,
    derived: Option<(u32, PacketKeys, PacketKeys)>,
}

impl InitialKeys {
    /// Keys of the connection to which the client's first packet went.
    pub(super) fn new(connection: &[u8]) -> Self {
        Self { connection: connection.to_vec(), derived: None }
    }

    pub(super) fn connection(&self) -> &[u8] {
        &self.connection
    }

    /// The payload of a packet, if it is authentic.
    pub(super) fn open(
        &mut self,
        version: u32,
        is_client: bool,
        packet: &[u8],
        number_offset: usize,
    ) -> Option<Vec<u8>> {
        if let Some((_, client, server)) = self.derived.as_ref().filter(|(derived, ..)| *derived == version) {
            return if is_client { client } else { server }.open(packet, number_offset);
        }
        let known = sealing(version);
        let candidates = known.as_ref().map_or(LIKELY, std::slice::from_ref);
        candidates.iter().find_map(|sealing| {
            let secret = Hkdf::<Sha256>::new(Some(&sealing.salt), &self.connection);
            let end = |label| PacketKeys::derive(sealing.is_second, &expanded::<32>(&secret, label)?);
            let (client, server) = (end("client in")?, end("server in")?);
            let payload = if is_client { &client } else { &server }.open(packet, number_offset)?;
            self.derived = Some((version, client, server));
            Some(payload)
        })
    }
}

/// Keys of the packets of one end.
#[derive(Debug, PartialEq, Eq)]
struct PacketKeys {
    key: [u8; 16],
    iv: [u8; 12],
    header: [u8; 16],
}

impl PacketKeys {
    fn derive(is_second: bool, secret: &[u8]) -> Option<Self> {
        let secret = Hkdf::<Sha256>::from_prk(secret).ok()?;
        Some(if is_second {
            Self {
                key: expanded(&secret, "quicv2 key")?,
                iv: expanded(&secret, "quicv2 iv")?,
                header: expanded(&secret, "quicv2 hp")?,
            }
        } else {
            Self {
                key: expanded(&secret, "quic key")?,
                iv: expanded(&secret, "quic iv")?,
                header: expanded(&secret, "quic hp")?,
            }
        })
    }

    /// Takes off the header's protection, then the packet's.
    fn open(&self, packet: &[u8], number_offset: usize) -> Option<Vec<u8>> {
        const TAG_BYTES: usize = 16;
        let (header, protected) = packet.split_at_checked(number_offset)?;
        let mut mask = aes::Block::from(*protected.get(4..)?.first_chunk::<16>()?);
        aes::Aes128::new(&self.header.into()).encrypt_block(&mut mask);
        let [first_mask, number_mask @ ..] = <[u8; 16]>::from(mask);

        let mut header = header.to_vec();
        let first = header.first_mut()?;
        *first ^= first_mask & 0x0f;
        let number_bytes = usize::from(*first & 3) + 1;
        let (number, sealed) = protected.split_at_checked(number_bytes)?;
        let mut nonce = self.iv;
        let unmasked = number.iter().zip(number_mask).map(|(byte, mask)| byte ^ mask);
        let start = header.len();
        header.extend(unmasked);
        for (byte, number) in nonce.iter_mut().rev().zip(header.get(start..)?.iter().rev()) {
            *byte ^= number;
        }
        let (sealed, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG_BYTES)?)?;
        let mut payload = sealed.to_vec();
        Aes128Gcm::new(&self.key.into())
            .decrypt_in_place_detached(Nonce::from_slice(&nonce), &header, &mut payload, Tag::from_slice(tag))
            .ok()?;
        Some(payload)
    }
}

/// HKDF-Expand-Label of RFC 8446, 7.1, without context.
fn expanded<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> Option<[u8; N]> {
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let label_bytes = [u8::try_from("tls13 ".len() + label.len()).ok()?];
    let mut key = [0; N];
    secret.expand_multi_info(&[&length, &label_bytes, b"tls13 ", label.as_bytes(), &[0]], &mut key).ok()?;
    Some(key)
}

/// A client's packet with such an open header, which ends with a packet number of four bytes, and such a payload.
#[cfg(test)]
pub(super) fn sealed(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let version = u32::from_be_bytes(*header[1..].first_chunk().unwrap());
    let sealing = sealing(version).unwrap_or(FIRST);
    let secret = Hkdf::<Sha256>::new(Some(&sealing.salt), &header[6..14]);
    let keys = PacketKeys::derive(sealing.is_second, &expanded::<32>(&secret, "client in").unwrap()).unwrap();
    let start = header.len() - 4;
    let mut nonce = keys.iv;
    for (byte, number) in nonce[8..].iter_mut().zip(&header[start..]) {
        *byte ^= number;
    }
    let mut sealed = payload.to_vec();
    let tag = Aes128Gcm::new(&keys.key.into())
        .encrypt_in_place_detached(Nonce::from_slice(&nonce), header, &mut sealed)
        .unwrap();
    let mut mask = aes::Block::from(*sealed.first_chunk::<16>().unwrap());
    aes::Aes128::new(&keys.header.into()).encrypt_block(&mut mask);
    let mut header = header.to_vec();
    header[0] ^= mask[0] & 0x0f;
    for (byte, mask) in header[start..].iter_mut().zip(&mask[1..]) {
        *byte ^= mask;
    }
    [header, sealed, tag.to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9001, A.1, and RFC 9369, A.1.
    #[test]
    fn keys_are_those_of_the_standards() {
        let check = |version: u32, side: &str, key: u128, iv: &[u8], header: u128| {
            let connection = 0x8394_c8f0_3e51_5708_u64.to_be_bytes();
            let secret = Hkdf::<Sha256>::new(Some(&sealing(version).unwrap().salt), &connection);
            let keys = PacketKeys::derive(is_second(version), &expanded::<32>(&secret, side).unwrap()).unwrap();
            assert_eq!(keys.key, key.to_be_bytes());
            assert_eq!(keys.iv, iv);
            assert_eq!(keys.header, header.to_be_bytes());
        };
        check(
            1,
            "client in",
            0x1f36_9613_dd76_d546_7730_efcb_e3b1_a22d,
            &[0xfa, 0x04, 0x4b, 0x2f, 0x42, 0xa3, 0xfd, 0x3b, 0x46, 0xfb, 0x25, 0x5c],
            0x9f50_449e_04a0_e810_283a_1e99_33ad_edd2,
        );
        check(
            1,
            "server in",
            0xcf3a_5331_653c_364c_88f0_f379_b606_7e37,
            &[0x0a, 0xc1, 0x49, 0x3c, 0xa1, 0x90, 0x58, 0x53, 0xb0, 0xbb, 0xa0, 0x3e],
            0xc206_b8d9_b9f0_f376_4443_0b49_0eea_a314,
        );
        check(
            0x6b33_43cf,
            "client in",
            0x8b1a_0bc1_2128_4290_a29e_0971_b5cd_045d,
            &[0x91, 0xf7, 0x3e, 0x23, 0x51, 0xd8, 0xfa, 0x91, 0x66, 0x0e, 0x90, 0x9f],
            0x45b9_5e15_235d_6f45_a6b1_9cbc_b029_4ba9,
        );
    }
}
