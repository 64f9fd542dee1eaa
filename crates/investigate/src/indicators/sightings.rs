//! Where indicators have been seen.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use packet::{Address, Timestamp};

use super::{Observation, Observing, Watchlist, What, is_reserved};
use crate::files::{FoundFile, Hex};

/// Flows, hosts and hours that are told apart of one indicator; beyond, they are counted together.
const APART_MAX: usize = 100_000;
/// Values that are kept as examples of what an indicator covers.
const EXAMPLES_MAX: usize = 8;
/// Flows whose ends are remembered for what is said in them.
const MEETINGS_MAX: usize = 4 << 20;
const HOUR_NS: i64 = 3_600_000_000_000;

/// Who met whom.
#[derive(Clone, Copy, Debug)]
pub struct Meeting {
    /// The flow.
    pub flow: u64,
    /// Its first packet.
    pub first: Timestamp,
    /// Its last packet.
    pub last: Timestamp,
    /// Who began.
    pub client: Address,
    /// Who was talked to.
    pub server: Address,
}

/// What there is of one indicator.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How often: flows with an address, and each time that anything else was said; by rows, flows.
    pub count: u64,
    /// First time.
    pub first: Option<Timestamp>,
    /// Last time.
    pub last: Option<Timestamp>,
    /// Flows.
    pub flows: BTreeSet<u64>,
    /// Hosts on the near side: those that met it.
    pub hosts: BTreeSet<Address>,
    /// Fields that told it.
    pub fields: BTreeSet<&'static str>,
    /// What was seen, where that is not the indicator itself.
    pub values: BTreeSet<String>,
}

/// How much there is of a host, or of an hour.
#[derive(Clone, Debug, Default)]
pub struct Summed {
    /// Indicators, by their places.
    pub indicators: BTreeSet<usize>,
    /// Flows.
    pub flows: BTreeSet<u64>,
    /// First and last time.
    pub times: Option<(Timestamp, Timestamp)>,
}

/// Collects where the indicators of a list have been seen.
pub struct Sightings<'a> {
    list: &'a Watchlist,
    seen: BTreeMap<usize, Seen>,
    hosts: BTreeMap<Address, Summed>,
    hours: BTreeMap<Timestamp, Summed>,
    meetings: HashMap<u64, (Address, Address)>,
    /// Flows with files whose hashes are not known.
    unhashed: BTreeSet<u64>,
    /// The row that is being told.
    row: Option<Meeting>,
}

impl<'a> Sightings<'a> {
    /// Of a list, nothing seen yet.
    pub fn new(list: &'a Watchlist) -> Self {
        let (seen, hosts, hours) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { list, seen, hosts, hours, meetings: HashMap::new(), unhashed: BTreeSet::new(), row: None }
    }

    fn addresses(&mut self, meeting: &Meeting) {
        let ends = [(meeting.client, meeting.server, "src_ip"), (meeting.server, meeting.client, "dest_ip")];
        for (address, other, field) in ends {
            let places: Vec<usize> = self.list.address(address).collect();
            for place in places {
                let sighting = Sighting {
                    place,
                    field,
                    flow: meeting.flow,
                    host: Some(other),
                    first: meeting.first,
                    last: meeting.last,
                };
                self.add(&sighting, Some(address.to_string()));
            }
        }
    }

    /// The indicators that were seen, by their places.
    pub fn seen(&self) -> &BTreeMap<usize, Seen> {
        &self.seen
    }

    /// What each host met.
    pub fn hosts(&self) -> &BTreeMap<Address, Summed> {
        &self.hosts
    }

    /// What was seen in each hour, by its beginning.
    pub fn hours(&self) -> &BTreeMap<Timestamp, Summed> {
        &self.hours
    }

    /// How many flows moved files that may be listed: not all of a file was there, so that its hash is not known.
    pub fn unhashed_flows(&self) -> u64 {
        self.unhashed.len() as u64
    }

    fn file(&mut self, observation: &Observation<'_>, file: &FoundFile) {
        let hashes = file.hashes.iter().chain(file.wire.iter().filter_map(|wire| wire.hashes.as_ref()));
        let hashes: Vec<[String; 3]> = hashes
            .map(|hashes| {
                [Hex(&hashes.sha256).to_string(), Hex(&hashes.sha1).to_string(), Hex(&hashes.md5).to_string()]
            })
            .collect();
        if file.hashes.is_none() && !file.is_told_otherwise() && self.list.has_files() {
            insert(&mut self.unhashed, file.flow, APART_MAX);
        }
        for hash in hashes.iter().flatten() {
            let places: Vec<usize> = self.list.text(hash).collect();
            places.into_iter().for_each(|place| self.said(observation, place, file.name.clone()));
        }
    }

    fn said(&mut self, observation: &Observation<'_>, place: usize, value: Option<String>) {
        let (at, field) = (observation.at, observation.field);
        let meeting = self.meetings.get(&at.flow).copied();
        let (meeting, first, last) = match &self.row {
            Some(_) if self.seen.get(&place).is_some_and(|seen| seen.has(at.flow, field)) => return,
            Some(row) => (Some((row.client, row.server)), row.first, row.last),
            None => (meeting, at.time, at.time),
        };
        let host = meeting.map(|(client, server)| near(client, server));
        self.add(&Sighting { place, field, flow: at.flow, host, first, last }, value);
    }

    fn add(&mut self, sighting: &Sighting, value: Option<String>) {
        let seen = self.seen.entry(sighting.place).or_default();
        seen.count += 1;
        seen.first = Some(seen.first.map_or(sighting.first, |first| first.min(sighting.first)));
        seen.last = seen.last.max(Some(sighting.last));
        insert(&mut seen.flows, sighting.flow, APART_MAX);
        seen.fields.insert(sighting.field);
        let own = self.list.listed().get(sighting.place).map(|one| one.indicator.value.as_str());
        if let Some(value) = value.filter(|value| Some(value.as_str()) != own) {
            insert(&mut seen.values, value, EXAMPLES_MAX);
        }
        if let Some(host) = sighting.host {
            insert(&mut seen.hosts, host, APART_MAX);
            sum(&mut self.hosts, host, sighting);
        }
        let hour = Timestamp(sighting.first.0 - sighting.first.0.rem_euclid(HOUR_NS));
        sum(&mut self.hours, hour, sighting);
    }
}

impl Observing for Sightings<'_> {
    fn meet(&mut self, flow: u64, client: Address, server: Address) {
        if self.meetings.len() < MEETINGS_MAX {
            self.meetings.entry(flow).or_insert((client, server));
        }
    }

    fn begin_row(&mut self, meeting: &Meeting) {
        self.addresses(meeting);
        self.row = Some(*meeting);
    }

    fn end_row(&mut self) {
        self.row = None;
    }

    fn observe(&mut self, observation: &Observation<'_>) {
        let (places, value): (Vec<usize>, _) = match observation.what {
            What::Address(address) => (self.list.address(address).collect(), Some(address.to_string())),
            What::Name(name) => (self.list.name(name).collect(), Some(name.to_owned())),
            What::Text(_, text) => (self.list.text(text).collect(), Some(text.to_owned())),
            What::Listed(place) => (vec![place], None),
            What::File(file) => return self.file(observation, file),
        };
        places.into_iter().for_each(|place| self.said(observation, place, value.clone()));
    }
}

impl Seen {
    /// Whether a field of a flow told it.
    fn has(&self, flow: u64, field: &str) -> bool {
        self.fields.contains(field) && self.flows.contains(&flow)
    }
}

/// Which of the two met the other: the client, unless only the server can be ours.
fn near(client: Address, server: Address) -> Address {
    if is_reserved(server) && !is_reserved(client) { server } else { client }
}

struct Sighting {
    place: usize,
    field: &'static str,
    flow: u64,
    host: Option<Address>,
    first: Timestamp,
    last: Timestamp,
}

fn sum<K: Ord>(sums: &mut BTreeMap<K, Summed>, key: K, sighting: &Sighting) {
    if sums.len() >= APART_MAX && !sums.contains_key(&key) {
        return;
    }
    let sum = sums.entry(key).or_default();
    sum.indicators.insert(sighting.place);
    insert(&mut sum.flows, sighting.flow, APART_MAX);
    let (first, last) = sum.times.unwrap_or((sighting.first, sighting.last));
    sum.times = Some((first.min(sighting.first), last.max(sighting.last)));
}

fn insert<T: Ord>(set: &mut BTreeSet<T>, value: T, most: usize) {
    if set.len() < most {
        set.insert(value);
    }
}
