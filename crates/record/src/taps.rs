//! The interfaces that packets come from, found by the kernel's index.

use std::collections::BTreeMap;

use packet::Timestamp;

use crate::attach::Screen;
use crate::interfaces::NetworkInterface;
use crate::link::Link;
use crate::selection::Chosen;

/// An interface as a source of packets.
#[derive(Clone, Debug)]
pub struct Tap {
    /// Its name now.
    pub name: String,
    /// The kernel's number for it.
    pub index: u32,
    /// How its packets are laid out.
    pub(crate) link: Link,
    /// Its packets are wanted.
    pub chosen: bool,
    /// Only the heads of its flows are wanted.
    pub heads_only: bool,
    /// Administratively up.
    pub up: bool,
    /// Its number where its packets go, once the first one has come.
    pub(crate) target: Option<u32>,
    /// What sorts its packets out after the ring.
    pub(crate) screen: Screen,
    /// Since when it is down or gone.
    pub(crate) off_since: Option<Timestamp>,
    /// It does not exist any more; packets of it may still be in a ring.
    pub(crate) gone: bool,
}

impl Tap {
    /// The link type of its packets.
    pub fn link_type(&self) -> packet::LinkType {
        self.link.link_type
    }

    fn new(interface: &NetworkInterface) -> Self {
        Self {
            name: interface.name.clone(),
            index: interface.index,
            link: Link::of_hardware(interface.hardware),
            chosen: false,
            heads_only: false,
            up: interface.up,
            target: None,
            screen: Screen::Passed,
            off_since: None,
            gone: false,
        }
    }
}

/// All taps, with a short way to those that packets come from.
#[derive(Debug)]
pub(crate) struct Taps {
    taps: Vec<Tap>,
    by_index: BTreeMap<u32, usize>,
    /// Index and place of taps found lately, by the lower bits of the index.
    recent: [(u32, u32); RECENT],
}

const RECENT: usize = 64;
/// Interfaces that come and go, as with containers, are forgotten above this number.
const TAPS_MAX: usize = 1 << 16;

impl Default for Taps {
    fn default() -> Self {
        Self { taps: Vec::new(), by_index: BTreeMap::new(), recent: [(0, 0); RECENT] }
    }
}

impl Taps {
    /// The tap of that index. A packet can be faster than the news of its interface: it is then made up from what the
    /// packet says, and `refresh` puts it right.
    #[inline]
    pub(crate) fn find(&mut self, index: u32, hardware: u16, chosen: bool) -> &mut Tap {
        let recent = &mut self.recent[index as usize % RECENT];
        if recent.0 != index || index == 0 {
            let place = self.by_index.get(&index).copied().unwrap_or_else(|| {
                let interface = unknown(index, hardware);
                self.taps.push(Tap { chosen, ..Tap::new(&interface) });
                self.by_index.insert(index, self.taps.len() - 1);
                self.taps.len() - 1
            });
            *recent = (index, place as u32);
        }
        &mut self.taps[recent.1 as usize]
    }

    pub(crate) fn by_index(&mut self, index: u32) -> Option<&mut Tap> {
        self.by_index.get(&index).and_then(|place| self.taps.get_mut(*place))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tap> {
        self.taps.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Tap> {
        self.taps.iter_mut()
    }

    /// Adds an interface that is not known yet.
    pub(crate) fn add(&mut self, interface: &NetworkInterface) -> &mut Tap {
        if self.taps.len() >= TAPS_MAX {
            self.forget_gone();
        }
        let place = *self.by_index.entry(interface.index).or_insert_with(|| {
            self.taps.push(Tap::new(interface));
            self.taps.len() - 1
        });
        &mut self.taps[place]
    }

    /// Marks what is wanted; an interface that was wanted stays so while it exists, so that a change of addresses
    /// makes no gap.
    pub(crate) fn choose(&mut self, chosen: &[Chosen]) {
        for one in chosen {
            if let Some(tap) = self.by_index(one.index) {
                tap.chosen = true;
                tap.heads_only = one.heads_only;
            }
        }
    }

    fn forget_gone(&mut self) {
        self.taps.retain(|tap| !tap.gone);
        self.by_index = self.taps.iter().enumerate().map(|(place, tap)| (tap.index, place)).collect();
        self.recent = [(0, 0); RECENT];
    }
}

fn unknown(index: u32, hardware: u16) -> NetworkInterface {
    NetworkInterface {
        index,
        name: format!("if{index}"),
        hardware,
        up: true,
        loopback: false,
        kind: String::new(),
        master: None,
        bridge_port: false,
        default_route: false,
        netmask: None,
        addresses: Vec::new(),
        behind: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_are_found_and_made_up() {
        let mut taps = Taps::default();
        taps.add(&unknown(3, 1)).name = "eth0".into();
        for (index, name) in
            [(3, "eth0"), (67, "if67"), (3, "eth0"), (0, "if0"), (67, "if67"), (u32::MAX, "if4294967295")]
        {
            assert_eq!(taps.find(index, 1, true).name, name);
        }
        assert_eq!(taps.iter().count(), 4);
        taps.choose(&[Chosen { index: 3, heads_only: true }]);
        assert!(taps.by_index(3).unwrap().heads_only);
        taps.by_index(67).unwrap().gone = true;
        taps.forget_gone();
        assert_eq!(taps.find(67, 1, false).name, "if67");
        assert_eq!(taps.find(3, 1, false).name, "eth0");
    }
}
