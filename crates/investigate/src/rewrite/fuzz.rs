//! Any bytes as packets that are changed.

use packet::LinkType;

use super::{complete_checksums, segments};
use crate::anonymise::{Anonymiser, KEY_BYTES};

/// Changes any bytes as packets of a connection are changed: nothing grows, and nothing panics.
pub fn fuzz_rewrite(data: &[u8]) {
    let mut anonymiser = Anonymiser::keeping_payload(&[7; KEY_BYTES]);
    // A packet after the other: what one says decides what becomes of the next.
    for piece in data.chunks(data.len().div_ceil(4).max(1)) {
        for link_type in [LinkType::ETHERNET, LinkType::RAW] {
            let mut packet = piece.to_vec();
            complete_checksums(link_type, &mut packet);
            for segment in segments(link_type, &packet, 60).into_iter().flatten() {
                assert!(segment.len() <= packet.len(), "a segment is a part");
            }
            let kept = anonymiser.packet(link_type, &mut packet);
            assert!(kept.is_none_or(|kept| kept <= packet.len()), "no more is kept than there is");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of a greeting of HTTP, of TLS and of DNS with bytes of them changed; a seed is printed with what fails.
    #[test]
    fn changed_packets_are_harmless() {
        let ethernet = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        let packet = |protocol: u8, ports: [u8; 4], payload: &[u8]| {
            let transport = match protocol {
                6 => [&ports[..], &[0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 1, 1, 0, 0, 0, 0], payload].concat(),
                _ => [&ports[..], &(payload.len() as u16 + 8).to_be_bytes(), &[0, 0], payload].concat(),
            };
            let length = (transport.len() as u16 + 20).to_be_bytes();
            let ip = [&[0x45, 0][..], &length, &[0, 1, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]].concat();
            [&ethernet[..], &ip, &transport].concat()
        };
        let hello =
            [&[0x16, 3, 1, 0, 64, 1, 0, 0, 60, 3, 3][..], &[1; 32], &[0, 0, 2, 0, 1, 1, 0, 0, 16], &[0; 16]].concat();
        let question = [
            &[0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1][..],
            &[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 1, 0, 3, 1, b'b', 0],
        ]
        .concat();
        let packets = [
            packet(6, [0x9c, 0x40, 0, 80], b"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nCookie: x=1\r\n\r\n"),
            packet(6, [0x9c, 0x41, 1, 0xbb], &hello),
            packet(17, [0x9c, 0x42, 0, 53], &question),
        ];
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            for packet in &packets {
                let mut changed = packet.clone();
                for _ in 0..3 {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    let place = (random >> 32) as usize % changed.len();
                    changed[place] = random as u8;
                }
                changed.truncate(changed.len() - (random >> 20) as usize % 3);
                fuzz_rewrite(&[changed.clone(), changed].concat().repeat(2));
            }
        }
    }
}
