//! Interfaces that come, go and change while they are recorded.

use std::time::Instant;

use packet::Timestamp;

use super::{Capture, ROUTES_EVERY, Stale};
use crate::Options;
use crate::clock::wall_clock;
use crate::interfaces::Interfaces;
use crate::keeper::Note;
use crate::link::Link;
use crate::taps::Tap;

/// Names of interfaces that are gone.
const GONE_MAX: usize = 4096;

impl Capture {
    /// Brings rings and taps in line with the interfaces, if those have changed; says then what happened.
    pub(crate) fn refresh(&mut self, options: &Options) -> Option<Vec<Note>> {
        let due = self.stale.interfaces || (self.stale.routes && self.stale.read.elapsed() >= ROUTES_EVERY);
        if !due {
            return None;
        }
        self.stale = Stale { interfaces: false, routes: false, read: Instant::now() };
        let Ok(interfaces) = Interfaces::read() else {
            self.stale.interfaces = true;
            return None;
        };
        self.interfaces = interfaces;
        let now = wall_clock();
        let mut changes = Vec::new();
        self.note_gone(now, &mut changes);
        self.note_changed(now, &mut changes);
        self.choose(options, now, &mut changes);
        Some(changes)
    }

    fn note_gone(&mut self, now: Timestamp, changes: &mut Vec<Note>) {
        for tap in self.taps.iter_mut().filter(|tap| !tap.gone) {
            if self.interfaces.by_index(tap.index).is_some() {
                continue;
            }
            (tap.gone, tap.up) = (true, false);
            if tap.chosen {
                changes.push(change(tap, "gone"));
                let since = *tap.off_since.get_or_insert(now);
                self.gone.insert(tap.name.clone(), since);
            }
        }
        // Containers leave names behind that never come back.
        while self.gone.len() > GONE_MAX {
            self.gone.pop_first();
        }
        for watched in self.sources.iter_mut().filter_map(|source| source.watched.as_mut()) {
            watched.present = self.interfaces.by_index(watched.index).is_some();
        }
    }

    fn note_changed(&mut self, now: Timestamp, changes: &mut Vec<Note>) {
        for interface in self.interfaces.iter() {
            let is_new = self.taps.by_index(interface.index).is_none();
            let tap = self.taps.add(interface);
            if is_new {
                continue;
            }
            if tap.name != interface.name {
                let old = std::mem::replace(&mut tap.name, interface.name.clone());
                if tap.chosen {
                    changes.push(change(tap, &format!("renamed from {old}")));
                }
                // A new name is a new interface on the tape.
                tap.target = None;
                for watched in self.sources.iter_mut().filter_map(|source| source.watched.as_mut()) {
                    if watched.index == interface.index || (watched.is_spare() && watched.name == old) {
                        watched.name.clone_from(&interface.name);
                    }
                }
            }
            let link = Link::of_hardware(interface.hardware);
            if tap.link != link {
                // So is a new link type.
                tap.link = link;
                tap.target = None;
            }
            if tap.up != interface.up && tap.chosen {
                changes.push(change(tap, if interface.up { "up" } else { "down" }));
                if interface.up {
                    changes.extend(tap.off_since.take().map(|from| gap(from, now, &tap.name, "was down")));
                } else {
                    tap.off_since = Some(now);
                }
            }
            tap.up = interface.up;
        }
    }

    /// Takes up interfaces that are wanted and not recorded yet.
    fn choose(&mut self, options: &Options, now: Timestamp, changes: &mut Vec<Note>) {
        let chosen = options.selection.choose(&self.interfaces);
        let shared = self.is_shared();
        for one in &chosen {
            let Some(interface) = self.interfaces.by_index(one.index).cloned() else { continue };
            let is_recorded = self.taps.by_index(one.index).is_some_and(|tap| tap.chosen);
            if is_recorded {
                continue;
            }
            if shared {
                self.promiscuous_shared(options, &interface);
            } else if let Err(error) = self.take_up(options, &interface) {
                changes.push(Note::Trouble { place: interface.name.clone(), message: error.to_string() });
                // Another change, of whatever kind, tries again.
                continue;
            }
            self.taps.choose(std::slice::from_ref(one));
            let back = self.gone.remove(&interface.name);
            let Some(tap) = self.taps.by_index(one.index) else { continue };
            changes.push(change(tap, if back.is_some() { "back" } else { "added" }));
            match back {
                Some(from) if tap.up => changes.push(gap(from, now, &tap.name, "was gone")),
                from => tap.off_since = if tap.up { None } else { from.or(Some(now)) },
            }
        }
        self.taps.choose(&chosen);
    }
}

fn change(tap: &Tap, change: &str) -> Note {
    Note::Interface { interface: tap.target, name: tap.name.clone(), change: change.into() }
}

fn gap(from: Timestamp, to: Timestamp, name: &str, what: &str) -> Note {
    Note::Gap { from, to, reason: format!("interface {name} {what}") }
}
