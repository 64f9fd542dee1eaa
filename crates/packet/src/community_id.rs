//! Community ID flow hashing 1.0 (<https://github.com/corelight/community-id-spec>).

use crate::{Address, FlowKey, push_base64};
use sha1::{Digest, Sha1};

/// The Community ID of a flow, `1:` and base64; `None` where the specification has none (no IP).
///
/// Ports are part of it for TCP, UDP, SCTP, ICMP and ICMPv6 alone, as the specification says; of an ICMP flow they
/// are the types that `decode` puts into the key.
pub fn community_id(key: &FlowKey, seed: u16) -> Option<String> {
    if key.ip_version == 0 {
        return None;
    }
    let (key, _) = key.canonical();
    let mut hash = Sha1::new();
    hash.update(seed.to_be_bytes());
    for address in [key.src, key.dest] {
        update_address(&mut hash, &address, key.ip_version);
    }
    hash.update([key.proto, 0]);
    if has_ports(key.proto) {
        hash.update(key.src_port.to_be_bytes());
        hash.update(key.dest_port.to_be_bytes());
    }
    let mut id = String::with_capacity(30);
    id.push_str("1:");
    push_base64(&mut id, &hash.finalize());
    Some(id)
}

/// ICMP, TCP, UDP, ICMPv6 and SCTP.
fn has_ports(proto: u8) -> bool {
    matches!(proto, 1 | 6 | 17 | 58 | 132)
}

fn update_address(hash: &mut Sha1, address: &Address, ip_version: u8) {
    match address.as_v4() {
        Some(bytes) if ip_version == 4 => hash.update(bytes),
        _ => hash.update(address.0),
    }
}
