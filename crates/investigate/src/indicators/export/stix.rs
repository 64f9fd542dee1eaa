//! A STIX 2.1 bundle: for each indicator what was observed, when and how often, and a pattern that finds it.

use serde_json::{Map, Value, json};

use super::Export;
use super::name::{STIX, WIRETAPE, uuid};
use crate::indicators::{Indicator, Item, Kind};

/// Most that `number_observed` may say (STIX 2.1, 4.14).
const OBSERVED_MAX: u64 = 999_999_999;

/// Where our own observable, for fingerprints and user agents, is described.
const SCHEMA: &str = "https://json-schema.org/draft/2020-12/schema";

/// The bundle. The same items give the same bundle.
pub fn stix(export: &Export<'_>) -> Value {
    let mut objects = Vec::new();
    let (first, last) = times(export);
    let identity = format!("identity--{}", uuid(&WIRETAPE, "identity"));
    objects.push(json!({
        "type": "identity", "spec_version": "2.1", "id": identity, "created": first, "modified": first,
        "name": "Wiretape", "identity_class": "system",
    }));
    let extension = format!("extension-definition--{}", uuid(&WIRETAPE, "fingerprint"));
    if export.items.iter().any(|(indicator, _)| is_own(indicator.kind)) {
        objects.push(json!({
            "type": "extension-definition", "spec_version": "2.1", "id": extension, "created": first, "modified": first,
            "created_by_ref": identity, "name": "x-wiretape-fingerprint", "version": "1.0.0", "schema": SCHEMA,
            "description": "What a client calls itself or is recognised by: one of user_agent, ja3, ja4.",
            "extension_types": ["new-sco"],
        }));
    }
    for (indicator, item) in export.items.iter().filter(|(indicator, _)| has_stix_form(indicator)) {
        let observable = observable(indicator, item, &extension);
        let same = format!("{}:{}", indicator.kind.name(), indicator.value);
        let (first, last) = ((export.rfc3339)(item.first), (export.rfc3339)(item.last));
        let observed = format!("observed-data--{}", uuid(&WIRETAPE, &format!("observed:{same}")));
        let sign = format!("indicator--{}", uuid(&WIRETAPE, &format!("indicator:{same}")));
        let relation = format!("relationship--{}", uuid(&WIRETAPE, &format!("based-on:{same}")));
        let base = |kind: &str, id: &str| {
            json!({
                "type": kind, "spec_version": "2.1", "id": id, "created": first, "modified": last,
                "created_by_ref": identity,
            })
        };
        let mut data = base("observed-data", &observed);
        data["first_observed"] = json!(first);
        data["last_observed"] = json!(last);
        data["number_observed"] = json!(item.count.clamp(1, OBSERVED_MAX));
        data["object_refs"] = json!([observable["id"]]);
        let mut pattern = base("indicator", &sign);
        pattern["name"] = json!(shortened(&indicator.value));
        pattern["description"] = json!(format!("{} that was seen in recorded traffic", indicator.kind.name()));
        pattern["indicator_types"] = json!(["unknown"]);
        pattern["pattern"] = json!(pattern_of(indicator));
        pattern["pattern_type"] = json!("stix");
        pattern["valid_from"] = json!(first);
        let mut based_on = base("relationship", &relation);
        based_on["relationship_type"] = json!("based-on");
        based_on["source_ref"] = json!(sign);
        based_on["target_ref"] = json!(observed);
        objects.extend([observable, data, pattern, based_on]);
    }
    let id = format!("bundle--{}", uuid(&WIRETAPE, &format!("{} {first} {last} {}", export.title, objects.len())));
    json!({"type": "bundle", "id": id, "objects": objects})
}

/// Whether STIX has a form for it: its names are those of hosts (RFC 1034), which have no `_`.
pub fn has_stix_form(indicator: &Indicator) -> bool {
    let name = match indicator.kind {
        Kind::Domain => indicator.value.as_str(),
        Kind::Email => indicator.value.rsplit('@').next().unwrap_or_default(),
        _ => return true,
    };
    !name.contains('_')
}

fn observable(indicator: &Indicator, item: &Item, extension: &str) -> Value {
    let value = &indicator.value;
    match indicator.kind {
        Kind::Address | Kind::Prefix if value.contains(':') => of_value("ipv6-addr", value),
        Kind::Address | Kind::Prefix => of_value("ipv4-addr", value),
        Kind::Domain => of_value("domain-name", value),
        Kind::Url => of_value("url", value),
        Kind::Email => of_value("email-addr", value),
        Kind::Md5 | Kind::Sha1 | Kind::Sha256 => file(indicator, item),
        Kind::CertSha1 | Kind::CertSha256 => {
            let hashes = json!({hash_name(indicator.kind): value});
            named("x509-certificate", &json!({"hashes": hashes}), json!({"hashes": hashes}))
        }
        Kind::UserAgent | Kind::Ja3 | Kind::Ja4 => {
            let content = json!({indicator.kind.name(): value});
            let mut own = named("x-wiretape-fingerprint", &content, content.clone());
            own["extensions"] = json!({extension: {"extension_type": "new-sco"}});
            own
        }
    }
}

fn file(indicator: &Indicator, item: &Item) -> Value {
    let mut hashes = Map::new();
    for hash in std::iter::once(indicator).chain(&item.also) {
        hashes.insert(hash_name(hash.kind).to_owned(), json!(hash.value));
    }
    // One hash names the file: the first of these that is there (STIX 2.1, 2.9).
    let naming = ["MD5", "SHA-1", "SHA-256"].into_iter().find_map(|name| Some(json!({name: hashes.get(name)?})));
    let mut naming = json!({"hashes": naming});
    let mut content = json!({"hashes": hashes});
    if let Some(name) = item.names.first().filter(|name| !name.is_empty()) {
        content["name"] = json!(name);
        naming["name"] = json!(name);
    }
    if let Some(size) = item.size {
        content["size"] = json!(size);
    }
    named("file", &naming, content)
}

fn of_value(kind: &str, value: &str) -> Value {
    named(kind, &json!({"value": value}), json!({"value": value}))
}

/// An observable, named by those of its properties that name it. `serde_json` sorts keys, as RFC 8785 asks.
fn named(kind: &str, naming: &Value, content: Value) -> Value {
    let mut object =
        json!({"type": kind, "spec_version": "2.1", "id": format!("{kind}--{}", uuid(&STIX, &naming.to_string()))});
    if let (Some(object), Value::Object(content)) = (object.as_object_mut(), content) {
        object.extend(content);
    }
    object
}

fn pattern_of(indicator: &Indicator) -> String {
    let path = match indicator.kind {
        Kind::Address | Kind::Prefix if indicator.value.contains(':') => "ipv6-addr:value",
        Kind::Address | Kind::Prefix => "ipv4-addr:value",
        Kind::Domain => "domain-name:value",
        Kind::Url => "url:value",
        Kind::Email => "email-addr:value",
        Kind::Md5 => "file:hashes.MD5",
        Kind::Sha1 => "file:hashes.'SHA-1'",
        Kind::Sha256 => "file:hashes.'SHA-256'",
        Kind::CertSha1 => "x509-certificate:hashes.'SHA-1'",
        Kind::CertSha256 => "x509-certificate:hashes.'SHA-256'",
        Kind::UserAgent => "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'",
        Kind::Ja3 => "x-wiretape-fingerprint:ja3",
        Kind::Ja4 => "x-wiretape-fingerprint:ja4",
    };
    format!("[{path} = '{}']", indicator.value.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn hash_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Md5 => "MD5",
        Kind::Sha1 | Kind::CertSha1 => "SHA-1",
        _ => "SHA-256",
    }
}

fn is_own(kind: Kind) -> bool {
    matches!(kind, Kind::UserAgent | Kind::Ja3 | Kind::Ja4)
}

fn shortened(value: &str) -> String {
    const LETTERS_MAX: usize = 120;
    value.chars().take(LETTERS_MAX).collect()
}

fn times(export: &Export<'_>) -> (String, String) {
    let first = export.items.iter().map(|(_, item)| item.first).min().unwrap_or_default();
    let last = export.items.iter().map(|(_, item)| item.last).max().unwrap_or_default();
    ((export.rfc3339)(first), (export.rfc3339)(last))
}
