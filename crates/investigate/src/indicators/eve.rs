//! Suricata's EVE: what its alerts name.

use packet::Address;
use serde_json::Value;

use super::read::Found;
use super::{Indicator, Kind, is_reserved};

/// Reads lines: the alerts, or everything if there are none.
pub(super) fn read_lines(text: &str, found: &mut Found) {
    let lines = || text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let has_alerts = lines().any(|event| event["event_type"] == "alert");
    lines().filter(|event| !has_alerts || event["event_type"] == "alert").for_each(|event| read(&event, found));
}

/// Reads one event: addresses that are not of this network, names, URLs, hashes, fingerprints.
pub(super) fn read(event: &Value, found: &mut Found) {
    let about = event["alert"]["signature"].as_str();
    let mut take = |kind: Kind, value: &Value| {
        if let Some(indicator) = value.as_str().and_then(|text| Indicator::new(kind, text)) {
            found.add(indicator, about);
        }
    };
    for field in ["src_ip", "dest_ip"] {
        let ip = event[field].as_str().and_then(|text| text.parse::<std::net::IpAddr>().ok());
        if ip.is_some_and(|ip| !is_reserved(Address::from(ip))) {
            take(Kind::Address, &event[field]);
        }
    }
    let http = &event["http"];
    if let (Some(host), Some(url)) = (http["hostname"].as_str(), http["url"].as_str()) {
        let whole = if url.contains("://") { url.to_owned() } else { format!("http://{host}{url}") };
        take(Kind::Url, &Value::String(whole));
    }
    take(Kind::Domain, &http["hostname"]);
    take(Kind::Domain, &event["tls"]["sni"]);
    take(Kind::CertSha1, &event["tls"]["fingerprint"]);
    take(Kind::Ja3, &event["tls"]["ja3"]["hash"]);
    take(Kind::Ja4, &event["tls"]["ja4"]);
    take(Kind::Domain, &event["dns"]["rrname"]);
    for query in ["query", "queries"].iter().flat_map(|name| event["dns"][name].as_array()).flatten() {
        take(Kind::Domain, &query["rrname"]);
    }
    let files = event["files"].as_array().into_iter().flatten().chain([&event["fileinfo"]]);
    for file in files {
        take(Kind::Md5, &file["md5"]);
        take(Kind::Sha1, &file["sha1"]);
        take(Kind::Sha256, &file["sha256"]);
    }
    take(Kind::Email, &event["email"]["from"]);
}
