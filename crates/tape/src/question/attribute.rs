//! Which of some flows a packet belongs to, by its key and its place in the order of arrival.

use std::collections::HashMap;

use flow::{FlowPart, key_of};
use packet::decode::Fragment;
use packet::{Address, FlowKey, Headers};

use super::gather::Gathered;

/// Finds the flow of a packet among those it was made of.
pub(crate) struct Attribution {
    /// By key, either way round: the last one of the flows that have had it, by its place in `spans`.
    flows: HashMap<FlowKey, u32>,
    /// First and last arrival numbers of the flows.
    spans: Vec<Span>,
    /// Keys of the first fragments of datagrams.
    datagrams: HashMap<Datagram, FlowKey>,
    /// Keys by the arrival numbers of the flows' first packets: that can be a later fragment, if the first one was so long
    /// ago that it was of another flow. Made when such a fragment comes.
    beginnings: Option<HashMap<u64, FlowKey>>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    first: u64,
    last: u64,
    flow: usize,
    /// The one before it of those with the same key.
    previous: Option<u32>,
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
        Self::of(
            flows
                .into_iter()
                .map(|(flow, Gathered { row, .. })| (row.key(), (row.first_arrival, row.last_arrival), flow)),
        )
    }

    /// Attributes to parts of flows by their index.
    pub(crate) fn of_parts(parts: &[FlowPart]) -> Self {
        Self::of(parts.iter().enumerate().map(|(flow, part)| (part.key, (part.first_arrival, part.last_arrival), flow)))
    }

    fn of(ends: impl Iterator<Item = (FlowKey, (u64, u64), usize)>) -> Self {
        let (mut flows, mut spans) = (HashMap::new(), Vec::new());
        for (key, (first, last), flow) in ends {
            let (key, _) = key.canonical();
            let previous = flows.insert(key, spans.len() as u32);
            spans.push(Span { first, last, flow, previous });
        }
        Self { flows, spans, datagrams: HashMap::new(), beginnings: None }
    }

    /// The spans of flows that have had a key, the last one first.
    fn spans_of(&self, last: Option<u32>) -> impl Iterator<Item = &Span> {
        let span = |number: Option<u32>| number.and_then(|number| self.spans.get(number as usize));
        std::iter::successors(span(last), move |one| span(one.previous))
    }

    /// The flow of a packet. Packets have to come in the order of arrival, for the sake of fragments.
    pub(crate) fn flow_of(&mut self, headers: &Headers, arrival: u64) -> Option<usize> {
        let key = match headers.fragment {
            Some(fragment) => self.key_of_fragment(key_of(headers), fragment, arrival),
            None => key_of(headers),
        };
        let (key, _) = key.canonical();
        let mut spans = self.spans_of(self.flows.get(&key).copied());
        spans.find(|span| (span.first..=span.last).contains(&arrival)).map(|span| span.flow)
    }

    fn key_of_fragment(&mut self, key: FlowKey, fragment: Fragment, arrival: u64) -> FlowKey {
        let datagram = Datagram { src: key.src, dest: key.dest, proto: key.proto, id: fragment.id };
        if fragment.offset > 0 {
            let known = self.datagrams.get(&datagram).copied();
            return known.unwrap_or_else(|| match self.begun_at(arrival) {
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

    /// The key of the flow whose first packet has this arrival number.
    fn begun_at(&mut self, arrival: u64) -> Option<FlowKey> {
        if self.beginnings.is_none() {
            let begun = |(key, last): (&FlowKey, &u32)| {
                let key = *key;
                self.spans_of(Some(*last)).map(move |span| (span.first, key)).collect::<Vec<_>>()
            };
            self.beginnings = Some(self.flows.iter().flat_map(begun).collect());
        }
        self.beginnings.as_ref()?.get(&arrival).copied()
    }

    fn note(&mut self, datagram: Datagram, key: FlowKey) {
        if self.datagrams.len() >= DATAGRAMS_MAX {
            self.datagrams.clear();
        }
        self.datagrams.insert(datagram, key);
    }
}
