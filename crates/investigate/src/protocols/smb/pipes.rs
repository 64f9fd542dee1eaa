//! Pipes, and the calls that go through them (MS-SMB2 2.2.31, MS-CIFS 2.2.5.6): DCE/RPC, as over connections of its own.

use std::collections::BTreeMap;

use super::Key;
use crate::protocols::carried::Way;
use crate::protocols::intake::Payload;
use crate::protocols::{Parties, Protocol, Step, dcerpc};
use crate::{At, Side, Sink};

/// Pipes that are open at the same time; beyond it the lowest is given up.
const PIPES_MAX: usize = 64;

/// The pipes of a conversation; those that speak nothing that is known have nobody who follows them.
#[derive(Default)]
pub(super) struct Pipes {
    open: BTreeMap<Key, Option<Box<dyn Protocol>>>,
}

impl Pipes {
    /// What goes through a pipe.
    pub(super) fn said(&mut self, key: Key, way: Way, at: At, payload: Payload<'_>, sink: &mut dyn Sink) {
        if self.open.len() >= PIPES_MAX && !self.open.contains_key(&key) {
            self.open.pop_first();
        }
        let begin = || Some((dcerpc::RECOGNISED.begin)(&Parties::default()));
        let talk = self.open.entry(key).or_insert_with(begin);
        let side = if way == Way::Written { Side::Client } else { Side::Server };
        let step = match (talk.as_mut(), payload) {
            (None, _) => return,
            (Some(talk), Payload::Bytes(bytes)) => talk.data(side, at, bytes, sink),
            (Some(talk), Payload::Missing(bytes)) => talk.gap(side, at, bytes, sink),
        };
        if step != Step::Go {
            *talk = None;
        }
    }

    /// A pipe is closed.
    pub(super) fn close(&mut self, key: &Key) {
        self.open.remove(key);
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.open.values().flatten().map(|talk| 512 + talk.held_bytes()).sum()
    }
}
