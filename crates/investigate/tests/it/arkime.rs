//! What Arkime's own tests say of sessions in the shared captures.

use std::collections::{BTreeMap, BTreeSet};

use investigate::Field;
use serde_json::Value;

use crate::captures::investigate;
use crate::collect::Collected;
use crate::shared::folder;

/// Where Arkime has something, and where it is here.
const SAME: [(&str, &str, &[Field]); 20] = [
    ("http", "host", &[Field::HttpHostname, Field::TlsSni]),
    ("http", "path", &[Field::HttpRequest]),
    ("http", "method", &[Field::HttpRequest]),
    ("http", "statuscode", &[Field::HttpStatus]),
    ("http", "useragent", &[Field::HttpUserAgent]),
    ("http", "user", &[Field::User]),
    ("tls", "ja3", &[Field::Ja3]),
    ("tls", "ja3s", &[Field::Ja3s]),
    ("tls", "ja4", &[Field::Ja4]),
    ("email", "src", &[Field::MailFrom]),
    ("email", "dst", &[Field::MailTo]),
    ("email", "subject", &[Field::MailSubject]),
    ("email", "id", &[Field::MailId]),
    ("ssh", "version", &[Field::Software]),
    ("ssh", "hassh", &[Field::Hassh]),
    ("ssh", "hasshServer", &[Field::HasshServer]),
    ("socks", "host", &[Field::Detail]),
    ("quic", "host", &[Field::TlsSni]),
    ("tftp", "filename", &[Field::Detail]),
    ("smb", "filename", &[Field::Detail]),
];

#[test]
fn fields_of_sessions_are_those_of_arkime() {
    let Some(folder) = folder() else { return };
    let text = std::fs::read_to_string(folder.join("truth/sessions.jsonl")).expect("truth");
    let mut told: BTreeMap<String, Collected> = BTreeMap::new();
    // The start of HTTP/2, and names that are shown otherwise here.
    let others = ["pri", "<root>", "όβλοσ.com"];
    let (mut compared, mut missing) = (0, BTreeSet::new());
    for row in text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row")) {
        let capture = row["pcap"].as_str().expect("a path").to_owned();
        let told = told.entry(capture.clone()).or_insert_with(|| {
            let mut collected = Collected::default();
            investigate(&folder.join(&capture), &mut collected);
            collected
        });
        for (group, name, fields) in SAME {
            for value in texts(&row[group][name]).into_iter().filter(|value| !others.contains(&value.as_str())) {
                compared += 1;
                let separators = ['=', ' ', '?', ':', '@', '\\'];
                // It cuts subjects that are folded.
                let has =
                    |text: &str| text.starts_with(value.trim_end()) || text.split(separators).any(|word| word == value);
                if !fields.iter().flat_map(|field| told.texts(*field)).any(|text| has(&text.to_lowercase())) {
                    missing.insert(format!("{capture}: {group}.{name} {value}"));
                }
            }
        }
        for name in row["dns"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["queryHost"].as_str())
            .filter(|name| !others.contains(name))
        {
            compared += 1;
            if !told.texts(Field::DnsQuery).iter().any(|text| text.eq_ignore_ascii_case(name)) {
                missing.insert(format!("{capture}: dns {name}"));
            }
        }
    }
    eprintln!("{compared} values compared");
    assert!(missing.is_empty(), "{} of {compared} are missing:\n{:#?}", missing.len(), missing);
    assert!(compared > 200, "{compared} values");
}

/// One value, or several, in lowercase.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.to_lowercase()],
        Value::Number(number) => vec![number.to_string()],
        _ => Vec::new(),
    }
}
