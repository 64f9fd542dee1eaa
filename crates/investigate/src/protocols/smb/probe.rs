//! How SMB is told: a session message that holds one of its headers.

use crate::protocols::{Opening, Probe};

pub(super) fn probe(opening: &Opening<'_>) -> Probe {
    if !opening.is_stream {
        return Probe::No;
    }
    match (side(opening.client), side(opening.server)) {
        (Probe::No, _) | (_, Probe::No) => Probe::No,
        (client, server) => client.max(server),
    }
}

fn side(bytes: &[u8]) -> Probe {
    let length = bytes.get(1..4).map(|length| length.iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte)));
    match bytes.first() {
        None => Probe::More,
        // A session's request and its answers come first over NetBIOS.
        Some(0x81) => match length {
            Some(68) if bytes.get(4).is_none_or(|&byte| byte == 32) => {
                if bytes.len() > 4 {
                    Probe::Yes
                } else {
                    Probe::More
                }
            }
            None => Probe::More,
            _ => Probe::No,
        },
        Some(0x82..=0x85) => {
            if bytes.len() < 4 || length.is_some_and(|length| length <= 6) {
                Probe::More
            } else {
                Probe::No
            }
        }
        Some(0) => {
            let Some(magic) = bytes.get(4..) else { return Probe::More };
            let magic = magic.get(..4).unwrap_or(magic);
            let known = [b"\xffSMB", b"\xfeSMB", b"\xfdSMB", b"\xfcSMB"];
            let is_known = known.iter().any(|known| known.starts_with(magic));
            match length {
                Some(length) if !is_known || !(32..super::MESSAGE_BYTES_MAX).contains(&length) => Probe::No,
                _ if magic.len() < 4 => Probe::More,
                _ => Probe::Yes,
            }
        }
        Some(_) => Probe::No,
    }
}
