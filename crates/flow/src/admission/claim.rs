//! Who a packet is counted to.

use packet::{Address, FlowKey};

use crate::key::{KeyHasher, PackedKey};
use crate::opening::Opening;

/// Who a packet is counted to: the other side, and the service that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// Address of who is not ours, or of the destination of what this host sends.
    pub(super) remote: Address,
    /// Port of the server, and protocol.
    pub(super) service: u32,
    /// It acknowledged, or answered.
    pub(super) sure: bool,
    pub(super) opening: Opening,
}

impl Claim {
    /// `key` is from the client to the server.
    pub(super) fn new(key: &FlowKey, remote_is_client: bool, (sure, opening): (bool, Opening)) -> Self {
        let remote = if remote_is_client { key.src } else { key.dest };
        Self { remote, service: u32::from(key.proto) << 16 | u32::from(key.dest_port), sure, opening }
    }

    /// Its source prefix: a /24, or a /48.
    pub(super) fn prefix_name(&self, hasher: &KeyHasher) -> u64 {
        self.name(hasher, self.prefix(24, 48), 1)
    }

    /// The host: a /32, or a /64.
    pub(super) fn host_name(&self, hasher: &KeyHasher) -> u64 {
        self.name(hasher, self.prefix(32, 64), 2)
    }

    fn prefix(&self, v4_bits: u32, v6_bits: u32) -> Address {
        // IPv4 addresses are IPv4-mapped ones (RFC 4291, 2.5.5.2).
        let bits = if self.remote.as_v4().is_some() { 96 + v4_bits } else { v6_bits };
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        Address((u128::from_be_bytes(self.remote.0) & mask).to_be_bytes())
    }

    fn name(&self, hasher: &KeyHasher, src: Address, kind: u16) -> u64 {
        let key = FlowKey {
            src,
            dest: Address::default(),
            src_port: self.service as u16,
            dest_port: kind << 5 | (self.opening.number() as u16) << 1 | u16::from(self.sure),
            proto: (self.service >> 16) as u8,
            ip_version: 0,
            one_way: false,
        };
        hasher.hash(&PackedKey::of(&key).0).max(1)
    }
}
