//! What payload says of a flow.

use packet::{Address, Headers, Packet, Timestamp};

use crate::part::FlowId;

/// Values of one field that are kept.
const VALUES_MAX: usize = 64;
/// Bytes of a value that are kept.
const VALUE_BYTES_MAX: usize = 1024;

/// A field that payload gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadField {
    /// Its name, as in the JSON and the Parquet columns.
    pub name: &'static str,
    /// It can have several values; of the others the first counts.
    pub is_list: bool,
    /// That there were more values than are kept is noted.
    notes_more: bool,
}

/// The field that names those that had more, or longer, values than are kept.
const MORE: &str = "more_values";

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
    several("mail_from"),
    several("mail_to"),
    several("mail_subject"),
    several("file_name"),
    several("user"),
    several("host_name"),
    several("software"),
    several(MORE),
];

/// The first value is what the field means.
const fn first(name: &'static str) -> PayloadField {
    PayloadField { name, is_list: false, notes_more: false }
}

/// There is room for one value.
const fn one(name: &'static str) -> PayloadField {
    PayloadField { name, is_list: false, notes_more: true }
}

const fn several(name: &'static str) -> PayloadField {
    PayloadField { name, is_list: true, notes_more: true }
}

/// What payload says of a flow: few of the fields, so only those that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    values: Vec<(&'static str, Box<str>)>,
}

impl Payload {
    /// Notes a value of a field; what is no field of payload, comes again, or is too much, is left out. True if it is new.
    pub fn add(&mut self, name: &str, value: &str) -> bool {
        let Some(field) = PAYLOAD_FIELDS.iter().find(|field| field.name == name) else { return false };
        let most = if field.is_list { VALUES_MAX } else { 1 };
        let kept = value.get(..value.floor_char_boundary(VALUE_BYTES_MAX)).unwrap_or_default();
        let known = || self.values(field.name);
        if kept.is_empty() || known().any(|known| known == kept) {
            return false;
        }
        let has_room = known().count() < most;
        if has_room {
            self.values.push((field.name, kept.into()));
        }
        if field.notes_more && (!has_room || kept.len() < value.len()) {
            self.add(MORE, field.name);
        }
        has_room
    }

    /// All that was told: fields by their names, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (*name, &**value))
    }

    /// The values of a field, in the order in which they were told.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(of, _)| *of == name).map(|(_, value)| &**value)
    }

    /// The first value of a field.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(of, _)| *of == name).map(|(_, value)| &**value)
    }

    /// Adds what was told later.
    pub fn merge(&mut self, later: &Self) {
        for (name, value) in &later.values {
            self.add(name, value);
        }
    }

    /// Whether nothing was told.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Bytes that it takes.
    pub fn held_bytes(&self) -> usize {
        self.values.iter().map(|(_, value)| value.len() + size_of::<(&str, Box<str>)>()).sum()
    }
}

/// Reads what is said in flows.
pub trait PayloadReader: Send {
    /// The next packet in the order of arrival.
    fn packet(&mut self, flow: FlowId, from_client: bool, packet: &Packet<'_>, headers: &Headers);

    /// A flow has ended.
    fn end(&mut self, flow: FlowId);

    /// Nothing more comes.
    fn finish(&mut self);

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
        merged.merge(&payload);
        assert_eq!(merged.first("tls_sni"), Some("first.example"));
    }
}
