//! Crypto-PAn: addresses with the same first n bits are mapped to addresses with the same first n bits, and no others
//! (Fan, Xu, Ammar, Moon: Prefix-preserving IP address anonymization, Computer Networks 46, 2004).

use aes::Aes128;
use aes::cipher::{BlockEncrypt, KeyInit};

/// The map of one key.
pub struct CryptoPan {
    cipher: Aes128,
    pad: u128,
}

impl CryptoPan {
    /// Of a key: half of it is AES's, half of it makes the padding.
    pub fn new(key: &[u8; 32]) -> Self {
        let (cipher, pad) = key.split_at(16);
        let cipher = Aes128::new(aes::cipher::generic_array::GenericArray::from_slice(cipher));
        let mut block = *aes::cipher::generic_array::GenericArray::from_slice(pad);
        cipher.encrypt_block(&mut block);
        Self { cipher, pad: u128::from_be_bytes(block.into()) }
    }

    /// An IPv4 address.
    pub fn v4(&self, address: [u8; 4]) -> [u8; 4] {
        let wide = u128::from(u32::from_be_bytes(address)) << 96;
        ((wide ^ self.flips(wide, 32)) >> 96).try_into().map_or(address, u32::to_be_bytes)
    }

    /// An IPv6 address.
    pub fn v6(&self, address: [u8; 16]) -> [u8; 16] {
        let wide = u128::from_be_bytes(address);
        (wide ^ self.flips(wide, 128)).to_be_bytes()
    }

    /// For each of the first bits whether it flips, which the bits before it decide.
    fn flips(&self, address: u128, bits: u32) -> u128 {
        let mut flips = 0;
        for bit in 0..bits {
            let prefix = u128::MAX.checked_shl(128 - bit).unwrap_or(0);
            let input = address & prefix | self.pad & !prefix;
            let mut block = input.to_be_bytes().into();
            self.cipher.encrypt_block(&mut block);
            flips |= u128::from(block[0] >> 7) << (127 - bit);
        }
        flips
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    /// The key and addresses of the sample that comes with Crypto-PAn 1.0 (sample_trace_sanitized.dat); those of IPv6 are
    /// yacryptopan's.
    #[test]
    fn the_samples_of_others() {
        let map = CryptoPan::new(&[
            21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143, 131, 121, 121, 101,
            39, 98, 87, 76, 45, 42, 132, 34, 2,
        ]);
        for (address, expected) in [
            ("128.11.68.132", "135.242.180.132"),
            ("129.118.74.4", "134.136.186.123"),
            ("130.132.252.244", "133.68.164.234"),
            ("141.223.7.43", "141.167.8.160"),
            ("141.233.145.108", "141.129.237.235"),
            ("152.163.225.39", "151.140.114.167"),
            ("156.29.3.236", "147.225.12.42"),
            ("192.102.249.13", "252.138.62.131"),
            ("199.217.79.101", "248.38.184.213"),
        ] {
            let address: Ipv4Addr = address.parse().unwrap();
            assert_eq!(Ipv4Addr::from(map.v4(address.octets())).to_string(), expected);
        }
        for (address, expected) in [
            ("::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed"),
            ("::ffff", "78ff:f001:9fc0:20df:8380:b1f1:704:f838"),
            ("2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e"),
        ] {
            let address: Ipv6Addr = address.parse().unwrap();
            assert_eq!(Ipv6Addr::from(map.v6(address.octets())).to_string(), expected);
        }
    }
}
