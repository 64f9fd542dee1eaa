//! Everything that was seen, each once, with how often and when.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use packet::{Address, Timestamp};

use super::reserved::is_local_name;
use super::{Indicator, Kind, Meeting, Observation, Observing, Watchlist, What, is_reserved, url};
use crate::files::{FoundFile, Hashes, Hex};

/// Indicators that are told apart.
const ITEMS_MAX: usize = 1 << 20;
/// Flows that are told apart of one.
const FLOWS_MAX: usize = 10_000;
/// Names of a file that are kept.
const NAMES_MAX: usize = 8;

/// Something that was seen.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// How often it was said; of an address, and where rows tell it, its flows.
    pub count: u64,
    /// First time.
    pub first: Timestamp,
    /// Last time.
    pub last: Timestamp,
    /// Flows, of which at most 10,000 are told apart.
    pub flows: BTreeSet<u64>,
    /// It was the one that began, at least once; of addresses.
    pub is_client: bool,
    /// Other hashes of the same file.
    pub also: Vec<Indicator>,
    /// Names of the file.
    pub names: BTreeSet<String>,
    /// Size of the file in bytes.
    pub size: Option<u64>,
}

/// Everything that was seen, each once; what says nothing outside, and what is allowed, is counted alone.
pub struct Tally {
    items: HashMap<Indicator, Item>,
    allowed: Watchlist,
    private: BTreeMap<Kind, BTreeSet<String>>,
    left_out: BTreeSet<Indicator>,
    beyond: u64,
    /// Kinds that are wanted; empty is all.
    kinds: Vec<Kind>,
    /// First and last time of the row that is being told.
    row: Option<(Timestamp, Timestamp)>,
}

impl Tally {
    /// Nothing seen yet; what `allowed` covers will be left out.
    pub fn new(allowed: Watchlist) -> Self {
        let (private, left_out) = (BTreeMap::new(), BTreeSet::new());
        Self { items: HashMap::new(), allowed, private, left_out, beyond: 0, kinds: Vec::new(), row: None }
    }

    /// Of these kinds alone; none is all.
    pub fn only(self, kinds: &[Kind]) -> Self {
        Self { kinds: kinds.to_vec(), ..self }
    }

    fn addresses(&mut self, meeting: &Meeting) {
        for (address, is_client) in [(meeting.client, true), (meeting.server, false)] {
            self.address(address, is_client, meeting);
            if meeting.client == meeting.server {
                break;
            }
        }
    }

    /// What was seen, by kind and value.
    pub fn into_items(self) -> Vec<(Indicator, Item)> {
        let mut items: Vec<(Indicator, Item)> = self.items.into_iter().collect();
        items.sort_by(|(one, _), (other, _)| one.cmp(other));
        items
    }

    /// How many were left out: addresses and names of private networks, what is allowed, and what was too much.
    pub fn left_out(&self) -> (usize, usize, u64) {
        (self.private.values().map(BTreeSet::len).sum(), self.left_out.len(), self.beyond)
    }

    fn address(&mut self, address: Address, is_client: bool, meeting: &Meeting) {
        let text = address.to_string();
        if is_reserved(address) {
            return self.private(Kind::Address, text);
        }
        let Some(item) = self.item(Indicator { kind: Kind::Address, value: text }, meeting.flow, meeting.first) else {
            return;
        };
        item.is_client |= is_client;
        item.last = item.last.max(meeting.last);
    }

    fn file(&mut self, observation: &Observation<'_>, file: &FoundFile) {
        let Some(Hashes { sha256, sha1, md5 }) = file.hashes.filter(|_| !file.is_piece) else { return };
        let named = |kind, bytes: &[u8]| Indicator { kind, value: Hex(bytes).to_string() };
        let also = [named(Kind::Sha1, &sha1), named(Kind::Md5, &md5)];
        if also.iter().any(|hash| self.allowed.covers(hash)) {
            insert(&mut self.left_out, named(Kind::Sha256, &sha256), ITEMS_MAX);
            return;
        }
        let at = observation.at;
        let Some(item) = self.item(named(Kind::Sha256, &sha256), at.flow, at.time) else { return };
        item.also = also.to_vec();
        item.size = file.size;
        if let Some(name) = &file.name {
            insert(&mut item.names, name.clone(), NAMES_MAX);
        }
    }

    fn private(&mut self, kind: Kind, value: String) {
        if !self.wants(kind) {
            return;
        }
        insert(self.private.entry(kind).or_default(), value, ITEMS_MAX);
    }

    fn wants(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// The item, with this sighting added; `None` if it is left out.
    fn item(&mut self, indicator: Indicator, flow: u64, time: Timestamp) -> Option<&mut Item> {
        if !self.wants(indicator.kind) {
            return None;
        }
        if !self.items.contains_key(&indicator) {
            if self.allowed.covers(&indicator) {
                insert(&mut self.left_out, indicator, ITEMS_MAX);
                return None;
            }
            if self.items.len() >= ITEMS_MAX {
                self.beyond += 1;
                return None;
            }
        }
        let item = self.items.entry(indicator).or_insert_with(|| Item { first: time, last: time, ..Item::default() });
        let is_known = item.flows.len() >= FLOWS_MAX || item.flows.contains(&flow);
        let (first, last) = match self.row {
            // The packets have told it.
            Some(_) if is_known => return None,
            times => times.unwrap_or((time, time)),
        };
        item.count += 1;
        item.first = item.first.min(first);
        item.last = item.last.max(last);
        insert(&mut item.flows, flow, FLOWS_MAX);
        Some(item)
    }
}

impl Observing for Tally {
    fn begin_row(&mut self, meeting: &Meeting) {
        self.addresses(meeting);
        self.row = Some((meeting.first, meeting.last));
    }

    fn end_row(&mut self) {
        self.row = None;
    }

    fn observe(&mut self, observation: &Observation<'_>) {
        let at = observation.at;
        let (kind, value) = match observation.what {
            What::Name(name) if is_local_name(name) => return self.private(Kind::Domain, name.to_owned()),
            What::Name(name) => (Kind::Domain, name),
            What::Text(Kind::Url, text) if is_local_url(text) => return self.private(Kind::Url, text.to_owned()),
            // What a server is like says little about it.
            What::Text(Kind::Ja3, _) if observation.field == "ja3s" => return,
            What::Text(kind, text) => (kind, text),
            What::File(file) => return self.file(observation, file),
            // Those that were talked to are told by the flows.
            What::Address(_) | What::Listed(_) => return,
        };
        self.item(Indicator { kind, value: value.to_owned() }, at.flow, at.time);
    }
}

fn is_local_url(text: &str) -> bool {
    url::host(text).is_some_and(|host| match host.parse::<std::net::IpAddr>() {
        Ok(ip) => is_reserved(ip.into()),
        Err(_) => is_local_name(host),
    })
}

fn insert<T: Ord>(set: &mut BTreeSet<T>, value: T, most: usize) {
    if set.len() < most {
        set.insert(value);
    }
}
