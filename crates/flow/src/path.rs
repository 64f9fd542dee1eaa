//! Where flows were seen: few paths for many flows, kept once.

use packet::decode::{Headers, Tunnel, Vlans};
use packet::{Address, Mac, Packet};
use std::collections::HashMap;

/// What surrounds a flow: interface, hardware addresses from client to server and VLANs of its first packet, the tunnel
/// of its first packet that is in one, and the addresses on the outside of all that are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Path {
    pub(crate) interface: u32,
    pub(crate) client_mac: Option<Mac>,
    pub(crate) server_mac: Option<Mac>,
    pub(crate) vlans: VlanIds,
    pub(crate) tunnel: Option<Tunnel>,
    /// As [`Headers::outer_addresses`] has them, of the current part; with a tunnel `None` if they differ or are not known.
    pub(crate) outer: Option<[Address; 2]>,
}

/// VLAN ids in 52 bits, so that they hash and compare as one word: twelve bits each, and their count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct VlanIds(u64);

impl VlanIds {
    pub(crate) fn of(vlans: &Vlans) -> Self {
        let ids = vlans.as_slice();
        Self(ids.iter().rev().fold(0, |bits, id| bits << 12 | u64::from(*id)) | (ids.len() as u64) << 48)
    }

    pub(crate) fn unpack(self) -> Vlans {
        let mut vlans = Vlans::default();
        (0..(self.0 >> 48).min(4)).for_each(|number| vlans.push((self.0 >> (12 * number)) as u16 & 0x0fff));
        vlans
    }

    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl Path {
    pub(crate) fn of(packet: &Packet<'_>, headers: &Headers, from_client: bool) -> Self {
        let (client_mac, server_mac) =
            if from_client { (headers.src_mac, headers.dest_mac) } else { (headers.dest_mac, headers.src_mac) };
        let vlans = VlanIds::of(&headers.vlans);
        let outer = headers.tunnel.and_then(|_| headers.outer_addresses(packet.data));
        Self { interface: packet.interface, client_mac, server_mac, vlans, tunnel: headers.tunnel, outer }
    }
}

/// Paths by number, counted by the flows that have them.
///
/// Beyond [`Paths::COUNT_MAX`] different ones at a time (tunnel ids can be chosen by an attacker) a newcomer gets one
/// that knows its interface alone, and the kind of its tunnel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths {
    paths: Vec<(Path, u32)>,
    numbers: HashMap<Path, u32>,
    free: Vec<u32>,
    newest: u32,
}

impl Paths {
    const COUNT_MAX: usize = 1 << 16;
    /// Room beyond it for these.
    const INTERFACES_MAX: usize = 1 << 13;

    /// The number of a path, which counts one more flow.
    pub(crate) fn take(&mut self, path: Path) -> u32 {
        if let Some((newest, flows)) = self.paths.get_mut(self.newest as usize)
            && *flows > 0
            && *newest == path
        {
            *flows += 1;
            return self.newest;
        }
        // That there is a tunnel must not get lost: it says what the outermost headers are not.
        let tunnel = path.tunnel.map(Tunnel::without_id);
        let bare = Path { interface: path.interface, tunnel, ..Path::default() };
        let path = if self.numbers.len() < Self::COUNT_MAX || self.numbers.contains_key(&path) { path } else { bare };
        let full = self.numbers.len() >= Self::COUNT_MAX + Self::INTERFACES_MAX;
        let path = if full && !self.numbers.contains_key(&path) { Path { tunnel, ..Path::default() } } else { path };
        let number = match self.numbers.get(&path) {
            Some(number) => *number,
            None => self.add(path),
        };
        self.paths[number as usize].1 += 1;
        self.newest = number;
        number
    }

    /// One flow less has this path.
    pub(crate) fn release(&mut self, number: u32) {
        let (path, flows) = &mut self.paths[number as usize];
        *flows -= 1;
        if *flows == 0 {
            self.numbers.remove(path);
            self.free.push(number);
        }
    }

    pub(crate) fn path(&self, number: u32) -> &Path {
        &self.paths[number as usize].0
    }

    fn add(&mut self, path: Path) -> u32 {
        let number = match self.free.pop() {
            Some(number) => {
                self.paths[number as usize] = (path, 0);
                number
            }
            None => {
                self.paths.push((path, 0));
                self.paths.len() as u32 - 1
            }
        };
        self.numbers.insert(path, number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shared_and_bounded() {
        let mut paths = Paths::default();
        let path = |id| Path { tunnel: Some(Tunnel::Vxlan(id)), interface: 3, ..Path::default() };
        let numbers: Vec<u32> = (0..200_000).map(|id| paths.take(path(id))).collect();
        assert_eq!(paths.paths.len(), Paths::COUNT_MAX);
        assert_eq!(*paths.path(numbers[199_999]), path(0));
        assert_eq!(paths.take(path(7)), numbers[7]);
        paths.release(numbers[7]);
        numbers.iter().for_each(|number| paths.release(*number));
        assert!(paths.numbers.is_empty());
        paths.take(path(1));
        assert_eq!(paths.paths.len(), Paths::COUNT_MAX);
    }

    #[test]
    fn vlans_survive() {
        for ids in [&[][..], &[0], &[4095], &[1, 2, 3, 4]] {
            let mut vlans = Vlans::default();
            ids.iter().for_each(|id| vlans.push(*id));
            assert_eq!(VlanIds::of(&vlans).unpack(), vlans);
        }
    }
}
