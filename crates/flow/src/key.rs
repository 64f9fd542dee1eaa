//! Flow keys, packed for comparing and hashing.

use packet::{Address, FlowKey, Headers};

/// The key of both directions of a flow: of the two ends, the lower (address, port) stands first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PackedKey {
    low: [u64; 2],
    high: [u64; 2],
    /// Ports of both ends, protocol, IP version and the one-way bit, from bit 63 down.
    rest: u64,
}

const ONE_WAY: u64 = 1;

impl PackedKey {
    /// The key of a packet, and whether the lower end sent it.
    #[inline]
    pub(crate) fn of(key: &FlowKey) -> (Self, bool) {
        let (canonical, reversed) = key.canonical();
        let rest = u64::from(canonical.src_port) << 48
            | u64::from(canonical.dest_port) << 32
            | u64::from(canonical.proto) << 24
            | u64::from(canonical.ip_version) << 16
            | if canonical.one_way { ONE_WAY } else { 0 };
        (Self { low: words(canonical.src), high: words(canonical.dest), rest }, !reversed)
    }

    /// The key from the lower end to the higher one.
    pub(crate) fn unpack(&self) -> FlowKey {
        FlowKey {
            src: address(self.low),
            dest: address(self.high),
            src_port: (self.rest >> 48) as u16,
            dest_port: (self.rest >> 32) as u16,
            proto: (self.rest >> 24) as u8,
            ip_version: (self.rest >> 16) as u8,
            one_way: self.rest & ONE_WAY != 0,
        }
    }

    #[inline]
    pub(crate) fn first_word(&self) -> u64 {
        self.low[0]
    }

    #[inline]
    pub(crate) fn proto(&self) -> u8 {
        (self.rest >> 24) as u8
    }

    /// The five words, for hashes and snapshots.
    pub(crate) fn to_words(self) -> [u64; 5] {
        [self.low[0], self.low[1], self.high[0], self.high[1], self.rest]
    }

    pub(crate) fn from_words([a, b, c, d, rest]: [u64; 5]) -> Self {
        Self { low: [a, b], high: [c, d], rest }
    }
}

/// The key of a packet; one without IP belongs to its EtherType and the pair of its addresses: ARP's, else hardware
/// addresses.
#[inline]
pub fn key_of(headers: &Headers) -> FlowKey {
    match headers.key {
        Some(key) if key.ip_version != 0 => key,
        _ => key_without_ip(headers),
    }
}

#[cold]
fn key_without_ip(headers: &Headers) -> FlowKey {
    let mac = |mac: Option<packet::Mac>| {
        let [a, b, c, d, e, f] = mac.unwrap_or_default().0;
        Address([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d, e, f])
    };
    let port = headers.ether_type;
    let (src, dest) = match headers.key {
        Some(key) => (key.src, key.dest),
        None => (mac(headers.src_mac), mac(headers.dest_mac)),
    };
    FlowKey { src, dest, src_port: port, dest_port: port, ..FlowKey::default() }
}

#[inline]
fn words(address: Address) -> [u64; 2] {
    let bits = u128::from_be_bytes(address.0);
    [(bits >> 64) as u64, bits as u64]
}

fn address(words: [u64; 2]) -> Address {
    Address((u128::from(words[0]) << 64 | u128::from(words[1])).to_be_bytes())
}

/// A hash that cannot be aimed at without the secret: folded multiplications, as wyhash has them
/// (<https://github.com/wangyi-fudan/wyhash>).
#[derive(Clone, Debug)]
pub(crate) struct KeyHasher {
    secret: [u64; 4],
}

impl KeyHasher {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(secret.chunks_exact(8)) {
            *word = bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        // A secret of nothing but zeros would make every product zero.
        let odd = [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3, 0x5899_65cc_7537_4cc3];
        Self { secret: [0, 1, 2, 3].map(|i| words[i] ^ odd[i]) }
    }

    #[inline]
    pub(crate) fn hash(&self, key: &PackedKey) -> u64 {
        let [a, b, c, d] = self.secret;
        let low = fold(key.low[0] ^ a, key.low[1] ^ b);
        let high = fold(key.high[0] ^ c, key.high[1] ^ d);
        fold(low.rotate_left(17) ^ high ^ b, key.rest ^ a ^ low)
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_the_key() {
        let key = FlowKey {
            src: Address::v4([192, 0, 2, 9]),
            dest: Address::v4([192, 0, 2, 1]),
            src_port: 443,
            dest_port: 50_000,
            proto: 6,
            ip_version: 4,
            one_way: false,
        };
        let (packed, from_low) = PackedKey::of(&key);
        assert!(!from_low);
        assert_eq!(packed.unpack(), key.reversed());
        assert_eq!(PackedKey::of(&key.reversed()), (packed, true));
        let one_way = FlowKey { one_way: true, ..key };
        assert_eq!(PackedKey::of(&one_way).0.unpack(), one_way);
    }

    #[test]
    fn hash_spreads_neighbours() {
        let hasher = KeyHasher::new(&[7; 32]);
        let mut buckets = vec![0_u32; 1 << 12];
        for port in 0..=u16::MAX {
            let src = Address::v4([10, 0, 0, 1]);
            let key = FlowKey { src, src_port: port, dest_port: 443, proto: 6, ip_version: 4, ..FlowKey::default() };
            buckets[(hasher.hash(&PackedKey::of(&key).0) >> 52) as usize] += 1;
        }
        // 16 are expected in each; a Poisson variable of mean 16 exceeds 48 once in 10^9.
        assert!(buckets.iter().all(|count| *count < 48), "{:?}", buckets.iter().max());
    }
}
