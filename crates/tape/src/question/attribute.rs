//! Which of some flows a packet belongs to, by its key and its place in the order of arrival.

use std::collections::HashMap;

use flow::{FlowPart, key_of};
use packet::decode::Fragment;
use packet::{Address, FlowKey, Headers};

use super::gather::Gathered;

/// Finds the flow of a packet among those it was made of.
pub(crate) struct Attribution {
    /// By key, either way round: the flows that have had it, with their first and last arrival numbers.
    flows: HashMap<FlowKey, Vec<Span>>,
    /// Keys of the first fragments of datagrams.
    datagrams: HashMap<Datagram, FlowKey>,
    /// Keys by the arrival numbers of the flows' first packets: that can be a later fragment, if the first one was so long
    /// ago that it was of another flow.
    beginnings: HashMap<u64, FlowKey>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    first: u64,
    last: u64,
    flow: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Datagram {
    src: Address,
    dest: Address,
    proto: u8,
    id: u32,
}

/// Datagrams whose first fragment is remembered.
const DATAGRAMS_MAX: usize = 1 << 14;

impl Attribution {
    /// Attributes to flows by their index.
    pub(super) fn new<'a>(flows: impl IntoIterator<Item = (usize, &'a Gathered)>) -> Self {
        let spans = flows.into_iter().map(|(flow, Gathered { row, .. })| {
            (row.key(), Span { first: row.first_arrival, last: row.last_arrival, flow })
        });
        Self::of(spans)
    }

    /// Attributes to parts of flows by their index.
    pub(crate) fn of_parts(parts: &[FlowPart]) -> Self {
        let spans = parts
            .iter()
            .enumerate()
            .map(|(flow, part)| (part.key, Span { first: part.first_arrival, last: part.last_arrival, flow }));
        Self::of(spans)
    }

    fn of(spans: impl Iterator<Item = (FlowKey, Span)>) -> Self {
        let mut by_key: HashMap<FlowKey, Vec<Span>> = HashMap::new();
        let mut beginnings = HashMap::new();
        for (key, span) in spans {
            let (key, _) = key.canonical();
            beginnings.insert(span.first, key);
            by_key.entry(key).or_default().push(span);
        }
        Self { flows: by_key, datagrams: HashMap::new(), beginnings }
    }

    /// The flow of a packet. Packets have to come in the order of arrival, for the sake of fragments.
    pub(crate) fn flow_of(&mut self, headers: &Headers, arrival: u64) -> Option<usize> {
        let key = match headers.fragment {
            Some(fragment) => self.key_of_fragment(key_of(headers), fragment, arrival),
            None => key_of(headers),
        };
        let (key, _) = key.canonical();
        let spans = self.flows.get(&key)?;
        spans.iter().find(|span| (span.first..=span.last).contains(&arrival)).map(|span| span.flow)
    }

    fn key_of_fragment(&mut self, key: FlowKey, fragment: Fragment, arrival: u64) -> FlowKey {
        let datagram = Datagram { src: key.src, dest: key.dest, proto: key.proto, id: fragment.id };
        if fragment.offset > 0 {
            let known = self.datagrams.get(&datagram).copied();
            return known.unwrap_or_else(|| match self.beginnings.get(&arrival).copied() {
                Some(begun) => {
                    self.note(datagram, begun);
                    begun
                }
                None => key,
            });
        }
        if fragment.more {
            self.note(datagram, key);
        }
        key
    }

    fn note(&mut self, datagram: Datagram, key: FlowKey) {
        if self.datagrams.len() >= DATAGRAMS_MAX {
            self.datagrams.clear();
        }
        self.datagrams.insert(datagram, key);
    }
}
