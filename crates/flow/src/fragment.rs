//! Later fragments join the flow of the first one.

use crate::clock::{Tick, ticks};
use crate::key::{KeyHasher, PackedKey};
use packet::decode::Fragment;
use packet::{FlowKey, Headers};

/// Ports of fragmented datagrams under way, in fixed memory: when a set of four is full its oldest one goes.
///
/// A datagram is known by 64 bits of a keyed hash over addresses, protocol and identification. Fragments that overtake
/// the first one are a flow of their own, without ports.
#[derive(Clone, Debug)]
pub(crate) struct Fragments {
    sets: Vec<[Datagram; 4]>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Datagram {
    pub(crate) hash: u64,
    pub(crate) src_port: u16,
    pub(crate) dest_port: u16,
    pub(crate) since: Tick,
}

const SETS: usize = 1024;
/// How long later fragments join the flow of the first one: the reassembly timeout (RFC 1122, 3.3.2; Linux
/// `ipfrag_time`).
pub const FRAGMENTS_NS: u64 = 30_000_000_000;
const TICKS_MAX: u32 = ticks(FRAGMENTS_NS / 1_000_000);

impl Default for Fragments {
    fn default() -> Self {
        Self { sets: vec![Default::default(); SETS] }
    }
}

impl Fragments {
    /// The key that a packet's flow has: notes the ports of a first fragment, fills in those of a later one.
    pub(crate) fn key(&mut self, key: FlowKey, fragment: Fragment, hasher: &KeyHasher, now: Tick) -> FlowKey {
        let hash = datagram_hash(&key, fragment.id, hasher);
        let set = &mut self.sets[hash as usize % SETS];
        let known = set.iter_mut().find(|datagram| datagram.hash == hash);
        if fragment.offset == 0 {
            let datagram = Datagram { hash, src_port: key.src_port, dest_port: key.dest_port, since: now };
            match known {
                Some(known) => *known = datagram,
                None => {
                    set.rotate_right(1);
                    set[0] = datagram;
                }
            }
            return key;
        }
        match known {
            Some(known) if now.since(known.since) <= TICKS_MAX => {
                FlowKey { src_port: known.src_port, dest_port: known.dest_port, ..key }
            }
            _ => key,
        }
    }

    /// Every datagram that is known, oldest of a set first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Datagram> {
        self.sets.iter().flat_map(|set| set.iter().rev()).filter(|datagram| datagram.hash != 0)
    }

    pub(crate) fn restore(&mut self, datagram: Datagram) {
        let set = &mut self.sets[datagram.hash as usize % SETS];
        set.rotate_right(1);
        set[0] = datagram;
    }
}

/// True for a packet whose key has no ports for want of a transport header.
#[inline]
pub(crate) fn fragment_of(headers: &Headers) -> Option<Fragment> {
    headers.fragment.filter(|fragment| fragment.offset != 0 || fragment.more)
}

fn datagram_hash(key: &FlowKey, id: u32, hasher: &KeyHasher) -> u64 {
    let [high, low] = [(id >> 16) as u16, id as u16];
    let datagram = FlowKey { src_port: high, dest_port: low, one_way: true, ..*key };
    hasher.hash(&PackedKey::of(&datagram).0).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use packet::Address;

    fn key(src_port: u16) -> FlowKey {
        let (src, dest) = (Address::v4([192, 0, 2, 1]), Address::v4([192, 0, 2, 2]));
        FlowKey { src, dest, src_port, dest_port: src_port, proto: 17, ip_version: 4, one_way: false }
    }

    #[test]
    fn later_fragments_take_the_ports() {
        let (mut fragments, hasher) = (Fragments::default(), KeyHasher::new(&[1; 32]));
        let mut check = |id, offset, src_port, at, expected| {
            let fragment = Fragment { id, offset, more: true };
            assert_eq!(fragments.key(key(src_port), fragment, &hasher, Tick(at)), key(expected));
        };
        check(7, 1480, 0, 0, 0);
        check(7, 0, 5000, 0, 5000);
        check(7, 1480, 0, 10, 5000);
        check(8, 1480, 0, 10, 0);
        check(7, 2960, 0, TICKS_MAX + 1, 0);
        check(7, 0, 6000, TICKS_MAX + 2, 6000);
        check(7, 1480, 0, TICKS_MAX + 3, 6000);
    }
}
