//! Connections that were announced, until they come.

use std::collections::VecDeque;

use packet::Address;

use crate::fragments::{TCP, UDP};
use crate::protocols::Parties;
use crate::sink::{Body, Expected, FileId, FileStart};
use crate::{At, Ends, Field, Sink};

/// Announcements that are remembered.
const EXPECTED_MAX: usize = 1024;
/// How long they are, in nanoseconds.
const AGE_NS_MAX: u64 = 300_000_000_000;

/// Announcements, the oldest first, with the time of each.
#[derive(Debug, Default)]
pub(crate) struct Expectations {
    expected: VecDeque<(u64, Expected)>,
}

impl Expectations {
    /// The announcement of a conversation, if there is one; the latest counts.
    #[inline]
    pub(crate) fn take(&mut self, parties: &Parties, now: u64) -> Option<Expected> {
        if self.expected.is_empty() { None } else { self.find(parties, now) }
    }

    fn find(&mut self, parties: &Parties, now: u64) -> Option<Expected> {
        let proto = if parties.is_stream { TCP } else { UDP };
        self.expected.retain(|(since, _)| now.saturating_sub(*since) <= AGE_NS_MAX);
        let is_it = |(_, expected): &(u64, Expected)| {
            expected.proto == proto && parties.side_of(expected.address, expected.port).is_some()
        };
        let found = self.expected.iter().rposition(is_it)?;
        self.expected.remove(found).map(|(_, expected)| expected)
    }

    /// Adds an announcement that nobody was heard to make, unless somebody was.
    pub(crate) fn add_unheard(&mut self, expected: Expected, now: u64) {
        if !self.expected.iter().any(|(_, known)| is_same(known, &expected)) {
            self.add(expected, now);
        }
    }

    fn add(&mut self, expected: Expected, now: u64) {
        self.expected.retain(|(_, known)| !is_same(known, &expected));
        if self.expected.len() >= EXPECTED_MAX {
            self.expected.pop_front();
        }
        self.expected.push_back((now, expected));
    }
}

/// Whether two announcements are of the same place.
fn is_same(one: &Expected, other: &Expected) -> bool {
    (one.address, one.port, one.proto) == (other.address, other.port, other.proto)
}

/// A sink on whose way announcements are remembered.
pub(crate) struct Overheard<'a> {
    pub(crate) sink: &'a mut dyn Sink,
    pub(crate) expectations: &'a mut Expectations,
    pub(crate) now: u64,
    /// Between whom is what the sink is told of.
    pub(crate) parties: Option<Parties>,
}

impl Sink for Overheard<'_> {
    fn expect(&mut self, at: At, expected: Expected) {
        self.expectations.add(expected.clone(), self.now);
        self.sink.expect(at, expected);
    }

    fn protocol(&mut self, at: At, name: &'static str) {
        self.sink.protocol(at, name);
    }

    fn fact(&mut self, at: At, field: Field, text: &str) {
        self.sink.fact(at, field, text);
    }

    fn resolved(&mut self, at: At, name: &str, address: Address) {
        self.sink.resolved(at, name, address);
    }

    fn file_start(&mut self, at: At, start: FileStart) -> FileId {
        self.sink.file_start(at, FileStart { between: self.parties, ..start })
    }

    fn file_data(&mut self, file: FileId, body: Body, bytes: &[u8]) {
        self.sink.file_data(file, body, bytes);
    }

    fn file_gap(&mut self, file: FileId, body: Body, bytes: u64) {
        self.sink.file_gap(file, body, bytes);
    }

    fn file_seek(&mut self, file: FileId, offset: u64) {
        self.sink.file_seek(file, offset);
    }

    fn file_end(&mut self, file: FileId, ends: Ends) {
        self.sink.file_end(file, ends);
    }

    fn oddity(&mut self, at: At, what: &'static str) {
        self.sink.oddity(at, what);
    }
}
