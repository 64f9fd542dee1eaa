//! Knows a packet again that another interface has shown.

use std::hash::{BuildHasher, RandomState};

use packet::{Headers, Packet, Timestamp};

/// Copies come this close after one another.
pub(crate) const WINDOW_NS: i64 = 10_000_000;
const SETS: usize = 1 << 13;
const WAYS: usize = 4;
/// Headers up to here are compared with what routers and network cards change taken out.
const HEAD_BYTES: usize = 128;

/// Remembers what the interfaces showed lately: the last 32,768 different packets.
#[derive(Debug)]
pub(crate) struct Duplicates {
    sets: Box<[[Seen; WAYS]]>,
    /// Nobody outside knows them, so nobody can make two packets look the same.
    keys: [u64; 2],
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    digest: u64,
    time: Timestamp,
    interface: u32,
    number: u64,
}

impl Duplicates {
    pub(crate) fn new() -> Self {
        let empty = Seen { digest: 0, time: Timestamp::MIN, interface: u32::MAX, number: 0 };
        let key = |number: u64| RandomState::new().hash_one(number) | 1;
        Self { sets: vec![[empty; WAYS]; SETS].into_boxed_slice(), keys: [key(1), key(2)] }
    }

    /// The number of the packet that this is a copy of: another interface has shown it within 10 ms, with the same bytes
    /// from the network layer on, hop limit and checksums aside. Else the packet is remembered by `number`; the interface
    /// that showed it first stays the one whose packets are kept.
    pub(crate) fn first_of(&mut self, packet: &Packet<'_>, headers: &Headers, number: u64) -> Option<u64> {
        let digest = self.digest(packet, headers);
        let set = &mut self.sets[digest as usize % SETS];
        let near = |seen: &Seen| packet.time.since(seen.time).saturating_abs() <= WINDOW_NS;
        let known = set.iter_mut().find(|seen| seen.digest == digest && near(seen));
        match known {
            Some(seen) if seen.interface != packet.interface => Some(seen.number),
            Some(seen) => {
                (seen.time, seen.number) = (packet.time, number);
                None
            }
            None => {
                // The oldest goes; after a step of the clock backwards, one from the future does.
                let age = |seen: &Seen| packet.time.since(seen.time).saturating_abs();
                if let Some(oldest) = set.iter_mut().max_by_key(|seen| age(seen)) {
                    *oldest = Seen { digest, time: packet.time, interface: packet.interface, number };
                }
                None
            }
        }
    }

    fn digest(&self, packet: &Packet<'_>, headers: &Headers) -> u64 {
        let network = packet.data.get(headers.network_offset as usize..).unwrap_or_default();
        let network = network.get(..network_bytes(network, headers.ether_type)).unwrap_or(network);
        let (head, rest) = network.split_at(network.len().min(HEAD_BYTES));
        let mut fixed = [0; HEAD_BYTES];
        fixed[..head.len()].copy_from_slice(head);
        blank_what_changes(&mut fixed);
        let mut digest = fold(self.keys[0] ^ network.len() as u64, self.keys[1] ^ u64::from(headers.ether_type));
        digest = self.absorb(digest, &fixed);
        self.absorb(digest, rest)
    }

    fn absorb(&self, mut digest: u64, bytes: &[u8]) -> u64 {
        let (chunks, rest) = bytes.as_chunks::<16>();
        let two = |chunk: &[u8; 16]| {
            let value = u128::from_le_bytes(*chunk);
            (value as u64, (value >> 64) as u64)
        };
        for chunk in chunks {
            let (low, high) = two(chunk);
            digest = fold(low ^ self.keys[0] ^ digest, high ^ self.keys[1]);
        }
        let mut last = [0; 16];
        last[..rest.len()].copy_from_slice(rest);
        let (low, high) = two(&last);
        fold(low ^ self.keys[1] ^ digest, high ^ self.keys[0])
    }
}

/// Length of the network packet by its own header, without the padding of short Ethernet frames.
fn network_bytes(network: &[u8], ether_type: u16) -> usize {
    let length_at = |at: usize| network.get(at..).and_then(|rest| rest.first_chunk()).copied().map(u16::from_be_bytes);
    match (network.first().map(|byte| byte >> 4), ether_type) {
        (_, ETHERTYPE_ARP) => 28,
        (Some(4), _) => length_at(2).filter(|&length| length >= 20).map_or(usize::MAX, usize::from),
        // 0 is a packet of more than 64 KiB.
        (Some(6), _) => length_at(4).filter(|&length| length > 0).map_or(usize::MAX, |length| usize::from(length) + 40),
        _ => usize::MAX,
    }
}

const ETHERTYPE_ARP: u16 = 0x0806;

/// Hop limit, header checksum, and the checksum that a network card may fill in later.
fn blank_what_changes(head: &mut [u8; HEAD_BYTES]) {
    let (transport, proto) = match head[0] >> 4 {
        4 => {
            head[8] = 0;
            head[10..12].fill(0);
            let first_fragment = head[6] & 0x1f == 0 && head[7] == 0;
            (usize::from(head[0] & 15) * 4, if first_fragment { head[9] } else { 0 })
        }
        6 => {
            head[7] = 0;
            (40, head[6])
        }
        _ => return,
    };
    let checksum = match i32::from(proto) {
        libc::IPPROTO_TCP => transport + 16,
        libc::IPPROTO_UDP => transport + 6,
        _ => return,
    };
    if let Some(bytes) = head.get_mut(checksum..checksum + 2) {
        bytes.fill(0);
    }
}

/// Multiplies to 128 bits and folds them to 64.
#[inline]
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left).wrapping_mul(u128::from(right));
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use packet::{LinkType, PacketDirection, decode};

    /// UDP over IPv4 over Ethernet.
    fn frame(hops: u8, checksum: u16, payload: &[u8], padding: usize) -> Vec<u8> {
        let mut bytes = vec![2; 12];
        bytes.extend_from_slice(&[8, 0, 0x45, 0]);
        bytes.extend_from_slice(&(28 + payload.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&[0, 7, 0, 0, hops, 17, hops, hops, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 0, 53]);
        bytes.extend_from_slice(&(8 + payload.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&checksum.to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes.resize(bytes.len() + padding, 0);
        bytes
    }

    #[test]
    fn copies_on_other_interfaces_are_known() {
        let mut duplicates = Duplicates::new();
        let mut number = 0;
        let mut check = |data: &[u8], interface, time_us: i64, expected: Option<u64>| {
            number += 1;
            let time = Timestamp(1_700_000_000_000_000_000 + time_us * 1000);
            let wire_bytes = data.len() as u32;
            let direction = PacketDirection::Inbound;
            let packet = Packet { time, wire_bytes, data, interface, direction, arrival: None };
            let headers = decode(LinkType::ETHERNET, data, wire_bytes);
            assert_eq!(duplicates.first_of(&packet, &headers, number), expected, "on {interface} at {time_us}");
        };
        check(&frame(64, 1, b"question", 0), 1, 0, None);
        check(&frame(64, 1, b"question", 0), 2, 20, Some(1));
        // Routed, checksummed and padded on the way out.
        check(&frame(63, 9, b"question", 10), 3, 40, Some(1));
        // Really sent again, and seen everywhere again.
        check(&frame(64, 1, b"question", 0), 1, 500, None);
        check(&frame(64, 1, b"question", 0), 2, 520, Some(4));
        check(&frame(64, 1, b"Question", 0), 2, 530, None);
        check(&frame(64, 1, b"question", 0), 2, 11_000, None);
    }
}
