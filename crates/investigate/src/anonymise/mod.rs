//! Packets that can be shown to others: addresses mapped so that networks stay networks; payload cut off, or kept as far as
//! names, cookies and credentials in it can be replaced.

mod crypto_pan;
mod payload;

pub use crypto_pan::CryptoPan;

use aes::Aes128;
use aes::cipher::{BlockEncrypt, KeyInit};
use packet::{LinkType, Mac};

use crate::rewrite::{Mapping, rewrite};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Takes out of packets what tells who spoke and what was said.
pub struct Anonymiser {
    addresses: Addresses,
    payloads: Option<payload::Payloads>,
}

/// Addresses by a key.
struct Addresses {
    pan: CryptoPan,
    macs: Aes128,
}

impl Anonymiser {
    /// With a key: the same key maps the same addresses to the same ones.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        let mut own = [0; 16];
        for (place, byte) in own.iter_mut().enumerate() {
            *byte = key.get(place + 16).copied().unwrap_or(0) ^ 0x4d;
        }
        let addresses = Addresses { pan: CryptoPan::new(key), macs: Aes128::new(&own.into()) };
        Self { addresses, payloads: None }
    }

    /// The same, but for payload of DNS, HTTP/1 and TLS, which is kept with other names in it.
    pub fn keeping_payload(key: &[u8; KEY_BYTES]) -> Self {
        Self { payloads: Some(payload::Payloads::new(key)), ..Self::new(key) }
    }

    /// Whether a key leaves the classes of IPv4 addresses as they are, so that no host becomes a group.
    pub fn keeps_classes(key: &[u8; KEY_BYTES]) -> bool {
        let map = CryptoPan::new(key);
        [[0, 0, 0, 0], [128, 0, 0, 0], [192, 0, 0, 0], [224, 0, 0, 0]]
            .into_iter()
            .all(|address: [u8; 4]| map.v4(address)[0].leading_ones() == address[0].leading_ones())
    }

    /// Changes a packet, and says how many bytes of it are left; `None` if nothing can be kept, since its link layer is
    /// not known.
    pub fn packet(&mut self, link_type: LinkType, data: &mut [u8]) -> Option<usize> {
        let addresses = &mut self.addresses;
        let kept = self.payloads.as_mut().and_then(|payloads| payloads.replace(link_type, data, addresses));
        let outline = rewrite(link_type, data, addresses);
        outline.is_known.then_some(outline.payload_offset.max(kept.unwrap_or(0)))
    }
}

impl Mapping for Addresses {
    /// Groups, broadcast, this host and no host at all are nobody's.
    fn v4(&mut self, address: [u8; 4]) -> [u8; 4] {
        match address {
            [0, ..] | [127, ..] | [224..=239, ..] | [255, 255, 255, 255] => address,
            _ => self.pan.v4(address),
        }
    }

    /// Groups stay, but for those that are made of an address (RFC 4291 2.7.1); of link-local addresses the network stays.
    fn v6(&mut self, address: [u8; 16]) -> [u8; 16] {
        let mapped = self.pan.v6(address);
        let keeps = match address {
            _ if address[..15].iter().all(|byte| *byte == 0) => 16,
            [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ..] => 13,
            [0xff, ..] => 16,
            [0xfe, second, ..] if second & 0xc0 == 0x80 => 8,
            _ => 0,
        };
        let mut new = mapped;
        for (place, byte) in new.iter_mut().enumerate().take(keeps) {
            *byte = address.get(place).copied().unwrap_or(0);
        }
        new
    }

    /// Groups stay, but for those that are made of an IPv6 address (RFC 2464 7); others become locally administered ones.
    fn mac(&mut self, address: Mac) -> Mac {
        let Mac([a, b, c, d, e, f]) = address;
        if a & 1 == 1 && (a, b, c) != (0x33, 0x33, 0xff) || address.0 == [0; 6] {
            return address;
        }
        let mut block = [0; 16];
        block.iter_mut().zip([a, b, c, d, e, f]).for_each(|(place, byte)| *place = byte);
        let mut block = block.into();
        self.macs.encrypt_block(&mut block);
        if (a, b, c) == (0x33, 0x33, 0xff) {
            return Mac([0x33, 0x33, 0xff, block[3], block[4], block[5]]);
        }
        Mac([block[0] & 0xfc | 0x02, block[1], block[2], block[3], block[4], block[5]])
    }

    fn hides_options(&self) -> bool {
        true
    }
}
