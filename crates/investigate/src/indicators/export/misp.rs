//! A MISP event: an attribute for each indicator.

use serde_json::{Value, json};

use super::Export;
use super::name::{WIRETAPE, uuid};
use crate::indicators::{Indicator, Item, Kind};

/// The event. Nothing in it is marked for detection: that is for whoever judges what was seen.
pub fn misp(export: &Export<'_>) -> Value {
    let mut attributes = Vec::new();
    for (indicator, item) in export.items {
        for one in std::iter::once(indicator).chain(&item.also) {
            attributes.push(attribute(one, item, export));
        }
    }
    let last = export.items.iter().map(|(_, item)| item.last).max().unwrap_or_default();
    let written = (export.rfc3339)(last);
    let date = written.get(..10).unwrap_or("1970-01-01");
    json!({"Event": {
        "uuid": uuid(&WIRETAPE, &format!("event:{}", export.title)),
        "info": format!("Wiretape: {}", export.title),
        "date": date,
        "timestamp": seconds(last.0),
        "threat_level_id": "4",
        "analysis": "0",
        "distribution": "0",
        "published": false,
        "Attribute": attributes,
    }})
}

fn attribute(indicator: &Indicator, item: &Item, export: &Export<'_>) -> Value {
    let (kind, category) = match indicator.kind {
        Kind::Address | Kind::Prefix if item.is_client => ("ip-src", "Network activity"),
        Kind::Address | Kind::Prefix => ("ip-dst", "Network activity"),
        Kind::Domain => ("domain", "Network activity"),
        Kind::Url => ("url", "Network activity"),
        Kind::Email => ("email", "Payload delivery"),
        Kind::UserAgent => ("user-agent", "Network activity"),
        Kind::Ja3 => ("ja3-fingerprint-md5", "Network activity"),
        Kind::Ja4 => ("other", "Network activity"),
        Kind::Md5 => ("md5", "Payload delivery"),
        Kind::Sha1 => ("sha1", "Payload delivery"),
        Kind::Sha256 => ("sha256", "Payload delivery"),
        Kind::CertSha1 => ("x509-fingerprint-sha1", "Network activity"),
        Kind::CertSha256 => ("x509-fingerprint-sha256", "Network activity"),
    };
    let mut comment = format!("seen {} times, {} flows", item.count, item.flows.len());
    if indicator.kind == Kind::Ja4 {
        comment.insert_str(0, "JA4, ");
    }
    if let Some(name) = item.names.first() {
        comment.push_str(&format!(", as {name}"));
    }
    json!({
        "uuid": uuid(&WIRETAPE, &format!("attribute:{}:{}", indicator.kind.name(), indicator.value)),
        "type": kind,
        "category": category,
        "value": indicator.value,
        "to_ids": false,
        "comment": comment,
        "timestamp": seconds(item.last.0),
        "first_seen": (export.rfc3339)(item.first),
        "last_seen": (export.rfc3339)(item.last),
        "distribution": "5",
    })
}

fn seconds(nanoseconds: i64) -> String {
    nanoseconds.div_euclid(1_000_000_000).to_string()
}
