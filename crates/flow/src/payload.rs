//! What payload says of a flow.

use std::fmt;

use packet::{Address, Headers, Packet, Timestamp};

use crate::FlowRow;
use crate::lane::{Lane, LaneSet};
use crate::part::FlowId;

/// Values of one field that are kept.
const VALUES_MAX: usize = 64;
/// Hashes of files that are: one connection to a server can bring hundreds.
const HASHES_MAX: usize = 1024;
/// Bytes of a value that are kept.
const VALUE_BYTES_MAX: usize = 1024;

/// A field that payload gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadField {
    /// Its name, as in the JSON and the Parquet columns.
    pub name: &'static str,
    /// It can have several values; of the others the first counts.
    pub is_list: bool,
    values_max: usize,
    /// That there were more values than are kept is noted.
    notes_more: bool,
}

/// Protocols that say nothing that can be read behind their beginning.
const ENCRYPTED: [&str; 7] = ["tls", "dtls", "quic", "ssh", "wireguard", "ike", "openvpn"];

/// The field that names those that had more, or longer, values than are kept.
const MORE: &str = "more_values";

/// The field that a head seldom has whole: of a file that goes on behind it there is no hash.
pub const FILE_HASHES: &str = "file_sha256";

/// Every field that payload gives, in the order in which they are shown.
pub const PAYLOAD_FIELDS: &[PayloadField] = &[
    first("app_proto"),
    one("tls_sni"),
    several("tls_alpn"),
    first("tls_version"),
    one("ja3"),
    one("ja3s"),
    one("ja4"),
    one("hassh"),
    first("cert_sha256"),
    one("http_hostname"),
    one("http_user_agent"),
    several("dns_queries"),
    several("dns_answers"),
    first("dest_name"),
    several("cert_subject"),
    several("cert_issuer"),
    several("cert_chain"),
    several("mail_from"),
    several("mail_to"),
    several("mail_subject"),
    several("file_name"),
    PayloadField { values_max: HASHES_MAX, ..several(FILE_HASHES) },
    several("user"),
    several("host_name"),
    several("software"),
    several("detail"),
    several(MORE),
];

/// The first value is what the field means.
const fn first(name: &'static str) -> PayloadField {
    PayloadField { name, is_list: false, values_max: 1, notes_more: false }
}

/// There is room for one value.
const fn one(name: &'static str) -> PayloadField {
    PayloadField { name, is_list: false, values_max: 1, notes_more: true }
}

const fn several(name: &'static str) -> PayloadField {
    PayloadField { name, is_list: true, values_max: VALUES_MAX, notes_more: true }
}

/// What payload says of a flow: few of the fields, so only those that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    values: Vec<Said>,
    /// Not all that was said was read: what is not here may have been said all the same.
    pub is_partial: bool,
    /// By what name the server's address was known then was not remembered any more.
    pub is_nameless: bool,
}

/// A value of a field.
#[derive(Clone)]
struct Said {
    field: &'static str,
    text: Box<str>,
    /// The first arrival number of the part that it was said in; 0 if that is not known.
    arrival: u64,
}

impl PartialEq for Said {
    fn eq(&self, other: &Self) -> bool {
        (self.field, &self.text) == (other.field, &other.text)
    }
}

impl Eq for Said {}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.field, self.text)
    }
}

impl Payload {
    /// Of what was not read, or not all of it.
    pub fn partial() -> Self {
        Self { is_partial: true, ..Self::default() }
    }

    /// Notes a value of a field; what is no field of payload, comes again, or is too much, is left out. True if it is new.
    pub fn add(&mut self, name: &str, value: &str) -> bool {
        let Some(field) = PAYLOAD_FIELDS.iter().find(|field| field.name == name) else { return false };
        let kept = value.get(..value.floor_char_boundary(VALUE_BYTES_MAX)).unwrap_or_default();
        let known = || self.values(field.name);
        if kept.is_empty() || known().any(|known| known == kept) {
            return false;
        }
        let has_room = known().count() < field.values_max;
        if has_room {
            self.values.push(Said { field: field.name, text: kept.into(), arrival: 0 });
        }
        if field.notes_more && (!has_room || kept.len() < value.len()) {
            self.add(MORE, field.name);
        }
        has_room
    }

    /// Notes that a list had values that are not here.
    pub fn note_more(&mut self, name: &str) {
        self.add(MORE, name);
    }

    /// Forgets that a list had values that are not here.
    pub fn forget_more(&mut self, name: &str) {
        self.values.retain(|said| said.field != MORE || &*said.text != name);
    }

    /// As of a part whose first packet has this arrival number.
    pub fn since(mut self, arrival: u64) -> Self {
        self.values.iter_mut().for_each(|said| said.arrival = arrival);
        self
    }

    /// The values of a field, in the order in which they were told.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(of, _)| *of == name).map(|(_, value)| value)
    }

    /// All fields with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|said| (said.field, &*said.text))
    }

    /// The first value of a field.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.iter().find(|(of, _)| *of == name).map(|(_, value)| value)
    }

    /// Adds what was told in a part whose first packet has this arrival number; the order of parts does not matter, as
    /// far as there is room.
    pub fn merge(&mut self, part: &Self, arrival: u64) {
        self.is_partial |= part.is_partial;
        self.is_nameless |= part.is_nameless;
        for Said { field, text, .. } in &part.values {
            self.insert(field, text, arrival);
        }
        self.values.sort_by_key(|said| said.arrival);
    }

    fn insert(&mut self, name: &'static str, text: &str, arrival: u64) {
        let Some(field) = PAYLOAD_FIELDS.iter().find(|field| field.name == name) else { return };
        let has_room = self.values(name).count() < field.values_max;
        let mut known = self.values.iter_mut().filter(|said| said.field == name);
        if let Some(same) = known.find(|said| *said.text == *text) {
            same.arrival = same.arrival.min(arrival);
            return;
        }
        let said = Said { field: name, text: text.into(), arrival };
        let latest = self.values.iter_mut().filter(|said| said.field == name).max_by_key(|said| said.arrival);
        match latest {
            _ if has_room => self.values.push(said),
            Some(latest) if arrival < latest.arrival => *latest = said,
            Some(_) | None => {}
        }
        if !has_room && field.notes_more {
            self.insert(MORE, name, arrival);
        }
    }

    /// Whether a field may have had values that are not here; of those that mean one value, another first one.
    pub fn may_lack(&self, name: &str) -> bool {
        let is_list = || PAYLOAD_FIELDS.iter().any(|field| field.name == name && field.is_list);
        self.is_partial
            || (self.is_nameless && name == "dest_name")
            || (self.values(MORE).any(|more| more == name) && is_list())
            || self.values(name).any(is_cut)
    }

    /// Whether fields that `more_values` does not name may have had values that are not here.
    pub fn may_lack_untold(&self) -> bool {
        self.is_partial || self.is_nameless || self.iter().any(|(_, value)| is_cut(value))
    }

    /// Whether these lanes hold what follows the head, and that can tell anything: where it is encrypted, or nobody is
    /// recognised, the head told all.
    pub(crate) fn goes_on_in(&self, lanes: LaneSet) -> bool {
        let is_in_clear = self.first("app_proto").is_some_and(|protocol| !ENCRYPTED.contains(&protocol));
        is_in_clear && lanes.iter().any(|lane| lane == Lane::Bulk)
    }

    /// Whether nothing was told.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Bytes that it takes.
    pub fn held_bytes(&self) -> usize {
        self.values.iter().map(|said| said.text.len() + size_of::<Said>()).sum()
    }
}

/// Whether a value may have been longer; where it was cut depends on its letters.
fn is_cut(value: &str) -> bool {
    value.len() > VALUE_BYTES_MAX - 4
}

/// Reads what is said in flows.
pub trait PayloadReader: Send {
    /// What is known of a flow whose packets will come, perhaps without those of others that say what it is.
    fn known(&mut self, _row: &FlowRow) {}

    /// The next packet in the order of arrival.
    fn packet(&mut self, flow: FlowId, from_client: bool, packet: &Packet<'_>, headers: &Headers);

    /// A flow has ended.
    fn end(&mut self, flow: FlowId);

    /// Nothing more comes.
    fn finish(&mut self);

    /// Whether something was said in a flow that cannot be told before more of it comes, or its end.
    fn is_waiting(&self, flow: FlowId) -> bool;

    /// What was said in a flow since this was asked last, and by what name its server's address was known then.
    fn take(&mut self, flow: FlowId, server: Address, end: Timestamp) -> Option<Box<Payload>>;

    /// Forgets what was said in flows and not asked for.
    fn forget(&mut self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_once_and_bounded() {
        let mut payload = Payload::default();
        assert!(payload.add("tls_sni", "a.example"));
        for (name, value) in [("tls_sni", "b.example"), ("no_field", "x"), ("dns_queries", "")] {
            assert!(!payload.add(name, value), "{name}");
        }
        for number in 0..100 {
            payload.add("dns_queries", &format!("{number}.example"));
            payload.add("dns_queries", "0.example");
        }
        payload.add("mail_subject", &"\u{fc}".repeat(VALUE_BYTES_MAX));
        assert_eq!(payload.values("dns_queries").count(), VALUES_MAX);
        assert_eq!(payload.first("mail_subject").map(str::len), Some(VALUE_BYTES_MAX));
        assert_eq!(payload.values(MORE).collect::<Vec<_>>(), ["tls_sni", "dns_queries", "mail_subject"]);
        let mut merged = Payload::default();
        merged.add("tls_sni", "first.example");
        merged.merge(&payload, 1);
        assert_eq!(merged.first("tls_sni"), Some("first.example"));
        assert!(merged.may_lack("dns_queries") && !merged.may_lack("tls_sni"));
    }

    #[test]
    fn parts_are_merged_in_whatever_order() {
        let part = |values: &[(&str, &str)]| {
            let mut payload = Payload::default();
            values.iter().for_each(|(name, value)| assert!(payload.add(name, value)));
            payload
        };
        let parts = [
            part(&[("dns_queries", "a"), ("dns_queries", "b")]),
            part(&[("tls_sni", "x"), ("dns_queries", "c")]),
            part(&[("tls_sni", "y"), ("dns_queries", "a"), ("user", "z")]),
        ];
        let merged = |order: [usize; 3]| {
            let [first, rest @ ..] = order;
            let mut merged = parts[first].clone().since(first as u64);
            rest.iter().for_each(|number| merged.merge(&parts[*number], *number as u64));
            PAYLOAD_FIELDS
                .iter()
                .map(|field| merged.values(field.name).collect::<Vec<_>>().join(","))
                .collect::<Vec<_>>()
        };
        for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            assert_eq!(merged(order), merged([0, 1, 2]), "{order:?}");
        }
    }
}
